//! The rates at every stored sample of a time range, computed as [`RateWindow`] computed them when the sample was new.
//!
//! Charts use it, so that a point of a chart is the number that the row showed at that time.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::history::rates::{LOOKBACK, RateSample, RateWindow};
use crate::history::store::History;

/// Time, epoch and size of a stored sample, with its place among the samples of the range.
#[derive(Debug, Clone, Copy)]
struct StoredSample {
    place: usize,
    at: Duration,
    epoch: u32,
    bytes: usize,
}

impl RateSample for StoredSample {
    fn taken_at(&self) -> Duration {
        self.at
    }

    fn is_same_epoch(&self, other: &Self) -> bool {
        self.epoch == other.epoch
    }

    fn reply_bytes(&self) -> usize {
        self.bytes
    }
}

/// The stored samples of a time range, each with the window of samples from which its rates are computed.
#[derive(Debug)]
pub(crate) struct RateHistory {
    /// Time range that must be read so that every window is complete.
    read_range: RangeInclusive<Duration>,
    /// Number of samples before the range, which only complete the windows.
    earlier: usize,
    times: Vec<Duration>,
    /// The windows of the samples in the range, oldest first.
    windows: Vec<RateWindow<StoredSample>>,
}

impl RateHistory {
    /// Finds the samples from `since` to `until`.
    pub(crate) fn new(history: &History, since: Duration, until: Duration) -> Self {
        let read_range = since.saturating_sub(LOOKBACK)..=until;
        let mut found = Self { read_range: read_range.clone(), earlier: 0, times: Vec::new(), windows: Vec::new() };
        let mut window = RateWindow::default();
        for (place, header) in history.headers_within(&read_range).into_iter().enumerate() {
            window.push(StoredSample { place, at: header.at, epoch: header.epoch, bytes: header.cost.bytes });
            found.times.push(header.at);
            if header.at < since {
                found.earlier += 1;
            } else {
                found.windows.push(window.clone());
            }
        }
        found
    }

    /// Returns the time range whose values [`Self::rates`] needs.
    pub(crate) fn read_range(&self) -> RangeInclusive<Duration> {
        self.read_range.clone()
    }

    /// Returns the times of the samples in the range, oldest first.
    pub(crate) fn times(&self) -> &[Duration] {
        &self.times[self.earlier..]
    }

    /// Returns the growth of a counter at the sample with index `index` of [`Self::times`], and the number of seconds over
    /// which it grew. `values` are the counter's values at all samples of [`Self::read_range`].
    pub(crate) fn growth(&self, index: usize, values: &[Option<i64>]) -> Option<(i64, f64)> {
        self.windows.get(index)?.growth_of(|sample| values.get(sample.place).copied().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::fields::Field;
    use crate::history::block::Series;
    use crate::observe::row_ids::RowId;
    use crate::observe::test_samples::{SampleBuilder, stat_with_server};

    #[test]
    fn growth_equals_the_rate_of_the_live_window_at_every_sample() {
        let (mut history, mut builder) = (History::new(1 << 20), SampleBuilder::default());
        let (mut window, mut live, mut id) = (RateWindow::default(), Vec::new(), RowId::PROCESS);
        // Short and long pauses, a reload and cleared counters.
        let steps = [(0, 0), (1000, 10), (1400, 14), (2000, 20), (3000, 900), (9000, 905), (10_000, 5), (11_000, 25)];
        for (millis, total) in steps {
            if millis == 3000 {
                builder.reload();
            }
            let sample = builder.build_at_millis(millis, &stat_with_server("b", "s", total));
            id = sample.rows.ids()[0];
            history.push(&sample);
            window.push(sample);
            live.push(window.rate(id, Field::Stot));
        }
        for since in [0, 2] {
            let rates = RateHistory::new(&history, Duration::from_secs(since), Duration::from_mins(1));
            let mut values = Vec::new();
            history.read_series(id, &[Series::Stat(Field::Stot)], rates.read_range(), |_, row| values.push(row[0]));
            let past: Vec<Option<f64>> = (0..rates.times().len())
                .map(|index| rates.growth(index, &values).map(|(grown, seconds)| grown as f64 / seconds))
                .collect();
            assert_eq!(past, live[live.len() - past.len()..], "from {since} s on");
            assert_eq!(past.len(), if since == 0 { 8 } else { 5 });
        }
    }
}
