//! The tables of `hapulse logs`: as text, JSON lines or CSV.

use std::io::{self, Write};

use serde_json::Map;
use unicode_width::UnicodeWidthStr as _;

use crate::config::terminal_env::TerminalEnv;
use crate::headless::print::{TextWriter, terminal_columns};
use crate::headless::report::csv;
use crate::headless::report::show::OutputFormat;
use crate::logs::group_key::GroupKey;
use crate::logs::groups::Figures;
use crate::logs::termination;
use crate::logs::time_counts::TimeCounts;
use crate::table::columns::value::Value;
use crate::ui::text_width;
use crate::units;

/// A row of a table.
#[derive(Debug)]
pub(crate) struct LogRow {
    /// Name of the group or the phase.
    pub(crate) name: String,
    /// Figures of its requests.
    pub(crate) figures: Figures,
    /// Maximum number of earlier requests that are counted in the last row instead.
    pub(crate) missing: u64,
    /// True for the times of a phase, whose percentiles are those of HAProxy's `halog`.
    pub(crate) is_phase: bool,
}

impl LogRow {
    /// Returns the row with the times of a phase.
    pub(crate) fn of_phase(name: &str, times: TimeCounts) -> Self {
        let figures = Figures { requests: times.count(), times, ..Figures::default() };
        Self { name: name.to_owned(), figures, missing: 0, is_phase: true }
    }
}

/// Formats a value for people.
type Format = fn(&Value) -> String;

/// A column: its name for programs and its heading.
struct LogColumn {
    id: &'static str,
    title: &'static str,
    format: Format,
    /// Returns the value of a row among a number of requests in all rows.
    value: fn(&LogRow, u64) -> Value,
}

const fn column(id: &'static str, title: &'static str, format: Format, value: fn(&LogRow, u64) -> Value) -> LogColumn {
    LogColumn { id, title, format, value }
}

/// All columns after the name, in this order.
const COLUMNS: [LogColumn; 13] = [
    column("requests", "REQUESTS", plain, |row, _| count(row.figures.requests)),
    column("share", "SHARE", share, |row, all| {
        Value::from_decimal(Some(row.figures.requests as f64 / all.max(1) as f64))
    }),
    column("responses_4xx", "4XX", plain, |row, _| responses(row, row.figures.statuses[4])),
    column("responses_5xx", "5XX", plain, |row, _| responses(row, row.figures.statuses[5])),
    column("haproxy_5xx", "BY HAPROXY", plain, |row, _| own_errors(row)),
    column("p50", "P50 ms", plain, |row, _| percentile(row, 500)),
    column("p90", "P90", plain, |row, _| percentile(row, 900)),
    column("p99", "P99", plain, |row, _| percentile(row, 990)),
    column("p99.9", "P99.9", plain, |row, _| percentile(row, 999)),
    column("max", "MAX", plain, |row, _| Value::from_integer(row.figures.times.max().map(i64::from))),
    column("bytes", "BYTES", bytes, |row, _| count(row.figures.bytes)),
    column("missing", "MISSING", plain, |row, _| count(row.missing)),
    column(MEANING, "MEANING", plain, |row, _| meaning(row)),
];
/// The column of the meaning of termination flags, which is text.
const MEANING: &str = "meaning";
/// Width to which names are shortened at most.
const MIN_NAME_WIDTH: usize = 20;
/// The columns of the phases.
const OF_PHASES: [&str; 6] = ["requests", "p50", "p90", "p99", "p99.9", "max"];

