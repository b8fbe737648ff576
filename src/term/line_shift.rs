//! Moves the end of a line to the left, because a chart that moves would otherwise be written again completely.
//!
//! The sequence deletes cells (`DCH`): the rest of the line moves left, and the last cells become blank. Only characters that
//! are one column wide on every terminal are moved.

use ratatui::buffer::{Buffer, Cell};

use crate::term::cursor_move::{absolute_move, csi_with_count};
use crate::term::sgr::CellStyle;

/// Maximum distance, in columns.
const MAX_DISTANCE: usize = 16;
/// Number of bytes that moving a line must save, without the sequence itself.
const MIN_GAIN: i32 = 16;
/// Additional number of bytes that must be saved to start at another column than in the line above.
const NEW_COLUMN_COST: i32 = 6;

/// Moves the ends of the lines of `shown` to the left where this makes them more similar to `next`, and returns the sequences
/// that do the same on a terminal in the default style.
pub(crate) fn shift_lines(shown: &mut Buffer, next: &Buffer) -> Vec<u8> {
    let mut out = Vec::new();
    let mut above: Option<(u16, LineShift)> = None;
    for y in 0..next.area.height.min(shown.area.height) {
        let preferred = above.filter(|(line, _)| line + 1 == y).map(|(_, shift)| shift);
        let Some(shift) = LinePair::new(shown, next, y).and_then(|lines| lines.best_shift(preferred)) else { continue };
        let x = shift.column as u16;
        if preferred.is_some_and(|above| above.column == shift.column) {
            out.push(b'\n');
        } else {
            out.extend(absolute_move(x, y));
        }
        out.extend(csi_with_count(shift.distance as u16, 'P'));
        shift.apply(shown, y);
        above = Some((y, shift));
    }
    out
}

/// The move of the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LineShift {
    /// First column that is overwritten.
    column: usize,
    /// Number of columns by which the rest of the line moves.
    distance: usize,
}

impl LineShift {
    fn apply(self, screen: &mut Buffer, y: u16) {
        let width = screen.area.width;
        for x in self.column as u16..width {
            let source = x + self.distance as u16;
            let moved = if source < width { screen[(source, y)].clone() } else { Cell::EMPTY };
            screen[(x, y)] = moved;
        }
    }
}

/// Number that is equal for equal cells of a line.
type CellKey = u64;

const BLANK: CellKey = b' ' as CellKey;

/// The end of a line on two screens, from the first column from which all characters are one column wide.
#[derive(Debug)]
struct LinePair {
    start: usize,
    shown: Vec<CellKey>,
    next: Vec<CellKey>,
}

impl LinePair {
    /// Returns the end of a line; `None` if it has too few changes to be moved.
    fn new(shown: &Buffer, next: &Buffer, y: u16) -> Option<Self> {
        let row = |screen: &Buffer| {
            let start = usize::from(y) * usize::from(screen.area.width);
            start..start + usize::from(screen.area.width)
        };
        let (shown, next) = (shown.content.get(row(shown))?, next.content.get(row(next))?);
        let changed: usize =
            shown.iter().zip(next).filter(|(one, other)| one != other).map(|(_, cell)| cell.symbol().len()).sum();
        if shown.len() != next.len() || (changed as i32) < MIN_GAIN {
            return None;
        }
        let is_movable = |cell: &Cell| is_single_column(cell.symbol());
        // The cell after a wide character is its second half.
        let start = (0..next.len()).rfind(|x| !is_movable(&shown[*x]) || !is_movable(&next[*x])).map_or(0, |x| x + 2);
        let start = start.min(next.len());
        let mut styles = vec![CellStyle::DEFAULT];
        let mut keys = |cells: &[Cell]| cells[start..].iter().map(|cell| cell_key(cell, &mut styles)).collect();
        Some(Self { start, shown: keys(shown), next: keys(next) })
    }

    /// Returns the shift that saves most bytes, or `preferred` if it saves nearly as many.
    fn best_shift(&self, preferred: Option<LineShift>) -> Option<LineShift> {
        let mut best = (MIN_GAIN, None);
        for distance in 1..=MAX_DISTANCE.min(self.next.len()) {
            let mut gain = 0;
            for index in (0..self.next.len()).rev() {
                gain += self.gain(index, distance);
                let column = self.start + index;
                let is_preferred = preferred.is_some_and(|above| above.column == column);
                let bonus = if is_preferred { NEW_COLUMN_COST } else { 0 };
                if gain + bonus > best.0 {
                    best = (gain + bonus, Some(LineShift { column, distance }));
                }
            }
        }
        best.1
    }

