//! CHARTS: what of a row is drawn over time, one entry each.

use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField, Kind};
use crate::history::block::Series;
use crate::history::trend::{self, Trend};
use crate::instance::instance::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::table::number_format;

/// One line over time.
#[derive(Debug)]
pub struct Chart {
    /// Its heading.
    pub title: &'static str,
    /// What is added up in each point.
    trends: &'static [Trend],
    /// How its numbers read.
    pub show: fn(f64) -> String,
    /// The column that limits it.
    pub limit: Option<Field>,
    /// The column that a row must have a number in.
    probe: Field,
    /// It counts what a row serves: shown only where that is what the row serves.
    serves: Option<Field>,
}

const fn level(field: Field) -> Trend {
    Trend::Level(Series::Stat(field))
}

const fn per_second(field: Field) -> Trend {
    Trend::PerSecond(Series::Stat(field))
}

impl Chart {
    /// Its newest point in words. A mean says nothing before there was something to take it over.
    pub fn newest(&self, sample: &Sample, id: RowId, points: &[Option<f64>]) -> String {
        let is_empty = self.probe.info().kind == Kind::Average && sample.number(id, Field::Stot) == Some(0);
        let newest = points.iter().rev().flatten().next().filter(|_| !is_empty);
        newest.map_or(number_format::UNKNOWN.to_owned(), |value| (self.show)(*value))
    }
}

fn whole(value: f64) -> String {
    number_format::count(value.round() as i64)
}

fn millis(value: f64) -> String {
    number_format::millis(value.round() as i64)
}

const fn chart(title: &'static str, trends: &'static [Trend], show: fn(f64) -> String, probe: Field) -> Chart {
    Chart { title, trends, show, limit: None, probe, serves: None }
}

/// The charts of a row, in order.
pub static CHARTS: &[Chart] = &[
    Chart { limit: Some(Field::Slim), ..chart("sessions", &[level(Field::Scur)], whole, Field::Scur) },
    Chart { limit: Some(Field::Qlimit), ..chart("queue", &[level(Field::Qcur)], whole, Field::Qcur) },
    Chart {
        serves: Some(Field::ReqTot),
        ..chart("req/s", &[per_second(Field::ReqTot)], number_format::rate, Field::ReqTot)
    },
    Chart {
        serves: Some(Field::Stot),
        ..chart("sess/s", &[per_second(Field::Stot)], number_format::rate, Field::Stot)
    },
    chart("errors/s", ERRORS, number_format::rate, Field::Stot),
    chart("rtime", &[level(Field::Rtime)], millis, Field::Rtime),
];

/// More charts, for the detail of a row: errors by class, and the four times.
pub static MORE: &[Chart] = &[
    chart("4xx/s", &[per_second(Field::Hrsp4xx)], number_format::rate, Field::Hrsp4xx),
    chart("5xx/s", &[per_second(Field::Hrsp5xx)], number_format::rate, Field::Hrsp5xx),
    chart("econ/s", &[per_second(Field::Econ)], number_format::rate, Field::Econ),
    chart("eresp/s", &[per_second(Field::Eresp)], number_format::rate, Field::Eresp),
    chart("qtime", &[level(Field::Qtime)], millis, Field::Qtime),
    chart("ctime", &[level(Field::Ctime)], millis, Field::Ctime),
    chart("ttime", &[level(Field::Ttime)], millis, Field::Ttime),
    chart("out/s", &[per_second(Field::Bout)], number_format::bytes, Field::Bout),
];

/// Failed connections, failed responses, bad requests and 5xx together.
const ERRORS: &[Trend] =
    &[per_second(Field::Econ), per_second(Field::Eresp), per_second(Field::Ereq), per_second(Field::Hrsp5xx)];

/// The charts that a row has.
pub fn of(sample: &Sample, id: RowId) -> impl Iterator<Item = &'static Chart> {
    fitting(sample, id, CHARTS)
}

