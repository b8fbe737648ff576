//! A view that is one table: all rows of HAProxy under the view's columns.

use std::borrow::Cow;
use std::time::Duration;

use crate::app::commands::UiCommand;
use crate::app::layout::Layout;
use crate::app::model::{InstanceView, Model};
use crate::haproxy::stat_table::RowKind;
use crate::observe::sample::Sample;
use crate::table::cell::Role;
use crate::table::columns::column;
use crate::table::columns::row_view::RowView;
use crate::table::rows::Line;
use crate::table::view_table::{AWAY, Rows, SINCE};
use crate::ui::chart_pane;
use crate::ui::drawing::{Canvas, piece};
use crate::ui::row_renderer::{self, Cursor, Front, Heading, MARGIN};
use crate::ui::truncate;

/// Cells that names take at the most.
const WIDEST_NAME: u16 = 40;

/// Draws the table of the view shown, and the selected row over time below it.
pub fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    sample: &Sample,
    layout: &Layout,
    now: Duration,
) {
    let settings = &model.settings[model.view];
    let list = &instance.places[model.view];
    let area = layout.body.rows(0, 1 + layout.table_rows());
    // Numbers far from their names are hard to follow: on a wide screen the rest stays empty.
    let visible = settings.visible();
    let needed: u16 = visible.iter().skip(1).map(|column| column.width + 1).sum();
    let width = area.width.saturating_sub(MARGIN).min(needed.saturating_add(WIDEST_NAME));
    let fitted = column::fit(&visible, width, 1);
    row_renderer::heading(canvas, area, &fitted, Heading::Plain, settings.sort);
    let body = area.rows(1, area.height);
    let visible = instance.lines.iter().enumerate().skip(list.top()).take(usize::from(body.height));
    for (line, (place, what)) in visible.enumerate() {
        let row = RowView::new(&instance.watch, sample, what.index);
        let indent = indent(canvas, what, &row);
        let front = Front::of(instance, &row, Cursor::of(place == list.place(), true), &indent, now);
        row_renderer::row(canvas, body, line as u16, &fitted, &row, front);
    }
    if instance.lines.is_empty() {
        let words = match settings.rows {
            _ if !settings.filter.is_empty() => "no row matches the filter; Esc clears it".to_owned(),
            Rows::Changed if instance.watch.mark().is_none() => String::new(),
            Rows::Changed => {
                format!("nothing has changed since the mark; {} goes back", model.keymap.way(UiCommand::View(SINCE)))
            }
            Rows::Away => {
                format!("no server is in maintenance or drain; {} goes back", model.keymap.way(UiCommand::View(AWAY)))
            }
            Rows::All => "no rows".to_owned(),
        };
        canvas.text(body, MARGIN, 0, &words, Role::Dim);
    }
    let strip = layout.body.rows(area.height, layout.strip_rows());
    if let Some(id) = list.selected().filter(|_| !strip.is_empty()) {
        chart_pane::strip(canvas, model, instance, sample, id, strip);
    }
}

/// What stands in front of a name: its place in the tree, or, where there is none, the backend of a server.
fn indent(canvas: &Canvas<'_>, line: &Line, row: &RowView<'_>) -> Cow<'static, str> {
    let names = row.row();
    match (line.is_child, line.folded) {
        (true, _) => "  ".into(),
        (false, Some(true)) => canvas.theme.pick("▸ ", "> ").into(),
        (false, Some(false)) => canvas.theme.pick("▾ ", "v ").into(),
        (false, None) if matches!(names.kind, RowKind::Server | RowKind::Listener) => {
            format!("{}/", names.proxy).into()
        }
        (false, None) => "".into(),
    }
}

/// What the table leaves out or how it is cut, for the line of the tabs. The filter comes last: where it is narrow
/// it stays the longest, for nothing else tells that rows are hidden.
pub fn remarks(model: &Model, instance: &InstanceView) -> Vec<crate::ui::drawing::Piece<'static>> {
    let settings = &model.settings[model.view];
    let all = instance.watch.newest().map_or(0, |sample| sample.rows.ids().len());
    let shown = instance.lines.len();
    let place = (instance.places[model.view].place() + 1).min(shown);
    let of_all = if shown == all { String::new() } else { format!("of {all} ") };
    let mut pieces = vec![piece(format!("{place}/{shown} {of_all}"), Role::Dim)];
    if settings.first > 0 {
        pieces.push(piece(format!("{} cols hidden ", settings.first), Role::Warn));
    }
    if !settings.filter.is_empty() {
        let filter = truncate::end(&format!("/{}", settings.filter), usize::from(model.size.0 / 4));
        pieces.push(piece(format!(" {filter} "), Role::Key));
    }
    pieces
}
