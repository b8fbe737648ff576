//! Changed cells as bytes: as few of them as do it, for a terminal may be at the far end of a slow line.
//!
//! Most of what a sample changes is a digit here and there, in columns. So cells below each other are written one after
//! the other, the cursor goes to the next one by the shortest way (a line feed, some backspaces), a gap of a few cells is
//! written again where that is shorter than going over it, and a style is told by what differs from the one before.
//!
//! Ways from where the cursor is are used only where that is certain: terminals disagree about the width of some
//! characters, and about where the cursor is behind the last column. There it is placed anew.

use std::collections::BTreeMap;
use std::io::Write as _;

use ratatui::buffer::{Buffer, Cell};

use crate::term::sgr::Pen;

/// A cell that changed: column, row, what stands there now.
pub type Change<'a> = (u16, u16, &'a Cell);

/// The bytes that write these cells; `next` is the whole screen as it will be. Before and after, the style is the
/// terminal's own.
pub fn cells(changes: &[Change<'_>], next: &Buffer) -> Vec<u8> {
    let mut brush = Brush { out: Vec::with_capacity(changes.len() * 4), next, pen: Pen::OWN, at: None };
    for run in in_short_order(runs(changes)) {
        for &(x, y, cell) in run {
            brush.cell(x, y, cell);
        }
    }
    brush.pen(Pen::OWN);
    brush.out
}

/// Cells side by side.
type Run<'a, 'b> = &'a [Change<'b>];

fn runs<'a, 'b>(changes: &'a [Change<'b>]) -> Vec<Run<'a, 'b>> {
    let is_beside = |one: &Change<'_>, other: &Change<'_>| one.1 == other.1 && one.0 + 1 == other.0;
    changes.chunk_by(is_beside).collect()
}

/// How far apart the end of one run and the beginning of the next may be, to be written after one another.
const NEAR: u16 = 6;

/// How far apart they may be on the same line, to be written before those below.
const BESIDE: u16 = 3;

/// From each run on to the one beside it, or the one below its end, if there is one; else to the first that is left.
fn in_short_order<'a, 'b>(runs: Vec<Run<'a, 'b>>) -> Vec<Run<'a, 'b>> {
    let mut left: BTreeMap<(u16, u16), Run<'a, 'b>> = BTreeMap::new();
    for run in runs {
        if let Some((x, y, _)) = run.first() {
            left.insert((*y, *x), run);
        }
    }
    let mut ordered = Vec::with_capacity(left.len());
    let mut end: Option<(u16, u16)> = None;
    loop {
        let below = end.and_then(|(y, x)| {
            let near = left.range((y + 1, x.saturating_sub(NEAR))..=(y + 1, x + NEAR));
            near.map(|(place, _)| *place).min_by_key(|(_, start)| start.abs_diff(x))
        });
        let beside = end.and_then(|(y, x)| left.range((y, x)..=(y, x + BESIDE)).next().map(|(place, _)| *place));
        let Some(place) = beside.or(below).or_else(|| left.keys().next().copied()) else { return ordered };
        let Some(run) = left.remove(&place) else { return ordered };
        end = run.last().map(|(x, y, _)| (*y, *x + 1));
        ordered.push(run);
    }
}

/// Where the cursor is.
#[derive(Debug, Clone, Copy)]
struct At {
    x: u16,
    y: u16,
    /// Whether every terminal agrees.
    is_certain: bool,
}

struct Brush<'a> {
    out: Vec<u8>,
    next: &'a Buffer,
    pen: Pen,
    at: Option<At>,
}

