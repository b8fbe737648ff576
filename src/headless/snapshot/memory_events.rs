//! The events of what memory holds, as a recorder would have written them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::headless::record::cause_changes::recorded_cause;
use crate::history::store::History;
use crate::observe::events::{Event, EventKind};
use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause_log::CauseEpisode;
use crate::recording::recorded_changes::{RecordedChange, RecordedRow};
use crate::recording::recorded_events::{CauseStep, EventContents, RecordedEvent};

/// Returns the changes and failed polls among the events of an instance. `rows` has the names of the rows.
pub(super) fn recorded_changes(events: &[Event], rows: &BTreeMap<RowId, RecordedRow>) -> Vec<RecordedEvent> {
    let recorded = |event: &Event| {
        let contents = match &event.kind {
            EventKind::LinkLost(reason) => EventContents::PollFailure(reason.as_str().into()),
            kind if RecordedChange::is_change(kind) => {
                let row = event.row.and_then(|id| rows.get(&id)).cloned();
                EventContents::Change(RecordedChange { row, kind: kind.clone() })
            }
            _ => return None,
        };
        Some(RecordedEvent { at: event.at, contents })
    };
    events.iter().filter_map(recorded).collect()
}

/// Returns the changes of causes.
pub(super) fn recorded_causes(causes: &[CauseEpisode], history: &History) -> Vec<RecordedEvent> {
    let mut found = Vec::new();
    for CauseEpisode { states, removed_at } in causes {
        let mut before = None;
        for (at, cause) in states {
            let step = match before {
                None if cause.is_open() => CauseStep::Opened,
                None => continue,
                Some(_) if !cause.is_open() => CauseStep::Resolved,
                Some(severity) if severity != cause.severity => CauseStep::Changed,
                Some(_) => CauseStep::Updated,
            };
            before = (step != CauseStep::Resolved).then_some(cause.severity);
            found.push(recorded_cause(step, cause, timestamp_at(*at, history)));
        }
        // Another cause took its place while it was open.
        if let (Some(at), Some(_), Some((_, cause))) = (removed_at, before, states.last()) {
            found.push(recorded_cause(CauseStep::Resolved, cause, timestamp_at(*at, history)));
        }
    }
    found
}

/// Returns the time with its wall clock time, as of the sample before it.
fn timestamp_at(monotonic: Duration, history: &History) -> Timestamp {
    let wall = history.header_at(monotonic).map_or(SystemTime::UNIX_EPOCH, |header| {
        let later = monotonic.checked_sub(header.at).and_then(|later| header.wall.checked_add(later));
        let earlier = || header.wall.checked_sub(header.at.saturating_sub(monotonic));
        later.or_else(earlier).unwrap_or(header.wall)
    });
    Timestamp { monotonic, wall }
}

/// Returns the monotonic time of a wall clock time, by the sample before it.
pub(super) fn monotonic_at(wall: SystemTime, history: &History) -> Option<Timestamp> {
    let header = history.header_at_wall(wall)?;
    let later = wall.duration_since(header.wall).ok()?;
    Some(Timestamp { monotonic: header.at.saturating_add(later), wall })
}
