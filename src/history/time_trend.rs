//! The mean times of the last seconds, at every stored sample, for charts.

use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::history::block::{SampleHeader, Series};
use crate::history::interval_search::IntervalSearch;
use crate::history::interval_times::MAX_SPAN;
use crate::history::moving_mean::MeanKind;
use crate::history::row_means::RowMeans;
use crate::history::store::History;
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
    /// The means, or `None` if the sample does not contain the row.
    means: Option<RowMeans>,
    requests: Option<u32>,
}

/// Returns the mean time of a row at the stored samples from `since` to `until`, oldest first, with the times of the
/// samples. The field is one of HAProxy's means, such as `rtime`. Of more than `max_count` samples, every second, third or
/// further one is left out, counted from the newest.
pub(crate) fn values(
    history: &History,
    row: &TimedRow,
    field: Field,
    since: Duration,
    until: Duration,
    max_count: usize,
) -> Vec<(Duration, Option<f64>)> {
    let samples = read_samples(history, row, since.saturating_sub(MAX_SPAN), until);
    let first = samples.partition_point(|sample| sample.header.at < since);
    let stride = (samples.len() - first).div_ceil(max_count.max(1)).max(1);
    let mut values: Vec<_> = (first..samples.len())
        .rev()
        .step_by(stride)
        .map(|place| (samples[place].header.at, interval_mean(&samples[..=place], row.kind, field)))
        .collect();
    values.reverse();
    values
}

/// Reads the means and the number of requests at every stored sample between two times.
fn read_samples(history: &History, row: &TimedRow, since: Duration, until: Duration) -> Vec<TimedSample> {
    let series = RowMeans::FIELDS.map(Series::Stat);
    let read = |id: RowId, each: &mut dyn FnMut(SampleHeader, Option<RowMeans>)| {
        history.read_row(id, &series, since..=until, |header, values| {
            let means = values.and_then(|values| values.try_into().ok());
            let means = means.map(|values| RowMeans::from_values(row.is_tcp, &values));
            each(header, means);
        });
    };
    let mut samples: Vec<TimedSample> = Vec::new();
    read(row.id, &mut |header, means| samples.push(TimedSample { header, means, requests: Some(0) }));
    let counted = if row.servers.is_empty() { std::slice::from_ref(&row.id) } else { &row.servers };
    for id in counted {
        let (mut place, mut before) = (0, None::<(u32, Option<RowMeans>)>);
        read(*id, &mut |header, means| {
            let earlier = before.filter(|(epoch, _)| *epoch == header.epoch).map(|(_, earlier)| earlier);
            let grown = match (earlier, means) {
                (None, _) => None,
                // A server that does not exist has no requests.
                (Some(_), None) => Some(0),
                (Some(earlier), Some(means)) => means.requests_since(&earlier.unwrap_or(RowMeans::NEW)),
            };
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
    let now = newest.means?;
    let mut search = IntervalSearch::default();
    let (mut requests, mut counted) = (0_u32, newest.requests);
    for (steps, before) in samples.iter().rev().skip(1).enumerate() {
        let span = newest.header.at.saturating_sub(before.header.at);
        requests = requests.saturating_add(counted?);
        counted = before.requests;
        let Some(means) = before.means.filter(|means| !means.is_absent()) else { break };
        if steps > 0 && span > MAX_SPAN {
            break;
        }
        if search.consider(span, requests, || now.interval_mean(&means, kind, field, requests, span)) {
            break;
        }
        if counted.is_none() {
            break;
        }
    }
    search.finish().map(|time| time.millis)
}
