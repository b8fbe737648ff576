//! Tests of recordings on disk: restarts, truncated files, flipped bits.

use std::fmt::Write as _;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_row::RowKind;
use crate::history::block::{BLOCK_SAMPLES, Series};
use crate::history::proptests::assert_same_values;
use crate::observe::sample::Sample;
use crate::observe::test_samples::{SampleBuilder, timestamp_at};
use crate::recording::folder::{ShardPart, list_instances, list_shards};
use crate::recording::reader::Recording;
use crate::recording::recorded_events::{EventContents, RecordedEvent};
use crate::recording::writer::Recorder;

const ALL: RangeInclusive<Duration> = Duration::ZERO..=Duration::MAX;

/// Samples of a site with changing numbers, texts and rows.
pub(super) struct Traffic {
    builder: SampleBuilder,
    step: u64,
    /// Difference between the wall clock and the monotonic clock.
    wall_offset: Duration,
}

impl Traffic {
    pub(super) fn start() -> Self {
        Self { builder: SampleBuilder::default(), step: 0, wall_offset: Duration::ZERO }
    }

    pub(super) fn next(&mut self) -> Arc<Sample> {
        self.step += 1;
        let step = self.step;
        let status = if step.is_multiple_of(7) { "DOWN" } else { "UP" };
        let mut stat = "# pxname,svname,type,stot,scur,bin,lastchg,status,addr,last_chk,\n".to_owned();
        for server in 1..=3 {
            if server == 3 && step % 40 > 30 {
                continue;
            }
            let (stot, bin) = (step * server * 3, step * step * 100);
            let texts = format!("{status},10.0.0.{server}:80,ok \u{1b}");
            let _ = writeln!(stat, "be,s{server},2,{stot},{},{bin},{step},{texts},", step % 5);
        }
        self.builder.info = format!("CumReq: {}\nDescription: \u{7}{}\n", step * 9, step / 10);
        let sample = self.builder.build_at_millis(step * 2000, &stat);
        let mut sample = Arc::into_inner(sample).unwrap();
        sample.at.wall += self.wall_offset;
        Arc::new(sample)
    }
}

pub(super) fn record(folder: &Path, traffic: &mut Traffic, count: usize) -> (Recorder, Vec<Arc<Sample>>) {
    let mut recorder = Recorder::create(folder, "lb/01", "/run/a.sock").unwrap();
    let samples: Vec<Arc<Sample>> = (0..count).map(|_| traffic.next()).collect();
    for sample in &samples {
        recorder.push(sample).unwrap();
    }
    (recorder, samples)
}

pub(super) fn open(folder: &Path) -> Recording {
    Recording::open(&list_instances(folder).unwrap()[0]).unwrap()
}

pub(super) fn restore_all(recording: &mut Recording) -> Vec<Arc<Sample>> {
    let seqs: Vec<u64> = recording.headers(&ALL).unwrap().iter().map(|header| header.seq).collect();
    recording.restore_samples(&seqs).unwrap()
}

/// Gives a sample of a reader the numbers of the recorder, which differ after a restart.
pub(super) fn assert_same(sample: &Sample, back: &Sample) {
    let Sample { info, table, rows, level, cost, interval, .. } = back;
    let table = crate::haproxy::stat_table::StatTable::new(
        Arc::clone(table.schema()),
        Arc::clone(table.shared_rows()),
        clone_numbers(back),
        table.anomalies(),
    );
    let mut at = sample.at;
    at.wall = back.at.wall;
    let same = Sample {
        seq: sample.seq,
        at,
        epoch: sample.epoch,
        level: *level,
        info: info.clone(),
        table,
        rows: Arc::clone(rows),
        changes: None,
        cost: *cost,
        interval: *interval,
        configured: None,
        details: crate::observe::sample::SampleDetails::default(),
    };
    assert_same_values(sample, &same).unwrap();
    assert_eq!(sample.epoch.pid, back.epoch.pid);
}

fn clone_numbers(sample: &Sample) -> crate::haproxy::numbers::number_rows::NumberRows {
    let width = sample.table.schema().width();
    let mut writer = crate::haproxy::numbers::row_writer::RowWriter::new(width, sample.table.rows().len());
    for index in 0..sample.table.rows().len() {
        for slot in 0..width {
            if let Some(number) = sample.table.slot_number(index, slot) {
                writer.set(slot, number);
            }
        }
        writer.end_row();
    }
    writer.finish()
}

