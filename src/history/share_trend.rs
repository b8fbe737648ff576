//! The share of 5xx among the responses of a row over time, for the heat map.

use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::history::block::{SampleHeader, Series};
use crate::history::store::History;
use crate::history::trend::{MAX_FILLED_STEPS, PointGrid};
use crate::observe::row_ids::RowId;

/// Time before a sample whose responses are counted, as [`crate::history::rates::RateWindow`] does.
const WINDOW: Duration = Duration::from_secs(5);

/// The responses that a row has counted at a sample.
struct Responses {
    header: SampleHeader,
    all: i64,
    errors: i64,
}

/// Returns the highest share of 5xx (0 to 1) in each of `points` equal parts of the time `span` before `now`, as
/// [`crate::history::trend::points`] returns numbers. A share of fewer than `min_responses` is unknown.
pub(crate) fn points(
    history: &History,
    id: RowId,
    min_responses: f64,
    now: Duration,
    span: Duration,
    points: usize,
) -> Vec<Option<f64>> {
    let mut line = vec![None; points];
    if points == 0 || span.is_zero() {
        return line;
    }
    let grid = PointGrid::new(now, span, points);
    let series = Field::RESPONSES.map(Series::Stat);
    let mut samples: Vec<Option<Responses>> = Vec::new();
    history.read_series(id, &series, grid.since.saturating_sub(WINDOW * 2)..=now, |header, values| {
        let all = values.iter().flatten().copied().reduce(i64::wrapping_add);
        let place = Field::RESPONSES.iter().position(|field| *field == Field::Hrsp5xx);
        let errors = place.and_then(|place| values[place]);
        samples.push(all.zip(errors).map(|(all, errors)| Responses { header, all, errors }));
    });
    let (mut oldest, mut previous) = (0, None::<i64>);
    for index in 0..samples.len() {
        let Some(sample) = &samples[index] else {
            (oldest, previous) = (index + 1, None);
            continue;
        };
        let is_usable = |before: &Responses| {
            before.header.epoch == sample.header.epoch && before.all <= sample.all && before.errors <= sample.errors
        };
        let is_recent = |before: &Responses| sample.header.at.saturating_sub(before.header.at) <= WINDOW;
        // The sample before counts even if it is older, because samples may be further apart than the window.
        while oldest + 1 < index && !samples[oldest].as_ref().is_some_and(is_recent) {
            oldest += 1;
        }
        if !samples[oldest].as_ref().is_some_and(is_usable) {
            oldest = index;
        }
        let place = grid.place(sample.header.at);
        if let Some(before) = &samples[oldest] {
            let (all, errors) = ((sample.all - before.all) as f64, (sample.errors - before.errors) as f64);
            if all >= min_responses {
                let from =
                    previous.filter(|earlier| place - earlier <= MAX_FILLED_STEPS).map_or(place, |earlier| earlier + 1);
                PointGrid::fill(&mut line, from, place, (errors / all).min(1.0));
            }
        }
        previous = Some(place);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    #[test]
    fn points_are_shares_of_the_last_seconds() {
        let (mut history, mut builder) = (History::new(1 << 20), SampleBuilder::default());
        let mut id = RowId::PROCESS;
        // 50 responses per second; from second 10 to 14, half of them are errors.
        let (mut good, mut bad) = (0, 0);
        for second in 0..20_u64 {
            if second == 17 {
                (good, bad) = (0, 0);
            }
            let is_failing = (10..15).contains(&second);
            good += if is_failing { 25 } else { 50 };
            bad += if is_failing { 25 } else { 0 };
            let stat = format!("# pxname,svname,hrsp_2xx,hrsp_5xx,type,\nb,s,{good},{bad},2,\n");
            let sample = builder.build_at_millis(second * 1000, &stat);
            id = sample.rows.ids()[0];
            history.push(&sample);
        }
        let line = points(&history, id, 20.0, Duration::from_secs(19), Duration::from_secs(20), 20);
        assert_eq!((line[0], line[9], line[10], line[14]), (None, Some(0.0), Some(0.1), Some(0.5)));
        assert_eq!((line[17], line[18]), (None, Some(0.0)), "the counters were cleared");
        let few = points(&history, id, 1000.0, Duration::from_secs(19), Duration::from_secs(20), 20);
        assert!(few.iter().all(Option::is_none));
    }
}
