//! Themes: the style of each role, and the glyphs. Every glyph has an ASCII replacement.

use ratatui::style::{Modifier, Style};

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
    /// True for the cells of the selected row.
    is_in_selected_row: bool,
}

/// The glyphs of sparklines and bars from empty to full.
const BLOCKS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII_BLOCKS: [&str; 9] = [" ", "_", ".", ",", "-", "=", "+", "*", "#"];

impl Theme {
    /// Creates a theme without the user's styles.
    pub const fn new(palette: Palette, ascii: bool) -> Self {
        Self { palette, is_ascii: ascii, own: StyleOverrides::NONE, is_in_selected_row: false }
    }

    /// Returns the theme with these styles, which replace the styles of the palette.
    #[must_use]
    pub(crate) fn with_overrides(self, own: StyleOverrides) -> Self {
        Self { own, ..self }
    }

    /// Returns the theme for the cells of the selected row: the bar, on which the severities keep colors of their own.
    #[must_use]
    pub(crate) fn in_selected_row(self) -> Self {
        Self { is_in_selected_row: true, ..self }
    }

    /// Returns the style of a role. Reversed text is never bold: the Linux console would show it in dark gray.
    pub(crate) fn style(&self, role: Role) -> Style {
        let style = if self.is_in_selected_row { self.selected_style(role) } else { self.plain_style(role) };
        if style.add_modifier.contains(Modifier::REVERSED) { style.remove_modifier(Modifier::BOLD) } else { style }
    }

