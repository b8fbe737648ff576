//! Reads the recording of one instance: its samples, series and events over all shards.
//!
//! The shards appear as one sequence of samples with the numbers and times of the reader: sequence numbers and monotonic
//! times always increase, also across restarts of the recorder and jumps of the wall clock. Opening reads headers only. One
//! block at a time is decoded, and the last few decoded blocks are kept. [`event_reader`](crate::recording::event_reader) reads the events.

use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_row::RowKind;
use crate::history::block::{SampleHeader, Series};
use crate::history::older_blocks::{BlockSpan, DecodedBlock};
use crate::observe::row_ids::{KnownRows, RowId, RowSet};
use crate::observe::sample::Sample;
use crate::observe::timestamp::Timestamp;
use crate::recording::block_decoder::BlockDecoder;
use crate::recording::byte_codec::Damaged;
use crate::recording::folder::{instance_name, list_shards};
use crate::recording::found_blocks::{FoundBlock, add_damage, find_blocks};
use crate::recording::lost_events::LostEvents;
use crate::recording::record_frame::ShardOrigin;
pub use crate::recording::shard::Damage;
use crate::recording::shard::StoredShard;
use crate::recording::shifts::Shift;

/// A span of time without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedRange {
    /// Time of the first sample.
    pub first: Timestamp,
    /// Time of the last sample.
    pub last: Timestamp,
}

/// Blocks that one run of the recorder wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRun {
    /// Time of its first sample.
    pub start: Timestamp,
    /// Monotonic times of its blocks, oldest first.
    pub blocks: Vec<RangeInclusive<Duration>>,
}

/// The recording of one instance.
#[derive(Debug)]
pub struct Recording {
    /// Folder of the instance; `None` for a snapshot.
    pub(super) folder: Option<PathBuf>,
    /// Name that replaces the recorded one.
    given_name: Option<String>,
    pub(super) shards: Vec<StoredShard>,
    pub(super) blocks: Vec<FoundBlock>,
    /// Shift of the first run.
    base: Shift,
    decoder: BlockDecoder,
    /// The rows of the last sample, which other blocks often have, too.
    last_rows: Option<Arc<RowSet>>,
    /// Records whose contents are damaged.
    pub(super) damage: Vec<Damage>,
    /// Damaged records that contained events, or may have contained some.
    pub(super) lost_events: Vec<LostEvents>,
}

