//! Events for causes that appear, become critical or are resolved.

use std::time::Duration;

use crate::observe::events::{Event, EventKind, display_name};
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::{Cause, CauseChange, CauseEvent};
use crate::problems::cause_table::CauseKind;

/// Maximum number of cause events per sample; of further causes, only the number is reported.
pub(crate) const MAX_EVENTS: usize = 20;

/// Time after its start in which a cause that becomes critical changes its event instead of adding another one.
const EARLY: Duration = Duration::from_secs(15);

/// Builds the events for the changes that one sample made to the causes.
pub(crate) fn cause_events(changes: &[CauseEvent], at: Timestamp) -> Vec<Event> {
    let is_open = |change: &CauseEvent| match change.change {
        CauseChange::Opened => Some(true),
        CauseChange::Worsened if !is_update(change) => Some(true),
        CauseChange::Resolved => Some(false),
        CauseChange::Worsened | CauseChange::Eased | CauseChange::Updated | CauseChange::Removed => None,
    };
    let changed = changes.iter().filter_map(|change| Some((is_open(change)?, &change.cause)));
    let changed: Vec<(bool, &Cause)> = changed.filter(|(_, cause)| !has_status_event(cause)).collect();
    let mut events = Vec::new();
    for (is_open, cause) in changed.iter().take(MAX_EVENTS) {
        events.push(Event::new(at, Some(cause.subject.id), event_name(cause), event_kind(*is_open, cause)));
    }
    for is_open in [true, false] {
        let rest = changed.iter().skip(MAX_EVENTS).filter(|(is_opened, _)| *is_opened == is_open);
        let count = rest.clone().count();
        if let Some(severity) = rest.map(|(_, cause)| cause.severity).max() {
            let text = format!("{count} more causes at the same time");
            let kind = EventKind::Cause { is_open, severity, id: "", text };
            events.push(Event::new(at, None, String::new(), kind));
        }
    }
    events
}

/// Returns the causes whose event is updated instead of adding another one: those of flapping servers that went down
/// again, and those that became critical soon after their start.
pub(crate) fn updated_causes(changes: &[CauseEvent]) -> impl Iterator<Item = &Cause> {
    changes.iter().filter(|change| is_update(change)).map(|change| &change.cause)
}

fn is_update(CauseEvent { at, change, cause }: &CauseEvent) -> bool {
    match change {
        CauseChange::Worsened => cause.flap.is_some() || at.elapsed_since(cause.since.monotonic) < EARLY,
        CauseChange::Updated => cause.flap.is_some(),
        CauseChange::Opened | CauseChange::Eased | CauseChange::Resolved | CauseChange::Removed => false,
    }
}

/// Builds the event kind that reports that a cause appeared, got worse or was resolved.
pub(crate) fn event_kind(is_open: bool, cause: &Cause) -> EventKind {
    let (severity, id, text) = (cause.severity, cause.kind.as_str(), cause.sentence.clone());
    EventKind::Cause { is_open, severity, id, text }
}

fn event_name(cause: &Cause) -> String {
    let names = cause.subject.names.as_ref();
    names.map_or(String::new(), |(kind, proxy, name)| display_name(*kind, proxy, name))
}

/// Returns whether the cause needs no event, because the change in the row's status already causes one.
pub(crate) fn has_status_event(cause: &Cause) -> bool {
    matches!(
        cause.kind,
        CauseKind::ServerDown
            | CauseKind::ServersDown
            | CauseKind::AgentDown
            | CauseKind::TrackingDown
            | CauseKind::NoServer
            | CauseKind::WeightLow
    )
}
