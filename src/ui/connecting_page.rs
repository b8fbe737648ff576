//! The page before the first sample: the connection attempt, and the error with a hint if it failed.

use crate::app::instance_view::InstanceView;
use crate::app::layout::{Area, Layout};
use crate::observe::link::Link;
use crate::table::cell::Role;
use crate::ui::drawing::Canvas;
use crate::ui::truncate;

/// Draws the page in place of the view.
pub fn draw(canvas: &mut Canvas<'_>, instance: &InstanceView, layout: &Layout) {
    let body = layout.body;
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
    let top = body.height.saturating_sub(lines.len() as u16) / 3;
    let width = usize::from(body.width.saturating_sub(4));
    let mut row = top;
    for (line, role) in lines {
        for part in truncate::wrap_at_blanks(&line, width) {
            canvas.draw_text(Area { x: body.x + 2, width: body.width.saturating_sub(4), ..body }, 0, row, &part, role);
            row += 1;
        }
    }
}
