//! Before the first sample: what is tried, and what to do about it.

use crate::app::layout::{Area, Layout};
use crate::app::model::InstanceView;
use crate::observe::link::Link;
use crate::table::cell::Role;
use crate::ui::drawing::Canvas;
use crate::ui::truncate;

/// Draws it in place of the view.
pub fn draw(canvas: &mut Canvas<'_>, instance: &InstanceView, layout: &Layout) {
    let body = layout.body;
    let mut lines: Vec<(String, Role)> = Vec::new();
    match instance.watch.link() {
        Link::Lost { failure, .. } => {
            lines.push((instance.address.clone(), Role::Title));
            lines.push((failure.why.clone(), Role::Bad));
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
        for part in truncate::wrapped(&line, width) {
            canvas.text(Area { x: body.x + 2, width: body.width.saturating_sub(4), ..body }, 0, row, &part, role);
            row += 1;
        }
    }
}
