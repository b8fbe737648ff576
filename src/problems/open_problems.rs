//! The open problems of one backend with its servers, or of another row, from which causes are found.

use std::time::Duration;

use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Timestamp;
use crate::problems::problem::Problem;
use crate::problems::rule_table::RuleId;

/// Maximum time from the start of errors of a frontend until they are a cause, although those of a backend may explain them.
const MAX_ERRORS_HELD_BACK: Duration = Duration::from_secs(12);
/// The same for full servers, which a slow application may explain.
const MAX_QUEUE_HELD_BACK: Duration = Duration::from_secs(4);
/// The same for a slow server, if all servers may be slow.
const MAX_SLOWNESS_HELD_BACK: Duration = Duration::from_secs(12);
/// Rules that show full servers.
const FULL_RULES: [RuleId; 5] =
    [RuleId::Queue, RuleId::QueueGrowing, RuleId::QueueWait, RuleId::QueueLimit, RuleId::ServerSessions];

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
    /// Returns the rows and rules that are past their thresholds in this sample, for the hold time or not.
    pub(crate) fn bad(&self) -> Vec<(RowId, RuleId)> {
        let open = self.problems.iter().zip(&self.is_bad).filter(|(_, is_bad)| **is_bad);
        self.pending.iter().copied().chain(open.map(|(problem, _)| (problem.subject.id, problem.rule.id))).collect()
    }

    /// Iterates over the problems of a rule whose servers are past its threshold in this sample, or all if none is. While others
    /// recover, a server that is bad is compared with what they are now.
    pub(crate) fn current(&self, rule: RuleId) -> impl Iterator<Item = &Problem> {
        let all = move || self.problems.iter().zip(&self.is_bad).filter(move |(problem, _)| problem.rule.id == rule);
        let is_any_bad = all().any(|(_, is_bad)| *is_bad);
        all().filter(move |(_, is_bad)| **is_bad || !is_any_bad).map(|(problem, _)| *problem)
    }

    /// Leaves out the errors of a frontend that began not long ago, because they may follow from those of a backend that are
    /// about to be named.
    pub(crate) fn hold_back_errors(&mut self, now: Timestamp) {
        self.hold_back(&[RuleId::Frontend5xx], now, MAX_ERRORS_HELD_BACK);
    }

    /// Leaves out a queue, full servers and a slow server that began not long ago, because they may follow from a slow
    /// application that is about to be named: its first slow requests end at one of the servers.
    pub(crate) fn hold_back_queue(&mut self, now: Timestamp) {
        self.hold_back(&FULL_RULES, now, MAX_QUEUE_HELD_BACK);
        self.hold_back(&[RuleId::SlowServer], now, MAX_SLOWNESS_HELD_BACK);
        self.pending.retain(|(_, rule)| *rule != RuleId::SlowServer);
    }

    fn hold_back(&mut self, rules: &[RuleId], now: Timestamp, max: Duration) {
        let is_kept =
            |problem: &Problem| !rules.contains(&problem.rule.id) || now.elapsed_since(problem.since.monotonic) >= max;
        let mut kept = self.problems.iter().map(|problem| is_kept(problem));
        self.is_bad.retain(|_| kept.next().unwrap_or(true));
        self.problems.retain(|problem| is_kept(problem));
    }
}
