//! A recording as the past of an instance: its samples, causes and actions continue without a seam into the present.
//!
//! The samples stay in the recording and are read when they are shown. Causes, actions and lost links are added to the logs.
//! If the recording ends shortly before the present, its last samples are evaluated, so that rates, open problems and their
//! ages are known at once.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::actions::attribution::CLOCK_TOLERANCE;
use crate::actions::audit::audit_index::AuditIndex;
use crate::actions::audit::record::{AuditRecord, RecordPhase};
use crate::history::block::SampleHeader;
use crate::instance::past_moment::PastMoment;
use crate::instance::recorded_causes::{OpenEpisode, RecordedCauses, RecordedEpisode, RunSpan, past_cause};
use crate::instance::state::Instance;
use crate::observe::events::{Event, EventKind, MAX_EVENTS, display_name};
use crate::observe::row_ids::KnownRows;
use crate::observe::sample::Sample;
use crate::observe::sample_parser::SampleParser;
use crate::observe::state_cause::StateCause;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::{Cause, CauseEvent};
use crate::problems::transitions;
use crate::recording::reader::{RecordedRun, Recording};
use crate::recording::recorded_blocks::{RecordedBlocks, damage_words};
use crate::recording::recorded_events::{CauseStep, EventContents, RecordedEvent};

/// Maximum age of the last recorded sample, in addition to three poll intervals, for the recording to be continued.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// A time after 1970 up to which all events are read: polls may have failed after the last sample.
const LONGEST_TIME: Duration = Duration::from_hours(1_000 * 365 * 24);
/// Time of the last recorded samples that are evaluated, and their maximum number.
const EVALUATED_TIME: Duration = Duration::from_mins(1);
const EVALUATED_SAMPLES: usize = 32;
/// Maximum number of rows of all of them, so that a large site starts quickly; at least three samples are evaluated.
const EVALUATED_ROWS: usize = 60_000;

/// The result of making a recording the past of an instance.
#[derive(Debug)]
pub(crate) struct AdoptedPast {
    /// Parser for the samples that follow the last recorded one.
    pub(crate) parser: SampleParser,
    /// Time that the evaluated samples cover; zero if the recording ended too long ago.
    pub(crate) evaluated: Duration,
}

