//! Silences from the configuration: rules whose problems do not alarm for certain rows.

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::problems::row_pattern::RowPattern;
use crate::problems::rule_table::RuleId;

/// Name that stands for all rules.
const EVERY_RULE: &str = "*";

/// The patterns of the rows for which a rule, given by name, does not alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Silence {
    name: String,
    patterns: Vec<RowPattern>,
}

/// All silences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Silences {
    entries: Vec<Silence>,
}

impl Silences {
    /// Returns the names that can be silenced.
    pub(crate) fn known_names() -> impl Iterator<Item = &'static str> {
        std::iter::once(EVERY_RULE).chain(RuleId::ALL.iter().map(|rule| rule.as_str()))
    }

    /// Adds a silence. The name must be one of [`Self::known_names`].
    pub(crate) fn add(&mut self, name: &str, patterns: Vec<RowPattern>) {
        self.entries.push(Silence { name: name.to_owned(), patterns });
    }

    /// Returns whether a rule, given by name, is silenced for a row. The process, which has no names, is never silenced.
    pub(crate) fn is_silenced(&self, name: &str, row: Option<&(RowKind, SafeText, SafeText)>) -> bool {
        let Some((kind, proxy, row_name)) = row else { return false };
        self.entries.iter().filter(|entry| entry.name == name || entry.name == EVERY_RULE).any(|entry| {
            let mut patterns = entry.patterns.iter();
            patterns.any(|pattern| pattern.matches(*kind, proxy, row_name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w11_is_silenced_for_matching_rule_and_row() {
        let mut silences = Silences::default();
        let pattern = |text: &str| vec![text.parse().unwrap()];
        silences.add("backend-down", pattern("legacy"));
        silences.add("*", pattern("test*"));
        let is_silenced = |rule: RuleId, kind, proxy: &str, name: &str| {
            silences.is_silenced(rule.as_str(), Some(&(kind, proxy.into(), name.into())))
        };
        assert!(is_silenced(RuleId::BackendDown, RowKind::Backend, "legacy", "BACKEND"));
        assert!(!is_silenced(RuleId::Queue, RowKind::Backend, "legacy", "BACKEND"));
        assert!(!is_silenced(RuleId::BackendDown, RowKind::Backend, "shop", "BACKEND"));
        assert!(is_silenced(RuleId::ServerDown, RowKind::Server, "test-7", "s1"));
        assert!(!silences.is_silenced(RuleId::Idle.as_str(), None));
    }
}
