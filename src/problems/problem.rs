//! A problem.

use std::time::Duration;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::observe::events::display_name;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Timestamp;
use crate::problems::rule_table::Rule;
use crate::units;

/// The row of a problem. Contains the row's names, because they are still needed after the row is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProblemSubject {
    /// ID of the row; [`RowId::PROCESS`] for the process.
    pub(crate) id: RowId,
    /// Kind of the row, name of the proxy and name of the row; `None` for the process.
    pub(crate) names: Option<(RowKind, SafeText, SafeText)>,
}

impl ProblemSubject {
    /// Returns the name of a server or listener, or the proxy's name for other rows; empty for the process.
    pub(crate) fn short_name(&self) -> &str {
        match &self.names {
            None => "",
            Some((RowKind::Server | RowKind::Listener, _, name)) => name.as_str(),
            Some((_, proxy, _)) => proxy.as_str(),
        }
    }
}

/// A problem: a rule whose condition is met by a row.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The rule.
    pub(crate) rule: &'static Rule,
    /// The row.
    pub(crate) subject: ProblemSubject,
    /// Current severity.
    pub(crate) severity: Severity,
    /// Time of the first sample past the threshold.
    pub(crate) since: Timestamp,
    /// Last value past the threshold, in the rule's unit.
    pub(crate) value: f64,
    /// Description for operators, without the row's name.
    pub(crate) text: String,
    /// True if the configuration silences the problem: it is shown, but does not alarm.
    pub(crate) is_silenced: bool,
    /// True if the rule was past its threshold in the first samples already, so that the problem may be older.
    pub(crate) may_be_older: bool,
}

impl Problem {
    /// Returns the time since the start of the problem as far as it is known.
    pub(crate) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since.monotonic)
    }

    /// Formats the age for a few cells: `9s`, or `>9s` if the problem may be older than the first sample.
    pub(crate) fn age_cells(&self, now: Duration) -> String {
        units::age(self.age(now), self.may_be_older)
    }

    /// Formats the age in words: `9 s`, or `at least 9 s`.
    pub(crate) fn age_words(&self, now: Duration) -> String {
        units::age_words(self.age(now), self.may_be_older)
    }

    /// Returns severity, row and description in one line.
    pub fn line(&self) -> String {
        let name = match &self.subject.names {
            None => "process".to_owned(),
            Some((kind, proxy, name)) => display_name(*kind, proxy, name),
        };
        format!("{} {name}: {}", self.severity.label(), self.text)
    }
}
