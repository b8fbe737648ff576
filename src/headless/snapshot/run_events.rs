//! Selects the events of a run of the recorder for a snapshot.

use std::time::{Duration, SystemTime};

use crate::recording::recorded_events::{CauseStep, EventContents, RecordedCause, RecordedEvent};

/// Returns the events of a run from the wall clock time `from` on, in their order. The causes that were open at that time
/// come first, each as one event with the time at which it opened or changed last. The run has the monotonic times from `start` to before
/// `end`; `None` if no run follows.
pub(crate) fn events_of_run(
    events: &[RecordedEvent],
    start: Duration,
    end: Option<Duration>,
    from: SystemTime,
) -> Vec<RecordedEvent> {
    let is_in_run =
        |event: &&RecordedEvent| event.at.monotonic >= start && end.is_none_or(|end| event.at.monotonic < end);
    let (mut open, mut found): (Vec<RecordedEvent>, Vec<RecordedEvent>) = (Vec::new(), Vec::new());
    for event in events.iter().filter(is_in_run) {
        if event.at.wall >= from {
            found.push(event.clone());
        } else if let EventContents::Cause(cause) = &event.contents {
            apply(&mut open, event, cause);
        }
    }
    open.extend(found);
    open
}

/// Changes the list of open causes by an event.
fn apply(open: &mut Vec<RecordedEvent>, event: &RecordedEvent, cause: &RecordedCause) {
    let is_same = |known: &RecordedEvent| match &known.contents {
        EventContents::Cause(known) => (&known.kind, &known.row) == (&cause.kind, &cause.row),
        EventContents::Action(_) | EventContents::PollFailure(_) | EventContents::Change(_) => false,
    };
    let known = open.iter().position(is_same).map(|index| open.remove(index));
    if cause.step != CauseStep::Resolved {
        // Without a recorded age, the event shows the time at which the cause opened.
        let at = known.filter(|_| cause.state.is_none()).map_or(event.at, |known| known.at);
        let cause = RecordedCause { step: CauseStep::Opened, ..cause.clone() };
        open.push(RecordedEvent { at, contents: EventContents::Cause(cause) });
        open.sort_by_key(|event| event.at.monotonic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::severity::Severity;
    use crate::observe::test_samples::timestamp_at;

    fn event(second: u64, step: CauseStep, kind: &str, severity: Severity) -> RecordedEvent {
        let (kind, sentence) = (kind.into(), "words".into());
        let cause = RecordedCause { step, severity, kind, row: None, sentence, state: None };
        RecordedEvent { at: timestamp_at(second * 1000), contents: EventContents::Cause(cause) }
    }

    #[test]
    fn events_of_run_begin_with_open_causes() {
        let failure = RecordedEvent { at: timestamp_at(8000), contents: EventContents::PollFailure("refused".into()) };
        let events = [
            event(1, CauseStep::Opened, "memory", Severity::Warn),
            event(5, CauseStep::Opened, "tls", Severity::Warn),
            event(6, CauseStep::Opened, "haproxy-busy", Severity::Warn),
            event(7, CauseStep::Changed, "tls", Severity::Crit),
            failure,
            event(9, CauseStep::Resolved, "haproxy-busy", Severity::Warn),
            event(12, CauseStep::Resolved, "tls", Severity::Crit),
            event(30, CauseStep::Opened, "tls", Severity::Warn),
        ];
        let seconds = Duration::from_secs;
        let found = events_of_run(&events, seconds(5), Some(seconds(30)), timestamp_at(10_000).wall);
        let expected =
            [event(5, CauseStep::Opened, "tls", Severity::Crit), event(12, CauseStep::Resolved, "tls", Severity::Crit)];
        assert_eq!(found, expected);
    }
}
