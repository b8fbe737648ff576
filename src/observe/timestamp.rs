//! Points in time on two clocks: a monotonic one for durations and the wall clock for display.

use std::time::{Duration, Instant, SystemTime};

/// Point in time on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Time since the program started, or since the oldest sample that it started with; never goes backward.
    pub monotonic: Duration,
    /// Wall clock time; may jump when the clock is set.
    pub wall: SystemTime,
}

impl Timestamp {
    /// Returns the time from the monotonic time `earlier` to this timestamp, or zero if `earlier` is later than this
    /// timestamp.
    pub(crate) fn elapsed_since(self, earlier: Duration) -> Duration {
        self.monotonic.saturating_sub(earlier)
    }
}

/// Source of timestamps. Only the event loop and the sampler have a clock; other code receives timestamps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    /// Monotonic time at `start`.
    offset: Duration,
}

impl Clock {
    /// Creates a clock whose monotonic time starts now.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), offset: Duration::ZERO }
    }

    /// Creates a clock whose monotonic time started this long ago.
    pub(crate) fn started_ago(time: Duration) -> Self {
        Self { offset: time, ..Self::start() }
    }

    /// Returns the current time on both clocks.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp { monotonic: self.offset + self.start.elapsed(), wall: SystemTime::now() }
    }
}

/// Formats a time as `03:12:41` in the local time zone.
pub(crate) fn local_clock_time(at: SystemTime) -> String {
    let zoned = jiff::Timestamp::try_from(at).map(|at| at.to_zoned(jiff::tz::TimeZone::system()));
    zoned.map(|at| at.strftime("%H:%M:%S").to_string()).unwrap_or_default()
}
