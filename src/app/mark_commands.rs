//! UI commands that mark rows.

use std::time::Duration;

use crate::app::action_targets;
use crate::app::model::Model;
use crate::app::navigation;
use crate::app::ui_commands::{CursorStep, UiCommand};
use crate::haproxy::stat_table::RowKind;
use crate::observe::row_ids::RowId;
use crate::table::cell::Role;

/// Marks or unmarks rows and shows how many are marked.
pub(crate) fn change_selection(model: &mut Model, command: UiCommand, now: Duration) {
    let (selected, shown) = (model.focused_row(), action_targets::shown_rows(model));
    let Some(instance) = model.instance_mut() else { return };
    let selected = selected.filter(|id| action_targets::can_be_marked(instance, *id));
    match (command, selected) {
        (UiCommand::ClearMarks, _) => _ = instance.selection.clear(),
        (UiCommand::MarkAllShown, _) => {
            let is_server = |id: &RowId| action_targets::row_target(instance, *id, RowKind::Server).is_some();
            let servers: Vec<RowId> = shown.into_iter().filter(is_server).collect();
            instance.selection.extend(servers);
        }
        (_, None) => {
            return model.notify("only servers, frontends and backends with servers can be marked", Role::Dim, now);
        }
        (UiCommand::ToggleMarkRange, Some(id)) => instance.selection.toggle_range(id),
        (_, Some(id)) => {
            instance.selection.toggle(id);
            navigation::move_cursor(model, CursorStep::Rows(1), now);
        }
    }
    let Some(instance) = model.instance() else { return };
    let message = match (instance.selection.marked_count(), instance.selection.has_open_range()) {
        (0, _) => "no rows are marked".to_owned(),
        (count, true) => format!(
            "{count} marked; moving extends the range, {} ends it",
            model.keymap.key_or_command(UiCommand::ToggleMarkRange)
        ),
        (count, false) => {
            format!(
                "{count} marked: actions apply to them; {} or Esc removes all marks",
                model.keymap.key_or_command(UiCommand::ClearMarks)
            )
        }
    };
    model.notify(message, Role::Dim, now);
}
