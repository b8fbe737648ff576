//! Styles that the user sets for roles in the configuration.

use ratatui::style::{Color, Modifier, Style};
use thiserror::Error;

use crate::table::cell::Role;
use crate::ui::color::{ColorDepth, nearest_supported};
use crate::ui::roles::ROLES;

/// The styles set by the user. Other roles keep the style of the theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StyleOverrides([Option<Style>; ROLES.len()]);

/// The reason why a style is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum StyleError {
    /// A role with this name does not exist.
    #[error("unknown role \"{0}\"; the roles are {known}", known = role_names())]
    UnknownRole(String),
    /// A word is neither a color nor a modifier.
    #[error(
        "{role}: \"{word}\" is not part of a style: write a color (red, bright-red, 0 to 255, #ff5f00), \
        \"on\" and a color, or bold, dim, italic, underlined, reversed"
    )]
    UnknownWord {
        /// Name of the role.
        role: String,
        /// Word as written in the configuration.
        word: String,
    },
}

/// The words for modifiers.
const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
];

fn role_names() -> String {
    ROLES.iter().map(|row| row.name).collect::<Vec<_>>().join(", ")
}

impl StyleOverrides {
    /// No overrides.
    pub(crate) const NONE: Self = Self([None; ROLES.len()]);

    /// Returns the style that the user set for a role, or `None` if the user set none.
    pub(crate) fn style(&self, role: Role) -> Option<Style> {
        self.0[role as usize]
    }

    /// Sets the style of a role from words such as `bold bright-red on #202020`. Colors that the terminal lacks are
    /// replaced by the nearest supported color.
    ///
    /// # Errors
    /// Returns an error if the role is unknown or a word is neither a color nor a modifier.
    pub(crate) fn set(&mut self, role: &str, words: &str, depth: ColorDepth) -> Result<(), StyleError> {
        let index = ROLES.iter().position(|row| row.name == role);
        let index = index.ok_or_else(|| StyleError::UnknownRole(role.to_owned()))?;
        let bad = |word: &str| StyleError::UnknownWord { role: role.to_owned(), word: word.to_owned() };
        let mut style = Style::new();
        let mut words = words.split_whitespace();
        while let Some(word) = words.next() {
            let is_modifier = |(name, _): &&(&str, Modifier)| *name == word;
            if let Some((_, modifier)) = MODIFIERS.iter().find(is_modifier) {
                style = style.add_modifier(*modifier);
            } else if word == "on" {
                let word = words.next().ok_or_else(|| bad("on"))?;
                style = style.bg(parse_color(word, depth).ok_or_else(|| bad(word))?);
            } else {
                style = style.fg(parse_color(word, depth).ok_or_else(|| bad(word))?);
            }
        }
        self.0[index] = Some(style);
        Ok(())
    }
}

fn parse_color(word: &str, depth: ColorDepth) -> Option<Color> {
    if word == "default" {
        return Some(Color::Reset);
    }
    Some(nearest_supported(word.parse().ok()?, depth))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(words: &str, depth: ColorDepth) -> Style {
        let mut own = StyleOverrides::NONE;
        own.set("bad", words, depth).unwrap();
        assert_eq!(own.style(Role::Good), None);
        own.style(Role::Bad).unwrap()
    }

    #[test]
    fn set_parses_words_into_a_style() {
        let style = chosen("bold bright-red on #5f0000", ColorDepth::Indexed);
        assert_eq!(style, Style::new().fg(Color::LightRed).bg(Color::Indexed(52)).add_modifier(Modifier::BOLD));
        assert_eq!(chosen("202", ColorDepth::TrueColor).fg, Some(Color::Indexed(202)));
        assert_eq!(chosen("#ff0000", ColorDepth::Sixteen).fg, Some(Color::LightRed));
        assert_eq!(chosen("default underlined", ColorDepth::Sixteen).fg, Some(Color::Reset));
        assert_eq!(chosen("", ColorDepth::TrueColor), Style::new());
    }

    #[test]
    fn set_rejects_unknown_roles_and_words() {
        let error = |role: &str, words: &str| {
            StyleOverrides::NONE.clone().set(role, words, ColorDepth::TrueColor).unwrap_err().to_string()
        };
        assert!(error("worse", "red").starts_with("unknown role \"worse\"; the roles are normal, dim, title"));
        for (words, word) in [("pink2", "pink2"), ("red on", "on"), ("bold on blod", "blod"), ("300", "300")] {
            assert!(error("bad", words).starts_with(&format!("bad: \"{word}\" is not part")), "{words}");
        }
    }
}
