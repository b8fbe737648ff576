//! The list of events, newest first.

use crate::app::dashboard_lists::ListCursor;
use crate::app::instance_view::InstanceView;
use crate::app::layout::Area;
use crate::app::pane_focus;
use crate::app::ui_commands::UiCommand;
use crate::observe::events::{Event, Importance};
use crate::table::cell::Role;
use crate::table::view_table::ViewId;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::text_width;

/// Maximum width of the name of a balancer, in screen cells.
const MAX_BALANCER_WIDTH: usize = 16;

/// Draws the newest events, for the events pane of the dashboard.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let events = context.instance.data.events();
    let cursor = pane_focus::events_cursor(context.model);
    let key = context.model.keymap.key_or_command(UiCommand::ShowView(ViewId::Events));
    let remark = [styled_text(format!(" {key}"), Role::Key), styled_text(" all ", Role::Dim)];
    let mark = canvas.theme.choose_glyph("▶", ">");
    let title = match cursor {
        Some(_) => [styled_text(format!("{mark}Events "), Role::Focus)],
        None => [styled_text(" Events ", Role::Title)],
    };
    let is_cut = events.newest_first().nth(usize::from(area.height.saturating_sub(2))).is_some();
    let inner = canvas.draw_frame(
        area,
        &title,
        if is_cut { &remark } else { &[] },
        if cursor.is_some() { Role::Focus } else { Role::Frame },
    );
    if events.is_empty() {
        canvas.draw_wrapped(inner, 1, 0, empty_message(context.instance), Role::Dim);
    }
    draw_lines(context, canvas, inner, events.newest_first(), cursor);
}

/// Draws all events with a cursor, for the events view.
pub(crate) fn draw_view(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, .. } = *context;
    let list = &instance.view_cursors[model.view()];
    if model.shown_events().next().is_none() {
        if model.text_filter().is_empty() {
            let texts = [empty_message(instance), "changes of states, reloads and actions appear here"];
            let end = canvas.draw_wrapped(area, 1, 0, texts[0], Role::Dim);
            canvas.draw_wrapped(area, 1, end, texts[1], Role::Dim);
        } else {
            canvas.draw_wrapped(area, 1, 0, "no events match the filter; Esc clears it", Role::Dim);
        }
    }
    draw_lines(context, canvas, area, model.shown_events(), Some(*list));
    draw_whole_text(context, canvas, area, list.index());
}

/// Draws the whole text of the selected event in the rows below the events, if its line shortens it.
fn draw_whole_text(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, index: usize) {
    let Some(event) = context.model.shown_events().nth(index) else { return };
    let text = event.line();
    let time = (context.format_time)(event.at.wall);
    if text_width::width(&text) + time.len() + 3 <= usize::from(area.width) {
        return;
    }
    let parts = text_width::wrap_at_blanks(&text, usize::from(area.width.saturating_sub(2)));
    let used = context.model.shown_events().take(usize::from(area.height)).count() as u16;
    // A blank row, and the text.
    let needed = parts.len() as u16 + 1;
    if used + needed <= area.height {
        canvas.draw_wrapped(area, 1, used + 1, &text, weight_role(event.importance()));
    }
}

/// Draws the events that are visible, with the cursor if there is one.
fn draw_lines<'a>(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    events: impl Iterator<Item = &'a Event>,
    cursor: Option<ListCursor>,
) {
    let top = cursor.map_or(0, |cursor| cursor.top());
    let visible: Vec<(usize, &Event)> = events.enumerate().skip(top).take(usize::from(area.height)).collect();
    let balancers = visible.iter().map(|(_, event)| text_width::width(event.balancer_name())).max().unwrap_or(0);
    let balancer_width = balancers.min(MAX_BALANCER_WIDTH.min(usize::from(area.width / 5)));
    for (row, (index, event)) in visible.into_iter().enumerate() {
        let line = area.rows(row as u16, 1);
        let theme = canvas.theme;
        if cursor.is_some_and(|cursor| cursor.index() == index) {
            canvas.theme = theme.in_selected_row();
            canvas.color_row(line, 0, Role::Selected);
            canvas.draw_text(line, 0, 0, theme.choose_glyph("▶", ">"), Role::Focus);
        }
        draw_event(context, canvas, line, event, balancer_width);
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

/// Draws an event. The name of its balancer takes `balancer_width` cells.
fn draw_event(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, event: &Event, balancer_width: usize) {
    let mut column = canvas.draw_text(area, 1, 0, &(context.format_time)(event.at.wall), Role::Dim) + 2;
    if balancer_width > 0 {
        canvas.draw_text(area, column, 0, &text_width::middle(event.balancer_name(), balancer_width), Role::Key);
        column += balancer_width as u16 + 2;
    }
    // A name is shortened to a third of the line only where the text needs the cells.
    let text = event.kind.to_string();
    let beside_text = area.width.saturating_sub(column + 2 + text_width::width(&text) as u16);
    let name = text_width::middle(&event.name, usize::from(beside_text.max(area.width / 3)));
    let column = canvas.draw_text(area, column, 0, &name, Role::Normal);
    let column = if name.is_empty() { column } else { column + 2 };
    let available = usize::from(area.width.saturating_sub(column));
    let text = text_width::sentence(&text, available);
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
