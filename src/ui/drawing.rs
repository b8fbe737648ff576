//! Drawing of text, frames, sparklines and bars into a buffer, clipped to an area.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr as _;

use crate::app::layout::Area;
use crate::table::bar;
use crate::table::cell::Role;
use crate::ui::text_width;
use crate::ui::theme::Theme;

/// A buffer to draw on, with a theme.
#[derive(Debug)]
pub(crate) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    /// Styles and glyphs.
    pub(crate) theme: Theme,
}

/// A string and its role.
pub(crate) type StyledText<'a> = (std::borrow::Cow<'a, str>, Role);

/// Returns a string with a role.
pub(crate) fn styled_text<'a>(text: impl Into<std::borrow::Cow<'a, str>>, role: Role) -> StyledText<'a> {
    (text.into(), role)
}

impl<'a> Canvas<'a> {
    /// Creates a canvas on `buffer`.
    pub(crate) fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        Self { buffer, theme }
    }

    /// Draws text at a column and row of `area`. Returns the column after the text.
    pub(crate) fn draw_text(&mut self, area: Area, column: u16, row: u16, text: &str, role: Role) -> u16 {
        let style = self.theme.style(role);
        self.set_text(area, column, row, text, style)
    }

    fn set_text(&mut self, area: Area, column: u16, row: u16, text: &str, style: Style) -> u16 {
        if row >= area.height || column >= area.width {
            return column;
        }
        let available = usize::from(area.width - column);
        let theme = self.theme;
        let shown: String =
            if theme.is_ascii { text.chars().map(|ch| theme.displayable_char(ch)).collect() } else { text.to_owned() };
        let (end, _) = self.buffer.set_stringn(area.x + column, area.y + row, shown, available, style);
        end.saturating_sub(area.x)
    }

    /// Draws text from a column on, wrapped at blanks into as many rows as it needs. Returns their number.
    pub(crate) fn draw_wrapped(&mut self, area: Area, column: u16, row: u16, text: &str, role: Role) -> u16 {
        let width = usize::from(area.width.saturating_sub(column + 1)).max(1);
        let parts = text_width::wrap_at_blanks(text, width);
        for (part, line) in parts.iter().zip(row..) {
            self.draw_text(area, column, line, part, role);
        }
        parts.len() as u16
    }

    /// Draws several texts one after the other in the same row. Returns the column after the last text.
    pub(crate) fn draw_texts<'p>(
        &mut self,
        area: Area,
        column: u16,
        row: u16,
        texts: impl IntoIterator<Item = StyledText<'p>>,
    ) -> u16 {
        texts.into_iter().fold(column, |column, (text, role)| self.draw_text(area, column, row, &text, role))
    }

    /// Draws several texts so that the last one ends at the right edge. If the texts do not fit after the column
    /// `from`, the first ones are omitted. Returns the column of the first text drawn.
    pub(crate) fn draw_right_aligned(&mut self, area: Area, from: u16, row: u16, texts: &[StyledText<'_>]) -> u16 {
        let width_of = |texts: &[StyledText<'_>]| texts.iter().map(|(text, _)| text.width()).sum::<usize>();
        let available = usize::from(area.width.saturating_sub(from));
        let mut kept = texts;
        while width_of(kept) > available {
            match kept.split_first() {
                Some((_, rest)) => kept = rest,
                None => return area.width,
            }
        }
        let start = area.width.saturating_sub(width_of(kept) as u16);
        self.draw_texts(area, start, row, kept.iter().cloned());
        start
    }

    /// Draws text right-aligned in a range of screen columns.
    pub(crate) fn draw_number(&mut self, area: Area, columns: Range<u16>, row: u16, text: &str, role: Role) {
        let shown = text_width::end(text, columns.len());
        let start = columns.end.saturating_sub(shown.width() as u16);
        self.draw_text(area, start, row, &shown, role);
    }

    /// Applies the style of a role to a whole screen row and keeps the text.
    pub(crate) fn highlight_row(&mut self, area: Area, row: u16, role: Role) {
        if row < area.height && area.width > 0 {
            let style = self.theme.style(role);
            self.buffer.set_style(ratatui::layout::Rect::new(area.x, area.y + row, area.width, 1), style);
        }
    }

    /// Applies the background of a role to a whole screen row, before its texts are drawn. A role without one changes
    /// nothing, so that blanks need no style.
    pub(crate) fn color_row(&mut self, area: Area, row: u16, role: Role) {
        let style = self.theme.style(role);
        if style.bg.is_some() || style.add_modifier.contains(Modifier::REVERSED) {
            self.highlight_row(area, row, role);
        }
    }

    /// Draws a text cursor over one screen cell.
    pub(crate) fn draw_cursor(&mut self, area: Area, column: u16, row: u16) {
        if column < area.width {
            self.highlight_row(area.columns(column, 1), row, Role::Selected);
        }
    }

    /// Clears an area.
    pub(crate) fn clear(&mut self, area: Area) {
        for y in area.y..area.y + area.height {
            for x in area.x..area.x + area.width {
                if let Some(cell) = self.buffer.cell_mut(Position::new(x, y)) {
                    cell.reset();
                }
            }
        }
    }

    /// Draws a frame, with a title on the left and a remark on the right of the upper edge. Returns the area inside.
    pub(crate) fn draw_frame(
        &mut self,
        area: Area,
        title: &[StyledText<'_>],
        remark: &[StyledText<'_>],
        role: Role,
    ) -> Area {
        if area.width < 2 || area.height < 2 {
            return Area::default();
        }
        let pick = |glyph, ascii| self.theme.choose_glyph(glyph, ascii);
        let (line, side) = (pick("─", "-"), pick("│", "|"));
        let corners = [pick("╭", "+"), pick("╮", "+"), pick("╰", "+"), pick("╯", "+")];
        let style = self.theme.style(role);
        let (right, bottom) = (area.width - 1, area.height - 1);
        let horizontal = line.repeat(usize::from(area.width));
        self.set_text(area, 0, 0, &horizontal, style);
        self.set_text(area, 0, bottom, &horizontal, style);
        for row in 1..bottom {
            self.set_text(area, 0, row, side, style);
            self.set_text(area, right, row, side, style);
        }
        for (corner, (column, row)) in corners.into_iter().zip([(0, 0), (right, 0), (0, bottom), (right, bottom)]) {
            self.set_text(area, column, row, corner, style);
        }
        let edge = area.columns(2, area.width.saturating_sub(4));
        let end = self.draw_texts(edge, 0, 0, title.iter().cloned());
        self.draw_right_aligned(edge, end + 1, 0, remark);
        area.inner()
    }

    /// Draws a sparkline that is one screen column wide per point and as high as `area`; a `None` point stays empty.
    /// `top` is the value that fills the whole height.
    pub(crate) fn draw_sparkline(&mut self, area: Area, points: &[Option<f64>], top: f64, role: Role) {
        let style = self.theme.style(role);
        let rows = usize::from(area.height);
        for (column, point) in points.iter().enumerate().take(usize::from(area.width)) {
            let Some(value) = point else { continue };
            let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
            // A known zero is drawn as the lowest block, to distinguish it from an unknown point. The largest value
            // ends an eighth of a row below the upper edge, so that it does not touch the text above.
            let eighths = ((share * (rows * 8 - 1) as f64).round() as usize).max(1);
            for row in 0..rows {
                let level = eighths.saturating_sub((rows - 1 - row) * 8).min(8);
                if level > 0 {
                    let glyph = self.theme.block_glyphs()[level];
                    self.set_text(area, column as u16, row as u16, glyph, style);
                }
            }
        }
    }

    /// Draws a bar over a range of screen columns, filled to `share` (0 to 1).
    pub(crate) fn draw_bar(&mut self, area: Area, columns: Range<u16>, row: u16, share: f64, role: Role) {
        let end = self.draw_text(area, columns.start, row, &bar::filled_part(share, columns.len()), role);
        let empty = self.theme.choose_glyph("·", ".");
        self.draw_text(area, end, row, &empty.repeat(usize::from(columns.end.saturating_sub(end))), Role::Dim);
    }
}
