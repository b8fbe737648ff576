//! The table of numbers that are compared before and after, [`METRICS`], and how large a change must be to count.

use crate::haproxy::fields::Field;
use crate::history::window_figures::WindowFigures;
use crate::units;

/// The way in which a number is computed and shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum MetricKind {
    /// Growth of counters per second.
    Rate,
    /// Growth of counters per second, in bytes.
    ByteRate,
    /// Growth of counters; compared per hour, because the windows may be of different length.
    Count,
    /// Growth of counters as a share of the row's responses, or of its sessions.
    Share,
    /// Mean time of requests, in milliseconds.
    Time,
    /// Mean of a current number.
    Level,
}

/// A number that is compared.
#[derive(Debug)]
pub(crate) struct Metric {
    /// Name in a sentence.
    pub(crate) name: &'static str,
    kind: MetricKind,
    fields: &'static [Field],
    /// True if a higher value is worse. Neither direction of the other numbers is bad.
    pub(crate) is_worse_if_higher: bool,
    /// Smallest change that counts, and smallest change as a share of the value before. `None` if no change of this number
    /// alone makes a row a changed one.
    least_change: Option<(f64, f64)>,
}

const fn metric(
    name: &'static str,
    kind: MetricKind,
    fields: &'static [Field],
    is_worse_if_higher: bool,
    least_change: Option<(f64, f64)>,
) -> Metric {
    Metric { name, kind, fields, is_worse_if_higher, least_change }
}

/// Index of the requests or sessions in [`METRICS`].
pub(crate) const SERVED: usize = 0;
/// Index of the share of 5xx.
pub(crate) const SHARE_5XX: usize = 1;
/// Index of the share of failed connections and responses.
pub(crate) const ERROR_SHARE: usize = 2;
/// Index of the response time.
pub(crate) const RESPONSE: usize = 3;
/// Index of the time in the queue.
pub(crate) const QUEUE_TIME: usize = 4;
/// Index of the sessions.
pub(crate) const SESSIONS: usize = 5;
/// Index of the queued requests.
pub(crate) const QUEUE: usize = 6;
/// Index of the transitions to DOWN.
pub(crate) const DOWNS: usize = 7;
/// Index of the share of 4xx.
pub(crate) const SHARE_4XX: usize = 8;
/// Index of the retries.
pub(crate) const RETRIES: usize = 9;
/// Index of the bytes received.
pub(crate) const BYTES_IN: usize = 10;
/// Index of the bytes sent.
pub(crate) const BYTES_OUT: usize = 11;

/// All numbers that are compared.
///
/// HAProxy counts a request whose connection or response fails as an error and as a 5xx, so the two shares are never
/// added up.
pub(crate) static METRICS: [Metric; 12] = [
    metric("req/s", MetricKind::Rate, &[Field::ReqTot], false, Some((0.2, 0.15))),
    metric("5xx", MetricKind::Share, &[Field::Hrsp5xx], true, Some((0.005, 0.0))),
    metric("errors", MetricKind::Share, &[Field::Econ, Field::Eresp], true, Some((0.005, 0.0))),
    metric("response", MetricKind::Time, &[Field::Rtime], true, Some((5.0, 0.15))),
    metric("queue time", MetricKind::Time, &[Field::Qtime], true, Some((5.0, 0.15))),
    metric("sessions", MetricKind::Level, &[Field::Scur], false, Some((2.0, 0.25))),
    metric("queue", MetricKind::Level, &[Field::Qcur], true, Some((1.0, 0.25))),
    metric("went down", MetricKind::Count, &[Field::Chkdown], true, Some((0.3, 0.25))),
    metric("4xx", MetricKind::Share, &[Field::Hrsp4xx], true, Some((0.02, 0.0))),
    metric("retries/s", MetricKind::Rate, &[Field::Wretr], true, Some((0.2, 0.25))),
    metric("in/s", MetricKind::ByteRate, &[Field::Bin], false, None),
    metric("out/s", MetricKind::ByteRate, &[Field::Bout], false, None),
];

/// A number of a row in one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    /// The value that is compared.
    pub(crate) value: f64,
    /// Number of events from which it was computed: requests, or counted events.
    events: f64,
    /// Seconds over which the events were counted.
    seconds: f64,
    /// Maximum error of the value.
    error: f64,
}

