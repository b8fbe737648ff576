//! The table of charts. Each entry describes a number of a row that can be drawn over time.
//!
//! A chart belongs to a column: the newest number of a chart is the number of the row's cell, in the same words.

use crate::haproxy::fields::Field;
use crate::haproxy::stat_table::RowKind;
use crate::observe::severity::Severity;
use crate::problems::figures;
use crate::problems::rule_table::RuleId;
use crate::table::cell::Cell;
use crate::table::columns::column::{Column, SortKey};
use crate::table::columns::column_table::{
    BYTES_OUT, CTIME_NOW, ECON_RATE, ERESP_RATE, ERRORS, QTIME_NOW, QUEUE, RATE_4XX, RATE_5XX, REQUESTS, RESPONSE_TIME,
    SESSIONS, SESSIONS_LIMIT, SHARE_5XX, TTIME_NOW,
};
use crate::table::columns::row_view::RowView;
use crate::units;

/// The source of a chart's past values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChartSource {
    /// A number as reported by HAProxy.
    Level(Field),
    /// Queued requests; for a backend including those of its servers.
    Queue,
    /// The growth of the counter of requests, or of sessions for TCP.
    Traffic,
    /// The growth per second of these counters together.
    PerSecond(&'static [Field]),
    /// The share of 5xx among the responses, in percent.
    Share5xx,
    /// The mean time of the last seconds, computed from one of HAProxy's means.
    Time(Field),
    /// The mean response time of the last seconds; for TCP the total time.
    ResponseTime,
}

/// A number of a row over time.
#[derive(Debug)]
pub(crate) struct Chart {
    /// Heading.
    pub(crate) title: &'static str,
    /// Heading with the unit, for a chart with axes.
    long_title: &'static str,
    /// Column with the same number.
    column: &'static Column,
    /// Source of the past values.
    pub(crate) source: ChartSource,
    /// Formats a number of the scale.
    pub(crate) format: fn(f64) -> String,
    /// The lowest upper end of the scale, so that small numbers look small.
    pub(crate) least_top: f64,
    /// The smallest step between two numbers of the scale.
    pub(crate) least_step: f64,
    /// The highest possible value, if there is one.
    pub(crate) most: Option<f64>,
}

fn format_count(value: f64) -> String {
    units::count(value.round() as i64)
}

fn format_millis(value: f64) -> String {
    units::millis(value.round() as i64)
}

fn format_percent(value: f64) -> String {
    format!("{}%", (value * 10.0).round() / 10.0)
}

const fn count_chart(
    title: &'static str,
    long_title: &'static str,
    column: &'static Column,
    source: ChartSource,
) -> Chart {
    Chart { title, long_title, column, source, format: format_count, least_top: 5.0, least_step: 1.0, most: None }
}

const fn rate_chart(
    title: &'static str,
    long_title: &'static str,
    column: &'static Column,
    source: ChartSource,
) -> Chart {
    Chart { title, long_title, column, source, format: units::rate, least_top: 1.0, least_step: 0.1, most: None }
}

const fn time_chart(
    title: &'static str,
    long_title: &'static str,
    column: &'static Column,
    source: ChartSource,
) -> Chart {
    Chart { title, long_title, column, source, format: format_millis, least_top: 10.0, least_step: 1.0, most: None }
}

/// The charts that the dashboard shows, in the order in which they are selected.
pub(crate) static CHARTS: &[Chart] = &[
    count_chart("sessions", "sessions", &SESSIONS_LIMIT, ChartSource::Level(Field::Scur)),
    count_chart("queue", "queued requests", &QUEUE, ChartSource::Queue),
    rate_chart("req/s", "requests per second", &REQUESTS, ChartSource::Traffic),
    Chart {
        format: format_percent,
        most: Some(100.0),
        ..rate_chart("5xx", "share of 5xx", &SHARE_5XX, ChartSource::Share5xx)
    },
    rate_chart(
        "errors/s",
        "connection and response errors per second",
        &ERRORS,
        ChartSource::PerSecond(&[Field::Econ, Field::Eresp]),
    ),
    time_chart("rtime", "response time", &RESPONSE_TIME, ChartSource::ResponseTime),
    Chart {
        format: units::bytes,
        least_top: 1000.0,
        least_step: 100.0,
        ..rate_chart("out/s", "bytes sent per second", &BYTES_OUT, ChartSource::PerSecond(&[Field::Bout]))
    },
];

/// Further charts for the detail page of a row: errors by class, and times.
static DETAIL_CHARTS: &[Chart] = &[
    rate_chart("4xx/s", "4xx per second", &RATE_4XX, ChartSource::PerSecond(&[Field::Hrsp4xx])),
    rate_chart("5xx/s", "5xx per second", &RATE_5XX, ChartSource::PerSecond(&[Field::Hrsp5xx])),
    rate_chart("econ/s", "connection errors per second", &ECON_RATE, ChartSource::PerSecond(&[Field::Econ])),
    rate_chart("eresp/s", "response errors per second", &ERESP_RATE, ChartSource::PerSecond(&[Field::Eresp])),
    time_chart("qtime", "time in queue", &QTIME_NOW, ChartSource::Time(Field::Qtime)),
    time_chart("ctime", "time to connect", &CTIME_NOW, ChartSource::Time(Field::Ctime)),
    time_chart("ttime", "total time", &TTIME_NOW, ChartSource::Time(Field::Ttime)),
];

