//! Parts of views 7 and 8, which show replies to queries: the page before the first reply, the first line, and cells.

use crate::app::layout::Area;
use crate::app::model::Model;
use crate::app::query_state::Fetched;
use crate::app::ui_commands::UiCommand;
use crate::instance::source::Source;
use crate::table::cell::Role;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;

/// Draws the page shown before the first reply: what Enter fetches, and a warning about the cost of the query, or why the
/// source cannot be asked.
pub(crate) fn draw_query_offer<T>(
    source: &dyn Source,
    canvas: &mut Canvas<'_>,
    area: Area,
    fetched: &Fetched<T>,
    action: &str,
    warning: &str,
) {
    let available = usize::from(area.width.saturating_sub(4));
    let mut row = 1;
    if let Err(refusal) = source.check_query() {
        for part in text_width::wrap_at_blanks(&refusal.to_string(), available) {
            canvas.draw_text(area, 2, row, &part, Role::Dim);
            row += 1;
        }
        return;
    }
    if let Some(error) = &fetched.error {
        for part in text_width::wrap_at_blanks(error, available) {
            canvas.draw_text(area, 2, row, &part, Role::Bad);
            row += 1;
        }
        row += 1;
    }
    if fetched.is_waiting {
        canvas.draw_text(area, 2, row, "waiting for HAProxy's reply", Role::Warn);
        return;
    }
    let end = canvas.draw_text(area, 2, row, "Enter ", Role::Key);
    canvas.draw_text(area, end, row, action, Role::Normal);
    for part in text_width::wrap_at_blanks(warning, available) {
        row += 1;
        canvas.draw_text(area, 2, row, &part, Role::Dim);
    }
}

/// Returns the filter of the view with the key that removes it, for the beginning of the first line; `None` without a filter.
/// Esc closes an open table or group, and removes marks, before it removes the filter.
pub(crate) fn filter_text(model: &Model, closes_first: bool) -> Option<StyledText<'static>> {
    let filter = model.text_filter();
    if filter.is_empty() {
        return None;
    }
    let key = model.keymap.key_or_command(UiCommand::EditFilter);
    let esc = if closes_first { format!("{key} Esc") } else { "Esc".to_owned() };
    Some(styled_text(format!("only {filter} ({esc} shows all)  "), Role::Key))
}

/// Draws the first line: a summary and hints about keys if they fit, or the error of the last query.
pub(crate) fn draw_status_line<T>(
    canvas: &mut Canvas<'_>,
    area: Area,
    fetched: &Fetched<T>,
    texts: Vec<StyledText<'_>>,
    hints: &[String],
) {
    match (&fetched.error, fetched.is_waiting) {
        (Some(error), _) => {
            canvas.draw_text(area, 1, 0, &text_width::end(error, usize::from(area.width.saturating_sub(2))), Role::Bad);
        }
        (None, true) if fetched.latest.is_none() => {
            canvas.draw_text(area, 1, 0, "waiting for HAProxy's reply", Role::Warn);
        }
        (None, _) => {
            let mut column = 1;
            for (message, role) in texts {
                let available = usize::from(area.width.saturating_sub(column));
                column = canvas.draw_text(area, column, 0, &text_width::end(&message, available), role);
            }
            for hint in hints {
                if usize::from(column) + 3 + text_width::width(hint) >= usize::from(area.width) {
                    break;
                }
                column = canvas.draw_text(area, column + 3, 0, hint, Role::Dim);
            }
        }
    }
}

/// The width of a column, and the alignment of the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellSlot {
    pub(crate) width: u16,
    to_right: bool,
}

/// Returns a column whose cells begin at its left edge.
pub(crate) fn left_slot(width: u16) -> CellSlot {
    CellSlot { width, to_right: false }
}

/// Returns a column whose cells end at its right edge.
pub(crate) fn right_slot(width: u16) -> CellSlot {
    CellSlot { width, to_right: true }
}

/// Draws cells in the first line of `area`, each in its column and followed by a blank. Columns of width 0 are omitted.
pub(crate) fn draw_cells(canvas: &mut Canvas<'_>, area: Area, cells: &[&str], columns: &[CellSlot], role: Role) {
    let mut column = 1;
    for (cell, slot) in cells.iter().zip(columns).filter(|(_, slot)| slot.width > 0) {
        let available = if slot.to_right { slot.width } else { slot.width.saturating_sub(1) };
        let available = available.min(area.width.saturating_sub(column));
        if slot.to_right {
            canvas.draw_number(area, column..column + available, 0, cell, role);
            column += slot.width + 1;
        } else {
            canvas.draw_text(area, column, 0, &text_width::middle(cell, usize::from(available)), role);
            column += slot.width;
        }
    }
}

/// Draws the sign of a marked line in front of its cells.
pub(crate) fn draw_mark(canvas: &mut Canvas<'_>, area: Area, row: u16) {
    let mark = canvas.theme.choose_glyph("◆", "*");
    canvas.draw_text(area, 0, row, mark, Role::Key);
}
