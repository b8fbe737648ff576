//! Sums over rows at every stored sample, such as the queue of a backend with those of its servers.
//!
//! A row that a sample does not contain did not exist then and is not counted. A row that the sample contains without the
//! value makes the sum unknown, because a sum of the others would be too low.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::history::block::{SampleHeader, Series};
use crate::history::store::History;
use crate::observe::row_ids::RowId;

/// A sum over rows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum RowSum {
    /// No row was counted.
    #[default]
    Empty,
    /// The sum of known values.
    Known(f64),
    /// The value of at least one row is unknown.
    Unknown,
}

impl RowSum {
    /// Adds the value of a row that exists; `None` if it is unknown.
    pub(crate) fn add(&mut self, value: Option<f64>) {
        *self = match (*self, value) {
            (Self::Unknown, _) | (_, None) => Self::Unknown,
            (Self::Empty, Some(value)) => Self::Known(value),
            (Self::Known(sum), Some(value)) => Self::Known(sum + value),
        };
    }

    /// Returns the sum; `None` if it is unknown or no row was counted.
    pub(crate) fn value(self) -> Option<f64> {
        match self {
            Self::Known(sum) => Some(sum),
            Self::Empty | Self::Unknown => None,
        }
    }
}

/// Sums with the times of their samples, oldest first.
pub(crate) type TimedSums = Vec<(Duration, Option<f64>)>;

/// Returns the sums of a number as reported by HAProxy, at every stored sample of a range of time.
pub(crate) fn levels(history: &History, rows: &[RowId], field: Field, time: &RangeInclusive<Duration>) -> TimedSums {
    let mut sums = Sums::default();
    for id in rows {
        let mut place = 0;
        history.read_row(*id, &[Series::Stat(field)], time.clone(), |header, values| {
            let sum = sums.at(place, header.at);
            if let Some(values) = values {
                sum.add(values[0].map(|value| value as f64));
            }
            place += 1;
        });
    }
    sums.finish()
}

/// Returns the sums of the growth per second of a counter since the sample before, at every stored sample of a range of
/// time. A row counts from the second sample that contains it, and the sum is unknown where its counter was reset.
pub(crate) fn rates(history: &History, rows: &[RowId], field: Field, time: &RangeInclusive<Duration>) -> TimedSums {
    let mut sums = Sums::default();
    for id in rows {
        let (mut place, mut before) = (0, None::<(SampleHeader, Option<i64>)>);
        history.read_row(*id, &[Series::Stat(field)], time.clone(), |header, values| {
            let sum = sums.at(place, header.at);
            let now = values.map(|values| (header, values[0]));
            if let (Some((earlier, before)), Some((header, value))) = (before, now) {
                let seconds = header.at.saturating_sub(earlier.at).as_secs_f64();
                let grown = value
                    .zip(before)
                    .filter(|(value, before)| earlier.epoch == header.epoch && value >= before && seconds > 0.0);
                sum.add(grown.map(|(value, before)| value.saturating_sub(before) as f64 / seconds));
            }
            before = now;
            place += 1;
        });
    }
    sums.finish()
}

/// The sums while the rows are read one after the other.
#[derive(Debug, Default)]
struct Sums {
    sums: Vec<(Duration, RowSum)>,
}

impl Sums {
    /// Returns the sum of the sample with this place, which the first row adds.
    fn at(&mut self, place: usize, at: Duration) -> &mut RowSum {
        if place == self.sums.len() {
            self.sums.push((at, RowSum::Empty));
        }
        &mut self.sums[place].1
    }

    fn finish(self) -> TimedSums {
        self.sums.into_iter().map(|(at, sum)| (at, sum.value())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    /// Stores samples of a backend with a server `old`, and a server `new` where it has a queue and a counter. Returns the
    /// rows, the second one being `new`.
    fn history(samples: &[Option<(&str, &str)>]) -> (History, Vec<RowId>) {
        let (mut history, mut builder) = (History::new(1 << 20), SampleBuilder::default());
        let mut rows = Vec::new();
        for (second, new) in (0..).zip(samples) {
            let old = format!("b,old,1,{},2,UP,\n", second * 10);
            let new = new.map_or_else(String::new, |(queue, total)| format!("b,new,{queue},{total},2,UP,\n"));
            let stat = format!("# pxname,svname,qcur,req_tot,type,status,\n{old}{new}");
            let sample = builder.build_at_millis(second * 1000, &stat);
            if sample.rows.ids().len() > rows.len() {
                rows = sample.rows.ids().to_vec();
            }
            history.push(&sample);
        }
        (history, rows)
    }

    fn values(sums: TimedSums) -> Vec<Option<f64>> {
        sums.into_iter().map(|(_, sum)| sum).collect()
    }

    const ALL: RangeInclusive<Duration> = Duration::ZERO..=Duration::MAX;

    #[test]
    fn levels_leave_out_absent_rows_and_do_not_hide_unknown_values() {
        let (history, rows) = history(&[None, Some(("4", "5")), Some(("", "5")), Some(("2", "5")), None]);
        let sums = values(levels(&history, &rows, Field::Qcur, &ALL));
        assert_eq!(sums, [Some(1.0), Some(5.0), None, Some(3.0), Some(1.0)]);
        assert_eq!(values(levels(&history, &[], Field::Qcur, &ALL)), []);
    }

    #[test]
    fn levels_tell_absent_rows_from_unknown_values_in_packed_blocks() {
        let kinds = [None, Some(("4", "5")), Some(("", "5"))];
        let samples: Vec<_> = (0..300).map(|second| kinds[second / 50 % 3]).collect();
        let (history, rows) = history(&samples);
        let expected: Vec<_> = (0..300).map(|second| [Some(1.0), Some(5.0), None][second / 50 % 3]).collect();
        assert_eq!(values(levels(&history, &rows, Field::Qcur, &ALL)), expected);
    }

    #[test]
    fn rates_count_a_row_from_its_second_sample_and_stop_at_unknown_values() {
        let samples = [None, Some(("", "5")), Some(("", "9")), Some(("", "")), Some(("", "20")), Some(("", "3")), None];
        let (history, rows) = history(&samples);
        let sums = values(rates(&history, &rows, Field::ReqTot, &ALL));
        assert_eq!(sums, [None, Some(10.0), Some(14.0), None, None, None, Some(10.0)]);
    }
}
