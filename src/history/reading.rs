//! Reading of a history: samples, series and texts, from older blocks and from those in memory.
//!
//! Of the older blocks, only the samples before the oldest one in memory are read, so that no sample is read twice. Older
//! samples that cannot be read are left out.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::haproxy::stat_table::StatRow;
use crate::history::block::{Block, SampleHeader, SampleTime, Series};
use crate::history::older_blocks::{BlockSpan, DecodedBlock, OlderSamples};
use crate::history::store::History;
use crate::history::text_log::TextLog;
use crate::observe::row_ids::{RowId, RowSet};
use crate::observe::sample::Sample;

/// A block that is read.
enum ReadBlock<'a> {
    Memory(&'a Block, &'a TextLog),
    /// An older block, and the number of its samples that are not in memory.
    Older(Arc<DecodedBlock>, usize),
}

impl ReadBlock<'_> {
    fn block(&self) -> &Block {
        match self {
            Self::Memory(block, _) => block,
            Self::Older(decoded, _) => &decoded.block,
        }
    }

    fn texts(&self) -> &TextLog {
        match self {
            Self::Memory(_, texts) => texts,
            Self::Older(decoded, _) => &decoded.texts,
        }
    }

    fn headers(&self) -> &[SampleHeader] {
        match self {
            Self::Memory(block, _) => block.headers(),
            Self::Older(decoded, count) => &decoded.block.headers()[..*count],
        }
    }

    /// Reads series of a row as [`Block::read_row`] does, at the samples within a range of time.
    fn read_row(
        &self,
        id: RowId,
        series: &[Series],
        time: &RangeInclusive<Duration>,
        mut each: impl FnMut(SampleHeader, Option<&[Option<i64>]>),
    ) {
        let Some(last) = self.headers().last().map(|header| header.seq) else { return };
        self.block().read_row(id, series, |header, values| {
            if time.contains(&header.at) && header.seq <= last {
                each(header, values);
            }
        });
    }
}

impl History {
    /// Returns the older blocks that have samples before the oldest one in memory.
    fn older_spans(&self) -> &[BlockSpan] {
        let spans = self.older.as_ref().map_or(&[][..], OlderSamples::spans);
        match self.blocks.front().and_then(Block::times) {
            Some((oldest, _)) => &spans[..spans.partition_point(|span| span.first.at.monotonic < oldest.at.monotonic)],
            None => spans,
        }
    }

    fn block_count(&self) -> usize {
        self.older_spans().len() + self.blocks.len()
    }

    /// Returns the index of the first block for whose first and last sample `is_before` is false.
    fn first_block(&self, is_before: impl Fn(SampleTime, SampleTime) -> bool) -> usize {
        let older = self.older_spans();
        let place = older.partition_point(|span| is_before(span.first, span.last));
        if place < older.len() {
            return place;
        }
        place + self.blocks.partition_point(|block| block.times().is_some_and(|(first, last)| is_before(first, last)))
    }