fn count(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Returns a number of responses; unknown if no request has a status, as of TCP.
fn responses(row: &LogRow, number: u64) -> Value {
    let has_status = row.figures.statuses[1..].iter().any(|responses| *responses > 0);
    if has_status { count(number) } else { Value::Unknown }
}

/// Returns the number of errors of HAProxy itself; unknown if the log does not say who made some of them.
fn own_errors(row: &LogRow) -> Value {
    let is_known = row.figures.unclear_errors == 0;
    if is_known { responses(row, row.figures.own_errors) } else { Value::Unknown }
}

/// Returns termination flags in words with their likely cause; unknown for flags that are not known.
fn meaning(row: &LogRow) -> Value {
    let flags = row.name.as_bytes();
    match (termination::words(flags), termination::likely_cause(flags)) {
        (Some(words), Some(cause)) => Value::Text(format!("{words}: {cause}")),
        (Some(words), None) => Value::Text(words),
        (None, _) => Value::Unknown,
    }
}

fn percentile(row: &LogRow, per_mille: u64) -> Value {
    let times = &row.figures.times;
    let millis = if row.is_phase { times.percentile_of_halog(per_mille) } else { times.percentile(per_mille) };
    Value::from_integer(millis.map(i64::from))
}

fn plain(value: &Value) -> String {
    if *value == Value::Unknown { units::UNKNOWN.to_owned() } else { value.to_plain_string() }
}

fn share(value: &Value) -> String {
    match value {
        Value::Integer(number) => units::percent(*number as f64),
        Value::Decimal(number) => units::percent(*number),
        other => plain(other),
    }
}

fn bytes(value: &Value) -> String {
    if let Value::Integer(number) = value { units::bytes(*number as f64) } else { plain(value) }
}

/// A table that is ready to be printed.
pub(crate) struct LogTable {
    /// Name of the first column.
    name: &'static str,
    columns: Vec<&'static LogColumn>,
    rows: Vec<LogRow>,
}

impl LogTable {
    /// Builds the table of groups by a property. The column of missing requests is shown to people if some may be missing, and
    /// that of meanings for termination flags.
    pub(crate) fn of_groups(key: GroupKey, format: OutputFormat, rows: Vec<LogRow>) -> Self {
        let has_missing = format != OutputFormat::Table || rows.iter().any(|row| row.missing > 0);
        let is_shown = |column: &&LogColumn| match column.id {
            "missing" => has_missing,
            MEANING => key == GroupKey::Flags,
            _ => true,
        };
        Self { name: key.name(), columns: COLUMNS.iter().filter(is_shown).collect(), rows }
    }

    /// Builds the table of the phases.
    pub(crate) fn of_phases(rows: Vec<LogRow>) -> Self {
        let columns = COLUMNS.iter().filter(|column| OF_PHASES.contains(&column.id)).collect();
        Self { name: "phase", columns, rows }
    }

    /// Writes the table.
    ///
    /// # Errors
    /// Returns an error if writing fails.
    pub(crate) fn write(&self, format: OutputFormat, is_safe_csv: bool, out: &mut dyn Write) -> io::Result<()> {
        match format {
            OutputFormat::Table => {
                self.write_lines(&mut TextWriter::new(out, TerminalEnv::from_process().is_ascii_only()))
            }
            OutputFormat::Json => self.write_json(out),
            OutputFormat::Csv => {
                let heading = std::iter::once("name").chain(self.columns.iter().map(|column| column.id));
                let mut records = vec![heading.map(str::to_owned).collect::<Vec<_>>()];
                records.extend(self.cells(|_, value| value.to_plain_string()));
                out.write_all(&csv::render_records(&records, is_safe_csv)?)
            }
        }
    }

    /// Returns the name and the formatted values of each row.
    fn cells(&self, format: impl Fn(&LogColumn, &Value) -> String) -> impl Iterator<Item = Vec<String>> {
        let all = self.all_requests();
        self.rows.iter().map(move |row| {
            let values = self.columns.iter().map(|column| format(column, &(column.value)(row, all)));
            std::iter::once(row.name.clone()).chain(values).collect()
        })
    }

    fn all_requests(&self) -> u64 {
        self.rows.iter().map(|row| row.figures.requests).sum()
    }

    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let all = self.all_requests();
        for row in &self.rows {
            let mut object = Map::new();
            object.insert("name".to_owned(), row.name.as_str().into());
            for column in &self.columns {
                object.insert(column.id.to_owned(), serde_json::to_value((column.value)(row, all))?);
            }
            writeln!(out, "{}", serde_json::Value::Object(object))?;
        }
        Ok(())
    }

    /// Shortens names that are wider than the terminal leaves room for, and returns the widths of all columns.
    fn fit_names(&self, lines: &mut [Vec<String>]) -> Vec<usize> {
        let width =
            |lines: &[Vec<String>], place: usize| lines.iter().map(|line| line[place].width()).max().unwrap_or(0);
        let others: Vec<usize> = (1..=self.columns.len()).map(|place| width(lines, place)).collect();
        if let Some(columns) = terminal_columns() {
            let needed: usize = others.iter().map(|width| width + 2).sum();
            let room = columns.saturating_sub(needed).max(MIN_NAME_WIDTH);
            for line in lines.iter_mut() {
                line[0] = text_width::middle(&line[0], room);
            }
        }
        std::iter::once(width(lines, 0)).chain(others).collect()
    }

    /// Writes aligned lines: names and meanings to the left, numbers to the right.
    fn write_lines(&self, out: &mut impl Write) -> io::Result<()> {
        let titles = self.columns.iter().map(|column| column.title.to_owned());
        let heading = std::iter::once(self.name.to_uppercase()).chain(titles).collect();
        let cells = self.cells(|column, value| (column.format)(value));
        let mut lines: Vec<Vec<String>> = std::iter::once(heading).chain(cells).collect();
        let widths = self.fit_names(&mut lines);
        for line in &lines {
            let mut text = String::new();
            for (place, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let padding = " ".repeat(width - cell.width());
                let is_text = place > 0 && self.columns[place - 1].id == MEANING;
                let parts = match place {
                    0 => [cell, &padding, ""],
                    _ if is_text => ["  ", cell, &padding],
                    _ => ["  ", &padding, cell],
                };
                text.extend(parts);
            }
            writeln!(out, "{}", text.trim_end())?;
        }
        Ok(())
    }
}
