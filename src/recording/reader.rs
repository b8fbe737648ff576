//! Reads the recording of one instance: its samples, series and events over all shards.
//!
//! The shards appear as one sequence of samples with the numbers and times of the reader: sequence numbers and monotonic
//! times always increase, also across restarts of the recorder and jumps of the wall clock. Opening reads headers only. One
//! block at a time is decoded, and the last few decoded blocks are kept.

use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_row::RowKind;
use crate::history::block::{SampleHeader, Series};
use crate::history::older_blocks::{BlockSpan, DecodedBlock};
use crate::observe::row_ids::KnownRows;
use crate::observe::row_ids::{RowId, RowSet};
use crate::observe::sample::Sample;
use crate::observe::timestamp::Timestamp;
use crate::recording::block_decoder::BlockDecoder;
use crate::recording::byte_codec::{Damaged, wall_time};
use crate::recording::folder::{ShardPart, list_shards};
use crate::recording::found_blocks::{FoundBlock, add_damage, find_blocks};
use crate::recording::record_frame::{RecordKind, ShardOrigin};
use crate::recording::recorded_events::{RecordedEvent, decode_events};
pub use crate::recording::shard::Damage;
use crate::recording::shard::{RecordEntry, StoredShard};
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
    folder: Option<PathBuf>,
    shards: Vec<StoredShard>,
    blocks: Vec<FoundBlock>,
    /// Shift of the first run.
    base: Shift,
    decoder: BlockDecoder,
    /// The rows of the last sample, which other blocks often have, too.
    last_rows: Option<Arc<RowSet>>,
    /// Records whose contents are damaged.
    damage: Vec<Damage>,
}

impl Recording {
    /// Opens the folder of one instance, as returned by [`list_instances`](crate::recording::folder::list_instances).
    ///
    /// # Errors
    /// Returns an error if the folder or one of its files cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut recording = Self::from_shards(Some(folder.to_owned()), Vec::new());
        recording.refresh()?;
        Ok(recording)
    }

    /// Joins the shards of an instance. Those of a `folder` that are not known yet are added by [`Self::refresh`].
    pub(super) fn from_shards(folder: Option<PathBuf>, shards: Vec<StoredShard>) -> Self {
        let mut recording = Self {
            folder,
            shards,
            blocks: Vec::new(),
            base: Shift::default(),
            decoder: BlockDecoder::default(),
            last_rows: None,
            damage: Vec::new(),
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
        self.origin(|origin| &origin.name)
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
        let mut found: Option<SampleHeader> = None;
        // The wall clock may have been set back: then several blocks contain this time, or none directly before it.
        let mut candidates: Vec<usize> =
            (0..self.blocks.len()).filter(|index| self.blocks[*index].first().wall <= wall).collect();
        candidates.sort_by_key(|index| std::cmp::Reverse(self.blocks[*index].last().wall.min(wall)));
        for index in candidates {
            let best = found.as_ref().map(|header| header.wall);
            if best.is_some_and(|best| best >= self.blocks[index].last().wall.min(wall)) {
                break;
            }
            for header in self.headers_of(index)? {
                if header.wall <= wall && found.as_ref().is_none_or(|best| best.wall <= header.wall) {
                    found = Some(header);
                }
            }
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
            match stored.block.restore_samples(&steps, &stored.texts) {
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

    /// Returns the causes, actions and failed polls within a range of wall clock time, in the order in which they were
    /// recorded.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn events(&mut self, time: &RangeInclusive<SystemTime>) -> io::Result<Vec<RecordedEvent>> {
        let mut found = Vec::new();
        for index in 0..self.shards.len() {
            let shard = &self.shards[index];
            let within = |entry: &&RecordEntry| {
                let (first, last) = (entry.header.span.first.wall, entry.header.span.last.wall);
                wall_time(first.min(last)) <= *time.end() && wall_time(first.max(last)) >= *time.start()
            };
            let entries: Vec<RecordEntry> = shard.records(RecordKind::Events).filter(within).copied().collect();
            let shift = self.shift_of_shard(index);
            let Some(file) = shard.open_part(ShardPart::Shard)?.filter(|_| !entries.is_empty()) else { continue };
            let path = shard.path(ShardPart::Shard);
            for entry in entries {
                match entry.read(&file)?.and_then(|contents| decode_events(&contents)) {
                    Ok(events) => {
                        let events = events.into_iter().filter(|event| time.contains(&event.at.wall));
                        found.extend(events.map(|event| shift.event(event)));
                    }
                    Err(reason) => {
                        add_damage(&mut self.damage, Damage { file: path.clone(), offset: entry.offset, reason });
                    }
                }
            }
        }
        Ok(found)
    }

    fn shift_of_shard(&self, shard: usize) -> Shift {
        let in_shard = self.blocks.iter().find(|block| block.shard >= shard).or(self.blocks.last());
        in_shard.map_or(Shift::default(), |block| block.shift)
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

    /// Adds damaged places that were found before the recording was opened.
    pub(super) fn add_damage(&mut self, damage: Vec<Damage>) {
        self.damage.extend(damage);
    }

    fn note_damage(&mut self, index: usize, reason: Damaged) {
        let Some(block) = self.blocks.get_mut(index) else { return };
        block.is_damaged = true;
        let (part, offset) = block.place.position();
        add_damage(&mut self.damage, Damage { file: self.shards[block.shard].path(part), offset, reason });
    }
}