    /// Returns the number of bytes that a shift saves in a cell.
    fn gain(&self, index: usize, distance: usize) -> i32 {
        let wanted = self.next[index];
        let moved = self.shown.get(index + distance).copied().unwrap_or(BLANK);
        let length = if wanted & 0xff < 0x80 { 1 } else { 3 };
        length * (i32::from(self.shown[index] != wanted) - i32::from(moved != wanted))
    }
}

/// Returns whether a character is one column wide on every terminal on which the frames and charts are.
fn is_single_column(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    matches!((chars.next(), chars.next()), (Some(' '..='~' | '\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}'), None))
}

/// Returns the key of a cell with a single character of at most three bytes.
fn cell_key(cell: &Cell, styles: &mut Vec<CellStyle>) -> CellKey {
    let style = CellStyle::from_cell(cell);
    let place = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
        styles.push(style);
        styles.len() - 1
    });
    let symbol = cell.symbol().bytes().rev().fold(0, |key, byte| key << 8 | CellKey::from(byte));
    symbol | (place as CellKey) << 32
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use proptest::prelude::*;
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Style};

    use super::*;
    use crate::term::frame_writer::FrameBuffer;

    const WIDTH: u16 = 60;

    fn screen(lines: &[&str]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, WIDTH, lines.len() as u16));
        for (y, line) in lines.iter().enumerate() {
            buffer.set_string(0, y as u16, line, Style::new());
        }
        buffer
    }

    fn shift(before: &[&str], after: &[&str]) -> String {
        let (mut shown, next) = (screen(before), screen(after));
        let bytes = shift_lines(&mut shown, &next);
        String::from_utf8(bytes).unwrap()
    }

    const PLOT: &str = "  2k┤⣀⣀⡠⠤⠒⠉⠉⠒⠤⣀⣀⡠⠤⠒⠉⠉";

    #[test]
    fn shift_lines_moves_charts_that_share_their_left_edge() {
        let moved = format!("  2k┤{}", PLOT.chars().skip(7).collect::<String>());
        let (before, after) = (["title 12", PLOT, PLOT], ["title 13", &moved, &moved]);
        assert_eq!(shift(&before, &after), "\x1b[2;6H\x1b[2P\n\x1b[2P");
    }

    #[test]
    fn shift_lines_leaves_tables_texts_and_wide_characters_alone() {
        assert_eq!(shift(&["s1  119  1m  7181"], &["s1  127  1m  8192"]), "");
        assert_eq!(shift(&["a first sentence"], &["other words here"]), "");
        let wide = format!("{PLOT}漢");
        let moved = format!("  2k┤{}", wide.chars().skip(6).collect::<String>());
        assert_eq!(shift(&[&wide], &[&moved]), "");
    }

    proptest! {
        #[test]
        fn moving_lines_appear_as_drawn(
            cells in prop::collection::vec((0..7_usize, any::<bool>()), 100),
            steps in prop::collection::vec((0..9_usize, 0..12_u16), 1..8),
        ) {
            let symbols = [" ", "7", "─", "⣀", "⠒", "x", "漢"];
            let nonzero = |count| NonZeroU16::new(count).unwrap();
            let mut terminal = vt100::Parser::new(nonzero(2), nonzero(WIDTH), 0);
            let mut frames = FrameBuffer::new(WIDTH, 2);
            let mut offset = 0;
            for (distance, left) in steps {
                offset += distance;
                let mut drawn = screen(&["", ""]);
                let bytes = frames.render(|buffer| {
                    for y in 0..2 {
                        let mut x = left;
                        while x + 1 < WIDTH {
                            let (symbol, is_red) = cells[(usize::from(x) + offset) % cells.len()];
                            // Only the second line has wide characters; terminals differ in the color of their halves.
                            let symbol = symbols[if y == 0 && symbol == 6 { 0 } else { symbol }];
                            let style = if is_red && y == 0 { Style::new().fg(Color::Red) } else { Style::new() };
                            (x, _) = buffer.set_stringn(x, y, symbol, 2, style);
                        }
                    }
                    drawn.clone_from(buffer);
                });
                terminal.process(&bytes.unwrap());
                for (y, x) in (0..2).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
                    let (cell, drawn) = (terminal.screen().cell(y, x).unwrap(), &drawn[(x, y)]);
                    if cell.is_wide_continuation() {
                        continue;
                    }
                    let contents = if cell.has_contents() { cell.contents() } else { " " };
                    prop_assert_eq!(contents, drawn.symbol(), "column {} of line {}", x, y);
                    let color = if drawn.fg == Color::Red { vt100::Color::Idx(1) } else { vt100::Color::Default };
                    prop_assert_eq!(cell.fgcolor(), color);
                }
            }
        }
    }
}
