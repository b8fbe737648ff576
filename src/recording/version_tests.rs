//! Tests that the recordings of all versions of the format are read.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_row::RowKind;
use crate::history::block::BLOCK_SAMPLES;
use crate::observe::events::{EventKind, RowNames};
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::observe::state_cause::StateCause;
use crate::observe::test_samples::timestamp_at;
use crate::observe::timestamp::Timestamp;
use crate::recording::crash_tests::{Traffic, assert_same, open, record, restore_all};
use crate::recording::record_frame::VERSION;
use crate::recording::recorded_changes::RecordedChange;
use crate::recording::recorded_events::{CauseState, CauseStep, EventContents, RecordedCause, RecordedEvent};

const SAMPLES: usize = BLOCK_SAMPLES + 22;

/// Folder of the recording of a version. It was written by [`write_recording_of_this_version`] and must never change, nor
/// must [`Traffic`].
fn folder_of(version: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(version.to_string())
}

fn event_at(at: Timestamp) -> RecordedEvent {
    RecordedEvent { at, contents: EventContents::Action("{\"command\":\"show info\"}".to_owned()) }
}

/// Returns the events that the recording of a version has. Version 3 has one of each kind.
fn events_of(version: u8, at: Timestamp) -> Vec<RecordedEvent> {
    let mut all = vec![event_at(at)];
    if version < 3 {
        return all;
    }
    let row = || Some((RowKind::Server, SafeText::from("b"), SafeText::from("s")));
    let cause = |step, state| RecordedCause {
        step,
        severity: Severity::Warn,
        kind: "tls".into(),
        row: row(),
        sentence: "down".into(),
        state,
    };
    let state = CauseState {
        age: Duration::from_secs(3),
        before: Duration::from_secs(9),
        may_be_older: true,
        trend: 0,
        impact: Some(0.5),
        earlier: "flaps".into(),
    };
    let status = EventKind::Status {
        from: "UP".to_owned(),
        to: "DOWN".to_owned(),
        reason: "L4CON".to_owned(),
        cause: StateCause::Check,
    };
    let changes = [
        status,
        EventKind::Weight { from: 100, to: 50, is_own: false },
        EventKind::RowsAdded(RowNames { first: vec!["b/t".to_owned()], count: 7 }),
        EventKind::Reloaded { from: 17, to: 18, are_reset: true },
        EventKind::LinkRestored(Duration::from_secs(4)),
    ];
    let mut contents = vec![
        EventContents::Cause(cause(CauseStep::Opened, None)),
        EventContents::Cause(cause(CauseStep::Updated, Some(state))),
        EventContents::PollFailure("refused".into()),
    ];
    contents.extend(changes.map(|kind| EventContents::Change(RecordedChange { row: row(), kind })));
    all.extend(contents.into_iter().map(|contents| RecordedEvent { at, contents }));
    all
}

#[test]
#[ignore = "writes the recording that later versions must read"]
fn write_recording_of_this_version() {
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, _) = record(folder.path(), &mut Traffic::start(), 0);
    let mut traffic = Traffic::start();
    for index in 0..SAMPLES {
        let sample = traffic.next();
        if index == 50 {
            // Each in a record of its own, which is too short to be compressed.
            for event in events_of(VERSION, sample.at) {
                recorder.add_event(&event);
                recorder.flush(sample.at).unwrap();
            }
        }
        recorder.push(&sample).unwrap();
    }
    recorder.flush(timestamp_at(9_000_000)).unwrap();
    fs::create_dir_all(folder_of(VERSION)).unwrap();
    for entry in fs::read_dir(recorder.folder()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder_of(VERSION).join(entry.file_name())).unwrap();
    }
}

#[test]
fn recordings_of_all_versions_are_read() {
    for version in 1..=VERSION {
        // The working copy may be writable by others.
        let folder = tempfile::tempdir().unwrap();
        let instance = folder.path().join("lb");
        fs::create_dir(&instance).unwrap();
        for entry in fs::read_dir(folder_of(version)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), instance.join(entry.file_name())).unwrap();
        }
        let mut recording = open(folder.path());
        let mut traffic = Traffic::start();
        let samples: Vec<Arc<Sample>> = (0..SAMPLES).map(|_| traffic.next()).collect();
        let restored = restore_all(&mut recording);
        assert_eq!(restored.len(), samples.len());
        samples.iter().zip(&restored).for_each(|(sample, back)| assert_same(sample, back));
        assert_eq!(recording.damage(), []);
        assert_eq!((recording.name(), recording.address()), ("lb/01", "/run/a.sock"));
        let events = recording.events(&(SystemTime::UNIX_EPOCH..=SystemTime::now())).unwrap();
        assert_eq!(events, events_of(version, samples[50].at));
    }
}

#[test]
fn recording_of_a_later_version_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, _) = record(folder.path(), &mut Traffic::start(), 9);
    recorder.flush(timestamp_at(9_000_000)).unwrap();
    for entry in fs::read_dir(recorder.folder()).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if path.extension().is_some_and(|end| end != "index") {
            bytes[15] = VERSION + 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    let damage: Vec<String> = open(folder.path()).damage().iter().map(ToString::to_string).collect();
    assert!(
        damage.iter().any(|line| line.contains("is not the beginning of a recording of this version")),
        "{damage:?}"
    );
}
