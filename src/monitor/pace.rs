//! When the next poll is due.
//!
//! A dump costs HAProxy's thread its own time, so the next one is never due before twenty times what the
//! last one took: at the most about 5 % of one thread, however large the configuration is. A process that
//! does not answer is asked again after 1 s, then ever more slowly up to 30 s.

use std::time::Duration;

/// The next poll is due no sooner than this many times the last answer's duration.
pub const POLITENESS: u32 = 20;
/// The shortest interval that may be asked for.
pub const SHORTEST: Duration = Duration::from_millis(100);

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// The rhythm of one instance's polls.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    wanted: Duration,
    failures: u32,
}

impl Pace {
    /// Polls every `wanted`, within the limits above.
    pub fn new(wanted: Duration) -> Self {
        Self { wanted: wanted.max(SHORTEST), failures: 0 }
    }

    /// From the start of a poll that was answered in `answer` to the next.
    pub fn after_answer(&mut self, answer: Duration) -> Duration {
        self.failures = 0;
        self.wanted.max(answer * POLITENESS)
    }

    /// From a poll that failed to the next; `jitter` in 0..1 keeps many watchers from coming together.
    pub fn after_failure(&mut self, jitter: f64) -> Duration {
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
        assert_eq!(pace.after_answer(Duration::from_millis(150)), Duration::from_secs(3));
        assert_eq!(Pace::new(Duration::ZERO).after_answer(Duration::ZERO), SHORTEST);
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
