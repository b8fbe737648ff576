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
    /// Name in the program.
    pub(crate) id: MetricId,
    /// Heading.
    pub(crate) title: &'static str,
    /// Heading with the unit, for a chart with axes.
    long_title: &'static str,
    /// Column with the same number.
    column: &'static Column,
    /// Column of backends, if that of other rows contains a limit that does not limit the number of a backend.
    backend_column: Option<&'static Column>,
    /// Source of the past values.
    pub(crate) source: ChartSource,
    /// Field with the limit on the number, if there is one.
    limit: Option<Field>,
    /// Formats a number of the scale.
    pub(crate) format: fn(f64) -> String,
    /// The lowest upper end of the scale, so that small numbers look small.
    pub(crate) least_top: f64,
    /// The smallest step between two numbers of the scale.
    pub(crate) least_step: f64,
    /// The highest possible value, if there is one.
    pub(crate) most: Option<f64>,
    /// True if only the detail page of a row has the chart.
    is_detail: bool,
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

/// The unit of a chart: its format and its scale.
struct ChartUnit {
    format: fn(f64) -> String,
    least_top: f64,
    least_step: f64,
    most: Option<f64>,
}

const COUNT: ChartUnit = ChartUnit { format: format_count, least_top: 5.0, least_step: 1.0, most: None };
const RATE: ChartUnit = ChartUnit { format: units::rate, least_top: 1.0, least_step: 0.1, most: None };
const BYTE_RATE: ChartUnit = ChartUnit { format: units::bytes, least_top: 1000.0, least_step: 100.0, most: None };
const PERCENT: ChartUnit = ChartUnit { format: format_percent, least_top: 1.0, least_step: 0.1, most: Some(100.0) };
const MILLIS: ChartUnit = ChartUnit { format: format_millis, least_top: 10.0, least_step: 1.0, most: None };

macro_rules! charts {
    ($($name:ident $place:ident $title:literal $long_title:literal $unit:ident $column:path, $source:expr
       $(, $option:ident: $value:expr)*;)*) => {
        /// The number that a chart shows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum MetricId { $(#[doc = concat!("`", $title, "`: ", $long_title, ".")] $name),* }

        /// All charts, in the order in which they are selected; the index of a chart is its [`MetricId`].
        pub(crate) static CHARTS: &[Chart] = &[$(Chart {
            $($option: Some($value),)*
            ..Chart {
                id: MetricId::$name, title: $title, long_title: $long_title, column: &$column, backend_column: None,
                source: $source, limit: None, format: $unit.format, least_top: $unit.least_top,
                least_step: $unit.least_step, most: $unit.most, is_detail: charts!(@is_detail $place),
            }
        }),*];
    };
    (@is_detail dashboard) => { false };
    (@is_detail detail) => { true };
}

charts! {
    Sessions dashboard "sessions" "sessions" COUNT SESSIONS_LIMIT, ChartSource::Level(Field::Scur),
        limit: Field::Slim, backend_column: &SESSIONS;
    Queue dashboard "queue" "queued requests" COUNT QUEUE, ChartSource::Queue, limit: Field::Qlimit;
    Traffic dashboard "req/s" "requests per second" RATE REQUESTS, ChartSource::Traffic;
    Share5xx dashboard "5xx" "share of 5xx" PERCENT SHARE_5XX, ChartSource::Share5xx;
    Errors dashboard "errors/s" "connection and response errors per second" RATE ERRORS,
        ChartSource::PerSecond(&[Field::Econ, Field::Eresp]);
    ResponseTime dashboard "rtime" "response time" MILLIS RESPONSE_TIME, ChartSource::ResponseTime;
    BytesOut dashboard "out/s" "bytes sent per second" BYTE_RATE BYTES_OUT, ChartSource::PerSecond(&[Field::Bout]);
    Rate4xx detail "4xx/s" "4xx per second" RATE RATE_4XX, ChartSource::PerSecond(&[Field::Hrsp4xx]);
    Rate5xx detail "5xx/s" "5xx per second" RATE RATE_5XX, ChartSource::PerSecond(&[Field::Hrsp5xx]);
    ConnectionErrors detail "econ/s" "connection errors per second" RATE ECON_RATE,
        ChartSource::PerSecond(&[Field::Econ]);
    ResponseErrors detail "eresp/s" "response errors per second" RATE ERESP_RATE,
        ChartSource::PerSecond(&[Field::Eresp]);
    QueueTime detail "qtime" "time in queue" MILLIS QTIME_NOW, ChartSource::Time(Field::Qtime);
    ConnectTime detail "ctime" "time to connect" MILLIS CTIME_NOW, ChartSource::Time(Field::Ctime);
    TotalTime detail "ttime" "total time" MILLIS TTIME_NOW, ChartSource::Time(Field::Ttime);
}

