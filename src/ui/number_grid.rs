//! The numbers of a row beside a table: names and values in columns, without the descriptions, which need the whole page.

use crate::haproxy::fields::{Field, FieldKind};
use crate::table::cell::Role;
use crate::table::columns::column::{known_number, number_cell};
use crate::table::columns::row_view::RowView;
use crate::ui::detail_summary::{DetailLine, FIRST_COLUMN};
use crate::ui::drawing::{StyledText, styled_text};
use crate::ui::text_width;
use crate::units;

/// Widths of a value and of a rate, in screen cells, and of the blanks between two columns.
const VALUE: u16 = 7;
const RATE: u16 = 8;
const GAP: u16 = 2;
/// Gauges that are listed even while they are 0, because they change at any time and lines must not move.
static CHANGING_GAUGES: &[Field] = &[
    Field::Qcur,
    Field::Scur,
    Field::SrvIcur,
    Field::IdleConnCur,
    Field::SafeConnCur,
    Field::UsedConnCur,
    Field::H1OpenConnections,
    Field::H1OpenStreams,
];

/// The groups of fields, in display order.
pub(crate) static FIELD_GROUPS: &[(&str, &[FieldKind])] = &[
    ("Now", &[FieldKind::Gauge, FieldKind::Rate, FieldKind::Average]),
    ("Limits", &[FieldKind::Limit]),
    ("Since the start", &[FieldKind::Counter]),
    ("Maximum since the start", &[FieldKind::Max]),
    ("Ages and ids", &[FieldKind::Age, FieldKind::Id]),
];

/// A number: its name, its value and, for a counter that grows, its rate.
struct GridCell {
    name: &'static str,
    value: StyledText<'static>,
    rate: String,
}

/// Returns the lines of all numbers for a page of `width` columns. Most numbers that are 0 are left out and counted;
/// `key` opens the page with all of them.
pub(crate) fn lines(row: &RowView<'_>, width: u16, key: &str) -> Vec<DetailLine> {
    let groups: Vec<(&str, Vec<GridCell>)> =
        FIELD_GROUPS.iter().map(|(title, kinds)| (*title, grid_cells(row, kinds))).collect();
    let mut lines = Vec::new();
    for (title, cells) in groups.iter().filter(|(_, cells)| !cells.is_empty()) {
        lines.push(Vec::new());
        lines.push(vec![(FIRST_COLUMN, styled_text(title.to_string(), Role::Title))]);
        let name = cells.iter().map(|cell| text_width::width(cell.name) as u16).max().unwrap_or(0);
        let has_rates = cells.iter().any(|cell| !cell.rate.is_empty());
        let cell_width = name + 1 + VALUE + if has_rates { RATE } else { 0 };
        let columns = ((width.saturating_sub(FIRST_COLUMN + 1) + GAP) / (cell_width + GAP)).max(1);
        let rows = cells.len().div_ceil(usize::from(columns));
        for line in 0..rows {
            let mut texts = DetailLine::new();
            for (cell, column) in cells.iter().skip(line).step_by(rows).zip(0_u16..) {
                let start = FIRST_COLUMN + column * (cell_width + GAP);
                let (value, role) = &cell.value;
                texts.push((start, styled_text(cell.name, Role::Dim)));
                texts.push((start + name + 1, styled_text(format!("{value:>7}"), *role)));
                if !cell.rate.is_empty() {
                    texts.push((start + name + 1 + VALUE, styled_text(format!("{:>8}", cell.rate), Role::Normal)));
                }
            }
            lines.push(texts);
        }
    }
    let all = Field::ALL.iter().filter(|field| row.number(**field).is_some()).count();
    let shown: usize = groups.iter().map(|(_, cells)| cells.len()).sum();
    lines.push(Vec::new());
    let hidden = all.saturating_sub(shown) as i64;
    let mut texts =
        vec![styled_text(key.to_owned(), Role::Key), styled_text(" all numbers with their meaning", Role::Dim)];
    if hidden > 0 {
        texts.push(styled_text(format!(", {} more that are 0", units::count(hidden)), Role::Dim));
    }
    let mut column = FIRST_COLUMN;
    let mut line = DetailLine::new();
    for (text, role) in texts {
        let next = column + text_width::width(&text) as u16;
        line.push((column, (text, role)));
        column = next;
    }
    lines.push(line);
    lines
}

/// Returns the numbers of a group of fields.
fn grid_cells(row: &RowView<'_>, kinds: &[FieldKind]) -> Vec<GridCell> {
    let in_group = |field: &&Field| kinds.contains(&field.info().kind);
    let cell = |field: &Field| {
        let number = row.number(*field)?;
        let known = known_number(row, *field)?;
        if number == 0 && field.info().kind != FieldKind::Rate && !CHANGING_GAUGES.contains(field) {
            return None;
        }
        let shown = number_cell(*field, known);
        let rate = row.rate(*field).filter(|rate| field.info().kind == FieldKind::Counter && *rate > 0.0);
        let rate = rate.map_or(String::new(), |rate| format!("{}/s", units::rate(rate)));
        Some(GridCell { name: field.info().name, value: styled_text(shown.text, shown.role), rate })
    };
    Field::ALL.iter().filter(in_group).filter_map(cell).collect()
}
