//! The search for the span of time whose requests give the mean time of the last seconds.
//!
//! A longer time makes a mean more precise unless the times changed meanwhile. The search goes from the latest to the
//! earliest sample. It takes the first precise mean of enough requests, or else the last precise one. If the mean of a
//! longer time contradicts that of a shorter one, the times changed, and the shorter one is taken.

use std::time::Duration;

use crate::history::moving_mean::IntervalMean;

/// Minimum time span and minimum number of requests of a mean, if the last minute contains as many.
const MIN_SPAN: Duration = Duration::from_millis(1800);
const MIN_REQUESTS: u32 = 20;
/// Minimum number of requests that show that the times became longer: a single slow one among fewer would.
const MIN_SLOWER_REQUESTS: u32 = 10;
/// Minimum number of requests that show that the times became shorter.
const MIN_FASTER_REQUESTS: u32 = 5;
/// Maximum number of requests between two samples that are left out because they took longest.
const MAX_WORST_REQUESTS: u32 = 2;
/// Minimum ratio of two means that differ not only by chance.
const MIN_CHANGE: f64 = 1.2;
/// Time without a request after which a mean is outdated.
pub(super) const IDLE_AFTER: Duration = Duration::from_secs(12);

/// The mean time of the requests of the last seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct IntervalTime {
    /// The mean, in milliseconds.
    pub(crate) millis: f64,
    /// The mean without the part of the time span that took longest, if that part has few requests: a single slow one is not a
    /// change. Otherwise the same as `millis`.
    typical: f64,
    /// Maximum error of the mean, in milliseconds; 0 if it is small enough to be ignored.
    pub(crate) error: f64,
    /// Number of requests.
    pub(crate) requests: u32,
    /// Time in which these requests ended.
    pub(crate) span: Duration,
    /// True if none of the requests was answered, so that the mean is only the time for which they got no response.
    pub(crate) is_unanswered: bool,
}

impl IntervalTime {
    fn new(mean: &IntervalMean, span: Duration, worst: Part) -> Self {
        let error = if mean.is_precise() { 0.0 } else { mean.error };
        let all = Part::of(mean);
        let typical = match all.requests.checked_sub(worst.requests) {
            Some(others @ 1..) if worst.requests <= MAX_WORST_REQUESTS => (all.sum - worst.sum) / f64::from(others),
            _ => mean.millis,
        };
        Self { millis: mean.millis, typical, error, requests: mean.requests, span, is_unanswered: false }
    }

    /// Creates the time of requests in progress that got no response for `span`, which is the least that it can be.
    pub(crate) fn unanswered(span: Duration, requests: u32) -> Self {
        let millis = span.as_secs_f64() * 1000.0;
        Self { millis, typical: millis, error: 0.0, requests, span, is_unanswered: true }
    }

    /// Returns the mean of several times, weighted by their requests per second; `None` without one.
    pub(crate) fn weighted_mean(times: &[Self]) -> Option<Self> {
        let weights: Vec<f64> = times
            .iter()
            .map(|time| f64::from(time.requests.max(1)) / time.span.max(Duration::from_millis(1)).as_secs_f64())
            .collect();
        let total: f64 = weights.iter().sum();
        let mean = |of: fn(&Self) -> f64| {
            times.iter().zip(&weights).map(|(time, weight)| of(time) * weight).sum::<f64>() / total
        };
        Some(Self {
            millis: mean(|time| time.millis),
            typical: mean(|time| time.typical),
            error: mean(|time| time.error),
            requests: times.iter().fold(0, |sum, time| sum.saturating_add(time.requests)),
            span: times.iter().map(|time| time.span).max()?,
            is_unanswered: times.iter().any(|time| time.is_unanswered),
        })
    }

    /// Returns the smallest mean that HAProxy's rounded means allow, in milliseconds, without a single slow request.
    pub(crate) fn at_least(&self) -> f64 {
        (self.millis.min(self.typical) - self.error).max(0.0)
    }

