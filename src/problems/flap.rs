//! Flapping servers: how often a server goes down, and when it stopped doing so.

use std::time::Duration;

/// Minimum period of a flap; changes in quick succession are counted together.
const MIN_PERIOD: Duration = Duration::from_secs(5);

/// A server that went down at least twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flap {
    /// Number of times that the server went down in the last 5 minutes.
    pub(crate) downs: i64,
    /// Average time between two times that the server went down.
    pub(crate) period: Duration,
    /// Last result of the health check while the server was down, such as `L7STS 503`; empty if unknown.
    pub(crate) reason: String,
}

impl Flap {
    /// Returns the flap of a server that went down at these times (oldest first, each with a number of times); `None`
    /// before the second time, and once twice the period has passed since the last time.
    pub(crate) fn from_times(times: impl Iterator<Item = (Duration, i64)>, now: Duration) -> Option<Self> {
        let (mut downs, mut first, mut last) = (0_i64, None, Duration::ZERO);
        for (at, count) in times {
            downs = downs.saturating_add(count);
            first.get_or_insert(at);
            last = at;
        }
        if downs < 2 {
            return None;
        }
        let span = last.saturating_sub(first?);
        let period = (span / u32::try_from(downs - 1).unwrap_or(u32::MAX)).max(MIN_PERIOD);
        (now.saturating_sub(last) <= period * 2).then(|| Self { downs, period, reason: String::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flap(seconds: &[u64], now: u64) -> Option<(i64, u64)> {
        let times = seconds.iter().map(|second| (Duration::from_secs(*second), 1));
        Flap::from_times(times, Duration::from_secs(now)).map(|flap| (flap.downs, flap.period.as_secs()))
    }

    #[test]
    fn flap_begins_with_second_time_down_and_ends_after_two_periods() {
        assert_eq!(flap(&[10], 12), None);
        assert_eq!(flap(&[10, 40], 40), Some((2, 30)));
        assert_eq!(flap(&[10, 40], 100), Some((2, 30)));
        assert_eq!(flap(&[10, 40], 101), None);
        assert_eq!(flap(&[10, 43, 76], 80), Some((3, 33)));
        assert_eq!(Flap::from_times(std::iter::once((Duration::ZERO, 4)), Duration::from_secs(9)).unwrap().downs, 4);
        assert_eq!(Flap::from_times(std::iter::once((Duration::ZERO, 4)), Duration::from_secs(11)), None);
    }
}
