//! The impact of an action as its question shows it, and the comparison with the impact at a later time.

use crate::actions::action_table::Danger;
use crate::haproxy::safe_text::SafeText;

/// Danger of an action and the backends that it leaves without a usable server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownImpact {
    /// Danger level.
    pub(crate) danger: Danger,
    /// Backends without a usable server after the action.
    pub(crate) emptied_backends: Vec<SafeText>,
}

impl ShownImpact {
    /// Lists in which ways `now` is worse than this impact, as clauses.
    pub(crate) fn changes_for_the_worse(&self, now: &Self) -> Vec<String> {
        let newly = now.emptied_backends.iter().filter(|backend| !self.emptied_backends.contains(backend));
        let mut changes: Vec<String> =
            newly.map(|backend| format!("{backend} would now have no usable server")).collect();
        if changes.is_empty() && now.danger > self.danger {
            changes.push("it would now leave less capacity than the question showed".to_owned());
        }
        changes
    }
}
