//! The shortest output that moves the cursor.
//!
//! Relative movements are used only if the cursor position is certain. Terminals disagree about the width of some characters
//! and about the cursor position after the last column. After such a character, the next column is absolute, and so is the
//! line if the cursor may have left it.

use ratatui::buffer::{Buffer, Cell};

use crate::term::sgr::CellStyle;

/// Maximum number of unchanged cells that are written again instead of skipped.
const MAX_GAP: u16 = 6;

/// Position of the cursor.
#[derive(Debug, Clone, Copy)]
pub(super) struct CursorPosition {
    pub x: u16,
    pub y: u16,
    /// The rightmost column in which the cursor may be on any terminal.
    pub max_x: u16,
}

impl CursorPosition {
    /// Returns whether all terminals agree on the column.
    fn is_column_certain(self) -> bool {
        self.max_x == self.x
    }
}

/// The state of the terminal that output depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pen {
    pub style: CellStyle,
    /// `None` if the position is unknown.
    pub cursor: Option<CursorPosition>,
}

impl Pen {
    /// The default style, and an unknown position.
    pub(super) const DEFAULT: Self = Self { style: CellStyle::DEFAULT, cursor: None };

    /// Returns the shortest movement to a position.
    pub(super) fn shortest_move(self, x: u16, y: u16, next: &Buffer) -> CursorMove {
        let mut best = CursorMove { vertical: Step::None, horizontal: Step::Absolute(x, y) };
        // The cursor stays in its line until it may be after the last column.
        let Some(at) = self.cursor.filter(|at| at.max_x < next.area.width) else { return best };
        let vertical = vertical_step(at.y, y);
        let relative = at.is_column_certain().then(|| relative_step(at.x, x));
        let rewritten = at.is_column_certain().then(|| self.rewritten_gap(at, x, y, next)).flatten();
        for horizontal in rewritten.into_iter().chain(relative).chain([column_step(x)]) {
            let candidate = CursorMove { vertical, horizontal };
            if candidate.len() < best.len() {
                best = candidate;
            }
        }
        best
    }

    /// Returns the text between the cursor and a target further right in the line. Returns `None` if this text is long,
    /// has another style, or contains characters of uncertain width.
    fn rewritten_gap(self, at: CursorPosition, x: u16, y: u16, next: &Buffer) -> Option<Step> {
        if at.y != y || x < at.x || x - at.x > MAX_GAP {
            return None;
        }
        let mut bytes = 0;
        for x in at.x..x {
            let cell = next.cell((x, y)).filter(|cell| CellStyle::from_cell(cell) == self.style)?;
            bytes += is_single_column(cell).then(|| cell.symbol().len())?;
        }
        Some(Step::Rewrite { from: at.x, to: x, y, bytes })
    }
}

/// A movement: first to a line, then to a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct CursorMove {
    vertical: Step,
    horizontal: Step,
}

impl CursorMove {
    /// Returns the number of bytes.
    pub(super) fn len(self) -> usize {
        self.vertical.len() + self.horizontal.len()
    }

    /// Appends the output to `out`.
    pub(super) fn write(self, next: &Buffer, out: &mut Vec<u8>) {
        self.vertical.write(next, out);
        self.horizontal.write(next, out);
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    None,
    Absolute(u16, u16),
    /// A control character, and how often.
    Control(u8, u16),
    /// A control sequence with a number.
    Sequence(u16, char),
    /// Unchanged cells of a line, and the number of their bytes.
    Rewrite {
        from: u16,
        to: u16,
        y: u16,
        bytes: usize,
    },
}

impl Step {
    fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Absolute(0, 0) | Self::Sequence(1, _) => 3,
            Self::Absolute(0, y) => 3 + digits(y + 1),
            Self::Absolute(x, y) => 4 + digits(y + 1) + digits(x + 1),
            Self::Control(_, count) => usize::from(count),
            Self::Sequence(count, _) => 3 + digits(count),
            Self::Rewrite { bytes, .. } => bytes,
        }
    }

    fn write(self, next: &Buffer, out: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Absolute(x, y) => out.extend(absolute_move(x, y)),
            Self::Control(byte, count) => out.extend(std::iter::repeat_n(byte, usize::from(count))),
            Self::Sequence(count, what) => out.extend(csi_with_count(count, what)),
            Self::Rewrite { from, to, y, .. } => {
                let cells = (from..to).filter_map(|x| next.cell((x, y)));
                out.extend(cells.flat_map(|cell| cell.symbol().bytes()));
            }
        }
    }
}

