//! The whole screen: header, panes, footer, and what lies over them.

use std::time::Duration;

use ratatui::buffer::Buffer;

use crate::app::cells::Role;
use crate::app::layout::{Area, Layout, Pane, Room};
use crate::app::model::{Instance, Layer, Model};
use crate::monitor::link::Link;
use crate::ui::canvas::Canvas;
use crate::ui::events::{self, ShowTime};
use crate::ui::theme::Theme;
use crate::ui::{charts, confirm, footer, header, help, table, text};

/// How the screen is to look, beyond what the model says.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    /// Colours and glyphs.
    pub theme: Theme,
    /// How a wall clock time reads.
    pub show_time: ShowTime,
}

/// Draws everything into the buffer, which has the model's size.
pub fn draw(model: &Model, looks: Looks, now: Duration, buffer: &mut Buffer) {
    let layout = model.layout();
    if layout.screen.is_empty() {
        return;
    }
    if layout.room == Room::Tiny {
        return header::one_line(buffer, looks.theme, model, layout.header, now);
    }
    let mut canvas = Canvas::new(buffer, looks.theme);
    let Some(instance) = model.instance() else { return };
    header::draw(&mut canvas, model, instance, layout.header, layout.room, now);
    panes(&mut canvas, model, instance, &layout, looks);
    footer::draw(&mut canvas, model, layout.footer);
    for layer in &model.layers {
        match layer {
            Layer::Help(top) => help::draw(&mut canvas, model, layout.screen, *top),
            Layer::Confirm(question) => confirm::draw(&mut canvas, instance, question, layout.screen, now),
        }
    }
}

fn panes(canvas: &mut Canvas<'_>, model: &Model, instance: &Instance, layout: &Layout, looks: Looks) {
    let Some(sample) = instance.watch.newest() else { return waiting(canvas, instance, layout) };
    for (pane, area) in &layout.panes {
        match pane {
            Pane::Charts => charts::draw(canvas, model, instance, sample, *area, layout.room),
            Pane::Events => events::draw(canvas, instance, *area, looks.show_time),
            list => table::draw(canvas, model, instance, sample, *list, *area, layout.room),
        }
    }
    if !instance.watch.link().is_up() {
        for (_, area) in &layout.panes {
            for row in 0..area.height {
                canvas.mark(*area, row, Role::Dim);
            }
        }
    }
}

/// Before the first sample: what is tried, and what to do about it.
fn waiting(canvas: &mut Canvas<'_>, instance: &Instance, layout: &Layout) {
    let body = layout.screen.rows(layout.header.height, layout.screen.height - layout.header.height - 1);
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
        for part in wrapped(&line, width) {
            canvas.text(Area { x: body.x + 2, width: body.width.saturating_sub(4), ..body }, 0, row, &part, role);
            row += 1;
        }
    }
}

/// The line broken at blanks into parts of `width` cells; a longer word is cut.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    for word in line.split(' ') {
        let fits = |part: &String| part.is_empty() || text::width(part) + 1 + text::width(word) <= width;
        match parts.last_mut() {
            Some(part) if fits(part) => {
                if !part.is_empty() {
                    part.push(' ');
                }
                part.push_str(word);
            }
            _ => parts.push(word.to_owned()),
        }
    }
    parts.iter().map(|part| text::end(part, width)).collect()
}
