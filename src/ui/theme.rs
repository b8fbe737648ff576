//! Themes: the style of each role, and the glyphs. Every glyph has an ASCII replacement.

use ratatui::style::Style;

use crate::haproxy::status::RowState;
use crate::table::cell::Role;
use crate::ui::roles::ROLES;
use crate::ui::style_overrides::StyleOverrides;

/// A named set of styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// For a dark background; readable on most others.
    Dark,
    /// For a light background.
    Light,
    /// Highest contrast: important text has its own background color.
    HighContrast,
    /// Without colors.
    Mono,
}

/// A palette, the choice of glyphs, and the user's styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Palette that defines the style of each role.
    pub palette: Palette,
    /// True if only ASCII characters are drawn.
    pub is_ascii: bool,
    own: StyleOverrides,
}

/// The glyphs of sparklines and bars from empty to full.
const BLOCKS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII_BLOCKS: [&str; 9] = [" ", "_", ".", ",", "-", "=", "+", "*", "#"];

impl Theme {
    /// Creates a theme without the user's styles.
    pub const fn new(palette: Palette, ascii: bool) -> Self {
        Self { palette, is_ascii: ascii, own: StyleOverrides::NONE }
    }

    /// Returns the theme with these styles, which replace the styles of the palette.
    #[must_use]
    pub(crate) fn with_overrides(self, own: StyleOverrides) -> Self {
        Self { own, ..self }
    }

    /// Returns the style of a role.
    pub(crate) fn style(&self, role: Role) -> Style {
        let styles = &ROLES[role as usize];
        let style = match self.palette {
            Palette::Dark => styles.dark,
            Palette::Light => styles.light,
            Palette::HighContrast => styles.contrast,
            Palette::Mono => styles.mono,
        };
        match self.own.style(role) {
            // In the palette without colors, only the modifiers of the user's style apply.
            Some(own) if self.palette == Palette::Mono => Style { fg: None, bg: None, ..own },
            Some(own) => own,
            None => style,
        }
    }

    /// Returns the glyph for a state, one cell wide.
    pub(crate) fn state_glyph(self, state: RowState) -> &'static str {
        let (glyph, ascii) = match state {
            RowState::Up | RowState::Open => ("●", "+"),
            RowState::NoCheck => ("○", "o"),
            RowState::GoingDown | RowState::Full => ("▲", "!"),
            RowState::ComingUp => ("△", "^"),
            RowState::Down | RowState::Stopped => ("✖", "x"),
            RowState::Drain | RowState::NoLb => ("◐", "d"),
            RowState::Maint | RowState::Paused | RowState::Unpublished => ("◌", "m"),
            RowState::Unknown => ("?", "?"),
        };
        self.choose_glyph(glyph, ascii)
    }

    /// Returns `ascii` if only ASCII characters are drawn, else `glyph`.
    pub(crate) fn choose_glyph(self, glyph: &'static str, ascii: &'static str) -> &'static str {
        if self.is_ascii { ascii } else { glyph }
    }

    /// Returns the nine glyphs of sparklines, from empty to full.
    pub(crate) fn block_glyphs(self) -> &'static [&'static str; 9] {
        if self.is_ascii { &ASCII_BLOCKS } else { &BLOCKS }
    }

    /// Returns the character to draw for `ch`. If only ASCII is drawn, the special characters that hapulse itself uses
    /// are replaced by similar ones, and other non-ASCII characters, such as those in names, by `?`.
    pub(crate) fn displayable_char(self, ch: char) -> char {
        match ch {
            ch if !self.is_ascii || ch.is_ascii() => ch,
            '–' | '─' => '-',
            '…' => '~',
            '·' => '|',
            '→' => '>',
            '←' => '<',
            '↑' => '^',
            '↓' => 'v',
            '↵' => 'R',
            '▲' => '!',
            '●' | '◆' => '*',
            _ => '?',
        }
    }
}
