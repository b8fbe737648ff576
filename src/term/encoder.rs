//! Encodes changed cells as terminal output, in as few bytes as possible, because the connection to the terminal may be
//! slow.
//!
//! Most changes between two samples are single digits in table columns. Therefore runs of changed cells are written in the
//! order in which the movements between them are short ([`crate::term::run_order`]), the cursor is moved by the shortest
//! sequence ([`crate::term::cursor_move`]), and a style change contains only the differences from the previous style.

use ratatui::buffer::{Buffer, Cell};

use crate::term::cursor_move::{CursorPosition, Pen, columns_of};
use crate::term::run_order::{CellChange, CellRun, order_runs};
use crate::term::sgr::CellStyle;

/// Encodes changed cells; `next` is the whole new screen. The terminal must be in the default style, and is left in it.
pub(crate) fn encode_cells(changes: &[CellChange<'_>], next: &Buffer) -> Vec<u8> {
    let is_adjacent = |one: &CellChange<'_>, other: &CellChange<'_>| one.1 == other.1 && one.0 + 1 == other.0;
    let runs: Vec<CellRun<'_, '_>> = changes.chunk_by(is_adjacent).collect();
    let mut encoder = Encoder { out: Vec::with_capacity(changes.len() * 4), next, pen: Pen::DEFAULT };
    for (x, y, cell) in order_runs(&runs, next).into_iter().flatten() {
        encoder.write_cell(*x, *y, cell);
    }
    encoder.set_style(CellStyle::DEFAULT);
    encoder.out
}

struct Encoder<'a> {
    out: Vec<u8>,
    next: &'a Buffer,
    pen: Pen,
}

impl Encoder<'_> {
    fn write_cell(&mut self, x: u16, y: u16, cell: &Cell) {
        let here = self.pen.cursor.filter(|at| (at.x, at.y) == (x, y));
        if here.is_none() {
            self.pen.shortest_move(x, y, self.next).write(self.next, &mut self.out);
        }
        self.set_style(CellStyle::from_cell(cell));
        // A last safeguard: cells should never contain control characters.
        let symbol = cell.symbol();
        self.out.extend_from_slice(if symbol.contains(char::is_control) { b"?" } else { symbol.as_bytes() });
        let before = here.map_or(x, |at| at.max_x);
        self.pen.cursor = Some(CursorPosition { x: x + 1, y, max_x: before.saturating_add(columns_of(cell)) });
    }

    fn set_style(&mut self, style: CellStyle) {
        if style == self.pen.style {
            return;
        }
        self.out.extend(style.sgr_after(self.pen.style).into_bytes());
        self.pen.style = style;
    }
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
        let with_gap: Vec<_> = (1..5).map(|y| (3, y, if y == 3 { "7181 61.7" } else { "7182 61.7" }, plain)).collect();
        assert_eq!(encode_to_text(&screen(&one), &screen(&with_gap)), "\x1b[2;7H2\n\x082\n\n\x082");
    }

    #[test]
    fn encode_cells_takes_the_shortest_order() {
        let plain = Style::new();
        let before: Vec<_> = (0..2).map(|y| (0, y, "1    1    1", plain)).collect();
        let after: Vec<_> = (0..2).map(|y| (0, y, "2    2    2", plain)).collect();
        let shortest = "\x1b[H2    2    2\n\x082\r2    2";
        assert_eq!(encode_diff(&screen(&before), &screen(&after)).len(), shortest.len());
        let digits = [(0, 0, "1", plain), (20, 0, "1", plain), (18, 1, "1", plain)];
        let nearest = encode_to_text(&screen(&[]), &screen(&digits));
        assert_eq!(nearest, "\x1b[H1\x1b[19C1\n\x08\x08\x081");
        let dots = screen(&[(3, 0, "⣿", plain), (3, 1, "⣿", plain)]);
        assert_eq!(encode_to_text(&screen(&[]), &dots), "\x1b[1;4H⣿\n\x08⣿");
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
    fn encode_cells_names_the_column_after_characters_of_uncertain_width() {
        let plain = Style::new();
        let after = screen(&[(0, 0, "▁", plain), (3, 0, "x", plain), (3, 1, "y", plain), (23, 2, "z", plain)]);
        let wide = screen(&[(0, 0, "漢字x", plain)]);
        assert_eq!(encode_to_text(&screen(&[]), &wide), "\x1b[H漢\x1b[5Gx\x08\x08\x08字");
        let long = screen(&[(0, 0, "▁▁▁▁▁▁▁▁▁▁▁", plain), (12, 0, "x", plain)]);
        assert!(encode_to_text(&screen(&[]), &long).ends_with("▁\x1b[13Gx"));
        let longer = screen(&[(0, 0, "▁▁▁▁▁▁▁▁▁▁▁▁", plain), (0, 1, "▁▁▁▁▁▁▁▁▁▁▁▁", plain)]);
        let may_have_wrapped = encode_to_text(&screen(&[]), &longer);
        assert!(may_have_wrapped.contains("▁\x1b[2H▁"), "{may_have_wrapped:?}");
        let after_last = screen(&[(23, 2, "z", plain), (23, 3, "z", plain)]);
        assert_eq!(encode_to_text(&screen(&[]), &after), "\x1b[H▁\x1b[4Gx\n\x08y\n\x1b[19Cz");
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
        let text =
            prop::sample::select(vec!["7", "7181", "61.7", "  ", "▁▂█", "⣀⣿", "x – y", "a very long line of text"]);
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
