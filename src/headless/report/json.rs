//! A report as one JSON object per HAProxy, each on its own line, for `hapulse show --format json` and `hapulse watch`.
//! `docs/json.md` describes the format; a test compares it with this code.
//!
//! Numbers are JSON numbers, unknown values are `null` and never 0, and keys are HAProxy's names or those of the
//! columns. Control characters in strings are already escaped, because strings from HAProxy are stored as `SafeText`.

use std::time::SystemTime;

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::StatRow;
use crate::headless::poller::{Poller, ReportedInstance};
use crate::headless::report::contents::Report;
use crate::instance::state::Instance;
use crate::observe::link::PollFailure;
use crate::observe::sample::Sample;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::Cause;
use crate::problems::forecast::{Forecast, forecast_words};
use crate::problems::not_evaluated::NotEvaluated;
use crate::problems::problem::{Problem, ProblemSubject};
use crate::table::columns::column::Column;
use crate::table::columns::computed::kind_word;
use crate::table::columns::row_view::RowView;
use crate::table::columns::value::Value;
use crate::table::rows::{TableLine, TableSettings};

/// Version of the format, which increases with incompatible changes but not with new keys.
const SHAPE_VERSION: u32 = 1;
/// Keys of `show info` whose values are always strings, even if they look like numbers.
const TEXT_INFO_KEYS: [&str; 7] = ["Name", "Version", "Release_date", "Uptime", "node", "description", "Build info"];
/// Maximum number of problems of a cause; the list of all problems is complete.
const MAX_CAUSE_PROBLEMS: usize = 100;
/// Columns that repeat `pxname`, `svname` and `kind`, with which every row begins.
const NAME_COLUMNS: [&str; 4] = ["name", "side", "kind", "proxy"];

/// Returns the columns printed after the names of a row.
pub(crate) fn columns_after_names(settings: &TableSettings) -> impl Iterator<Item = &'static Column> {
    settings.columns.iter().copied().filter(|column| !NAME_COLUMNS.contains(&column.id))
}

/// Returns the JSON line for the sample shown.
///
/// # Errors
/// Returns an error if serialization fails, which is not expected.
pub(crate) fn report_line(reported: ReportedInstance<'_>, report: &Report) -> serde_json::Result<String> {
    serde_json::to_string(&JsonReport { reported, report })
}

/// Returns the JSON line for a failed poll.
///
/// # Errors
/// Returns an error if serialization fails, which is not expected.
pub(crate) fn failure_line(poller: &Poller, failure: &PollFailure) -> serde_json::Result<String> {
    serde_json::to_string(&JsonFailure { poller, failure })
}

/// Returns the JSON line for one of several balancers, whose poll may have failed.
///
/// # Errors
/// Returns an error if serialization fails, which is not expected.
pub(crate) fn balancer_line(
    poller: &Poller,
    failure: Option<&PollFailure>,
    balancer: &impl Serialize,
) -> serde_json::Result<String> {
    serde_json::to_string(&JsonBalancerLine { poller, failure, balancer })
}

struct JsonBalancerLine<'a, T> {
    poller: &'a Poller,
    failure: Option<&'a PollFailure>,
    balancer: &'a T,
}

impl<T: Serialize> Serialize for JsonBalancerLine<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let sample = self.poller.instance.latest().filter(|_| self.failure.is_none());
        let at = sample.map_or_else(|| self.poller.now().wall, |sample| sample.at.wall);
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("shape", &SHAPE_VERSION)?;
        map.serialize_entry("instance", &self.poller.name)?;
        map.serialize_entry("at", &format_time(at))?;
        if let Some(failure) = self.failure {
            map.serialize_entry("lost", &JsonLoss::new(failure))?;
        }
        if self.failure.is_none() {
            let span = self.poller.instance.rates().span().map(|span| span.as_secs_f64());
            map.serialize_entry("over", &Value::from_decimal(span))?;
        }
        map.serialize_entry("balancer", self.balancer)?;
        map.end()
    }
}

/// The reason why a poll failed.
#[derive(Serialize)]
struct JsonLoss<'a> {
    why: String,
    hint: Option<&'a str>,
}

impl<'a> JsonLoss<'a> {
    fn new(failure: &'a PollFailure) -> Self {
        Self { why: SafeText::from(failure.reason.as_str()).to_string(), hint: failure.hint.as_deref() }
    }
}

/// Formats a time in RFC 3339 with milliseconds, or returns `None` if the time is out of range.
fn format_time(at: SystemTime) -> Option<String> {
    jiff::Timestamp::try_from(at).ok().map(|at| format!("{at:.3}"))
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown => to.serialize_none(),
            Self::Integer(number) => to.serialize_i64(*number),
            Self::Decimal(number) => to.serialize_f64(*number),
            Self::Text(text) => to.serialize_str(text),
        }
    }
}

struct JsonReport<'a> {
    reported: ReportedInstance<'a>,
    report: &'a Report,
}

