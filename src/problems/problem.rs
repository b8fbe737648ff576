//! One problem: a rule that holds for a row.

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::observe::events::display_name;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Stamp;
use crate::problems::rule::Rule;

/// The row a problem is about, named so that it can be told after the row is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Who it is; [`RowId::PROCESS`] for the process.
    pub id: RowId,
    /// What it is, its proxy and its name; absent for the process.
    pub names: Option<(RowKind, SafeText, SafeText)>,
}

impl Subject {
    /// The server's own name, the proxy's name for the rest; empty for the process.
    pub fn short(&self) -> &str {
        match &self.names {
            None => "",
            Some((RowKind::Server | RowKind::Listener, _, name)) => name.as_str(),
            Some((_, proxy, _)) => proxy.as_str(),
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Which rule.
    pub rule: &'static Rule,
    /// What it is about.
    pub subject: Subject,
    /// How bad it is.
    pub severity: Severity,
    /// The first sample that showed it.
    pub since: Stamp,
    /// The value measured last that was bad, on the rule's scale.
    pub value: f64,
    /// In words, without the row's name.
    pub text: String,
}

impl Problem {
    /// How bad, about what, and what, in one line.
    pub fn line(&self) -> String {
        let name = match &self.subject.names {
            None => "process".to_owned(),
            Some((kind, proxy, name)) => display_name(*kind, proxy, name),
        };
        format!("{} {name}: {}", self.severity.word(), self.text)
    }
}

/// What one sample changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// Problems that began to count.
    pub opened: Vec<Problem>,
    /// Warnings that became critical.
    pub worsened: Vec<Problem>,
    /// Critical ones that are a warning now.
    pub eased: Vec<Problem>,
    /// Problems that still count but are not bad in this sample: they keep the words of the one before.
    pub calmed: Vec<Problem>,
    /// Problems that are over, or whose row is gone.
    pub closed: Vec<Problem>,
}

impl Changes {
    /// Whether everything that counts is as it was.
    pub fn is_empty(&self) -> bool {
        [&self.opened, &self.worsened, &self.eased, &self.closed].into_iter().all(Vec::is_empty)
    }
}
