//! What is known of each HAProxy as one CSV table: a header, then one line for each row, problem or key.
//!
//! The header is that of JSON's keys, with the name of the HAProxy in front. What is not known is an empty cell.

use std::iter::once;

use csv::Writer;

use crate::headless::poller::Lookout;
use crate::headless::report::json::{PROBLEM, beside_names, info_value, problem_cells};
use crate::headless::report::report::Picture;
use crate::table::columns::column::Column;
use crate::table::columns::computed::kind_word;
use crate::table::columns::row_view::RowView;
use crate::table::columns::value::Datum;

/// The first column: which HAProxy.
const INSTANCE: &str = "instance";

/// The table of what was seen last; of a picture of several parts, the rows.
///
/// # Errors
/// None that is known of: it is made in memory.
pub fn text(lookouts: &[&Lookout], picture: &Picture) -> anyhow::Result<Vec<u8>> {
    let mut out = Writer::from_writer(Vec::new());
    match &picture.rows {
        Some(settings) => {
            let columns: Vec<&Column> = beside_names(settings).collect();
            let ids = columns.iter().map(|column| column.id);
            out.write_record([INSTANCE, "pxname", "svname", "kind"].into_iter().chain(ids))?;
            for lookout in lookouts {
                let Some(sample) = lookout.watch.newest() else { continue };
                for line in picture.lines(&lookout.watch) {
                    let row = RowView::new(&lookout.watch, sample, line.index);
                    let names = row.row();
                    let who = [&lookout.name, names.proxy.as_str(), names.name.as_str(), kind_word(names.kind)];
                    let cells = columns.iter().map(|column| Datum::of(column, &row).bare());
                    out.write_record(who.into_iter().map(str::to_owned).chain(cells))?;
                }
            }
        }
        None if picture.problems => {
            out.write_record(once(INSTANCE).chain(PROBLEM))?;
            for lookout in lookouts {
                let Some(sample) = lookout.watch.newest() else { continue };
                for problem in lookout.watch.problems().list() {
                    let cells = problem_cells(problem, sample.at);
                    out.write_record(once(lookout.name.clone()).chain(cells.map(|cell| cell.bare())))?;
                }
            }
        }
        None => {
            out.write_record([INSTANCE, "key", "value"])?;
            for lookout in lookouts {
                for (key, value) in lookout.watch.newest().map(|sample| sample.info.lines()).unwrap_or_default() {
                    let value = info_value(key.as_str(), value).bare();
                    out.write_record([lookout.name.as_str(), key.as_str(), &value])?;
                }
            }
        }
    }
    Ok(out.into_inner()?)
}
