//! Keys, independent of any terminal library, and their names in text.

use std::fmt;
use std::time::Duration;

/// The key without modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyCode {
    /// A character; an upper case letter means that Shift was held.
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
    /// The key without modifiers.
    pub code: KeyCode,
    /// Ctrl was held.
    pub ctrl: bool,
    /// Alt was held.
    pub alt: bool,
    /// Shift was held; never set for characters and Shift-Tab, whose key code already includes Shift.
    pub shift: bool,
}

/// A key press, with the times that distinguish a person's key from a pasted or delayed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPress {
    /// The key.
    pub key: Key,
    /// Time at which the key was read from the terminal.
    pub read_at: Duration,
    /// Time without any input before the first byte of the key; zero if other input was read together with it, or if the
    /// input before it was incomplete, so that the key may be its rest.
    pub pause: Duration,
}

impl KeyPress {
    /// Input with shorter pauses is not typed by a person, but pasted, or delayed on the way and delivered at once.
    pub const BURST_GAP: Duration = Duration::from_millis(30);

    /// Returns whether other input arrived just before the key.
    pub(crate) fn is_in_burst(&self) -> bool {
        self.pause < Self::BURST_GAP
    }
}

/// Named keys: name between angle brackets, name on the screen, key code.
const NAMES: [(&str, &str, KeyCode); 17] = [
    ("ret", "↵", KeyCode::Enter),
    ("esc", "Esc", KeyCode::Esc),
    ("bs", "Backspace", KeyCode::Backspace),
    ("tab", "Tab", KeyCode::Tab),
    ("backtab", "Shift-Tab", KeyCode::BackTab),
    ("up", "↑", KeyCode::Up),
    ("down", "↓", KeyCode::Down),
    ("left", "←", KeyCode::Left),
    ("right", "→", KeyCode::Right),
    ("home", "Home", KeyCode::Home),
    ("end", "End", KeyCode::End),
    ("pgup", "PgUp", KeyCode::PageUp),
    ("pgdn", "PgDn", KeyCode::PageDown),
    ("space", "Space", KeyCode::Char(' ')),
    ("lt", "<", KeyCode::Char('<')),
    ("gt", ">", KeyCode::Char('>')),
    ("minus", "-", KeyCode::Char('-')),
];

