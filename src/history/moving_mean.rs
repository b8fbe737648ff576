//! The mean time of the requests between two samples, computed from HAProxy's moving means.
//!
//! `qtime`, `ctime`, `rtime` and `ttime` come from sums in which each request replaces 1/512 of the sum by its own time
//! (`TIME_STATS_SAMPLES` in HAProxy's source). They therefore follow a change only after hundreds of requests. With the
//! two reported means and the exact number of requests between them, the mean of these requests can be recovered.
//! `docs/times.md` explains the formula with a measurement.

use crate::haproxy::version::Version;

/// Number of requests over which HAProxy's means move.
pub(crate) const WINDOW: u32 = 512;
/// The first version that computes a plain mean of fewer than [`WINDOW`] requests. Earlier versions divide by the size of
/// the window from the first request on.
const PLAIN_MEAN_SINCE: Version = Version::new(2, 2);

/// Maximum error of a mean, in milliseconds, whatever its value.
const MAX_ERROR_MS: f64 = 10.0;
/// Maximum error of a mean as a share of its value.
const MAX_ERROR_SHARE: f64 = 0.1;

/// The way in which a version of HAProxy computes the means of fewer than [`WINDOW`] requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MeanKind {
    /// The plain mean of all requests.
    PlainBelowWindow,
    /// The sum of their times divided by the size of the window, which is far too low.
    AlwaysMoving,
}

impl MeanKind {
    /// Returns the kind for a version; that of the current versions if the version is unknown.
    pub(crate) fn from_version(version: Option<Version>) -> Self {
        if version.is_some_and(|version| version < PLAIN_MEAN_SINCE) {
            Self::AlwaysMoving
        } else {
            Self::PlainBelowWindow
        }
    }
}

/// A moving mean in one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MovingMean {
    /// The reported mean, in whole milliseconds, rounded up.
    pub(crate) millis: u32,
    /// The counter by which HAProxy divides the sum while it is below [`WINDOW`]. Higher values are all the same.
    pub(crate) divisor: u32,
}

impl MovingMean {
    fn effective_divisor(self, kind: MeanKind) -> f64 {
        // HAProxy divides by the size of the window while the counter is 0.
        match (kind, self.divisor) {
            (MeanKind::AlwaysMoving, _) | (_, 0) => f64::from(WINDOW),
            (MeanKind::PlainBelowWindow, divisor) => f64::from(divisor.min(WINDOW)),
        }
    }
}

/// The mean time of the requests between two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct IntervalMean {
    /// The mean, in milliseconds; never negative.
    pub(crate) millis: f64,
    /// Maximum error due to the rounding of the reported means, in milliseconds.
    pub(crate) error: f64,
    /// Number of requests between the samples.
    pub(crate) requests: u32,
}

impl IntervalMean {
    /// Computes the mean of the `requests` requests whose times were added between two samples. Returns `None` without
    /// requests.
    pub(crate) fn between(kind: MeanKind, before: MovingMean, now: MovingMean, requests: u32) -> Option<Self> {
        if requests == 0 {
            return None;
        }
        let count = f64::from(requests);
        // The requests that were added while HAProxy computed a plain mean, and those of the moving mean.
        let plain = match kind {
            MeanKind::AlwaysMoving => 0.0,
            MeanKind::PlainBelowWindow if now.divisor <= WINDOW => count,
            MeanKind::PlainBelowWindow => {
                let (first, last) = (before.divisor.min(WINDOW), now.divisor);
                // The divisor may also count requests without a time, such as those that timed out.
                count * f64::from(WINDOW - first) / f64::from(last - first).max(count)
            }
        };
        let window = f64::from(WINDOW);
        let decay = (1.0 - 1.0 / window).powf(count - plain);
        let weight = plain * decay + window * (1.0 - decay);
        let [sum_before, sum_now] = [before, now].map(|mean| f64::from(mean.millis) * mean.effective_divisor(kind));
        // A mean of 0 is exact, because HAProxy rounds up.
        let error = |mean: MovingMean| if mean.millis == 0 { 0.0 } else { mean.effective_divisor(kind) };
        Some(Self {
            millis: ((sum_now - sum_before * decay) / weight).max(0.0),
            error: error(now).max(error(before) * decay) / weight,
            requests,
        })
    }

