//! The page shown before the first sample: the address, and the error and a hint if the connection attempt failed.

use crate::app::layout::Area;
use crate::observe::link::Link;
use crate::table::cell::Role;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::Canvas;
use crate::ui::text_width;

/// Draws the page instead of the view.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let instance = context.instance;
    let mut lines: Vec<(String, Role)> = Vec::new();
    match instance.data.link() {
        Link::Lost { failure, .. } => {
            lines.push((instance.address.clone(), Role::Title));
            lines.push((failure.reason.clone(), Role::Bad));
            lines.extend(
                failure.hint.iter().flat_map(|hint| [(String::new(), Role::Normal), (hint.clone(), Role::Normal)]),
            );
            lines.push((String::new(), Role::Normal));
            lines.push(("hapulse keeps trying; q quits".to_owned(), Role::Dim));
        }
        Link::Connecting | Link::Up => lines.push((format!("connecting to {}", instance.address), Role::Dim)),
    }
    let top = area.height.saturating_sub(lines.len() as u16) / 3;
    let inner = Area { x: area.x + 2, width: area.width.saturating_sub(4), ..area };
    let mut row = top;
    for (line, role) in lines {
        for part in text_width::wrap_at_blanks(&line, usize::from(inner.width)) {
            canvas.draw_text(inner, 0, row, &part, role);
            row += 1;
        }
    }
}
