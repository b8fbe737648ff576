//! The keys that mark rows.

use std::time::Duration;

use crate::app::action_targets;
use crate::app::commands::{UiCommand, Step};
use crate::app::model::Model;
use crate::app::navigation;
use crate::haproxy::stat_table::RowKind;
use crate::observe::row_ids::RowId;
use crate::table::cell::Role;

/// Marks rows, or unmarks them.
pub fn mark(model: &mut Model, what: UiCommand, now: Duration) {
    let (selected, shown) = (model.selected(), action_targets::shown(model));
    let Some(instance) = model.instance_mut() else { return };
    let selected = selected.filter(|id| action_targets::can_be_marked(instance, *id));
    match (what, selected) {
        (UiCommand::Unmark, _) => _ = instance.marks.clear(),
        (UiCommand::MarkShown, _) => {
            let is_server = |id: &RowId| action_targets::row(instance, *id, RowKind::Server).is_some();
            let servers: Vec<RowId> = shown.into_iter().filter(is_server).collect();
            instance.marks.add(servers);
        }
        (_, None) => return model.say("only servers and frontends can be marked", Role::Dim, now),
        (UiCommand::MarkRange, Some(id)) => instance.marks.toggle_range(id),
        (_, Some(id)) => {
            instance.marks.toggle(id);
            navigation::step(model, Step::Rows(1), now);
        }
    }
    let Some(instance) = model.instance() else { return };
    let words = match (instance.marks.count(), instance.marks.has_range()) {
        (0, _) => "nothing is marked".to_owned(),
        (count, true) => format!("{count} marked; moving marks on, {} ends the range", model.keymap.way(UiCommand::MarkRange)),
        (count, false) => {
            format!("{count} marked: acts are about them; {} or Esc unmarks all", model.keymap.way(UiCommand::Unmark))
        }
    };
    model.say(words, Role::Dim, now);
}
