//! The table of charts. Each entry describes a number of a row that can be drawn over time.

use std::time::Duration;

use crate::haproxy::fields::{Field, FieldKind, InfoField};
use crate::history::block::Series;
use crate::history::moving_mean::MeanKind;
use crate::history::time_trend::{self, TimedRow};
use crate::history::trend::{self, Trend};
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::units;

/// A number of a row over time.
#[derive(Debug)]
pub(crate) struct Chart {
    /// Heading.
    pub(crate) title: &'static str,
    /// Trends that are added up to get the points.
    trends: &'static [Trend],
    /// Formats one point.
    pub(crate) format: fn(f64) -> String,
    /// Field that contains the limit on the number.
    pub(crate) limit: Option<Field>,
    /// Field that a row must report to have this chart.
    required_field: Field,
    /// One of HAProxy's means. If set, the points are the mean times of the last seconds, and `trends` is empty.
    time_field: Option<Field>,
    /// Counter of requests or sessions. If set, the chart is shown only for rows whose traffic this field counts.
    served_field: Option<Field>,
}

const fn level_trend(field: Field) -> Trend {
    Trend::Level(Series::Stat(field))
}

const fn rate_trend(field: Field) -> Trend {
    Trend::PerSecond(Series::Stat(field))
}

impl Chart {
    /// Formats the newest known point. An average is unknown until the row has served a session.
    pub(crate) fn format_newest(&self, sample: &Sample, id: RowId, points: &[Option<f64>]) -> String {
        let is_empty =
            self.required_field.info().kind == FieldKind::Average && sample.number(id, Field::Stot) == Some(0);
        let newest = points.iter().rev().flatten().next().filter(|_| !is_empty);
        newest.map_or(units::UNKNOWN.to_owned(), |value| (self.format)(*value))
    }
}

fn format_count(value: f64) -> String {
    units::count(value.round() as i64)
}

fn format_millis(value: f64) -> String {
    units::millis(value.round() as i64)
}

const fn chart(title: &'static str, trends: &'static [Trend], show: fn(f64) -> String, probe: Field) -> Chart {
    Chart { title, trends, format: show, limit: None, required_field: probe, time_field: None, served_field: None }
}

const fn time_chart(title: &'static str, field: Field) -> Chart {
    Chart { time_field: Some(field), ..chart(title, &[], format_millis, field) }
}

/// Charts of a row, in the order in which they are shown.
pub(crate) static CHARTS: &[Chart] = &[
    Chart { limit: Some(Field::Slim), ..chart("sessions", &[level_trend(Field::Scur)], format_count, Field::Scur) },
    Chart { limit: Some(Field::Qlimit), ..chart("queue", &[level_trend(Field::Qcur)], format_count, Field::Qcur) },
    Chart {
        served_field: Some(Field::ReqTot),
        ..chart("req/s", &[rate_trend(Field::ReqTot)], units::rate, Field::ReqTot)
    },
    Chart { served_field: Some(Field::Stot), ..chart("sess/s", &[rate_trend(Field::Stot)], units::rate, Field::Stot) },
    chart("errors/s", ERROR_TRENDS, units::rate, Field::Stot),
    time_chart("rtime", Field::Rtime),
];

/// Further charts for the detail page of a row: errors by class, times, and bytes sent.
pub(crate) static DETAIL_CHARTS: &[Chart] = &[
    chart("4xx/s", &[rate_trend(Field::Hrsp4xx)], units::rate, Field::Hrsp4xx),
    chart("5xx/s", &[rate_trend(Field::Hrsp5xx)], units::rate, Field::Hrsp5xx),
    chart("econ/s", &[rate_trend(Field::Econ)], units::rate, Field::Econ),
    chart("eresp/s", &[rate_trend(Field::Eresp)], units::rate, Field::Eresp),
    time_chart("qtime", Field::Qtime),
    time_chart("ctime", Field::Ctime),
    time_chart("ttime", Field::Ttime),
    chart("out/s", &[rate_trend(Field::Bout)], units::bytes, Field::Bout),
];

/// Failed connections, failed responses, bad requests and 5xx together.
const ERROR_TRENDS: &[Trend] =
    &[rate_trend(Field::Econ), rate_trend(Field::Eresp), rate_trend(Field::Ereq), rate_trend(Field::Hrsp5xx)];

/// Returns the main charts that a row has.
pub(crate) fn charts_for(sample: &Sample, id: RowId) -> impl Iterator<Item = &'static Chart> {
    applicable_charts(sample, id, CHARTS)
}

/// Returns all charts that a row has, including those of the detail page.
pub(crate) fn all_charts_for(sample: &Sample, id: RowId) -> impl Iterator<Item = &'static Chart> {
    charts_for(sample, id).chain(applicable_charts(sample, id, DETAIL_CHARTS))
}

