//! The mouse: the wheel moves the cursor or scrolls a page, a click selects a row or a tab, a double click opens the row.
//!
//! The mouse never answers a question and starts no action.

use std::time::Duration;

use crate::app::command_table::COMMANDS;
use crate::app::dashboard_lists::ListCursor;
use crate::app::input;
use crate::app::layout::Pane;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::mouse_report::{MouseButton, MouseTarget};
use crate::app::navigation;
use crate::app::pane_focus;
use crate::app::ui_commands::{CursorStep, UiCommand};
use crate::table::view_table::Content;

/// Longest time between the clicks of a double click.
const DOUBLE_CLICK: Duration = Duration::from_millis(400);
/// Rows that a step of the wheel moves.
const WHEEL_ROWS: i32 = 3;

/// Handles a mouse report; `target` is what the screen shows there.
pub(crate) fn handle_report(
    model: &mut Model,
    button: MouseButton,
    target: Option<MouseTarget>,
    now: Duration,
) -> Vec<Effect> {
    let rows = match button {
        MouseButton::Left => return handle_click(model, target, now),
        MouseButton::WheelUp => -WHEEL_ROWS,
        MouseButton::WheelDown => WHEEL_ROWS,
    };
    let extent = model.text_extent;
    if let Some(layer) = model.layers.last_mut() {
        // Menus, prompts and questions need keys.
        if let Some(top) = layer.text_top_mut() {
            *top = extent.scroll(*top, CursorStep::Rows(rows));
        }
    } else {
        if let Some(MouseTarget::Pane(pane) | MouseTarget::Row(Some(pane), _)) = target {
            pane_focus::focus_pane(model, pane);
        }
        navigation::move_cursor(model, CursorStep::Rows(rows), now);
    }
    Vec::new()
}

fn handle_click(model: &mut Model, target: Option<MouseTarget>, now: Duration) -> Vec<Effect> {
    let before = model.mouse.as_mut().and_then(|mouse| mouse.last_click.take());
    if !model.layers.is_empty() {
        return Vec::new();
    }
    match target {
        Some(MouseTarget::Tab(view)) => navigation::show_view(model, view),
        Some(MouseTarget::Pane(pane)) => pane_focus::focus_pane(model, pane),
        Some(target @ MouseTarget::Row(pane, index)) => {
            let is_double = before.is_some_and(|(last, at)| last == target && now.saturating_sub(at) <= DOUBLE_CLICK);
            if let Some(pane) = pane {
                pane_focus::focus_pane(model, pane);
            }
            let cursor = cursor_index(model);
            navigation::move_cursor(model, CursorStep::Rows(index as i32 - cursor as i32), now);
            let open = COMMANDS.iter().find(|command| command.ui_command == UiCommand::Open { unfold: false });
            if let Some(open) = open.filter(|_| is_double) {
                return input::run_command(model, open, now);
            }
            if let Some(mouse) = &mut model.mouse {
                mouse.last_click = Some((target, now));
            }
        }
        None => {}
    }
    Vec::new()
}

/// Returns the index of the row under the cursor.
fn cursor_index(model: &Model) -> usize {
    let Some(instance) = model.instance() else { return 0 };
    match model.current_view().content {
        Content::Balancers => model.balancers.cursor.index(),
        Content::Requests => model.requests.cursor.index(),
        Content::Dashboard if pane_focus::has_focus(model, Pane::Events) => instance.events_cursor.index(),
        Content::Dashboard => instance.lists.cursor(model.focus).map_or(0, ListCursor::index),
        _ => instance.line_index(model.view()),
    }
}
