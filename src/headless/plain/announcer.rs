//! Finds out what is new about one HAProxy since the last announcement, as lines of text.
//!
//! The announcer remembers the last line about each cause and each server, and compares it with the instance. A state
//! that is announced is never repeated, and a state that changes quickly is announced at most every few seconds, with
//! the number of changes in between.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use crate::actions::drain_tracker::DrainProgress;
use crate::haproxy::status::RowState;
use crate::headless::plain::announcement::{Announcement, CoveredChanges};
use crate::headless::plain::cause_announcer::CauseAnnouncer;
use crate::headless::plain::event_sentences::{event_sentence, state_words, status_sentence};
use crate::instance::state::Instance;
use crate::observe::events::{Event, EventKind, display_name};
use crate::observe::row_ids::RowId;
use crate::observe::state_cause::StateCause;
use crate::observe::timestamp::Timestamp;
use crate::units::{duration_words, pluralize};

/// Minimum time between two lines about the state of the same row, and between two lines of a drain.
const ROW_GAP: Duration = Duration::from_secs(5);
/// Maximum number of lines about events per sample.
const MAX_LINES: usize = 12;

/// The last line about the state of a row.
#[derive(Debug, Default)]
struct AnnouncedState {
    /// Words that were announced, or the state before the first change; `None` if that was between two states.
    words: Option<String>,
    at: Option<Duration>,
    /// Number of changes since then.
    changes: i64,
    /// The newest change, if it is not announced yet.
    pending: Option<PendingChange>,
}

/// A change of state that is not announced yet.
#[derive(Debug)]
struct PendingChange {
    sentence: String,
    words: String,
    is_usable: bool,
    at: SystemTime,
}

/// The announcements about one HAProxy so far.
#[derive(Debug, Default)]
pub(crate) struct Announcer {
    seen_events: u64,
    causes: CauseAnnouncer,
    states: BTreeMap<RowId, AnnouncedState>,
    /// Servers whose drain was ordered here, with the last line about it.
    drains: BTreeMap<RowId, Option<(String, Duration)>>,
    /// Rows whose figures are announced on request, with the last line about them.
    watched: BTreeMap<RowId, Option<(String, Duration)>>,
}

impl Announcer {
    /// Records the present state as announced: it was printed as a whole.
    pub(crate) fn start(&mut self, instance: &Instance, now: Timestamp) {
        self.seen_events = instance.all_events().total();
        for cause in instance.problems().open_causes() {
            self.causes.record(cause, now);
        }
    }

    /// Announces the drain of a server until it is empty.
    pub(crate) fn follow_drain(&mut self, id: RowId) {
        self.drains.insert(id, None);
    }

    /// Starts or stops announcing the figures of a row. Returns whether they are announced now.
    pub(crate) fn toggle_watch(&mut self, id: RowId) -> bool {
        if self.watched.remove(&id).is_some() {
            return false;
        }
        self.watched.insert(id, None);
        true
    }

    /// Returns the rows whose figures are announced.
    pub(crate) fn watched(&self) -> impl Iterator<Item = RowId> {
        self.watched.keys().copied()
    }

    /// Returns the lines about everything that changed since the last call. `describe_row` returns the figures of a row.
    pub(crate) fn announce(
        &mut self,
        instance: &Instance,
        now: Timestamp,
        describe_row: impl Fn(RowId) -> Option<String>,
    ) -> Vec<Announcement> {
        let mut covered = CoveredChanges::new();
        let mut lines = self.causes.announce(instance, now, &mut covered);
        self.announce_events(instance, now, &covered, &mut lines);
        self.announce_drains(instance, now, &mut lines);
        self.announce_watched(now, describe_row, &mut lines);
        lines
    }

