//! Cost of queries for HAProxy: the required permission level, the minimum pause and the warning of each query.
//!
//! None of these queries is sent before a key asked for it. While its view is open, [`refresh_pause`] decides how often the
//! reply may be refreshed. The pauses apply to keys and typed lines alike.

use std::time::Duration;

use crate::ask::known_crashes::starts_with_words;
use crate::haproxy::level::Level;

/// Cost and requirements of a query.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QueryCost {
    /// Unique identifier of the kind of query.
    pub(crate) id: &'static str,
    /// Words the command starts with; `*` matches any single word.
    pub(crate) words: &'static [&'static str],
    /// Lowest permission level of the socket that permits the command.
    pub(crate) level: Level,
    /// Minimum time between two queries of this kind.
    pub(crate) min_pause: Duration,
    /// Warning shown before the query is sent; empty if none is needed.
    pub(crate) warning: &'static str,
}

/// Minimum pause between two expensive queries of the same kind.
const LONG_PAUSE: Duration = Duration::from_secs(10);
/// Minimum pause between two cheap queries, in case a key is held down.
const SHORT_PAUSE: Duration = Duration::from_secs(1);

const STOPS_ALL_THREADS: &str =
    "show sess stops all threads of HAProxy while it fills each buffer (16 kB, about 60 sessions)";

const EXPENSIVE: &str = "expensive on a busy HAProxy: at most once every 10 s";

/// Costs of the queries that are not polled. The first row that matches a command applies, so longer commands come
/// before shorter ones.
pub(crate) static QUERY_COSTS: [QueryCost; 10] = [
    QueryCost {
        id: "sessions.full",
        words: &["show", "sess", "all"],
        level: Level::Operator,
        min_pause: LONG_PAUSE,
        warning: STOPS_ALL_THREADS,
    },
    QueryCost {
        id: "sessions",
        words: &["show", "sess"],
        level: Level::Operator,
        min_pause: LONG_PAUSE,
        warning: STOPS_ALL_THREADS,
    },
    QueryCost {
        id: "table.entries",
        words: &["show", "table", "*"],
        level: Level::Operator,
        min_pause: LONG_PAUSE,
        warning: "show table NAME locks the table while it is read: requests that use it wait",
    },
    QueryCost { id: "tables", words: &["show", "table"], level: Level::User, min_pause: SHORT_PAUSE, warning: "" },
    QueryCost { id: "help", words: &["help"], level: Level::User, min_pause: SHORT_PAUSE, warning: "" },
    QueryCost {
        id: "threads",
        words: &["show", "threads"],
        level: Level::Operator,
        min_pause: LONG_PAUSE,
        warning: EXPENSIVE,
    },
    QueryCost { id: "fd", words: &["show", "fd"], level: Level::Operator, min_pause: LONG_PAUSE, warning: EXPENSIVE },
    QueryCost {
        id: "tasks",
        words: &["show", "tasks"],
        level: Level::Operator,
        min_pause: LONG_PAUSE,
        warning: EXPENSIVE,
    },
    QueryCost { id: "pools", words: &["show", "pools"], level: Level::User, min_pause: LONG_PAUSE, warning: EXPENSIVE },
    QueryCost {
        id: "servers",
        words: &["show", "servers"],
        level: Level::User,
        min_pause: LONG_PAUSE,
        warning: EXPENSIVE,
    },
];

/// Cost of `show sess ID`: HAProxy walks the list of sessions and writes the details of one.
pub(crate) static SESSION_DETAIL: QueryCost = QueryCost {
    id: "session",
    words: &["show", "sess", "*"],
    level: Level::Operator,
    min_pause: SHORT_PAUSE,
    warning: "",
};

/// Returns the cost of a command, split into words, or `None` if the command is not listed.
pub(crate) fn find<W: AsRef<str>>(words: &[W]) -> Option<&'static QueryCost> {
    let is_one_session =
        words.len() == 3 && words[2].as_ref().starts_with("0x") && starts_with_words(words, SESSION_DETAIL.words);
    if is_one_session {
        Some(&SESSION_DETAIL)
    } else {
        QUERY_COSTS.iter().find(|cost| starts_with_words(words, cost.words))
    }
}

/// Number of entries above which reading a stick table needs a separate warning.
pub(crate) const LARGE_TABLE: u64 = 100_000;

/// Longest reply time for which a view is refreshed without a request for that.
const FAST_REPLY: Duration = Duration::from_millis(50);
/// Minimum time between two automatic queries, as a multiple of the time that HAProxy took to reply.
const REPLY_TIME_FACTOR: u32 = 20;

/// The reason why a view is not refreshed automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRefresh {
    /// The operator turned it off.
    TurnedOff,
    /// The reply took this long, and the operator did not ask for refreshes.
    Slow(Duration),
    /// The reply has more than [`LARGE_TABLE`] lines.
    Large,
}

