//! The ring of blocks, and how much memory it may take.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::monitor::history::block::{Block, Mark, Series};
use crate::monitor::roster::RowId;
use crate::monitor::sample::Sample;

/// Memory for the history of one instance, unless told otherwise: 64 MiB.
pub const DEFAULT_BUDGET: usize = 64 << 20;

/// The past of one instance.
#[derive(Debug)]
pub struct History {
    budget: usize,
    blocks: VecDeque<Block>,
}

impl History {
    /// An empty history that will hold no more than `budget` bytes, and always the newest block.
    pub fn new(budget: usize) -> Self {
        Self { budget, blocks: VecDeque::new() }
    }

    /// Appends a sample; lets the oldest go where the budget asks for it.
    pub fn push(&mut self, sample: &Arc<Sample>) {
        if !self.blocks.back().is_some_and(|block| block.takes(sample)) {
            if let Some(full) = self.blocks.back_mut() {
                full.seal();
            }
            self.blocks.push_back(Block::new(sample.table.schema()));
        }
        if let Some(block) = self.blocks.back_mut() {
            block.push(sample);
        }
        // The oldest one that is not packed; there is rarely more than one.
        if let Some(block) = self.blocks.iter_mut().find(|block| block.is_waiting()) {
            block.pack();
        }
        while self.blocks.len() > 1 && self.memory() > self.budget {
            self.blocks.pop_front();
        }
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        self.blocks.iter().map(Block::memory).sum()
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

    /// Reads some series of one row from `since` on, oldest first. Each sample gives its mark and one value
    /// a series, absent where HAProxy gave none or the row was not there.
    pub fn read(&self, id: RowId, series: &[Series], since: Duration, mut each: impl FnMut(Mark, &[Option<i64>])) {
        let recent = |block: &&Block| block.marks().last().is_some_and(|mark| mark.at >= since);
        for block in self.blocks.iter().filter(recent) {
            block.read(id, series, |mark, values| {
                if mark.at >= since {
                    each(mark, values);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::fields::{Field, InfoField};
    use crate::monitor::history::block::LENGTH;
    use crate::monitor::testing::{SampleMaker, server, site};

    fn stot(history: &History, id: RowId, since: u64) -> Vec<Option<i64>> {
        let mut values = Vec::new();
        history.read(id, &[Series::Stat(Field::Stot)], Duration::from_millis(since), |_, row| values.push(row[0]));
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
        history.read(RowId::PROCESS, &[Series::Info(InfoField::Pid)], Duration::ZERO, |mark, row| {
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
        history.read(sample.rows.ids()[0], &series, Duration::ZERO, |_, row| values.extend_from_slice(row));
        assert_eq!(values, [None, Some(812), None], "no queue on a frontend; ages are not kept");
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
