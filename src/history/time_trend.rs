//! The mean times of the last seconds, at every stored sample, for charts.

use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::history::block::{SampleHeader, Series};
use crate::history::interval_times::{IntervalSearch, MAX_SPAN, RowMeans};
use crate::history::moving_mean::MeanKind;
use crate::history::store::History;
use crate::history::trend::{MAX_FILLED_STEPS, PointGrid};
use crate::observe::row_ids::RowId;

/// A row whose times are drawn.
#[derive(Debug, Clone)]
pub(crate) struct TimedRow {
    /// The row.
    pub(crate) id: RowId,
    /// The servers of a backend, whose requests are counted; empty for a server.
    pub(crate) servers: Vec<RowId>,
    /// True if the row is in TCP mode.
    pub(crate) is_tcp: bool,
    /// The way in which HAProxy computes the means.
    pub(crate) kind: MeanKind,
}

/// A stored sample: the row's means and the number of requests since the previous sample, if it can be compared.
struct TimedSample {
    header: SampleHeader,
    means: RowMeans,
    requests: Option<u32>,
}

/// Returns the mean times of a row over the time `span` before `now`. Each of `fields`, such as `rtime`, has `points`
/// values, as [`crate::history::trend::points`] returns them.
pub(crate) fn points(
    history: &History,
    row: &TimedRow,
    fields: &[Field],
    now: Duration,
    span: Duration,
    points: usize,
) -> Vec<Vec<Option<f64>>> {
    let mut lines = vec![vec![None; points]; fields.len()];
    if points == 0 || span.is_zero() || fields.is_empty() {
        return lines;
    }
    let grid = PointGrid::new(now, span, points);
    let samples = read_samples(history, row, grid.since.saturating_sub(MAX_SPAN), now);
    let first = samples.partition_point(|sample| sample.header.at < grid.since);
    let mut previous = None;
    for place_of_sample in first..samples.len() {
        let place = grid.place(samples[place_of_sample].header.at);
        for (line, field) in lines.iter_mut().zip(fields) {
            if let Some(millis) = interval_mean(&samples[..=place_of_sample], row.kind, *field) {
                let from =
                    previous.filter(|earlier| place - earlier <= MAX_FILLED_STEPS).map_or(place, |earlier| earlier + 1);
                PointGrid::fill(line, from, place, millis);
            }
        }
        previous = Some(place);
    }
    lines
}

/// Reads the means and the number of requests at every stored sample between two times.
fn read_samples(history: &History, row: &TimedRow, since: Duration, until: Duration) -> Vec<TimedSample> {
    let series = RowMeans::FIELDS.map(Series::Stat);
    let read = |id: RowId, each: &mut dyn FnMut(SampleHeader, RowMeans)| {
        history.read_series(id, &series, since..=until, |header, values| {
            let number = |field| values[RowMeans::FIELDS.iter().position(|known| *known == field)?];
            each(header, RowMeans::from_numbers(row.is_tcp, number));
        });
    };
    let mut samples: Vec<TimedSample> = Vec::new();
    read(row.id, &mut |header, means| samples.push(TimedSample { header, means, requests: Some(0) }));
    let counted = if row.servers.is_empty() { std::slice::from_ref(&row.id) } else { &row.servers };
    for id in counted {
        let (mut place, mut before) = (0, None::<(u32, RowMeans)>);
        read(*id, &mut |header, means| {
            let grown = before
                .filter(|(epoch, _)| *epoch == header.epoch)
                .and_then(|(_, before)| means.requests_since(&before));
            if let Some(sample) = samples.get_mut(place) {
                sample.requests = sample.requests.zip(grown).map(|(sum, grown)| sum.saturating_add(grown));
            }
            before = Some((header.epoch, means));
            place += 1;
        });
    }
    samples
}

/// Returns the mean time of the requests before the last of `samples`, in milliseconds.
fn interval_mean(samples: &[TimedSample], kind: MeanKind, field: Field) -> Option<f64> {
    let newest = samples.last()?;
    let mut search = IntervalSearch::default();
    let (mut requests, mut counted) = (0_u32, newest.requests);
    for (steps, before) in samples.iter().rev().skip(1).enumerate() {
        let span = newest.header.at.saturating_sub(before.header.at);
        requests = requests.saturating_add(counted?);
        counted = before.requests;
        if before.means.is_absent() || steps > 0 && span > MAX_SPAN {
            break;
        }
        if search.consider(span, requests, || newest.means.interval_mean(&before.means, kind, field, requests, span)) {
            break;
        }
        if counted.is_none() {
            break;
        }
    }
    search.finish().map(|time| time.millis)
}