impl Instance {
    /// Makes a recording the past of this instance, which has no samples yet. `now` is the present time; the recording ends
    /// before it or at it. If it ends shortly before, its last minute is evaluated.
    ///
    /// # Errors
    /// Returns an error if a file of the recording cannot be read, or if it has no sample that can be read.
    pub(crate) fn adopt_recording(&mut self, mut recording: Recording, now: Timestamp) -> io::Result<AdoptedPast> {
        let last = recording.header_before(u64::MAX)?;
        let sample = last.map_or(Ok(None), |last| Ok::<_, io::Error>(recording.restore_samples(&[last.seq])?.pop()))?;
        let (Some(last), Some(sample)) = (last, sample) else {
            let why = damage_words(&recording).map_or(String::new(), |damage| format!("; {damage}"));
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("no sample can be read{why}")));
        };
        // Without a present, only past moments are shown.
        let has_present = now.monotonic > last.at;
        let until = if has_present { now.wall } else { SystemTime::UNIX_EPOCH + LONGEST_TIME };
        let events = recording.events(&(SystemTime::UNIX_EPOCH..=until))?;
        let (rows, address) = (recording.known_rows(), recording.address().to_owned());
        let span = |run: &RecordedRun| {
            let end = run.blocks.last().map_or(run.start.monotonic, |block| *block.end());
            RunSpan { start: run.start.monotonic, end }
        };
        let runs: Vec<RunSpan> = recording.runs(&(SystemTime::UNIX_EPOCH..=now.wall)).iter().map(span).collect();
        let is_continued = now.elapsed_since(last.at) <= sample.interval.saturating_mul(3) + MAX_PAUSE;
        let count =
            if has_present { (EVALUATED_ROWS / sample.rows.ids().len().max(1)).clamp(3, EVALUATED_SAMPLES) } else { 1 };
        let recent = recording.headers(&(last.at.saturating_sub(EVALUATED_TIME)..=last.at))?;
        // Samples before a gap are not evaluated: what happened in it is unknown.
        let is_gap = |pair: &[SampleHeader]| {
            pair[1].at.saturating_sub(pair[0].at) > sample.interval.saturating_mul(3) + MAX_PAUSE
        };
        let first = recent.windows(2).rposition(is_gap).map_or(0, |before| before + 1);
        let first = first.max(recent.len().saturating_sub(count));
        let seqs: Vec<u64> = recent.iter().skip(first).map(|header| header.seq).collect();
        let evaluated = if is_continued { recording.restore_samples(&seqs)? } else { Vec::new() };
        self.history.set_older(Box::new(RecordedBlocks::new(recording)));
        self.events.extend(past_events(&events, &rows));
        for sample in &evaluated {
            self.evaluate_past_sample(sample);
        }
        self.continue_causes(&events, &rows, &runs, has_present);
        self.add_recorded_authors(&events, &address);
        let evaluated = evaluated.first().map_or(Duration::ZERO, |first| last.at.saturating_sub(first.at.monotonic));
        Ok(AdoptedPast { parser: SampleParser::continuing(&sample, rows), evaluated })
    }

    /// Returns the event that the link was lost, if that was after a sample and not after a time of the wall clock.
    pub(crate) fn link_loss_after(&self, sample: &Sample, until: SystemTime) -> Option<&EventKind> {
        let mut later = self.events.newest_first().take_while(|event| event.at.wall > sample.at.wall);
        let is_loss = |event: &&Event| event.at.wall <= until && matches!(event.kind, EventKind::LinkLost(_));
        later.find(is_loss).map(|event| &event.kind)
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

    /// Adds the recorded causes to the log. Those that are still open continue; the others end with their run of the
    /// recorder, which may have been killed before it saw their end. Without a present, they all stay open.
    fn continue_causes(&mut self, events: &[RecordedEvent], rows: &KnownRows, runs: &[RunSpan], has_present: bool) {
        let causes = RecordedCauses::read(events, rows, runs);
        self.problems.continue_causes(|key| causes.open.get(&key)?.last().map(|cause| cause.since));
        if let Some(sample) = self.rates.newest().filter(|_| has_present) {
            let is_missing = |cause: &&Cause| !self.problems.open_causes().any(|present| present.key() == cause.key());
            let open = causes.open.values().filter_map(OpenEpisode::last);
            let missing: Vec<Cause> = open.filter(is_missing).cloned().collect();
            let changes = self.problems.continue_open_causes(missing, &self.rates, &self.forecasts);
            self.problem_log.record(&changes, sample.at.monotonic);
        }
        let present: Vec<Cause> = self.problems.open_causes().cloned().collect();
        let ends: Vec<Duration> =
            causes.open.values().map(|open| causes.run_of(open).map_or(Duration::MAX, |run| run.end)).collect();
        let RecordedCauses { open, mut ended, .. } = causes;
        for ((key, open), end) in open.into_iter().zip(ends) {
            let is_present = present.iter().any(|cause| cause.key() == key);
            ended.push(open.end_at((has_present && !is_present).then_some(end)));
        }
        ended.sort_by_key(|episode| episode.removed_at.unwrap_or(Duration::MAX));
        for RecordedEpisode { states, removed_at } in ended {
            self.problem_log.add_past_cause(states, removed_at);
        }
        if let Some(sample) = self.rates.newest() {
            self.problem_log.update_causes(present, sample.at);
        }
    }

    /// Makes the last recorded sample the last known state, with the causes that were open then, because HAProxy has not
    /// answered since. Does nothing if the instance has samples, or no recording.
    pub(super) fn restore_recorded_end(&mut self) {
        if self.latest().is_some() {
            return;
        }
        let Some(end) = self.history.headers_back_from(u64::MAX).next() else { return };
        self.problem_log.continue_causes_until(end.at);
        let loaded = PastMoment::load(end.seq, &self.history, &self.problem_log, self.problems.thresholds(), None);
        if let Some(moment) = loaded {
            (self.rates, self.problems, self.forecasts) = moment.into_state();
        }
    }

    /// Adds the authors of recorded actions, which are known for the time after each.
    fn add_recorded_authors(&mut self, events: &[RecordedEvent], address: &str) {
        for event in events {
            let EventContents::Action(line) = &event.contents else { continue };
            let index = AuditIndex::from_records(AuditRecord::parse(line));
            self.recent_actions.attribution.add_recorded_entries(index.changes_by_server(address));
        }
    }
}