fn digits(number: u16) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// Returns the shortest movement up or down within a column. A line feed keeps the column, because the terminal is in raw
/// mode.
fn vertical_step(from: u16, to: u16) -> Step {
    match to.checked_sub(from) {
        Some(down @ 0..=3) => Step::Control(b'\n', down),
        Some(down) => Step::Sequence(down, 'B'),
        None => Step::Sequence(from - to, 'A'),
    }
}

/// Returns the movement by the difference of two columns.
fn relative_step(from: u16, to: u16) -> Step {
    match to.checked_sub(from) {
        Some(0) => Step::None,
        Some(right) => Step::Sequence(right, 'C'),
        None if from - to <= 4 => Step::Control(0x08, from - to),
        None => Step::Sequence(from - to, 'D'),
    }
}

/// Returns the movement to a column of the line, wherever the cursor is in this line.
fn column_step(to: u16) -> Step {
    if to == 0 { Step::Control(b'\r', 1) } else { Step::Sequence(to + 1, 'G') }
}

/// Returns whether the cell is one column wide on every terminal: ASCII, and the dots of charts. The width of blocks and
/// lines is ambiguous in Unicode.
fn is_single_column(cell: &Cell) -> bool {
    let mut chars = cell.symbol().chars();
    matches!((chars.next(), chars.next()), (Some(' '..='~' | '\u{2800}'..='\u{28ff}'), None))
}

/// Returns the number of columns that a cell takes at most.
pub(super) fn columns_of(cell: &Cell) -> u16 {
    if is_single_column(cell) { 1 } else { cell.symbol().chars().count() as u16 * 2 }
}

/// Returns the sequence that moves the cursor to a position, wherever the cursor is.
pub(super) fn absolute_move(x: u16, y: u16) -> Vec<u8> {
    match (x, y) {
        (0, 0) => b"\x1b[H".to_vec(),
        (0, _) => format!("\x1b[{}H", y + 1).into_bytes(),
        _ => format!("\x1b[{};{}H", y + 1, x + 1).into_bytes(),
    }
}

/// Returns a control sequence with a number.
pub(super) fn csi_with_count(count: u16, what: char) -> Vec<u8> {
    if count == 1 { format!("\x1b[{what}").into_bytes() } else { format!("\x1b[{count}{what}").into_bytes() }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn len_is_the_number_of_written_bytes() {
        let mut next = Buffer::empty(Rect::new(0, 0, 120, 110));
        next.set_string(0, 5, "a ⣿ – b", ratatui::style::Style::new());
        let places = || [0, 1, 2, 4, 5, 9, 10, 98, 99, 109].into_iter();
        for (from, to) in
            places().flat_map(|x| places().map(move |y| (x, y))).flat_map(|from| places().map(move |x| (from, x)))
        {
            for (y, max_x) in places().flat_map(|y| [(y, from.0), (y, from.0 + 1), (y, 120)]) {
                let cursor = Some(CursorPosition { x: from.0, y: from.1, max_x });
                let movement = Pen { cursor, ..Pen::DEFAULT }.shortest_move(to, y, &next);
                let mut out = Vec::new();
                movement.write(&next, &mut out);
                assert_eq!(movement.len(), out.len(), "{movement:?}");
            }
        }
    }
}
