//! History of one instance: a queue of blocks within a memory budget, and older blocks that are read when needed.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::history::block::Block;
use crate::history::older_blocks::{OlderBlocks, OlderSamples};
use crate::history::open_rows::{OpenRows, PartialStep};
use crate::history::text_log::TextLog;
use crate::observe::row_ids::RowSet;
use crate::observe::sample::Sample;

/// Default memory budget for the history of one instance: 64 MiB.
pub const DEFAULT_BUDGET: usize = 64 << 20;

/// Number of new rows from which a sample is stored only if the previous sample had most of its rows. Storing new rows
/// takes most of the time and memory, and is wasted if they disappear again at once.
const MANY_NEW_ROWS: usize = 20_000;

/// Memory up to which the newest block is kept even if it exceeds the limit, in bytes.
const MIN_LIMIT: usize = 256 << 10;

/// Past samples of one instance.
#[derive(Debug)]
pub struct History {
    budget: usize,
    /// Memory that may be used now, in bytes: the budget, or less while the live samples are large.
    limit: usize,
    pub(super) blocks: VecDeque<Block>,
    pub(super) texts: TextLog,
    /// Samples before those in memory.
    pub(super) older: Option<OlderSamples>,
    /// The newest sample, if it was stored.
    newest: Option<Arc<Sample>>,
    /// Rows of the last sample, whether it was stored or not.
    last_rows: Arc<RowSet>,
    /// Number of samples that were not stored because they were too large or most of their rows were new.
    skipped: u64,
    /// Memory by which a block with a single sample exceeded its estimate, in bytes.
    underestimated: usize,
    /// The sample that is being appended in parts. Nothing can be read from it yet.
    partial: Option<PartialSample>,
}

/// A sample that is being appended in parts: first its texts, then its numbers.
#[derive(Debug)]
struct PartialSample {
    sample: Arc<Sample>,
    /// Index of the next row whose texts are to be appended.
    next_text: usize,
    /// Estimated memory of a block with only this sample, in bytes.
    block_cost: usize,
    step: PartialStep,
}

impl History {
    /// Creates an empty history of at most `budget` bytes. A small newest block is kept even if it exceeds the budget.
    pub fn new(budget: usize) -> Self {
        let (blocks, texts) = (VecDeque::new(), TextLog::default());
        Self {
            budget,
            limit: budget,
            blocks,
            texts,
            older: None,
            newest: None,
            last_rows: Arc::default(),
            skipped: 0,
            underestimated: 0,
            partial: None,
        }
    }

    /// Adds samples before those in memory. Their sequence numbers must be lower than those of all samples that follow.
    pub(crate) fn set_older(&mut self, older: Box<dyn OlderBlocks>) {
        self.older = Some(OlderSamples::new(older));
    }

