//! A problem, and the changes that a sample makes to the open problems.

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::observe::events::display_name;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Timestamp;
use crate::problems::rule_table::Rule;

/// The row of a problem, with its names, which are still needed after the row is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemSubject {
    /// ID of the row; [`RowId::PROCESS`] for the process.
    pub id: RowId,
    /// Kind, proxy name and own name; absent for the process.
    pub names: Option<(RowKind, SafeText, SafeText)>,
}

impl ProblemSubject {
    /// Returns the name of a server or listener, or the proxy's name of other rows; empty for the process.
    pub fn short_name(&self) -> &str {
        match &self.names {
            None => "",
            Some((RowKind::Server | RowKind::Listener, _, name)) => name.as_str(),
            Some((_, proxy, _)) => proxy.as_str(),
        }
    }
}

/// A rule that holds for a row.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The rule.
    pub rule: &'static Rule,
    /// The row.
    pub subject: ProblemSubject,
    /// Current severity.
    pub severity: Severity,
    /// Time of the first sample past the threshold.
    pub since: Timestamp,
    /// Last value past the threshold, in the rule's unit.
    pub value: f64,
    /// Description for operators, without the row's name.
    pub text: String,
}

impl Problem {
    /// Returns severity, row and description in one line.
    pub fn line(&self) -> String {
        let name = match &self.subject.names {
            None => "process".to_owned(),
            Some((kind, proxy, name)) => display_name(*kind, proxy, name),
        };
        format!("{} {name}: {}", self.severity.label(), self.text)
    }
}

/// The changes that one sample made to the open problems.
#[derive(Debug, Default)]
pub struct ProblemChanges {
    /// Problems that opened.
    pub opened: Vec<Problem>,
    /// Warnings that became critical.
    pub worsened: Vec<Problem>,
    /// Critical problems that became warnings.
    pub eased: Vec<Problem>,
    /// Open problems within their thresholds since this sample. They keep their last description.
    pub recovering: Vec<Problem>,
    /// Problems that closed, or whose row was removed.
    pub closed: Vec<Problem>,
}

impl ProblemChanges {
    /// Returns whether no problem opened, closed or changed its severity.
    pub fn is_empty(&self) -> bool {
        [&self.opened, &self.worsened, &self.eased, &self.closed].into_iter().all(Vec::is_empty)
    }
}
