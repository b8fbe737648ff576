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
use crate::headless::poller::Poller;
use crate::headless::report::contents::Report;
use crate::instance::state::Instance;
use crate::observe::link::PollFailure;
use crate::observe::sample::Sample;
use crate::observe::timestamp::Timestamp;
use crate::problems::forecast::{Forecast, forecast_words};
use crate::problems::problem::Problem;
use crate::table::columns::column::Column;
use crate::table::columns::computed::kind_word;
use crate::table::columns::row_view::RowView;
use crate::table::columns::value::Value;
use crate::table::rows::{TableLine, TableSettings};

/// Version of the format, which increases with incompatible changes but not with new keys.
const SHAPE_VERSION: u32 = 1;
/// Keys of `show info` whose values are always strings, even if they look like numbers.
const TEXT_INFO_KEYS: [&str; 7] = ["Name", "Version", "Release_date", "Uptime", "node", "description", "Build info"];
/// Columns that repeat `pxname`, `svname` and `kind`, with which every row begins.
const NAME_COLUMNS: [&str; 4] = ["name", "side", "kind", "proxy"];

/// Returns the columns printed after the names of a row.
pub(crate) fn columns_after_names(settings: &TableSettings) -> impl Iterator<Item = &'static Column> {
    settings.columns.iter().copied().filter(|column| !NAME_COLUMNS.contains(&column.id))
}

/// Returns the JSON line for the newest sample.
///
/// # Errors
/// Returns an error if serialization fails, which is not expected.
pub(crate) fn report_line(poller: &Poller, report: &Report) -> serde_json::Result<String> {
    serde_json::to_string(&JsonReport { poller, report })
}

/// Returns the JSON line for a failed poll.
///
/// # Errors
/// Returns an error if serialization fails, which is not expected.
pub(crate) fn failure_line(poller: &Poller, failure: &PollFailure) -> serde_json::Result<String> {
    serde_json::to_string(&JsonFailure { poller, failure })
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
    poller: &'a Poller,
    report: &'a Report,
}

impl Serialize for JsonReport<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let instance = &self.poller.instance;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("shape", &SHAPE_VERSION)?;
        map.serialize_entry("instance", &self.poller.name)?;
        if let Some(sample) = instance.latest() {
            map.serialize_entry("at", &format_time(sample.at.wall))?;
            let span = instance.rates().span().map(|span| span.as_secs_f64());
            map.serialize_entry("over", &Value::from_decimal(span))?;
            if self.report.info {
                map.serialize_entry("info", &JsonInfo(sample))?;
            }
            if self.report.problems {
                map.serialize_entry("problems", &JsonProblems { instance, at: sample.at })?;
                map.serialize_entry("untracked_problems", &instance.problems().untracked_count())?;
            }
            if self.report.info {
                map.serialize_entry("forecasts", &JsonForecasts { instance, sample })?;
            }
            if let Some(settings) = &self.report.rows {
                let lines = self.report.lines(instance);
                map.serialize_entry("rows", &JsonRows { instance, sample, settings, lines })?;
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
        #[derive(Serialize)]
        struct Why<'a> {
            why: &'a str,
            hint: Option<&'a str>,
        }
        let mut map = to.serialize_map(Some(4))?;
        map.serialize_entry("shape", &SHAPE_VERSION)?;
        map.serialize_entry("instance", &self.poller.name)?;
        map.serialize_entry("at", &format_time(self.poller.now().wall))?;
        let (why, hint) = (SafeText::from(self.failure.reason.as_str()), self.failure.hint.as_deref());
        map.serialize_entry("lost", &Why { why: why.as_str(), hint })?;
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
    let (kind, proxy, name) = match &problem.subject.names {
        None => (text("process"), Value::Unknown, Value::Unknown),
        Some((kind, proxy, name)) => (text(kind_word(*kind)), text(proxy.as_str()), text(name.as_str())),
    };
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
}

impl Serialize for JsonRows<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let columns: Vec<&Column> = columns_after_names(self.settings).collect();
        let mut list = to.serialize_seq(Some(self.lines.len()))?;
        for line in &self.lines {
            let row = RowView::new(self.instance, self.sample, line.index);
            list.serialize_element(&JsonRow { row, columns: &columns })?;
        }
        list.end()
    }
}

struct JsonRow<'a> {
    row: RowView<'a>,
    columns: &'a [&'static Column],
}

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let names = self.row.stat_row();
        let mut map = to.serialize_map(Some(self.columns.len() + 3))?;
        map.serialize_entry("pxname", names.proxy.as_str())?;
        map.serialize_entry("svname", names.name.as_str())?;
        map.serialize_entry("kind", kind_word(names.kind))?;
        for column in self.columns {
            map.serialize_entry(column.id, &Value::from_row(column, &self.row))?;
        }
        map.end()
    }
}
