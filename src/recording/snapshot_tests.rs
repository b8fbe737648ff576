//! Tests of snapshots: several instances in one file, and damaged files.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::haproxy::safe_text::SafeText;
use crate::history::proptests::assert_same_values;
use crate::observe::sample::Sample;
use crate::observe::test_samples::{SampleBuilder, timestamp_at};
use crate::recording::reader::Recording;
use crate::recording::record_frame::{HEADER_BYTES, MAGIC, SIGNATURE};
use crate::recording::recorded_events::{EventContents, RecordedEvent};
use crate::recording::snapshot_reader::open_recordings;
use crate::recording::snapshot_writer::SnapshotWriter;

fn samples(proxy: &str, count: u64) -> Vec<Arc<Sample>> {
    let mut builder = SampleBuilder::default();
    let stat = |step: u64| {
        let status = if step % 9 == 8 { "DOWN" } else { "UP" };
        format!(
            "# pxname,svname,type,stot,status,\n{proxy},s1,2,{},{status},\n{proxy},BACKEND,1,{},UP,\n",
            step * 7,
            step * 8
        )
    };
    (0..count).map(|step| builder.build_at_millis(step * 1000, &stat(step))).collect()
}

fn failure(millis: u64) -> RecordedEvent {
    RecordedEvent { at: timestamp_at(millis), contents: EventContents::PollFailure(SafeText::from("refused")) }
}

/// A snapshot of two instances with 300 and 20 samples.
fn snapshot() -> (Vec<u8>, [Vec<Arc<Sample>>; 2]) {
    let all = [samples("shop", 300), samples("api", 20)];
    let mut writer = SnapshotWriter::new(Vec::new());
    for (name, samples) in ["lb01", "lb02"].into_iter().zip(&all) {
        writer.start_run(name, "/run/a.sock");
        for sample in samples {
            writer.push(sample).unwrap();
        }
        writer.finish_run(&[failure(500), failure(1500)]).unwrap();
    }
    (writer.finish().unwrap(), all)
}

/// Opens these bytes as a file.
fn open(bytes: &[u8]) -> std::io::Result<(tempfile::TempDir, Vec<Recording>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("incident.hapulse");
    fs::write(&path, bytes).unwrap();
    let recordings = open_recordings(&path)?.recordings;
    Ok((folder, recordings))
}

fn restore(recording: &mut Recording) -> Vec<Arc<Sample>> {
    let headers = recording.headers(&(Duration::ZERO..=Duration::MAX)).unwrap();
    let seqs: Vec<u64> = headers.iter().map(|header| header.seq).collect();
    recording.restore_samples(&seqs).unwrap()
}

#[test]
fn snapshot_contains_samples_and_events_of_all_instances() {
    let (bytes, all) = snapshot();
    let (_folder, mut recordings) = open(&bytes).unwrap();
    assert_eq!(recordings.iter().map(Recording::name).collect::<Vec<_>>(), ["lb01", "lb02"]);
    for (recording, samples) in recordings.iter_mut().zip(&all) {
        recording.refresh().unwrap();
        let back = restore(recording);
        assert_eq!(back.len(), samples.len());
        for (sample, back) in samples.iter().zip(&back) {
            assert_eq!((sample.seq, sample.at), (back.seq, back.at));
            assert_same_values(sample, back).unwrap();
        }
        let events = recording.events(&(SystemTime::UNIX_EPOCH..=timestamp_at(1000).wall)).unwrap();
        assert_eq!(events, [failure(500)]);
        assert_eq!((recording.damage(), recording.address()), (vec![], "/run/a.sock"));
    }
}

#[test]
fn damaged_record_never_gives_samples_of_another_instance() {
    let (bytes, all) = snapshot();
    let records: Vec<usize> = (0..bytes.len()).filter(|place| bytes[*place..].starts_with(&MAGIC)).collect();
    assert!(records.len() >= 10);
    // A byte of the header, and one of the contents; the marks of both ends have none.
    let inner = &records[1..records.len() - 1];
    let places = records.iter().map(|record| record + HEADER_BYTES - 1);
    for record in places.chain(inner.iter().map(|record| record + HEADER_BYTES + 1)).chain(0..SIGNATURE.len()) {
        let mut damaged = bytes.clone();
        damaged[record] ^= 1;
        if open(&damaged).is_err() {
            assert!(record < SIGNATURE.len(), "the byte at {record}");
            continue;
        }
        let (_folder, recordings) = open(&damaged).unwrap();
        let mut damage = 0;
        for mut recording in recordings {
            let samples = &all[usize::from(recording.name() == "lb02")];
            for back in restore(&mut recording) {
                let original = samples.iter().find(|sample| sample.at == back.at).unwrap();
                assert_same_values(original, &back).unwrap();
            }
            recording.events(&(SystemTime::UNIX_EPOCH..=timestamp_at(1000).wall)).unwrap();
            damage += recording.damage().len();
        }
        assert!(damage > 0, "the byte at {record}");
    }
}

#[test]
fn truncated_snapshot_gives_what_is_intact() {
    let (bytes, all) = snapshot();
    for end in (0..bytes.len()).step_by(61) {
        let Ok((_folder, mut recordings)) = open(&bytes[..end]) else { continue };
        for recording in &mut recordings {
            assert!(restore(recording).len() <= all[0].len());
        }
    }
    for end in [bytes.len() - 1, bytes.len() - HEADER_BYTES] {
        let recording = open(&bytes[..end]).unwrap().1.remove(0);
        let damage: Vec<String> = recording.damage().iter().map(ToString::to_string).collect();
        assert!(damage.iter().any(|line| line.contains("the file was cut off")), "{damage:?}");
    }
    let two_blocks = open(&bytes[..bytes.len() * 2 / 3]).unwrap().1.iter_mut().map(|all| restore(all).len()).max();
    assert!(two_blocks >= Some(128), "{two_blocks:?}");
}

#[test]
fn open_recordings_refuses_other_files() {
    for (other, message) in [
        (b"".as_slice(), "is empty"),
        (b"PK\x03\x04 a zip file", "is not a recording of hapulse"),
        (b"hapulse record\n\x04", "is not a recording of hapulse"),
        (b"hapulse record\n\x03", "contains no recording"),
    ] {
        let error = open(other).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}
