//! What is waited for after an act, and how far a server is by the newest sample.
//!
//! A drained server is waited for until it is empty as [`crate::actions::drain_tracker`] understands it. A server that was
//! enabled is waited for until its checks find it well: coming out of maintenance it counts as UP before the first
//! check, and reads `UP 1/2` until then. A status that speaks against what was ordered is a doubt and not yet a
//! fact: a DOWN server that drains reads DOWN. Whoever asks HAProxy for its administrative state can tell.

use std::time::Duration;

use crate::app::action_facts::counted;
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::stat_table::Row;
use crate::haproxy::status::State;
use crate::instance::instance::Instance;
use crate::observe::row_ids::RowId;
use crate::problems::phrases::span;

/// What a server is waited for to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Goal {
    /// Without a session in DRAIN.
    Drained,
    /// Without a session in maintenance.
    Left,
    /// Well, by its checks, where it has any.
    Usable,
}

/// How far a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// It is there by this sample.
    pub is_there: bool,
    /// What is left, or what it is.
    pub words: String,
    /// When it may be there.
    pub about: Option<Duration>,
    /// Its status is not what was ordered.
    pub is_doubtful: bool,
}

/// How far a server is by the newest sample; nothing when HAProxy does not list it.
pub fn standing(watch: &Instance, id: RowId, goal: Goal) -> Option<Standing> {
    let sample = watch.newest()?;
    let row = sample.row(id)?;
    let (state, status) = (row.state(), row.status());
    let number = |field| sample.number(id, field).unwrap_or(0);
    let plain = |is_there, words, is_doubtful| Standing { is_there, words, about: None, is_doubtful };
    Some(match goal {
        Goal::Drained => {
            let is_doubtful = state != State::Drain;
            let Some(left) = watch.draining().left(id) else {
                return Some(plain(false, status.to_owned(), is_doubtful));
            };
            let words = match (left.sessions, left.queued) {
                (0, 0) if left.is_empty => "empty".to_owned(),
                (0, 0) => "nothing left, looking again".to_owned(),
                (sessions, 0) => counted(sessions, "session"),
                (sessions, queued) => format!("{}, {queued} queued", counted(sessions, "session")),
            };
            let why = left.why.map_or(String::new(), |why| format!(", {why}"));
            Standing { is_there: left.is_empty, words: words + &why, about: left.time_left, is_doubtful }
        }
        Goal::Left => {
            let sessions = number(Field::Scur);
            plain(sessions == 0, counted(sessions, "session"), state != State::Maint)
        }
        Goal::Usable => match state {
            State::Up | State::NoCheck => plain(true, status.to_owned(), false),
            // HAProxy says DRAIN of a weight of 0 as well.
            State::Drain if sample.number(id, Field::Weight) == Some(0) => {
                plain(false, format!("{status}, its weight is 0"), true)
            }
            State::Drain | State::Maint => plain(false, status.to_owned(), true),
            _ => plain(false, checked(row), false),
        },
    })
}

/// The status with the last check's own words.
fn checked(row: &Row) -> String {
    let texts =
        [TextField::CheckStatus, TextField::LastChk].map(|field| row.text(field).map_or("", |text| text.as_str()));
    let words: Vec<&str> = [row.status()].into_iter().chain(texts).filter(|text| !text.is_empty()).collect();
    words.join(" ")
}

/// How far several servers are, in a line, and of that what counts as news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Without what changes by itself.
    pub news: String,
    /// All of it.
    pub line: String,
}

/// How far servers are, by their names; `left` is the time until the deadline.
pub fn summary(servers: &[(String, Standing)], done: &str, left: Duration) -> Summary {
    let open = || servers.iter().filter(|(_, standing)| !standing.is_there);
    let mut news: Vec<String> = open().map(|(name, standing)| format!("{name}: {}", standing.words)).collect();
    let mut line: Vec<String> = open()
        .map(|(name, standing)| {
            let about = standing.about.map_or(String::new(), |about| format!(", about {} more", span(about)));
            format!("{name}: {}{about}", standing.words)
        })
        .collect();
    if servers.len() > 1 {
        let count = format!("{} of {} {done}", servers.len() - news.len(), servers.len());
        news.insert(0, count.clone());
        line.insert(0, count);
    }
    line.push(format!("{} until the deadline", countdown(left)));
    Summary { news: news.join("; "), line: line.join("; ") }
}