fn applicable_charts(sample: &Sample, id: RowId, charts: &'static [Chart]) -> impl Iterator<Item = &'static Chart> {
    let served =
        sample.row(id).map(|row| Field::traffic_counter(row.is_tcp(), sample.number(id, Field::ReqTot).is_some()));
    charts.iter().filter(move |chart| {
        sample.number(id, chart.required_field).is_some()
            && (chart.served_field.is_none() || chart.served_field == served)
    })
}

/// Sessions per second of the process, as reported by HAProxy.
const PROCESS_SESSIONS: Trend = Trend::Level(Series::Info(InfoField::SessRate));

/// Returns the points of each chart of a row, oldest first: `count` points that cover `span`.
pub(crate) fn chart_points<'a>(
    instance: &Instance,
    id: RowId,
    charts: impl IntoIterator<Item = &'a Chart>,
    span: Duration,
    count: usize,
) -> Vec<Vec<Option<f64>>> {
    let charts: Vec<&Chart> = charts.into_iter().collect();
    let all: Vec<Trend> = charts.iter().flat_map(|chart| chart.trends).copied().collect();
    let mut lines = row_points(instance, id, &all, span, count).into_iter();
    let times: Vec<Field> = charts.iter().filter_map(|chart| chart.time_field).collect();
    let mut times = time_points(instance, id, &times, span, count).into_iter();
    let mut points = |chart: &&Chart| match chart.time_field {
        Some(_) => times.next(),
        None => lines.by_ref().take(chart.trends.len()).reduce(add_points),
    };
    charts.iter().map(|chart| points(chart).unwrap_or_default()).collect()
}

/// Maximum number of servers whose requests are counted for the times of a backend. With more servers, the backend's own
/// responses are counted, which include those that HAProxy sent itself.
const MAX_COUNTED_SERVERS: usize = 64;

/// Returns the mean times of a row over time, up to the sample shown.
fn time_points(
    instance: &Instance,
    id: RowId,
    fields: &[Field],
    span: Duration,
    count: usize,
) -> Vec<Vec<Option<f64>>> {
    let Some(sample) = instance.shown().filter(|_| !fields.is_empty()) else { return Vec::new() };
    let Some(index) = sample.rows.index_of(id) else { return Vec::new() };
    let backend = sample.rows.backend_of(index).filter(|backend| backend.row == index);
    let servers = backend.map_or(&[][..], |backend| &backend.servers);
    let servers = if servers.len() > MAX_COUNTED_SERVERS { &[][..] } else { servers };
    let row = TimedRow {
        id,
        servers: servers.iter().map(|server| sample.rows.ids()[*server]).collect(),
        is_tcp: sample.table.rows()[index].is_tcp(),
        kind: MeanKind::from_version(sample.info.version()),
    };
    time_trend::points(instance.history(), &row, fields, sample.at.monotonic, span, count)
}

/// Returns the sessions per second of the whole process over time.
pub(crate) fn session_points(instance: &Instance, span: Duration, count: usize) -> Vec<Option<f64>> {
    row_points(instance, RowId::PROCESS, &[PROCESS_SESSIONS], span, count).pop().unwrap_or_default()
}

/// Maximum number of frontends whose requests are summed for the header. With more frontends, the process's own counter
/// is used.
const MAX_SUMMED_FRONTENDS: usize = 64;

/// Returns the HTTP requests per second of all frontends over time.
pub(crate) fn request_points(instance: &Instance, span: Duration, count: usize) -> Vec<Option<f64>> {
    let Some(sample) = instance.shown() else { return Vec::new() };
    let frontends = sample.rows.frontends();
    let of_row = |id, trend| row_points(instance, id, &[trend], span, count).pop().unwrap_or_default();
    if frontends.len() > MAX_SUMMED_FRONTENDS {
        return of_row(RowId::PROCESS, Trend::PerSecond(Series::Info(InfoField::CumReq)));
    }
    let lines = frontends.iter().map(|row| of_row(sample.rows.ids()[*row], rate_trend(Field::ReqTot)));
    lines.reduce(add_points).unwrap_or_default()
}

/// Returns the points of each trend of a row or of the process, up to the sample shown.
fn row_points(instance: &Instance, id: RowId, trends: &[Trend], span: Duration, count: usize) -> Vec<Vec<Option<f64>>> {
    let now = instance.shown().map_or(Duration::ZERO, |sample| sample.at.monotonic);
    trend::points(instance.history(), id, trends, now, span, count)
}

/// Adds two series point by point. A sum is unknown only if both points are unknown.
fn add_points(one: Vec<Option<f64>>, other: Vec<Option<f64>>) -> Vec<Option<f64>> {
    let sum = |(one, other): (Option<f64>, Option<f64>)| match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    };
    one.into_iter().zip(other).map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    #[test]
    fn chart_points_sum_errors_of_all_kinds() {
        let (mut instance, mut maker) = (Instance::default(), SampleBuilder::default());
        instance.add_sample(maker.build_at_millis(0, &stat_of_site()), 0);
        let sample =
            maker.build_at_millis(1000, &stat_of_site().replace("600,0,0,,9,0,0,0,L4CON", "600,0,0,,12,2,1,0,L4CON"));
        let id = sample.rows.ids()[8];
        instance.add_sample(sample, 0);
        let sample = instance.shown().unwrap();
        let lines = chart_points(&instance, id, charts_for(sample, id), Duration::from_secs(2), 2);
        let titles = |id| charts_for(sample, id).map(|chart| chart.title).collect::<Vec<_>>();
        assert_eq!(titles(id), ["sessions", "queue", "req/s", "errors/s"]);
        assert_eq!(lines[3], [None, Some(6.0)]);
        assert_eq!(titles(sample.rows.ids()[0]), ["sessions", "req/s", "errors/s"], "a frontend has no queue");
    }
}
