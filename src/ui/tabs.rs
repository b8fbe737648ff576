//! The names of the views, with the digits that show them.

use crate::app::cells::Role;
use crate::app::layout::Area;
use crate::app::model::Model;
use crate::app::views::{NUMBERED, VIEWS};
use crate::ui::canvas::{Canvas, Piece, piece};
use crate::ui::text;

/// Draws the line; `remarks` stand at its right end where there is room.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, area: Area, remarks: &[Piece<'_>]) {
    // Where the names do not fit with blanks between them they move together, and then lose all but their start.
    let names = |gap: &str, letters: usize| -> usize {
        let one = |title: &str| 1 + text::width(gap) + text::width(&short(title, letters)) + 1;
        VIEWS.iter().take(NUMBERED).map(|view| one(view.title)).sum()
    };
    // What hides rows is never left out for the sake of the names.
    let hiding = remarks.iter().filter(|(_, role)| *role == Role::Key).map(|(text, _)| text::width(text));
    let room = usize::from(area.width).saturating_sub(hiding.sum());
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
    canvas.right(area, column + 1, 0, remarks);
}

fn short(title: &str, letters: usize) -> String {
    title.chars().take(letters).collect()
}
