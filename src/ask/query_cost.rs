//! How much care a question needs: its level, its pause and its warning.
//!
//! Nothing here is ever asked by itself: only a key or a typed line asks, and not more often than this table
//! says, whichever of the two it was.

use std::time::Duration;

use crate::ask::known_crashes::begins_with;
use crate::haproxy::level::Level;

/// What a question costs and needs.
#[derive(Debug, PartialEq, Eq)]
pub struct Care {
    /// Its name in configuration and key map.
    pub id: &'static str,
    /// The words its command begins with; `*` stands for any one word.
    pub words: &'static [&'static str],
    /// The least level of the socket.
    pub level: Level,
    /// The least time between two of them.
    pub pause: Duration,
    /// What to say before it is asked; empty when there is nothing to warn of.
    pub warning: &'static str,
}

/// Between two of the expensive ones.
const LONG: Duration = Duration::from_secs(10);
/// Between two of the cheap ones: a key that is held down.
const SHORT: Duration = Duration::from_secs(1);

const STOPS_ALL: &str = "show sess stops all threads of HAProxy while it fills each buffer (16 kB, about 60 sessions)";

const HEAVY: &str = "a busy HAProxy feels this one: not more often than every ten seconds";

/// Every question that is not polled. The first row whose words fit a command is its own, so a longer one
/// comes before a shorter one.
pub static QUERIES: [Care; 10] = [
    Care {
        id: "sessions.full",
        words: &["show", "sess", "all"],
        level: Level::Operator,
        pause: LONG,
        warning: STOPS_ALL,
    },
    Care { id: "sessions", words: &["show", "sess"], level: Level::Operator, pause: LONG, warning: STOPS_ALL },
    Care {
        id: "table.entries",
        words: &["show", "table", "*"],
        level: Level::Operator,
        pause: LONG,
        warning: "show table NAME locks the table while it is read: requests that use it wait",
    },
    Care { id: "tables", words: &["show", "table"], level: Level::User, pause: SHORT, warning: "" },
    Care { id: "help", words: &["help"], level: Level::User, pause: SHORT, warning: "" },
    Care { id: "threads", words: &["show", "threads"], level: Level::Operator, pause: LONG, warning: HEAVY },
    Care { id: "fd", words: &["show", "fd"], level: Level::Operator, pause: LONG, warning: HEAVY },
    Care { id: "tasks", words: &["show", "tasks"], level: Level::Operator, pause: LONG, warning: HEAVY },
    Care { id: "pools", words: &["show", "pools"], level: Level::User, pause: LONG, warning: HEAVY },
    Care { id: "servers", words: &["show", "servers"], level: Level::User, pause: LONG, warning: HEAVY },
];

/// One session by its pointer: the list is walked, and one block written.
pub static SESSION: Care =
    Care { id: "session", words: &["show", "sess", "*"], level: Level::Operator, pause: SHORT, warning: "" };

/// The row of a command, given as its words.
pub fn of<W: AsRef<str>>(words: &[W]) -> Option<&'static Care> {
    let is_one_session = words.len() == 3 && words[2].as_ref().starts_with("0x") && begins_with(words, SESSION.words);
    if is_one_session { Some(&SESSION) } else { QUERIES.iter().find(|care| begins_with(words, care.words)) }
}

/// Above this many entries a table's contents are worth a warning of their own.
pub const LARGE_TABLE: u64 = 100_000;

/// What to say before a table with so many entries is read.
pub fn table_warning(used: u64) -> Option<String> {
    (used > LARGE_TABLE).then(|| format!("the table holds {used} entries, and is locked while they are read: ask with a condition (data.COUNTER gt N)"))
}

/// When each kind of question was asked last, on one instance.
#[derive(Debug, Clone, Default)]
pub struct Pauses {
    last: Vec<(&'static str, Duration)>,
}

impl Pauses {
    /// How long to wait before questions of these kinds; zero when they may be asked now. Both kinds of `show
    /// sess` share their pause.
    pub fn wait(&self, cares: &[&'static Care], now: Duration) -> Duration {
        let left = |care: &&Care| {
            let asked = self.last.iter().find(|(id, _)| *id == kind(care)).map(|(_, at)| *at);
            asked.map_or(Duration::ZERO, |at| (at + care.pause).saturating_sub(now))
        };
        cares.iter().map(left).max().unwrap_or_default()
    }

    /// Notes that questions of these kinds are asked now.
    pub fn asked(&mut self, cares: &[&'static Care], now: Duration) {
        for care in cares {
            self.last.retain(|(id, _)| *id != kind(care));
            self.last.push((kind(care), now));
        }
    }
}

fn kind(care: &Care) -> &'static str {
    care.id.split('.').next().filter(|first| *first == "sessions").unwrap_or(care.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn care(line: &str) -> &'static Care {
        of(&line.split(' ').collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn each_command_finds_its_own_row() {
        for (line, id) in [
            ("show sess", "sessions"),
            ("show sess older 5s", "sessions"),
            ("show sess all", "sessions.full"),
            ("show sess 0x7f12", "session"),
            ("show table", "tables"),
            ("show table t data.gpc0 gt 1", "table.entries"),
            ("show servers state be", "servers"),
        ] {
            assert_eq!(care(line).id, id, "{line}");
        }
        assert!(of(&["show", "info"]).is_none());
        for care in &QUERIES {
            assert_eq!(of(care.words), Some(care), "a row before it takes its commands");
        }
    }

    #[test]
    fn ten_seconds_pass_between_two_lists_of_sessions() {
        let mut pauses = Pauses::default();
        let (short, full) = (care("show sess"), care("show sess all"));
        let second = Duration::from_secs;
        assert_eq!(pauses.wait(&[short], second(100)), Duration::ZERO);
        pauses.asked(&[short], second(100));
        assert_eq!(pauses.wait(&[full], second(103)), second(7), "one pause for both kinds");
        assert_eq!(pauses.wait(&[care("show table t")], second(103)), Duration::ZERO);
        assert_eq!(pauses.wait(&[care("show table t"), short], second(109)), second(1));
        assert_eq!(pauses.wait(&[short], second(110)), Duration::ZERO);
    }

    #[test]
    fn large_tables_are_worth_a_word() {
        assert_eq!(table_warning(LARGE_TABLE), None);
        assert!(table_warning(100_001).unwrap().contains("100001 entries"));
    }
}
