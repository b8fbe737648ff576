//! Fuzz target for the files of a recording. The checksums of the records in the input are corrected first, so that changed
//! contents are decoded.

use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use hapulse::haproxy::fields::{Field, InfoField};
use hapulse::haproxy::safe_text::is_visible;
use hapulse::history::block::Series;
use hapulse::observe::row_ids::RowId;
use hapulse::recording::reader::Recording;
use hapulse::recording::record_frame::correct_checksums;
use hapulse::recording::recorded_events::EventContents;
use hapulse::recording::snapshot_reader::open_recordings;

const ALL: RangeInclusive<Duration> = Duration::ZERO..=Duration::MAX;
const SHARD: &str = "00000001-20261130T150000Z.shard";

/// A folder that is removed when the value is dropped.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("hapulse-recording-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads the input as a shard and as its journal.
pub fn check(data: &[u8]) {
    let mut bytes = data.to_vec();
    correct_checksums(&mut bytes);
    let folder = Folder::create();
    fs::write(folder.0.join(SHARD), &bytes).unwrap();
    fs::write(folder.0.join(SHARD.replace("shard", "journal")), &bytes).unwrap();
    read(Recording::open(&folder.0).unwrap());
    // The same bytes as a snapshot.
    for recording in open_recordings(&folder.0.join(SHARD)).map_or(Vec::new(), |opened| opened.recordings) {
        read(recording);
    }
}

/// Reads everything that a recording contains.
fn read(mut recording: Recording) {
    let headers = recording.headers(&ALL).unwrap();
    assert!(headers.windows(2).all(|pair| pair[0].seq < pair[1].seq && pair[0].at <= pair[1].at), "{headers:?}");
    let seqs: Vec<u64> = headers.iter().map(|header| header.seq).collect();
    let mut ids = vec![RowId::PROCESS];
    for sample in recording.restore_samples(&seqs).unwrap() {
        assert_eq!(sample.rows.ids().len(), sample.table.rows().len());
        for row in sample.table.rows() {
            assert!([&row.proxy, &row.name].iter().all(|text| text.as_str().chars().all(is_visible)));
        }
        ids.extend(sample.rows.ids().first());
    }
    ids.dedup();
    for id in ids.iter().take(3) {
        let series = [Series::Stat(Field::Stot), Series::Stat(Field::Lastchg), Series::Info(InfoField::CumReq)];
        recording.read_series(*id, &series, &ALL, |_, values| assert_eq!(values.len(), 3)).unwrap();
    }
    recording.ranges(Duration::from_secs(5)).unwrap();
    for event in recording.events(&(SystemTime::UNIX_EPOCH..=SystemTime::now())).unwrap() {
        let texts = match &event.contents {
            EventContents::Cause(cause) => vec![cause.kind.as_str(), cause.sentence.as_str()],
            EventContents::PollFailure(reason) => vec![reason.as_str()],
            EventContents::Action(line) => vec![line.as_str()],
            EventContents::Change(_) => Vec::new(),
        };
        assert!(texts.iter().all(|text| text.chars().all(|char| !char.is_control())), "{event:?}");
    }
    recording.header_at(SystemTime::now()).unwrap();
    for damage in recording.damage() {
        assert!(damage.to_string().chars().all(is_visible));
    }
}