    /// Returns whether the error is small enough to show the mean.
    pub(crate) fn is_precise(&self) -> bool {
        self.error <= MAX_ERROR_MS || self.error <= self.millis * MAX_ERROR_SHARE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::test_means::HaproxyMean;
    use proptest::prelude::*;

    const KINDS: [MeanKind; 2] = [MeanKind::PlainBelowWindow, MeanKind::AlwaysMoving];

    /// Returns the mean of `count` requests of `millis` after `earlier` requests of 10 ms.
    fn after_switch(kind: MeanKind, earlier: u32, count: u32, millis: u32) -> (IntervalMean, MovingMean) {
        let mut haproxy = HaproxyMean::new(kind);
        haproxy.add(earlier, 10);
        let before = haproxy.reported();
        haproxy.add(count, millis);
        (IntervalMean::between(kind, before, haproxy.reported(), count).unwrap(), haproxy.reported())
    }

    #[test]
    fn between_recovers_mean_after_switch() {
        for kind in KINDS {
            for earlier in [0, 1, 40, 500, 512, 600, 5000] {
                for count in [1, 5, 50, 200, 2000] {
                    for millis in [0, 10, 200, 1000] {
                        let (mean, _) = after_switch(kind, earlier, count, millis);
                        let is_close = (mean.millis - f64::from(millis)).abs() <= mean.error + 1.0;
                        assert!(is_close, "{kind:?}, {count} of {millis} ms after {earlier}: {mean:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn between_is_right_where_the_reported_mean_is_not() {
        let (mean, reported) = after_switch(MeanKind::PlainBelowWindow, 5000, 50, 1000);
        assert_eq!(reported.millis, 103);
        assert!((mean.millis - 1000.0).abs() < 11.0 && mean.is_precise(), "{mean:?}");
        let (mean, reported) = after_switch(MeanKind::AlwaysMoving, 0, 40, 200);
        assert_eq!(reported.millis, 16);
        assert!((mean.millis - 200.0).abs() < 13.0, "{mean:?}");
    }

    #[test]
    fn between_is_never_negative_and_needs_requests() {
        let [before, now] = [1000, 3].map(|millis| MovingMean { millis, divisor: 9000 });
        for kind in KINDS {
            assert_eq!(IntervalMean::between(kind, before, now, 1).unwrap().millis, 0.0);
            assert_eq!(IntervalMean::between(kind, before, now, 0), None);
        }
    }

    #[test]
    fn zero_means_are_exact() {
        let mean = MovingMean { millis: 0, divisor: 9000 };
        let mean = IntervalMean::between(MeanKind::PlainBelowWindow, mean, mean, 1).unwrap();
        assert_eq!((mean.millis, mean.error, mean.is_precise()), (0.0, 0.0, true));
    }

    #[test]
    fn is_precise_depends_on_requests_and_value() {
        let is_precise = |count, millis| after_switch(MeanKind::PlainBelowWindow, 5000, count, millis).0.is_precise();
        assert_eq!([40, 55].map(|count| is_precise(count, 10)), [false, true]);
        assert_eq!([4, 6].map(|count| is_precise(count, 1000)), [false, true]);
    }

    #[test]
    fn mean_kind_depends_on_version() {
        let kind = |text| MeanKind::from_version(Version::parse(text));
        assert_eq!(["1.8.0", "2.1.9"].map(kind), [MeanKind::AlwaysMoving; 2]);
        assert_eq!(["2.2.0", "3.5-dev5", ""].map(kind), [MeanKind::PlainBelowWindow; 3]);
    }

    proptest! {
        #[test]
        fn between_is_within_its_error(
            is_plain: bool,
            earlier in proptest::collection::vec(0_u32..3000, 0..1200),
            times in proptest::collection::vec(0_u32..3000, 1..300),
        ) {
            let kind = KINDS[usize::from(!is_plain)];
            let mut haproxy = HaproxyMean::new(kind);
            earlier.iter().for_each(|millis| haproxy.add(1, *millis));
            let before = haproxy.reported();
            times.iter().for_each(|millis| haproxy.add(1, *millis));
            let mean = IntervalMean::between(kind, before, haproxy.reported(), times.len() as u32).unwrap();
            // Later requests have more weight: at most by what 300 requests decay.
            let weights = (0..times.len()).rev().map(|later| {
                let total = earlier.len() + times.len();
                let moving = if kind == MeanKind::AlwaysMoving { later } else { later.min(total.saturating_sub(512)) };
                (1.0 - 1.0 / 512.0_f64).powi(moving as i32)
            });
            let (sum, weight) = times.iter().zip(weights).fold((0.0, 0.0), |(sum, total), (time, weight)| {
                (sum + f64::from(*time) * weight, total + weight)
            });
            let expected = sum / weight;
            prop_assert!((mean.millis - expected).abs() <= mean.error + 1.5, "{mean:?}, expected {expected}");
        }
    }
}
