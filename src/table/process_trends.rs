//! The sparklines of the header: sessions and requests of the whole process over time.

use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField};
use crate::history::block::Series;
use crate::history::row_sums;
use crate::history::trend::{self, PointGrid, Trend};
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;

/// Sessions per second of the process, as reported by HAProxy.
const PROCESS_SESSIONS: Trend = Trend::Level(Series::Info(InfoField::SessRate));

/// Returns the sessions per second of the whole process over time.
pub(crate) fn session_points(instance: &Instance, span: Duration, count: usize) -> Vec<Option<f64>> {
    row_points(instance, RowId::PROCESS, PROCESS_SESSIONS, span, count)
}

/// Maximum number of frontends whose requests are summed for the header. With more frontends, the process's own counter
/// is used.
const MAX_SUMMED_FRONTENDS: usize = 64;

/// Returns the HTTP requests per second of all frontends over time.
pub(crate) fn request_points(instance: &Instance, span: Duration, count: usize) -> Vec<Option<f64>> {
    let Some(sample) = instance.shown() else { return Vec::new() };
    let frontends = sample.rows.frontends();
    if frontends.len() > MAX_SUMMED_FRONTENDS {
        let trend = Trend::PerSecond(Series::Info(InfoField::CumReq));
        return row_points(instance, RowId::PROCESS, trend, span, count);
    }
    if count == 0 || span.is_zero() {
        return Vec::new();
    }
    // A frontend in TCP mode has no requests.
    let has_requests = |row: &&usize| sample.table.number(**row, Field::ReqTot).is_some();
    let rows: Vec<RowId> = frontends.iter().filter(has_requests).map(|row| sample.rows.ids()[*row]).collect();
    let grid = PointGrid::new(sample.at.monotonic, span, count);
    let rates = row_sums::rates(instance.history(), &rows, Field::ReqTot, &(grid.since..=sample.at.monotonic));
    let max_pause = trend::max_pause(rates.iter().map(|(at, _)| *at));
    grid.points(rates, max_pause)
}

/// Returns the points of a trend of a row or of the process, up to the sample shown.
fn row_points(instance: &Instance, id: RowId, trend: Trend, span: Duration, count: usize) -> Vec<Option<f64>> {
    let now = instance.shown().map_or(Duration::ZERO, |sample| sample.at.monotonic);
    trend::points(instance.history(), id, &[trend], now, span, count).pop().unwrap_or_default()
}
