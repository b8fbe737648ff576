//! The names of the views, with the digits that show them.

use crate::app::layout::Area;
use crate::app::model::Model;
use crate::table::cell::Role;
use crate::table::view_table::{NUMBERED, VIEWS};
use crate::ui::drawing::{Canvas, Piece, piece};
use crate::ui::truncate;

/// Draws the line; `remarks` stand at its right end where there is room.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, area: Area, remarks: &[Piece<'_>]) {
    // Where the names do not fit with blanks between them they move together, and then lose all but their start.
    let names = |gap: &str, letters: usize| -> usize {
        let one = |title: &str| 1 + truncate::width(gap) + truncate::width(&short(title, letters)) + 1;
        VIEWS.iter().take(NUMBERED).map(|view| one(view.title)).sum()
    };
    // What is left out of the view matters more than the ends of names.
    let matters = remarks.iter().any(|(_, role)| *role != Role::Dim);
    let wanted: usize = remarks.iter().filter(|_| matters).map(|(words, _)| truncate::width(words) + 1).sum();
    let unnumbered = if model.view < NUMBERED { 0 } else { truncate::width(model.shown().title) + 2 };
    let room = usize::from(area.width).saturating_sub(wanted + unnumbered);
    let (gap, letters) = match room {
        room if names(" ", 99) + NUMBERED < room => (" ", 99),
        room if names("", 99) < room => ("", 99),
        _ => ("", 4),
    };
    let mut column = u16::from(letters == 99);
    for (place, view) in VIEWS.iter().take(NUMBERED).enumerate() {
        let is_shown = place == model.view;
        let (key, name) = if is_shown { (Role::Badge, Role::Badge) } else { (Role::Key, Role::Dim) };
        let text = format!("{gap}{}", short(view.title, letters));
        column =
            canvas.pieces(area, column, 0, [piece(place.to_string(), key), piece(text, name)]) + gap.len() as u16 + 1;
    }
    if model.view >= NUMBERED {
        // A view without a digit is named only while it is shown.
        column = canvas.text(area, column, 0, &short(model.shown().title, letters), Role::Badge) + 1;
    }
    let room = usize::from(area.width.saturating_sub(column + 1));
    let others: usize = remarks.iter().skip(1).map(|(words, _)| truncate::width(words)).sum();
    match remarks.split_first() {
        Some(((words, role), rest)) if truncate::width(words) + others > room && room > others + 3 => {
            let mut pieces = vec![piece(truncate::end(words, room - others - 1), *role), piece(" ", Role::Normal)];
            pieces.extend(rest.iter().cloned());
            canvas.right(area, column + 1, 0, &pieces);
        }
        _ => {
            canvas.right(area, column + 1, 0, remarks);
        }
    }
}

fn short(title: &str, letters: usize) -> String {
    title.chars().take(letters).collect()
}
