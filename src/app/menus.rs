//! The menus: columns to sort by, and actions.

use crate::app::action_targets;
use crate::app::command_table::COMMANDS;
use crate::app::dashboard_lists::{self, ListCursor};
use crate::app::key::{Key, KeyCode};
use crate::app::layers::Layer;
use crate::app::model::Model;
use crate::app::prompt::{Prompt, PromptEvent, PromptPurpose};
use crate::app::ui_commands::{CommandSpec, CursorStep, UiCommand};
use crate::table::view_table::Content;

/// Opens the action menu; available actions come first.
pub(crate) fn open_action_menu(model: &mut Model) {
    let is_action = |command: &&CommandSpec| {
        matches!(command.ui_command, UiCommand::StartAction(_) | UiCommand::StartActionEverywhere(_))
    };
    let (mut fitting, others): (Vec<&CommandSpec>, Vec<&CommandSpec>) =
        COMMANDS.iter().filter(is_action).partition(|command| action_targets::check_with_guard(model, command).is_ok());
    fitting.extend(others);
    model.layers.push(Layer::ActionMenu(fitting, 0, None));
}

/// Returns the actions of the menu that match the search.
pub(crate) fn found_actions(commands: &[&'static CommandSpec], search: Option<&Prompt>) -> Vec<&'static CommandSpec> {
    let is_found = |command: &&&'static CommandSpec| matches_search(search, &[command.id, command.help]);
    commands.iter().filter(is_found).copied().collect()
}

/// Returns whether every word of a search occurs in one of the texts; true without a search.
pub(crate) fn matches_search(search: Option<&Prompt>, texts: &[&str]) -> bool {
    let Some(search) = search else { return true };
    let typed = search.text().to_lowercase();
    let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    typed.split_whitespace().all(|word| texts.iter().any(|text| text.contains(word)))
}

/// Handles a key in the action menu. Returns the command that the key chose, if any. While a search is typed, only the
/// arrows, Enter and Esc are not part of it.
pub(crate) fn handle_action_menu_key(
    model: &mut Model,
    (command, key): (Option<&'static CommandSpec>, Key),
    commands: Vec<&'static CommandSpec>,
    cursor: usize,
    search: Option<Prompt>,
) -> Option<&'static CommandSpec> {
    let found = found_actions(&commands, search.as_ref());
    if let Some(mut search) = search {
        let (cursor, search) = match search.handle_key(key) {
            PromptEvent::Canceled => (0, None),
            PromptEvent::Submitted => return found.get(cursor).copied(),
            PromptEvent::HistoryRequested(by) => {
                (moved_cursor(cursor, CursorStep::Rows(by), found.len()), Some(search))
            }
            PromptEvent::Edited | PromptEvent::CompletionRequested => (0, Some(search)),
        };
        model.layers.push(Layer::ActionMenu(commands, cursor, search));
        return None;
    }
    if let Some(step) = command.and_then(|command| command.ui_command.cursor_step()) {
        let cursor = moved_cursor(cursor, step, commands.len());
        model.layers.push(Layer::ActionMenu(commands, cursor, None));
        return None;
    }
    match command.map(|command| command.ui_command) {
        Some(UiCommand::Back { .. } | UiCommand::Quit | UiCommand::OpenActionMenu) => None,
        Some(UiCommand::Open { .. }) => commands.get(cursor).copied(),
        // The keys shown next to the commands also work while the menu is open.
        Some(UiCommand::StartAction(_)) => command,
        Some(UiCommand::EditFilter) => {
            model.layers.push(Layer::ActionMenu(commands, 0, Some(Prompt::new(PromptPurpose::TextFilter, ""))));
            None
        }
        _ => {
            model.layers.push(Layer::ActionMenu(commands, cursor, None));
            None
        }
    }
}

/// Handles a key while a search is typed in the help.
pub(crate) fn handle_help_search_key(model: &mut Model, key: Key, top: usize, mut search: Prompt) {
    let extent = model.text_extent;
    let layer = match (search.handle_key(key), key.code) {
        (PromptEvent::Canceled, _) => Layer::Help(0, None),
        (PromptEvent::HistoryRequested(by), _) => Layer::Help(extent.scroll(top, CursorStep::Rows(by)), Some(search)),
        (_, KeyCode::PageDown) => Layer::Help(extent.scroll(top, CursorStep::HalfPages(2)), Some(search)),
        (_, KeyCode::PageUp) => Layer::Help(extent.scroll(top, CursorStep::HalfPages(-2)), Some(search)),
        (PromptEvent::Submitted | PromptEvent::CompletionRequested, _) => Layer::Help(top, Some(search)),
        (PromptEvent::Edited, _) => Layer::Help(0, Some(search)),
    };
    model.layers.push(layer);
}

/// Runs a command that changes the order of a table or of the dashboard, which is sorted by the columns of its focused
/// list.
pub(crate) fn change_sort(model: &mut Model, command: UiCommand) {
    let view = model.view();
    if matches!(model.current_view().content, Content::Dashboard) {
        model.view_settings[view].columns = dashboard_lists::columns(model.focus).to_vec();
    }
    match command {
        UiCommand::SortNext(by) => model.view_settings[view].sort_next(by),
        UiCommand::ReverseSort => model.view_settings[view].reverse_sort(),
        _ => open_sort_menu(model),
    }
}

/// Opens the menu of columns to sort by.
fn open_sort_menu(model: &mut Model) {
    let settings = &model.view_settings[model.view()];
    let sort = settings.sort.map(|sort| sort.column.id);
    let cursor = settings.sortable_columns().iter().position(|column| Some(column.id) == sort);
    model.layers.push(Layer::SortMenu(cursor.unwrap_or(0)));
}

/// Handles a key in the menu of columns.
pub(crate) fn handle_sort_menu_key(model: &mut Model, command: Option<&CommandSpec>, cursor: usize) {
    let view = model.view();
    let columns = model.view_settings[view].sortable_columns();
    match command.map(|command| command.ui_command) {
        Some(UiCommand::Back { .. } | UiCommand::Quit | UiCommand::OpenSortMenu) => {}
        Some(UiCommand::Open { .. }) => {
            if let Some(column) = columns.get(cursor).copied() {
                model.view_settings[view].sort_by(column);
            }
        }
        command => {
            let step = command.and_then(UiCommand::cursor_step);
            let cursor = step.map_or(cursor, |step| moved_cursor(cursor, step, columns.len()));
            model.layers.push(Layer::SortMenu(cursor));
        }
    }
}

fn moved_cursor(cursor: usize, step: CursorStep, count: usize) -> usize {
    let mut list = ListCursor::default();
    list.scroll(CursorStep::Rows(cursor as i32), count, count);
    list.scroll(step, count, count);
    list.index()
}