    /// Returns the block with this index, older ones first; `None` after the last one, or if it cannot be read.
    fn block(&self, index: usize) -> Option<ReadBlock<'_>> {
        let older = self.older_spans().len();
        if let Some(index) = index.checked_sub(older) {
            return self.blocks.get(index).map(|block| ReadBlock::Memory(block, &self.texts));
        }
        let decoded = self.older.as_ref()?.decode(index)?;
        let oldest = self.blocks.front().and_then(Block::times).map(|(oldest, _)| oldest.at.monotonic);
        let headers = decoded.block.headers();
        let count = oldest.map_or(headers.len(), |oldest| headers.partition_point(|header| header.at < oldest));
        Some(ReadBlock::Older(decoded, count))
    }

    fn blocks_within(&self, time: &RangeInclusive<Duration>) -> impl Iterator<Item = ReadBlock<'_>> {
        let first = self.first_block(|_, last| last.at.monotonic < *time.start());
        let end = self.first_block(|first, _| first.at.monotonic <= *time.end());
        (first..end).filter_map(|index| self.block(index))
    }

    /// Returns the time between the oldest and the newest sample, or zero if the history is empty.
    pub fn span(&self) -> Duration {
        match (self.oldest(), self.newest_time()) {
            (Some(first), Some(last)) => last.at.elapsed_since(first.at.monotonic),
            _ => Duration::ZERO,
        }
    }

    /// Returns the time between the oldest and the newest sample in memory.
    pub(crate) fn span_in_memory(&self) -> Duration {
        match (self.oldest_in_memory(), self.newest_time()) {
            (Some(first), Some(last)) => last.at.elapsed_since(first.at.monotonic),
            _ => Duration::ZERO,
        }
    }

    /// Returns the oldest sample, or `None` if the history is empty.
    pub fn oldest(&self) -> Option<SampleTime> {
        self.older_spans().first().map(|span| span.first).or_else(|| self.oldest_in_memory())
    }

    /// Returns the oldest sample in memory, or `None` without samples in memory.
    pub(crate) fn oldest_in_memory(&self) -> Option<SampleTime> {
        Some(self.blocks.front()?.times()?.0)
    }

    /// Returns the newest sample, or `None` if the history is empty.
    pub fn newest_time(&self) -> Option<SampleTime> {
        let in_memory = self.blocks.iter().rev().find_map(|block| Some(block.times()?.1));
        in_memory.or_else(|| self.older_spans().last().map(|span| span.last))
    }

    /// Returns whether a sample is read from older blocks, not from memory.
    pub(crate) fn is_older(&self, seq: u64) -> bool {
        self.older.is_some() && self.oldest_in_memory().is_none_or(|oldest| seq < oldest.seq)
    }

    /// Returns a message about older samples that could not be read, or `None` if all could.
    pub(crate) fn reading_failure(&self) -> Option<String> {
        self.older.as_ref()?.failure()
    }

    /// Returns the memory of older blocks that are decoded, in bytes.
    pub(crate) fn older_memory(&self) -> usize {
        self.older.as_ref().map_or(0, OlderSamples::memory)
    }

    /// Returns the number of samples. It may include some that cannot be read.
    pub(crate) fn sample_count(&self) -> usize {
        let older: usize = self.older_spans().iter().map(|span| span.count).sum();
        older + self.blocks.iter().map(|block| block.headers().len()).sum::<usize>()
    }

    /// Returns the headers of all samples, oldest first. All older blocks are decoded.
    pub fn headers(&self) -> impl Iterator<Item = SampleHeader> {
        let blocks = (0..self.block_count()).filter_map(|index| self.block(index));
        blocks.flat_map(|read| read.headers().to_vec())
    }

    /// Returns the headers of the samples within a range of monotonic time, oldest first.
    pub(crate) fn headers_within(&self, time: &RangeInclusive<Duration>) -> Vec<SampleHeader> {
        let mut found = Vec::new();
        for read in self.blocks_within(time) {
            found.extend(read.headers().iter().filter(|header| time.contains(&header.at)));
        }
        found
    }

    /// Reads several series of one row within a range of monotonic time. Calls `each` for every sample, oldest first,
    /// with the header and one value per series. A value is `None` if HAProxy did not report it or the sample does not
    /// contain the row.
    pub fn read_series(
        &self,
        id: RowId,
        series: &[Series],
        time: RangeInclusive<Duration>,
        mut each: impl FnMut(SampleHeader, &[Option<i64>]),
    ) {
        let absent = vec![None; series.len()];
        self.read_row(id, series, time, |header, values| each(header, values.unwrap_or(&absent)));
    }

    /// Reads several series of one row, as [`Self::read_series`] does, but calls `each` without values for a sample that
    /// does not contain the row.
    pub(crate) fn read_row(
        &self,
        id: RowId,
        series: &[Series],
        time: RangeInclusive<Duration>,
        mut each: impl FnMut(SampleHeader, Option<&[Option<i64>]>),
    ) {
        for read in self.blocks_within(&time) {
            read.read_row(id, series, &time, &mut each);
        }
    }

    /// Reads the texts of one row, such as its status, within a range of monotonic time. Calls `each` for every sample,
    /// oldest first, without texts if the sample does not contain the row.
    pub(crate) fn read_texts(
        &self,
        id: RowId,
        time: &RangeInclusive<Duration>,
        mut each: impl FnMut(SampleHeader, Option<&StatRow>),
    ) {
        for read in self.blocks_within(time) {
            let first = read.headers().first().map_or(0, |header| header.seq);
            let mut entries = read.texts().entries_from(id, first).peekable();
            let mut texts = None;
            read.read_row(id, &[], time, |header, values| {
                while let Some((_, row)) = entries.next_if(|(from, _)| *from <= header.seq) {
                    texts = Some(row);
                }
                each(header, texts.filter(|_| values.is_some()));
            });
        }
    }

    /// Returns whether a row has such texts at any time within a range of monotonic time, or shortly before or after it.
    pub(crate) fn any_text(
        &self,
        id: RowId,
        time: &RangeInclusive<Duration>,
        is_wanted: impl Fn(&StatRow) -> bool,
    ) -> bool {
        self.blocks_within(time).any(|read| {
            let [Some(first), Some(last)] = [read.headers().first(), read.headers().last()] else { return false };
            let entries = read.texts().entries_from(id, first.seq).take_while(|(from, _)| *from <= last.seq);
            entries.map(|(_, row)| row).any(&is_wanted)
        })
    }

    /// Restores the sample with this sequence number, or returns `None` if it is not stored. Ages are accurate to one
    /// second.
    #[cfg(test)]
    pub(crate) fn restore_sample(&self, seq: u64) -> Option<Arc<Sample>> {
        self.restore_samples(&[seq]).pop()
    }

    /// Restores several samples by their sequence numbers, which must be in ascending order. Samples that are not
    /// stored are skipped. Each block is read only once.
    pub fn restore_samples(&self, seqs: &[u64]) -> Vec<Arc<Sample>> {
        let mut found = Vec::with_capacity(seqs.len());
        let mut rest = seqs;
        while let Some(seq) = rest.first() {
            let Some(read) = self.block_of(*seq) else {
                rest = &rest[1..];
                continue;
            };
            let Some(last) = read.headers().last() else { break };
            let (here, later) = rest.split_at(rest.partition_point(|seq| *seq <= last.seq).max(1));
            rest = later;
            let index = |seq: &u64| read.headers().binary_search_by_key(seq, |header| header.seq).ok();
            let mut steps: Vec<usize> = here.iter().filter_map(index).collect();
            // The open block keeps its newest sample uncompressed.
            let newest = read.block().newest().filter(|newest| here.last() == Some(&newest.seq)).map(Arc::clone);
            if newest.is_some() {
                steps.pop();
            }
            if !steps.is_empty() {
                found.extend(read.block().restore_samples(&steps, read.texts()).into_iter().flatten().map(Arc::new));
            }
            found.extend(newest);
        }
        found
    }

    /// Returns the block that may contain the sample with this sequence number.
    fn block_of(&self, seq: u64) -> Option<ReadBlock<'_>> {
        // A recorder that still runs has recorded samples that are in memory.
        let in_memory = self.oldest_in_memory().filter(|oldest| oldest.seq <= seq);
        let first = in_memory.map_or(0, |_| self.older_spans().len());
        self.block(first.max(self.first_block(|_, last| last.seq < seq)))
    }

    /// Returns the rows of the sample with this sequence number, or `None` if it is not stored.
    pub(crate) fn rows_of(&self, seq: u64) -> Option<Arc<RowSet>> {
        self.block_of(seq)?.block().rows_of(seq).cloned()
    }

    /// Returns the names and texts of a row in the sample with this sequence number, or `None` if the sample is not stored
    /// or does not contain the row.
    pub(crate) fn row_texts(&self, id: RowId, seq: u64) -> Option<StatRow> {
        let read = self.block_of(seq)?;
        read.block().rows_of(seq)?.index_of(id)?;
        read.texts().get(id, seq).cloned()
    }

    /// Returns the header of the newest sample taken at or before the monotonic time `time`, or of the oldest sample if
    /// all samples are later. Returns `None` if the history is empty.
    pub(crate) fn header_at(&self, time: Duration) -> Option<SampleHeader> {
        let later = self.first_block(|first, _| first.at.monotonic <= time);
        let blocks = (0..later).rev().filter_map(|index| self.block(index));
        Self::last_header(blocks, |header| header.at <= time).or_else(|| self.headers().next())
    }

    /// Returns the header of the newest sample whose wall clock time is not after `wall`, or `None` if all are later. The
    /// wall clock may have been set, so its times need not be in order.
    pub(crate) fn header_at_wall(&self, wall: SystemTime) -> Option<SampleHeader> {
        let may_contain = |(first, last): (SampleTime, SampleTime)| first.at.wall.min(last.at.wall) <= wall;
        let is_near = |index: &usize| self.times_of(*index).is_some_and(may_contain);
        Self::last_header(
            (0..self.block_count()).rev().filter(is_near).filter_map(|index| self.block(index)),
            |header| header.wall <= wall,
        )
    }

    fn times_of(&self, index: usize) -> Option<(SampleTime, SampleTime)> {
        let older = self.older_spans();
        match index.checked_sub(older.len()) {
            Some(index) => self.blocks.get(index)?.times(),
            None => older.get(index).map(|span| (span.first, span.last)),
        }
    }

    /// Returns the newest header that is wanted; the blocks are in reverse order.
    fn last_header<'a>(
        mut blocks: impl Iterator<Item = ReadBlock<'a>>,
        is_wanted: impl Fn(&SampleHeader) -> bool,
    ) -> Option<SampleHeader> {
        blocks.find_map(|read| read.headers().iter().rev().find(|header| is_wanted(header)).copied())
    }

    /// Returns the headers with sequence numbers up to and including `seq`, newest first.
    pub(crate) fn headers_back_from(&self, seq: u64) -> impl Iterator<Item = SampleHeader> {
        let later = self.first_block(|first, _| first.seq <= seq);
        let blocks = (0..later).rev().filter_map(|index| self.block(index));
        blocks
            .flat_map(|read| read.headers().iter().rev().copied().collect::<Vec<_>>())
            .filter(move |header| header.seq <= seq)
    }

    /// Returns the header of the first sample after sequence number `seq`, or `None` if no later sample is stored.
    pub(crate) fn header_after(&self, seq: u64) -> Option<SampleHeader> {
        let first = self.first_block(|_, last| last.seq <= seq);
        let mut blocks = (first..self.block_count()).filter_map(|index| self.block(index));
        blocks.find_map(|read| read.headers().iter().find(|header| header.seq > seq).copied())
    }
}
