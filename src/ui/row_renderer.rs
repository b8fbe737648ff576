//! Rows under columns: the heading, and one row at a time. Rows out of sight are never looked at.

use std::time::Duration;

use crate::actions::outcome::Stage;
use crate::app::layout::Area;
use crate::app::model::InstanceView;
use crate::table::cell::{Role, state_role};
use crate::table::columns::column::{Align, Column};
use crate::table::columns::row_view::RowView;
use crate::table::rows::Sort;
use crate::ui::drawing::{Canvas, Piece, piece};
use crate::ui::theme::Theme;
use crate::ui::truncate;

/// Cells in front of a row: cursor, state, mark.
pub const MARGIN: u16 = 3;

/// What stands in the heading above the names.
#[derive(Debug, Clone, Copy)]
pub enum Heading<'a> {
    /// The column's own title.
    Plain,
    /// The title of the list, and whether it has the focus: where there is no frame to hold it.
    Title(&'a str, bool),
}

/// Whether a row is the selected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// It is not.
    None,
    /// It is, in a list without the focus.
    Faint,
    /// It is.
    Full,
}

impl Cursor {
    /// By the two facts it depends on.
    pub fn of(is_selected: bool, has_focus: bool) -> Self {
        match (is_selected, has_focus) {
            (false, _) => Self::None,
            (true, false) => Self::Faint,
            (true, true) => Self::Full,
        }
    }
}

/// Draws the heading in the first row of `area`.
pub fn heading(
    canvas: &mut Canvas<'_>,
    area: Area,
    fitted: &[(&'static Column, u16)],
    first: Heading<'_>,
    sort: Option<Sort>,
) {
    let mut column = MARGIN;
    for (index, (what, width)) in fitted.iter().enumerate() {
        let sorted = sort.filter(|sort| sort.column.id == what.id);
        let role = if sorted.is_some() { Role::Focus } else { Role::Dim };
        let arrow = match sorted {
            Some(sort) if sort.descending => canvas.theme.pick("↓", "v"),
            Some(_) => canvas.theme.pick("↑", "^"),
            None => "",
        };
        match (index, first, what.align) {
            (0, Heading::Title(title, has_focus), _) => {
                let role = if has_focus { Role::Focus } else { Role::Title };
                let shown = truncate::end(title, usize::from(column + width));
                canvas.text(area, 0, 0, &shown, role);
            }
            (_, _, Align::Left) => {
                let shown = format!("{}{arrow}", what.title);
                canvas.text(area, column, 0, &truncate::end(&shown, usize::from(*width)), role);
            }
            // Behind the column is a blank; in it the arrow costs the title nothing.
            (_, _, Align::Right) if column + width < area.width => {
                canvas.number(area, column, 0, *width, &truncate::end(what.title, usize::from(*width)), role);
                canvas.text(area, column + width, 0, arrow, role);
            }
            (_, _, Align::Right) => {
                let room = usize::from(*width).saturating_sub(truncate::width(arrow));
                let shown = format!("{}{arrow}", truncate::end(what.title, room));
                canvas.number(area, column, 0, *width, &shown, role);
            }
        }
        column += width + 1;
    }
}

/// What stands in front of a row's cells.
#[derive(Debug, Clone, Copy)]
pub struct Front<'a> {
    /// Whether it is the selected one.
    pub cursor: Cursor,
    /// Whether it is marked.
    pub marked: bool,
    /// How far an act on it has come.
    pub stage: Option<Stage>,
    /// In front of its name.
    pub indent: &'a str,
}

impl<'a> Front<'a> {
    /// Of a row of this instance.
    pub fn of(instance: &InstanceView, row: &RowView<'_>, cursor: Cursor, indent: &'a str, now: Duration) -> Self {
        Self { cursor, marked: instance.marks.has(row.id), stage: instance.watch.stage(row.id, now), indent }
    }

    /// An act on the row tells more than that it is marked.
    fn sign(self, theme: Theme) -> Piece<'static> {
        match (self.stage, self.marked) {
            (Some(Stage::Sent | Stage::Accepted), _) => piece(theme.pick("…", "~"), Role::Warn),
            (Some(Stage::Good), _) => piece(theme.pick("✓", "v"), Role::Good),
            (Some(Stage::Bad), _) => piece(theme.pick("✗", "!"), Role::Bad),
            (None, true) => piece(theme.pick("◆", "*"), Role::Key),
            (None, false) => piece(" ", Role::Normal),
        }
    }
}

/// Draws one row.
pub fn row(
    canvas: &mut Canvas<'_>,
    area: Area,
    line: u16,
    fitted: &[(&'static Column, u16)],
    row: &RowView<'_>,
    front: Front<'_>,
) {
    let state = row.row().state();
    let (cursor, indent) = (front.cursor, front.indent);
    let mark: Piece<'_> = match cursor {
        Cursor::Full => piece(canvas.theme.pick("▶", ">"), Role::Focus),
        Cursor::Faint => piece(canvas.theme.pick("▷", "."), Role::Dim),
        Cursor::None => piece(" ", Role::Normal),
    };
    let glyph = piece(canvas.theme.state(state), state_role(state));
    canvas.pieces(area, 0, line, [mark, glyph, front.sign(canvas.theme)]);
    let mut column = MARGIN;
    for (index, (what, width)) in fitted.iter().enumerate() {
        let cell = what.cell(row);
        match what.align {
            Align::Left => {
                // A backend's name in front may be long; the row's own keeps half of the room.
                let indent = truncate::middle(indent, usize::from(width / 2));
                let start = if index == 0 { canvas.text(area, column, line, &indent, Role::Dim) } else { column };
                let room = usize::from((column + width).saturating_sub(start));
                // The ends of names tell them apart; all other texts begin with what matters.
                let shown =
                    if index == 0 { truncate::middle(&cell.text, room) } else { truncate::end(&cell.text, room) };
                canvas.text(area, start, line, &shown, cell.role);
            }
            Align::Right => canvas.number(area, column, line, *width, &cell.text, cell.role),
        }
        column += width + 1;
    }
    if cursor == Cursor::Full {
        canvas.mark(area, line, Role::Selected);
    }
}