impl Serialize for JsonReport<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let instance = self.reported.instance;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("shape", &SHAPE_VERSION)?;
        map.serialize_entry("instance", self.reported.name)?;
        if let Some(sample) = instance.shown() {
            map.serialize_entry("at", &format_time(sample.at.wall))?;
            let span = instance.rates().span().map(|span| span.as_secs_f64());
            map.serialize_entry("over", &Value::from_decimal(span))?;
            if self.report.info {
                map.serialize_entry("info", &JsonInfo(sample))?;
            }
            if self.report.problems {
                map.serialize_entry("causes", &JsonCauses { instance, at: sample.at })?;
                map.serialize_entry("causes_known", &instance.are_causes_known())?;
                map.serialize_entry("not_evaluated", &JsonGaps(instance.problems().not_evaluated()))?;
                map.serialize_entry("problems", &JsonProblems { instance, at: sample.at })?;
                map.serialize_entry("untracked_problems", &instance.problems().untracked_count())?;
            }
            if self.report.info {
                map.serialize_entry("forecasts", &JsonForecasts { instance, sample })?;
            }
            if let Some(settings) = &self.report.rows {
                let lines = self.report.lines(instance);
                let unknown = self.report.unknown_columns(sample);
                map.serialize_entry("rows", &JsonRows { instance, sample, settings, lines, unknown })?;
                map.serialize_entry("dropped_rows", &sample.table.anomalies().dropped_rows)?;
            }
        }
        map.end()
    }
}

struct JsonFailure<'a> {
    poller: &'a Poller,
    failure: &'a PollFailure,
}

impl Serialize for JsonFailure<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(4))?;
        map.serialize_entry("shape", &SHAPE_VERSION)?;
        map.serialize_entry("instance", &self.poller.name)?;
        map.serialize_entry("at", &format_time(self.poller.now().wall))?;
        map.serialize_entry("lost", &JsonLoss::new(self.failure))?;
        map.end()
    }
}

/// Keys and values of `show info`.
struct JsonInfo<'a>(&'a Sample);

/// Converts a value of `show info`: to unknown if it is empty, to an integer if it is one, or else to text.
pub(crate) fn info_value(key: &str, value: &SafeText) -> Value {
    let is_text = TEXT_INFO_KEYS.contains(&key);
    match value.as_str().parse::<i64>() {
        _ if value.is_empty() => Value::Unknown,
        Ok(number) if !is_text => Value::Integer(number),
        _ => Value::Text(value.to_string()),
    }
}

impl Serialize for JsonInfo<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let lines = self.0.info.lines();
        let mut map = to.serialize_map(None)?;
        for (place, (key, value)) in lines.iter().enumerate() {
            // The first of two equal keys wins.
            if !lines[..place].iter().any(|(known, _)| known == key) {
                map.serialize_entry(key.as_str(), &info_value(key.as_str(), value))?;
            }
        }
        map.end()
    }
}

/// The causes, worst first; those that were resolved recently at the end.
struct JsonCauses<'a> {
    instance: &'a Instance,
    at: Timestamp,
}

impl Serialize for JsonCauses<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        for cause in self.instance.problems().causes() {
            list.serialize_element(&JsonCause { cause, instance: self.instance, at: self.at })?;
        }
        list.end()
    }
}

struct JsonCause<'a> {
    cause: &'a Cause,
    instance: &'a Instance,
    at: Timestamp,
}

impl Serialize for JsonCause<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let cause = self.cause;
        let [kind, proxy, name] = subject_values(&cause.subject);
        let problems: Vec<JsonProblem> = self
            .instance
            .problems()
            .problems_of(cause)
            .take(MAX_CAUSE_PROBLEMS)
            .map(|problem| JsonProblem(problem_values(problem, self.at)))
            .collect();
        let mut map = to.serialize_map(Some(13))?;
        map.serialize_entry("severity", cause.severity.label())?;
        map.serialize_entry("cause", cause.kind.as_str())?;
        map.serialize_entry("kind", &kind)?;
        map.serialize_entry("pxname", &proxy)?;
        map.serialize_entry("svname", &name)?;
        map.serialize_entry("seconds", &cause.age(self.at.monotonic).as_secs())?;
        map.serialize_entry("impact", &Value::from_decimal(cause.impact))?;
        map.serialize_entry("trend", cause.trend.as_str())?;
        map.serialize_entry("resolved", &!cause.is_open())?;
        map.serialize_entry("text", &cause.sentence)?;
        let advice = cause.advice(self.instance.level());
        map.serialize_entry("remedy", &advice.text)?;
        map.serialize_entry("action", &advice.action.map(|action| action.id))?;
        map.serialize_entry("problems", &problems)?;
        map.end()
    }
}

/// The rules that were not evaluated.
struct JsonGaps<'a>(&'a [NotEvaluated]);

