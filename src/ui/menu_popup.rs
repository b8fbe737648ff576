//! Menus over the view: by which column to sort, and what can be done.

use crate::app::action_targets;
use crate::app::commands::CommandSpec;
use crate::app::layout::Area;
use crate::app::model::Model;
use crate::table::cell::Role;
use crate::table::columns::column::{Column, Source};
use crate::ui::drawing::{Canvas, piece};
use crate::ui::truncate;

/// One line of a menu.
struct Item<'a> {
    /// In front.
    mark: String,
    name: &'a str,
    help: String,
    role: Role,
}

/// Draws the columns of the view shown, with the cursor at `place`.
pub fn sort(canvas: &mut Canvas<'_>, model: &Model, screen: Area, place: usize) {
    let settings = &model.settings[model.view];
    let columns = settings.sortable();
    let item = |column: &&'static Column| {
        let arrow = match settings.sort.filter(|sort| sort.column.id == column.id) {
            Some(sort) if sort.descending => canvas.theme.pick("↓", "v"),
            Some(_) => canvas.theme.pick("↑", "^"),
            None => " ",
        };
        Item { mark: arrow.to_owned(), name: column.title, help: help_of(column), role: Role::Normal }
    };
    let items: Vec<Item<'_>> = columns.iter().map(item).collect();
    draw(canvas, screen, (64, 3, 15), "Sort by", &items, place);
}

/// Draws what can be done with what is marked or selected, and why not.
pub fn acts(canvas: &mut Canvas<'_>, model: &Model, screen: Area, actions: &[&'static CommandSpec], place: usize) {
    let ascii = canvas.theme.ascii;
    let item = |action: &&'static CommandSpec| {
        let refusal = action_targets::check(model, action).err();
        let role = if refusal.is_some() { Role::Dim } else { Role::Normal };
        let help =
            refusal.map_or_else(|| action.help.to_owned(), |refusal| format!("not now: {}", model.why(&refusal)));
        Item { mark: model.keymap.name(action, ascii), name: action.id, help, role }
    };
    let items: Vec<Item<'_>> = actions.iter().map(item).collect();
    draw(canvas, screen, (96, 6, 30), &format!("Act on {}", about(model)), &items, place);
}

/// What an act would be about.
fn about(model: &Model) -> String {
    let Some(instance) = model.instance() else { return String::new() };
    let row = model.selected().and_then(|id| instance.watch.newest()?.row(id));
    match (instance.marks.count(), row) {
        (0, Some(row)) => truncate::middle(&crate::observe::events::display_name(row.kind, &row.proxy, &row.name), 60),
        (0, None) => "what is selected".to_owned(),
        (1, _) => "1 marked row".to_owned(),
        (count, _) => format!("{count} marked rows"),
    }
}

/// Draws a menu: a width, and where names and explanations begin.
fn draw(
    canvas: &mut Canvas<'_>,
    screen: Area,
    (width, names, helps): (u16, u16, u16),
    title: &str,
    items: &[Item<'_>],
    place: usize,
) {
    let width = screen.width.min(width);
    let height = screen.height.min(items.len() as u16 + 2);
    let area = screen.columns((screen.width - width) / 2, width).rows((screen.height - height) / 2, height);
    canvas.clear(area);
    let count = items.len();
    let remark = if usize::from(height) < count + 2 { format!(" {} of {count} ", place + 1) } else { String::new() };
    let title = [piece(format!(" {title} "), Role::Focus)];
    let inner = canvas.frame(area, &title, &[piece(remark, Role::Dim)], Role::Focus);
    let visible = usize::from(inner.height);
    let top = (place + 1).saturating_sub(visible);
    for (row, (index, item)) in items.iter().enumerate().skip(top).take(visible).enumerate() {
        let row = row as u16;
        canvas.text(inner, 1, row, &item.mark, if item.role == Role::Dim { Role::Dim } else { Role::Focus });
        canvas.text(inner, names, row, item.name, item.role);
        let help = truncate::end(&item.help, usize::from(inner.width.saturating_sub(helps + 1)));
        canvas.text(inner, helps, row, &help, Role::Dim);
        if index == place {
            canvas.mark(inner, row, Role::Selected);
        }
    }
}

/// What a column shows; one per second says so.
fn help_of(column: &Column) -> String {
    match column.source {
        Source::PerSecond(_) => format!("a second: {}", column.help),
        _ => column.help.to_owned(),
    }
}
