//! Drawing on a buffer: texts, frames, sparklines and bars, never beyond their place.

use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr as _;

use crate::app::layout::Area;
use crate::table::cell::Role;
use crate::ui::theme::Theme;
use crate::ui::truncate;

/// A buffer and how things look on it.
#[derive(Debug)]
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    /// How things look.
    pub theme: Theme,
}

/// A piece of text and its meaning.
pub type Piece<'a> = (std::borrow::Cow<'a, str>, Role);

/// A piece of text.
pub fn piece<'a>(text: impl Into<std::borrow::Cow<'a, str>>, role: Role) -> Piece<'a> {
    (text.into(), role)
}

impl<'a> Canvas<'a> {
    /// Draws on `buffer`.
    pub fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        Self { buffer, theme }
    }

    /// Writes a text at a column and row of `area`. Returns the column behind it.
    pub fn text(&mut self, area: Area, column: u16, row: u16, text: &str, role: Role) -> u16 {
        let style = self.theme.style(role);
        self.styled(area, column, row, text, style)
    }

    fn styled(&mut self, area: Area, column: u16, row: u16, text: &str, style: Style) -> u16 {
        if row >= area.height || column >= area.width {
            return column;
        }
        let room = usize::from(area.width - column);
        let theme = self.theme;
        let shown: String = if theme.ascii { text.chars().map(|ch| theme.twin(ch)).collect() } else { text.to_owned() };
        let (end, _) = self.buffer.set_stringn(area.x + column, area.y + row, shown, room, style);
        end.saturating_sub(area.x)
    }

    /// Writes pieces one behind the other. Returns the column behind the last.
    pub fn pieces<'p>(
        &mut self,
        area: Area,
        column: u16,
        row: u16,
        pieces: impl IntoIterator<Item = Piece<'p>>,
    ) -> u16 {
        pieces.into_iter().fold(column, |column, (text, role)| self.text(area, column, row, &text, role))
    }

    /// Writes pieces so that they end at the right edge; those that do not fit behind `from` are left out,
    /// the first ones first. Returns the column where they begin.
    pub fn right(&mut self, area: Area, from: u16, row: u16, pieces: &[Piece<'_>]) -> u16 {
        let width_of = |pieces: &[Piece<'_>]| pieces.iter().map(|(text, _)| text.width()).sum::<usize>();
        let room = usize::from(area.width.saturating_sub(from));
        let mut kept = pieces;
        while width_of(kept) > room {
            match kept.split_first() {
                Some((_, rest)) => kept = rest,
                None => return area.width,
            }
        }
        let start = area.width.saturating_sub(width_of(kept) as u16);
        self.pieces(area, start, row, kept.iter().cloned());
        start
    }

    /// Writes a text into `width` cells, lined up to the right.
    pub fn number(&mut self, area: Area, column: u16, row: u16, width: u16, text: &str, role: Role) {
        let shown = truncate::end(text, usize::from(width));
        let start = column + width.saturating_sub(shown.width() as u16);
        self.text(area, start, row, &shown, role);
    }

    /// Marks a whole row, whatever stands there.
    pub fn mark(&mut self, area: Area, row: u16, role: Role) {
        if row < area.height && area.width > 0 {
            let style = self.theme.style(role);
            self.buffer.set_style(ratatui::layout::Rect::new(area.x, area.y + row, area.width, 1), style);
        }
    }

    /// Shows one cell the other way round: a cursor.
    pub fn invert(&mut self, area: Area, column: u16, row: u16) {
        if column < area.width {
            self.mark(area.columns(column, 1), row, Role::Selected);
        }
    }

    /// Empties an area, so that what lies below does not shine through.
    pub fn clear(&mut self, area: Area) {
        for y in area.y..area.y + area.height {
            for x in area.x..area.x + area.width {
                if let Some(cell) = self.buffer.cell_mut(Position::new(x, y)) {
                    cell.reset();
                }
            }
        }
    }

    /// A frame with a title on its upper edge and a remark at its right end. Returns what is inside.
    pub fn frame(&mut self, area: Area, title: &[Piece<'_>], remark: &[Piece<'_>], role: Role) -> Area {
        if area.width < 2 || area.height < 2 {
            return Area::default();
        }
        let pick = |glyph, ascii| self.theme.pick(glyph, ascii);
        let (line, side) = (pick("─", "-"), pick("│", "|"));
        let corners = [pick("╭", "+"), pick("╮", "+"), pick("╰", "+"), pick("╯", "+")];
        let style = self.theme.style(role);
        let (right, bottom) = (area.width - 1, area.height - 1);
        let horizontal = line.repeat(usize::from(area.width));
        self.styled(area, 0, 0, &horizontal, style);
        self.styled(area, 0, bottom, &horizontal, style);
        for row in 1..bottom {
            self.styled(area, 0, row, side, style);
            self.styled(area, right, row, side, style);
        }
        for (corner, (column, row)) in corners.into_iter().zip([(0, 0), (right, 0), (0, bottom), (right, bottom)]) {
            self.styled(area, column, row, corner, style);
        }
        let edge = area.columns(2, area.width.saturating_sub(4));
        let end = self.pieces(edge, 0, 0, title.iter().cloned());
        self.right(edge, end + 1, 0, remark);
        area.inner()
    }

    /// A line of blocks, one cell a point; what is unknown stays empty. `top` is the value of a full block.
    /// With several `rows` the blocks stand on top of each other.
    pub fn spark(&mut self, area: Area, points: &[Option<f64>], top: f64, role: Role) {
        let style = self.theme.style(role);
        let rows = usize::from(area.height);
        for (column, point) in points.iter().enumerate().take(usize::from(area.width)) {
            let Some(value) = point else { continue };
            let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
            // Known and zero still shows its lowest mark: it is not the same as unknown.
            // An eighth below the edge: a full line does not run into what is above it.
            let eighths = ((share * (rows * 8 - 1) as f64).round() as usize).max(1);
            for row in 0..rows {
                let level = eighths.saturating_sub((rows - 1 - row) * 8).min(8);
                if level > 0 {
                    let glyph = self.theme.blocks()[level];
                    self.styled(area, column as u16, row as u16, glyph, style);
                }
            }
        }
    }

    /// A bar of `width` cells, filled to `share`.
    pub fn bar(&mut self, area: Area, column: u16, row: u16, width: u16, share: f64, role: Role) {
        let (full, empty) = (self.theme.pick("█", "#"), self.theme.pick("·", "."));
        let filled = (f64::from(width) * share.clamp(0.0, 1.0)).round() as usize;
        let filled = if share > 0.0 { filled.max(1) } else { filled };
        let end = self.text(area, column, row, &full.repeat(filled.min(usize::from(width))), role);
        self.text(area, end, row, &empty.repeat(usize::from(width).saturating_sub(filled)), Role::Dim);
    }
}
