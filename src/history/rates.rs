//! Rates: what counters grew by over the last few seconds.
//!
//! HAProxy's own rates cover one second and leave most counters out. Here a counter is compared with itself
//! a few samples back. A rate needs two samples of the same epoch between which the counter never went back:
//! a reload or `clear counters` gives no rate for a moment, never a spike and never a negative one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField};
use crate::history::block::Mark;
use crate::history::store::History;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// How far back a rate looks, at the least one sample.
const SPAN: Duration = Duration::from_secs(5);
/// Samples held at the most.
const MOST: usize = 5;
/// Of large ones, so many: a growth takes two, and what one poll is behind another.
const LEAST: usize = 3;
/// Answers of so many bytes together are held beyond those. In memory they take about twice as much.
const ROOM: usize = 9 << 20;
/// Samples closer to each other than this are left out between the newest and the oldest. A little less than a second,
/// for what is asked once a second comes a little earlier or later.
const GAP: Duration = Duration::from_millis(900);

/// Samples that a window may need to know of to hold the right ones: those of so long before its newest.
const REACH: Duration = Duration::from_secs(15);

/// Something that was taken at a time, of an epoch.
pub trait Taken {
    /// Monotonic time.
    fn at(&self) -> Duration;
    /// Whether both come from one process.
    fn has_epoch_of(&self, other: &Self) -> bool;
    /// Bytes of the answer it came from.
    fn bytes(&self) -> usize;
}

impl Taken for Arc<Sample> {
    fn at(&self) -> Duration {
        self.at.mono
    }

    fn has_epoch_of(&self, other: &Self) -> bool {
        self.epoch == other.epoch
    }

    fn bytes(&self) -> usize {
        self.cost.bytes
    }
}

impl Taken for Mark {
    fn at(&self) -> Duration {
        self.at
    }

    fn has_epoch_of(&self, other: &Self) -> bool {
        self.epoch == other.epoch
    }

    fn bytes(&self) -> usize {
        self.cost.bytes
    }
}

/// The newest sample and the few before it that rates are taken over.
#[derive(Debug)]
pub struct Window<T = Arc<Sample>> {
    /// Oldest first; the last one is the newest sample.
    samples: VecDeque<T>,
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self { samples: VecDeque::new() }
    }
}

impl<T: Taken> Window<T> {
    /// Takes the newest sample in.
    pub fn push(&mut self, sample: T) {
        if self.samples.back().is_some_and(|last| !last.has_epoch_of(&sample)) {
            self.samples.clear();
        }
        let now = sample.at();
        let most = (ROOM / sample.bytes().max(1)).clamp(LEAST, MOST);
        // Short intervals: the last but one stays only when it is far enough from the one before it.
        if let [.., before, last] = self.samples.make_contiguous()
            && last.at().saturating_sub(before.at()) < GAP
        {
            self.samples.pop_back();
        }
        self.samples.push_back(sample);
        while self.samples.len() > 2 && (self.samples.len() > most || now.saturating_sub(self.samples[0].at()) > SPAN) {
            self.samples.pop_front();
        }
    }
}

impl Window<Mark> {
    /// Which samples the window held when the sample of that number was the newest, oldest first.
    pub fn numbers_of(history: &History, seq: u64) -> Vec<u64> {
        let mut marks = history.back_from(seq).peekable();
        let since = marks.peek().map_or(Duration::ZERO, |newest| newest.at.saturating_sub(REACH));
        // One more than that: a window has two samples, however long ago the earlier one was.
        let mut near: Vec<Mark> = Vec::new();
        for mark in marks {
            near.push(*mark);
            if mark.at < since && near.len() > 2 {
                break;
            }
        }
        let mut window = Self::default();
        near.into_iter().rev().for_each(|mark| window.push(mark));
        window.samples.iter().map(|mark| mark.seq).collect()
    }
}

impl Window {
    /// A window of these samples, oldest first.
    pub fn of(samples: impl Iterator<Item = Arc<Sample>>) -> Self {
        Self { samples: samples.collect() }
    }