impl Recording {
    /// Opens the folder of one instance, as returned by [`list_instances`](crate::recording::folder::list_instances).
    ///
    /// # Errors
    /// Returns an error if the folder or one of its files cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut recording = Self::from_shards(Some(folder.to_owned()), Vec::new());
        recording.refresh()?;
        if recording.name().is_empty()
            && let Some(name) = folder.file_name().and_then(|name| instance_name(name.to_str()?))
        {
            recording.set_name(name);
        }
        Ok(recording)
    }

    /// Opens the recording once more, with row ids of its own.
    pub(crate) fn open_again(&self) -> Self {
        let mut again = Self::from_shards(self.folder.clone(), self.shards.clone());
        (again.given_name, again.damage) = (self.given_name.clone(), self.damage.clone());
        again.lost_events.clone_from(&self.lost_events);
        again
    }

    /// Joins the shards of an instance. Those of a `folder` that are not known yet are added by [`Self::refresh`].
    pub(super) fn from_shards(folder: Option<PathBuf>, shards: Vec<StoredShard>) -> Self {
        let mut recording = Self {
            folder,
            given_name: None,
            shards,
            blocks: Vec::new(),
            base: Shift::default(),
            decoder: BlockDecoder::default(),
            last_rows: None,
            damage: Vec::new(),
            lost_events: Vec::new(),
        };
        recording.blocks = find_blocks(&recording.shards, recording.base, &[], &mut recording.damage);
        recording
    }

    /// Finds what a recorder has added since. Sequence numbers and monotonic times stay the same. Shards that were removed
    /// meanwhile can no longer be read.
    ///
    /// # Errors
    /// Returns an error if the folder or one of its files cannot be read.
    pub fn refresh(&mut self) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        if let Some(last) = self.shards.last_mut() {
            last.refresh()?;
        }
        let known = self.shards.last().and_then(|shard| shard.name().cloned());
        for name in list_shards(folder)? {
            if known.as_ref().is_none_or(|known| name > *known) {
                self.shards.push(StoredShard::open(folder, name)?);
            }
        }
        self.blocks = find_blocks(&self.shards, self.base, &self.blocks, &mut self.damage);
        Ok(())
    }

    /// Moves all monotonic times to a clock that started earlier by this time. Samples that were read before keep theirs.
    pub(crate) fn use_earlier_clock(&mut self, by: Duration) {
        self.base = Shift::to_earlier_clock(u64::try_from(by.as_nanos()).unwrap_or_default());
        self.decoder.forget_blocks();
        self.blocks = find_blocks(&self.shards, self.base, &[], &mut self.damage);
    }

    /// Returns the ids of the rows that were read, which can be shared with the parser of the present samples.
    pub(crate) fn known_rows(&self) -> KnownRows {
        self.decoder.rows.clone()
    }

    /// Returns the samples of each block, oldest first.
    pub(crate) fn block_spans(&self) -> Vec<BlockSpan> {
        self.blocks.iter().map(FoundBlock::block_span).collect()
    }

    /// Returns the name of the instance, or an empty text if it is unknown.
    pub fn name(&self) -> &str {
        self.given_name.as_deref().unwrap_or_else(|| self.origin(|origin| &origin.name))
    }

    /// Gives the instance another name.
    pub(crate) fn set_name(&mut self, name: String) {
        self.given_name = Some(name);
    }

    /// Returns the folder of the instance; `None` for a snapshot.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Returns the address of the instance's stats socket, or an empty text if it is unknown.
    pub fn address(&self) -> &str {
        self.origin(|origin| &origin.address)
    }

    fn origin(&self, text: impl Fn(&ShardOrigin) -> &String) -> &str {
        self.shards.iter().rev().find_map(|shard| shard.origin.as_ref()).map_or("", |origin| text(origin))
    }

    /// Returns the number of samples, including those of damaged blocks.
    pub fn sample_count(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.span.count)).sum()
    }

    /// Returns the damaged places that were found while opening and reading. They were left out.
    pub fn damage(&self) -> Vec<Damage> {
        self.shards.iter().flat_map(StoredShard::damage).chain(self.damage.iter().cloned()).collect()
    }

    /// Returns the times of the first and the last sample, or `None` if there are no samples.
    pub fn span(&self) -> Option<RecordedRange> {
        Some(RecordedRange { first: self.blocks.first()?.first(), last: self.blocks.last()?.last() })
    }

    /// Returns the spans of time in which no pause between two samples was longer than `longest_pause`, oldest first. The
    /// gaps are between them.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn ranges(&mut self, longest_pause: Duration) -> io::Result<Vec<RecordedRange>> {
        let mut ranges: Vec<RecordedRange> = Vec::new();
        let mut add = |first: Timestamp, last: Timestamp| match ranges.last_mut() {
            Some(range) if first.elapsed_since(range.last.monotonic) <= longest_pause => range.last = last,
            _ => ranges.push(RecordedRange { first, last }),
        };
        for index in 0..self.blocks.len() {
            let block = self.blocks[index];
            if block.is_damaged {
                continue;
            }
            if Duration::from_millis(u64::from(block.span.longest_pause)) <= longest_pause {
                add(block.first(), block.last());
            } else if let Some(stored) = self.decode(index)? {
                for header in stored.block.headers() {
                    let at = header.time().at;
                    add(at, at);
                }
            }
        }
        Ok(ranges)
    }

    /// Returns the runs of the recorder with samples within a range of wall clock time, oldest first.
    pub fn runs(&self, time: &RangeInclusive<SystemTime>) -> Vec<RecordedRun> {
        let mut runs: Vec<RecordedRun> = Vec::new();
        let mut shift = None;
        for block in &self.blocks {
            let (first, last) = (block.first(), block.last());
            if shift != Some(block.shift) {
                runs.push(RecordedRun { start: first, blocks: Vec::new() });
            }
            shift = Some(block.shift);
            let is_within = first.wall.min(last.wall) <= *time.end() && first.wall.max(last.wall) >= *time.start();
            if let Some(run) = runs.last_mut().filter(|_| is_within) {
                run.blocks.push(first.monotonic..=last.monotonic);
            }
        }
        runs.retain(|run| !run.blocks.is_empty());
        runs
    }

    /// Returns the header of the sample with the latest wall clock time at or before `wall`, or of the oldest sample if all
    /// are later. Returns `None` if there are no samples that can be read.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn header_at(&mut self, wall: SystemTime) -> io::Result<Option<SampleHeader>> {
        let latest = |index: usize| {
            let span = self.blocks[index].block_span();
            Some((span.first.latest_wall(span.last, wall)?, index))
        };
        // The wall clock may have been set back: then several blocks contain this time, or none directly before it.
        let mut blocks: Vec<(SystemTime, usize)> = (0..self.blocks.len()).filter_map(latest).collect();
        blocks.sort_unstable();
        let mut found: Option<SampleHeader> = None;
        for (latest, index) in blocks.into_iter().rev() {
            if found.is_some_and(|found| found.wall >= latest) {
                break;
            }
            let here = self.headers_of(index)?.into_iter().filter(|header| header.wall <= wall);
            found = found.into_iter().chain(here).max_by_key(|header| (header.wall, header.seq));
        }
        if found.is_none() {
            found = self.header_after(0)?;
        }
        Ok(found)
    }

    /// Returns the header of the newest sample at or before this monotonic time, or of the oldest sample if all are later.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn header_at_monotonic(&mut self, at: Duration) -> io::Result<Option<SampleHeader>> {
        let later = self.blocks.partition_point(|block| block.first().monotonic <= at);
        for index in (0..later).rev() {
            if let Some(header) = self.headers_of(index)?.into_iter().rev().find(|header| header.at <= at) {
                return Ok(Some(header));
            }
        }
        self.header_after(0)
    }

    /// Returns the header of the first sample after this sequence number, or `None` after the last one.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn header_after(&mut self, seq: u64) -> io::Result<Option<SampleHeader>> {
        for index in self.blocks.partition_point(|block| block.last_seq() <= seq)..self.blocks.len() {
            if let Some(header) = self.headers_of(index)?.into_iter().find(|header| header.seq > seq) {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// Returns the header of the last sample before this sequence number, or `None` before the first one.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn header_before(&mut self, seq: u64) -> io::Result<Option<SampleHeader>> {
        let later = self.blocks.partition_point(|block| block.first_seq() < seq);
        for index in (0..later).rev() {
            if let Some(header) = self.headers_of(index)?.into_iter().rev().find(|header| header.seq < seq) {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// Returns the headers of all samples within a range of monotonic time, oldest first.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn headers(&mut self, time: &RangeInclusive<Duration>) -> io::Result<Vec<SampleHeader>> {
        let mut headers = Vec::new();
        for index in self.blocks_within(time) {
            headers.extend(self.headers_of(index)?.into_iter().filter(|header| time.contains(&header.at)));
        }
        Ok(headers)
    }

    /// Returns the last sample at or before this wall clock time, or the oldest one if all are later. Ages are accurate to
    /// one second.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn sample_at(&mut self, wall: SystemTime) -> io::Result<Option<Arc<Sample>>> {
        let header = self.header_at(wall)?;
        header.map_or(Ok(None), |header| Ok(self.restore_samples(&[header.seq])?.pop()))
    }

    /// Restores samples by their sequence numbers, which must be in ascending order. Samples that are not stored or are in
    /// damaged blocks are left out. Each block is decoded once.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn restore_samples(&mut self, seqs: &[u64]) -> io::Result<Vec<Arc<Sample>>> {
        let mut found = Vec::with_capacity(seqs.len());
        let mut rest = seqs;
        while let Some(seq) = rest.first() {
            let index = self.blocks.partition_point(|block| block.last_seq() < *seq);
            let Some(block) = self.blocks.get(index).copied() else { break };
            let (here, later) = rest.split_at(rest.partition_point(|seq| *seq <= block.last_seq()));
            rest = later;
            let Some(stored) = self.decode(index)? else { continue };
            let headers = stored.block.headers();
            let step = |seq: &u64| headers.binary_search_by_key(seq, |header| header.seq).ok();
            let steps: Vec<usize> = here.iter().filter_map(step).collect();
            match stored.block.restore_samples(&steps, stored.texts()) {
                Some(samples) => {
                    for mut sample in samples {
                        self.share_rows(&mut sample);
                        found.push(Arc::new(sample));
                    }
                }
                None => self.note_damage(index, Damaged("has rows that cannot be restored")),
            }
        }
        Ok(found)
    }

    /// Uses the identities of the sample before if the rows are the same, so that comparing them is cheap.
    fn share_rows(&mut self, sample: &mut Sample) {
        match &self.last_rows {
            Some(last) if Arc::ptr_eq(last, &sample.rows) => {}
            Some(last) if last.ids() == sample.rows.ids() => sample.rows = Arc::clone(last),
            _ => self.last_rows = Some(Arc::clone(&sample.rows)),
        }
    }

    /// Reads several series of one row within a range of monotonic time. Calls `each` for every sample, oldest first, with
    /// the header and one value per series, as [`History::read_series`](crate::history::store::History::read_series) does.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn read_series(
        &mut self,
        id: RowId,
        series: &[Series],
        time: &RangeInclusive<Duration>,
        mut each: impl FnMut(SampleHeader, &[Option<i64>]),
    ) -> io::Result<()> {
        for index in self.blocks_within(time) {
            let Some(stored) = self.decode(index)? else { continue };
            let absent = vec![None; series.len()];
            stored.block.read_row(id, series, |header, values| {
                if time.contains(&header.at) {
                    each(header, values.unwrap_or(&absent));
                }
            });
        }
        Ok(())
    }

    /// Returns the id of a row in this recording, or `None` if no block that was read contains it. Ids of a recording are
    /// different from those of a sampler.
    pub fn row_id(&self, kind: RowKind, proxy: &SafeText, name: &SafeText) -> Option<RowId> {
        self.decoder.rows.find(kind, proxy, name)
    }

    fn blocks_within(&self, time: &RangeInclusive<Duration>) -> std::ops::Range<usize> {
        let first = self.blocks.partition_point(|block| block.last().monotonic < *time.start());
        let end = self.blocks.partition_point(|block| block.first().monotonic <= *time.end());
        first..end.max(first)
    }

    fn headers_of(&mut self, index: usize) -> io::Result<Vec<SampleHeader>> {
        Ok(self.decode(index)?.map_or(Vec::new(), |decoded| decoded.block.headers().to_vec()))
    }

    /// Decodes a block. Returns `None` if it is damaged; this is reported once.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub(crate) fn decode(&mut self, index: usize) -> io::Result<Option<Arc<DecodedBlock>>> {
        let Some(found) = self.blocks.get(index).filter(|block| !block.is_damaged) else { return Ok(None) };
        let decoded = self.decoder.decode(&self.shards, found, &mut self.damage)?;
        if let Err(reason) = decoded {
            self.note_damage(index, reason);
        }
        Ok(decoded.ok())
    }

    /// Adds damaged places that were found before the recording was opened, and may have contained any events.
    pub(super) fn add_damage(&mut self, damage: Vec<Damage>) {
        if !damage.is_empty() {
            self.lost_events.push(LostEvents::Any);
        }
        self.damage.extend(damage);
    }

    fn note_damage(&mut self, index: usize, reason: Damaged) {
        let Some(block) = self.blocks.get_mut(index) else { return };
        block.is_damaged = true;
        let (part, offset) = block.place.position();
        add_damage(&mut self.damage, Damage { file: self.shards[block.shard].path(part), offset, reason });
    }
}