/// All charts that a row has.
pub fn all_of(sample: &Sample, id: RowId) -> impl Iterator<Item = &'static Chart> {
    of(sample, id).chain(fitting(sample, id, MORE))
}

fn fitting(sample: &Sample, id: RowId, charts: &'static [Chart]) -> impl Iterator<Item = &'static Chart> {
    let served = sample.row(id).map(|row| Field::served(row.is_tcp(), sample.number(id, Field::ReqTot).is_some()));
    charts.iter().filter(move |chart| {
        sample.number(id, chart.probe).is_some() && (chart.serves.is_none() || chart.serves == served)
    })
}

/// Sessions of the process per second, as HAProxy counts them.
const PROCESS_SESSIONS: Trend = Trend::Level(Series::Info(InfoField::SessRate));

/// The points of several charts of one row, oldest first.
pub fn points<'a>(
    watch: &Instance,
    id: RowId,
    charts: impl IntoIterator<Item = &'a Chart>,
    span: Duration,
    count: usize,
) -> Vec<Vec<Option<f64>>> {
    let charts: Vec<&Chart> = charts.into_iter().collect();
    let all: Vec<Trend> = charts.iter().flat_map(|chart| chart.trends).copied().collect();
    let mut lines = row_points(watch, id, &all, span, count).into_iter();
    charts.iter().map(|chart| lines.by_ref().take(chart.trends.len()).reduce(add).unwrap_or_default()).collect()
}

/// Sessions of the process over time.
pub fn session_points(watch: &Instance, span: Duration, count: usize) -> Vec<Option<f64>> {
    row_points(watch, RowId::PROCESS, &[PROCESS_SESSIONS], span, count).pop().unwrap_or_default()
}

/// Frontends whose requests are added up for the header; beyond that the process's own count must do.
const MANY: usize = 64;

/// HTTP requests of all frontends over time.
pub fn request_points(watch: &Instance, span: Duration, count: usize) -> Vec<Option<f64>> {
    let Some(sample) = watch.newest() else { return Vec::new() };
    let frontends = sample.rows.frontends();
    let of_row = |id, trend| row_points(watch, id, &[trend], span, count).pop().unwrap_or_default();
    if frontends.len() > MANY {
        return of_row(RowId::PROCESS, Trend::PerSecond(Series::Info(InfoField::CumReq)));
    }
    let lines = frontends.iter().map(|row| of_row(sample.rows.ids()[*row], per_second(Field::ReqTot)));
    lines.reduce(add).unwrap_or_default()
}

/// The points of some trends of one row or the process, up to the newest sample.
fn row_points(watch: &Instance, id: RowId, trends: &[Trend], span: Duration, count: usize) -> Vec<Vec<Option<f64>>> {
    let now = watch.newest().map_or(Duration::ZERO, |sample| sample.at.mono);
    trend::points(watch.history(), id, trends, now, span, count)
}

/// What either knows; unknown only where both are.
fn add(one: Vec<Option<f64>>, other: Vec<Option<f64>>) -> Vec<Option<f64>> {
    let sum = |(one, other): (Option<f64>, Option<f64>)| match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    };
    one.into_iter().zip(other).map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, site};

    #[test]
    fn errors_of_all_kinds_are_added_up() {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        watch.take(maker.at_millis(0, &site()), 0);
        let sample = maker.at_millis(1000, &site().replace("600,0,0,,9,0,0,0,L4CON", "600,0,0,,12,2,1,0,L4CON"));
        let id = sample.rows.ids()[8];
        watch.take(sample, 0);
        let sample = watch.newest().unwrap();
        let lines = points(&watch, id, of(sample, id), Duration::from_secs(2), 2);
        let titles = |id| of(sample, id).map(|chart| chart.title).collect::<Vec<_>>();
        assert_eq!(titles(id), ["sessions", "queue", "req/s", "errors/s"]);
        assert_eq!(lines[3], [None, Some(6.0)]);
        assert_eq!(titles(sample.rows.ids()[0]), ["sessions", "req/s", "errors/s"], "a frontend has no queue");
    }
}
