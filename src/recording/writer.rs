//! Records the samples and events of one instance.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::own_file::{self, PathChoice};
use crate::observe::sample::Sample;
use crate::observe::timestamp::Timestamp;
use crate::recording::byte_codec::{Damaged, duration_nanos, wall_nanos};
use crate::recording::folder::{ShardName, folder_name, list_shards};
use crate::recording::open_block::OpenBlock;
use crate::recording::record_frame::{SampleMark, SampleSpan, ShardOrigin};
use crate::recording::recorded_events::{MAX_EVENTS, RecordedEvent};
use crate::recording::shard_writer::ShardWriter;

/// Maximum time for which samples are kept in memory only. A crash loses at most these samples.
pub const MAX_UNWRITTEN: Duration = Duration::from_secs(10);
/// Maximum size of events that wait to be written, in bytes. Further ones are counted as lost.
const MAX_WAITING_EVENT_BYTES: usize = 1 << 20;

/// Numbers of what a recorder wrote and lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecorderCounts {
    /// Samples that were added.
    pub samples: u64,
    /// Samples that could not be written.
    pub lost_samples: u64,
    /// Events that could not be written.
    pub lost_events: u64,
    /// Bytes written to all files.
    pub written_bytes: u64,
    /// Shards whose files were removed while they were written.
    pub removed_shards: u64,
}

/// Events that are not written yet.
#[derive(Debug, Default)]
struct WaitingEvents {
    bytes: Vec<u8>,
    count: usize,
    times: Option<(Timestamp, Timestamp)>,
}

/// Writes the recording of one instance. Errors do not end it: it tries again when the next samples are written, and counts
/// the samples that are lost in between.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    choice: PathChoice,
    origin: ShardOrigin,
    shard: Option<ShardWriter>,
    /// Size from which a shard is complete although its hour is not over, in bytes, and time after which it is.
    max_shard_bytes: u64,
    max_shard_time: Duration,
    open: Option<OpenBlock>,
    events: WaitingEvents,
    /// Time of the last attempt to write.
    last_attempt: Duration,
    counts: RecorderCounts,
    /// Bytes written to earlier shards.
    earlier_bytes: u64,
}

impl Recorder {
    /// Creates a recorder for an instance, in its own folder below a folder that the user named.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be created, or if another user can replace its files.
    pub fn create(folder: &Path, name: &str, address: &str) -> io::Result<Self> {
        Self::new(folder, PathChoice::ByCaller, name, address)
    }

    /// Creates a recorder for an instance, in its own folder below `folder`. The caller holds the lock of `folder`. No file
    /// is created before the first sample.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be created, or if another user can replace its files.
    pub(crate) fn new(folder: &Path, choice: PathChoice, name: &str, address: &str) -> io::Result<Self> {
        let folder = folder.join(folder_name(name));
        own_file::create_directory(&folder, choice)?;
        let origin = ShardOrigin {
            run: fastrand::u64(..),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: name.to_owned(),
            address: address.to_owned(),
        };
        Ok(Self {
            folder,
            choice,
            origin,
            shard: None,
            max_shard_bytes: u64::MAX,
            max_shard_time: Duration::MAX,
            open: None,
            events: WaitingEvents::default(),
            last_attempt: Duration::ZERO,
            counts: RecorderCounts::default(),
            earlier_bytes: 0,
        })
    }

    /// Starts a new shard also when the last one has this size in bytes, or after this time. Only whole shards can be
    /// removed.
    pub(crate) fn limit_shards(&mut self, bytes: Option<u64>, time: Option<Duration>) {
        self.max_shard_bytes = bytes.unwrap_or(u64::MAX);
        self.max_shard_time = time.unwrap_or(Duration::MAX);
    }

    /// Returns the folder of the instance.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns what was written and lost so far.
    pub fn counts(&self) -> RecorderCounts {
        let written_bytes = self.earlier_bytes + self.shard.as_ref().map_or(0, |shard| shard.written_bytes);
        RecorderCounts { written_bytes, ..self.counts }
    }

    /// Returns the memory of the samples in the open block, in bytes.
    pub fn memory(&self) -> usize {
        self.open.as_ref().map_or(0, OpenBlock::memory) + self.events.bytes.len()
    }

    /// Adds a sample, and writes when it is time to. Samples must be added in their order.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written. The recorder remains usable.
    pub fn push(&mut self, sample: &Arc<Sample>) -> io::Result<()> {
        let mut result = Ok(());
        let is_late = self.shard.as_ref().is_some_and(|shard| shard.is_older_than(self.max_shard_time, sample.at.wall));
        if self.open.as_ref().is_some_and(|open| !open.accepts(sample) || is_late) {
            result = self.complete_block(sample.at);
        }
        let open = self.open.get_or_insert_with(|| OpenBlock::new(sample, None));
        open.push(sample);
        self.counts.samples += 1;
        // The next sample may come after the interval only.
        result.and(self.flush_due(sample.at, sample.interval))
    }