impl Metric {
    /// Returns the value of the number in a window, or `None` if it is unknown. `served` is the counter of the row's
    /// traffic.
    pub(crate) fn measure(&self, figures: &WindowFigures, served: Field) -> Option<Measured> {
        let measured = |value, events, error| Measured { value, events, seconds: figures.seconds, error };
        match self.kind {
            MetricKind::Rate | MetricKind::ByteRate if figures.seconds > 0.0 => {
                let fields = if self.fields == [Field::ReqTot] { std::slice::from_ref(&served) } else { self.fields };
                let grown = figures.total_growth(fields)? as f64;
                Some(measured(grown / figures.seconds, grown, 0.0))
            }
            MetricKind::Count if figures.seconds > 0.0 => {
                let grown = figures.total_growth(self.fields)? as f64;
                Some(measured(grown / figures.seconds * HOUR, grown, 0.0))
            }
            MetricKind::Rate | MetricKind::ByteRate | MetricKind::Count => None,
            MetricKind::Share => {
                let all = figures.total_growth(&Field::RESPONSES).filter(|_| served != Field::Stot);
                let all = all.or_else(|| figures.growth(served)).filter(|all| *all > 0)? as f64;
                let part = figures.total_growth(self.fields)? as f64;
                Some(measured((part / all).min(1.0), all, 0.0))
            }
            MetricKind::Time => {
                let time = figures.time(*self.fields.first()?)?;
                Some(measured(time.millis, time.requests, time.error))
            }
            MetricKind::Level => figures.level(*self.fields.first()?).map(|level| measured(level, level, 0.0)),
        }
    }

    /// Returns the value that is shown: of counted events, their number.
    pub(crate) fn shown(&self, measured: Measured) -> f64 {
        if self.kind == MetricKind::Count { measured.events } else { measured.value }
    }

    /// Returns the size of a change compared with what is usual for the row: with the robust deviation of its earlier
    /// values, but not with less than chance and rounding explain. Returns `None` for a number that never makes a row a
    /// changed one.
    pub(crate) fn unusualness(&self, before: Measured, after: Measured, earlier: &[f64]) -> Option<f64> {
        let (least, least_share) = self.least_change?;
        let usual = median_deviation(earlier).map_or(0.0, |deviation| deviation * DEVIATIONS_PER_SIGMA);
        let least = if self.kind == MetricKind::Count { least * HOUR / shorter(before, after) } else { least };
        let limits = [least, least_share * before.value, self.chance(before, after), usual];
        Some((after.value - before.value).abs() / limits.into_iter().fold(f64::EPSILON, f64::max))
    }

    /// Returns the change that chance alone explains, given the number of events.
    fn chance(&self, before: Measured, after: Measured) -> f64 {
        let inverse = 1.0 / before.events.max(1.0) + 1.0 / after.events.max(1.0);
        match self.kind {
            MetricKind::Rate | MetricKind::ByteRate => {
                2.0 * (before.events + after.events + 1.0).sqrt() / shorter(before, after)
            }
            MetricKind::Share => {
                let parts = before.value * before.events + after.value * after.events + 1.0;
                let share = (parts / (before.events + after.events + 2.0)).min(0.5);
                (share * (1.0 - share) * inverse).sqrt()
            }
            MetricKind::Time => before.error + after.error + 2.0 * before.value * inverse.sqrt(),
            MetricKind::Level => before.value.sqrt(),
            MetricKind::Count => COUNT_NOISE * (before.events + after.events).sqrt() * HOUR / shorter(before, after),
        }
    }

    /// Formats a value.
    pub(crate) fn format(&self, value: f64) -> String {
        match self.kind {
            MetricKind::Rate => units::rate(value),
            MetricKind::ByteRate => units::bytes(value),
            MetricKind::Share => units::percent(value),
            MetricKind::Time => units::millis(value.round() as i64),
            MetricKind::Level if value > 0.0 && value < 9.95 => units::decimal(value).trim_end_matches(".0").to_owned(),
            MetricKind::Level | MetricKind::Count => units::count(value.round() as i64),
        }
    }

    /// Returns the name in a sentence about a row whose traffic is counted by `served`.
    pub(crate) fn name_for(&self, served: Field) -> &'static str {
        if self.fields == [Field::ReqTot] && served == Field::Stot { "sess/s" } else { self.name }
    }
}

