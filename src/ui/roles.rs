//! The table of roles: the style of each role in each palette.
//!
//! Only the 16 named colors are used, on the terminal's own background, so that the terminal's settings decide the
//! exact values; a test checks the contrast on black and on white. `mono` has no colors, only modifiers: terminals
//! under `NO_COLOR` drop a style's colors together with its reverse video. `high-contrast` gives important text its own
//! background color, so that the text is equally readable on black and on white.

use ratatui::style::{Color, Modifier, Style};

use crate::table::cell::Role;

/// The styles of a role.
#[derive(Debug)]
pub(crate) struct RoleStyles {
    /// Role.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test compares the order of the table with it"))]
    pub(crate) role: Role,
    /// Name in the configuration.
    pub(crate) name: &'static str,
    /// Style on a dark background.
    pub(crate) dark: Style,
    /// Style on a light background.
    pub(crate) light: Style,
    /// Style with the highest contrast, on any background.
    pub(crate) contrast: Style,
    /// Style without colors.
    pub(crate) mono: Style,
}

const PLAIN: Style = Style::new();
const BOLD: Style = PLAIN.add_modifier(Modifier::BOLD);
const ITALIC: Style = PLAIN.add_modifier(Modifier::ITALIC);
const UNDERLINED: Style = BOLD.add_modifier(Modifier::UNDERLINED);
const REVERSED: Style = PLAIN.add_modifier(Modifier::REVERSED);
const STAMP: Style = REVERSED.add_modifier(Modifier::BOLD);
const BAR: Style = REVERSED.fg(Color::Reset).bg(Color::Reset);

/// Returns the style of black text on a bright background.
const fn on(ground: Color) -> Style {
    PLAIN.fg(Color::Black).bg(ground)
}

const fn role_styles(
    role: Role,
    name: &'static str,
    dark: Style,
    light: Style,
    contrast: Style,
    mono: Style,
) -> RoleStyles {
    RoleStyles { role, name, dark, light, contrast, mono }
}

