//! Recorded causes: from the events of a recording to causes with their states.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::haproxy::stat_table::RowKind;
use crate::observe::row_ids::{KnownRows, RowId};
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::{Cause, CauseTrend};
use crate::problems::cause_table::CauseKind;
use crate::problems::cause_tracker::RESOLVED_TIME;
use crate::problems::problem::ProblemSubject;
use crate::recording::recorded_events::{CauseState, CauseStep, EventContents, RecordedCause, RecordedEvent};

/// Maximum time between two runs of the recorder, and after the start of the second one, in which a cause that both report
/// is the same.
const RESTART_TIME: Duration = Duration::from_mins(1);
/// Number of states of all causes from which those with the same severity are thinned out.
const MANY_STATES: usize = 5_000;

/// A run of the recorder.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunSpan {
    /// Time of the first sample.
    pub(super) start: Duration,
    /// Time of the last sample.
    pub(super) end: Duration,
}

/// A cause from its appearance to its end.
#[derive(Debug)]
pub(super) struct RecordedEpisode {
    pub(super) states: Vec<(Duration, Cause)>,
    pub(super) removed_at: Option<Duration>,
}

/// A cause without a recorded end.
#[derive(Debug)]
pub(super) struct OpenEpisode {
    states: Vec<(Duration, Cause)>,
    /// After a restart of the recorder: the start that it reports now, and the one that it reported before.
    restarted: Option<(Duration, Timestamp)>,
}

impl OpenEpisode {
    /// Returns the last state.
    pub(super) fn last(&self) -> Option<&Cause> {
        self.states.last().map(|(_, cause)| cause)
    }

    /// Makes it an episode that ends at a time, or is still open.
    pub(super) fn end_at(self, removed_at: Option<Duration>) -> RecordedEpisode {
        RecordedEpisode { states: self.states, removed_at }
    }
}

/// Recorded causes, while their events are read.
#[derive(Debug)]
pub(super) struct RecordedCauses<'a> {
    runs: &'a [RunSpan],
    /// Causes without a recorded end.
    pub(super) open: BTreeMap<(RowId, CauseKind), OpenEpisode>,
    /// The others.
    pub(super) ended: Vec<RecordedEpisode>,
}

impl<'a> RecordedCauses<'a> {
    /// Reads the causes of all runs. Those that only earlier runs reported end with them.
    pub(super) fn read(events: &[RecordedEvent], rows: &KnownRows, runs: &'a [RunSpan]) -> Self {
        let mut causes = Self { runs, open: BTreeMap::new(), ended: Vec::new() };
        for event in events {
            let EventContents::Cause(recorded) = &event.contents else { continue };
            if let Some(cause) = past_cause(recorded, event.at, rows) {
                causes.add(recorded, cause, event.at);
            }
        }
        causes.end_before_last_run();
        causes.thin_out();
        causes
    }

    fn add(&mut self, recorded: &RecordedCause, mut cause: Cause, at: Timestamp) {
        let (key, time, step) = (cause.key(), at.monotonic, recorded.step);
        let mut earlier = self.open.remove(&key);
        if step == CauseStep::Opened
            && let Some(open) = earlier.take_if(|open| !self.is_continued(open, time))
        {
            self.end_with_run(open);
        }
        let Some(mut open) = earlier else {
            if step == CauseStep::Opened {
                self.open.insert(key, OpenEpisode { states: vec![(time, cause)], restarted: None });
            }
            return;
        };
        if step == CauseStep::Opened {
            open.restarted = open.last().map(|last| (cause.since.monotonic, last.since));
        }
        let first = open.states.first().map_or(cause.since, |(_, first)| first.since);
        cause.since = match open.restarted {
            Some((reported, start)) if cause.since.monotonic == reported => start,
            _ if recorded.state.is_none() => first,
            _ => cause.since,
        };
        if step == CauseStep::Resolved {
            cause.resolved_at = Some(at);
            open.states.push((time, cause));
            self.ended.push(open.end_at(Some(time + RESOLVED_TIME)));
        } else {
            open.states.push((time, cause));
            self.open.insert(key, open);
        }
    }