/// Seconds of an hour.
const HOUR: f64 = 3600.0;
/// Share of the square root of counted events that counts as chance. A single event in either window is still a change.
const COUNT_NOISE: f64 = 0.3;

/// Returns the length of the shorter window, in seconds.
fn shorter(before: Measured, after: Measured) -> f64 {
    before.seconds.min(after.seconds).max(1.0)
}

/// Standard deviation of a normal distribution, in median absolute deviations.
const DEVIATIONS_PER_SIGMA: f64 = 1.4826;
/// Number of earlier values from which a deviation is computed.
pub(crate) const MIN_EARLIER: usize = 3;

/// Returns the median absolute deviation of values, or `None` if there are too few.
fn median_deviation(values: &[f64]) -> Option<f64> {
    if values.len() < MIN_EARLIER {
        return None;
    }
    let middle = median(values)?;
    let deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    median(&deviations)
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(value: f64, events: f64, error: f64) -> Measured {
        Measured { value, events, seconds: 300.0, error }
    }

    fn share(failed: f64, all: f64) -> Measured {
        measured(failed / all, all, 0.0)
    }

    fn unusualness(index: usize, before: Measured, after: Measured, earlier: &[f64]) -> f64 {
        METRICS[index].unusualness(before, after, earlier).unwrap()
    }

    #[test]
    fn unusualness_of_a_slow_small_server_is_higher_than_that_of_busy_traffic() {
        let slow = unusualness(RESPONSE, measured(10.0, 60.0, 8.0), measured(1200.0, 60.0, 8.0), &[]);
        let busy = unusualness(SERVED, measured(2000.0, 600_000.0, 0.0), measured(2400.0, 720_000.0, 0.0), &[]);
        assert!(slow > 30.0, "{slow}");
        assert!(busy < 2.0, "{busy}");
    }

    #[test]
    fn unusualness_ignores_noise_of_few_requests() {
        assert!(unusualness(SHARE_5XX, share(0.0, 2.0), share(1.0, 2.0), &[]) < 3.0, "one of two failed");
        assert!(unusualness(SHARE_5XX, share(0.0, 100.0), share(1.0, 100.0), &[]) < 3.0);
        assert!(unusualness(SHARE_5XX, share(0.0, 100.0), share(61.0, 100.0), &[]) > 6.0);
        assert!(unusualness(SERVED, measured(0.01, 3.0, 0.0), measured(0.02, 6.0, 0.0), &[]) < 1.0);
        assert!(unusualness(RESPONSE, measured(9.0, 3.0, 90.0), measured(60.0, 3.0, 90.0), &[]) < 1.0);
    }

    #[test]
    fn unusualness_of_counts_depends_on_the_length_of_the_windows() {
        let downs =
            |count: f64, seconds: f64| Measured { value: count / seconds * HOUR, events: count, seconds, error: 0.0 };
        let of = |before, after| unusualness(DOWNS, before, after, &[]);
        assert!(of(downs(0.0, 300.0), downs(1.0, 300.0)) > 3.0, "a single one is a change");
        assert!(of(downs(1.0, 300.0), downs(12.0, 3600.0)) < 1.0, "the same rate");
        assert!(of(downs(12.0, 3600.0), downs(1.0, 300.0)) < 1.0, "the same rate");
        assert!(of(downs(10.0, 300.0), downs(13.0, 300.0)) < 3.0, "chance");
        assert!(of(downs(1.0, 300.0), downs(12.0, 300.0)) > 6.0);
        assert_eq!(METRICS[DOWNS].shown(downs(12.0, 300.0)).to_string(), "12", "the number itself is shown");
    }

    #[test]
    fn unusualness_depends_on_the_usual_variation_of_the_row() {
        let (before, after) = (measured(100.0, 9000.0, 0.0), measured(300.0, 9000.0, 0.0));
        let steady = unusualness(RESPONSE, before, after, &[99.0, 101.0, 100.0, 100.0]);
        let unsteady = unusualness(RESPONSE, before, after, &[50.0, 320.0, 100.0, 290.0]);
        assert!(steady > 6.0, "{steady}");
        assert!(unsteady < 3.0, "{unsteady}");
        assert_eq!(METRICS[BYTES_OUT].unusualness(before, after, &[]), None);
    }
}
