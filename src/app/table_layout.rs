//! Parts of a view that is a table: its rows, charts of the selected row below, and its details next to it.
//!
//! ```text
//! rows and columns leave room       rows leave room        neither does
//! NAME  …        ╭ api2 ──────╮     NAME  …                NAME  …
//!   …            │ nothing …  │       …                      …
//!   …            │            │       …                      …
//! charts         │            │     charts                   …
//! charts         ╰────────────╯     charts                 charts
//! ```

use crate::app::layout::Area;

/// Parts of a view that is a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TableAreas {
    /// The heading and the rows.
    pub(crate) rows: Area,
    /// Lines after the rows that are not rows; may be empty.
    pub(crate) notes: Area,
    /// Charts of the selected row, below the rows; may be empty.
    pub(crate) charts: Area,
    /// Details of the selected row, beside the rows; may be empty.
    pub(crate) detail: Area,
}

/// Input of the layout of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TableNeeds {
    /// Number of rows.
    pub(crate) row_count: usize,
    /// Columns for its names and values.
    pub(crate) width: u16,
    /// Number of lines after the rows that are not rows.
    pub(crate) note_count: usize,
}

/// Smallest and largest width, and smallest height, of the details beside a table.
const DETAIL_WIDTH: std::ops::RangeInclusive<u16> = 56..=110;
const MIN_DETAIL_ROWS: u16 = 20;
/// Largest number of rows of the charts below a table.
const MAX_TABLE_CHART_ROWS: u16 = 24;

/// Divides a body into a list that needs `width` columns, and details of the selected line next to it, after a blank column.
/// The details are empty where rows or columns leave no room.
pub(crate) fn split_for_detail(body: Area, width: u16) -> (Area, Area) {
    let free_columns = body.width.saturating_sub(width.saturating_add(1));
    let (least, most) = (*DETAIL_WIDTH.start(), *DETAIL_WIDTH.end());
    if free_columns < least || body.height < MIN_DETAIL_ROWS {
        return (body, body.columns(body.width, 0));
    }
    let detail_width = free_columns.min((body.width * 2 / 5).max(least)).min(most);
    (body.columns(0, body.width - detail_width - 1), body.columns(body.width - detail_width, detail_width))
}

impl TableAreas {
    /// Puts charts below a table, as high as its rows permit, and details next to it, as wide as its columns permit.
    pub(crate) fn new(body: Area, needs: TableNeeds) -> Self {
        let notes = u16::try_from(needs.note_count).unwrap_or(u16::MAX).min(body.height / 4);
        let rows = u16::try_from(needs.row_count).unwrap_or(u16::MAX).saturating_add(1 + notes);
        let (left, detail) = split_for_detail(body, needs.width);
        let has_detail = !detail.is_empty();
        // The details contain charts, too, so that charts below the table need room that is free.
        let least = match body.height {
            ..14 => 0,
            14..30 => 2,
            _ => 4,
        };
        let free_rows = body.height.saturating_sub(rows).min(MAX_TABLE_CHART_ROWS.min(body.height / 2));
        let chart_rows = match free_rows {
            0..8 if has_detail => 0,
            free if body.height >= 30 => free.max(least),
            _ => least,
        };
        let table_rows = body.height - chart_rows - notes;
        Self {
            rows: left.rows(0, table_rows),
            notes: left.rows(table_rows, notes),
            charts: left.rows(body.height - chart_rows, chart_rows),
            detail,
        }
    }

    /// Returns the number of rows that are visible, without the heading.
    pub(crate) fn visible_rows(&self) -> u16 {
        self.rows.height.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_charts_and_details_where_rows_and_columns_leave_room() {
        for width in 0..=240_u16 {
            for height in 0..=70_u16 {
                for (row_count, wanted) in [(0, 20), (12, 90), (50, 130), (9000, 300)] {
                    let body = Area { x: 0, y: 4, width, height };
                    let note_count = usize::from(height % 5);
                    let areas = TableAreas::new(body, TableNeeds { row_count, width: wanted, note_count });
                    let (rows, charts, detail) = (areas.rows, areas.charts, areas.detail);
                    assert_eq!(rows.width + detail.width + u16::from(!detail.is_empty()), width);
                    assert_eq!(rows.height + areas.notes.height + charts.height, height);
                    assert!(areas.notes.is_empty() || areas.notes.y == rows.y + rows.height, "{areas:?}");
                    assert!(charts.is_empty() || charts.y == rows.y + rows.height + areas.notes.height, "{areas:?}");
                    assert!(detail.is_empty() || detail.x == rows.width + 1 && detail.height == height, "{areas:?}");
                    assert!(height == 0 || rows.height + areas.notes.height >= height / 2, "{areas:?}");
                }
            }
        }
        let areas = |width: u16, height: u16, row_count, wanted| {
            let body = Area { x: 0, y: 4, width, height: height - 5 };
            let table = TableAreas::new(body, TableNeeds { row_count, width: wanted, note_count: 0 });
            (table.rows.width, table.detail.width, table.charts.height)
        };
        assert_eq!(areas(80, 24, 30, 90), (80, 0, 2));
        assert_eq!(areas(120, 40, 30, 90), (120, 0, 4));
        assert_eq!(areas(160, 50, 70, 90), (95, 64, 0), "all rows are for the table");
        assert_eq!(areas(160, 50, 20, 120), (160, 0, 22), "the columns come first");
        assert_eq!(areas(200, 60, 20, 120), (120, 79, 24));
        assert_eq!(areas(240, 70, 20, 90), (143, 96, 24));
    }
}
