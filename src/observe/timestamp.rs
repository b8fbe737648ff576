//! Points in time on two clocks: a monotonic one for durations and the wall clock for display.

use std::time::{Duration, Instant, SystemTime};

/// Point in time on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Time since the program started; never goes back.
    pub monotonic: Duration,
    /// Wall clock time; may jump when the clock is set.
    pub wall: SystemTime,
}

impl Timestamp {
    /// Returns the time since `earlier`, or zero if `earlier` is in the future.
    pub fn elapsed_since(self, earlier: Duration) -> Duration {
        self.monotonic.saturating_sub(earlier)
    }
}

/// Source of timestamps. Only the event loop and the sampler have one; other code receives timestamps.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts a clock now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Returns the current time on both clocks.
    pub fn now(&self) -> Timestamp {
        Timestamp { monotonic: self.start.elapsed(), wall: SystemTime::now() }
    }

    /// Returns the [`Instant`] of a monotonic time.
    pub fn instant_at(&self, monotonic: Duration) -> Instant {
        self.start + monotonic
    }
}
