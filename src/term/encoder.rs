//! Encodes changed cells as terminal output, in as few bytes as possible, because the connection to the terminal may be
//! slow.
//!
//! Most changes between two samples are single digits in table columns. Therefore cells below each other are written
//! one after the other, the cursor is moved by the shortest sequence (such as a line feed and some backspaces),
//! unchanged cells in a short gap are written again if that takes fewer bytes than skipping them, and a style change
//! contains only the differences from the previous style.
//!
//! Relative cursor movements are used only if the cursor position is certain. Terminals disagree about the width of
//! some characters and about the cursor position after the last column; in these cases, the cursor is positioned
//! absolutely.

use std::collections::BTreeMap;
use std::io::Write as _;

use ratatui::buffer::{Buffer, Cell};

use crate::term::sgr::CellStyle;

/// A changed cell: column, row, new content.
pub(crate) type CellChange<'a> = (u16, u16, &'a Cell);

/// Encodes changed cells; `next` is the whole new screen. The terminal must be in the default style, and is left in it.
pub(crate) fn encode_cells(changes: &[CellChange<'_>], next: &Buffer) -> Vec<u8> {
    let mut encoder =
        Encoder { out: Vec::with_capacity(changes.len() * 4), next, style: CellStyle::DEFAULT, cursor: None };
    for run in order_by_distance(split_into_runs(changes)) {
        for &(x, y, cell) in run {
            encoder.write_cell(x, y, cell);
        }
    }
    encoder.set_style(CellStyle::DEFAULT);
    encoder.out
}

/// Adjacent changed cells of one line.
type CellRun<'a, 'b> = &'a [CellChange<'b>];

fn split_into_runs<'a, 'b>(changes: &'a [CellChange<'b>]) -> Vec<CellRun<'a, 'b>> {
    let is_adjacent = |one: &CellChange<'_>, other: &CellChange<'_>| one.1 == other.1 && one.0 + 1 == other.0;
    changes.chunk_by(is_adjacent).collect()
}

/// Maximum distance, in columns, from the end of a run to the start of the run in the next line that is written after
/// it.
const MAX_GAP: u16 = 6;

/// Maximum distance, in columns, between two runs of a line that are written one after the other.
const MAX_GAP_IN_LINE: u16 = 3;

/// Orders runs so that each run is followed by a near run in the same line, or a near run in the next line, or else the
/// first remaining run.
fn order_by_distance<'a, 'b>(runs: Vec<CellRun<'a, 'b>>) -> Vec<CellRun<'a, 'b>> {
    let mut left: BTreeMap<(u16, u16), CellRun<'a, 'b>> = BTreeMap::new();
    for run in runs {
        if let Some((x, y, _)) = run.first() {
            left.insert((*y, *x), run);
        }
    }
    let mut ordered = Vec::with_capacity(left.len());
    let mut end: Option<(u16, u16)> = None;
    loop {
        let below = end.and_then(|(y, x)| {
            let near = left.range((y + 1, x.saturating_sub(MAX_GAP))..=(y + 1, x + MAX_GAP));
            near.map(|(place, _)| *place).min_by_key(|(_, start)| start.abs_diff(x))
        });
        let same_line =
            end.and_then(|(y, x)| left.range((y, x)..=(y, x + MAX_GAP_IN_LINE)).next().map(|(place, _)| *place));
        let Some(place) = same_line.or(below).or_else(|| left.keys().next().copied()) else { return ordered };
        let Some(run) = left.remove(&place) else { return ordered };
        end = run.last().map(|(x, y, _)| (*y, *x + 1));
        ordered.push(run);
    }
}

/// Position of the cursor.
#[derive(Debug, Clone, Copy)]
struct CursorPosition {
    x: u16,
    y: u16,
    /// True if all terminals agree on the position.
    is_certain: bool,
}

struct Encoder<'a> {
    out: Vec<u8>,
    next: &'a Buffer,
    style: CellStyle,
    cursor: Option<CursorPosition>,
}

