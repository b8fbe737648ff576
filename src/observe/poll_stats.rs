//! What watching one HAProxy costs it: how many polls there were, and what the recent ones took.
//!
//! The time of an answer runs from the command to its last byte, so the reading of it is in there too: HAProxy's own
//! part is that or less.

use std::collections::VecDeque;
use std::time::Duration;

use crate::observe::sample::{Cost, Sample};

/// Polls that medians are taken over.
const RECENT: usize = 60;

/// The polls of one instance.
#[derive(Debug, Default)]
pub struct Polls {
    answered: u64,
    failed: u64,
    missed: u64,
    /// When the answers were complete, and what they cost, oldest first.
    recent: VecDeque<(Duration, Cost)>,
}

impl Polls {
    /// A poll was answered; before it, so many samples came that nobody had the time to look at.
    pub fn answer(&mut self, sample: &Sample, missed: u64) {
        self.answered = sample.seq;
        self.missed += missed;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((sample.at.mono, sample.cost));
    }

    /// A poll failed.
    pub fn fail(&mut self) {
        self.failed += 1;
    }

    /// Polls that gave a sample.
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// Polls without an answer, or with one that was none.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Samples taken that nobody had the time to look at.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Polls that the medians are taken over.
    pub fn recent(&self) -> usize {
        self.recent.len()
    }

    /// What the last one cost; absent before the first.
    pub fn last(&self) -> Option<Cost> {
        self.recent.back().map(|(_, cost)| *cost)
    }

    /// Median of bytes, and of times, over the recent ones; absent before the first.
    pub fn median(&self) -> Option<Cost> {
        let bytes = middle(self.recent.iter().map(|(_, cost)| cost.bytes))?;
        let answer = middle(self.recent.iter().map(|(_, cost)| cost.answer))?;
        Some(Cost { bytes, answer })
    }

    /// Median time between two of the recent ones; absent before the second.
    pub fn spacing(&self) -> Option<Duration> {
        middle(
            self.recent.iter().zip(self.recent.iter().skip(1)).map(|((before, _), (at, _))| at.saturating_sub(*before)),
        )
    }

    /// The share of the time in which the recent polls were being answered; absent before the second.
    pub fn share(&self) -> Option<f64> {
        let (first, last) = (self.recent.front()?.0, self.recent.back()?.0);
        // An answer is complete at its end: that of the first lies before the time looked at.
        let busy: Duration = self.recent.iter().skip(1).map(|(_, cost)| cost.answer).sum();
        let time = last.saturating_sub(first);
        (!time.is_zero()).then(|| busy.as_secs_f64() / time.as_secs_f64())
    }
}

/// The value in the middle; of an even number of values, the larger one.
fn middle<T: Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    let place = values.len() / 2;
    values.into_iter().nth(place)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::test_samples::{SampleMaker, server};

    fn polled(answers: &[u64]) -> Polls {
        let (mut polls, mut maker) = (Polls::default(), SampleMaker::default());
        for (step, millis) in answers.iter().enumerate() {
            let sample = maker.at_millis(step as u64 * 1000, &server("b", "s", 1));
            let mut sample = Arc::into_inner(sample).unwrap();
            sample.cost = Cost { bytes: 100 + step, answer: Duration::from_millis(*millis) };
            polls.answer(&sample, 0);
        }
        polls
    }

    #[test]
    fn one_poll_has_a_cost_but_no_rhythm() {
        assert_eq!((Polls::default().last(), Polls::default().median()), (None, None));
        let polls = polled(&[40]);
        assert_eq!(polls.last(), polls.median());
        assert_eq!((polls.spacing(), polls.share()), (None, None));
    }

    #[test]
    fn one_slow_answer_does_not_move_the_median_but_counts_in_the_share() {
        let polls = polled(&[500, 20, 20, 320, 20]);
        let median = polls.median().unwrap();
        assert_eq!((median.answer, median.bytes), (Duration::from_millis(20), 102));
        assert_eq!(polls.last().map(|cost| cost.bytes), Some(104));
        assert_eq!(polls.spacing(), Some(Duration::from_secs(1)));
        assert_eq!(polls.share(), Some(0.095), "the first answer lies before the four seconds");
    }

    #[test]
    fn only_the_recent_ones_count() {
        let mut answers = vec![900; 5];
        answers.extend([10; RECENT]);
        let polls = polled(&answers);
        assert_eq!((polls.recent(), polls.answered()), (RECENT, RECENT as u64 + 5));
        assert_eq!(polls.share(), Some(0.01));
    }
}
