//! The open problems of one backend with its servers, or of another row, from which causes are found.

use std::time::Duration;

use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Timestamp;
use crate::problems::problem::Problem;
use crate::problems::rule_table::RuleId;

/// Maximum time from the start of a problem until it is a cause, although it may follow from another one.
const MAX_HELD_BACK: Duration = Duration::from_secs(12);

/// The open problems of one backend with its servers, or of another row.
#[derive(Debug)]
pub(crate) struct OpenProblems<'a> {
    /// The problems, grouped by row.
    pub(crate) problems: Vec<&'a Problem>,
    /// For each problem, true if its rule is past its threshold in this sample.
    pub(crate) is_bad: Vec<bool>,
    /// Rows and rules that are past their thresholds, but not for the hold time yet.
    pub(crate) pending: Vec<(RowId, RuleId)>,
}

impl OpenProblems<'_> {
    /// Leaves out the problems of a rule that began not long ago, because they may follow from something that is about to
    /// be named.
    pub(crate) fn hold_back(&mut self, rule: RuleId, now: Timestamp) {
        let is_kept =
            |problem: &Problem| problem.rule.id != rule || now.elapsed_since(problem.since.monotonic) >= MAX_HELD_BACK;
        let mut kept = self.problems.iter().map(|problem| is_kept(problem));
        self.is_bad.retain(|_| kept.next().unwrap_or(true));
        self.problems.retain(|problem| is_kept(problem));
    }
}
