//! Menus over the view: columns to sort by, and actions.

use crate::app::action_targets;
use crate::app::commands::CommandSpec;
use crate::app::layout::Area;
use crate::app::model::Model;
use crate::table::cell::Role;
use crate::table::columns::column::{Column, ColumnSource};
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::truncate;

/// A line of a menu.
struct MenuItem<'a> {
    /// Text in front of the name: the sort direction or a key.
    mark: String,
    name: &'a str,
    help: String,
    role: Role,
}

/// Draws the menu of columns to sort by, with the cursor at the index `place`.
pub fn draw_sort_menu(canvas: &mut Canvas<'_>, model: &Model, screen: Area, cursor: usize) {
    let settings = &model.view_settings[model.view()];
    let columns = settings.sortable_columns();
    let item = |column: &&'static Column| {
        let arrow = match settings.sort.filter(|sort| sort.column.id == column.id) {
            Some(sort) if sort.is_descending => canvas.theme.choose_glyph("↓", "v"),
            Some(_) => canvas.theme.choose_glyph("↑", "^"),
            None => " ",
        };
        MenuItem { mark: arrow.to_owned(), name: column.title, help: column_help(column), role: Role::Normal }
    };
    let items: Vec<MenuItem<'_>> = columns.iter().map(item).collect();
    draw_menu(canvas, screen, (64, 3, 15), "Sort by", &items, cursor);
}

/// Draws the menu of actions for the marked or selected rows, with the reason where one is unavailable.
pub fn draw_action_menu(
    canvas: &mut Canvas<'_>,
    model: &Model,
    screen: Area,
    actions: &[&'static CommandSpec],
    cursor: usize,
) {
    let ascii = canvas.theme.is_ascii;
    let item = |action: &&'static CommandSpec| {
        let refusal = action_targets::check_with_guard(model, action).err();
        let role = if refusal.is_some() { Role::Dim } else { Role::Normal };
        let help = refusal
            .map_or_else(|| action.help.to_owned(), |refusal| format!("not now: {}", model.explain_refusal(&refusal)));
        MenuItem { mark: model.keymap.key_label(action, ascii), name: action.id, help, role }
    };
    let items: Vec<MenuItem<'_>> = actions.iter().map(item).collect();
    draw_menu(canvas, screen, (96, 6, 30), &format!("Act on {}", describe_targets(model)), &items, cursor);
}

/// Returns the name or number of the rows that an action would apply to.
fn describe_targets(model: &Model) -> String {
    let Some(instance) = model.instance() else { return String::new() };
    let row = model.focused_row().and_then(|id| instance.data.shown()?.row(id));
    match (instance.selection.marked_count(), row) {
        (0, Some(row)) => truncate::middle(&crate::observe::events::display_name(row.kind, &row.proxy, &row.name), 60),
        (0, None) => "the selected row".to_owned(),
        (1, _) => "1 marked row".to_owned(),
        (count, _) => format!("{count} marked rows"),
    }
}

/// Draws a menu of a width, with the columns where names and descriptions begin.
fn draw_menu(
    canvas: &mut Canvas<'_>,
    screen: Area,
    (width, names, helps): (u16, u16, u16),
    title: &str,
    items: &[MenuItem<'_>],
    cursor: usize,
) {
    let width = screen.width.min(width);
    let height = screen.height.min(items.len() as u16 + 2);
    let area = screen.columns((screen.width - width) / 2, width).rows((screen.height - height) / 2, height);
    canvas.clear(area);
    let count = items.len();
    let remark = if usize::from(height) < count + 2 { format!(" {} of {count} ", cursor + 1) } else { String::new() };
    let title = [styled_text(format!(" {title} "), Role::Focus)];
    let inner = canvas.draw_frame(area, &title, &[styled_text(remark, Role::Dim)], Role::Focus);
    let visible = usize::from(inner.height);
    let top = (cursor + 1).saturating_sub(visible);
    for (row, (index, item)) in items.iter().enumerate().skip(top).take(visible).enumerate() {
        let row = row as u16;
        canvas.draw_text(inner, 1, row, &item.mark, if item.role == Role::Dim { Role::Dim } else { Role::Focus });
        canvas.draw_text(inner, names, row, item.name, item.role);
        let help = truncate::end(&item.help, usize::from(inner.width.saturating_sub(helps + 1)));
        canvas.draw_text(inner, helps, row, &help, Role::Dim);
        if index == cursor {
            canvas.highlight_row(inner, row, Role::Selected);
        }
    }
}

/// Returns the description of a column.
fn column_help(column: &Column) -> String {
    match column.source {
        ColumnSource::PerSecond(_) => format!("per second: {}", column.help),
        _ => column.help.to_owned(),
    }
}