impl Brush<'_> {
    fn cell(&mut self, x: u16, y: u16, cell: &Cell) {
        let is_here = self.at.is_some_and(|at| (at.x, at.y) == (x, y));
        if !is_here {
            self.go(x, y);
        }
        self.pen(Pen::of(cell));
        // The last gate: whatever comes here, controls are the brush's own.
        let symbol = cell.symbol();
        self.out.extend_from_slice(if symbol.contains(char::is_control) { b"?" } else { symbol.as_bytes() });
        let was_certain = !is_here || self.at.is_some_and(|at| at.is_certain);
        let is_plain = is_plain(cell) && x + 1 < self.next.area.width;
        self.at = Some(At { x: x + 1, y, is_certain: was_certain && is_plain });
    }

    fn pen(&mut self, pen: Pen) {
        if pen == self.pen {
            return;
        }
        self.out.extend(pen.told_after(self.pen).into_bytes());
        self.pen = pen;
    }

    fn go(&mut self, x: u16, y: u16) {
        let mut best = placed(x, y);
        if let Some(at) = self.at.filter(|at| at.is_certain) {
            let down = vertical(at.y, y);
            let sideways = self.rewritten(at, x, y).into_iter().chain(horizontal(at.x, x));
            for way in sideways {
                if down.len() + way.len() < best.len() {
                    best = [down.as_slice(), &way].concat();
                }
            }
        }
        self.out.extend(best);
    }

    /// What stands between here and there on the same line, where it looks as what was written last.
    fn rewritten(&self, at: At, x: u16, y: u16) -> Option<Vec<u8>> {
        if at.y != y || x < at.x || x - at.x > NEAR {
            return None;
        }
        let between: Option<Vec<&Cell>> = (at.x..x).map(|x| self.next.cell((x, y))).collect();
        let between = between?;
        let is_same = |cell: &&Cell| Pen::of(cell) == self.pen && is_plain(cell);
        between.iter().all(is_same).then(|| between.iter().flat_map(|cell| cell.symbol().bytes()).collect())
    }
}

/// Whether every terminal takes one column for it.
fn is_plain(cell: &Cell) -> bool {
    matches!(cell.symbol().as_bytes(), [b' '..=b'~'])
}

/// To a place, wherever the cursor is.
fn placed(x: u16, y: u16) -> Vec<u8> {
    let mut out = Vec::new();
    // Into memory, which does not fail.
    let _ = match (x, y) {
        (0, 0) => write!(out, "\x1b[H"),
        (0, _) => write!(out, "\x1b[{}H", y + 1),
        _ => write!(out, "\x1b[{};{}H", y + 1, x + 1),
    };
    out
}

/// Up or down without leaving the column. A line feed is not changed on its way: the terminal is in raw mode.
fn vertical(from: u16, to: u16) -> Vec<u8> {
    match to.checked_sub(from) {
        Some(down @ 0..=3) => vec![b'\n'; usize::from(down)],
        Some(down) => counted(down, 'B'),
        None => counted(from - to, 'A'),
    }
}

/// The ways to a column of the same line.
fn horizontal(from: u16, to: u16) -> Vec<Vec<u8>> {
    let relative = match to.checked_sub(from) {
        Some(0) => Vec::new(),
        Some(right) => counted(right, 'C'),
        None if from - to <= 4 => vec![0x08; usize::from(from - to)],
        None => counted(from - to, 'D'),
    };
    let from_start = if to == 0 { vec![b'\r'] } else { counted(to + 1, 'G') };
    vec![relative, from_start]
}