impl Key {
    /// Creates a key without modifiers.
    pub const fn unmodified(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// Creates a character key without modifiers.
    pub const fn char(ch: char) -> Self {
        Self::unmodified(KeyCode::Char(ch))
    }

    /// Returns whether this is Ctrl-C.
    pub(crate) const fn is_ctrl_c(self) -> bool {
        matches!(self, Self { code: KeyCode::Char('c'), ctrl: true, alt: false, .. })
    }

    /// Parses a key name: `M`, `<f10>`, `<c-z>`, `<a-1>`, `<s-left>`, `<ret>`. Returns `None` for an unknown key.
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
            (Some(ch), None) => KeyCode::Char(ch),
            _ => match NAMES.iter().find(|(known, ..)| *known == inner) {
                Some((_, _, code)) => *code,
                None => KeyCode::F(inner.strip_prefix('f')?.parse().ok().filter(|number| (1..=24).contains(number))?),
            },
        };
        Some(key)
    }

    /// Returns why a terminal cannot send this key, or `None` if it can. Ctrl with a letter is sent as a control
    /// character, and some control characters stand for other keys.
    pub(crate) fn unsendable_reason(self) -> Option<String> {
        let sent_instead = |name: &str| Some(format!("terminals send {name} instead"));
        match self.code {
            KeyCode::Char(ch) if ch.is_control() => Some("it is a control character".to_owned()),
            KeyCode::Char(_) if self.shift => Some("write the character that Shift produces, such as A".to_owned()),
            KeyCode::Char(ch) if self.ctrl => match ch {
                'i' => sent_instead("<tab>"),
                'm' => sent_instead("<ret>"),
                '[' | '3' => sent_instead("<esc>"),
                '?' | '8' => sent_instead("<bs>"),
                '@' | '2' => sent_instead("<c-space>"),
                '4'..='7' => sent_instead(["<c-\\>", "<c-]>", "<c-^>", "<c-_>"][ch as usize - '4' as usize]),
                '/' => sent_instead("<c-_>"),
                'A'..='Z' => sent_instead(&format!("<c-{}>", ch.to_ascii_lowercase())),
                'a'..='z' | ' ' | '\\' | ']' | '^' | '_' => None,
                _ => Some("Ctrl works with letters, <space> and \\ ] ^ _".to_owned()),
            },
            KeyCode::Tab if self.shift || self.alt => sent_instead("<backtab>"),
            KeyCode::BackTab | KeyCode::Tab | KeyCode::Enter | KeyCode::Esc | KeyCode::Backspace
                if self.ctrl || self.shift =>
            {
                let name = NAMES.iter().find(|(_, _, code)| *code == self.code).map_or("", |(name, ..)| name);
                sent_instead(&format!("<{name}>"))
            }
            KeyCode::Esc if self.alt => sent_instead("<esc> twice"),
            KeyCode::Char('[' | 'O') if self.alt => Some("cursor and function keys begin with it".to_owned()),
            _ => None,
        }
    }

    /// Parses a sequence of keys: `jj<ret>M`.
    pub fn parse_sequence(keys: &str) -> Option<Vec<Self>> {
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

/// ASCII names of the symbols in [`NAMES`].
const ASCII: [(&str, &str); 5] = [("↵", "Enter"), ("↑", "Up"), ("↓", "Down"), ("←", "Left"), ("→", "Right")];

impl Key {
    /// Returns the name shown on the screen, in ASCII if `ascii` is set.
    pub fn label(self, ascii: bool) -> String {
        let label = self.to_string();
        let named = ASCII.iter().find(|(sign, _)| ascii && label.ends_with(sign));
        named.map_or(label.clone(), |(sign, name)| label.replace(sign, name))
    }
}

impl fmt::Display for Key {
    /// Writes the name shown on the screen, such as `M`, `F10` or `Ctrl-z`.
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
            KeyCode::F(number) => write!(f, "F{number}"),
            code => match (NAMES.iter().find(|(_, _, known)| *known == code), code) {
                (Some((_, label, _)), _) => f.write_str(label),
                (None, KeyCode::Char(ch)) => write!(f, "{ch}"),
                (None, _) => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_parse_and_display_agree() {
        for (name, label) in [
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
            assert_eq!(Key::parse(name).map(|key| key.to_string()).as_deref(), Some(label), "{name}");
        }
        assert_eq!(Key::parse("<ret>").unwrap().label(true), "Enter");
        assert_eq!(Key::parse("<c-left>").unwrap().label(true), "Ctrl-Left");
        assert_eq!(Key::parse("<f99>"), None);
        assert_eq!(Key::parse("<nonsense>"), None);
        assert_eq!(Key::parse(""), None);
    }

    #[test]
    fn unsendable_reason_names_what_a_terminal_sends() {
        let reason = |name: &str| Key::parse(name).unwrap().unsendable_reason();
        for (name, sent) in [
            ("<c-i>", "<tab>"),
            ("<c-m>", "<ret>"),
            ("<c-[>", "<esc>"),
            ("<c-4>", "<c-\\>"),
            ("<c-7>", "<c-_>"),
            ("<c-M>", "<c-m>"),
            ("<c-ret>", "<ret>"),
            ("<s-bs>", "<bs>"),
            ("<s-tab>", "<backtab>"),
            ("<a-tab>", "<backtab>"),
            ("<c-backtab>", "<backtab>"),
            ("<a-esc>", "<esc> twice"),
        ] {
            assert_eq!(reason(name).as_deref(), Some(format!("terminals send {sent} instead").as_str()), "{name}");
        }
        for name in ["<s-a>", "<c-é>", "\t", "<a-[>", "<a-O>"] {
            assert!(reason(name).is_some(), "{name:?}");
        }
        for name in ["a", "é", "<c-a>", "<c-space>", "<c-\\>", "<s-up>", "<c-f5>", "<a-M>", "<a-ret>", "<backtab>"] {
            assert_eq!(reason(name), None, "{name}");
        }
    }

    #[test]
    fn parse_sequence_splits_keys() {
        let keys = Key::parse_sequence("j<ret>M<c-d><").unwrap();
        let label: Vec<String> = keys.iter().map(Key::to_string).collect();
        assert_eq!(label, ["j", "↵", "M", "Ctrl-d", "<"]);
    }
}
