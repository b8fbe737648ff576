//! A recording as the past of an instance: its samples, causes and actions continue without a seam into the present.
//!
//! The samples stay in the recording and are read when they are shown. Causes, actions and lost links are added to the logs.
//! If the recording ends shortly before the present, its last samples are evaluated, so that rates, open problems and their
//! ages are known at once.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::actions::audit::record::{AuditRecord, RecordPhase};
use crate::haproxy::stat_table::RowKind;
use crate::instance::state::Instance;
use crate::observe::events::{Event, EventKind, MAX_EVENTS, display_name};
use crate::observe::row_ids::KnownRows;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::{Cause, CauseEvent};
use crate::problems::cause_table::CauseKind;
use crate::problems::cause_tracker::RESOLVED_TIME;
use crate::problems::problem::ProblemSubject;
use crate::problems::transitions;
use crate::recording::reader::Recording;
use crate::recording::recorded_blocks::RecordedBlocks;
use crate::recording::recorded_events::{CauseStep, EventContents, RecordedCause, RecordedEvent};

/// Maximum age of the last recorded sample, in addition to three poll intervals, for the recording to be continued.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Time of the last recorded samples that are evaluated, and their maximum number.
const EVALUATED_TIME: Duration = Duration::from_mins(1);
const EVALUATED_SAMPLES: usize = 32;
/// Maximum number of rows of all of them, so that a large site starts quickly; at least three samples are evaluated.
const EVALUATED_ROWS: usize = 60_000;

/// A cause from its appearance to its end.
struct RecordedEpisode {
    states: Vec<(Duration, Cause)>,
    removed_at: Option<Duration>,
}

impl Instance {
    /// Makes a recording the past of this instance, which has no samples yet. `now` is the present time; the recording ends
    /// before it. Returns the last recorded sample, or `None` if the recording has none that can be read.
    ///
    /// # Errors
    /// Returns an error if a file of the recording cannot be read.
    pub(crate) fn adopt_recording(
        &mut self,
        mut recording: Recording,
        now: Timestamp,
    ) -> io::Result<Option<Arc<Sample>>> {
        let Some(last) = recording.header_before(u64::MAX)? else { return Ok(None) };
        let Some(sample) = recording.restore_samples(&[last.seq])?.pop() else { return Ok(None) };
        let events = recording.events(&(SystemTime::UNIX_EPOCH..=now.wall))?;
        let rows = recording.known_rows();
        let is_continued = now.elapsed_since(last.at) <= sample.interval.saturating_mul(3) + MAX_PAUSE;
        let count = (EVALUATED_ROWS / sample.rows.ids().len().max(1)).clamp(3, EVALUATED_SAMPLES);
        let recent = recording.headers(&(last.at.saturating_sub(EVALUATED_TIME)..=last.at))?;
        let seqs: Vec<u64> = recent.iter().skip(recent.len().saturating_sub(count)).map(|header| header.seq).collect();
        let evaluated = if is_continued { recording.restore_samples(&seqs)? } else { Vec::new() };
        self.history.set_older(Box::new(RecordedBlocks::new(recording)));
        for event in events.iter().rev().take(MAX_EVENTS).rev() {
            self.events.extend(past_event(event, &rows));
        }
        for sample in &evaluated {
            self.evaluate_past_sample(sample);
        }
        self.continue_causes(&events, &rows, last.at);
        Ok(Some(sample))
    }

    /// Returns the changes that the sample evaluated last made to the causes.
    pub(crate) fn cause_changes(&self) -> &[CauseEvent] {
        &self.cause_changes
    }

    /// Evaluates the problems of a sample that is in the recording.
    fn evaluate_past_sample(&mut self, sample: &Arc<Sample>) {
        self.rates.push(Arc::clone(sample));
        self.forecasts = crate::problems::forecast::Forecasts::from_sample(sample, &self.history);
        let mut changes = self.problems.evaluate(sample, &self.rates, &self.forecasts);
        // The recording has the causes.
        changes.causes.clear();
        self.problem_log.record(&changes, sample.at.monotonic);
    }

