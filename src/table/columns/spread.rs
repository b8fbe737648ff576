//! The column of merged rows: on how many balancers a row is, in which states.

use crate::table::cell::{Cell, Role};
use crate::table::columns::column::SortKey;
use crate::table::columns::row_view::RowView;

/// Returns how many balancers have the row: `3/3`, or `2 UP 1 MAINT` if its states differ.
pub(crate) fn balancers_cell(row: &RowView<'_>) -> Cell {
    let parts = row.instance.merged_rows().and_then(|merged| merged.row(row.id));
    Cell::from_option(parts, |parts| {
        Cell::new(&*parts.spread, if parts.is_uniform { Role::Normal } else { Role::Warn })
    })
}

/// Returns the sort key: the text, in lower case.
pub(crate) fn balancers_key(row: &RowView<'_>) -> SortKey {
    let parts = row.instance.merged_rows().and_then(|merged| merged.row(row.id));
    parts.map_or(SortKey::Absent, |parts| SortKey::Text(parts.spread.to_lowercase()))
}
