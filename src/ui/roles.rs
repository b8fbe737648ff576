//! The table of roles: the style of each role in each palette.
//!
//! Only the 16 named colors are used, on the terminal's own background, so that the terminal's settings decide the
//! exact values; a test checks the contrast on black and on white. `mono` has no colors, only modifiers: terminals
//! under `NO_COLOR` drop a style's colors together with its reverse video. `high-contrast` gives important text its own
//! background color, so that the text is equally readable on black and on white.
//!
//! The Linux console has eight background colors, and it makes bold text bright after it has exchanged the colors of
//! reversed text: reversed bold text is dark gray. Background colors are therefore never bright ones, and
//! [`crate::ui::theme::Theme::style`] drops bold from reversed text.

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
const STAMP: Style = BOLD.fg(Color::White).bg(Color::Magenta);
const BAR: Style = REVERSED.fg(Color::Reset).bg(Color::Reset);

/// Returns the style of black text on a colored background.
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
pub(crate) static ROLES: [RoleStyles; 15] = [
    role_styles(Role::Normal, "normal", PLAIN, PLAIN, PLAIN, PLAIN),
    role_styles(Role::Dim, "dim", PLAIN.fg(Color::DarkGray), PLAIN.fg(Color::DarkGray), PLAIN, PLAIN),
    role_styles(Role::Title, "title", BOLD, BOLD, BOLD, BOLD),
    role_styles(Role::Frame, "frame", PLAIN.fg(Color::DarkGray), PLAIN.fg(Color::DarkGray), PLAIN, PLAIN),
    role_styles(Role::Focus, "focus", BOLD.fg(Color::Cyan), BOLD.fg(Color::Blue), BOLD, BOLD),
    // On a white background, green has too little contrast on some terminals, so good states have the plain style.
    role_styles(Role::Good, "good", PLAIN.fg(Color::Green), PLAIN, PLAIN, PLAIN),
    // A yellow background is brown on the Linux console.
    role_styles(
        Role::Warn,
        "warn",
        BOLD.fg(Color::Yellow),
        BOLD.fg(Color::Magenta),
        BOLD.fg(Color::LightYellow).bg(Color::Black),
        BOLD,
    ),
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
    role_styles(Role::Past, "past", STAMP, STAMP, REVERSED, REVERSED),
    role_styles(Role::Chart, "chart", PLAIN.fg(Color::Cyan), PLAIN.fg(Color::Blue), PLAIN, PLAIN),
    // The bar hides the colors of the row except those of severities (`Theme::in_selected_row`).
    role_styles(Role::Selected, "selected", BAR, BAR, BAR, REVERSED),
    role_styles(
        Role::Down,
        "down",
        PLAIN.fg(Color::LightRed),
        PLAIN.fg(Color::Red),
        PLAIN.fg(Color::White).bg(Color::Red),
        BOLD,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_in_the_order_of_the_type_and_mono_has_no_colors() {
        for (index, styles) in ROLES.iter().enumerate() {
            assert_eq!(styles.role as usize, index, "{}", styles.name);
            assert_eq!((styles.mono.fg, styles.mono.bg), (None, None), "{}", styles.name);
            assert_eq!(ROLES.iter().filter(|second| second.name == styles.name).count(), 1);
        }
    }
}
