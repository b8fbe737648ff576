//! The sparklines of the header: sessions and requests of the whole process over time, or of several processes together.

use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField};
use crate::history::block::Series;
use crate::history::row_sums;
use crate::history::trend::{self, PointGrid, Trend};
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;

/// Sessions per second of the process, as reported by HAProxy.
const PROCESS_SESSIONS: Trend = Trend::Level(Series::Info(InfoField::SessRate));

/// Returns the sessions per second of all processes together over the time `span` before `now`.
pub(crate) fn session_points(instances: &[&Instance], now: Duration, span: Duration, count: usize) -> Vec<Option<f64>> {
    sum_points(instances, count, |instance| row_points(instance, RowId::PROCESS, PROCESS_SESSIONS, now, span, count))
}

/// Returns the HTTP requests per second of all frontends of the processes over the time `span` before `now`.
pub(crate) fn request_points(instances: &[&Instance], now: Duration, span: Duration, count: usize) -> Vec<Option<f64>> {
    sum_points(instances, count, |instance| instance_requests(instance, now, span, count))
}

/// Returns the sums of the points of instances. One whose point is unknown, such as one that did not answer then, is left out.
fn sum_points(
    instances: &[&Instance],
    count: usize,
    points: impl Fn(&Instance) -> Vec<Option<f64>>,
) -> Vec<Option<f64>> {
    let lines: Vec<Vec<Option<f64>>> = instances.iter().map(|instance| points(instance)).collect();
    let sum = |place: usize| lines.iter().filter_map(|line| *line.get(place)?).reduce(|sum, value| sum + value);
    (0..count).map(sum).collect()
}

/// Maximum number of frontends whose requests are summed for the header. With more frontends, the process's own counter
/// is used.
const MAX_SUMMED_FRONTENDS: usize = 64;

fn instance_requests(instance: &Instance, now: Duration, span: Duration, count: usize) -> Vec<Option<f64>> {
    let Some(sample) = instance.shown() else { return Vec::new() };
    let frontends = sample.rows.frontends();
    if frontends.len() > MAX_SUMMED_FRONTENDS {
        let trend = Trend::PerSecond(Series::Info(InfoField::CumReq));
        return row_points(instance, RowId::PROCESS, trend, now, span, count);
    }
    if count == 0 || span.is_zero() {
        return Vec::new();
    }
    // A frontend in TCP mode has no requests.
    let has_requests = |row: &&usize| sample.table.number(**row, Field::ReqTot).is_some();
    let rows: Vec<RowId> = frontends.iter().filter(has_requests).map(|row| sample.rows.ids()[*row]).collect();
    let grid = PointGrid::new(now, span, count);
    let rates = row_sums::rates(instance.history(), &rows, Field::ReqTot, &(grid.since..=now));
    let max_pause = trend::max_pause(rates.iter().map(|(at, _)| *at));
    grid.points(rates, max_pause)
}

/// Returns the points of a trend of a row or of the process.
fn row_points(
    instance: &Instance,
    id: RowId,
    trend: Trend,
    now: Duration,
    span: Duration,
    count: usize,
) -> Vec<Option<f64>> {
    trend::points(instance.history(), id, &[trend], now, span, count).pop().unwrap_or_default()
}