/// Asserts that each restored sample equals the recorded one with the same wall clock time, and returns their number.
fn assert_subset(samples: &[Arc<Sample>], restored: &[Arc<Sample>]) -> usize {
    for back in restored {
        let original = samples.iter().find(|sample| sample.at.wall == back.at.wall);
        assert_same(original.expect("a sample that was never recorded"), back);
    }
    restored.len()
}

/// Restores some of the samples, asserts that they equal the recorded ones, and returns the number of all.
fn count_intact(recording: &mut Recording, samples: &[Arc<Sample>]) -> usize {
    let seqs: Vec<u64> = recording.headers(&ALL).unwrap().iter().map(|header| header.seq).collect();
    let last = seqs.len().saturating_sub(1);
    let some: Vec<u64> =
        seqs.iter().enumerate().filter(|(index, _)| index % 19 == 0 || *index == last).map(|(_, seq)| *seq).collect();
    let restored = recording.restore_samples(&some).unwrap();
    assert_subset(samples, &restored);
    if restored.len() == some.len() { seqs.len() } else { restored.len() }
}

fn copy_folder(from: &Path, to: &Path) -> PathBuf {
    let instance = &list_instances(from).unwrap()[0];
    let copy = to.join(instance.file_name().unwrap());
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(instance).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    copy
}

fn file(folder: &Path, part: ShardPart) -> PathBuf {
    list_shards(folder).unwrap().last().unwrap().path(folder, part)
}

#[test]
fn recording_is_read_back_across_blocks_restarts_and_clock_jumps() {
    let folder = tempfile::tempdir().unwrap();
    let mut traffic = Traffic::start();
    let (_, mut samples) = record(folder.path(), &mut traffic, BLOCK_SAMPLES * 2 + 30);
    // The recorder was killed: its last samples are in the journal only. The next one starts its clocks again.
    traffic = Traffic { step: 100, wall_offset: Duration::from_secs(700), ..Traffic::start() };
    traffic.builder.reload();
    let (_, second) = record(folder.path(), &mut traffic, BLOCK_SAMPLES + 5);
    let written = second.len() - (BLOCK_SAMPLES + 5) % 5;
    samples.truncate(BLOCK_SAMPLES * 2 + 30);
    let mut recording = open(folder.path());
    assert_eq!((recording.name(), recording.address()), ("lb/01", "/run/a.sock"));
    let restored = restore_all(&mut recording);
    assert!(restored.len() + 10 >= samples.len() + written, "{} restored", restored.len());
    let first_run = restored.iter().take_while(|sample| sample.epoch.number == 1).count();
    for (sample, back) in samples.iter().zip(&restored[..first_run]).chain(second.iter().zip(&restored[first_run..])) {
        assert_eq!(sample.at.wall, back.at.wall);
        assert_same(sample, back);
    }
    assert!(first_run + 5 > samples.len(), "{first_run}");
    assert!(
        restored.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq && pair[0].at.monotonic < pair[1].at.monotonic)
    );
    assert!(Arc::ptr_eq(&restored[0].rows, &restored[1].rows));
    assert_eq!(recording.ranges(Duration::from_secs(5)).unwrap().len(), 2);
    assert_eq!(recording.damage(), []);
    assert_lookups(&mut recording, &restored);
}

fn assert_lookups(recording: &mut Recording, restored: &[Arc<Sample>]) {
    for (index, sample) in restored.iter().enumerate().step_by(17) {
        let wall = sample.at.wall + Duration::from_millis(300);
        assert_eq!(recording.header_at(wall).unwrap().map(|header| header.seq), Some(sample.seq));
        let at = sample.at.monotonic;
        assert_eq!(recording.header_at_monotonic(at).unwrap().map(|header| header.seq), Some(sample.seq));
        let next = recording.header_after(sample.seq).unwrap().map(|header| header.seq);
        assert_eq!(next, restored.get(index + 1).map(|next| next.seq));
        let before = recording.header_before(sample.seq).unwrap().map(|header| header.seq);
        assert_eq!(before, index.checked_sub(1).map(|before| restored[before].seq));
        assert_eq!(recording.sample_at(wall).unwrap().map(|back| back.seq), Some(sample.seq));
    }
    let text = |text: &str| SafeText::from(text);
    let id = recording.row_id(RowKind::Server, &text("be"), &text("s3")).unwrap();
    let mut values = Vec::new();
    let series = [Series::Stat(Field::Stot), Series::Stat(Field::Lastchg), Series::Info(InfoField::CumReq)];
    recording
        .read_series(id, &series, &ALL, |header, row| values.push((header.seq, row[0], row[1].is_some(), row[2])))
        .unwrap();
    let expected = restored.iter().map(|sample| {
        let stot = sample.number(id, Field::Stot);
        (sample.seq, stot, stot.is_some(), None)
    });
    assert_eq!(values, expected.collect::<Vec<_>>());
    let mut process = Vec::new();
    let id = crate::observe::row_ids::RowId::PROCESS;
    recording.read_series(id, &series[2..], &ALL, |_, row| process.push(row[0])).unwrap();
    let expected = restored.iter().map(|sample| sample.process_number(InfoField::CumReq));
    assert_eq!(process, expected.collect::<Vec<_>>());
}

