//! Tests of recorded causes and changes as the past of an instance.

use std::path::Path;
use std::time::Duration;

use crate::config::own_file::PathChoice;
use crate::instance::past_moment::PlaybackStep;
use crate::instance::state::Instance;
use crate::observe::events::{Event, EventKind};
use crate::observe::link::{Link, PollFailure};
use crate::observe::severity::Severity;
use crate::observe::state_cause::StateCause;
use crate::observe::test_samples::{SampleBuilder, stat_of_site, timestamp_at};
use crate::problems::cause::Cause;
use crate::problems::cause_table::CauseKind;
use crate::problems::thresholds::Thresholds;
use crate::recording::folder::list_instances;
use crate::recording::reader::Recording;
use crate::recording::recorded_changes::RecordedChange;
use crate::recording::recorded_events::{CauseState, CauseStep, EventContents, RecordedCause, RecordedEvent};
use crate::recording::writer::Recorder;

fn cause(second: u64, step: CauseStep, kind: CauseKind) -> RecordedEvent {
    let cause = RecordedCause {
        step,
        severity: Severity::Warn,
        kind: kind.as_str().into(),
        row: None,
        sentence: "a sentence".into(),
        state: None,
    };
    RecordedEvent { at: timestamp_at(second * 1000), contents: EventContents::Cause(cause) }
}

/// Records one sample per second, as a run of the recorder that is killed afterwards.
fn record_run(folder: &Path, seconds: std::ops::RangeInclusive<u64>, events: &[RecordedEvent]) {
    let mut recorder = Recorder::new(folder, PathChoice::ByCaller, "lb", "/run/lb.sock").unwrap();
    let (mut builder, end) = (SampleBuilder::default(), timestamp_at(seconds.end() * 1000));
    for second in seconds {
        recorder.push(&builder.build_at_millis(second * 1000, &stat_of_site())).unwrap();
    }
    for event in events {
        recorder.add_event(event);
    }
    recorder.flush(end).unwrap();
}

/// Makes the recording the past of an instance, long after its end.
fn adopt(folder: &Path) -> Instance {
    let mut instance = Instance::default();
    let recording = Recording::open(&list_instances(folder).unwrap()[0]).unwrap();
    instance.adopt_recording(recording, timestamp_at(9_000_000)).unwrap();
    instance
}

/// Returns the lengths of the spans in which a cause was open, in seconds.
fn open_seconds(instance: &Instance) -> Vec<Option<u64>> {
    instance.cause_spans().map(|span| Some(span.until?.saturating_sub(span.from).as_secs())).collect()
}

#[test]
fn cause_of_killed_run_ends_with_that_run_unless_next_run_reports_it() {
    let opened = |second| cause(second, CauseStep::Opened, CauseKind::ServerDown);
    for (second_run, expected) in [
        (vec![], vec![Some(8)]),
        (vec![opened(14)], vec![Some(12), Some(6)]),
        (vec![opened(14), cause(16, CauseStep::Resolved, CauseKind::ServerDown)], vec![Some(12), Some(2)]),
        (vec![opened(100)], vec![Some(8), Some(20)]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        record_run(folder.path(), 0..=10, &[opened(2)]);
        let end =
            if second_run.first().is_some_and(|event| event.at.monotonic > Duration::from_secs(50)) { 120 } else { 20 };
        record_run(folder.path(), 12..=end, &second_run);
        let mut instance = adopt(folder.path());
        assert_eq!(open_seconds(&instance), expected, "{second_run:?}");
        instance.set_thresholds(Thresholds::default());
        assert_eq!(open_seconds(&instance), expected, "other thresholds do not change the past");
    }
}

#[test]
fn cause_with_a_recorded_change_of_state_has_no_second_event() {
    let change = |second: u64| {
        let row = Some((crate::haproxy::stat_table::RowKind::Server, "www".into(), "w1".into()));
        let (from, to, reason) = ("UP".to_owned(), "DOWN".to_owned(), String::new());
        let kind = EventKind::Status { from, to, reason, cause: StateCause::Check };
        let change = RecordedChange { row, kind };
        RecordedEvent { at: timestamp_at(second * 1000), contents: EventContents::Change(change) }
    };
    let folder = tempfile::tempdir().unwrap();
    // An earlier version recorded no changes.
    let old =
        [cause(1, CauseStep::Opened, CauseKind::ServerDown), cause(2, CauseStep::Resolved, CauseKind::ServerDown)];
    record_run(folder.path(), 0..=10, &old);
    record_run(folder.path(), 12..=20, &[change(13), cause(13, CauseStep::Opened, CauseKind::ServerDown)]);
    let instance = adopt(folder.path());
    let mut lines: Vec<String> = instance.all_events().newest_first().map(Event::line).collect();
    lines.reverse();
    assert_eq!(lines, ["WARN a sentence", "resolved: a sentence", "www/w1  UP → DOWN"]);
}

#[test]
fn recording_without_readable_samples_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    record_run(folder.path(), 0..=3, &[]);
    let path = list_instances(folder.path()).unwrap().remove(0);
    for entry in std::fs::read_dir(&path).unwrap() {
        let journal = entry.unwrap().path();
        if journal.extension().is_some_and(|extension| extension == "journal") {
            let mut bytes = std::fs::read(&journal).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(&journal, bytes).unwrap();
        }
    }
    let recording = Recording::open(&path).unwrap();
    let error = Instance::default().adopt_recording(recording, timestamp_at(9000)).unwrap_err().to_string();
    assert!(error.starts_with("no sample can be read; recording: 1 damaged record left out: "), "{error}");
}

