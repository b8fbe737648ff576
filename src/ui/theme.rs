//! From meaning to style: colours, modifiers, and the glyphs that go with them.
//!
//! Colours are the sixteen named ones on the terminal's own background, so the user's palette decides how
//! they look. `mono` holds no colour at all: terminals under `NO_COLOR` drop colours together with reverse
//! video, so it speaks through modifiers only. Every glyph has an ASCII twin.

use ratatui::style::{Color, Modifier, Style};

use crate::app::cells::Role;
use crate::haproxy::status::State;

/// A named set of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// For a dark background; readable on most.
    Dark,
    /// For a light background.
    Light,
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
}

/// The glyphs of sparklines and bars from empty to full.
const BLOCKS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII_BLOCKS: [&str; 9] = [" ", "_", ".", ",", "-", "=", "+", "*", "#"];

impl Theme {
    /// The style of a meaning.
    pub fn style(self, role: Role) -> Style {
        let style = Style::new();
        match self.palette {
            Palette::Mono => match role {
                Role::Normal | Role::Good | Role::Chart | Role::Frame | Role::Dim => style,
                Role::Title | Role::Focus | Role::Key | Role::Warn => style.add_modifier(Modifier::BOLD),
                Role::Away => style.add_modifier(Modifier::ITALIC),
                Role::Bad => style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
                Role::Badge | Role::Selected => style.add_modifier(Modifier::REVERSED),
                Role::Past => style.add_modifier(Modifier::REVERSED | Modifier::BOLD),
            },
            palette => {
                let light = palette == Palette::Light;
                let colour = |dark: Color, on_light: Color| style.fg(if light { on_light } else { dark });
                match role {
                    Role::Normal => style,
                    Role::Dim | Role::Frame => colour(Color::DarkGray, Color::DarkGray),
                    Role::Title => style.add_modifier(Modifier::BOLD),
                    Role::Good => colour(Color::Green, Color::Green),
                    Role::Warn => colour(Color::Yellow, Color::Magenta).add_modifier(Modifier::BOLD),
                    Role::Bad => colour(Color::LightRed, Color::Red).add_modifier(Modifier::BOLD),
                    Role::Away | Role::Chart => colour(Color::Cyan, Color::Blue),
                    Role::Focus | Role::Key => colour(Color::Cyan, Color::Blue).add_modifier(Modifier::BOLD),
                    Role::Badge => style.add_modifier(Modifier::REVERSED),
                    Role::Past => {
                        colour(Color::Yellow, Color::Magenta).add_modifier(Modifier::REVERSED | Modifier::BOLD)
                    }
                    // One bar, whatever colours stand in it: its words and glyphs still tell.
                    Role::Selected => style.fg(Color::Reset).add_modifier(Modifier::REVERSED),
                }
            }
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