/// Returns the recorded events as entries of the event log, at most as many as it keeps.
///
/// A cause that a change of state explains has no entry of its own, as in the present, except in the part of a recording that
/// was written before changes were recorded. A change by an operator is by us if the audit log has its action.
fn past_events(events: &[RecordedEvent], rows: &KnownRows) -> Vec<Event> {
    let first_change = events.iter().find(|event| matches!(event.contents, EventContents::Change(_)));
    let has_changes = |at: Timestamp| first_change.is_some_and(|first| first.at.monotonic <= at.monotonic);
    let actions: Vec<AuditRecord> = events.iter().filter_map(done_action).collect();
    let mut found = Vec::new();
    for event in events.iter().rev() {
        if found.len() == MAX_EVENTS {
            break;
        }
        if let EventContents::Cause(recorded) = &event.contents
            && has_changes(event.at)
            && past_cause(recorded, event.at, rows).is_some_and(|cause| transitions::has_status_event(&cause))
        {
            continue;
        }
        let Some(mut entry) = past_event(event, rows) else { continue };
        if let EventKind::Status { cause: cause @ StateCause::Operator, .. } = &mut entry.kind
            && actions.iter().any(|action| is_action_on(action, &entry.name, event.at.wall))
        {
            *cause = StateCause::Us;
        }
        found.push(entry);
    }
    found.reverse();
    found
}

/// Returns the audit record of an action that was carried out.
fn done_action(event: &RecordedEvent) -> Option<AuditRecord> {
    let EventContents::Action(line) = &event.contents else { return None };
    AuditRecord::parse(line).ok().filter(|record| record.phase == RecordPhase::Done)
}

/// Returns whether an action on this server was carried out at about this time.
fn is_action_on(action: &AuditRecord, server: &str, at: SystemTime) -> bool {
    let time = action.parse_time();
    let apart = |time: SystemTime| at.duration_since(time).unwrap_or_else(|error| error.duration());
    action.target.as_deref() == Some(server) && time.is_some_and(|time| apart(time) <= CLOCK_TOLERANCE)
}

/// Returns a recorded event as an entry of the event log; `None` if this version does not know it.
fn past_event(event: &RecordedEvent, rows: &KnownRows) -> Option<Event> {
    let at = event.at;
    match &event.contents {
        // Other numbers of a cause are not an event.
        EventContents::Cause(recorded) if recorded.step == CauseStep::Updated => None,
        EventContents::Cause(recorded) => {
            let cause = past_cause(recorded, at, rows)?;
            let kind = transitions::event_kind(recorded.step != CauseStep::Resolved, &cause);
            let names = recorded.row.as_ref();
            let name = names.map_or(String::new(), |(kind, proxy, name)| display_name(*kind, proxy, name));
            Some(Event::new(at, Some(cause.subject.id), name, kind))
        }
        EventContents::Action(_) => {
            let record = done_action(event)?;
            let is_verified = record.verified == Some(true);
            let outcome = format!("{} by {}", record.outcome.unwrap_or_default(), record.actor.person_name());
            let kind = EventKind::Action { command: record.command, outcome, is_verified };
            Some(Event::new(at, None, String::new(), kind))
        }
        EventContents::PollFailure(reason) => {
            Some(Event::new(at, None, String::new(), EventKind::LinkLost(reason.to_string())))
        }
        EventContents::Change(change) => {
            let row = change.row.as_ref().map(|(kind, proxy, name)| rows.identify(*kind, proxy, name, 0));
            let names = change.row.as_ref();
            let name = names.map_or(String::new(), |(kind, proxy, name)| display_name(*kind, proxy, name));
            Some(Event::new(at, row, name, change.kind.clone()))
        }
    }
}
