//! Converts series to a fixed number of points, for sparklines and charts.

use std::time::Duration;

use crate::haproxy::fields::{Field, FieldKind, InfoField};
use crate::history::block::{SampleHeader, Series};
use crate::history::store::History;
use crate::observe::row_ids::RowId;

/// Series to draw, and the way to draw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// Value drawn unchanged, such as a gauge, an average or a rate reported by HAProxy.
    Level(Series),
    /// Counter, drawn as its growth per second.
    PerSecond(Series),
}

impl Trend {
    /// Returns the trend for a column: growth per second for a counter, unchanged values for any other column.
    pub fn from_field(field: Field) -> Self {
        match field.info().kind {
            FieldKind::Counter => Self::PerSecond(Series::Stat(field)),
            _ => Self::Level(Series::Stat(field)),
        }
    }

    /// Returns the trend for a key of `show info`: growth per second for a counter, unchanged values for any other key.
    pub fn from_process_field(field: InfoField) -> Self {
        match field.info().kind {
            FieldKind::Counter => Self::PerSecond(Series::Info(field)),
            _ => Self::Level(Series::Info(field)),
        }
    }

    fn series(self) -> Series {
        match self {
            Self::Level(series) | Self::PerSecond(series) => series,
        }
    }
}

/// Returns several trends of one row over the time `span` before `now`. Each trend has `points` values, oldest first;
/// each value covers an equal part of the span.
///
/// A point is the highest value in its part of the span, so that a short peak stays visible. A point without a usable
/// sample (before the first sample, across a reload, while the link was down) is `None`.
pub fn points(
    history: &History,
    id: RowId,
    trends: &[Trend],
    now: Duration,
    span: Duration,
    points: usize,
) -> Vec<Vec<Option<f64>>> {
    let mut lines = vec![vec![None; points]; trends.len()];
    if points == 0 || span.is_zero() {
        return lines;
    }
    let series: Vec<Series> = trends.iter().map(|trend| trend.series()).collect();
    let grid = PointGrid::new(now, span, points);
    let mut samples: Vec<(SampleHeader, Vec<Option<i64>>)> = Vec::new();
    history.read_series(id, &series, grid.since..=now, |header, values| samples.push((header, values.to_vec())));
    let max_pause = max_pause(samples.iter().map(|(header, _)| header.at));
    for (index, trend) in trends.iter().enumerate() {
        let mut before: Option<(SampleHeader, i64)> = None;
        for (header, values) in &samples {
            let same = before.filter(|(earlier, _)| earlier.epoch == header.epoch);
            let value = match (trend, values[index], same) {
                (Trend::Level(_), Some(value), _) => Some(value as f64),
                (Trend::PerSecond(_), Some(value), Some((at, earlier))) if value >= earlier && header.at > at.at => {
                    Some(value.saturating_sub(earlier) as f64 / header.at.saturating_sub(at.at).as_secs_f64())
                }
                _ => None,
            };
            before = values[index].map(|value| (*header, value));
            let Some(value) = value else { continue };
            // If points are closer together than samples, a sample also fills the points since the previous sample.
            let place = grid.place(header.at);
            let filled = same.filter(|(earlier, _)| header.at.saturating_sub(earlier.at) <= max_pause);
            let from = filled.map_or(place, |(earlier, _)| grid.place(earlier.at) + 1);
            PointGrid::fill(&mut lines[index], from, place, value);
        }
    }
    lines
}

/// Returns the longest time between two of these samples that is not a gap: little more than the usual time.
pub(crate) fn max_pause(times: impl Iterator<Item = Duration>) -> Duration {
    let times: Vec<Duration> = times.collect();
    let mut pauses: Vec<Duration> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let Some(middle) = pauses.len().checked_sub(1).map(|last| last / 2) else { return Duration::ZERO };
    longest_pause(*pauses.select_nth_unstable(middle).1)
}

/// Returns the longest time between two samples that is not a gap if this is the usual time.
pub(crate) fn longest_pause(interval: Duration) -> Duration {
    interval * 5 / 2 + Duration::from_secs(1)
}

