//! Polling overhead on one HAProxy instance: the number of polls and the cost of recent polls.
//!
//! A reply time runs from sending the command to receiving the last byte. It includes the time that hapulse takes to
//! read, so HAProxy spends at most the reply time on a poll.

use std::collections::VecDeque;
use std::time::Duration;

use crate::observe::sample::{ReplyCost, Sample};

/// Maximum number of recent polls that are kept.
const RECENT: usize = 60;

/// Statistics about the polls of one instance.
#[derive(Debug, Default)]
pub(crate) struct PollStats {
    succeeded: u64,
    failed: u64,
    dropped: u64,
    /// For each recent poll, the monotonic time at which the reply was complete and the cost; oldest first.
    recent: VecDeque<(Duration, ReplyCost)>,
    old_process_requests: u64,
    last_old_process_cost: ReplyCost,
}

impl PollStats {
    /// Records a successful poll. `missed` is the number of earlier samples that were replaced before the event loop
    /// read them.
    pub(crate) fn record_sample(&mut self, sample: &Sample, missed: u64) {
        self.succeeded += 1 + missed;
        self.dropped += missed;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((sample.at.monotonic, sample.cost));
    }

    /// Records a failed poll.
    pub(crate) fn record_failure(&mut self) {
        self.failed += 1;
    }

    /// Records a search for old processes: the number of requests, and their size and time.
    pub(crate) fn record_old_process_search(&mut self, requests: usize, cost: ReplyCost) {
        if requests > 0 {
            self.old_process_requests += requests as u64;
            self.last_old_process_cost = cost;
        }
    }

    /// Returns the number of requests sent to find old processes, and the size and time of the last search.
    pub(crate) fn old_process_searches(&self) -> (u64, ReplyCost) {
        (self.old_process_requests, self.last_old_process_cost)
    }

    /// Returns the number of polls that produced a sample.
    pub(crate) fn succeeded(&self) -> u64 {
        self.succeeded
    }

    /// Returns the number of polls that had no reply or an invalid one.
    pub(crate) fn failed(&self) -> u64 {
        self.failed
    }

    /// Returns the number of samples that were replaced before the event loop read them.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns the number of recent polls used for the medians.
    pub(crate) fn recent_count(&self) -> usize {
        self.recent.len()
    }

    /// Returns the cost of the last successful poll, or `None` before the first one.
    pub(crate) fn last_cost(&self) -> Option<ReplyCost> {
        self.recent.back().map(|(_, cost)| *cost)
    }

    /// Returns the median size and the median reply time of the recent polls, or `None` before the first successful
    /// poll.
    pub(crate) fn median_cost(&self) -> Option<ReplyCost> {
        let bytes = median(self.recent.iter().map(|(_, cost)| cost.bytes))?;
        let reply_time = median(self.recent.iter().map(|(_, cost)| cost.reply_time))?;
        Some(ReplyCost { bytes, reply_time })
    }

    /// Returns the median time between consecutive recent polls, or `None` until there have been two polls.
    pub(crate) fn median_interval(&self) -> Option<Duration> {
        median(
            self.recent.iter().zip(self.recent.iter().skip(1)).map(|((before, _), (at, _))| at.saturating_sub(*before)),
        )
    }

    /// Returns the share of time (0 to 1) that HAProxy spent replying to the recent polls, or `None` until there have
    /// been two polls.
    pub(crate) fn busy_share(&self) -> Option<f64> {
        let (first, last) = (self.recent.front()?.0, self.recent.back()?.0);
        // A poll is recorded at the end of its reply, so the first reply lies before the measured period.
        let busy: Duration = self.recent.iter().skip(1).map(|(_, cost)| cost.reply_time).sum();
        let time = last.saturating_sub(first);
        (!time.is_zero()).then(|| busy.as_secs_f64() / time.as_secs_f64())
    }
}

/// Returns the median, or `None` without values. For an even number of values, the larger of the two in the middle.
fn median<T: Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    let place = values.len() / 2;
    values.into_iter().nth(place)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_with_server};

    fn stats_of_reply_times(reply_times: &[u64]) -> PollStats {
        let (mut stats, mut builder) = (PollStats::default(), SampleBuilder::default());
        for (step, millis) in reply_times.iter().enumerate() {
            let sample = builder.build_at_millis(step as u64 * 1000, &stat_with_server("b", "s", 1));
            let mut sample = Arc::into_inner(sample).unwrap();
            sample.cost = ReplyCost { bytes: 100 + step, reply_time: Duration::from_millis(*millis) };
            stats.record_sample(&sample, 0);
        }
        stats
    }

    #[test]
    fn stats_of_one_poll_have_cost_but_no_interval() {
        assert_eq!((PollStats::default().last_cost(), PollStats::default().median_cost()), (None, None));
        let stats = stats_of_reply_times(&[40]);
        assert_eq!(stats.last_cost(), stats.median_cost());
        assert_eq!((stats.median_interval(), stats.busy_share()), (None, None));
    }

    #[test]
    fn slow_reply_counts_in_busy_share_but_not_in_median() {
        let stats = stats_of_reply_times(&[500, 20, 20, 320, 20]);
        let median = stats.median_cost().unwrap();
        assert_eq!((median.reply_time, median.bytes), (Duration::from_millis(20), 102));
        assert_eq!(stats.last_cost().map(|cost| cost.bytes), Some(104));
        assert_eq!(stats.median_interval(), Some(Duration::from_secs(1)));
        assert_eq!(stats.busy_share(), Some(0.095), "the first reply lies before the measured 4 s");
    }

    #[test]
    fn stats_cover_only_recent_polls() {
        let mut reply_times = vec![900; 5];
        reply_times.extend([10; RECENT]);
        let stats = stats_of_reply_times(&reply_times);
        assert_eq!((stats.recent_count(), stats.succeeded()), (RECENT, RECENT as u64 + 5));
        assert_eq!(stats.busy_share(), Some(0.01));
    }
}