    /// Adds an event. It is written with the next samples.
    pub fn add_event(&mut self, event: &RecordedEvent) {
        let waiting = &mut self.events;
        if waiting.count >= MAX_EVENTS || waiting.bytes.len() >= MAX_WAITING_EVENT_BYTES {
            self.counts.lost_events += 1;
            return;
        }
        event.encode(&mut waiting.bytes);
        waiting.count += 1;
        let first = waiting.times.map_or(event.at, |(first, _)| first);
        waiting.times = Some((first, event.at));
    }

    /// Writes what is not written yet if the oldest of it would become older than [`MAX_UNWRITTEN`] within the time `ahead`.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written. The recorder remains usable.
    pub fn flush_due(&mut self, now: Timestamp, ahead: Duration) -> io::Result<()> {
        let oldest_sample = self.open.as_ref().and_then(|open| open.unwritten().first()).map(|header| header.at);
        let oldest_event = self.events.times.map(|(first, _)| first.monotonic);
        let oldest = [oldest_sample, oldest_event].into_iter().flatten().min();
        // After an error, the next attempt waits.
        let is_due = oldest
            .is_some_and(|oldest| now.monotonic + ahead >= oldest.max(self.last_attempt).saturating_add(MAX_UNWRITTEN));
        if is_due { self.flush(now) } else { Ok(()) }
    }

    /// Writes all samples and events that are not written yet.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written. The recorder remains usable.
    pub fn flush(&mut self, now: Timestamp) -> io::Result<()> {
        let has_samples = self.open.as_ref().is_some_and(|open| !open.unwritten().is_empty());
        if !has_samples && self.events.count == 0 {
            return Ok(());
        }
        let result = self.write_new(now);
        if result.is_err() {
            self.last_attempt = now.monotonic;
        }
        result.or_else(|error| self.leave_shard_unless_full(error))
    }

    fn write_new(&mut self, now: Timestamp) -> io::Result<()> {
        let first = self.open.as_ref().and_then(|open| open.headers().first()).map(|header| header.wall);
        let first_event = self.events.times.map(|(first, _)| first.wall);
        self.require_shard(first.or(first_event).unwrap_or(now.wall))?;
        let Some(shard) = &mut self.shard else { return Ok(()) };
        if let Some((first, last)) = self.events.times {
            let mark =
                |at: Timestamp| SampleMark { seq: 0, at: duration_nanos(at.monotonic), wall: wall_nanos(at.wall) };
            let span = SampleSpan { first: mark(first), last: mark(last), ..SampleSpan::default() };
            shard.append_events(span, &self.events.bytes)?;
            self.events = WaitingEvents::default();
        }
        if let Some(open) = self.open.as_mut().filter(|open| !open.unwritten().is_empty()) {
            let (span, contents, end) = open.encode_unwritten(&mut shard.dictionary).map_err(invalid)?;
            shard.append_part(span, &contents)?;
            open.mark_written(end);
        }
        Ok(())
    }

    /// Packs the open block and appends it to its shard. If that fails, the samples in the journal remain there, and the
    /// others are lost.
    fn complete_block(&mut self, now: Timestamp) -> io::Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let unwritten = open.unwritten().len() as u64;
        let result = self.write_block(&mut open, now);
        let is_complete = self.shard.as_ref().is_some_and(|shard| {
            shard.is_complete(now.wall)
                || shard.length() >= self.max_shard_bytes
                || shard.is_older_than(self.max_shard_time, now.wall)
        });
        if result.is_err() {
            self.counts.lost_samples += unwritten;
        }
        if result.is_err() || is_complete {
            self.leave_shard();
        }
        result
    }

    fn write_block(&mut self, open: &mut OpenBlock, now: Timestamp) -> io::Result<()> {
        self.require_shard(open.headers().first().map_or(now.wall, |first| first.wall))?;
        let Some(shard) = &mut self.shard else { return Ok(()) };
        let (span, contents) = open.encode_packed(&mut shard.dictionary).map_err(invalid)?;
        shard.append_block(span, &contents)
    }

    /// Creates a shard that starts at this time if none is open. If the files of the open one were removed, or its folder, it is
    /// replaced.
    fn require_shard(&mut self, started: SystemTime) -> io::Result<()> {
        if self.shard.as_ref().is_some_and(ShardWriter::is_removed) {
            self.leave_shard();
            self.counts.removed_shards += 1;
        }
        if self.shard.is_none() {
            own_file::create_directory(&self.folder, self.choice)?;
            let number = list_shards(&self.folder)?.last().map_or(0, |last| last.number) + 1;
            let name = ShardName::new(number, started);
            self.shard = Some(ShardWriter::create(&self.folder, &name, &self.origin, self.choice, started)?);
            if let Some(open) = &mut self.open {
                open.mark_unwritten();
            }
        }
        Ok(())
    }

    /// On a full disk, the same shard is continued later: what was written of the last record is removed. After other
    /// errors, the state of the files is unknown.
    fn leave_shard_unless_full(&mut self, error: io::Error) -> io::Result<()> {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        if !matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
            self.leave_shard();
            if let Some(open) = &mut self.open {
                open.mark_unwritten();
            }
        }
        Err(error)
    }

    fn leave_shard(&mut self) {
        self.earlier_bytes += self.shard.take().map_or(0, |shard| shard.written_bytes);
    }
}

fn invalid(error: Damaged) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
