//! Views of a single table: rows of HAProxy with the columns of the view.

use std::borrow::Cow;
use std::time::Duration;

use crate::app::commands::UiCommand;
use crate::app::instance_view::InstanceView;
use crate::app::layout::Layout;
use crate::app::model::Model;
use crate::haproxy::stat_table::RowKind;
use crate::observe::sample::Sample;
use crate::table::cell::Role;
use crate::table::columns::column;
use crate::table::columns::row_view::RowView;
use crate::table::rows::TableLine;
use crate::table::view_table::{DIFF, OUT_OF_SERVICE, RowScope};
use crate::ui::chart_pane;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::row_renderer::{self, CursorStyle, FirstHeading, PREFIX_WIDTH, RowPrefix};
use crate::ui::truncate;

/// Largest width of the name column in cells.
const MAX_NAME_WIDTH: u16 = 40;

/// Draws the table of the view, and charts of the selected row below it.
pub fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    sample: &Sample,
    layout: &Layout,
    now: Duration,
) {
    let settings = &model.view_settings[model.view()];
    let list = &instance.view_cursors[model.view()];
    let area = layout.body.rows(0, 1 + layout.table_rows());
    // Numbers far from their names are hard to read: on a wide screen the rest stays empty.
    let visible = settings.visible_columns();
    let needed: u16 = visible.iter().skip(1).map(|column| column.width + 1).sum();
    let width = area.width.saturating_sub(PREFIX_WIDTH).min(needed.saturating_add(MAX_NAME_WIDTH));
    let fitted = column::fit_columns(&visible, width, 1);
    row_renderer::draw_heading(canvas, area, &fitted, FirstHeading::Plain, settings.sort);
    let body = area.rows(1, area.height);
    let visible = instance.table_lines().iter().enumerate().skip(list.top()).take(usize::from(body.height));
    for (line, (index, what)) in visible.enumerate() {
        let row = RowView::new(&instance.data, sample, what.index);
        let indent = name_prefix(canvas, what, &row);
        let prefix = RowPrefix::new(instance, &row, CursorStyle::new(index == list.index(), true), &indent, now);
        row_renderer::draw_row(canvas, body, line as u16, &fitted, &row, prefix);
    }
    if instance.table_lines().is_empty() {
        let message = match settings.scope {
            _ if !settings.filter.is_empty() => "no rows match the filter; Esc clears it".to_owned(),
            RowScope::Changed if instance.data.marked_moment().is_none() => String::new(),
            RowScope::Changed => {
                format!(
                    "nothing has changed since the mark; {} goes back",
                    model.keymap.key_or_command(UiCommand::ShowView(DIFF))
                )
            }
            RowScope::OutOfService => {
                format!(
                    "no server is in maintenance or drain; {} goes back",
                    model.keymap.key_or_command(UiCommand::ShowView(OUT_OF_SERVICE))
                )
            }
            RowScope::All => "no rows".to_owned(),
        };
        canvas.draw_text(body, PREFIX_WIDTH, 0, &message, Role::Dim);
    }
    let strip = layout.body.rows(area.height, layout.chart_strip_rows());
    if let Some(id) = list.row().filter(|_| !strip.is_empty()) {
        chart_pane::draw_strip(canvas, model, instance, sample, id, strip);
    }
}

/// Returns the text in front of a name: its indentation and fold sign in a tree, or the proxy of a server in a flat
/// table.
fn name_prefix(canvas: &Canvas<'_>, line: &TableLine, row: &RowView<'_>) -> Cow<'static, str> {
    let names = row.stat_row();
    match (line.is_child, line.folded) {
        (true, _) => "  ".into(),
        (false, Some(true)) => canvas.theme.choose_glyph("▸ ", "> ").into(),
        (false, Some(false)) => canvas.theme.choose_glyph("▾ ", "v ").into(),
        (false, None) if matches!(names.kind, RowKind::Server | RowKind::Listener) => {
            format!("{}/", names.proxy).into()
        }
        (false, None) => "".into(),
    }
}

/// Returns remarks about the position and about hidden rows and columns, for the line of tabs. The filter comes last so
/// that it is dropped last on a narrow screen: it is the only sign that rows are hidden.
pub fn tab_remarks(model: &Model, instance: &InstanceView) -> Vec<crate::ui::drawing::StyledText<'static>> {
    let settings = &model.view_settings[model.view()];
    let all = instance.data.shown().map_or(0, |sample| sample.rows.ids().len());
    let shown = instance.table_lines().len();
    let index = (instance.view_cursors[model.view()].index() + 1).min(shown);
    let of_all = if shown == all { String::new() } else { format!("of {all} ") };
    let mut texts = vec![styled_text(format!("{index}/{shown} {of_all}"), Role::Dim)];
    if settings.hidden_columns > 0 {
        texts.push(styled_text(format!("{} cols hidden ", settings.hidden_columns), Role::Warn));
    }
    if !settings.filter.is_empty() {
        let filter = truncate::end(&format!("/{}", settings.filter), usize::from(model.terminal_size.0 / 4));
        texts.push(styled_text(format!(" {filter} "), Role::Key));
    }
    texts
}
