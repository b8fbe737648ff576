//! The log of open and closed problems, from which the problems of a past moment are restored.
//!
//! When a problem opened, how severe it was and when it closed depends on hold times, so one sample of the history is
//! not enough to compute it; it is logged when it happens. The numbers of a moment are not logged, because the history
//! has them; [`crate::problems::tracker::ProblemTracker::restore`] combines both.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::problems::problem::{Problem, ProblemChanges};
use crate::problems::rule_table::RuleId;

/// Maximum number of closed problems; older ones are dropped.
const MAX_CLOSED: usize = 10_000;
/// Maximum number of states of one problem; the oldest one after the first is dropped.
const MAX_STATES: usize = 500;

/// Severity, value and description of a problem from a time on.
#[derive(Debug)]
struct EpisodeState {
    from: Duration,
    severity: Severity,
    value: f64,
    text: String,
}

impl EpisodeState {
    fn new(from: Duration, problem: &Problem) -> Self {
        Self { from, severity: problem.severity, value: problem.value, text: problem.text.clone() }
    }
}

/// One problem from opening to closing.
#[derive(Debug)]
struct Episode {
    problem: Problem,
    states: Vec<EpisodeState>,
    closed_at: Option<Duration>,
}

impl Episode {
    fn problem_at(&self, time: Duration) -> Option<Problem> {
        let EpisodeState { severity, value, text, .. } = self.states.iter().rev().find(|state| state.from <= time)?;
        let is_closed = self.closed_at.is_some_and(|closed_at| closed_at <= time);
        let (severity, value, text) = (*severity, *value, text.clone());
        (!is_closed).then(|| Problem { severity, value, text, ..self.problem.clone() })
    }
}

/// Open problems, and the last closed ones, with all their states.
#[derive(Debug, Default)]
pub struct ProblemLog {
    open: BTreeMap<(RowId, RuleId), Episode>,
    closed: VecDeque<Episode>,
}

impl ProblemLog {
    /// Records the changes of the sample at `now`.
    pub fn record(&mut self, changes: &ProblemChanges, now: Duration) {
        let key = |problem: &Problem| (problem.subject.id, problem.rule.id);
        for problem in &changes.opened {
            let episode =
                Episode { problem: problem.clone(), states: vec![EpisodeState::new(now, problem)], closed_at: None };
            self.open.insert(key(problem), episode);
        }
        for problem in changes.recovering.iter().chain(&changes.worsened).chain(&changes.eased) {
            if let Some(Episode { states, .. }) = self.open.get_mut(&key(problem)) {
                if states.len() == MAX_STATES {
                    states.remove(1);
                }
                states.push(EpisodeState::new(now, problem));
            }
        }
        for problem in &changes.closed {
            if let Some(episode) = self.open.remove(&key(problem)) {
                if self.closed.len() == MAX_CLOSED {
                    self.closed.pop_front();
                }
                self.closed.push_back(Episode { closed_at: Some(now), ..episode });
            }
        }
    }

    /// Returns the problems that were open at a time, with their severity of that time.
    pub fn problems_at(&self, time: Duration) -> impl Iterator<Item = Problem> {
        self.closed.iter().chain(self.open.values()).filter_map(move |episode| episode.problem_at(time))
    }
}
