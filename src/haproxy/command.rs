//! Read-only Runtime API commands, built from names that HAProxy reported.
//!
//! On a command line, `;` separates commands, `\` escapes the next character, white space ends a word and `<<` starts a
//! payload; quotes have no meaning. A name that contains any of these, or that was escaped for display, is rejected,
//! because it would change the command.

use std::fmt::{self, Write as _};
use std::time::Duration;

use thiserror::Error;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::SessionFilter;
use crate::haproxy::stick_tables::DataFilter;
use crate::haproxy::version::Version;

/// The error for a name that cannot be used in a command.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the name \"{name}\" cannot be used in a command: {reason}")]
pub struct WordError {
    name: SafeText,
    reason: &'static str,
}

/// A string that is exactly one word of a command. Each kind of argument has its own grammar: [`CommandWord::new`] for
/// proxies and servers, which HAProxy joins with `/` and also accepts as `#ID`; [`CommandWord::from_table_name`] for
/// stick tables; [`CommandWord::from_value`] for all other values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommandWord(SafeText);

impl CommandWord {
    /// Checks the name of a proxy or server and returns it as a word.
    ///
    /// # Errors
    /// Returns an error if the name contains a character that has a meaning on the command line.
    pub fn new(name: &SafeText) -> Result<Self, WordError> {
        let text = name.as_str();
        let reason = if text.contains('/') {
            "it contains \"/\""
        } else if text.starts_with('#') {
            "it contains a leading \"#\", which introduces a numeric id"
        } else {
            return Self::from_value(name);
        };
        Err(WordError { name: name.clone(), reason })
    }

    /// Checks the name of a stick table and returns it as a word. The tables of a `peers` section are named
    /// `SECTION/TABLE`, and HAProxy knows no numeric ids for tables.
    ///
    /// # Errors
    /// Returns an error if the name contains a character that has a meaning on the command line.
    pub fn from_table_name(name: &SafeText) -> Result<Self, WordError> {
        Self::from_value(name)
    }

    /// Checks a value that is not a name, such as a stick table key, and returns it as a word. The value may contain
    /// `/` and begin with `#`.
    ///
    /// # Errors
    /// Returns an error if the value contains a character that has a meaning on the command line.
    pub fn from_value(value: &SafeText) -> Result<Self, WordError> {
        let text = value.as_str();
        let reason = if !value.is_verbatim() {
            "it contains characters that cannot be displayed as they are"
        } else if text.is_empty() {
            "it is empty"
        } else if text.contains("<<") {
            "it contains \"<<\", which starts a payload"
        } else if text.contains(|ch: char| ch.is_whitespace()) {
            "it contains white space"
        } else if text.contains([';', '\\']) {
            "it contains \";\" or \"\\\""
        } else {
            return Ok(Self(value.clone()));
        };
        Err(WordError { name: value.clone(), reason })
    }
}

impl fmt::Display for CommandWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Builds `show servers state BACKEND` (1.6 and newer), which reports the administrative states.
pub fn show_servers_state(backend: &CommandWord) -> String {
    format!("show servers state {backend}")
}

/// Command that reports the administrative states of the servers of all backends (1.6 and newer).
pub(crate) const SHOW_ALL_SERVERS_STATE: &str = "show servers state";

/// Command that reports all rows.
pub(crate) const SHOW_STAT: &str = "show stat";

/// Builds `show stat IID 7 -1`, which reports one backend and its servers. The command contains the numeric id of the
/// backend, because a frontend could have the same name.
pub(crate) fn show_backend(iid: i64) -> String {
    format!("show stat {iid} 7 -1")
}

/// Builds `show stat IID 1 -1`, which reports all columns of one frontend.
pub(crate) fn show_frontend(iid: i64) -> String {
    format!("show stat {iid} 1 -1")
}

/// Command that reports only frontends and backends; cheap regardless of the number of servers.
pub(crate) const SHOW_PROXIES: &str = "show stat -1 3 -1";

/// Builds `show table NAME key KEY`, which reports at most one entry.
pub fn show_table_entry(table: &CommandWord, key: &CommandWord) -> String {
    format!("show table {table} key {key}")
}