    /// Lowers the memory limit for the next sample to `bytes`; a value above the budget restores the budget.
    pub(crate) fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes.min(self.budget);
    }

    /// Returns a copy of the samples in memory, without older blocks.
    pub(crate) fn copy_of_memory(&self) -> Self {
        let blocks = self.blocks.iter().map(Block::sealed_copy).collect();
        Self { blocks, texts: self.texts.clone(), ..Self::new(self.budget) }
    }

    /// Appends a sample, as [`Self::start_push`] and [`Self::continue_push`] do.
    pub fn push(&mut self, sample: &Arc<Sample>) {
        self.start_push(sample);
        self.complete_push();
    }

    /// Drops the oldest blocks while the limit is exceeded, and starts to append a sample. It can be read after
    /// [`Self::continue_push`] has appended all of its rows. A sample is not stored if it would alone exceed the limit, or
    /// if very many of its rows are new.
    pub(crate) fn start_push(&mut self, sample: &Arc<Sample>) {
        self.complete_push();
        let block_cost = OpenRows::first_sample_memory(sample, sample.rows.ids().len()) + self.underestimated;
        if self.has_many_new_rows(sample) || block_cost > self.limit.max(MIN_LIMIT) {
            self.skipped += 1;
            self.newest = None;
            if let Some(open) = self.blocks.back_mut() {
                open.seal();
            }
            return self.drop_oldest_above(self.limit);
        }
        let added =
            self.blocks.back().map_or(0, |open| OpenRows::first_sample_memory(sample, open.count_new_rows(sample)));
        // If two blocks fit, the first one is sealed before it takes everything, so that dropping it leaves the second.
        let block_limit = if block_cost * 2 < self.limit { self.limit / 4 * 3 } else { self.limit }.max(MIN_LIMIT);
        let is_full = |open: &Block| !open.accepts(sample) || open.memory() + added > block_limit;
        if self.blocks.back().is_none_or(is_full) {
            if let Some(full) = self.blocks.back_mut() {
                full.seal();
            }
            self.drop_oldest_above(self.limit.saturating_sub(block_cost));
            self.blocks.push_back(Block::new(sample, self.blocks.back()));
        }
        let step = self.blocks.back_mut().and_then(|open| open.start_step(sample));
        let are_unchanged = TextLog::are_unchanged(self.newest.as_deref(), sample);
        let next_text = if are_unchanged { sample.rows.ids().len() } else { 0 };
        self.partial = step.map(|step| PartialSample { sample: Arc::clone(sample), next_text, block_cost, step });
    }

    /// Appends at most `count` texts or rows of the sample that [`Self::start_push`] started. Returns whether more are
    /// left.
    pub(crate) fn continue_push(&mut self, count: usize) -> bool {
        let Some(partial) = self.partial.take() else { return false };
        let rows = partial.sample.rows.ids().len();
        if partial.next_text < rows {
            let next_text = rows.min(partial.next_text.saturating_add(count));
            self.texts.push_rows(self.newest.as_deref(), &partial.sample, partial.next_text..next_text);
            self.partial = Some(PartialSample { next_text, ..partial });
        } else if let Some(mut block) = self.blocks.pop_back() {
            let step = block.continue_step(&partial.sample, partial.step, self.blocks.back(), count);
            self.blocks.push_back(block);
            match step {
                Some(step) => self.partial = Some(PartialSample { step, ..partial }),
                None => self.finish_push(partial.sample, partial.block_cost),
            }
        }
        self.partial.is_some()
    }

    /// Returns whether a sample is being appended.
    pub(crate) fn is_pushing(&self) -> bool {
        self.partial.is_some()
    }

    /// Completes the sample that is being appended, if any.
    fn complete_push(&mut self) {
        while self.continue_push(usize::MAX) {}
    }

    /// Makes a sample whose rows are appended the newest.
    fn finish_push(&mut self, sample: Arc<Sample>, block_cost: usize) {
        self.newest = Some(sample);
        // Pack the oldest unpacked block; there is rarely more than one.
        if let Some(block) = self.blocks.iter_mut().find(|block| block.has_unpacked_rows()) {
            block.pack_some_rows();
        }
        if self.blocks.len() == 1 && self.blocks[0].headers().len() == 1 {
            self.underestimated += self.memory().saturating_sub(block_cost);
        }
        self.drop_oldest_above(self.limit);
    }

    /// Drops the oldest blocks while the history uses more than `bytes`. A newest block of at most [`MIN_LIMIT`] is kept.
    fn drop_oldest_above(&mut self, bytes: usize) {
        while self.memory() > bytes.max(if self.blocks.len() > 1 { 0 } else { MIN_LIMIT }) {
            self.blocks.pop_front();
            // A recorder that still runs has recorded these samples.
            if let Some(older) = &mut self.older {
                older.refresh();
            }
            if self.blocks.is_empty() {
                (self.texts, self.newest) = (TextLog::default(), None);
                return;
            }
            let oldest = self.blocks.front().and_then(Block::times).map_or(0, |(first, _)| first.seq);
            let blocks = &self.blocks;
            self.texts.discard_before(oldest, |id| blocks.iter().any(|block| block.contains_row(id)));
        }
    }

    /// Returns true if the sample has very many rows that the previous sample does not have.
    fn has_many_new_rows(&mut self, sample: &Sample) -> bool {
        let before = std::mem::replace(&mut self.last_rows, Arc::clone(&sample.rows));
        let ids = sample.rows.ids();
        if Arc::ptr_eq(&before, &sample.rows) || ids.len() < MANY_NEW_ROWS {
            return false;
        }
        ids.iter().filter(|id| before.index_of(**id).is_none()).count() >= MANY_NEW_ROWS
    }

    /// Returns the number of samples that were not stored because they were too large or very many of their rows were
    /// new.
    pub(crate) fn skipped_samples(&self) -> u64 {
        self.skipped
    }

    /// Returns the memory used, in bytes, without that of older blocks.
    pub fn memory(&self) -> usize {
        self.blocks.iter().map(Block::memory).sum::<usize>() + self.texts.memory()
    }

    /// Returns the memory budget, in bytes.
    pub(crate) fn budget(&self) -> usize {
        self.budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::fields::{Field, InfoField};
    use crate::history::block::{BLOCK_SAMPLES, Series};
    use crate::observe::row_ids::RowId;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site, stat_with_server};
    use std::time::Duration;

    fn stot(history: &History, id: RowId, since: u64) -> Vec<Option<i64>> {
        let mut values = Vec::new();
        history.read_series(
            id,
            &[Series::Stat(Field::Stot)],
            Duration::from_millis(since)..=Duration::MAX,
            |_, row| {
                values.push(row[0]);
            },
        );
        values
    }

    #[test]
    fn read_series_spans_blocks_and_reloads() {
        let (mut history, mut builder) = (History::new(DEFAULT_BUDGET), SampleBuilder::default());
        let mut expected = Vec::new();
        let mut id = RowId::PROCESS;
        for step in 0..(BLOCK_SAMPLES as i64 * 2 + 10) {
            let sample = builder.build_at_millis(step as u64 * 1000, &stat_with_server("b", "s", step * 3));
            id = sample.rows.ids()[0];
            history.push(&sample);
            expected.push(Some(step * 3));
            if step == 200 {
                builder.reload();
            }
        }
        assert_eq!(stot(&history, id, 0), expected);
        assert_eq!(stot(&history, id, 260_000).len(), 6);
        let mut epochs = Vec::new();
        history.read_series(
            RowId::PROCESS,
            &[Series::Info(InfoField::Pid)],
            Duration::ZERO..=Duration::MAX,
            |header, row| {
                epochs.push((header.epoch, row[0]));
            },
        );
        assert_eq!((epochs[200], epochs[201]), ((1, Some(100)), (2, Some(101))));
        assert_eq!(history.span(), Duration::from_secs(265));
    }

    #[test]
    fn read_series_returns_none_while_row_is_absent() {
        let (mut history, mut builder) = (History::new(DEFAULT_BUDGET), SampleBuilder::default());
        let mut id = RowId::PROCESS;
        for step in 0..6_u64 {
            let name = if step == 2 || step == 3 { "other" } else { "s" };
            let sample = builder.build_at_millis(step * 1000, &stat_with_server("b", name, step as i64));
            if step == 0 {
                id = sample.rows.ids()[0];
            }
            history.push(&sample);
        }
        assert_eq!(stot(&history, id, 0), [Some(0), Some(1), None, None, Some(4), Some(5)]);
    }

    #[test]
    fn read_series_keeps_absent_values() {
        let (mut history, mut builder) = (History::new(DEFAULT_BUDGET), SampleBuilder::default());
        let sample = builder.build_at_millis(0, &stat_of_site());
        history.push(&sample);
        let mut values = Vec::new();
        let series = [Series::Stat(Field::Qcur), Series::Stat(Field::Scur), Series::Stat(Field::Lastchg)];
        history.read_series(sample.rows.ids()[0], &series, Duration::ZERO..=Duration::MAX, |_, row| {
            values.extend_from_slice(row);
        });
        assert_eq!(values, [None, Some(812), None], "a frontend has no queue and no age");
    }

    #[test]
    fn copy_of_memory_has_the_same_samples_and_stays_as_it_is() {
        let (mut history, mut builder) = (History::new(DEFAULT_BUDGET), SampleBuilder::default());
        let push = |history: &mut History, builder: &mut SampleBuilder, step: u64| {
            let status = if step.is_multiple_of(7) { "DOWN" } else { "UP" };
            let stat = stat_of_site().replace(",4000,UP,", &format!(",4000,{status},"));
            history.push(&builder.build_at_millis(step * 1000, &stat));
        };
        let shown = |history: &History| {
            let seqs: Vec<u64> = history.headers().map(|header| header.seq).collect();
            let samples = history.restore_samples(&seqs);
            let numbers = |sample: &Sample| -> Vec<_> {
                let fields = [Field::Stot, Field::Scur, Field::Qcur];
                (0..sample.rows.ids().len()).map(|row| fields.map(|field| sample.table.number(row, field))).collect()
            };
            let line = |sample: &Arc<Sample>| {
                format!("{:?} {:?} {:?} {:?}", sample.at, sample.table.rows(), numbers(sample), sample.info)
            };
            samples.iter().map(line).collect()
        };
        (0..BLOCK_SAMPLES as u64 * 2 + 10).for_each(|step| push(&mut history, &mut builder, step));
        let (copy, expected): (History, Vec<String>) = (history.copy_of_memory(), shown(&history));
        (300..400).for_each(|step| push(&mut history, &mut builder, step));
        assert_eq!((shown(&copy), expected.len()), (expected, BLOCK_SAMPLES * 2 + 10));
    }

    #[test]
    fn push_keeps_budget_and_newest_samples() {
        let budget = 40_000;
        let (mut history, mut builder) = (History::new(budget), SampleBuilder::default());
        for step in 0..5_000_u64 {
            history
                .push(&builder.build_at_millis(step * 1000, &stat_with_server("b", "s", (step * step * 7919) as i64)));
        }
        assert!(history.memory() <= budget, "{}", history.memory());
        assert!(history.span() >= Duration::from_secs(BLOCK_SAMPLES as u64), "{:?}", history.span());
        assert_eq!(history.newest_time().map(|newest| newest.seq), Some(5_000));
    }
}
