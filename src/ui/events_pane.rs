//! The list of events, newest first.

use std::time::SystemTime;

use crate::app::instance_view::InstanceView;
use crate::app::layout::Area;
use crate::app::model::Model;
use crate::observe::events::{Event, Importance};
use crate::table::cell::Role;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::truncate;

/// Formats a wall clock time in the user's time zone: `03:12:41`.
pub type FormatTime = fn(SystemTime) -> String;

/// Draws the newest events, for the dashboard.
pub fn draw(canvas: &mut Canvas<'_>, instance: &InstanceView, area: Area, format_time: FormatTime) {
    let events = instance.data.events();
    let inner = canvas.draw_frame(area, &[styled_text(" Events ", Role::Title)], &[], Role::Frame);
    if events.is_empty() {
        canvas.draw_text(inner, 1, 0, empty_message(instance), Role::Dim);
    }
    for (row, event) in events.newest_first().take(usize::from(inner.height)).enumerate() {
        draw_event(canvas, inner, row as u16, event, format_time);
    }
}

/// Draws all events with a cursor, for the view of events.
pub fn draw_view(canvas: &mut Canvas<'_>, model: &Model, instance: &InstanceView, area: Area, format_time: FormatTime) {
    let list = &instance.view_cursors[model.view()];
    if model.shown_events().next().is_none() {
        let is_all = model.view_settings[model.view()].text_filter.is_empty();
        let message = if is_all { empty_message(instance) } else { "no events match the filter; Esc clears it" };
        canvas.draw_text(area, 1, 0, message, Role::Dim);
    }
    let visible = model.shown_events().enumerate().skip(list.top()).take(usize::from(area.height));
    for (row, (index, event)) in visible.enumerate() {
        draw_event(canvas, area, row as u16, event, format_time);
        if index == list.index() {
            canvas.highlight_row(area, row as u16, Role::Selected);
        }
    }
}

/// Returns the text for an empty list of events.
fn empty_message(instance: &InstanceView) -> &'static str {
    match instance.data.past_moment() {
        Some(_) => "nothing had changed up to this moment",
        None => "nothing has changed since hapulse started",
    }
}

fn draw_event(canvas: &mut Canvas<'_>, area: Area, row: u16, event: &Event, format_time: FormatTime) {
    let column = canvas.draw_text(area, 1, row, &format_time(event.at.wall), Role::Dim) + 2;
    let name = truncate::middle(&event.name, usize::from(area.width / 3));
    let column = canvas.draw_text(area, column, row, &name, Role::Normal);
    let column = if name.is_empty() { column } else { column + 2 };
    let available = usize::from(area.width.saturating_sub(column));
    canvas.draw_text(
        area,
        column,
        row,
        &truncate::end(&event.kind.to_string(), available),
        weight_role(event.importance()),
    );
}

/// Returns the role of an event's weight.
fn weight_role(weight: Importance) -> Role {
    match weight {
        Importance::Info => Role::Normal,
        Importance::Good => Role::Good,
        Importance::Warning => Role::Warn,
        Importance::Bad => Role::Bad,
    }
}