/// Rules with the titles of the charts that show their measurements.
const RULE_CHARTS: &[(RuleId, &str)] = &[
    (RuleId::Queue, "queue"),
    (RuleId::QueueGrowing, "queue"),
    (RuleId::QueueWait, "queue"),
    (RuleId::QueueLimit, "queue"),
    (RuleId::FrontendSessions, "sessions"),
    (RuleId::ServerSessions, "sessions"),
    (RuleId::ListenerSessions, "sessions"),
    (RuleId::Frontend5xx, "5xx"),
    (RuleId::Backend5xx, "5xx"),
    (RuleId::Own5xx, "5xx"),
    (RuleId::Server5xx, "5xx"),
    (RuleId::BackendDown, "5xx"),
    (RuleId::BackendConnectionErrors, "errors/s"),
    (RuleId::BackendResponseErrors, "errors/s"),
    (RuleId::ServerConnectionErrors, "errors/s"),
    (RuleId::ServerResponseErrors, "errors/s"),
    (RuleId::ResponseTime, "rtime"),
    (RuleId::SlowServer, "rtime"),
];

/// Returns the title of the chart that shows the measurements of a rule, or `None` if no chart does.
fn title_for_rule(rule: RuleId) -> Option<&'static str> {
    RULE_CHARTS.iter().find(|(known, _)| *known == rule).map(|(_, title)| *title)
}

impl Chart {
    /// Returns the heading with the unit for this row.
    pub(crate) fn title_of(&self, row: &RowView<'_>) -> &'static str {
        match self.source {
            ChartSource::ResponseTime if row.is_tcp() => "total time of a session",
            ChartSource::Traffic if row.served_field() == Field::Stot => "sessions per second",
            _ => self.long_title,
        }
    }

    /// Returns the column with the same number in the table of the dashboard that lists this row.
    pub(crate) fn column_of(&self, row: &RowView<'_>) -> &'static Column {
        // A backend's limit is fullconn, which does not limit sessions, so the dashboard does not show it.
        let is_backend = row.stat_row().kind == RowKind::Backend;
        if is_backend && self.column.id == SESSIONS_LIMIT.id { &SESSIONS } else { self.column }
    }

    /// Returns the cell of the row: the newest value of the chart.
    pub(crate) fn cell(&self, row: &RowView<'_>) -> Cell {
        self.column_of(row).cell(row)
    }

    /// Returns the number of the row's cell, or `None` if it is unknown.
    pub(crate) fn number(&self, row: &RowView<'_>) -> Option<f64> {
        match self.column_of(row).sort_key(row) {
            SortKey::Number(number) => Some(number),
            SortKey::Absent | SortKey::Text(_) => None,
        }
    }

    /// Returns the limit on the number, if any.
    pub(crate) fn limit(&self, row: &RowView<'_>) -> Option<f64> {
        let field = match self.source {
            ChartSource::Level(Field::Scur) if row.stat_row().kind != RowKind::Backend => Field::Slim,
            ChartSource::Queue => Field::Qlimit,
            _ => return None,
        };
        row.number(field).filter(|limit| *limit > 0).map(|limit| limit as f64)
    }

    /// Returns the highest severity of the row's problems that this chart shows; `None` without such a problem.
    pub(crate) fn problem_severity(&self, row: &RowView<'_>) -> Option<Severity> {
        let problems = row.instance.problems().for_row(row.id);
        problems
            .filter(|problem| title_for_rule(problem.rule.id) == Some(self.title))
            .map(|problem| problem.severity)
            .max()
    }

    /// Returns whether HAProxy reports this number for the row.
    pub(crate) fn applies_to(&self, row: &RowView<'_>) -> bool {
        let reports = |field: Field| row.number(field).is_some();
        match self.source {
            ChartSource::Level(field) | ChartSource::Time(field) => reports(field),
            ChartSource::Queue => figures::queued_requests(row.sample, row.index).is_some(),
            ChartSource::Traffic => reports(row.served_field()),
            ChartSource::PerSecond(fields) => fields.iter().copied().any(reports),
            ChartSource::Share5xx => Field::RESPONSES.into_iter().any(reports),
            ChartSource::ResponseTime => reports(if row.is_tcp() { Field::Ttime } else { Field::Rtime }),
        }
    }
}

/// Returns the charts of the dashboard that a row has.
pub(crate) fn charts_of(row: RowView<'_>) -> impl Iterator<Item = &'static Chart> {
    CHARTS.iter().filter(move |chart| chart.applies_to(&row))
}

/// Returns all charts that a row has, including those of the detail page.
pub(crate) fn all_charts_of(row: RowView<'_>) -> impl Iterator<Item = &'static Chart> {
    charts_of(row).chain(DETAIL_CHARTS.iter().filter(move |chart| chart.applies_to(&row)))
}

/// Returns the chart that shows what is wrong with a row or, if nothing is, the first one that the row has.
pub(crate) fn chart_of_problem(row: RowView<'_>) -> Option<&'static Chart> {
    let problems = row.instance.problems();
    let of_cause = problems.cause_of(row.id).into_iter().flat_map(|cause| &cause.problems).map(|(_, rule)| *rule);
    let of_row = problems.for_row(row.id).map(|problem| problem.rule.id);
    let wrong = of_cause.chain(of_row).find_map(title_for_rule);
    charts_of(row).find(|chart| Some(chart.title) == wrong).or_else(|| charts_of(row).next())
}