/// The division of a time span into points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PointGrid {
    step: f64,
    last_step: i64,
    points: usize,
    /// Time from which samples are needed.
    pub(crate) since: Duration,
}

impl PointGrid {
    /// Divides the time `span` before `now` into points. Both the span and the number of points must be positive.
    pub(crate) fn new(now: Duration, span: Duration, points: usize) -> Self {
        let step = span.as_secs_f64() / points as f64;
        // Align points to absolute time and not to `now`, so that a peak does not jump between two points.
        let last_step = (now.as_secs_f64() / step).floor() as i64;
        Self { step, last_step, points, since: now.saturating_sub(span + Duration::from_secs_f64(step * 2.0)) }
    }

    /// Moves the points to the right until their number since the start of time is a multiple of `count`, so that a chart
    /// with several points per screen cell moves by whole cells. The points after `now` are unknown.
    pub(crate) fn align_to(self, count: usize) -> Self {
        let count = count.max(1) as i64;
        Self { last_step: self.last_step.div_euclid(count) * count + count - 1, ..self }
    }

    /// Returns the points of values at increasing times. Each point is the highest value in its part of the span.
    ///
    /// A known value also fills the points back to the previous known value, unless there is a gap between the two, which is
    /// longer than `max_pause`.
    pub(crate) fn points(
        &self,
        values: impl IntoIterator<Item = (Duration, Option<f64>)>,
        max_pause: Duration,
    ) -> Vec<Option<f64>> {
        let mut line = vec![None; self.points];
        let mut previous: Option<(Duration, i64)> = None;
        for (at, value) in values {
            let place = self.place(at);
            if let Some(value) = value {
                let before = previous.filter(|(earlier, _)| at.saturating_sub(*earlier) <= max_pause);
                Self::fill(&mut line, before.map_or(place, |(_, earlier)| earlier + 1), place, value);
            }
            previous = value.map(|_| (at, place));
        }
        line
    }

    /// Returns the index of the point that covers a time; negative before the first point.
    pub(crate) fn place(&self, at: Duration) -> i64 {
        (at.as_secs_f64() / self.step).floor() as i64 - self.last_step + self.points as i64 - 1
    }