/// Rules with the numbers that they measure.
const RULE_METRICS: &[(RuleId, MetricId)] = &[
    (RuleId::Queue, MetricId::Queue),
    (RuleId::QueueGrowing, MetricId::Queue),
    (RuleId::QueueWait, MetricId::Queue),
    (RuleId::QueueLimit, MetricId::Queue),
    (RuleId::FrontendSessions, MetricId::Sessions),
    (RuleId::ServerSessions, MetricId::Sessions),
    (RuleId::ListenerSessions, MetricId::Sessions),
    (RuleId::Frontend5xx, MetricId::Share5xx),
    (RuleId::Backend5xx, MetricId::Share5xx),
    (RuleId::Own5xx, MetricId::Share5xx),
    (RuleId::Server5xx, MetricId::Share5xx),
    (RuleId::BackendDown, MetricId::Share5xx),
    (RuleId::BackendConnectionErrors, MetricId::Errors),
    (RuleId::BackendResponseErrors, MetricId::Errors),
    (RuleId::ServerConnectionErrors, MetricId::Errors),
    (RuleId::ServerResponseErrors, MetricId::Errors),
    (RuleId::ResponseTime, MetricId::ResponseTime),
    (RuleId::SlowServer, MetricId::ResponseTime),
];

impl MetricId {
    /// Returns the chart.
    pub(crate) fn chart(self) -> &'static Chart {
        &CHARTS[self as usize]
    }

    /// Returns the number that a rule measures, or `None` if no chart shows it.
    fn for_rule(rule: RuleId) -> Option<Self> {
        RULE_METRICS.iter().find(|(known, _)| *known == rule).map(|(_, metric)| *metric)
    }

    /// Returns the next number whose chart the dashboard shows for a row; after the last one, the first.
    pub(crate) fn next_for(self, row: &RowView<'_>) -> Option<Self> {
        let (before, after) = CHARTS.split_at(self as usize + 1);
        let next = after.iter().chain(before).find(|chart| !chart.is_detail && chart.applies_to(row));
        next.map(|chart| chart.id)
    }
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
        self.own_backend_column(row).unwrap_or(self.column)
    }

    /// Returns the column for a backend whose limit does not limit the number: the `slim` of a backend is fullconn.
    fn own_backend_column(&self, row: &RowView<'_>) -> Option<&'static Column> {
        self.backend_column.filter(|_| row.stat_row().kind == RowKind::Backend)
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
        let field = self.limit.filter(|_| self.own_backend_column(row).is_none())?;
        row.number(field).filter(|limit| *limit > 0).map(|limit| limit as f64)
    }

    /// Returns the highest severity of the row's problems that this chart shows; `None` without such a problem.
    pub(crate) fn problem_severity(&self, row: &RowView<'_>) -> Option<Severity> {
        let problems = row.instance.problems().for_row(row.id);
        problems
            .filter(|problem| MetricId::for_rule(problem.rule.id) == Some(self.id))
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
    all_charts_of(row).filter(|chart| !chart.is_detail)
}

/// Returns all charts that a row has, including those of the detail page.
pub(crate) fn all_charts_of(row: RowView<'_>) -> impl Iterator<Item = &'static Chart> {
    CHARTS.iter().filter(move |chart| chart.applies_to(&row))
}

/// Returns the chart that shows what is wrong with a row or, if nothing is, the first one that the row has.
pub(crate) fn chart_of_problem(row: RowView<'_>) -> Option<&'static Chart> {
    let problems = row.instance.problems();
    let of_cause = problems.cause_of(row.id).into_iter().flat_map(|cause| &cause.problems).map(|(_, rule)| *rule);
    let of_row = problems.for_row(row.id).map(|problem| problem.rule.id);
    let wrong = of_cause.chain(of_row).find_map(MetricId::for_rule);
    charts_of(row).find(|chart| Some(chart.id) == wrong).or_else(|| charts_of(row).next())
}
