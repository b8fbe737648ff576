//! A report as one CSV table: a header, then one line per row, problem or key.
//!
//! The header consists of `instance` and the keys of the JSON format. Unknown values are empty cells.

use std::borrow::Cow;
use std::iter::once;

use csv::Writer;

use crate::haproxy::safe_text::SafeText;
use crate::headless::poller::ReportedInstance;
use crate::headless::report::contents::Report;
use crate::headless::report::json::{PROBLEM_FIELDS, columns_after_names, info_value, problem_values};
use crate::table::columns::column::Column;
use crate::table::columns::computed::kind_word;
use crate::table::columns::row_view::RowView;
use crate::table::columns::value::Value;

/// Heading of the first column, the instance name.
const INSTANCE: &str = "instance";

/// First characters that make a spreadsheet evaluate a cell, also in their full-width and small forms.
const FORMULA_STARTS: [char; 12] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫'];
/// Characters at which a spreadsheet may split a line into cells, whatever separates the cells of this table.
const SEPARATORS: [char; 6] = [';', ',', '|', '\t', '\n', '\r'];

/// Renders the sample shown of each instance. If the report has several parts, only the rows are rendered. With `is_safe`,
/// cells, and parts of cells, that a spreadsheet would evaluate as formulas begin with an apostrophe; numbers are
/// unchanged.
///
/// # Errors
/// Returns an error if serialization fails, which is not expected in memory.
pub(crate) fn render(instances: &[ReportedInstance<'_>], report: &Report, is_safe: bool) -> anyhow::Result<Vec<u8>> {
    let mut out = CsvTable { writer: Writer::from_writer(Vec::new()), is_safe };
    match &report.rows {
        Some(settings) => {
            let columns: Vec<&Column> = columns_after_names(settings).collect();
            let ids = columns.iter().map(|column| column.id);
            // HAProxies of several versions may send different columns.
            let mut unknown: Vec<&SafeText> = Vec::new();
            for sample in instances.iter().filter_map(|reported| reported.instance.shown()) {
                let names = report.unknown_columns(sample).into_iter().map(|(_, name)| name);
                let new: Vec<&SafeText> = names.filter(|name| !unknown.contains(name)).collect();
                unknown.extend(new);
            }
            let names = [INSTANCE, "pxname", "svname", "kind"].into_iter().chain(ids);
            out.write(names.chain(unknown.iter().map(|name| name.as_str())))?;
            for reported in instances {
                let Some(sample) = reported.instance.shown() else { continue };
                let own = report.unknown_columns(sample);
                let slots: Vec<Option<usize>> = unknown
                    .iter()
                    .map(|name| own.iter().find(|(_, known)| known == name).map(|(slot, _)| *slot))
                    .collect();
                for line in report.lines(reported.instance) {
                    let row = RowView::new(reported.instance, sample, line.index);
                    let names = row.stat_row();
                    let who = [reported.name, names.proxy.as_str(), names.name.as_str(), kind_word(names.kind)];
                    let cells = columns.iter().map(|column| Value::from_row(column, &row).to_plain_string());
                    let number = |slot: &Option<usize>| sample.table.slot_number(line.index, (*slot)?);
                    let numbers = slots.iter().map(|slot| Value::from_integer(number(slot)).to_plain_string());
                    out.write(who.into_iter().map(str::to_owned).chain(cells).chain(numbers))?;
                }
            }
        }
        None if report.problems => {
            out.write(once(INSTANCE).chain(PROBLEM_FIELDS))?;
            for reported in instances {
                let Some(sample) = reported.instance.shown() else { continue };
                for problem in reported.instance.problems().iter() {
                    let cells = problem_values(problem, sample.at);
                    out.write(once(reported.name.to_owned()).chain(cells.map(|cell| cell.to_plain_string())))?;
                }
            }
        }
        None => {
            out.write([INSTANCE, "key", "value"])?;
            for reported in instances {
                for (key, value) in reported.instance.shown().map(|sample| sample.info.lines()).unwrap_or_default() {
                    let value = info_value(key.as_str(), value).to_plain_string();
                    out.write([reported.name, key.as_str(), &value])?;
                }
            }
        }
    }
    Ok(out.writer.into_inner()?)
}

/// Renders a table that consists of these records, the first of which is the header, as [`render`] does.
///
/// # Errors
/// Returns an error if serialization fails, which is not expected in memory.
pub(crate) fn render_records(records: &[Vec<String>], is_safe: bool) -> std::io::Result<Vec<u8>> {
    let mut out = CsvTable { writer: Writer::from_writer(Vec::new()), is_safe };
    for record in records {
        out.write(record).map_err(std::io::Error::other)?;
    }
    out.writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

/// The table that is being written.
struct CsvTable {
    writer: Writer<Vec<u8>>,
    is_safe: bool,
}

impl CsvTable {
    fn write(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) -> csv::Result<()> {
        for cell in cells {
            let cell = cell.as_ref();
            if self.is_safe {
                self.writer.write_field(neutralize_formulas(cell).as_bytes())?;
            } else {
                self.writer.write_field(cell)?;
            }
        }
        self.writer.write_record(None::<&[u8]>)
    }
}

/// Returns the cell with an apostrophe before each part that a spreadsheet would evaluate. A part begins at the start of
/// the cell and after each separator.
fn neutralize_formulas(cell: &str) -> Cow<'_, str> {
    let is_number = cell.parse::<f64>().is_ok_and(f64::is_finite);
    let is_formula =
        |part: &str| part.trim_start_matches(|ch: char| ch.is_whitespace() || ch == '"').starts_with(FORMULA_STARTS);
    if is_number || !cell.split(SEPARATORS).any(is_formula) {
        return Cow::Borrowed(cell);
    }
    let parts = cell.split_inclusive(SEPARATORS);
    Cow::Owned(parts.flat_map(|part| [if is_formula(part) { "'" } else { "" }, part]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(is_safe: bool, cells: &[&str]) -> String {
        let mut out = CsvTable { writer: Writer::from_writer(Vec::new()), is_safe };
        out.write(cells).unwrap();
        String::from_utf8(out.writer.into_inner().unwrap()).unwrap()
    }

    #[test]
    fn write_neutralizes_formulas_but_no_numbers() {
        let cells = ["=1+1", "+a", "-a", "@a", " =1", "＝1", "-5", "+0.5", "-inf", "a=1", "", "=a,\"b\""];
        let safe = "'=1+1,'+a,'-a,'@a,' =1,'＝1,-5,+0.5,'-inf,a=1,,\"'=a,\"\"b\"\"\"\n";
        assert_eq!(written(true, &cells), safe);
        assert_eq!(written(false, &["=1+1"]), "=1+1\n");
    }

    #[test]
    fn write_neutralizes_formulas_after_separators() {
        let cells = ["x;=1+1", "x|\u{a0}@y;;+1", "a;b-c", "x\t-2", "x;\"=1\"", "1;-5", "-1e3"];
        let safe = "x;'=1+1,x|'\u{a0}@y;;'+1,a;b-c,x\t'-2,\"x;'\"\"=1\"\"\",1;'-5,-1e3\n";
        assert_eq!(written(true, &cells), safe);
    }
}
