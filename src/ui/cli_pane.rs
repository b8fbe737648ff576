//! View 5: the command line of HAProxy's Runtime API.

use crate::app::cli_view;
use crate::app::layout::Area;
use crate::app::query_state::ScrollbackLine;
use crate::table::cell::Role;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::text_width;

/// Returns the last `rows` screen rows of the scrollback. Long lines are wrapped, never cut.
fn last_rows(scrollback: &[&ScrollbackLine], rows: usize, width: usize) -> Vec<(String, Role)> {
    let mut parts: Vec<(String, Role)> = Vec::new();
    for line in scrollback.iter().rev() {
        parts.extend(
            text_width::wrap_anywhere(line.text.as_str(), width).into_iter().rev().map(|part| (part, line.role)),
        );
        if parts.len() >= rows {
            break;
        }
    }
    parts.truncate(rows);
    parts.reverse();
    parts
}

/// Draws the scrollback and, after the last line, the line being typed.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, .. } = *context;
    let scrollback: Vec<_> = cli_view::shown_lines(model).collect();
    let rows = usize::from(area.height.saturating_sub(1));
    let up = instance.view_cursors[model.view()].index().min(scrollback.len().saturating_sub(rows));
    let end = scrollback.len() - up;
    let visible = last_rows(&scrollback[..end], rows, usize::from(area.width.saturating_sub(2)));
    for (row, (part, role)) in visible.iter().enumerate() {
        canvas.draw_text(area, 1, row as u16, part, *role);
    }
    let mut prompt_row = visible.len().min(rows) as u16;
    if scrollback.is_empty() {
        let source = instance.data.source();
        let help = if let Err(refusal) = source.check_query() {
            format!("{refusal}; Esc leaves")
        } else {
            let what = if source.is_read_only() { "read-only commands" } else { "HAProxy's own commands" };
            format!("{what}; Tab completes, Up recalls, Ctrl-f searches, Esc leaves")
        };
        let parts = text_width::wrap_at_blanks(&help, usize::from(area.width.saturating_sub(2)));
        for (row, part) in parts.iter().take(rows.saturating_sub(1)).enumerate() {
            canvas.draw_text(area, 1, row as u16, part, Role::Dim);
        }
        prompt_row = (parts.len() as u16 + 1).min(area.height.saturating_sub(1));
    }
    let start = canvas.draw_text(area, 1, prompt_row, "> ", Role::Key);
    let (shown, cursor) = model.cli.prompt.visible_part(usize::from(area.width.saturating_sub(start + 1)));
    canvas.draw_text(area, start, prompt_row, &shown, Role::Normal);
    canvas.draw_cursor(area, start + cursor as u16, prompt_row);
    if up > 0 {
        let more = format!(" {up} lines below ");
        canvas.draw_right_aligned(area, 0, area.height.saturating_sub(1), &[styled_text(more, Role::Badge)]);
    }
}
