//! Sentences about events: changes of states, reloads, and the connection to HAProxy.

use crate::haproxy::status::RowState;
use crate::headless::plain::summary_sentences::severity_word;
use crate::observe::events::{Event, EventKind, reset_text};
use crate::observe::state_cause::StateCause;
use crate::units::duration_words;

/// Returns the state as words that follow a name, such as `is down`; `None` for a state between two others, which is not
/// announced.
pub(crate) fn state_words(status: &str) -> Option<String> {
    let words = match RowState::parse(status) {
        RowState::GoingDown | RowState::ComingUp => return None,
        RowState::Up => "is up",
        RowState::Down => "is down",
        RowState::NoLb => "takes no new sessions, as its health check asks",
        RowState::Drain => "is in drain",
        RowState::Maint => "is in maintenance",
        RowState::NoCheck => "is up, without health checks",
        RowState::Open => "accepts connections",
        RowState::Full => "is at its connection limit",
        RowState::Paused => "is paused",
        RowState::Stopped => "is stopped",
        RowState::Unpublished => "is not published",
        RowState::Unknown => return Some(format!("has the status {status}")),
    };
    Some(words.to_owned())
}

/// Describes a change of status: `be_app/app1 is down: L4CON Connection refused`. Returns `None` for a state between two
/// others.
pub(crate) fn status_sentence(name: &str, status: &str, reason: &str, cause: &StateCause) -> Option<String> {
    let words = state_words(status)?;
    let by = match cause {
        StateCause::Us | StateCause::Check => String::new(),
        StateCause::NewProcess => " in the new process".to_owned(),
        cause => format!(", set by {cause}"),
    };
    // The result of a health check does not explain a state that was ordered.
    let is_explained = *cause == StateCause::Check && !reason.is_empty();
    let reason = if is_explained { format!(": {reason}") } else { String::new() };
    Some(format!("{name} {words}{by}{reason}"))
}

/// Describes an event that is not a change of status; `None` for an event that is announced otherwise or not at all.
pub(crate) fn event_sentence(event: &Event) -> Option<String> {
    let Event { name, kind, .. } = event;
    Some(match kind {
        EventKind::Status { .. }
        | EventKind::Cause { .. }
        // The result of an action was printed when it ended.
        | EventKind::Action { .. }
        | EventKind::Weight { is_own: true, .. }
        | EventKind::Limit { is_own: true, .. } => return None,
        EventKind::Weight { from, to, .. } => format!("the weight of {name} changed from {from} to {to}"),
        EventKind::Limit { from, to, .. } => format!("the session limit of {name} changed from {from} to {to}"),
        EventKind::RowsAdded(_)
        | EventKind::RowsRemoved(_)
        | EventKind::MoreChanges(_)
        | EventKind::UnfinishedAction { .. } => kind.to_string(),
        EventKind::Reloaded { from, to, are_reset } => {
            format!("HAProxy was reloaded: process {to} replaced process {from}{}", reset_text(*are_reset))
        }
        EventKind::Restarted { from, to, are_reset } => {
            format!("HAProxy was restarted: process {to} replaced process {from}{}", reset_text(*are_reset))
        }
        EventKind::LinkLost(reason) => format!("connection to HAProxy lost: {reason}"),
        EventKind::LinkRestored(after) => format!("connection to HAProxy restored after {}", duration_words(*after)),
        EventKind::LostByReload(state) => format!("{name} lost its state in the reload: {state}"),
        EventKind::DrainResult { is_empty: true, .. } => format!("{name} is empty: no sessions left"),
        EventKind::DrainResult { .. } => format!("{name}: {kind}"),
        EventKind::Role { from, to, detail } => format!("role changed from {from} to {to}: {detail}"),
    })
}

/// Describes any event in one line, for the list of past events.
pub(crate) fn listed_event(event: &Event) -> String {
    let Event { name, kind, .. } = event;
    let sentence = match kind {
        EventKind::Status { from, to, reason, cause } => status_sentence(name, to, reason, cause).or_else(|| {
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            Some(format!("{name} changed from {from} to {to}{reason}"))
        }),
        EventKind::Cause { is_open: true, severity, text, .. } if !name.is_empty() => {
            Some(format!("{}: {name}: {text}", severity_word(*severity)))
        }
        EventKind::Cause { is_open: false, text, .. } if !name.is_empty() => Some(format!("Resolved: {name}: {text}")),
        _ => event_sentence(event),
    };
    sentence.unwrap_or_else(|| if name.is_empty() { kind.to_string() } else { format!("{name}: {kind}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::severity::Severity;
    use crate::observe::test_samples::timestamp_at;
    use std::time::Duration;

    #[test]
    fn status_sentence_names_state_changer_and_reason() {
        let sentence = |status, reason, cause| status_sentence("be/s1", status, reason, &cause);
        assert_eq!(
            sentence("DOWN", "L4CON Connection refused", StateCause::Check).unwrap(),
            "be/s1 is down: L4CON Connection refused"
        );
        assert_eq!(
            sentence("MAINT", "L4OK", StateCause::Operator).unwrap(),
            "be/s1 is in maintenance, set by another operator"
        );
        assert_eq!(sentence("UP", "", StateCause::NewProcess).unwrap(), "be/s1 is up in the new process");
        assert_eq!(sentence("UP 1/3", "", StateCause::Check), None);
        assert_eq!(sentence("SLEEPING", "", StateCause::Check).unwrap(), "be/s1 has the status SLEEPING");
    }

    #[test]
    fn listed_event_describes_states_between_two_others_and_causes() {
        let listed = |kind| listed_event(&Event::new(timestamp_at(0), None, "be/s1".to_owned(), kind));
        let (from, to, reason) = ("UP".to_owned(), "UP 1/3".to_owned(), "L4CON".to_owned());
        assert_eq!(
            listed(EventKind::Status { from, to, reason, cause: StateCause::Check }),
            "be/s1 changed from UP to UP 1/3: L4CON"
        );
        let cause = |is_open| EventKind::Cause { is_open, severity: Severity::Crit, id: "x", text: "slow".to_owned() };
        assert_eq!(listed(cause(true)), "CRITICAL: be/s1: slow");
        assert_eq!(listed(cause(false)), "Resolved: be/s1: slow");
    }

    #[test]
    fn event_sentence_uses_words_and_no_arrows() {
        let sentence = |name: &str, kind| event_sentence(&Event::new(timestamp_at(0), None, name.to_owned(), kind));
        assert_eq!(
            sentence("", EventKind::Reloaded { from: 12, to: 34, are_reset: true }).unwrap(),
            "HAProxy was reloaded: process 34 replaced process 12; counters were reset"
        );
        assert_eq!(
            sentence("", EventKind::LinkRestored(Duration::from_secs(3))).unwrap(),
            "connection to HAProxy restored after 3 s"
        );
        assert_eq!(
            sentence("be/s1", EventKind::Weight { from: 1, to: 2, is_own: false }).unwrap(),
            "the weight of be/s1 changed from 1 to 2"
        );
        assert_eq!(sentence("be/s1", EventKind::Weight { from: 1, to: 2, is_own: true }), None);
    }
}