#[test]
fn refresh_finds_new_samples_and_keeps_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let mut traffic = Traffic::start();
    let (mut recorder, mut samples) = record(folder.path(), &mut traffic, 9);
    let mut recording = open(folder.path());
    for step in 0..BLOCK_SAMPLES + 20 {
        let sample = traffic.next();
        recorder.push(&sample).unwrap();
        samples.push(Arc::clone(&sample));
        recorder.flush(sample.at).unwrap();
        recording.refresh().unwrap();
        if step % 9 == 0 || step + 15 > BLOCK_SAMPLES {
            let restored = restore_all(&mut recording);
            assert_eq!(assert_subset(&samples, &restored), samples.len());
            assert!(restored.iter().zip(&samples).all(|(back, sample)| back.seq == sample.seq));
        }
    }
    assert_eq!(recording.damage(), []);
}

#[test]
fn samples_reach_the_disk_within_ten_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let (_, samples) = record(folder.path(), &mut Traffic::start(), 60);
    let written = restore_all(&mut open(folder.path())).len();
    assert!(written + 5 > samples.len(), "{written}: at most 8 s are missing, and the time until the next sample");
}

#[test]
fn truncated_journal_loses_only_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (_, samples) = record(folder.path(), &mut Traffic::start(), BLOCK_SAMPLES + 23);
    let journal = file(&list_instances(folder.path()).unwrap()[0], ShardPart::Journal);
    let bytes = fs::read(&journal).unwrap();
    let mut before = 0;
    for length in 0..=bytes.len() {
        let copy = tempfile::tempdir().unwrap();
        let instance = copy_folder(folder.path(), copy.path());
        fs::write(file(&instance, ShardPart::Journal), &bytes[..length]).unwrap();
        let mut recording = open(copy.path());
        let count = count_intact(&mut recording, &samples);
        assert!(count >= BLOCK_SAMPLES && count >= before, "{length}: {count}");
        before = count;
    }
    assert!(before + 5 > samples.len());
}

#[test]
fn truncated_last_block_loses_only_this_block() {
    let folder = tempfile::tempdir().unwrap();
    let (_, samples) = record(folder.path(), &mut Traffic::start(), BLOCK_SAMPLES * 2 + 2);
    let shard = file(&list_instances(folder.path()).unwrap()[0], ShardPart::Shard);
    let bytes = fs::read(&shard).unwrap();
    let recording = open(folder.path());
    assert_eq!(recording.sample_count(), BLOCK_SAMPLES as u64 * 2);
    let mut intact = bytes.len();
    for length in (0..bytes.len()).rev() {
        // The index must not matter.
        let has_index = length % 2 == 0;
        let copy = tempfile::tempdir().unwrap();
        let instance = copy_folder(folder.path(), copy.path());
        fs::File::options()
            .write(true)
            .open(file(&instance, ShardPart::Shard))
            .unwrap()
            .set_len(length as u64)
            .unwrap();
        if !has_index {
            fs::remove_file(file(&instance, ShardPart::Index)).unwrap();
        }
        let mut recording = open(copy.path());
        let count = count_intact(&mut recording, &samples);
        assert_eq!(count, BLOCK_SAMPLES, "{length}");
        assert!(recording.damage().len() <= 1, "{:?}", recording.damage());
        intact = intact.min(if recording.damage().is_empty() { length } else { intact });
        if intact == length {
            break;
        }
    }
    assert!(intact < bytes.len() - 500, "{intact} of {}", bytes.len());
}

