//! When the next poll is due.
//!
//! A dump costs HAProxy's thread its own time, so the next one is not due before twenty times what one took: at the
//! most about 5 % of one thread, however large the configuration is. One slow answer among quick ones is an accident of
//! the machine and not the size of the dump, so of the last two the quicker one counts; after the very first the
//! second look comes within seconds, to tell the two apart. A process that does not answer is asked again after 1 s,
//! then ever more slowly up to 30 s.

use std::time::Duration;

use crate::config::duration::SHORTEST_INTERVAL;

/// The next poll is due no sooner than this many times the last answer's duration.
pub const POLITENESS: u32 = 20;
/// The longest rest after the first answer, which may be slow by accident.
const FIRST_REST: Duration = Duration::from_secs(5);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// The rhythm of one instance's polls.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    wanted: Duration,
    failures: u32,
    /// What the last answer took.
    last: Option<Duration>,
    rest: Duration,
}

impl Pace {
    /// Polls every `wanted`, within the limits above.
    pub fn new(wanted: Duration) -> Self {
        Self { wanted: wanted.max(SHORTEST_INTERVAL), failures: 0, last: None, rest: Duration::ZERO }
    }

    /// The time from poll to poll that is wanted.
    pub fn wanted(&self) -> Duration {
        self.wanted
    }

    /// From the start of a poll that was answered in `answer` to the next.
    pub fn after_answer(&mut self, answer: Duration) -> Duration {
        self.failures = 0;
        self.rest = match self.last.replace(answer) {
            Some(before) => answer.min(before) * POLITENESS,
            None => (answer * POLITENESS).min(FIRST_REST),
        };
        self.wanted.max(self.rest)
    }

    /// The shortest time from the start of a poll that was answered to the next, whoever asks for it.
    pub fn rest(&self) -> Duration {
        self.rest
    }

    /// From a poll that failed to the next; `jitter` in 0..1 keeps many watchers from coming together.
    pub fn after_failure(&mut self, jitter: f64) -> Duration {
        self.last = None;
        let doubled = FIRST_RETRY * 2_u32.saturating_pow(self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        doubled.min(LAST_RETRY).mul_f64(1.0 - 0.2 * jitter.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_stretches_for_large_dumps() {
        let mut pace = Pace::new(Duration::from_secs(2));
        assert_eq!(pace.after_answer(Duration::from_millis(1)), Duration::from_secs(2));
        assert_eq!(
            pace.after_answer(Duration::from_millis(150)),
            Duration::from_secs(2),
            "one slow answer is an accident"
        );
        assert_eq!(
            pace.after_answer(Duration::from_millis(160)),
            Duration::from_secs(3),
            "two are the size of the dump"
        );
        assert_eq!(pace.rest(), Duration::from_secs(3));
        assert_eq!(Pace::new(Duration::ZERO).after_answer(Duration::ZERO), SHORTEST_INTERVAL);
    }

    #[test]
    fn a_slow_first_answer_is_looked_at_again_within_seconds() {
        let mut pace = Pace::new(Duration::from_secs(2));
        assert_eq!(pace.after_answer(Duration::from_secs(2)), Duration::from_secs(5));
        assert_eq!(pace.after_answer(Duration::from_secs(2)), Duration::from_secs(40));
        pace.after_failure(0.0);
        assert_eq!(
            pace.after_answer(Duration::from_secs(2)),
            Duration::from_secs(5),
            "after a pause it may be another one"
        );
    }

    #[test]
    fn failures_back_off_to_thirty_seconds_and_an_answer_ends_it() {
        let mut pace = Pace::new(Duration::from_secs(2));
        let waits: Vec<u64> = (0..7).map(|_| pace.after_failure(0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        pace.after_answer(Duration::ZERO);
        assert_eq!(pace.after_failure(1.0), Duration::from_millis(800));
    }
}