    /// Adds the recorded causes to the log. Those that are still open continue; the others end with the recording.
    fn continue_causes(&mut self, events: &[RecordedEvent], rows: &KnownRows, end: Duration) {
        let mut open: BTreeMap<(RowId, CauseKind), Vec<(Duration, Cause)>> = BTreeMap::new();
        let mut ended: Vec<RecordedEpisode> = Vec::new();
        for event in events {
            let EventContents::Cause(recorded) = &event.contents else { continue };
            let Some(mut cause) = past_cause(recorded, event.at, rows) else { continue };
            let (key, at) = (cause.key(), event.at.monotonic);
            match (recorded.step, open.remove(&key)) {
                (CauseStep::Opened, earlier) => {
                    // The recorder was restarted, and has not seen the end of the earlier one.
                    ended.extend(earlier.map(|states| RecordedEpisode { states, removed_at: Some(at) }));
                    open.insert(key, vec![(at, cause)]);
                }
                (_, None) => {}
                (step, Some(mut states)) => {
                    if let Some((_, first)) = states.first() {
                        cause.since = first.since;
                    }
                    if step == CauseStep::Changed {
                        states.push((at, cause));
                        open.insert(key, states);
                    } else {
                        cause.resolved_at = Some(event.at);
                        states.push((at, cause));
                        ended.push(RecordedEpisode { states, removed_at: Some(at + RESOLVED_TIME) });
                    }
                }
            }
        }
        self.problems.continue_causes(|key| open.get(&key)?.first().map(|(_, cause)| cause.since));
        let present: Vec<Cause> = self.problems.open_causes().cloned().collect();
        for (key, states) in open {
            let is_present = present.iter().any(|cause| cause.key() == key);
            ended.push(RecordedEpisode { states, removed_at: (!is_present).then_some(end) });
        }
        ended.sort_by_key(|episode| episode.removed_at.unwrap_or(Duration::MAX));
        for RecordedEpisode { states, removed_at } in ended {
            self.problem_log.add_past_cause(states, removed_at);
        }
        if let Some(sample) = self.rates.newest() {
            self.problem_log.update_causes(present, sample.at);
        }
    }
}

/// Returns a recorded event as an entry of the event log; `None` if this version does not know it.
fn past_event(event: &RecordedEvent, rows: &KnownRows) -> Option<Event> {
    let at = event.at;
    match &event.contents {
        EventContents::Cause(recorded) => {
            let cause = past_cause(recorded, at, rows)?;
            let kind = transitions::event_kind(recorded.step != CauseStep::Resolved, &cause);
            let names = recorded.row.as_ref();
            let name = names.map_or(String::new(), |(kind, proxy, name)| display_name(*kind, proxy, name));
            Some(Event { at, row: Some(cause.subject.id), name, kind })
        }
        EventContents::Action(line) => {
            let record = AuditRecord::parse(line).ok().filter(|record| record.phase == RecordPhase::Done)?;
            let is_verified = record.verified == Some(true);
            let outcome = format!("{} by {}", record.outcome.unwrap_or_default(), record.actor.person_name());
            let kind = EventKind::Action { command: record.command, outcome, is_verified };
            Some(Event { at, row: None, name: String::new(), kind })
        }
        EventContents::PollFailure(reason) => {
            Some(Event { at, row: None, name: String::new(), kind: EventKind::LinkLost(reason.to_string()) })
        }
    }
}

/// Returns a recorded cause as it was at this time; `None` if this version does not know its kind.
fn past_cause(recorded: &RecordedCause, at: Timestamp, rows: &KnownRows) -> Option<Cause> {
    let kind = *CauseKind::ALL.iter().find(|kind| kind.as_str() == recorded.kind.as_str())?;
    let id = recorded.row.as_ref().map_or(RowId::PROCESS, |(kind, proxy, name)| rows.identify(*kind, proxy, name, 0));
    let proxy_row = match &recorded.row {
        Some((RowKind::Server, proxy, _)) => rows.identify(RowKind::Backend, proxy, &"BACKEND".into(), 0),
        _ => id,
    };
    let subject = ProblemSubject { id, names: recorded.row.clone() };
    Some(Cause::from_past(kind, subject, proxy_row, recorded.severity, recorded.sentence.to_string(), at))
}
