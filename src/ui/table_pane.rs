//! Views that consist of a single table: rows of `show stat` with the columns of the view.

use std::borrow::Cow;

use crate::app::layout::{Area, ROW_PREFIX_WIDTH};
use crate::app::table_layout::TableAreas;
use crate::app::ui_commands::UiCommand;
use crate::haproxy::stat_table::RowKind;
use crate::instance::merged_rows::MergedRows;
use crate::observe::instance_id::RowRef;
use crate::observe::row_ids::RowId;
use crate::table::cell::Role;
use crate::table::columns::column::Column;
use crate::table::columns::row_view::RowView;
use crate::table::merged_lines;
use crate::table::rows::TableLine;
use crate::table::view_table::{RowScope, ViewId};
use crate::ui::chart_pane;
use crate::ui::detail_pane;
use crate::ui::diff_line;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::row_renderer::{self, CursorStyle, FirstHeading, RowPrefix};
use crate::ui::text_width;
use crate::units;

/// Draws the table of the view, with charts of the selected row below and its details to the right.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>) {
    let DrawContext { model, instance, layout, .. } = *context;
    let Some(sample) = context.sample() else { return };
    let settings = &model.view_settings[model.view()];
    let list = &instance.view_cursors[model.view()];
    let TableAreas { rows: table, notes, charts, detail } = model.table_areas(layout);
    let fitted = fitted_columns(context, table);
    row_renderer::draw_heading(canvas, table, &fitted, FirstHeading::Plain, settings.sort);
    let body = table.rows(1, table.height);
    let visible = instance.table_lines().iter().enumerate().skip(list.top()).take(usize::from(body.height));
    for (line, (index, what)) in visible.enumerate() {
        let cursor = CursorStyle::new(index == list.index(), true);
        let area = body.rows(line as u16, 1);
        if let Some(part) = what.part {
            draw_part(context, canvas, (area, &fitted), part, cursor);
            continue;
        }
        let row = RowView::new(&instance.data, sample, what.index);
        let indent = name_prefix(canvas, what, &row);
        let prefix = RowPrefix::new(context, &row, cursor, &indent);
        row_renderer::draw_row(canvas, area, &fitted, &row, prefix);
    }
    if instance.table_lines().is_empty() {
        let message = match settings.scope {
            _ if !settings.filter.is_empty() => "no rows match the filter; Esc clears it".to_owned(),
            RowScope::Changed => diff_line::empty_text(context),
            RowScope::OutOfService => {
                let place = if model.instances.len() > 1 {
                    format!(" of {}", context.display_name(instance))
                } else {
                    String::new()
                };
                format!(
                    "no server{place} is in maintenance or drain; {} goes back",
                    model.keymap.key_or_command(UiCommand::ShowView(ViewId::OutOfService))
                )
            }
            RowScope::All | RowScope::HeatMap => "HAProxy's configuration has no frontends and backends".to_owned(),
        };
        canvas.draw_wrapped(body, ROW_PREFIX_WIDTH, 0, &message, Role::Dim);
    }
    let after_rows = 1 + instance.table_lines().len().max(1).saturating_sub(list.top()) as u16;
    let whole = Area { height: table.height + notes.height, ..table };
    let place = whole.rows(after_rows.min(table.height), notes.height);
    for (note, line) in model.table_notes().iter().zip(0_u16..) {
        let text = text_width::middle(&note.text, usize::from(place.width.saturating_sub(ROW_PREFIX_WIDTH)));
        canvas.draw_text(place, ROW_PREFIX_WIDTH, line, &text, note.role);
    }
    let Some(id) = list.row().map(RowId::whole) else { return };
    if !charts.is_empty() {
        chart_pane::draw_strip(context, canvas, charts, id);
    }
    if !detail.is_empty() {
        // Beside the line of a balancer are the details of its own row.
        let part = model.focused_part().and_then(|part| Some((context.for_instance(part.instance)?, part.row)));
        let (context, id) = part.unwrap_or((*context, id));
        detail_pane::draw_beside(&context, canvas, detail, id, charts.is_empty());
    }
}

/// Draws the row of one balancer below the merged row that it is a part of.
fn draw_part(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    (area, fitted): (Area, &[(&'static Column, u16)]),
    part: RowRef,
    cursor: CursorStyle,
) {
    let merged = context.instance.data.merged_rows();
    let (is_known, is_past) = (merged.is_some_and(|rows| rows.is_known(part)), merged.is_some_and(MergedRows::is_past));
    let Some(context) = context.for_instance(part.instance) else { return };
    let name = context.display_name(context.instance);
    let row = context.sample().filter(|_| is_known);
    let row =
        row.and_then(|sample| Some(RowView::new(&context.instance.data, sample, sample.rows.index_of(part.row)?)));
    if let Some(row) = row {
        let prefix = RowPrefix { name: Some(name), ..RowPrefix::new(&context, &row, cursor, merged_lines::INDENT) };
        return row_renderer::draw_row(canvas, area, fitted, &row, prefix);
    }
    if cursor == CursorStyle::Full {
        canvas.color_row(area, 0, Role::Selected);
        canvas.draw_text(area, 0, 0, canvas.theme.choose_glyph("▶", ">"), Role::Focus);
    }
    let start = ROW_PREFIX_WIDTH + merged_lines::INDENT.len() as u16;
    let end = canvas.draw_text(area, start, 0, name, Role::Dim);
    let why = if is_past { "was not sampled at this time" } else { "does not answer" };
    canvas.draw_text(area, end + 1, 0, why, Role::Bad);
}

/// Returns the columns that fit into the area of the table.
pub(crate) fn fitted_columns(context: &DrawContext<'_>, table: Area) -> Vec<(&'static Column, u16)> {
    let DrawContext { model, instance, .. } = *context;
    let settings = &model.view_settings[model.view()];
    let name_width = instance.name_width(model.view(), settings);
    let width = table.width.saturating_sub(ROW_PREFIX_WIDTH);
    // Numbers far from their names are hard to read, so the names get no more cells than they need.
    instance.column_use(model.view()).fit(&settings.visible_columns(), width, name_width, false)
}

/// Returns the text in front of a row's name: the indentation or fold sign in a tree, or a server's proxy in a flat
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

/// Returns remarks for the line of tabs: the cursor position, the number of hidden columns, and the filter. The filter
/// comes last so that it is dropped last on a narrow screen, because it is the only sign that rows are hidden.
pub(crate) fn tab_remarks(context: &DrawContext<'_>) -> Vec<StyledText<'static>> {
    let DrawContext { model, instance, .. } = *context;
    let settings = &model.view_settings[model.view()];
    let all = context.sample().map_or(0, |sample| sample.rows.ids().len());
    let lines = instance.table_lines();
    let is_row = |line: &&TableLine| line.part.is_none();
    let shown = lines.iter().filter(is_row).count();
    let cursor = (instance.view_cursors[model.view()].index() + 1).min(lines.len());
    let index = lines[..cursor].iter().filter(is_row).count();
    let of_all = if shown == all { String::new() } else { format!("of {all} ") };
    let mut texts = vec![styled_text(format!("{index}/{shown} {of_all}"), Role::Dim)];
    if settings.hidden_columns > 0 {
        texts.push(styled_text(
            format!("{} hidden ", units::pluralize(settings.hidden_columns as i64, "col")),
            Role::Warn,
        ));
    }
    if !settings.filter.is_empty() {
        let filter = text_width::end(&format!("/{}", settings.filter), usize::from(model.terminal_size.0 / 4));
        texts.push(styled_text(format!(" {filter} "), Role::Key));
    }
    texts
}
