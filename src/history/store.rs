//! The ring of blocks, and how much memory it may take.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::history::block::{Block, Mark, Series};
use crate::history::text_log::Texts;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// Memory for the history of one instance, unless told otherwise: 64 MiB.
pub const DEFAULT_BUDGET: usize = 64 << 20;

/// The past of one instance.
#[derive(Debug)]
pub struct History {
    budget: usize,
    blocks: VecDeque<Block>,
    texts: Texts,
    newest: Option<Arc<Sample>>,
}

impl History {
    /// An empty history that will hold no more than `budget` bytes, and always the newest block.
    pub fn new(budget: usize) -> Self {
        Self { budget, blocks: VecDeque::new(), texts: Texts::default(), newest: None }
    }

    /// Appends a sample; lets the oldest go where the budget asks for it.
    pub fn push(&mut self, sample: &Arc<Sample>) {
        self.texts.push(self.newest.replace(Arc::clone(sample)).as_deref(), sample);
        if !self.blocks.back().is_some_and(|block| block.takes(sample)) {
            if let Some(full) = self.blocks.back_mut() {
                full.seal();
            }
            self.blocks.push_back(Block::new(sample, self.blocks.back()));
        }
        if let Some(mut block) = self.blocks.pop_back() {
            block.push(sample, self.blocks.back());
            self.blocks.push_back(block);
        }
        // The oldest one that is not packed; there is rarely more than one.
        if let Some(block) = self.blocks.iter_mut().find(|block| block.is_waiting()) {
            block.pack();
        }
        while self.blocks.len() > 1 && self.memory() > self.budget {
            self.blocks.pop_front();
            let oldest = self.marks().next().map_or(0, |mark| mark.seq);
            let blocks = &self.blocks;
            self.texts.forget(oldest, |id| blocks.iter().any(|block| block.has(id)));
        }
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        self.blocks.iter().map(Block::memory).sum::<usize>() + self.texts.memory()
    }

    /// Memory it may hold, in bytes.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// From the oldest sample to the newest.
    pub fn span(&self) -> Duration {
        match (self.marks().next(), self.marks().next_back()) {
            (Some(first), Some(last)) => last.at.saturating_sub(first.at),
            _ => Duration::ZERO,
        }
    }

    /// When each sample was taken, oldest first.
    pub fn marks(&self) -> impl DoubleEndedIterator<Item = &Mark> {
        self.blocks.iter().flat_map(Block::marks)
    }

    /// Reads some series of one row over a time, oldest first. Each sample gives its mark and one value a series,
    /// absent where HAProxy gave none or the row was not there.
    pub fn read(
        &self,
        id: RowId,
        series: &[Series],
        time: RangeInclusive<Duration>,
        mut each: impl FnMut(Mark, &[Option<i64>]),
    ) {
        let touches = |block: &&Block| match (block.marks().first(), block.marks().last()) {
            (Some(first), Some(last)) => first.at <= *time.end() && last.at >= *time.start(),
            _ => false,
        };
        for block in self.blocks.iter().filter(touches) {
            block.read(id, series, |mark, values| {
                if time.contains(&mark.at) {
                    each(mark, values);
                }
            });
        }
    }

    /// The newest sample.
    pub fn newest(&self) -> Option<&Arc<Sample>> {
        self.newest.as_ref()
    }

    /// The sample of that number, as it was taken; absent when it is not kept. Ages are known to within a second.
    pub fn moment(&self, seq: u64) -> Option<Arc<Sample>> {
        self.moments(&[seq]).pop()
    }

    /// Several samples by their numbers, which are in order; those that are not kept are left out. What lies in one
    /// block is read in one go.
    pub fn moments(&self, seqs: &[u64]) -> Vec<Arc<Sample>> {
        let mut found = Vec::with_capacity(seqs.len());
        let mut rest = seqs;
        for block in &self.blocks {
            let Some(last) = block.marks().last() else { continue };
            let (here, later) = rest.split_at(rest.partition_point(|seq| *seq <= last.seq));
            rest = later;
            let place = |seq: &u64| block.marks().binary_search_by_key(seq, |mark| mark.seq).ok();
            let mut steps: Vec<usize> = here.iter().filter_map(place).collect();
            // The newest one is at hand.
            let newest = block.last().filter(|newest| here.last() == Some(&newest.seq)).map(Arc::clone);
            if newest.is_some() {
                steps.pop();
            }
            if !steps.is_empty() {
                found.extend(block.samples(&steps, &self.texts).into_iter().flatten().map(Arc::new));
            }
            found.extend(newest);
        }
        found
    }