    /// Returns whether a cause that a run reports as new at `time` is one that the run before reported: the recorder was
    /// restarted, and reports again what it finds.
    fn is_continued(&self, open: &OpenEpisode, time: Duration) -> bool {
        let (before, now) = (self.run_of(open), run_at(self.runs, time));
        let is_soon = |before: RunSpan, now: RunSpan| {
            now.start > before.end
                && now.start.saturating_sub(before.end) <= RESTART_TIME
                && time.saturating_sub(now.start) <= RESTART_TIME
        };
        before.zip(now).is_some_and(|(before, now)| is_soon(before, now))
    }

    fn end_with_run(&mut self, open: OpenEpisode) {
        let end = self.run_of(&open).map(|run| run.end);
        self.ended.push(open.end_at(Some(end.unwrap_or_default())));
    }

    /// Ends the causes that only earlier runs reported. Of the run directly before the last one, they may be open: the last
    /// one may have been started too short a time ago to report them.
    fn end_before_last_run(&mut self) {
        let Some(last) = self.runs.last().copied() else { return };
        let is_recent = last.end.saturating_sub(last.start) <= RESTART_TIME;
        let may_be_open = |open: &OpenEpisode| {
            self.run_of(open).is_some_and(|run| {
                run.start == last.start || is_recent && last.start.saturating_sub(run.end) <= RESTART_TIME
            })
        };
        let stale: Vec<(RowId, CauseKind)> =
            self.open.iter().filter(|(_, open)| !may_be_open(open)).map(|(key, _)| *key).collect();
        for key in stale {
            self.open.remove(&key).into_iter().for_each(|open| self.end_with_run(open));
        }
    }

    /// Returns the run that reported the last state of a cause.
    pub(super) fn run_of(&self, open: &OpenEpisode) -> Option<RunSpan> {
        open.states.last().and_then(|(time, _)| run_at(self.runs, *time))
    }

    /// Drops every second state with the severity of the state before, until few enough are left: with very many causes, their
    /// sentences are older than ten seconds.
    fn thin_out(&mut self) {
        loop {
            let states = self.ended.iter_mut().map(|episode| &mut episode.states);
            let mut states: Vec<_> = states.chain(self.open.values_mut().map(|open| &mut open.states)).collect();
            let before: usize = states.iter().map(|states| states.len()).sum();
            if before <= MANY_STATES {
                return;
            }
            for states in &mut states {
                drop_every_second(states);
            }
            if states.iter().map(|states| states.len()).sum::<usize>() == before {
                return;
            }
        }
    }
}

fn drop_every_second(states: &mut Vec<(Duration, Cause)>) {
    let (mut before, mut is_kept) = (None, true);
    states.retain(|(_, cause)| {
        let shown = (cause.severity, cause.is_open());
        is_kept = before.replace(shown) != Some(shown) || !is_kept;
        is_kept
    });
}

/// Returns the run that contains a time: the last one that starts at or before it.
fn run_at(runs: &[RunSpan], time: Duration) -> Option<RunSpan> {
    runs[..runs.partition_point(|run| run.start <= time)].last().copied()
}

/// Returns a recorded cause as it was at this time; `None` if this version does not know its kind.
pub(super) fn past_cause(recorded: &RecordedCause, at: Timestamp, rows: &KnownRows) -> Option<Cause> {
    let kind = *CauseKind::ALL.iter().find(|kind| kind.as_str() == recorded.kind.as_str())?;
    let id = recorded.row.as_ref().map_or(RowId::PROCESS, |(kind, proxy, name)| rows.identify(*kind, proxy, name, 0));
    let proxy_row = match &recorded.row {
        Some((RowKind::Server, proxy, _)) => rows.identify(RowKind::Backend, proxy, &"BACKEND".into(), 0),
        _ => id,
    };
    let subject = ProblemSubject { id, names: recorded.row.clone() };
    let cause = Cause::from_past(kind, subject, proxy_row, recorded.severity, recorded.sentence.to_string(), at);
    let Some(CauseState { age, before, may_be_older, trend, impact, earlier }) = &recorded.state else {
        return Some(cause);
    };
    let since =
        Timestamp { monotonic: at.monotonic.saturating_sub(*age), wall: at.wall.checked_sub(*age).unwrap_or(at.wall) };
    let trend = match trend {
        0 => CauseTrend::Growing,
        1 => CauseTrend::Steady,
        _ => CauseTrend::Falling,
    };
    let earlier = Some(earlier.to_string()).filter(|words| !words.is_empty());
    Some(Cause { since, before: *before, may_be_older: *may_be_older, trend, impact: *impact, earlier, ..cause })
}
