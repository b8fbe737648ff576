//! ROLES: how each meaning looks in each theme, one row each.
//!
//! Colours are the sixteen named ones on the terminal's own background, so the user's palette decides how they look;
//! a test holds them against black and white. `mono` has no colour at all: terminals under `NO_COLOR` drop colours
//! together with reverse video, so it speaks through modifiers only. `high-contrast` gives what matters a ground of its
//! own, so that it reads the same on black and on white.

use ratatui::style::{Color, Modifier, Style};

use crate::table::cell::Role;

/// How one meaning looks.
#[derive(Debug)]
pub struct Looks {
    /// The meaning.
    pub role: Role,
    /// Its name in configuration.
    pub name: &'static str,
    /// On a dark background.
    pub dark: Style,
    /// On a light background.
    pub light: Style,
    /// With the highest contrast, on either.
    pub contrast: Style,
    /// Without colours.
    pub mono: Style,
}

const PLAIN: Style = Style::new();
const BOLD: Style = PLAIN.add_modifier(Modifier::BOLD);
const ITALIC: Style = PLAIN.add_modifier(Modifier::ITALIC);
const UNDERLINED: Style = BOLD.add_modifier(Modifier::UNDERLINED);
const REVERSED: Style = PLAIN.add_modifier(Modifier::REVERSED);
const STAMP: Style = REVERSED.add_modifier(Modifier::BOLD);
const BAR: Style = REVERSED.fg(Color::Reset).bg(Color::Reset);

/// Black on a bright ground.
const fn on(ground: Color) -> Style {
    PLAIN.fg(Color::Black).bg(ground)
}

const fn looks(role: Role, name: &'static str, dark: Style, light: Style, contrast: Style, mono: Style) -> Looks {
    Looks { role, name, dark, light, contrast, mono }
}

/// Every role, in the order of the type.
pub static ROLES: [Looks; 14] = [
    looks(Role::Normal, "normal", PLAIN, PLAIN, PLAIN, PLAIN),
    looks(Role::Dim, "dim", PLAIN.fg(Color::DarkGray), PLAIN.fg(Color::DarkGray), PLAIN, PLAIN),
    looks(Role::Title, "title", BOLD, BOLD, BOLD, BOLD),
    looks(Role::Frame, "frame", PLAIN.fg(Color::DarkGray), PLAIN.fg(Color::DarkGray), PLAIN, PLAIN),
    looks(Role::Focus, "focus", BOLD.fg(Color::Cyan), BOLD.fg(Color::Blue), BOLD, BOLD),
    // On white no green is dark enough everywhere: what is well stays quiet.
    looks(Role::Good, "good", PLAIN.fg(Color::Green), PLAIN, PLAIN, PLAIN),
    looks(Role::Warn, "warn", BOLD.fg(Color::Yellow), BOLD.fg(Color::Magenta), on(Color::LightYellow), BOLD),
    looks(
        Role::Bad,
        "bad",
        BOLD.fg(Color::LightRed),
        BOLD.fg(Color::Red),
        BOLD.fg(Color::White).bg(Color::Red),
        UNDERLINED,
    ),
    looks(Role::Away, "away", PLAIN.fg(Color::Cyan), PLAIN.fg(Color::Blue), on(Color::Cyan), ITALIC),
    looks(Role::Key, "key", BOLD.fg(Color::Cyan), BOLD.fg(Color::Blue), UNDERLINED, BOLD),
    looks(Role::Badge, "badge", REVERSED, REVERSED, REVERSED, REVERSED),
    looks(Role::Past, "past", STAMP.fg(Color::Yellow), STAMP.fg(Color::Magenta), STAMP, STAMP),
    looks(Role::Chart, "chart", PLAIN.fg(Color::Cyan), PLAIN.fg(Color::Blue), PLAIN, PLAIN),
    // One bar, whatever colours stand in it: its words and glyphs still tell.
    looks(Role::Selected, "selected", BAR, BAR, BAR, REVERSED),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::color::SIXTEEN;

    type Palette = fn(Color) -> Option<[u8; 3]>;

    /// As xterm has them.
    fn xterm(colour: Color) -> Option<[u8; 3]> {
        SIXTEEN.iter().find(|(known, _)| *known == colour).map(|(_, rgb)| *rgb)
    }

    /// As the Linux console has them.
    fn console(colour: Color) -> Option<[u8; 3]> {
        let number = SIXTEEN.iter().position(|(known, _)| *known == colour)?;
        let bright = if number >= 8 { 0x55 } else { 0 };
        let part = |bit: usize| if number & bit == 0 { bright } else { 0xaa + bright };
        // The one exception: a dark yellow is brown.
        Some(if number == 3 { [0xaa, 0x55, 0] } else { [part(1), part(2), part(4)] })
    }

    /// The luminance of the Web Content Accessibility Guidelines.
    fn luminance(colour: [u8; 3]) -> f64 {
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(colour[0]) + 0.7152 * part(colour[1]) + 0.0722 * part(colour[2])
    }

    fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    /// How well a style reads on a terminal with these colours of its own for text and ground.
    fn read(style: Style, palette: Palette, text: [u8; 3], ground: [u8; 3]) -> f64 {
        let named = |colour: Option<Color>, own| colour.and_then(palette).unwrap_or(own);
        contrast(named(style.fg, text), named(style.bg, ground))
    }

    const BLACK: [u8; 3] = [0; 3];
    const WHITE: [u8; 3] = [255; 3];

    #[test]
    fn every_role_reads_well_on_black_and_on_white() {
        // 4.5 is what the guidelines ask of text, 3 of large or bold text; frames and dim text are never alone.
        let least = |role: Role, style: Style| match role {
            Role::Dim | Role::Frame => 2.5,
            _ if style.add_modifier.contains(Modifier::BOLD) => 3.0,
            _ => 4.5,
        };
        for looks in &ROLES {
            for (name, palette) in [("xterm", xterm as Palette), ("console", console)] {
                for (theme, style, text, ground) in [
                    ("dark", looks.dark, WHITE, BLACK),
                    ("light", looks.light, BLACK, WHITE),
                    ("high-contrast on black", looks.contrast, WHITE, BLACK),
                    ("high-contrast on white", looks.contrast, BLACK, WHITE),
                ] {
                    let found = read(style, palette, text, ground);
                    let least = if theme.starts_with("high") { 5.0 } else { least(looks.role, style) };
                    assert!(found >= least, "{} in {theme} with the colours of {name}: {found:.1}", looks.name);
                }
            }
        }
    }

    #[test]
    fn contrast_is_what_the_guidelines_say() {
        assert!((contrast(BLACK, WHITE) - 21.0).abs() < 1e-9);
        assert!((contrast([0x77; 3], WHITE) - 4.48).abs() < 0.01);
        let faint = Style::new().fg(Color::LightYellow);
        assert!(read(faint, xterm, BLACK, WHITE) < 1.1, "what cannot be read is found");
    }

    #[test]
    fn rows_stand_in_the_order_of_the_type_and_mono_has_no_colour() {
        for (place, looks) in ROLES.iter().enumerate() {
            assert_eq!(looks.role as usize, place, "{}", looks.name);
            assert_eq!((looks.mono.fg, looks.mono.bg), (None, None), "{}", looks.name);
            assert_eq!(ROLES.iter().filter(|other| other.name == looks.name).count(), 1);
        }
    }
}
