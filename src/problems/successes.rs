//! Requests that ended well: the evidence that a cause recovers.

use crate::haproxy::fields::Field;
use crate::haproxy::stat_table::RowKind;
use crate::observe::row_ids::RowId;
use crate::problems::cause_input::CauseInput;
use crate::problems::problem::Problem;
use crate::problems::rule::Basis;
use crate::problems::rule_input::RuleInput;
use crate::problems::rule_table::{Rule, RuleId};

/// Minimum decrease of a response time that shows that a slow row recovers, as a share of it.
const FASTER: f64 = 0.2;

/// The numbers of requests that ended well in one process, for the rows that show a cause.
#[derive(Debug, Clone, Default)]
pub(crate) struct SuccessCounts {
    epoch: u32,
    counts: Vec<(RowId, i64)>,
    /// The times of the last requests of the rows for which a rule about times shows the cause, in milliseconds; `None` if they
    /// are not known.
    times: Vec<(RowId, Option<f64>)>,
}

impl SuccessCounts {
    /// Counts the requests of the rows of these problems since the start of the process. The process itself has no count, and
    /// neither has a problem that a sample alone shows, or health checks.
    pub(crate) fn of_problems(input: &CauseInput<'_>, problems: &[&Problem]) -> Self {
        let is_about_requests =
            |problem: &&&Problem| problem.rule.basis == Basis::Recent && problem.rule.id != RuleId::Flapping;
        let rows = problems.iter().filter(is_about_requests);
        let rows = rows.map(|problem| (problem.rule, input.for_id(problem.subject.id).row));
        let time = |(rule, row): (&Rule, RuleInput<'_>)| {
            let time = |field| Some((row.id, row.interval_time(field).map(|time| time.at_least())));
            match rule.id {
                RuleId::ResponseTime | RuleId::SlowServer => time(Field::Rtime),
                RuleId::ConnectTime => time(Field::Ctime),
                RuleId::QueueWait => time(Field::Qtime),
                _ => None,
            }
        };
        let times = rows.clone().filter_map(time).collect();
        let mut counts: Vec<(RowId, i64)> = rows.filter_map(|(_, row)| Some((row.id, success_count(&row)?))).collect();
        counts.dedup();
        Self { epoch: input.row.sample.epoch.number, counts, times }
    }

    /// Adds the counts of another cause of the same sample.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.counts.extend(other.counts);
        self.times.extend(other.times);
        self
    }

    /// Returns whether a request of each row ended well since an earlier sample. A new process starts with 0. Rows whose problems
    /// have ended are all right; a cause of the process has none.
    pub(crate) fn have_grown_since(&self, before: &Self) -> bool {
        let has_grown = |(row, count): &(RowId, i64)| {
            let Some((_, earlier)) = before.counts.iter().find(|(known, _)| known == row) else { return true };
            let is_reset = self.epoch != before.epoch || count < earlier;
            if is_reset { *count > 0 } else { count > earlier }
        };
        self.counts.iter().all(has_grown)
    }

    /// Returns whether requests ended well, and those of slow rows are faster than in an earlier sample: a server that is as
    /// fast as its peers may have slow peers.
    pub(crate) fn prove_recovery_since(&self, before: &Self) -> bool {
        let is_faster = |(row, time): &(RowId, Option<f64>)| {
            let earlier = before.times.iter().find(|(known, _)| known == row).and_then(|(_, earlier)| *earlier);
            time.is_some_and(|time| earlier.is_none_or(|earlier| time <= earlier * (1.0 - FASTER)))
        };
        self.have_grown_since(before) && self.times.iter().all(is_faster)
    }
}

/// Returns the number of responses that are not errors, or of the sessions of a TCP row that did not fail.
fn success_count(row: &RuleInput<'_>) -> Option<i64> {
    let (index, kind) = (row.index?, row.row()?.kind);
    let number = |field| row.sample.table.number(index, field);
    let responses = Field::RESPONSES.into_iter().filter(|class| *class != Field::Hrsp5xx).filter_map(number);
    match responses.reduce(i64::saturating_add).filter(|_| !row.is_tcp()) {
        Some(responses) if kind != RowKind::Listener => Some(responses),
        _ => {
            let failed = [Field::Econ, Field::Eresp, Field::Wretr, Field::Wredis].into_iter().filter_map(number);
            number(Field::Stot).map(|sessions| failed.fold(sessions, i64::saturating_sub))
        }
    }
}