    /// Returns the largest mean that HAProxy's rounded means allow, in milliseconds.
    pub(crate) fn at_most(&self) -> f64 {
        self.millis + self.error
    }

    /// Returns whether the mean is known only roughly.
    pub(crate) fn is_rough(&self) -> bool {
        self.error > 0.0
    }

    /// Returns whether the mean of a longer time shows that the times changed since.
    fn is_contradicted_by(&self, own_error: f64, longer: &IntervalMean) -> bool {
        let (low, high) = (self.millis.min(longer.millis), self.millis.max(longer.millis));
        let is_change = high - low > own_error + longer.error && high > low * MIN_CHANGE;
        is_change && (self.requests >= MIN_SLOWER_REQUESTS || self.millis < longer.millis)
    }
}

/// The requests of a part of the time, with the sum of their times in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    requests: u32,
    sum: f64,
}

impl Part {
    fn of(mean: &IntervalMean) -> Self {
        Self { requests: mean.requests, sum: mean.millis * f64::from(mean.requests) }
    }
}

/// The state of a search.
#[derive(Debug, Default)]
pub(crate) struct IntervalSearch {
    found: Option<IntervalTime>,
    /// The requests considered so far, and those of the part between two samples that took longest.
    all: Part,
    worst: Part,
    /// True if the mean that was found contradicts that of a longer time.
    is_after_change: bool,
    /// The means of shorter times that had too few requests or were not precise, each with its error.
    shorter: Vec<(IntervalTime, f64)>,
}

impl IntervalSearch {
    /// Considers the mean since a sample `span` ago, with `requests` requests. Returns whether the search is over.
    pub(crate) fn consider(
        &mut self,
        span: Duration,
        requests: u32,
        mean: impl FnOnce() -> Option<IntervalMean>,
    ) -> bool {
        if requests == 0 && span >= IDLE_AFTER {
            return true;
        }
        let Some(mean) = mean() else { return false };
        if let Some(before_change) = self.before_change(&mean) {
            (self.found, self.is_after_change) = (Some(before_change), true);
            return true;
        }
        let all = Part::of(&mean);
        let part = Part { requests: requests.saturating_sub(self.all.requests), sum: all.sum - self.all.sum };
        if part.sum > self.worst.sum {
            self.worst = part;
        }
        self.all = all;
        let time = IntervalTime::new(&mean, span, self.worst);
        if mean.is_precise() {
            self.found = Some(time);
            if requests >= MIN_REQUESTS && span >= MIN_SPAN {
                return true;
            }
        }
        if requests >= MIN_FASTER_REQUESTS && span >= MIN_SPAN {
            self.shorter.push((time, mean.error));
        }
        false
    }

    /// Returns the mean of the shorter time that a mean contradicts: the last one that agrees with the shortest, unless the
    /// shortest is precise already.
    fn before_change(&self, mean: &IntervalMean) -> Option<IntervalTime> {
        let is_contradicted = |(time, error): &(IntervalTime, f64)| time.is_contradicted_by(*error, mean);
        let (first, _) = self.shorter.iter().find(|shorter| is_contradicted(shorter))?;
        if !first.is_rough() {
            return Some(*first);
        }
        self.shorter.iter().rev().map(|(time, _)| time).find(|time| time.millis <= first.at_most()).copied()
    }

    /// Returns the mean that was found.
    pub(crate) fn finish(&self) -> Option<IntervalTime> {
        self.found
    }

    /// Returns the mean that was found, or else the most precise one, from which only limits are known. Too few requests have
    /// a mean only if it shows that the times became shorter.
    pub(crate) fn finish_roughly(&self) -> Option<IntervalTime> {
        if self.is_after_change {
            return self.found;
        }
        let rough = self.shorter.last().map(|(time, _)| *time);
        self.found.or(rough).filter(|time| time.requests >= MIN_SLOWER_REQUESTS)
    }
}
