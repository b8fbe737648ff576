//! Reading of a history: samples, series and texts, from older blocks and from those in memory.
//!
//! Of the older blocks, only the samples before the oldest one in memory are read, so that no sample is read twice. Older
//! samples that cannot be read are left out.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::haproxy::stat_table::StatRow;
use crate::history::block::{Block, SampleHeader, SampleTime, Series};
use crate::history::interval_times::SampleMeans;
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
            Self::Older(decoded, _) => decoded.texts(),
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

    fn indexes_within(&self, time: &RangeInclusive<Duration>) -> Range<usize> {
        let first = self.first_block(|_, last| last.at.monotonic < *time.start());
        first..self.first_block(|first, _| first.at.monotonic <= *time.end())
    }

    fn blocks_within(&self, time: &RangeInclusive<Duration>) -> impl Iterator<Item = ReadBlock<'_>> {
        self.indexes_within(time).filter_map(|index| self.block(index))
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

    /// Returns whether samples between two monotonic times cannot be read.
    pub(crate) fn is_unreadable_between(&self, one: Duration, other: Duration) -> bool {
        let time = one.min(other)..=one.max(other);
        self.indexes_within(&time).any(|index| self.block(index).is_none())
    }

    /// Returns whether the events at the time of a sample are known; those of samples in memory are.
    pub(crate) fn are_events_known(&self, sample: &Sample) -> bool {
        let older = self.older.as_ref().filter(|_| self.is_older(sample.seq));
        older.is_none_or(|older| older.are_events_known(sample.at.monotonic))
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

    /// Returns the spans within a range of monotonic time in which no pause between two samples was longer than `max_pause`,
    /// oldest first. Older blocks are decoded only where a longer pause is in them.
    pub(crate) fn spans_within(
        &self,
        time: &RangeInclusive<Duration>,
        max_pause: Duration,
    ) -> Vec<RangeInclusive<Duration>> {
        let mut spans: Vec<RangeInclusive<Duration>> = Vec::new();
        let mut add = |first: Duration, last: Duration| match spans.last_mut() {
            Some(span) if first.saturating_sub(*span.end()) <= max_pause => *span = *span.start()..=last,
            _ => spans.push(first..=last),
        };
        let older = self.older_spans();
        let (start, end) = (*time.start(), *time.end());
        let oldest = self.oldest_in_memory().map_or(Duration::MAX, |oldest| oldest.at.monotonic);
        for index in self.indexes_within(time) {
            let span = older.get(index).filter(|span| span.longest_pause <= max_pause);
            if let Some(span) = span {
                let (first, last) = (span.first.at.monotonic.max(start), span.last.at.monotonic.min(end).min(oldest));
                add(first, last.max(first));
            } else if let Some(read) = self.block(index) {
                read.headers()
                    .iter()
                    .filter(|header| time.contains(&header.at))
                    .for_each(|header| add(header.at, header.at));
            }
        }
        spans
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
        self.restore_with_means(seqs, &[]).0
    }

    /// Restores the samples `of_samples` like [`Self::restore_samples`], and the moving means of the samples `of_means`, with
    /// their sequence numbers. Both are in ascending order, and have no number in common.
    pub(crate) fn restore_with_means(
        &self,
        of_samples: &[u64],
        of_means: &[u64],
    ) -> (Vec<Arc<Sample>>, Vec<(u64, SampleMeans)>) {
        let (mut samples, mut means) = (Vec::with_capacity(of_samples.len()), Vec::with_capacity(of_means.len()));
        let mut rest = [of_samples, of_means];
        while let Some(seq) = rest.iter().filter_map(|seqs| seqs.first()).min().copied() {
            let read = self.block_of(seq);
            let last = read.as_ref().and_then(|read| read.headers().last()).map_or(seq, |last| last.seq.max(seq));
            let here = rest.map(|seqs| &seqs[..seqs.partition_point(|seq| *seq <= last)]);
            rest = [0, 1].map(|index| &rest[index][here[index].len()..]);
            let Some(read) = read else { continue };
            let index = |seq: &u64| read.headers().binary_search_by_key(seq, |header| header.seq).ok();
            let mut steps = here.map(|seqs| seqs.iter().filter_map(index).collect::<Vec<usize>>());
            // The open block keeps its newest sample uncompressed.
            let newest = read.block().newest().filter(|newest| here[0].last() == Some(&newest.seq)).map(Arc::clone);
            if newest.is_some() {
                steps[0].pop();
            }
            if steps.iter().any(|steps| !steps.is_empty())
                && let Some(restored) = read.block().restore_with_means(&steps[0], &steps[1], read.texts())
            {
                samples.extend(restored.0.into_iter().map(Arc::new));
                means.extend(restored.1);
            }
            samples.extend(newest);
        }
        (samples, means)
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

    /// Returns the header of the sample with the latest wall clock time that is not after `wall`, or `None` if all are later.
    /// The wall clock may have been set, so its times need not be in order.
    pub(crate) fn header_at_wall(&self, wall: SystemTime) -> Option<SampleHeader> {
        let latest = |index| {
            let (first, last) = self.times_of(index)?;
            Some((first.latest_wall(last, wall)?, index))
        };
        let mut blocks: Vec<(SystemTime, usize)> = (0..self.block_count()).filter_map(latest).collect();
        blocks.sort_unstable();
        let mut found: Option<SampleHeader> = None;
        for (latest, index) in blocks.into_iter().rev() {
            if found.is_some_and(|found| found.wall >= latest) {
                break;
            }
            let Some(read) = self.block(index) else { continue };
            let here = read.headers().iter().filter(|header| header.wall <= wall).copied();
            found = found.into_iter().chain(here).max_by_key(|header| (header.wall, header.seq));
        }
        found
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