impl Serialize for JsonGaps<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Gap {
            rule: &'static str,
            reason: &'static str,
            rows: usize,
        }
        let mut list = to.serialize_seq(Some(self.0.len()))?;
        for NotEvaluated { rule, reason, rows } in self.0 {
            list.serialize_element(&Gap { rule: rule.as_str(), reason: reason.as_str(), rows: *rows })?;
        }
        list.end()
    }
}

struct JsonProblems<'a> {
    instance: &'a Instance,
    at: Timestamp,
}

impl Serialize for JsonProblems<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        for problem in self.instance.problems().iter() {
            list.serialize_element(&JsonProblem(problem_values(problem, self.at)))?;
        }
        list.end()
    }
}

/// Field names of a problem in JSON and CSV.
pub(crate) const PROBLEM_FIELDS: [&str; 8] =
    ["severity", "rule", "kind", "pxname", "svname", "seconds", "value", "text"];

/// Returns the values of a problem in the order of [`PROBLEM_FIELDS`].
pub(crate) fn problem_values(problem: &Problem, now: Timestamp) -> [Value; 8] {
    let text = |text: &str| Value::Text(text.to_owned());
    let [kind, proxy, name] = subject_values(&problem.subject);
    let since = i64::try_from(now.elapsed_since(problem.since.monotonic).as_secs()).ok();
    [
        text(problem.severity.label()),
        text(problem.rule.id.as_str()),
        kind,
        proxy,
        name,
        Value::from_integer(since),
        Value::from_decimal(Some(problem.value)),
        text(&problem.text),
    ]
}

/// Returns kind, proxy and name of a row.
fn subject_values(subject: &ProblemSubject) -> [Value; 3] {
    let text = |text: &str| Value::Text(text.to_owned());
    match &subject.names {
        None => [text("process"), Value::Unknown, Value::Unknown],
        Some((kind, proxy, name)) => [text(kind_word(*kind)), text(proxy.as_str()), text(name.as_str())],
    }
}

struct JsonProblem([Value; 8]);

impl Serialize for JsonProblem {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in PROBLEM_FIELDS.iter().zip(&self.0) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

struct JsonForecasts<'a> {
    instance: &'a Instance,
    sample: &'a Sample,
}

impl Serialize for JsonForecasts<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        for (id, forecast) in self.instance.forecasts().iter() {
            list.serialize_element(&JsonForecast::new(forecast, self.sample.row(id)))?;
        }
        list.end()
    }
}

/// The forecast of a limit.
#[derive(Serialize)]
struct JsonForecast<'a> {
    limit: &'static str,
    kind: &'static str,
    pxname: Option<&'a str>,
    svname: Option<&'a str>,
    value: i64,
    maximum: i64,
    per_second: Value,
    seconds: Value,
    text: String,
}

impl<'a> JsonForecast<'a> {
    /// Creates the object for a forecast of a row, or of the process if `row` is `None`.
    fn new(forecast: &Forecast, row: Option<&'a StatRow>) -> Self {
        Self {
            limit: forecast.limit.id,
            kind: row.map_or("process", |row| kind_word(row.kind)),
            pxname: row.map(|row| row.proxy.as_str()),
            svname: row.map(|row| row.name.as_str()),
            value: forecast.value,
            maximum: forecast.maximum,
            per_second: Value::from_decimal(forecast.per_second),
            seconds: Value::from_decimal(Some(forecast.seconds)),
            text: forecast_words(forecast),
        }
    }
}

struct JsonRows<'a> {
    instance: &'a Instance,
    sample: &'a Sample,
    settings: &'a TableSettings,
    lines: Vec<TableLine>,
    /// Columns that are not known fields, by slot.
    unknown: Vec<(usize, &'a SafeText)>,
}

impl Serialize for JsonRows<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let columns: Vec<&Column> = columns_after_names(self.settings).collect();
        let mut list = to.serialize_seq(Some(self.lines.len()))?;
        for line in &self.lines {
            let row = RowView::new(self.instance, self.sample, line.index);
            let number = |slot| Value::from_integer(self.sample.table.slot_number(line.index, slot));
            let unknown = self.unknown.iter().map(|(slot, name)| (*name, number(*slot))).collect();
            list.serialize_element(&JsonRow { row, columns: &columns, unknown })?;
        }
        list.end()
    }
}

struct JsonRow<'a> {
    row: RowView<'a>,
    columns: &'a [&'static Column],
    /// Names and values of the columns that are not known fields.
    unknown: Vec<(&'a SafeText, Value)>,
}

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let names = self.row.stat_row();
        let mut map = to.serialize_map(Some(self.columns.len() + self.unknown.len() + 3))?;
        map.serialize_entry("pxname", names.proxy.as_str())?;
        map.serialize_entry("svname", names.name.as_str())?;
        map.serialize_entry("kind", kind_word(names.kind))?;
        for column in self.columns {
            map.serialize_entry(column.id, &Value::from_row(column, &self.row))?;
        }
        for (name, value) in &self.unknown {
            map.serialize_entry(name.as_str(), value)?;
        }
        map.end()
    }
}
