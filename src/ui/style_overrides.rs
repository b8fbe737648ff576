//! Styles that the user chooses, by role.

use ratatui::style::{Color, Modifier, Style};
use thiserror::Error;

use crate::table::cell::Role;
use crate::ui::color::{Depth, within};
use crate::ui::roles::ROLES;

/// The styles that are chosen; the theme's for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own([Option<Style>; ROLES.len()]);

/// Why a style cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadStyle {
    /// No such role.
    #[error("there is no role \"{0}\"; there are {known}", known = names())]
    NoSuchRole(String),
    /// A word that is no part of a style.
    #[error(
        "{role}: \"{word}\" is no part of a style: write a colour (red, bright-red, 0 to 255, #ff5f00), \
        on and a colour, or bold, dim, italic, underlined, reversed"
    )]
    NoSuchWord {
        /// The role.
        role: String,
        /// As written.
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

fn names() -> String {
    ROLES.iter().map(|row| row.name).collect::<Vec<_>>().join(", ")
}

impl Own {
    /// None is chosen.
    pub const NONE: Self = Self([None; ROLES.len()]);

    /// The style of a role, where one is chosen.
    pub fn style(&self, role: Role) -> Option<Style> {
        self.0[role as usize]
    }

    /// Chooses the style of a role: `bold bright-red on #202020`; colours beyond what the terminal has come down to
    /// the nearest it has.
    ///
    /// # Errors
    /// When there is no such role, or a word means nothing.
    pub fn choose(&mut self, role: &str, words: &str, depth: Depth) -> Result<(), BadStyle> {
        let place = ROLES.iter().position(|row| row.name == role);
        let place = place.ok_or_else(|| BadStyle::NoSuchRole(role.to_owned()))?;
        let bad = |word: &str| BadStyle::NoSuchWord { role: role.to_owned(), word: word.to_owned() };
        let mut style = Style::new();
        let mut words = words.split_whitespace();
        while let Some(word) = words.next() {
            let is_modifier = |(name, _): &&(&str, Modifier)| *name == word;
            if let Some((_, modifier)) = MODIFIERS.iter().find(is_modifier) {
                style = style.add_modifier(*modifier);
            } else if word == "on" {
                let word = words.next().ok_or_else(|| bad("on"))?;
                style = style.bg(colour(word, depth).ok_or_else(|| bad(word))?);
            } else {
                style = style.fg(colour(word, depth).ok_or_else(|| bad(word))?);
            }
        }
        self.0[place] = Some(style);
        Ok(())
    }
}

fn colour(word: &str, depth: Depth) -> Option<Color> {
    if word == "default" {
        return Some(Color::Reset);
    }
    Some(within(word.parse().ok()?, depth))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(words: &str, depth: Depth) -> Style {
        let mut own = Own::NONE;
        own.choose("bad", words, depth).unwrap();
        assert_eq!(own.style(Role::Good), None);
        own.style(Role::Bad).unwrap()
    }

    #[test]
    fn words_make_a_style() {
        let style = chosen("bold bright-red on #5f0000", Depth::Indexed);
        assert_eq!(style, Style::new().fg(Color::LightRed).bg(Color::Indexed(52)).add_modifier(Modifier::BOLD));
        assert_eq!(chosen("202", Depth::True).fg, Some(Color::Indexed(202)));
        assert_eq!(chosen("#ff0000", Depth::Sixteen).fg, Some(Color::LightRed));
        assert_eq!(chosen("default underlined", Depth::Sixteen).fg, Some(Color::Reset));
        assert_eq!(chosen("", Depth::True), Style::new());
    }

    #[test]
    fn what_is_no_style_is_told() {
        let told =
            |role: &str, words: &str| Own::NONE.clone().choose(role, words, Depth::True).unwrap_err().to_string();
        assert!(told("worse", "red").starts_with("there is no role \"worse\"; there are normal, dim, title"));
        for (words, word) in [("pink2", "pink2"), ("red on", "on"), ("bold on blod", "blod"), ("300", "300")] {
            assert!(told("bad", words).starts_with(&format!("bad: \"{word}\" is no part")), "{words}");
        }
    }
}