/// Returns the time between two automatic queries for a reply of `lines` lines that took `reply_time`. `choice` is what
/// the operator chose: refreshes, none, or `None` for no choice.
///
/// # Errors
/// Returns the reason if the query must not be sent automatically.
pub(crate) fn refresh_pause(reply_time: Duration, lines: u64, choice: Option<bool>) -> Result<Duration, NoRefresh> {
    match choice {
        Some(false) => Err(NoRefresh::TurnedOff),
        _ if lines > LARGE_TABLE => Err(NoRefresh::Large),
        None if reply_time >= FAST_REPLY => Err(NoRefresh::Slow(reply_time)),
        _ => Ok(LONG_PAUSE.max(reply_time.saturating_mul(REPLY_TIME_FACTOR))),
    }
}

/// Returns the warning for reading a stick table with `used` entries, or `None` for at most [`LARGE_TABLE`] entries.
pub(crate) fn large_table_warning(used: u64) -> Option<String> {
    (used > LARGE_TABLE).then(|| {
        format!("the table has {used} entries and is locked while they are read; add a condition (data.COUNTER gt N)")
    })
}

/// Times at which queries of each kind were last sent to one instance.
#[derive(Debug, Clone, Default)]
pub(crate) struct QueryPauses {
    last_sent: Vec<(&'static str, Duration)>,
}

impl QueryPauses {
    /// Returns the time to wait before sending queries with these costs; zero if they may be sent now. `show sess` and
    /// `show sess all` share one pause.
    pub(crate) fn remaining(&self, costs: &[&'static QueryCost], now: Duration) -> Duration {
        let left = |cost: &&QueryCost| {
            let asked = self.last_sent.iter().find(|(id, _)| *id == pause_group(cost)).map(|(_, at)| *at);
            asked.map_or(Duration::ZERO, |at| (at + cost.min_pause).saturating_sub(now))
        };
        costs.iter().map(left).max().unwrap_or_default()
    }

    /// Returns the earliest time at which queries with these costs may be sent.
    pub(crate) fn free_at(&self, costs: &[&'static QueryCost]) -> Duration {
        self.remaining(costs, Duration::ZERO)
    }

    /// Records that queries with these costs are sent now.
    pub(crate) fn record(&mut self, costs: &[&'static QueryCost], now: Duration) {
        for cost in costs {
            self.last_sent.retain(|(id, _)| *id != pause_group(cost));
            self.last_sent.push((pause_group(cost), now));
        }
    }
}

fn pause_group(cost: &QueryCost) -> &'static str {
    cost.id.split('.').next().filter(|first| *first == "sessions").unwrap_or(cost.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(line: &str) -> &'static QueryCost {
        find(&line.split(' ').collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn find_returns_cost_row_of_each_command() {
        for (line, id) in [
            ("show sess", "sessions"),
            ("show sess older 5s", "sessions"),
            ("show sess all", "sessions.full"),
            ("show sess 0x7f12", "session"),
            ("show table", "tables"),
            ("show table t data.gpc0 gt 1", "table.entries"),
            ("show servers state be", "servers"),
        ] {
            assert_eq!(cost(line).id, id, "{line}");
        }
        assert!(find(&["show", "info"]).is_none());
        for cost in &QUERY_COSTS {
            assert_eq!(find(cost.words), Some(cost), "an earlier row matches the same command");
        }
    }

    #[test]
    fn session_list_queries_pause_ten_seconds() {
        let mut pauses = QueryPauses::default();
        let (short, full) = (cost("show sess"), cost("show sess all"));
        let second = Duration::from_secs;
        assert_eq!(pauses.remaining(&[short], second(100)), Duration::ZERO);
        pauses.record(&[short], second(100));
        assert_eq!(pauses.remaining(&[full], second(103)), second(7), "one pause for both kinds");
        assert_eq!(pauses.remaining(&[cost("show table t")], second(103)), Duration::ZERO);
        assert_eq!(pauses.remaining(&[cost("show table t"), short], second(109)), second(1));
        assert_eq!(pauses.remaining(&[short], second(110)), Duration::ZERO);
    }

    #[test]
    fn refresh_pause_depends_on_reply_time_size_and_choice() {
        let millis = Duration::from_millis;
        assert_eq!(refresh_pause(millis(3), 10, None), Ok(LONG_PAUSE));
        assert_eq!(refresh_pause(millis(50), 10, None), Err(NoRefresh::Slow(millis(50))));
        assert_eq!(refresh_pause(millis(50), 10, Some(true)), Ok(LONG_PAUSE));
        assert_eq!(refresh_pause(millis(2000), 10, Some(true)), Ok(millis(40_000)));
        assert_eq!(refresh_pause(millis(3), LARGE_TABLE + 1, Some(true)), Err(NoRefresh::Large));
        assert_eq!(refresh_pause(millis(3), 10, Some(false)), Err(NoRefresh::TurnedOff));
    }

    #[test]
    fn large_table_warning_starts_above_limit() {
        assert_eq!(large_table_warning(LARGE_TABLE), None);
        assert!(large_table_warning(100_001).unwrap().contains("100001 entries"));
    }
}