/// All roles, in the order of [`Role`].
pub(crate) static ROLES: [RoleStyles; 14] = [
    role_styles(Role::Normal, "normal", PLAIN, PLAIN, PLAIN, PLAIN),
    role_styles(Role::Dim, "dim", PLAIN.fg(Color::DarkGray), PLAIN.fg(Color::DarkGray), PLAIN, PLAIN),
    role_styles(Role::Title, "title", BOLD, BOLD, BOLD, BOLD),
    role_styles(Role::Frame, "frame", PLAIN.fg(Color::DarkGray), PLAIN.fg(Color::DarkGray), PLAIN, PLAIN),
    role_styles(Role::Focus, "focus", BOLD.fg(Color::Cyan), BOLD.fg(Color::Blue), BOLD, BOLD),
    // On a white background, green has too little contrast on some terminals, so good states have the plain style.
    role_styles(Role::Good, "good", PLAIN.fg(Color::Green), PLAIN, PLAIN, PLAIN),
    role_styles(Role::Warn, "warn", BOLD.fg(Color::Yellow), BOLD.fg(Color::Magenta), on(Color::LightYellow), BOLD),
    role_styles(
        Role::Bad,
        "bad",
        BOLD.fg(Color::LightRed),
        BOLD.fg(Color::Red),
        BOLD.fg(Color::White).bg(Color::Red),
        UNDERLINED,
    ),
    role_styles(
        Role::OutOfService,
        "out-of-service",
        PLAIN.fg(Color::Cyan),
        PLAIN.fg(Color::Blue),
        on(Color::Cyan),
        ITALIC,
    ),
    role_styles(Role::Key, "key", BOLD.fg(Color::Cyan), BOLD.fg(Color::Blue), UNDERLINED, BOLD),
    role_styles(Role::Badge, "badge", REVERSED, REVERSED, REVERSED, REVERSED),
    role_styles(Role::Past, "past", STAMP.fg(Color::Yellow), STAMP.fg(Color::Magenta), STAMP, STAMP),
    role_styles(Role::Chart, "chart", PLAIN.fg(Color::Cyan), PLAIN.fg(Color::Blue), PLAIN, PLAIN),
    // The cursor bar hides the colors of the row; the row's texts and glyphs still show the meaning.
    role_styles(Role::Selected, "selected", BAR, BAR, BAR, REVERSED),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::color::NAMED_COLORS;

    type ColorLookup = fn(Color) -> Option<[u8; 3]>;

    /// Returns xterm's default colors.
    fn xterm(color: Color) -> Option<[u8; 3]> {
        NAMED_COLORS.iter().find(|(known, _)| *known == color).map(|(_, rgb)| *rgb)
    }

    /// Returns the colors of the Linux console.
    fn console(color: Color) -> Option<[u8; 3]> {
        let number = NAMED_COLORS.iter().position(|(known, _)| *known == color)?;
        let bright = if number >= 8 { 0x55 } else { 0 };
        let part = |bit: usize| if number & bit == 0 { bright } else { 0xaa + bright };
        // Dark yellow is brown on the Linux console.
        Some(if number == 3 { [0xaa, 0x55, 0] } else { [part(1), part(2), part(4)] })
    }

    /// Returns the relative luminance as defined by the Web Content Accessibility Guidelines.
    fn luminance(color: [u8; 3]) -> f64 {
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(color[0]) + 0.7152 * part(color[1]) + 0.0722 * part(color[2])
    }

    fn contrast(first: [u8; 3], second: [u8; 3]) -> f64 {
        let (first, second) = (luminance(first) + 0.05, luminance(second) + 0.05);
        first.max(second) / first.min(second)
    }

    /// Returns the contrast of a style on a terminal with these default colors of text and background.
    fn read(style: Style, palette: ColorLookup, text: [u8; 3], ground: [u8; 3]) -> f64 {
        let named = |color: Option<Color>, own| color.and_then(palette).unwrap_or(own);
        contrast(named(style.fg, text), named(style.bg, ground))
    }

    const BLACK: [u8; 3] = [0; 3];
    const WHITE: [u8; 3] = [255; 3];

    #[test]
    fn roles_have_enough_contrast_on_black_and_on_white() {
        // The guidelines require 4.5 for text and 3 for large or bold text. Frames and dim text never carry a meaning
        // alone.
        let least = |role: Role, style: Style| match role {
            Role::Dim | Role::Frame => 2.5,
            _ if style.add_modifier.contains(Modifier::BOLD) => 3.0,
            _ => 4.5,
        };
        for styles in &ROLES {
            for (name, palette) in [("xterm", xterm as ColorLookup), ("console", console)] {
                for (theme, style, text, ground) in [
                    ("dark", styles.dark, WHITE, BLACK),
                    ("light", styles.light, BLACK, WHITE),
                    ("high-contrast on black", styles.contrast, WHITE, BLACK),
                    ("high-contrast on white", styles.contrast, BLACK, WHITE),
                ] {
                    let found = read(style, palette, text, ground);
                    let least = if theme.starts_with("high") { 5.0 } else { least(styles.role, style) };
                    assert!(found >= least, "{} in {theme} with the colors of {name}: {found:.1}", styles.name);
                }
            }
        }
    }

    #[test]
    fn contrast_matches_the_guidelines() {
        assert!((contrast(BLACK, WHITE) - 21.0).abs() < 1e-9);
        assert!((contrast([0x77; 3], WHITE) - 4.48).abs() < 0.01);
        let faint = Style::new().fg(Color::LightYellow);
        assert!(read(faint, xterm, BLACK, WHITE) < 1.1, "an unreadable style has a low contrast");
    }

    #[test]
    fn roles_are_in_the_order_of_the_type_and_mono_has_no_colors() {
        for (index, styles) in ROLES.iter().enumerate() {
            assert_eq!(styles.role as usize, index, "{}", styles.name);
            assert_eq!((styles.mono.fg, styles.mono.bg), (None, None), "{}", styles.name);
            assert_eq!(ROLES.iter().filter(|second| second.name == styles.name).count(), 1);
        }
    }
}
