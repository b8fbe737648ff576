//! View 5: HAProxy's own command line.

use crate::app::cli_view;
use crate::app::layout::Area;
use crate::app::model::{InstanceView, Model};
use crate::app::query_state::Said;
use crate::table::cell::Role;
use crate::ui::drawing::Canvas;
use crate::ui::truncate;

/// The last rows of the scrollback, its lines broken where they are too long: nothing is left out.
fn last_rows(said: &[&Said], rows: usize, room: usize) -> Vec<(String, Role)> {
    let mut parts: Vec<(String, Role)> = Vec::new();
    for line in said.iter().rev() {
        parts.extend(truncate::broken(line.text.as_str(), room).into_iter().rev().map(|part| (part, line.role)));
        if parts.len() >= rows {
            break;
        }
    }
    parts.truncate(rows);
    parts.reverse();
    parts
}

/// Draws the scrollback, and the line being typed at its end.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, instance: &InstanceView, area: Area) {
    let said: Vec<_> = cli_view::shown(model).collect();
    let rows = usize::from(area.height.saturating_sub(1));
    let up = instance.places[model.view].place().min(said.len().saturating_sub(rows));
    let end = said.len() - up;
    let visible = last_rows(&said[..end], rows, usize::from(area.width.saturating_sub(2)));
    for (row, (part, role)) in visible.iter().enumerate() {
        canvas.text(area, 1, row as u16, part, *role);
    }
    let mut prompt_row = visible.len().min(rows) as u16;
    if said.is_empty() {
        let help = if model.guard.read_only {
            "commands that only read; Tab completes, Up recalls, Ctrl-f looks for words, Esc leaves"
        } else {
            "HAProxy's own commands; Tab completes, Up recalls, Ctrl-f looks for words, Esc leaves"
        };
        let parts = truncate::wrapped(help, usize::from(area.width.saturating_sub(2)));
        for (row, part) in parts.iter().take(rows.saturating_sub(1)).enumerate() {
            canvas.text(area, 1, row as u16, part, Role::Dim);
        }
        prompt_row = (parts.len() as u16 + 1).min(area.height.saturating_sub(1));
    }
    let start = canvas.text(area, 1, prompt_row, "> ", Role::Key);
    let (shown, cursor) = model.cli.prompt.visible(usize::from(area.width.saturating_sub(start + 1)));
    canvas.text(area, start, prompt_row, &shown, Role::Normal);
    canvas.invert(area, start + cursor as u16, prompt_row);
    if up > 0 {
        let more = format!(" {up} lines below ");
        canvas.right(area, 0, area.height.saturating_sub(1), &[crate::ui::drawing::piece(more, Role::Badge)]);
    }
}