fn counted(count: u16, what: char) -> Vec<u8> {
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

    fn between(before: &Buffer, after: &Buffer) -> Vec<u8> {
        cells(&before.diff(after), after)
    }

    fn shown(before: &Buffer, after: &Buffer) -> String {
        String::from_utf8_lossy(&between(before, after)).into_owned()
    }

    #[test]
    fn no_control_is_written_from_a_cell() {
        let controls = (0..=0x9f_u8).map(char::from).filter(|ch| ch.is_control());
        for symbol in controls.flat_map(|ch| [ch.to_string(), format!("a{ch}"), format!("{ch}[2J")]) {
            let mut cell = Cell::EMPTY;
            cell.set_symbol(&symbol);
            assert_eq!(cells(&[(3, 2, &cell)], &screen(&[])), b"\x1b[3;4H?", "{symbol:?}");
        }
    }

    #[test]
    fn digits_below_each_other_cost_three_bytes_each() {
        let plain = Style::new();
        let one: Vec<_> = (1..5).map(|y| (3, y, "7181 61.7", plain)).collect();
        let other: Vec<_> = (1..5).map(|y| (3, y, "7182 61.7", plain)).collect();
        assert_eq!(shown(&screen(&one), &screen(&other)), "\x1b[2;7H2\n\x082\n\x082\n\x082");
    }

    #[test]
    fn a_short_gap_is_written_again_and_a_long_one_is_not() {
        let plain = Style::new();
        let before = screen(&[(0, 0, "60.7 and then nothing 1", plain)]);
        let after = screen(&[(0, 0, "61.8 and then nothing 2", plain)]);
        assert_eq!(shown(&before, &after), "\x1b[1;2H1.8\x1b[18C2");
    }

    #[test]
    fn styles_are_told_by_what_differs() {
        let (bold, red) = (Style::new().bold(), Style::new().fg(Color::Red));
        let blank = screen(&[]);
        let after = screen(&[(0, 0, "a", bold), (1, 0, "b", bold.fg(Color::DarkGray)), (2, 0, "c", red)]);
        assert_eq!(shown(&blank, &after), "\x1b[H\x1b[1ma\x1b[90mb\x1b[;31mc\x1b[m");
    }

    #[test]
    fn behind_what_may_be_wide_the_cursor_is_placed_anew() {
        let plain = Style::new();
        let after = screen(&[(0, 0, "▁", plain), (3, 0, "x", plain), (3, 1, "y", plain), (23, 2, "z", plain)]);
        let wide = screen(&[(0, 0, "漢字x", plain)]);
        assert_eq!(shown(&screen(&[]), &wide), "\x1b[H漢\x1b[1;3H字\x1b[1;5Hx");
        let after_last = screen(&[(23, 2, "z", plain), (23, 3, "z", plain)]);
        assert_eq!(shown(&screen(&[]), &after), "\x1b[H▁\x1b[1;4Hx\n\x08y\n\x1b[19Cz");
        assert_eq!(shown(&screen(&[]), &after_last), "\x1b[3;24Hz\x1b[4;24Hz");
    }

    fn any_screen() -> impl Strategy<Value = Buffer> {
        let style = (0..4_u8, any::<bool>(), any::<bool>(), 0..3_u8).prop_map(|(fg, bold, reversed, bg)| {
            let colours = [Color::Reset, Color::Red, Color::DarkGray, Color::Indexed(200)];
            let mut style = Style::new().fg(colours[usize::from(fg)]).bg(colours[usize::from(bg)]);
            style.add_modifier.set(Modifier::BOLD, bold);
            style.add_modifier.set(Modifier::REVERSED, reversed);
            style
        });
        let text = prop::sample::select(vec!["7", "7181", "61.7", "  ", "▁▂█", "x – y", "a very long line of text"]);
        let texts = prop::collection::vec((0..WIDTH, 0..HEIGHT, text, style), 0..30);
        texts.prop_map(|texts| screen(&texts))
    }

    fn vt_colour(colour: Color) -> vt100::Color {
        match colour {
            Color::Red => vt100::Color::Idx(1),
            Color::DarkGray => vt100::Color::Idx(8),
            Color::Indexed(index) => vt100::Color::Idx(index),
            _ => vt100::Color::Default,
        }
    }

    proptest! {
        #[test]
        fn the_terminal_shows_what_was_drawn(screens in prop::collection::vec(any_screen(), 1..5)) {
            let size = |count| NonZeroU16::new(count).unwrap();
            let mut terminal = vt100::Parser::new(size(HEIGHT), size(WIDTH), 0);
            let mut before = screen(&[]);
            for after in screens {
                terminal.process(&between(&before, &after));
                for (y, x) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
                    let (cell, drawn) = (terminal.screen().cell(y, x).unwrap(), after.cell((x, y)).unwrap());
                    if cell.is_wide_continuation() {
                        continue;
                    }
                    let contents = if cell.has_contents() { cell.contents() } else { " " };
                    prop_assert_eq!(contents, drawn.symbol(), "column {} of line {}", x, y);
                    prop_assert_eq!(cell.fgcolor(), vt_colour(drawn.fg));
                    prop_assert_eq!(cell.bgcolor(), vt_colour(drawn.bg));
                    prop_assert_eq!(cell.bold(), drawn.modifier.contains(Modifier::BOLD));
                    prop_assert_eq!(cell.inverse(), drawn.modifier.contains(Modifier::REVERSED));
                }
                before = after;
            }
        }
    }
}