    /// Returns the style of a role outside of the selected row.
    fn plain_style(&self, role: Role) -> Style {
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

    /// Returns the style of a role in the selected row. A severity has the colors of the palette with the highest
    /// contrast, which has backgrounds of its own: reversed colors would be hard to read.
    fn selected_style(&self, role: Role) -> Style {
        let bar = self.plain_style(Role::Selected);
        let is_severity = matches!(role, Role::Warn | Role::Bad | Role::Down | Role::OutOfService);
        match (self.palette, role) {
            _ if !is_severity => bar,
            (Palette::Mono, _) => bar.patch(self.plain_style(role)),
            _ if self.own.style(role).is_some() => bar.patch(self.plain_style(role)),
            // The row as a whole has a background already, so the bar replaces it.
            (Palette::HighContrast, Role::Down | Role::OutOfService) => bar,
            _ => ROLES[role as usize].contrast.remove_modifier(Modifier::REVERSED),
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
            '█' => '#',
            // Parts of a cell in bars, and shades.
            '▏' | '▎' => ':',
            '▍' | '▌' | '▋' | '▓' => '=',
            '▒' => '+',
            '░' => '.',
            '→' => '>',
            '←' => '<',
            '↑' => '^',
            '↓' => 'v',
            '↵' => 'R',
            '▲' => '!',
            '▊' | '▉' | '●' | '◆' => '*',
            _ => '?',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::color::NAMED_COLORS;
    use ratatui::style::Color;

    type Rgb = [u8; 3];

    const BLACK: Rgb = [0; 3];
    const WHITE: Rgb = [255; 3];
    const PALETTES: [Palette; 4] = [Palette::Dark, Palette::Light, Palette::HighContrast, Palette::Mono];

    /// Returns the number of a named color, or `None` for the terminal's own color.
    fn number(color: Option<Color>) -> Option<usize> {
        NAMED_COLORS.iter().position(|(known, _)| Some(*known) == color)
    }

    /// Returns the colors of text and background on xterm with these own colors.
    fn on_xterm(style: Style, own: (Rgb, Rgb)) -> (Rgb, Rgb) {
        let named = |color, own| number(color).map_or(own, |number| NAMED_COLORS[number].1);
        let (text, ground) = (named(style.fg, own.0), named(style.bg, own.1));
        if style.add_modifier.contains(Modifier::REVERSED) { (ground, text) } else { (text, ground) }
    }

    /// Returns the colors of text and background on the Linux console, which are gray and black.
    fn on_console(style: Style) -> (Rgb, Rgb) {
        let has = |modifier| style.add_modifier.contains(modifier);
        let (mut text, ground) = (number(style.fg).unwrap_or(7), number(style.bg).unwrap_or(0) & 7);
        // A bright color is the dark color and bold.
        let is_bold = has(Modifier::BOLD) || number(style.fg).is_some_and(|number| number >= 8);
        text &= 7;
        if has(Modifier::ITALIC) {
            text = 2;
        } else if has(Modifier::UNDERLINED) {
            text = 15;
        }
        let (mut text, ground) = if has(Modifier::REVERSED) { (ground | (text & 8), text & 7) } else { (text, ground) };
        text ^= if is_bold { 8 } else { 0 };
        let rgb = |number: usize| {
            let bright = if number >= 8 { 0x55 } else { 0 };
            let part = |bit: usize| if number & bit == 0 { bright } else { 0xaa + bright };
            // Dark yellow is brown.
            if number == 3 { [0xaa, 0x55, 0] } else { [part(1), part(2), part(4)] }
        };
        (rgb(text), rgb(ground))
    }

    /// Returns the relative luminance as defined by the Web Content Accessibility Guidelines.
    fn luminance(color: Rgb) -> f64 {
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(color[0]) + 0.7152 * part(color[1]) + 0.0722 * part(color[2])
    }

    fn contrast((first, second): (Rgb, Rgb)) -> f64 {
        let (first, second) = (luminance(first) + 0.05, luminance(second) + 0.05);
        first.max(second) / first.min(second)
    }

    #[test]
    fn roles_have_enough_contrast_on_every_terminal_and_in_selected_rows() {
        for palette in PALETTES {
            for (place, theme) in
                [("", Theme::new(palette, false)), (" in a selected row", Theme::new(palette, false).in_selected_row())]
            {
                for styles in &ROLES {
                    let style = theme.style(styles.role);
                    // The guidelines require 4.5 for text and 3 for large or bold text. Frames and dim text never carry
                    // a meaning alone.
                    let least = match styles.role {
                        Role::Dim | Role::Frame => 2.5,
                        _ if palette == Palette::HighContrast => 5.0,
                        _ if style.add_modifier.intersects(Modifier::BOLD | Modifier::UNDERLINED) => 3.0,
                        _ => 4.5,
                    };
                    let on_black = [("xterm", on_xterm(style, (WHITE, BLACK))), ("the console", on_console(style))];
                    let on_white = [("white", on_xterm(style, (BLACK, WHITE)))];
                    let shown = match palette {
                        Palette::Dark => on_black.to_vec(),
                        Palette::Light => on_white.to_vec(),
                        Palette::HighContrast | Palette::Mono => [&on_black[..], &on_white].concat(),
                    };
                    for (terminal, colors) in shown {
                        let found = contrast(colors);
                        assert!(found >= least, "{} in {palette:?}{place} on {terminal}: {found:.1}", styles.name);
                    }
                }
            }
        }
    }

    #[test]
    fn reversed_text_is_never_bold_and_no_background_is_bright() {
        for palette in PALETTES {
            let theme = Theme::new(palette, false);
            for styles in &ROLES {
                for style in [theme.style(styles.role), theme.in_selected_row().style(styles.role)] {
                    let is_both = style.add_modifier.contains(Modifier::REVERSED | Modifier::BOLD);
                    assert!(!is_both && number(style.bg).is_none_or(|number| number < 8), "{} {style:?}", styles.name);
                }
            }
        }
    }

    #[test]
    fn severities_of_selected_rows_differ_from_the_bar_and_from_other_rows() {
        for palette in [Palette::Dark, Palette::Light, Palette::HighContrast] {
            let theme = Theme::new(palette, false);
            let bar = theme.in_selected_row().style(Role::Normal);
            for role in [Role::Warn, Role::Bad] {
                assert_ne!(theme.in_selected_row().style(role), bar, "{role:?} in {palette:?}");
            }
            for role in [Role::Down, Role::OutOfService, Role::Normal] {
                assert_ne!(theme.in_selected_row().style(role), theme.style(role), "{role:?} in {palette:?}");
            }
        }
        let mono = Theme::new(Palette::Mono, false).in_selected_row();
        assert_ne!(mono.style(Role::Bad), mono.style(Role::Normal), "without colors, a modifier shows it");
    }

    #[test]
    fn contrast_matches_the_guidelines() {
        assert!((contrast((BLACK, WHITE)) - 21.0).abs() < 1e-9);
        assert!((contrast(([0x77; 3], WHITE)) - 4.48).abs() < 0.01);
        let faint = Style::new().fg(Color::LightYellow);
        assert!(contrast(on_xterm(faint, (BLACK, WHITE))) < 1.1, "an unreadable style has a low contrast");
        assert_eq!(
            on_console(Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)),
            ([0x55; 3], [0xaa; 3]),
            "dark gray on gray"
        );
    }
}