    fn announce_events(
        &mut self,
        instance: &Instance,
        now: Timestamp,
        covered: &CoveredChanges,
        lines: &mut Vec<Announcement>,
    ) {
        let total = instance.all_events().total();
        let count = usize::try_from(total - self.seen_events).unwrap_or(usize::MAX);
        self.seen_events = total;
        let mut events: Vec<&Event> = instance.all_events().newest_first().take(count).collect();
        let forgotten = count - events.len();
        events.reverse();
        let passed = events.iter().filter(|event| self.is_passed_cause(event)).count() as i64;
        let lost: BTreeSet<RowId> = events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::LostByReload(_)))
            .filter_map(|event| event.row)
            .collect();
        let mut announcements = Vec::new();
        for event in events {
            if let (EventKind::Status { from, to, reason, cause }, Some(row)) = (&event.kind, event.row) {
                let state = self
                    .states
                    .entry(row)
                    .or_insert_with(|| AnnouncedState { words: state_words_before(from), ..AnnouncedState::default() });
                let Some(words) = state_words(to) else {
                    if *cause == StateCause::Us {
                        state.words = None;
                    }
                    continue;
                };
                let is_usable = RowState::parse(to).is_usable();
                let is_known = *cause == StateCause::Us
                    || *cause == StateCause::Check && covered.contains(&(row, is_usable))
                    || lost.contains(&row) && *cause == StateCause::NewProcess;
                if is_known {
                    *state =
                        AnnouncedState { words: Some(words), at: Some(now.monotonic), ..AnnouncedState::default() };
                } else if let Some(sentence) = status_sentence(&event.name, to, reason, cause) {
                    state.changes += 1;
                    state.pending = Some(PendingChange { sentence, words, is_usable, at: event.at.wall });
                }
            } else if let Some(text) = event_sentence(event) {
                announcements.push(Announcement { at: event.at.wall, text });
            }
        }
        for (row, state) in &mut self.states {
            let Some(change) = state.take_change(now.monotonic) else { continue };
            if change.is_usable {
                self.causes.record_usable(*row);
            }
            announcements.push(Announcement { at: change.at, text: change.sentence });
        }
        // After a pause, as while the terminal accepts no output, the newest changes count.
        let skipped = announcements.len().saturating_sub(MAX_LINES);
        if skipped + forgotten > 0 {
            let count = pluralize((skipped + forgotten) as i64, "earlier change");
            lines.push(Announcement { at: now.wall, text: format!("{count} left out; to list them: events") });
        }
        lines.extend(announcements.into_iter().skip(skipped));
        if passed > 0 {
            let text =
                format!("{} of problems opened and ended meanwhile; to list them: events", pluralize(passed, "cause"));
            lines.push(Announcement { at: now.wall, text });
        }
    }

    /// Returns whether a cause of problems opened that was not announced: it was resolved before the lines about it.
    fn is_passed_cause(&self, event: &Event) -> bool {
        match (&event.kind, event.row) {
            (EventKind::Cause { is_open: true, id, .. }, Some(row)) => !self.causes.is_announced(row, id),
            _ => false,
        }
    }

    fn announce_drains(&mut self, instance: &Instance, now: Timestamp, lines: &mut Vec<Announcement>) {
        let Some(sample) = instance.latest() else { return };
        self.drains.retain(|id, last| {
            let (Some(progress), Some(row)) = (instance.draining().progress(*id), sample.row(*id)) else {
                return false;
            };
            if let Some(words) = drain_words(progress) {
                let text = format!("{}: {words}", display_name(row.kind, &row.proxy, &row.name));
                announce_change(last, text, now, lines);
            }
            !progress.is_empty
        });
    }

    fn announce_watched(
        &mut self,
        now: Timestamp,
        describe_row: impl Fn(RowId) -> Option<String>,
        lines: &mut Vec<Announcement>,
    ) {
        self.watched.retain(|id, last| match describe_row(*id) {
            Some(text) => {
                announce_change(last, text, now, lines);
                true
            }
            None => false,
        });
    }
}

impl AnnouncedState {
    /// Returns the newest change to announce it, unless the row is back in the announced state or the last line is too
    /// recent.
    fn take_change(&mut self, now: Duration) -> Option<PendingChange> {
        let pending = self.pending.as_ref()?;
        if self.changes == 1 && self.words.as_ref() == Some(&pending.words) {
            (self.pending, self.changes) = (None, 0);
            return None;
        }
        if self.at.is_some_and(|at| now.saturating_sub(at) < ROW_GAP) {
            return None;
        }
        let since = self.at.map_or(Duration::ZERO, |at| now.saturating_sub(at));
        let mut change = self.pending.take()?;
        if self.changes > 1 {
            let time = duration_words(since.max(Duration::from_secs(1)));
            let count = format!(" ({} changes in {time})", self.changes);
            change.sentence.push_str(&count);
        }
        *self = Self { words: Some(change.words.clone()), at: Some(now), ..Self::default() };
        Some(change)
    }
}

/// Returns the words for a state before the first change. A state between two others is what it was before.
fn state_words_before(status: &str) -> Option<String> {
    match RowState::parse(status) {
        RowState::GoingDown => state_words("UP"),
        RowState::ComingUp => state_words("DOWN"),
        _ => state_words(status),
    }
}

/// Adds a line if the text differs from the last one, which is not too recent.
fn announce_change(last: &mut Option<(String, Duration)>, text: String, now: Timestamp, lines: &mut Vec<Announcement>) {
    let is_due = last.as_ref().is_none_or(|(known, at)| *known != text && now.elapsed_since(*at) >= ROW_GAP);
    if is_due {
        lines.push(Announcement { at: now.wall, text: text.clone() });
        *last = Some((text, now.monotonic));
    }
}

/// Describes what is left of a drain: `12 sessions left, 3 queued`. Returns `None` while samples confirm that nothing is
/// left.
fn drain_words(progress: &DrainProgress) -> Option<String> {
    if let Some(old) = progress.held_by_old() {
        return Some(format!("no sessions left here; {old}"));
    }
    if progress.sessions == 0 && progress.queued == 0 {
        return progress.stall_reason.map(|why| format!("no sessions at the moment, but {why}"));
    }
    let queued = if progress.queued > 0 { format!(", {} queued", progress.queued) } else { String::new() };
    let why = progress.stall_reason.map_or(String::new(), |why| format!(", {why}"));
    Some(format!("{} left{queued}{why}", pluralize(progress.sessions, "session")))
}
