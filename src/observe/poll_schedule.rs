//! Schedule of the polls of one instance.
//!
//! Each dump occupies one HAProxy thread for the reply time. The interval is therefore at least twenty times the reply
//! time, which limits polling to about 5 % of one thread, however large the configuration is. A single slow reply among
//! fast ones is caused by the load of the machine and not by the size of the dump, so the faster of the last two
//! replies counts. The second poll follows within seconds even if the first reply was slow, to find out whether the
//! dump is large. After a failure, the next poll follows in 1 s; the delay doubles with each further failure, up to 30
//! s, or up to 5 s while no process listens on the socket, which costs HAProxy nothing.

use std::time::Duration;

use crate::config::duration::MIN_INTERVAL;

/// Minimum interval between polls, as a multiple of the reply time.
pub(crate) const REPLY_TIME_FACTOR: u32 = 20;
/// Maximum interval after the first reply, which may be slow by chance.
const MAX_FIRST_INTERVAL: Duration = Duration::from_secs(5);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(30);
/// Maximum delay while no process listens on the socket.
const MAX_RETRY_UNUSED: Duration = Duration::from_secs(5);

/// Polling interval and retry delay of one instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PollSchedule {
    configured_interval: Duration,
    /// The interval after the first reply, as a share of the configured one.
    first_share: f64,
    failures: u32,
    /// Reply time of the last poll; `None` before the first poll and after a failed one.
    last_reply_time: Option<Duration>,
    min_interval: Duration,
}

impl PollSchedule {
    /// Creates a schedule with the configured interval, or with [`MIN_INTERVAL`] if the configured one is shorter.
    pub(crate) fn new(configured_interval: Duration) -> Self {
        Self {
            configured_interval: configured_interval.max(MIN_INTERVAL),
            first_share: 1.0,
            failures: 0,
            last_reply_time: None,
            min_interval: Duration::ZERO,
        }
    }

    /// Spreads the polls of `count` instances, of which this is the one at `place`, over the interval. All are polled at once
    /// at the start, and between half an interval and one and a half later for the second time.
    #[must_use]
    pub(crate) fn spread(self, place: usize, count: usize) -> Self {
        let first_share = if count > 1 { 0.5 + place as f64 / count as f64 } else { 1.0 };
        Self { first_share, ..self }
    }

    /// Returns the configured interval, which is at least [`MIN_INTERVAL`].
    pub(crate) fn configured_interval(&self) -> Duration {
        self.configured_interval
    }

    /// Records a successful poll and returns the time from its start to the start of the next poll.
    pub(crate) fn after_reply(&mut self, reply_time: Duration) -> Duration {
        self.failures = 0;
        self.min_interval = match self.last_reply_time.replace(reply_time) {
            Some(previous) => reply_time.min(previous) * REPLY_TIME_FACTOR,
            None => (reply_time * REPLY_TIME_FACTOR).min(MAX_FIRST_INTERVAL),
        };
        let share = std::mem::replace(&mut self.first_share, 1.0);
        self.configured_interval.mul_f64(share).max(self.min_interval).max(MIN_INTERVAL)
    }

    /// Returns the minimum time between the starts of two polls, which also limits polls requested by a key press.
    pub(crate) fn min_interval(&self) -> Duration {
        self.min_interval
    }

    /// Records a failed poll and returns the time until the next attempt. `jitter`, from 0 to 1, shortens this time by
    /// up to 20 %, so that many running copies of hapulse do not retry at the same moment. `is_unused` is true if no process
    /// listens on the socket.
    pub(crate) fn after_failure(&mut self, is_unused: bool, jitter: f64) -> Duration {
        self.last_reply_time = None;
        let doubled = FIRST_RETRY * 2_u32.saturating_pow(self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        let longest = if is_unused { MAX_RETRY_UNUSED } else { MAX_RETRY };
        doubled.min(longest).mul_f64(1.0 - 0.2 * jitter.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_reply_stretches_interval_for_large_dumps() {
        let mut schedule = PollSchedule::new(Duration::from_secs(2));
        assert_eq!(schedule.after_reply(Duration::from_millis(1)), Duration::from_secs(2));
        assert_eq!(
            schedule.after_reply(Duration::from_millis(150)),
            Duration::from_secs(2),
            "a single slow reply is ignored"
        );
        assert_eq!(
            schedule.after_reply(Duration::from_millis(160)),
            Duration::from_secs(3),
            "two slow replies mean a large dump"
        );
        assert_eq!(schedule.min_interval(), Duration::from_secs(3));
        assert_eq!(PollSchedule::new(Duration::ZERO).after_reply(Duration::ZERO), MIN_INTERVAL);
    }

    #[test]
    fn after_reply_limits_interval_after_slow_first_reply() {
        let mut schedule = PollSchedule::new(Duration::from_secs(2));
        assert_eq!(schedule.after_reply(Duration::from_secs(2)), Duration::from_secs(5));
        assert_eq!(schedule.after_reply(Duration::from_secs(2)), Duration::from_secs(40));
        schedule.after_failure(false, 0.0);
        assert_eq!(
            schedule.after_reply(Duration::from_secs(2)),
            Duration::from_secs(5),
            "after a failure the next reply counts as the first"
        );
    }

    #[test]
    fn spread_places_later_polls_of_all_instances_apart() {
        let polls = |place, count| {
            let mut schedule = PollSchedule::new(Duration::from_secs(4)).spread(place, count);
            [schedule.after_reply(Duration::ZERO), schedule.after_reply(Duration::ZERO)].map(|time| time.as_millis())
        };
        assert_eq!([polls(0, 4), polls(1, 4), polls(3, 4)], [[2000, 4000], [3000, 4000], [5000, 4000]]);
        assert_eq!(polls(0, 1), [4000, 4000]);
    }

    #[test]
    fn after_failure_backs_off_to_30_s_and_resets_on_reply() {
        let mut schedule = PollSchedule::new(Duration::from_secs(2));
        let mut waits =
            |is_unused| -> Vec<u64> { (0..7).map(|_| schedule.after_failure(is_unused, 0.0).as_secs()).collect() };
        assert_eq!(waits(false), [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(waits(true), [5; 7]);
        schedule.after_reply(Duration::ZERO);
        assert_eq!(schedule.after_failure(true, 1.0), Duration::from_millis(800));
    }
}
