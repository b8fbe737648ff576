//! A point in time, on both clocks: the one that never jumps, and the one people read.

use std::time::{Duration, Instant, SystemTime};

/// When something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Since the program started; never goes back.
    pub mono: Duration,
    /// Wall clock; may be set.
    pub wall: SystemTime,
}

impl Stamp {
    /// How long ago `earlier` was; zero when it lies ahead.
    pub fn since(self, earlier: Duration) -> Duration {
        self.mono.saturating_sub(earlier)
    }
}

/// Where stamps come from. The event loop and the sampler hold one; everything else is given stamps.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The present.
    pub fn now(&self) -> Stamp {
        Stamp { mono: self.start.elapsed(), wall: SystemTime::now() }
    }

    /// The instant of a stamp's monotonic part.
    pub fn instant(&self, mono: Duration) -> Instant {
        self.start + mono
    }
}
