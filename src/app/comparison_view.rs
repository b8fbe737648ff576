//! The view that compares before and after: its span of time, and the rows without a change.

use std::time::Duration;

use crate::app::model::Model;
use crate::app::ui_commands::UiCommand;
use crate::instance::time_spans::ComparedSpan;
use crate::table::cell::Role;
use crate::table::view_table::RowScope;

/// Returns whether the comparison is shown, and no other layer above it.
pub(crate) fn is_on_top(model: &Model) -> bool {
    model.layers.is_empty() && model.current_view().scope == RowScope::Changed
}

/// Compares the span that is `by` places after the present one. The marked moment is the last one, if there is one.
pub(crate) fn change_span(model: &mut Model, by: i32) {
    let has_mark = model.instance().is_some_and(|instance| instance.data.marked_moment().is_some());
    let spans = &ComparedSpan::ALL[..ComparedSpan::ALL.len() - usize::from(!has_mark)];
    let place = spans.iter().position(|span| *span == model.compared_span()).unwrap_or_default();
    let next = (place as i32 + by).rem_euclid(spans.len() as i32) as usize;
    model.chosen_span = spans.get(next).copied();
}

/// Shows or hides the rows without a change.
pub(crate) fn toggle_unchanged(model: &mut Model, now: Duration) {
    let view = model.view();
    let settings = &mut model.view_settings[view];
    settings.shows_unchanged = !settings.shows_unchanged;
    settings.mark_changed();
    let key = model.keymap.key_or_command(UiCommand::ToggleFold);
    if model.view_settings[view].shows_unchanged {
        model.notify(format!("the unchanged rows are shown; {key} hides them"), Role::Dim, now);
    }
}