    /// The samples held, oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Arc<Sample>> {
        self.samples.iter()
    }

    /// The newest sample.
    pub fn newest(&self) -> Option<&Arc<Sample>> {
        self.samples.back()
    }

    /// The time that rates are taken over at the most; nothing without two samples.
    pub fn span(&self) -> Option<Duration> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        Some(last.at.mono.saturating_sub(first.at.mono)).filter(|span| !span.is_zero())
    }

    /// How much a row's counter grew, and over how many seconds; unknown without two samples.
    pub fn growth(&self, id: RowId, field: Field) -> Option<(i64, f64)> {
        self.growth_at(self.newest()?.rows.index(id)?, field)
    }

    /// The same of the row that stands at `index` in the newest sample: nothing is looked up while rows stay.
    pub fn growth_at(&self, index: usize, field: Field) -> Option<(i64, f64)> {
        let newest = self.newest()?;
        let id = *newest.rows.ids().get(index)?;
        self.growth_by(|sample| {
            let is_same = Arc::ptr_eq(&sample.rows, &newest.rows);
            sample.table.number(if is_same { index } else { sample.rows.index(id)? }, field)
        })
    }

    /// A row's counter per second.
    pub fn rate(&self, id: RowId, field: Field) -> Option<f64> {
        self.growth(id, field).map(|(grown, seconds)| grown as f64 / seconds)
    }

    /// How much a counter of the process grew, and over how many seconds.
    pub fn process_growth(&self, field: InfoField) -> Option<(i64, f64)> {
        self.growth_by(|sample| sample.process(field))
    }

    /// A counter of the process per second.
    pub fn process_rate(&self, field: InfoField) -> Option<f64> {
        self.process_growth(field).map(|(grown, seconds)| grown as f64 / seconds)
    }

    /// Goes back from the newest sample as long as the counter is there and not larger than later.
    fn growth_by(&self, value: impl Fn(&Sample) -> Option<i64>) -> Option<(i64, f64)> {
        let newest = self.samples.back()?;
        let last = value(newest)?;
        // Most counters stand still: two looks tell. One that was cleared and came back to the very same is none.
        if let Some(oldest) = self.samples.front().filter(|oldest| value(oldest) == Some(last)) {
            let seconds = newest.at.mono.checked_sub(oldest.at.mono)?.as_secs_f64();
            return (seconds > 0.0).then_some((0, seconds));
        }
        let (mut first, mut since) = (last, newest.at.mono);
        for sample in self.samples.iter().rev().skip(1) {
            match value(sample) {
                Some(earlier) if earlier <= first => (first, since) = (earlier, sample.at.mono),
                _ => break,
            }
        }
        let seconds = (newest.at.mono.checked_sub(since)?).as_secs_f64();
        (seconds > 0.0).then_some((last.saturating_sub(first), seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, server};

    fn push(window: &mut Window, maker: &mut SampleMaker, at: u64, stot: i64) -> RowId {
        let sample = maker.at_millis(at, &server("b", "s", stot));
        let id = sample.rows.ids()[0];
        window.push(sample);
        id
    }

    #[test]
    fn a_rate_needs_two_samples() {
        let (mut window, mut maker) = (Window::default(), SampleMaker::default());
        let id = push(&mut window, &mut maker, 0, 100);
        assert_eq!(window.rate(id, Field::Stot), None);
        push(&mut window, &mut maker, 2000, 120);
        assert_eq!(window.rate(id, Field::Stot), Some(10.0));
        push(&mut window, &mut maker, 4000, 120);
        assert_eq!(window.rate(id, Field::Stot), Some(5.0), "over four seconds");
        push(&mut window, &mut maker, 6000, 120);
        assert_eq!(window.rate(id, Field::Stot), Some(0.0), "the growth has left the window");
    }

    #[test]
    fn a_counter_that_went_back_has_no_rate_until_it_grew_again() {
        let (mut window, mut maker) = (Window::default(), SampleMaker::default());
        let id = push(&mut window, &mut maker, 0, 5000);
        push(&mut window, &mut maker, 1000, 6000);
        push(&mut window, &mut maker, 2000, 10);
        assert_eq!(window.rate(id, Field::Stot), None, "clear counters");
        push(&mut window, &mut maker, 3000, 30);
        assert_eq!(window.rate(id, Field::Stot), Some(20.0));
    }

    #[test]
    fn a_new_epoch_begins_without_rates() {
        let (mut window, mut maker) = (Window::default(), SampleMaker::default());
        let id = push(&mut window, &mut maker, 0, 100);
        push(&mut window, &mut maker, 1000, 200);
        maker.reload();
        push(&mut window, &mut maker, 2000, 300);
        assert_eq!(window.rate(id, Field::Stot), None, "a larger counter of another process is no growth");
    }

    #[test]
    fn short_intervals_keep_few_samples_and_a_full_span() {
        let (mut window, mut maker) = (Window::default(), SampleMaker::default());
        for step in 0..300 {
            push(&mut window, &mut maker, step * 100, i64::try_from(step).unwrap());
        }
        let id = window.newest().unwrap().rows.ids()[0];
        assert!(window.samples.len() <= MOST);
        let (_, seconds) = window.growth(id, Field::Stot).unwrap();
        assert!((2.0..=5.0).contains(&seconds), "{seconds}");
        assert!((window.rate(id, Field::Stot).unwrap() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn of_large_samples_fewer_are_held() {
        for (bytes, expected) in [(1 << 20, MOST), (2 << 20, 4), (4 << 20, LEAST), (1 << 30, LEAST)] {
            let (mut window, mut maker) = (Window::default(), SampleMaker::default());
            for second in 0..9 {
                let sample = maker.at_millis(second * 1000, &server("b", "s", 10));
                let mut sample = Arc::into_inner(sample).unwrap();
                sample.cost.bytes = bytes;
                window.push(Arc::new(sample));
            }
            assert_eq!(window.samples.len(), expected, "{bytes}");
        }
    }

    #[test]
    fn long_intervals_take_the_sample_before() {
        let (mut window, mut maker) = (Window::default(), SampleMaker::default());
        let id = push(&mut window, &mut maker, 0, 0);
        push(&mut window, &mut maker, 60_000, 600);
        push(&mut window, &mut maker, 120_000, 600);
        assert_eq!(window.rate(id, Field::Stot), Some(0.0));
    }
}