    /// The mark of the newest sample taken at that time or before it; of the oldest one, where all were later.
    pub fn at(&self, time: Duration) -> Option<&Mark> {
        let later = self.blocks.partition_point(|block| block.marks().first().is_some_and(|mark| mark.at <= time));
        let Some(block) = later.checked_sub(1).and_then(|place| self.blocks.get(place)) else {
            return self.marks().next();
        };
        let place = block.marks().partition_point(|mark| mark.at <= time);
        block.marks().get(place.checked_sub(1)?)
    }

    /// The marks up to that number, the newest first.
    pub fn back_from(&self, seq: u64) -> impl Iterator<Item = &Mark> {
        let marks =
            self.blocks.iter().rev().filter(move |block| block.marks().first().is_some_and(|mark| mark.seq <= seq));
        marks.flat_map(|block| block.marks().iter().rev()).filter(move |mark| mark.seq <= seq)
    }

    /// The mark of the sample behind that number.
    pub fn after(&self, seq: u64) -> Option<&Mark> {
        let block = self.blocks.iter().find(|block| block.marks().last().is_some_and(|mark| mark.seq > seq))?;
        block.marks().iter().find(|mark| mark.seq > seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::fields::{Field, InfoField};
    use crate::history::block::LENGTH;
    use crate::observe::test_samples::{SampleMaker, server, site};

    fn stot(history: &History, id: RowId, since: u64) -> Vec<Option<i64>> {
        let mut values = Vec::new();
        history.read(id, &[Series::Stat(Field::Stot)], Duration::from_millis(since)..=Duration::MAX, |_, row| {
            values.push(row[0]);
        });
        values
    }

    #[test]
    fn series_come_back_across_blocks_and_reloads() {
        let (mut history, mut maker) = (History::new(DEFAULT_BUDGET), SampleMaker::default());
        let mut expected = Vec::new();
        let mut id = RowId::PROCESS;
        for step in 0..(LENGTH as i64 * 2 + 10) {
            let sample = maker.at_millis(step as u64 * 1000, &server("b", "s", step * 3));
            id = sample.rows.ids()[0];
            history.push(&sample);
            expected.push(Some(step * 3));
            if step == 200 {
                maker.reload();
            }
        }
        assert_eq!(stot(&history, id, 0), expected);
        assert_eq!(stot(&history, id, 260_000).len(), 6);
        let mut epochs = Vec::new();
        history.read(RowId::PROCESS, &[Series::Info(InfoField::Pid)], Duration::ZERO..=Duration::MAX, |mark, row| {
            epochs.push((mark.epoch, row[0]));
        });
        assert_eq!((epochs[200], epochs[201]), ((1, Some(100)), (2, Some(101))));
        assert_eq!(history.span(), Duration::from_secs(265));
    }

    #[test]
    fn rows_that_come_and_go_leave_gaps() {
        let (mut history, mut maker) = (History::new(DEFAULT_BUDGET), SampleMaker::default());
        let mut id = RowId::PROCESS;
        for step in 0..6_u64 {
            let name = if step == 2 || step == 3 { "other" } else { "s" };
            let sample = maker.at_millis(step * 1000, &server("b", name, step as i64));
            if step == 0 {
                id = sample.rows.ids()[0];
            }
            history.push(&sample);
        }
        assert_eq!(stot(&history, id, 0), [Some(0), Some(1), None, None, Some(4), Some(5)]);
    }

    #[test]
    fn absent_values_stay_absent() {
        let (mut history, mut maker) = (History::new(DEFAULT_BUDGET), SampleMaker::default());
        let sample = maker.at_millis(0, &site());
        history.push(&sample);
        let mut values = Vec::new();
        let series = [Series::Stat(Field::Qcur), Series::Stat(Field::Scur), Series::Stat(Field::Lastchg)];
        history.read(sample.rows.ids()[0], &series, Duration::ZERO..=Duration::MAX, |_, row| {
            values.extend_from_slice(row);
        });
        assert_eq!(values, [None, Some(812), None], "no queue and no age on a frontend");
    }

    #[test]
    fn the_budget_holds_and_the_newest_stay() {
        let budget = 40_000;
        let (mut history, mut maker) = (History::new(budget), SampleMaker::default());
        for step in 0..5_000_u64 {
            history.push(&maker.at_millis(step * 1000, &server("b", "s", (step * step * 7919) as i64)));
        }
        assert!(history.memory() <= budget, "{}", history.memory());
        assert!(history.span() >= Duration::from_secs(LENGTH as u64), "{:?}", history.span());
        assert_eq!(history.marks().next_back().map(|mark| mark.seq), Some(5_000));
    }
}
