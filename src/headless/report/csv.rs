//! A report as one CSV table: a header, then one line per row, problem or key.
//!
//! The header consists of `instance` and the keys of the JSON format. Unknown values are empty cells.

use std::iter::once;

use csv::Writer;

use crate::headless::poller::Poller;
use crate::headless::report::contents::Report;
use crate::headless::report::json::{PROBLEM_FIELDS, columns_after_names, info_value, problem_values};
use crate::table::columns::column::Column;
use crate::table::columns::computed::kind_word;
use crate::table::columns::row_view::RowView;
use crate::table::columns::value::Value;

/// Heading of the first column, the instance name.
const INSTANCE: &str = "instance";

/// Renders the newest sample of each poller. If the report has several parts, only the rows are rendered.
///
/// # Errors
/// Returns an error if serialization fails, which is not expected in memory.
pub(crate) fn render(pollers: &[&Poller], report: &Report) -> anyhow::Result<Vec<u8>> {
    let mut out = Writer::from_writer(Vec::new());
    match &report.rows {
        Some(settings) => {
            let columns: Vec<&Column> = columns_after_names(settings).collect();
            let ids = columns.iter().map(|column| column.id);
            out.write_record([INSTANCE, "pxname", "svname", "kind"].into_iter().chain(ids))?;
            for poller in pollers {
                let Some(sample) = poller.instance.latest() else { continue };
                for line in report.lines(&poller.instance) {
                    let row = RowView::new(&poller.instance, sample, line.index);
                    let names = row.stat_row();
                    let who = [&poller.name, names.proxy.as_str(), names.name.as_str(), kind_word(names.kind)];
                    let cells = columns.iter().map(|column| Value::from_row(column, &row).to_plain_string());
                    out.write_record(who.into_iter().map(str::to_owned).chain(cells))?;
                }
            }
        }
        None if report.problems => {
            out.write_record(once(INSTANCE).chain(PROBLEM_FIELDS))?;
            for poller in pollers {
                let Some(sample) = poller.instance.latest() else { continue };
                for problem in poller.instance.problems().iter() {
                    let cells = problem_values(problem, sample.at);
                    out.write_record(once(poller.name.clone()).chain(cells.map(|cell| cell.to_plain_string())))?;
                }
            }
        }
        None => {
            out.write_record([INSTANCE, "key", "value"])?;
            for poller in pollers {
                for (key, value) in poller.instance.latest().map(|sample| sample.info.lines()).unwrap_or_default() {
                    let value = info_value(key.as_str(), value).to_plain_string();
                    out.write_record([poller.name.as_str(), key.as_str(), &value])?;
                }
            }
        }
    }
    Ok(out.into_inner()?)
}