/// `45 s`, `4 min 12 s`, `1 h 5 min`; a second that has begun counts.
pub fn countdown(left: Duration) -> String {
    let seconds = left.as_millis().div_ceil(1000) as u64;
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| {
        let rest = if small == 0 { String::new() } else { format!(" {small} {small_unit}") };
        format!("{large} {large_unit}{rest}")
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        _ => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleMaker;

    fn after(statuses: &[(&str, i64)], goal: Goal, weight: i64) -> Option<Standing> {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        let mut id = RowId::PROCESS;
        for (second, (status, sessions)) in statuses.iter().enumerate() {
            let stat = format!(
                "# pxname,svname,scur,qcur,stot,rate,status,weight,check_status,last_chk,type,\n\
                 b,s,{sessions},0,9,0,{status},{weight},L4CON,no\u{1b},2,\nb,BACKEND,0,0,9,0,UP,1,,,1,\n"
            );
            let sample = maker.at_millis(second as u64 * 1000, &stat);
            id = sample.rows.ids()[0];
            watch.take(sample, 0);
        }
        standing(&watch, id, goal)
    }

    #[test]
    fn a_drained_server_is_there_when_nothing_came_for_a_while() {
        let of = |statuses: &[(&str, i64)]| after(statuses, Goal::Drained, 1).unwrap();
        let one = of(&[("DRAIN", 5)]);
        assert_eq!((one.is_there, one.is_doubtful, one.words.as_str()), (false, false, "5 sessions"));
        assert_eq!(of(&[("DRAIN", 5), ("DRAIN", 0)]).words, "nothing left, looking again");
        let empty = of(&[("DRAIN", 0), ("DRAIN", 0), ("DRAIN", 0)]);
        assert_eq!((empty.is_there, empty.words.as_str()), (true, "empty"));
        assert_eq!(of(&[("DRAIN", 4), ("DRAIN", 2)]).about, Some(Duration::from_secs(1)));
        for status in ["UP", "MAINT", "DOWN", "DOWN 1/2", "no check"] {
            let doubt = of(&[("DRAIN", 5), (status, 0)]);
            assert!(doubt.is_doubtful && !doubt.is_there && doubt.words == status, "{status}: {doubt:?}");
        }
    }

    #[test]
    fn an_enabled_server_is_there_when_its_checks_are_content() {
        let of = |status, weight| {
            let one = after(&[(status, 0)], Goal::Usable, weight).unwrap();
            (one.is_there, one.is_doubtful, one.words)
        };
        assert_eq!(of("UP", 1), (true, false, "UP".to_owned()));
        assert_eq!(of("no check", 1), (true, false, "no check".to_owned()));
        assert_eq!(of("UP 1/2", 1), (false, false, r"UP 1/2 L4CON no\x1b".to_owned()));
        assert_eq!(of("DOWN", 1), (false, false, r"DOWN L4CON no\x1b".to_owned()));
        assert_eq!(of("DRAIN", 1), (false, true, "DRAIN".to_owned()));
        assert_eq!(of("DRAIN", 0).2, "DRAIN, its weight is 0");
        assert_eq!(of("MAINT (via c/t)", 1), (false, true, "MAINT (via c/t)".to_owned()));
    }

    #[test]
    fn in_maintenance_sessions_may_still_end() {
        let of = |status, sessions| after(&[(status, sessions)], Goal::Left, 1).unwrap();
        assert!(!of("MAINT", 2).is_there && of("MAINT", 0).is_there && of("UP", 0).is_doubtful);
        assert_eq!(standing(&Instance::default(), RowId::PROCESS, Goal::Left), None);
    }

    #[test]
    fn a_summary_tells_what_is_open() {
        let one = |words: &str, is_there| Standing {
            is_there,
            words: words.to_owned(),
            about: (!is_there).then_some(Duration::from_secs(20)),
            is_doubtful: false,
        };
        let servers = [("b/s1".to_owned(), one("empty", true)), ("b/s2".to_owned(), one("4 sessions", false))];
        let all = summary(&servers, "drained", Duration::from_secs(252));
        assert_eq!(all.news, "1 of 2 drained; b/s2: 4 sessions");
        assert_eq!(all.line, "1 of 2 drained; b/s2: 4 sessions, about 20 s more; 4 min 12 s until the deadline");
        let single = summary(&servers[1..], "drained", Duration::from_mins(1));
        assert_eq!(single.line, "b/s2: 4 sessions, about 20 s more; 1 min until the deadline");
        assert_eq!(countdown(Duration::from_mins(65)), "1 h 5 min");
        assert_eq!(countdown(Duration::from_millis(9100)), "10 s");
    }
}
