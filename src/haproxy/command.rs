//! Commands, built by one typed function each from names that HAProxy itself reported.
//!
//! A command is one line on which `;` separates, `\` escapes, a blank ends a word and `<<` opens a payload;
//! quotes mean nothing. A name that holds any of them, or that had to be escaped to be shown, is refused:
//! it would become another command.

use std::fmt::{self, Write as _};
use std::time::Duration;

use thiserror::Error;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::SessionFilter;
use crate::haproxy::stick_tables::DataFilter;
use crate::haproxy::version::Version;

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
        let what = if text.contains('/') {
            "\"/\""
        } else if text.starts_with('#') {
            "a leading \"#\", which means a number"
        } else {
            return Self::value(name);
        };
        Err(BadName { name: name.clone(), what })
    }

    /// Checks what is no name, such as a key of a stick table: it may hold `/` and begin with `#`.
    ///
    /// # Errors
    /// When it holds a character that the command line gives a meaning.
    pub fn value(value: &SafeText) -> Result<Self, BadName> {
        let text = value.as_str();
        let what = if !value.is_verbatim() {
            "characters that cannot be shown as they are"
        } else if text.is_empty() {
            "nothing"
        } else if text.contains("<<") {
            "\"<<\", which begins a payload"
        } else if text.contains(|ch: char| ch.is_whitespace()) {
            "a blank"
        } else if text.contains([';', '\\']) {
            "\";\" or \"\\\""
        } else {
            return Ok(Self(value.clone()));
        };
        Err(BadName { name: value.clone(), what })
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `show servers state BACKEND` (1.6 and newer): what was ordered, read back.
pub fn show_servers_state(backend: &Word) -> String {
    format!("show servers state {backend}")
}

/// The same of every backend.
pub const SHOW_ALL_SERVERS_STATE: &str = "show servers state";

/// The status, sessions and all other numbers of one backend's servers, by the backend's number. A name
/// would find a frontend that has the same one.
pub fn show_backend_servers(iid: i64) -> String {
    format!("show stat {iid} 4 -1")
}

/// The same of one frontend.
pub fn show_frontend(iid: i64) -> String {
    format!("show stat {iid} 1 -1")
}

/// Frontends and backends alone: cheap however many servers there are.
pub const SHOW_PROXIES: &str = "show stat -1 3 -1";

/// `show table NAME key KEY`: one entry, or none.
pub fn show_table_entry(table: &Word, key: &Word) -> String {
    format!("show table {table} key {key}")
}

/// `show sess`, with those of the filter's words that this version understands: `older` from 3.0 on, `server`,
/// `backend` and `frontend` from 3.2 on. Older versions ignore such words and list everything, so the answer
/// must be filtered all the same. A name that is no word of a command is left to that as well.
pub fn show_sessions(filter: &SessionFilter, version: Option<Version>) -> String {
    let since = |major, minor| version.is_some_and(|version| version >= Version::new(major, minor));
    let mut line = "show sess".to_owned();
    // `older` comes in place of `all` on 3.0, and then lists in full as well; on 3.2 it is an option.
    let older = filter.older.filter(|older| since(3, 0) && *older <= LONGEST_AGE).map(|older| older.as_secs());
    if filter.in_full && (older.is_none() || since(3, 2)) {
        line.push_str(" all");
    }
    // Writing to a String cannot fail.
    let mut add = |words: fmt::Arguments<'_>| line.write_fmt(words).unwrap_or_default();
    if since(3, 2) {
        let word = |name: &Option<SafeText>| name.as_ref().and_then(|name| Word::new(name).ok());
        match (word(&filter.backend), word(&filter.server)) {
            (Some(backend), Some(server)) => add(format_args!(" server {backend}/{server}")),
            (Some(backend), None) => add(format_args!(" backend {backend}")),
            (None, _) => {}
        }
        if let Some(frontend) = word(&filter.frontend) {
            add(format_args!(" frontend {frontend}"));
        }
    }
    if let Some(seconds) = older {
        add(format_args!(" older {seconds}s"));
    }
    line
}

/// HAProxy counts such times in milliseconds of 32 bits; half of that is plenty.
const LONGEST_AGE: Duration = Duration::from_hours(24 * 24);

/// `show sess ID`: one session in full.
pub fn show_session(id: &Word) -> String {
    format!("show sess {id}")
}

/// `show table`: the tables with their size and use; 1.5 and newer, any level.
pub const SHOW_TABLES: &str = "show table";

/// `show table NAME [data.COUNTER OP N]`. One condition only: old versions take no second. On 2.0,
/// which refuses them all, and for a counter that is no word of a command, the answer must be filtered.
pub fn show_table_entries(table: &Word, filter: Option<&DataFilter>, version: Option<Version>) -> String {
    let filter = filter.filter(|_| version != Some(Version::new(2, 0)));
    match filter.and_then(|filter| Some((Word::new(&filter.counter).ok()?, filter))) {
        Some((counter, filter)) => {
            format!("show table {table} data.{counter} {} {}", filter.comparison.word(), filter.limit)
        }
        None => format!("show table {table}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_read_as_haproxy_wants_them() {
        let backend = Word::new(&"be_app".into()).unwrap();
        assert_eq!(show_servers_state(&backend), "show servers state be_app");
        assert_eq!((show_backend_servers(5), show_frontend(2)), ("show stat 5 4 -1".into(), "show stat 2 1 -1".into()));
        assert_eq!(show_table_entry(&backend, &backend), "show table be_app key be_app");
    }

    #[test]
    fn names_that_would_be_another_command_are_refused() {
        for name in ["a;b", "a b", "a\tb", "a\nb", "a\\b", "<<", "a<<b", "", "a/b", "#1", "a\u{301}", "a\u{3000}b"] {
            assert!(Word::new(&name.into()).is_err(), "{name:?}");
        }
        assert!(Word::new(&SafeText::new(&[b'x'; 2000])).is_err());
        assert!(Word::new(&"x".repeat(200).as_str().into()).is_ok());
        assert!(Word::new(&"日本".into()).is_ok(), "wide, but one word");
        assert!(Word::value(&"/a/b#c".into()).is_ok() && Word::value(&"#1".into()).is_ok());
        for value in ["a;b", "a b", "a\\b", "a<<b", "", "\u{202e}x"] {
            assert!(Word::value(&value.into()).is_err(), "{value:?}");
        }
    }

    #[test]
    fn filters_are_sent_only_where_they_are_understood() {
        let filter = SessionFilter {
            frontend: Some("fe_web".into()),
            backend: Some("be_slow".into()),
            server: Some("slow1".into()),
            older: Some(Duration::from_secs(90)),
            in_full: false,
        };
        let line = |filter: &SessionFilter, version| show_sessions(filter, version);
        assert_eq!(line(&filter, None), "show sess");
        assert_eq!(line(&filter, Some(Version::new(2, 6))), "show sess");
        assert_eq!(line(&filter, Some(Version::new(3, 0))), "show sess older 90s");
        let all_words = "show sess server be_slow/slow1 frontend fe_web older 90s";
        assert_eq!(line(&filter, Some(Version::new(3, 2))), all_words);
        let full = SessionFilter { in_full: true, server: None, frontend: None, ..filter.clone() };
        assert_eq!(line(&full, Some(Version::new(2, 6))), "show sess all");
        assert_eq!(line(&full, Some(Version::new(3, 0))), "show sess older 90s", "which is in full there");
        assert_eq!(line(&full, Some(Version::new(3, 2))), "show sess all backend be_slow older 90s");
        let odd = SessionFilter { backend: Some("a;b".into()), older: Some(Duration::MAX), ..SessionFilter::default() };
        assert_eq!(line(&odd, Some(Version::new(3, 2))), "show sess");
    }

    #[test]
    fn entries_are_asked_for_with_one_condition() {
        let table = Word::new(&"st_src".into()).unwrap();
        let comparison = crate::haproxy::stick_tables::Comparison::Greater;
        let filter = DataFilter { counter: "conn_rate".into(), comparison, limit: 10 };
        let line = |filter, version| show_table_entries(&table, filter, version);
        assert_eq!(line(None, None), "show table st_src");
        assert_eq!(line(Some(&filter), None), "show table st_src data.conn_rate gt 10");
        assert_eq!(line(Some(&filter), Some(Version::new(2, 0))), "show table st_src");
        let odd = DataFilter { counter: "a b".into(), ..filter };
        assert_eq!(line(Some(&odd), None), "show table st_src");
        assert_eq!(show_session(&Word::new(&"0x7f12".into()).unwrap()), "show sess 0x7f12");
    }

    proptest! {
        #[test]
        fn a_word_is_one_word(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(word) = Word::new(&SafeText::new(&bytes)) {
                let line = show_servers_state(&word);
                prop_assert_eq!(line.split_whitespace().count(), 4);
                prop_assert!(!line.contains(';') && !line.contains('\\') && !line.contains("<<"));
            }
        }
    }
}
