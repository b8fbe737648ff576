//! The menus shown over the view: the columns to sort by, and the actions.

use crate::app::action_targets;
use crate::app::layout::Area;
use crate::app::menus;
use crate::app::prompt::Prompt;
use crate::app::ui_commands::CommandSpec;
use crate::instance::refusal::Refusal;
use crate::table::cell::Role;
use crate::table::columns::column::Column;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::row_renderer;
use crate::ui::text_width;

/// A menu, its width, and the screen columns where names and descriptions begin.
struct Menu<'a> {
    title: &'a str,
    items: Vec<MenuItem<'a>>,
    width: u16,
    name_column: u16,
    help_column: u16,
    /// True if the names may be left out where the descriptions have no room beside them.
    may_omit_names: bool,
}

/// Width of the descriptions below which the names are left out.
const MIN_HELP_WIDTH: u16 = 40;

/// A line of a menu.
struct MenuItem<'a> {
    /// Text in front of the name: the arrow of the sort direction, or a key.
    mark: String,
    name: &'a str,
    help: String,
    role: Role,
}

/// Draws the menu of columns to sort by, with the cursor on the item at index `cursor`.
pub(crate) fn draw_sort_menu(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, screen: Area, cursor: usize) {
    let settings = &context.model.view_settings[context.model.view()];
    let columns = settings.sortable_columns();
    let item = |column: &&'static Column| {
        let arrow = match settings.sort.filter(|sort| sort.column.id == column.id) {
            Some(sort) => row_renderer::sort_sign(canvas.theme, sort.is_descending),
            None => " ",
        };
        MenuItem { mark: arrow.to_owned(), name: column.title, help: column.full_help(), role: Role::Normal }
    };
    let items = columns.iter().map(item).collect();
    draw_menu(
        canvas,
        screen,
        &Menu { title: "Sort by", items, width: 64, name_column: 3, help_column: 15, may_omit_names: false },
        cursor,
    );
}

/// Draws the menu of actions for the marked or selected rows. An unavailable action is shown with the reason.
pub(crate) fn draw_action_menu(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    screen: Area,
    actions: &[&'static CommandSpec],
    cursor: usize,
    search: Option<&Prompt>,
) {
    let model = context.model;
    let ascii = canvas.theme.is_ascii;
    let item = |action: &&'static CommandSpec| {
        let refusal = action_targets::check_with_guard(model, action).err();
        let role = if refusal.is_some() { Role::Dim } else { Role::Normal };
        let reason = |refusal: Refusal| format!("not now: {}", refusal.in_few_words());
        let help = refusal.map_or_else(|| action.help.to_owned(), reason);
        MenuItem { mark: model.keymap.key_label(action, ascii), name: action.id, help, role }
    };
    let items = menus::found_actions(actions, search).iter().map(item).collect();
    let searched = search.map_or_else(String::new, |search| format!(" /{}_", search.text()));
    let title = &format!("Act on {}{searched}", describe_targets(context));
    draw_menu(
        canvas,
        screen,
        &Menu { title, items, width: 96, name_column: 6, help_column: 30, may_omit_names: true },
        cursor,
    );
}

/// Returns the name of the row that an action would apply to, or the number of rows.
fn describe_targets(context: &DrawContext<'_>) -> String {
    let row = context.model.focused_row().and_then(|id| context.sample()?.row(id));
    match (context.instance.selection.marked_count(), row) {
        (0, Some(row)) => {
            text_width::middle(&crate::observe::events::display_name(row.kind, &row.proxy, &row.name), 60)
        }
        (0, None) => "the selected row".to_owned(),
        (1, _) => "1 marked row".to_owned(),
        (count, _) => format!("{count} marked rows"),
    }
}

/// Draws a menu in the middle of the screen.
fn draw_menu(canvas: &mut Canvas<'_>, screen: Area, menu: &Menu<'_>, cursor: usize) {
    let items = &menu.items;
    // Long descriptions get more cells where the screen has them.
    let longest = items.iter().map(|item| text_width::width(&item.help)).max().unwrap_or(0) as u16;
    let width = screen.width.min(menu.width.max(menu.help_column.saturating_add(longest + 3)));
    let has_names = !menu.may_omit_names || width.saturating_sub(menu.help_column + 3) >= MIN_HELP_WIDTH.min(longest);
    let help_column = if has_names { menu.help_column } else { menu.name_column };
    let help_width = usize::from(width.saturating_sub(help_column + 3)).max(8);
    let text = |item: &MenuItem<'_>| match item.role {
        // Without the names, the reasons of several actions would be the same.
        Role::Dim if !has_names => format!("{}: {}", item.name, item.help),
        _ => item.help.clone(),
    };
    let wrapped: Vec<Vec<String>> =
        items.iter().map(|item| text_width::wrap_at_blanks(&text(item), help_width)).collect();
    let rows: usize = wrapped.iter().map(Vec::len).sum();
    let height = screen.height.min(u16::try_from(rows.max(1)).unwrap_or(u16::MAX).saturating_add(2));
    let area = screen.columns((screen.width - width) / 2, width).rows((screen.height - height) / 2, height);
    canvas.clear(area);
    let count = items.len();
    let remark = if usize::from(height) < rows + 2 { format!(" {} of {count} ", cursor + 1) } else { String::new() };
    let title = [styled_text(format!(" {} ", menu.title), Role::Focus)];
    let inner = canvas.draw_frame(area, &title, &[styled_text(remark, Role::Dim)], Role::Focus);
    if items.is_empty() {
        canvas.draw_text(inner, menu.name_column, 0, "nothing matches; Backspace or Esc shows more", Role::Dim);
    }
    let top = first_visible(&wrapped, cursor, usize::from(inner.height));
    let mut row = 0;
    for (index, (item, help)) in items.iter().zip(&wrapped).enumerate().skip(top) {
        let is_open = item.role != Role::Dim;
        canvas.draw_text(inner, 1, row, &item.mark, if is_open { Role::Focus } else { Role::Dim });
        if has_names {
            canvas.draw_text(inner, menu.name_column, row, item.name, item.role);
        }
        for part in help {
            canvas.draw_text(inner, help_column, row, part, if has_names { Role::Dim } else { item.role });
            if index == cursor {
                canvas.highlight_row(inner, row, Role::Selected);
            }
            row += 1;
        }
    }
}

/// Returns the first of the items whose wrapped texts fill `height` rows so that the item at `cursor` is visible.
fn first_visible(wrapped: &[Vec<String>], cursor: usize, height: usize) -> usize {
    let mut rows = 0;
    let before = wrapped.iter().take(cursor + 1).rev().take_while(|text| {
        rows += text.len();
        rows <= height
    });
    cursor.saturating_sub(before.count().saturating_sub(1))
}