/// Flips one bit of each byte of a file, and reads the recording. Returns the smallest number of samples.
fn flip_bits(folder: &Path, part: ShardPart, samples: &[Arc<Sample>]) -> usize {
    let bytes = fs::read(file(&list_instances(folder).unwrap()[0], part)).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let instance = copy_folder(folder, copy.path());
    let path = file(&instance, part);
    let all = restore_all(&mut open(copy.path())).len();
    let mut fewest = all;
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place * 7 % 8);
        fs::write(&path, flipped).unwrap();
        let mut recording = open(copy.path());
        let count = count_intact(&mut recording, samples);
        assert!(count == all || !recording.damage().is_empty(), "{place}: lost samples are reported");
        let events = recording.events(&(SystemTime::UNIX_EPOCH..=SystemTime::now())).unwrap();
        assert!(!events.is_empty() || !recording.are_events_known(Duration::MAX), "{place}: lost events are reported");
        recording.verify().unwrap();
        assert!(!recording.damage().is_empty(), "{place}: a flipped bit is reported");
        fewest = fewest.min(count);
    }
    fewest
}

#[test]
fn flipped_bit_never_changes_a_sample() {
    let folder = tempfile::tempdir().unwrap();
    let mut traffic = Traffic::start();
    let (mut recorder, mut samples) = record(folder.path(), &mut traffic, 12);
    let contents = EventContents::PollFailure(SafeText::from("refused"));
    recorder.add_event(&RecordedEvent { at: samples[3].at, contents });
    for _ in 0..BLOCK_SAMPLES {
        samples.push(traffic.next());
        recorder.push(&samples[samples.len() - 1]).unwrap();
    }
    drop(recorder);
    assert!(flip_bits(folder.path(), ShardPart::Index, &samples) >= BLOCK_SAMPLES + 8);
    assert!(flip_bits(folder.path(), ShardPart::Journal, &samples) >= BLOCK_SAMPLES);
    flip_bits(folder.path(), ShardPart::Shard, &samples);
}

#[test]
fn index_is_not_needed() {
    let folder = tempfile::tempdir().unwrap();
    let (_, samples) = record(folder.path(), &mut Traffic::start(), BLOCK_SAMPLES * 3);
    fs::remove_file(file(&list_instances(folder.path()).unwrap()[0], ShardPart::Index)).unwrap();
    let mut recording = open(folder.path());
    assert!(assert_subset(&samples, &restore_all(&mut recording)) + 5 > samples.len());
    assert_eq!(recording.damage(), []);
}

#[test]
fn shard_changes_with_the_hour_and_events_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut traffic = Traffic::start();
    let mut recorder = Recorder::create(folder.path(), "lb", "a").unwrap();
    let reason = |number: u64| EventContents::PollFailure(SafeText::from(format!("failure {number}").as_str()));
    for number in 0..4000_u64 {
        let sample = traffic.next();
        recorder.push(&sample).unwrap();
        if number.is_multiple_of(1000) {
            recorder.add_event(&RecordedEvent { at: sample.at, contents: reason(number) });
        }
    }
    recorder.flush(timestamp_at(9_000_000)).unwrap();
    let instance = folder.path().join("lb");
    assert_eq!(list_shards(&instance).unwrap().len(), 3, "8,000 s from 22:13:20");
    let mut recording = open(folder.path());
    assert_eq!(recording.sample_count(), 4000);
    let events = recording.events(&(SystemTime::UNIX_EPOCH..=SystemTime::now())).unwrap();
    assert_eq!(
        events.iter().map(|event| event.contents.clone()).collect::<Vec<_>>(),
        [0, 1000, 2000, 3000].map(reason)
    );
    let later = events[1].at.wall + Duration::from_secs(1);
    assert_eq!(recording.events(&(later..=SystemTime::now())).unwrap(), events[2..]);
    assert_eq!(recording.ranges(Duration::from_secs(5)).unwrap().len(), 1);
}

#[test]
fn ranges_end_at_pauses_within_a_block() {
    let folder = tempfile::tempdir().unwrap();
    let mut traffic = Traffic::start();
    let (mut recorder, _) = record(folder.path(), &mut traffic, 20);
    traffic.step += 100;
    for _ in 0..20 {
        recorder.push(&traffic.next()).unwrap();
    }
    recorder.flush(timestamp_at(999_000)).unwrap();
    let ranges = open(folder.path()).ranges(Duration::from_secs(10)).unwrap();
    let seconds = |range: &crate::recording::reader::RecordedRange| {
        (range.first.monotonic.as_secs(), range.last.monotonic.as_secs())
    };
    assert_eq!(ranges.iter().map(seconds).collect::<Vec<_>>(), [(2, 40), (242, 280)]);
}
