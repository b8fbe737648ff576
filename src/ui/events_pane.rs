//! What happened, the newest first.

use std::time::SystemTime;

use crate::app::layout::Area;
use crate::app::model::{InstanceView, Model};
use crate::observe::events::{Event, Weight};
use crate::table::cell::Role;
use crate::ui::drawing::{Canvas, piece};
use crate::ui::truncate;

/// How a wall clock time reads: `03:12:41`. The time zone is the user's, so it is given from outside.
pub type ShowTime = fn(SystemTime) -> String;

/// Draws the newest events.
pub fn draw(canvas: &mut Canvas<'_>, instance: &InstanceView, area: Area, show_time: ShowTime) {
    let events = instance.watch.events();
    let inner = canvas.frame(area, &[piece(" Events ", Role::Title)], &[], Role::Frame);
    if events.is_empty() {
        canvas.text(inner, 1, 0, nothing(instance), Role::Dim);
    }
    for (row, event) in events.newest().take(usize::from(inner.height)).enumerate() {
        draw_one(canvas, inner, row as u16, event, show_time);
    }
}

/// Draws every event, with a cursor: the view of its own.
pub fn view(canvas: &mut Canvas<'_>, model: &Model, instance: &InstanceView, area: Area, show_time: ShowTime) {
    let list = &instance.places[model.view];
    if model.events().next().is_none() {
        let is_all = model.settings[model.view].words.is_empty();
        let words = if is_all { nothing(instance) } else { "no event matches; Esc clears" };
        canvas.text(area, 1, 0, words, Role::Dim);
    }
    let visible = model.events().enumerate().skip(list.top()).take(usize::from(area.height));
    for (row, (place, event)) in visible.enumerate() {
        draw_one(canvas, area, row as u16, event, show_time);
        if place == list.place() {
            canvas.mark(area, row as u16, Role::Selected);
        }
    }
}

/// Why there is no event.
fn nothing(instance: &InstanceView) -> &'static str {
    match instance.watch.past() {
        Some(_) => "nothing had changed up to this moment",
        None => "nothing has changed since hapulse started",
    }
}

fn draw_one(canvas: &mut Canvas<'_>, area: Area, row: u16, event: &Event, show_time: ShowTime) {
    let column = canvas.text(area, 1, row, &show_time(event.at.wall), Role::Dim) + 2;
    let name = truncate::middle(&event.name, usize::from(area.width / 3));
    let column = canvas.text(area, column, row, &name, Role::Normal);
    let column = if name.is_empty() { column } else { column + 2 };
    let room = usize::from(area.width.saturating_sub(column));
    canvas.text(area, column, row, &truncate::end(&event.what.to_string(), room), role(event.weight()));
}

/// What an event's weight means to the eye.
fn role(weight: Weight) -> Role {
    match weight {
        Weight::Info => Role::Normal,
        Weight::Good => Role::Good,
        Weight::Warning => Role::Warn,
        Weight::Bad => Role::Bad,
    }
}