/// Builds `show sess` with the filter words that `version` supports: `older` since 3.0; `show-uri` since 3.1; `server`,
/// `backend` and `frontend` since 3.2. Older versions ignore these words and list all sessions, so the caller must also filter the
/// reply. Names that are not valid command words are omitted from the command.
pub fn show_sessions(filter: &SessionFilter, version: Option<Version>) -> String {
    let since = |major, minor| version.is_some_and(|version| version >= Version::new(major, minor));
    let mut line = "show sess".to_owned();
    // On 3.0, `older` replaces `all` and lists all details as well. Since 3.2, both can be given.
    let older = filter.min_age.filter(|age| since(3, 0) && *age <= MAX_AGE_FILTER).map(|age| age.as_secs());
    if filter.all_details && (older.is_none() || since(3, 2)) {
        line.push_str(" all");
    }
    if filter.with_uri && since(3, 1) {
        line.push_str(" show-uri");
    }
    // Writing to a String cannot fail.
    let mut add = |words: fmt::Arguments<'_>| line.write_fmt(words).unwrap_or_default();
    if since(3, 2) {
        let word = |name: &Option<SafeText>| name.as_ref().and_then(|name| CommandWord::new(name).ok());
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

/// The longest age sent in a filter. HAProxy stores the age as 32-bit milliseconds; 24 days are about half of that
/// range.
const MAX_AGE_FILTER: Duration = Duration::from_hours(24 * 24);

/// Builds `show sess ID`, which reports all details of one session.
pub(crate) fn show_session(id: &CommandWord) -> String {
    format!("show sess {id}")
}

/// Command that reports all stick tables with their size and usage; 1.5 and newer, any level.
pub(crate) const SHOW_TABLES: &str = "show table";

/// Builds `show table NAME [data.COUNTER OP N]`. There is at most one condition, because old versions do not accept
/// more. The condition is omitted for 2.0, which rejects all conditions, and for a counter whose name is not a valid
/// command word; in these cases, the caller must filter the reply.
pub fn show_table_entries(table: &CommandWord, filter: Option<&DataFilter>, version: Option<Version>) -> String {
    let filter = filter.filter(|_| version != Some(Version::new(2, 0)));
    match filter.and_then(|filter| Some((CommandWord::new(&filter.counter).ok()?, filter))) {
        Some((counter, filter)) => {
            format!("show table {table} data.{counter} {} {}", filter.comparison.as_str(), filter.limit)
        }
        None => format!("show table {table}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_have_the_syntax_of_haproxy() {
        let backend = CommandWord::new(&"be_app".into()).unwrap();
        assert_eq!(show_servers_state(&backend), "show servers state be_app");
        assert_eq!((show_backend(5), show_frontend(2)), ("show stat 5 7 -1".into(), "show stat 2 1 -1".into()));
        assert_eq!(show_table_entry(&backend, &backend), "show table be_app key be_app");
    }

    #[test]
    fn new_rejects_names_that_would_change_the_command() {
        for name in ["a;b", "a b", "a\tb", "a\nb", "a\\b", "<<", "a<<b", "", "a/b", "#1", "a\u{301}", "a\u{3000}b"] {
            assert!(CommandWord::new(&name.into()).is_err(), "{name:?}");
        }
        assert!(CommandWord::new(&SafeText::new(&[b'x'; 2000])).is_err());
        assert!(CommandWord::new(&"x".repeat(200).as_str().into()).is_ok());
        assert!(CommandWord::new(&"日本".into()).is_ok(), "wide characters form one word");
        assert!(CommandWord::from_table_name(&"cluster/t".into()).is_ok());
        assert!(CommandWord::from_value(&"/a/b#c".into()).is_ok() && CommandWord::from_value(&"#1".into()).is_ok());
        for value in ["a;b", "a b", "a\\b", "a<<b", "", "\u{202e}x"] {
            assert!(CommandWord::from_value(&value.into()).is_err(), "{value:?}");
        }
    }

    #[test]
    fn show_sessions_sends_filters_only_to_versions_that_understand_them() {
        let filter = SessionFilter {
            frontend: Some("fe_web".into()),
            backend: Some("be_slow".into()),
            server: Some("slow1".into()),
            min_age: Some(Duration::from_secs(90)),
            with_uri: false,
            all_details: false,
        };
        let line = |filter: &SessionFilter, version| show_sessions(filter, version);
        assert_eq!(line(&filter, None), "show sess");
        assert_eq!(line(&filter, Some(Version::new(2, 6))), "show sess");
        assert_eq!(line(&filter, Some(Version::new(3, 0))), "show sess older 90s");
        let all_words = "show sess server be_slow/slow1 frontend fe_web older 90s";
        assert_eq!(line(&filter, Some(Version::new(3, 2))), all_words);
        let full = SessionFilter { all_details: true, server: None, frontend: None, ..filter.clone() };
        assert_eq!(line(&full, Some(Version::new(2, 6))), "show sess all");
        assert_eq!(line(&full, Some(Version::new(3, 0))), "show sess older 90s", "3.0 lists all details with older");
        assert_eq!(line(&full, Some(Version::new(3, 2))), "show sess all backend be_slow older 90s");
        let with_uri = SessionFilter { with_uri: true, ..SessionFilter::default() };
        assert_eq!(line(&with_uri, Some(Version::new(3, 0))), "show sess");
        assert_eq!(line(&with_uri, Some(Version::new(3, 1))), "show sess show-uri");
        let invalid =
            SessionFilter { backend: Some("a;b".into()), min_age: Some(Duration::MAX), ..SessionFilter::default() };
        assert_eq!(line(&invalid, Some(Version::new(3, 2))), "show sess");
    }

    #[test]
    fn show_table_entries_sends_one_condition() {
        let table = CommandWord::new(&"st_src".into()).unwrap();
        let comparison = crate::haproxy::stick_tables::DataComparison::Greater;
        let filter = DataFilter { counter: "conn_rate".into(), comparison, limit: 10 };
        let line = |filter, version| show_table_entries(&table, filter, version);
        assert_eq!(line(None, None), "show table st_src");
        assert_eq!(line(Some(&filter), None), "show table st_src data.conn_rate gt 10");
        assert_eq!(line(Some(&filter), Some(Version::new(2, 0))), "show table st_src");
        let invalid = DataFilter { counter: "a b".into(), ..filter };
        assert_eq!(line(Some(&invalid), None), "show table st_src");
        assert_eq!(show_session(&CommandWord::new(&"0x7f12".into()).unwrap()), "show sess 0x7f12");
    }

    proptest! {
        #[test]
        fn command_word_is_always_one_word(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(word) = CommandWord::new(&SafeText::new(&bytes)) {
                let line = show_servers_state(&word);
                prop_assert_eq!(line.split_whitespace().count(), 4);
                prop_assert!(!line.contains(';') && !line.contains('\\') && !line.contains("<<"));
            }
        }
    }
}
