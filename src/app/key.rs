//! Keys, apart from any terminal library, and their names in text.

use std::fmt;

/// What was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// A character; an upper case letter says that Shift was held.
    Char(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Backspace.
    Backspace,
    /// Tab.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key, from 1.
    F(u8),
}

/// One key press.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// What was pressed.
    pub code: Code,
    /// With Ctrl held.
    pub ctrl: bool,
    /// With Alt held.
    pub alt: bool,
    /// With Shift held, on the keys that have no other sign of it: cursor left and right.
    pub shift: bool,
}

/// The named keys, as they are written between angle brackets and as people read them.
const NAMES: [(&str, &str, Code); 17] = [
    ("ret", "↵", Code::Enter),
    ("esc", "Esc", Code::Esc),
    ("bs", "Backspace", Code::Backspace),
    ("tab", "Tab", Code::Tab),
    ("backtab", "Shift-Tab", Code::BackTab),
    ("up", "↑", Code::Up),
    ("down", "↓", Code::Down),
    ("left", "←", Code::Left),
    ("right", "→", Code::Right),
    ("home", "Home", Code::Home),
    ("end", "End", Code::End),
    ("pgup", "PgUp", Code::PageUp),
    ("pgdn", "PgDn", Code::PageDown),
    ("space", "Space", Code::Char(' ')),
    ("lt", "<", Code::Char('<')),
    ("gt", ">", Code::Char('>')),
    ("minus", "-", Code::Char('-')),
];

impl Key {
    /// A key without Ctrl, Alt and Shift.
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// A character key.
    pub const fn char(ch: char) -> Self {
        Self::plain(Code::Char(ch))
    }

    /// Reads one key name: `M`, `<f10>`, `<c-z>`, `<a-1>`, `<s-left>`, `<ret>`. Nothing when there is no such key.
    pub fn parse(name: &str) -> Option<Self> {
        let mut chars = name.chars();
        if let (Some(ch), None) = (chars.next(), chars.next()) {
            return Some(Self::char(ch));
        }
        let mut inner = name.strip_prefix('<')?.strip_suffix('>')?;
        let mut key = Self::char(' ');
        loop {
            if let Some(rest) = inner.strip_prefix("c-") {
                (key.ctrl, inner) = (true, rest);
            } else if let Some(rest) = inner.strip_prefix("a-") {
                (key.alt, inner) = (true, rest);
            } else if let Some(rest) = inner.strip_prefix("s-") {
                (key.shift, inner) = (true, rest);
            } else {
                break;
            }
        }
        let mut chars = inner.chars();
        key.code = match (chars.next(), chars.next()) {
            (Some(ch), None) => Code::Char(ch),
            _ => match NAMES.iter().find(|(known, ..)| *known == inner) {
                Some((_, _, code)) => *code,
                None => Code::F(inner.strip_prefix('f')?.parse().ok().filter(|number| (1..=24).contains(number))?),
            },
        };
        Some(key)
    }

    /// Reads a sequence of keys: `jj<ret>M`.
    pub fn parse_all(keys: &str) -> Option<Vec<Self>> {
        let mut rest = keys;
        let mut all = Vec::new();
        while let Some(first) = rest.chars().next() {
            let length = match rest.strip_prefix('<').and_then(|inner| inner.find('>')) {
                Some(end) if end > 0 => end + 2,
                _ => first.len_utf8(),
            };
            all.push(Self::parse(&rest[..length])?);
            rest = &rest[length..];
        }
        Some(all)
    }
}

/// What the signs on keys are called where only ASCII is to be drawn.
const ASCII: [(&str, &str); 5] = [("↵", "Enter"), ("↑", "Up"), ("↓", "Down"), ("←", "Left"), ("→", "Right")];

impl Key {
    /// As people read it, in ASCII where asked for.
    pub fn label(self, ascii: bool) -> String {
        let shown = self.to_string();
        let named = ASCII.iter().find(|(sign, _)| ascii && shown.ends_with(sign));
        named.map_or(shown.clone(), |(sign, name)| shown.replace(sign, name))
    }
}

impl fmt::Display for Key {
    /// As people read it: `M`, `F10`, `Ctrl-z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        if self.shift {
            f.write_str("Shift-")?;
        }
        match self.code {
            Code::F(number) => write!(f, "F{number}"),
            code => match (NAMES.iter().find(|(_, _, known)| *known == code), code) {
                (Some((_, shown, _)), _) => f.write_str(shown),
                (None, Code::Char(ch)) => write!(f, "{ch}"),
                (None, _) => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_shown() {
        for (name, shown) in [
            ("M", "M"),
            ("?", "?"),
            ("<f10>", "F10"),
            ("<c-z>", "Ctrl-z"),
            ("<a-1>", "Alt-1"),
            ("<s-left>", "Shift-←"),
            ("<pgdn>", "PgDn"),
            ("<backtab>", "Shift-Tab"),
            ("<lt>", "<"),
            ("<", "<"),
            ("<space>", "Space"),
        ] {
            assert_eq!(Key::parse(name).map(|key| key.to_string()).as_deref(), Some(shown), "{name}");
        }
        assert_eq!(Key::parse("<ret>").unwrap().label(true), "Enter");
        assert_eq!(Key::parse("<c-left>").unwrap().label(true), "Ctrl-Left");
        assert_eq!(Key::parse("<f99>"), None);
        assert_eq!(Key::parse("<nonsense>"), None);
        assert_eq!(Key::parse(""), None);
    }

    #[test]
    fn sequences_are_split() {
        let keys = Key::parse_all("j<ret>M<c-d><").unwrap();
        let shown: Vec<String> = keys.iter().map(Key::to_string).collect();
        assert_eq!(shown, ["j", "↵", "M", "Ctrl-d", "<"]);
    }
}