impl Encoder<'_> {
    fn write_cell(&mut self, x: u16, y: u16, cell: &Cell) {
        let is_here = self.cursor.is_some_and(|at| (at.x, at.y) == (x, y));
        if !is_here {
            self.move_cursor(x, y);
        }
        self.set_style(CellStyle::from_cell(cell));
        // A last safeguard: cells should never contain control characters.
        let symbol = cell.symbol();
        self.out.extend_from_slice(if symbol.contains(char::is_control) { b"?" } else { symbol.as_bytes() });
        let was_certain = !is_here || self.cursor.is_some_and(|at| at.is_certain);
        let is_single_column = is_single_column(cell) && x + 1 < self.next.area.width;
        self.cursor = Some(CursorPosition { x: x + 1, y, is_certain: was_certain && is_single_column });
    }

    fn set_style(&mut self, style: CellStyle) {
        if style == self.style {
            return;
        }
        self.out.extend(style.sgr_after(self.style).into_bytes());
        self.style = style;
    }

    fn move_cursor(&mut self, x: u16, y: u16) {
        let mut best = absolute_move(x, y);
        if let Some(at) = self.cursor.filter(|at| at.is_certain) {
            let down = vertical_move(at.y, y);
            let sideways = self.rewrite_gap(at, x, y).into_iter().chain(horizontal_moves(at.x, x));
            for movement in sideways {
                if down.len() + movement.len() < best.len() {
                    best = [down.as_slice(), &movement].concat();
                }
            }
        }
        self.out.extend(best);
    }

    /// Returns the text between the cursor and a target further right in the line. Returns `None` if this text is long,
    /// has another style, or contains characters of uncertain width.
    fn rewrite_gap(&self, at: CursorPosition, x: u16, y: u16) -> Option<Vec<u8>> {
        if at.y != y || x < at.x || x - at.x > MAX_GAP {
            return None;
        }
        let between: Option<Vec<&Cell>> = (at.x..x).map(|x| self.next.cell((x, y))).collect();
        let between = between?;
        let is_same = |cell: &&Cell| CellStyle::from_cell(cell) == self.style && is_single_column(cell);
        between.iter().all(is_same).then(|| between.iter().flat_map(|cell| cell.symbol().bytes()).collect())
    }
}

/// Returns whether the cell is one column wide on every terminal.
fn is_single_column(cell: &Cell) -> bool {
    matches!(cell.symbol().as_bytes(), [b' '..=b'~'])
}

/// Returns the sequence that moves the cursor to a position, wherever the cursor is.
pub(super) fn absolute_move(x: u16, y: u16) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory cannot fail.
    let _ = match (x, y) {
        (0, 0) => write!(out, "\x1b[H"),
        (0, _) => write!(out, "\x1b[{}H", y + 1),
        _ => write!(out, "\x1b[{};{}H", y + 1, x + 1),
    };
    out
}

/// Returns the shortest sequence that moves the cursor up or down within a column. A line feed keeps the column,
/// because the terminal is in raw mode.
fn vertical_move(from: u16, to: u16) -> Vec<u8> {
    match to.checked_sub(from) {
        Some(down @ 0..=3) => vec![b'\n'; usize::from(down)],
        Some(down) => csi_with_count(down, 'B'),
        None => csi_with_count(from - to, 'A'),
    }
}

/// Returns the sequences that each move the cursor to a column of the same line: relative to the cursor, and from the
/// start of the line.
fn horizontal_moves(from: u16, to: u16) -> Vec<Vec<u8>> {
    let relative = match to.checked_sub(from) {
        Some(0) => Vec::new(),
        Some(right) => csi_with_count(right, 'C'),
        None if from - to <= 4 => vec![0x08; usize::from(from - to)],
        None => csi_with_count(from - to, 'D'),
    };
    let from_start = if to == 0 { vec![b'\r'] } else { csi_with_count(to + 1, 'G') };
    vec![relative, from_start]
}