    /// Raises the points from `from` to `place` to `value`, or only `place` if `from` is later.
    pub(crate) fn fill(line: &mut [Option<f64>], from: i64, place: i64, value: f64) {
        for place in from.min(place)..=place {
            if let Some(slot) = usize::try_from(place).ok().and_then(|place| line.get_mut(place)) {
                *slot = Some(slot.map_or(value, |known: f64| known.max(value)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_with_server};

    fn history(values: &[(u64, i64)], reload_at: Option<u64>) -> (History, RowId) {
        let (mut history, mut builder) = (History::new(1 << 20), SampleBuilder::default());
        let mut id = RowId::PROCESS;
        for (millis, stot) in values {
            if reload_at == Some(*millis) {
                builder.reload();
            }
            let sample = builder.build_at_millis(*millis, &stat_with_server("b", "s", *stot));
            id = sample.rows.ids()[0];
            history.push(&sample);
        }
        (history, id)
    }

    fn drawn(values: &[(u64, i64)], reload_at: Option<u64>, now: u64, count: usize) -> Vec<Option<f64>> {
        let (history, id) = history(values, reload_at);
        let (now, span) = (Duration::from_millis(now), Duration::from_secs(count as u64));
        points(&history, id, &[Trend::from_field(Field::Stot)], now, span, count).remove(0)
    }

    #[test]
    fn points_turn_counters_into_rates_and_keep_peaks() {
        let seconds = [(0, 0), (1000, 10), (2000, 110), (3000, 120)];
        assert_eq!(drawn(&seconds, None, 3000, 4), [None, Some(10.0), Some(100.0), Some(10.0)]);
        let halves = [(0, 0), (500, 50), (1000, 50), (1500, 50), (2000, 50)];
        assert_eq!(drawn(&halves, None, 2000, 3), [Some(100.0), Some(0.0), Some(0.0)]);
    }

    #[test]
    fn points_do_not_overflow_on_extreme_counters() {
        let line = drawn(&[(0, -i64::MAX), (1000, i64::MAX)], None, 1000, 2);
        assert_eq!(line, [None, Some(i64::MAX as f64)]);
    }

    #[test]
    fn points_leave_gap_after_clear_and_reload() {
        let cleared = [(0, 500), (1000, 510), (2000, 3), (3000, 5)];
        assert_eq!(drawn(&cleared, None, 3000, 4), [None, Some(10.0), None, Some(2.0)]);
        let reloaded = [(0, 500), (1000, 510), (2000, 900), (3000, 905)];
        assert_eq!(drawn(&reloaded, Some(2000), 3000, 4), [None, Some(10.0), None, Some(5.0)]);
    }

    #[test]
    fn points_fill_steps_of_slow_samples_but_not_pauses() {
        let slow = [(0, 0), (3000, 30), (60_000, 40)];
        let line = drawn(&slow, None, 60_000, 61);
        assert_eq!(&line[..5], &[None, Some(10.0), Some(10.0), Some(10.0), None]);
        assert!(line[5..60].iter().all(Option::is_none), "the link was down");
        assert!(line[60].is_some());
    }

    #[test]
    fn points_leave_gaps_of_few_long_steps() {
        let seconds: Vec<(u64, i64)> = (0..=90).chain(300..=599).map(|second| (second * 1000, 1)).collect();
        let (history, id) = history(&seconds, None);
        let (now, span) = (Duration::from_secs(599), Duration::from_mins(10));
        let line = points(&history, id, &[Trend::Level(Series::Stat(Field::Stot))], now, span, 10).remove(0);
        let known: Vec<bool> = line.iter().map(Option::is_some).collect();
        assert_eq!(known, [true, true, false, false, false, true, true, true, true, true]);
    }

    #[test]
    fn grid_points_fill_up_to_the_pause_and_leave_unknown_values_out() {
        let seconds = Duration::from_secs;
        let grid = PointGrid::new(seconds(9), seconds(10), 10);
        let values = [(0, Some(1.0)), (2, Some(2.0)), (3, None), (4, Some(4.0)), (9, Some(9.0))];
        let line = grid.points(values.map(|(at, value)| (seconds(at), value)), seconds(3));
        let known = |value: f64| Some(value);
        assert_eq!(line[..5], [known(1.0), known(2.0), known(2.0), None, known(4.0)]);
        assert_eq!(line[5..], [None, None, None, None, known(9.0)], "five seconds are a gap");
        let peaks = grid.points([(1, Some(5.0)), (1, Some(3.0))].map(|(at, value)| (seconds(at), value)), seconds(3));
        assert_eq!(peaks[1], known(5.0), "the highest value stays visible");
    }

    #[test]
    fn aligned_grid_moves_by_whole_cells() {
        let seconds = Duration::from_secs;
        let line = |now| {
            let grid = PointGrid::new(seconds(now), seconds(6), 6).align_to(2);
            grid.points((0..=now).map(|at| (seconds(at), Some(at as f64))), seconds(1))
        };
        let known = |values: [u8; 6]| values.map(|value| Some(f64::from(value)).filter(|value| *value > 0.0));
        assert_eq!(line(8), known([4, 5, 6, 7, 8, 0]));
        assert_eq!(line(9), known([4, 5, 6, 7, 8, 9]));
        assert_eq!(line(10), known([6, 7, 8, 9, 10, 0]));
    }

    #[test]
    fn points_accept_empty_history_and_zero_width() {
        let (history, id) = history(&[], None);
        assert_eq!(
            points(&history, id, &[Trend::from_field(Field::Scur)], Duration::ZERO, Duration::ZERO, 0),
            [Vec::new()]
        );
        assert_eq!(points(&history, id, &[], Duration::ZERO, Duration::from_secs(1), 9), Vec::<Vec<_>>::new());
    }
}
