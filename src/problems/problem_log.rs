//! The log of open and closed problems and of causes, from which those of an earlier sample are restored.
//!
//! The times at which a problem opens, changes its severity and closes depend on hold times. They cannot be computed
//! from a single sample of the history and are therefore logged. The numbers of a sample are in the history and are not
//! logged; [`crate::problems::tracker::ProblemTracker::restore`] combines both.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::{Cause, CauseChange, CauseEvent};
use crate::problems::cause_log::{CauseEpisode, CauseLog, CauseSpan, TEXT_BYTES};
use crate::problems::problem::Problem;
use crate::problems::problem_changes::ProblemChanges;
use crate::problems::rule_table::RuleId;

/// Maximum number of closed problems; the oldest ones are dropped.
const MAX_CLOSED: usize = 10_000;
/// Maximum number of states of one problem. Beyond that, the second oldest state is dropped and the first one is kept.
const MAX_STATES: usize = 500;

/// Number of states of all open problems, and of all closed ones, that is kept at least approximately: with many
/// problems, each keeps fewer states.
const MAX_ALL_STATES: usize = 20_000;
/// Minimum of [`MAX_STATES`] with many problems.
const MIN_STATES: usize = 2;

/// Severity, value and description of a problem, and the time from which they apply.
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

/// The open problems and the most recently closed ones, with their states.
#[derive(Debug, Default)]
pub(crate) struct ProblemLog {
    open: BTreeMap<(RowId, RuleId), Episode>,
    closed: VecDeque<Episode>,
    /// Number of states of the closed problems.
    closed_states: usize,
    causes: CauseLog,
}

impl ProblemLog {
    /// Records the changes that the sample at `now` made.
    pub(crate) fn record(&mut self, changes: &ProblemChanges, now: Duration) {
        self.causes.record(&changes.causes);
        let key = |problem: &Problem| (problem.subject.id, problem.rule.id);
        for problem in &changes.opened {
            let episode =
                Episode { problem: problem.clone(), states: vec![EpisodeState::new(now, problem)], closed_at: None };
            self.open.insert(key(problem), episode);
        }
        let max_states = (MAX_ALL_STATES / self.open.len().max(1)).clamp(MIN_STATES, MAX_STATES);
        for problem in changes.recovering.iter().chain(&changes.worsened).chain(&changes.eased) {
            if let Some(Episode { states, .. }) = self.open.get_mut(&key(problem)) {
                if states.len() >= max_states {
                    states.drain(1..=states.len() - max_states);
                }
                states.push(EpisodeState::new(now, problem));
            }
        }
        for problem in &changes.closed {
            if let Some(episode) = self.open.remove(&key(problem)) {
                self.close(episode, now);
            }
        }
    }

    fn close(&mut self, episode: Episode, now: Duration) {
        self.closed_states += episode.states.len();
        self.closed.push_back(Episode { closed_at: Some(now), ..episode });
        while self.closed.len() > MAX_CLOSED || self.closed_states > MAX_ALL_STATES {
            let Some(oldest) = self.closed.pop_front() else { break };
            self.closed_states -= oldest.states.len();
        }
    }

    /// Ends everything that is open, at this time.
    pub(crate) fn end_open(&mut self, now: Duration) {
        for episode in std::mem::take(&mut self.open).into_values() {
            self.close(episode, now);
        }
        self.causes.end_listed(now);
    }

    /// Adds a cause of the past with its states, and the time at which it left the list, or `None` if it is listed.
    pub(crate) fn add_past_cause(&mut self, states: Vec<(Duration, Cause)>, removed_at: Option<Duration>) {
        self.causes.add_past(states, removed_at);
    }

    /// Lists the causes again that were open until this time, and of which nothing later is known.
    pub(crate) fn continue_causes_until(&mut self, end: Duration) {
        self.causes.continue_until(end);
    }

    /// Records what is known at this time about causes that are listed.
    pub(crate) fn update_causes(&mut self, causes: Vec<Cause>, at: Timestamp) {
        let update = |cause| CauseEvent { at, change: CauseChange::Updated, cause };
        self.causes.record(&causes.into_iter().map(update).collect::<Vec<_>>());
    }

    /// Returns the estimated memory of the log, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let states = self.closed_states + self.open.values().map(|episode| episode.states.len()).sum::<usize>();
        let episodes = self.open.len() + self.closed.len();
        episodes * size_of::<Episode>() + states * (size_of::<EpisodeState>() + TEXT_BYTES) + self.causes.memory()
    }

    /// Returns the spans of time in which causes were open.
    pub(crate) fn cause_spans(&self) -> impl Iterator<Item = CauseSpan<'_>> {
        self.causes.spans()
    }

    /// Returns the causes that were listed at this time or later, with their states.
    pub(crate) fn cause_episodes_since(&self, time: Duration) -> impl Iterator<Item = &CauseEpisode> {
        self.causes.episodes_since(time)
    }

    /// Returns the causes that were listed at `time`, with the sentence, severity and trend from that time.
    pub(crate) fn causes_at(&self, time: Duration) -> impl Iterator<Item = Cause> {
        self.causes.causes_at(time)
    }

    /// Returns the problems that were open at `time`, with the severity, value and description from that time.
    pub(crate) fn problems_at(&self, time: Duration) -> impl Iterator<Item = Problem> {
        self.closed.iter().chain(self.open.values()).filter_map(move |episode| episode.problem_at(time))
    }
}