pub(super) fn csi_with_count(count: u16, what: char) -> Vec<u8> {
    if count == 1 { format!("\x1b[{what}").into_bytes() } else { format!("\x1b[{count}{what}").into_bytes() }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use proptest::prelude::*;
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Modifier, Style};

    use super::*;

    const WIDTH: u16 = 24;
    const HEIGHT: u16 = 8;

    fn screen(texts: &[(u16, u16, &str, Style)]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
        for (x, y, text, style) in texts {
            buffer.set_stringn(*x, *y, text, usize::from(WIDTH - x), *style);
        }
        buffer
    }

    fn encode_diff(before: &Buffer, after: &Buffer) -> Vec<u8> {
        encode_cells(&before.diff(after), after)
    }

    fn encode_to_text(before: &Buffer, after: &Buffer) -> String {
        String::from_utf8_lossy(&encode_diff(before, after)).into_owned()
    }

    #[test]
    fn encode_cells_replaces_control_characters() {
        let controls = (0..=0x9f_u8).map(char::from).filter(|ch| ch.is_control());
        for symbol in controls.flat_map(|ch| [ch.to_string(), format!("a{ch}"), format!("{ch}[2J")]) {
            let mut cell = Cell::EMPTY;
            cell.set_symbol(&symbol);
            assert_eq!(encode_cells(&[(3, 2, &cell)], &screen(&[])), b"\x1b[3;4H?", "{symbol:?}");
        }
    }

    #[test]
    fn encode_cells_uses_three_bytes_per_digit_in_a_column() {
        let plain = Style::new();
        let one: Vec<_> = (1..5).map(|y| (3, y, "7181 61.7", plain)).collect();
        let other: Vec<_> = (1..5).map(|y| (3, y, "7182 61.7", plain)).collect();
        assert_eq!(encode_to_text(&screen(&one), &screen(&other)), "\x1b[2;7H2\n\x082\n\x082\n\x082");
    }

    #[test]
    fn encode_cells_rewrites_short_gaps_and_skips_long_ones() {
        let plain = Style::new();
        let before = screen(&[(0, 0, "60.7 and then nothing 1", plain)]);
        let after = screen(&[(0, 0, "61.8 and then nothing 2", plain)]);
        assert_eq!(encode_to_text(&before, &after), "\x1b[1;2H1.8\x1b[18C2");
    }

    #[test]
    fn encode_cells_writes_only_style_differences() {
        let (bold, red) = (Style::new().bold(), Style::new().fg(Color::Red));
        let blank = screen(&[]);
        let after = screen(&[(0, 0, "a", bold), (1, 0, "b", bold.fg(Color::DarkGray)), (2, 0, "c", red)]);
        assert_eq!(encode_to_text(&blank, &after), "\x1b[H\x1b[1ma\x1b[90mb\x1b[;31mc\x1b[m");
    }

    #[test]
    fn encode_cells_positions_absolutely_after_wide_characters() {
        let plain = Style::new();
        let after = screen(&[(0, 0, "▁", plain), (3, 0, "x", plain), (3, 1, "y", plain), (23, 2, "z", plain)]);
        let wide = screen(&[(0, 0, "漢字x", plain)]);
        assert_eq!(encode_to_text(&screen(&[]), &wide), "\x1b[H漢\x1b[1;3H字\x1b[1;5Hx");
        let after_last = screen(&[(23, 2, "z", plain), (23, 3, "z", plain)]);
        assert_eq!(encode_to_text(&screen(&[]), &after), "\x1b[H▁\x1b[1;4Hx\n\x08y\n\x1b[19Cz");
        assert_eq!(encode_to_text(&screen(&[]), &after_last), "\x1b[3;24Hz\x1b[4;24Hz");
    }

    fn arbitrary_screen() -> impl Strategy<Value = Buffer> {
        let style = (0..4_u8, any::<bool>(), any::<bool>(), 0..3_u8).prop_map(|(fg, bold, reversed, bg)| {
            let colors = [Color::Reset, Color::Red, Color::DarkGray, Color::Indexed(200)];
            let mut style = Style::new().fg(colors[usize::from(fg)]).bg(colors[usize::from(bg)]);
            style.add_modifier.set(Modifier::BOLD, bold);
            style.add_modifier.set(Modifier::REVERSED, reversed);
            style
        });
        let text = prop::sample::select(vec!["7", "7181", "61.7", "  ", "▁▂█", "x – y", "a very long line of text"]);
        let texts = prop::collection::vec((0..WIDTH, 0..HEIGHT, text, style), 0..30);
        texts.prop_map(|texts| screen(&texts))
    }

    fn vt_color(color: Color) -> vt100::Color {
        match color {
            Color::Red => vt100::Color::Idx(1),
            Color::DarkGray => vt100::Color::Idx(8),
            Color::Indexed(index) => vt100::Color::Idx(index),
            _ => vt100::Color::Default,
        }
    }

    proptest! {
        #[test]
        fn encoded_screens_appear_as_drawn(screens in prop::collection::vec(arbitrary_screen(), 1..5)) {
            let size = |count| NonZeroU16::new(count).unwrap();
            let mut terminal = vt100::Parser::new(size(HEIGHT), size(WIDTH), 0);
            let mut before = screen(&[]);
            for after in screens {
                terminal.process(&encode_diff(&before, &after));
                for (y, x) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
                    let (cell, drawn) = (terminal.screen().cell(y, x).unwrap(), after.cell((x, y)).unwrap());
                    if cell.is_wide_continuation() {
                        continue;
                    }
                    let contents = if cell.has_contents() { cell.contents() } else { " " };
                    prop_assert_eq!(contents, drawn.symbol(), "column {} of line {}", x, y);
                    prop_assert_eq!(cell.fgcolor(), vt_color(drawn.fg));
                    prop_assert_eq!(cell.bgcolor(), vt_color(drawn.bg));
                    prop_assert_eq!(cell.bold(), drawn.modifier.contains(Modifier::BOLD));
                    prop_assert_eq!(cell.inverse(), drawn.modifier.contains(Modifier::REVERSED));
                }
                before = after;
            }
        }
    }
}
