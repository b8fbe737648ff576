//! The list of events, newest first.

use crate::app::instance_view::InstanceView;
use crate::app::layout::Area;
use crate::app::ui_commands::UiCommand;
use crate::observe::events::{Event, Importance};
use crate::table::cell::Role;
use crate::table::view_table::ViewId;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::text_width;

/// Draws the newest events, for the events pane of the dashboard.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let events = context.instance.data.events();
    let key = context.model.keymap.key_or_command(UiCommand::ShowView(ViewId::Events));
    let remark = [styled_text(format!(" {key}"), Role::Key), styled_text(" all ", Role::Dim)];
    let title = [styled_text(" Events ", Role::Title)];
    let is_cut = events.newest_first().nth(usize::from(area.height.saturating_sub(2))).is_some();
    let inner = canvas.draw_frame(area, &title, if is_cut { &remark } else { &[] }, Role::Frame);
    if events.is_empty() {
        canvas.draw_text(inner, 1, 0, empty_message(context.instance), Role::Dim);
    }
    for (row, event) in events.newest_first().take(usize::from(inner.height)).enumerate() {
        draw_event(context, canvas, inner.rows(row as u16, 1), event);
    }
}

/// Draws all events with a cursor, for the events view.
pub(crate) fn draw_view(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, .. } = *context;
    let list = &instance.view_cursors[model.view()];
    if model.shown_events().next().is_none() {
        let is_all = model.text_filter().is_empty();
        let message = if is_all { empty_message(instance) } else { "no events match the filter; Esc clears it" };
        canvas.draw_text(area, 1, 0, message, Role::Dim);
    }
    let visible = model.shown_events().enumerate().skip(list.top()).take(usize::from(area.height));
    for (row, (index, event)) in visible.enumerate() {
        let line = area.rows(row as u16, 1);
        let theme = canvas.theme;
        if index == list.index() {
            canvas.theme = theme.in_selected_row();
            canvas.color_row(line, 0, Role::Selected);
            canvas.draw_text(line, 0, 0, theme.choose_glyph("▶", ">"), Role::Focus);
        }
        draw_event(context, canvas, line, event);
        canvas.theme = theme;
    }
}

/// Returns the message for an empty list of events.
fn empty_message(instance: &InstanceView) -> &'static str {
    match instance.data.past_moment() {
        Some(_) => "nothing had changed up to this time",
        None => "nothing has changed since hapulse started",
    }
}

fn draw_event(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, event: &Event) {
    let column = canvas.draw_text(area, 1, 0, &(context.format_time)(event.at.wall), Role::Dim) + 2;
    let name = text_width::middle(&event.name, usize::from(area.width / 3));
    let column = canvas.draw_text(area, column, 0, &name, Role::Normal);
    let column = if name.is_empty() { column } else { column + 2 };
    let available = usize::from(area.width.saturating_sub(column));
    let text = text_width::sentence(&event.kind.to_string(), available);
    canvas.draw_text(area, column, 0, &text, weight_role(event.importance()));
}

/// Returns the role for the importance of an event.
fn weight_role(weight: Importance) -> Role {
    match weight {
        Importance::Info => Role::Normal,
        Importance::Good => Role::Good,
        Importance::Warning => Role::Warn,
        Importance::Bad => Role::Bad,
    }
}
