//! From meaning to style, and the glyphs that go with it. Every glyph has an ASCII twin.

use ratatui::style::Style;

use crate::haproxy::status::State;
use crate::table::cell::Role;
use crate::ui::roles::ROLES;
use crate::ui::style_overrides::Own;

/// A named set of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// For a dark background; readable on most.
    Dark,
    /// For a light background.
    Light,
    /// What matters on a ground of its own.
    HighContrast,
    /// No colours.
    Mono,
}

/// How things look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// The colours.
    pub palette: Palette,
    /// Only ASCII characters.
    pub ascii: bool,
    own: Own,
}

/// The glyphs of sparklines and bars from empty to full.
const BLOCKS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII_BLOCKS: [&str; 9] = [" ", "_", ".", ",", "-", "=", "+", "*", "#"];

impl Theme {
    /// These colours and characters, and no styles of the user's own.
    pub const fn new(palette: Palette, ascii: bool) -> Self {
        Self { palette, ascii, own: Own::NONE }
    }

    /// The same with these styles in place of the palette's.
    #[must_use]
    pub fn with(self, own: Own) -> Self {
        Self { own, ..self }
    }

    /// The style of a meaning.
    pub fn style(&self, role: Role) -> Style {
        let looks = &ROLES[role as usize];
        let style = match self.palette {
            Palette::Dark => looks.dark,
            Palette::Light => looks.light,
            Palette::HighContrast => looks.contrast,
            Palette::Mono => looks.mono,
        };
        match self.own.style(role) {
            // Without colours, what was chosen keeps its modifiers only.
            Some(own) if self.palette == Palette::Mono => Style { fg: None, bg: None, ..own },
            Some(own) => own,
            None => style,
        }
    }

    /// The glyph of a state, one cell wide.
    pub fn state(self, state: State) -> &'static str {
        let (glyph, ascii) = match state {
            State::Up | State::Open => ("●", "+"),
            State::NoCheck => ("○", "o"),
            State::GoingDown | State::Full => ("▲", "!"),
            State::ComingUp => ("△", "^"),
            State::Down | State::Stopped => ("✖", "x"),
            State::Drain | State::NoLb => ("◐", "d"),
            State::Maint | State::Paused => ("◌", "m"),
            State::Unknown => ("?", "?"),
        };
        self.pick(glyph, ascii)
    }

    /// One of two glyphs.
    pub fn pick(self, glyph: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { glyph }
    }

    /// Nine glyphs from empty to full.
    pub fn blocks(self) -> &'static [&'static str; 9] {
        if self.ascii { &ASCII_BLOCKS } else { &BLOCKS }
    }

    /// A text in which our own few characters beyond ASCII are replaced, where only ASCII is to be drawn.
    /// Names and other texts from HAProxy keep theirs as `?`.
    pub fn twin(self, ch: char) -> char {
        match ch {
            ch if !self.ascii || ch.is_ascii() => ch,
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
