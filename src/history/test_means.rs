//! HAProxy's computation of its moving means, for tests.

use crate::history::moving_mean::{MeanKind, MovingMean, WINDOW};

/// HAProxy's computation: `swrate_add`, `swrate_add_dynamic` and `swrate_avg` in `freq_ctr.h`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HaproxyMean {
    kind: MeanKind,
    sum: u32,
    /// Number of requests.
    pub(crate) requests: u32,
}

impl HaproxyMean {
    /// Creates a mean of no requests.
    pub(crate) fn new(kind: MeanKind) -> Self {
        Self { kind, sum: 0, requests: 0 }
    }

    /// Adds `count` requests that took `millis` milliseconds each.
    pub(crate) fn add(&mut self, count: u32, millis: u32) {
        for _ in 0..count {
            self.requests += 1;
            let is_moving = self.kind == MeanKind::AlwaysMoving || self.requests > WINDOW;
            self.sum = self.sum - if is_moving { self.sum.div_ceil(WINDOW) } else { 0 } + millis;
        }
    }

    /// Returns the reported mean.
    pub(crate) fn reported(self) -> MovingMean {
        let divisor = match self.kind {
            MeanKind::PlainBelowWindow if self.requests > 0 => self.requests.min(WINDOW),
            _ => WINDOW,
        };
        MovingMean { millis: self.sum.div_ceil(divisor), divisor: self.requests }
    }
}
