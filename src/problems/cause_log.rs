//! The log of earlier causes, from which the causes of an earlier sample are restored.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::problems::cause::{Cause, CauseChange, CauseEvent, ProblemKey};
use crate::problems::cause_table::CauseKind;

/// Maximum number of states of all causes that left the list; the oldest causes are dropped.
const MAX_CLOSED_STATES: usize = 20_000;
/// Maximum number of states of one cause. Beyond that, the second oldest state is dropped and the first one is kept.
const MAX_CAUSE_STATES: usize = 500;
/// Maximum number of problems of a cause that are recorded.
const MAX_PROBLEMS: usize = 50;

/// Estimated memory of a description, in bytes.
pub(super) const TEXT_BYTES: usize = 80;

/// A span of time in which a cause was open with the same severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CauseSpan<'a> {
    /// Name of the proxy of the cause; `None` for the process.
    pub(crate) proxy: Option<&'a str>,
    /// Severity.
    pub(crate) severity: Severity,
    /// Time of the first sample.
    pub(crate) from: Duration,
    /// Time of the sample in which it ended; `None` while it is open.
    pub(crate) until: Option<Duration>,
}

/// One cause from its appearance until it leaves the list.
#[derive(Debug, Clone)]
pub(crate) struct CauseEpisode {
    /// States, with the times from which they apply.
    pub(crate) states: Vec<(Duration, Cause)>,
    /// Time at which it left the list; `None` while it is listed.
    pub(crate) removed_at: Option<Duration>,
}

impl CauseEpisode {
    fn cause_at(&self, time: Duration) -> Option<&Cause> {
        let is_removed = self.removed_at.is_some_and(|removed_at| removed_at <= time);
        self.states.iter().rev().find(|(from, _)| *from <= time).map(|(_, cause)| cause).filter(|_| !is_removed)
    }

    fn spans(&self) -> impl Iterator<Item = CauseSpan<'_>> {
        let ends = self.states.iter().skip(1).map(|(from, _)| Some(*from)).chain([self.removed_at]);
        let open = self.states.iter().zip(ends).filter(|((_, cause), _)| cause.is_open());
        open.map(|((from, cause), until)| CauseSpan {
            proxy: cause.subject.names.as_ref().map(|(_, proxy, _)| proxy.as_str()),
            severity: cause.severity,
            from: *from,
            until,
        })
    }
}

/// The listed causes and the most recent earlier ones, with their states.
#[derive(Debug, Default)]
pub(crate) struct CauseLog {
    listed: BTreeMap<(RowId, CauseKind), CauseEpisode>,
    closed: VecDeque<CauseEpisode>,
    /// Number of states of `closed`.
    closed_states: usize,
}

impl CauseLog {
    /// Records the changes of one sample.
    pub(crate) fn record(&mut self, events: &[CauseEvent]) {
        for CauseEvent { at, change, cause } in events {
            let (at, key) = (at.monotonic, cause.key());
            if matches!(change, CauseChange::Removed | CauseChange::Opened)
                && let Some(episode) = self.listed.remove(&key)
            {
                self.close(CauseEpisode { removed_at: Some(at), ..episode });
            }
            if *change == CauseChange::Removed {
                continue;
            }
            let mut state = cause.clone();
            state.problems.truncate(MAX_PROBLEMS);
            state.shown_by = state.shown_by.min(MAX_PROBLEMS);
            let episode = self.listed.entry(key).or_insert(CauseEpisode { states: Vec::new(), removed_at: None });
            if episode.states.len() >= MAX_CAUSE_STATES {
                episode.states.remove(1);
            }
            episode.states.push((at, state));
        }
    }

    /// Adds a cause of the past with its states, and the time at which it left the list, or `None` if it is listed.
    pub(crate) fn add_past(&mut self, states: Vec<(Duration, Cause)>, removed_at: Option<Duration>) {
        let Some(key) = states.first().map(|(_, cause)| cause.key()) else { return };
        let episode = CauseEpisode { states, removed_at };
        if removed_at.is_some() {
            self.close(episode);
        } else {
            self.listed.insert(key, episode);
        }
    }

    /// Lists the causes again that were open until this time.
    pub(crate) fn continue_until(&mut self, end: Duration) {
        let is_cut = |episode: &CauseEpisode| {
            episode.removed_at == Some(end) && episode.states.last().is_some_and(|(_, cause)| cause.is_open())
        };
        let (cut, closed) = std::mem::take(&mut self.closed).into_iter().partition(is_cut);
        self.closed = closed;
        let cut: VecDeque<CauseEpisode> = cut;
        for CauseEpisode { states, .. } in cut {
            self.closed_states -= states.len();
            self.add_past(states, None);
        }
    }

    /// Ends all listed causes, at this time.
    pub(crate) fn end_listed(&mut self, now: Duration) {
        for episode in std::mem::take(&mut self.listed).into_values() {
            self.close(CauseEpisode { removed_at: Some(now), ..episode });
        }
    }

    fn close(&mut self, episode: CauseEpisode) {
        self.closed_states += episode.states.len();
        self.closed.push_back(episode);
        while self.closed_states > MAX_CLOSED_STATES {
            let Some(oldest) = self.closed.pop_front() else { break };
            self.closed_states -= oldest.states.len();
        }
    }

    /// Returns the estimated memory of the log, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let states = self.closed_states + self.listed.values().map(|episode| episode.states.len()).sum::<usize>();
        states * (size_of::<(Duration, Cause)>() + TEXT_BYTES + 4 * size_of::<ProblemKey>())
    }

    /// Returns the causes that were listed at this time or later.
    pub(crate) fn episodes_since(&self, time: Duration) -> impl Iterator<Item = &CauseEpisode> {
        let is_later = move |episode: &&CauseEpisode| episode.removed_at.is_none_or(|removed_at| removed_at > time);
        self.closed.iter().chain(self.listed.values()).filter(is_later)
    }

    /// Returns the spans of time in which causes were open. A cause whose severity or sentence changed has several.
    pub(crate) fn spans(&self) -> impl Iterator<Item = CauseSpan<'_>> {
        self.closed.iter().chain(self.listed.values()).flat_map(CauseEpisode::spans)
    }

    /// Returns the causes that were listed at `time`, as they were then.
    pub(crate) fn causes_at(&self, time: Duration) -> impl Iterator<Item = Cause> {
        self.closed.iter().chain(self.listed.values()).filter_map(move |episode| episode.cause_at(time)).cloned()
    }
}