/// Returns a change of a cause with its age in seconds.
fn aged(second: u64, step: CauseStep, age: u64, sentence: &str) -> RecordedEvent {
    let RecordedEvent { at, contents } = cause(second, step, CauseKind::ServerDown);
    let EventContents::Cause(cause) = contents else { panic!("a cause") };
    let state = CauseState {
        age: Duration::from_secs(age),
        before: Duration::from_mins(1),
        may_be_older: false,
        trend: 0,
        impact: Some(0.5),
        earlier: "3 times in 4 min".into(),
    };
    RecordedEvent {
        at,
        contents: EventContents::Cause(RecordedCause { sentence: sentence.into(), state: Some(state), ..cause }),
    }
}

/// Returns the open causes that are about the process.
fn process_causes(instance: &Instance) -> Vec<&Cause> {
    instance.problems().open_causes().filter(|cause| cause.subject.names.is_none()).collect()
}

#[test]
fn cause_of_a_moment_has_its_age_and_its_sentence_of_then() {
    let folder = tempfile::tempdir().unwrap();
    let events = [
        aged(5, CauseStep::Opened, 3, "first"),
        aged(9, CauseStep::Updated, 7, "second"),
        aged(12, CauseStep::Updated, 1, "another fault"),
    ];
    record_run(folder.path(), 0..=20, &events);
    let recording = Recording::open(&list_instances(folder.path()).unwrap()[0]).unwrap();
    let mut instance = Instance::default();
    instance.adopt_recording(recording, timestamp_at(20_000)).unwrap();
    for (second, sentence, age) in [(6, "first", 64), (10, "second", 68), (13, "another fault", 62)] {
        assert!(instance.show_moment(PlaybackStep::Time(Duration::from_secs(second))));
        let [cause] = process_causes(&instance)[..] else { panic!("{:?}", process_causes(&instance)) };
        assert_eq!((cause.sentence.as_str(), cause.impact), (sentence, Some(0.5)));
        assert_eq!(cause.age(Duration::from_secs(second)), Duration::from_secs(age), "{sentence}");
    }
}

#[test]
fn cause_that_was_open_at_the_end_of_a_recent_recording_stays_open() {
    for (now, expected) in [(21_000, 1), (900_000, 0)] {
        let folder = tempfile::tempdir().unwrap();
        record_run(folder.path(), 0..=20, &[aged(5, CauseStep::Opened, 3, "down")]);
        let recording = Recording::open(&list_instances(folder.path()).unwrap()[0]).unwrap();
        let mut instance = Instance::default();
        instance.adopt_recording(recording, timestamp_at(now)).unwrap();
        // The samples alone do not show it.
        assert_eq!(process_causes(&instance).len(), expected, "{now}");
        let is_open = instance.cause_spans().any(|span| span.proxy.is_none() && span.until.is_none());
        assert_eq!(is_open, expected == 1, "{now}");
    }
}

#[test]
fn instance_without_reply_shows_the_end_of_an_old_recording() {
    let folder = tempfile::tempdir().unwrap();
    record_run(folder.path(), 0..=20, &[aged(5, CauseStep::Opened, 3, "down")]);
    let recording = Recording::open(&list_instances(folder.path()).unwrap()[0]).unwrap();
    let mut instance = Instance::default();
    instance.adopt_recording(recording, timestamp_at(900_000)).unwrap();
    assert!(instance.shown().is_none(), "HAProxy may answer yet");
    let failure = PollFailure { reason: "refused".into(), hint: None, is_denied: false, retry_at: Duration::ZERO };
    for second in [901, 902] {
        instance.record_failure(failure.clone(), timestamp_at(second * 1000));
        let Link::Lost { since, .. } = instance.link() else { panic!("{:?}", instance.link()) };
        assert_eq!((*since, instance.shown().unwrap().at), (Duration::from_secs(20), timestamp_at(20_000)));
        let [cause] = process_causes(&instance)[..] else { panic!("{:?}", process_causes(&instance)) };
        assert_eq!((cause.sentence.as_str(), cause.is_open()), ("down", true));
        let is_open = instance.cause_spans().any(|span| span.proxy.is_none() && span.until.is_none());
        assert!(is_open);
    }
    assert!(instance.show_moment(PlaybackStep::Samples(-1)), "earlier samples are there");
}

#[test]
fn very_many_states_are_thinned_out_without_losing_a_cause() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = vec![cause(1, CauseStep::Opened, CauseKind::Memory), aged(1, CauseStep::Opened, 0, "down")];
    events.extend((0..8_000).map(|number| aged(2 + number / 500, CauseStep::Updated, 1, &number.to_string())));
    record_run(folder.path(), 0..=20, &events);
    let instance = adopt(folder.path());
    let spans = instance.cause_spans().count();
    assert!((2..=5_000).contains(&spans), "{spans}");
    assert_eq!(instance.cause_spans().filter(|span| span.from == Duration::from_secs(1)).count(), 2);
}
