//! Commands, built by one typed function each from names that HAProxy itself reported.
//!
//! A command is one line on which `;` separates, `\` escapes, a blank ends a word and `<<` opens a payload;
//! quotes mean nothing. A name that holds any of them, or that had to be escaped to be shown, is refused:
//! it would become another command.

use std::fmt;

use thiserror::Error;

use crate::haproxy::text::SafeText;

/// Why a name cannot stand in a command.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the name \"{name}\" cannot be put into a command: it holds {what}")]
pub struct BadName {
    name: SafeText,
    what: &'static str,
}

/// A name that is exactly one word of a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Word(SafeText);

impl Word {
    /// Checks a name.
    ///
    /// # Errors
    /// When the name holds a character that the command line gives a meaning.
    pub fn new(name: &SafeText) -> Result<Self, BadName> {
        let text = name.as_str();
        let what = if !name.is_verbatim() {
            "characters that cannot be shown as they are"
        } else if text.is_empty() {
            "nothing"
        } else if text.contains("<<") {
            "\"<<\", which begins a payload"
        } else if text.contains(|ch: char| ch.is_whitespace()) {
            "a blank"
        } else if text.contains([';', '\\', '/']) {
            "\";\", \"\\\" or \"/\""
        } else if text.starts_with('#') {
            "a leading \"#\", which means a number"
        } else {
            return Ok(Self(name.clone()));
        };
        Err(BadName { name: name.clone(), what })
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The administrative state to order for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Takes traffic: ends both drain and maintenance.
    Ready,
    /// Takes no new sessions; those present go on. Checks go on.
    Drain,
    /// Takes nothing; checks stop.
    Maint,
}

impl Order {
    /// HAProxy's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maint => "maint",
        }
    }
}

/// `set server BACKEND/SERVER state …` (1.6 and newer, and 1.5).
pub fn set_server_state(backend: &Word, server: &Word, order: Order) -> String {
    format!("set server {backend}/{server} state {}", order.word())
}

/// `show servers state BACKEND` (1.6 and newer): what was ordered, read back.
pub fn show_servers_state(backend: &Word) -> String {
    format!("show servers state {backend}")
}

/// The status, sessions and all other numbers of one backend's servers, by the backend's number. A name
/// would find a frontend that has the same one.
pub fn show_backend_servers(iid: i64) -> String {
    format!("show stat {iid} 4 -1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_read_as_haproxy_wants_them() {
        let (backend, server) = (Word::new(&"be_app".into()).unwrap(), Word::new(&"app1".into()).unwrap());
        assert_eq!(set_server_state(&backend, &server, Order::Maint), "set server be_app/app1 state maint");
        assert_eq!(show_servers_state(&backend), "show servers state be_app");
        assert_eq!(show_backend_servers(5), "show stat 5 4 -1");
    }

    #[test]
    fn names_that_would_be_another_command_are_refused() {
        for name in ["a;b", "a b", "a\tb", "a\nb", "a\\b", "<<", "a<<b", "", "a/b", "#1", "a\u{301}", "a\u{3000}b"] {
            assert!(Word::new(&name.into()).is_err(), "{name:?}");
        }
        assert!(Word::new(&SafeText::new(&[b'x'; 2000])).is_err());
        assert!(Word::new(&"x".repeat(200).as_str().into()).is_ok());
        assert!(Word::new(&"日本".into()).is_ok(), "wide, but one word");
    }

    proptest! {
        #[test]
        fn a_word_is_one_word(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(word) = Word::new(&SafeText::new(&bytes)) {
                let line = set_server_state(&word, &word, Order::Drain);
                prop_assert_eq!(line.split_whitespace().count(), 5);
                prop_assert!(!line.contains(';') && !line.contains('\\') && !line.contains("<<"));
            }
        }
    }
}
