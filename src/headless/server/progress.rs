//! Goals of `--wait`, and the progress of a server according to the newest sample.
//!
//! Draining ends when the server is empty as defined by [`crate::actions::drain_tracker`], which includes the sessions
//! of processes from before a reload. Enabling ends when the
//! health checks pass: after maintenance, HAProxy counts a server as up before the first check and shows `UP 1/2` until
//! the first check passes.
//! A status that contradicts the requested state is only a hint, because a draining server that is down shows DOWN.
//! The administrative state decides.

use std::time::Duration;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::stat_table::StatRow;
use crate::haproxy::status::RowState;
use crate::instance::state::Instance;
use crate::observe::old_processes::OldSessions;
use crate::observe::row_ids::RowId;
use crate::observe::state_cause;
use crate::units::{duration_words, exact_duration_words, pluralize};

/// Goal that a server must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum WaitGoal {
    /// In drain, without sessions.
    Drained,
    /// In maintenance, without sessions.
    MaintIdle,
    /// Enabled, and up according to its health check if it has one.
    Usable,
}

/// Progress of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerProgress {
    /// The goal is reached in this sample.
    pub(crate) is_reached: bool,
    /// Remaining sessions, or the status.
    pub(crate) text: String,
    /// Estimated time until the goal is reached; `None` if unknown.
    pub(crate) time_left: Option<Duration>,
    /// The status contradicts the requested state.
    pub(crate) is_doubtful: bool,
    /// Sessions of old processes that alone keep the server from reaching the goal.
    pub(crate) held_by_old: Option<OldSessions>,
}

/// Returns the progress according to the newest sample, or `None` if the sample does not contain the server.
pub(crate) fn server_progress(instance: &Instance, id: RowId, goal: WaitGoal) -> Option<ServerProgress> {
    let sample = instance.latest()?;
    let row = sample.row(id)?;
    let (state, status) = (row.state(), row.status());
    let number = |field| sample.number(id, field).unwrap_or(0);
    let plain = |is_there, words, is_doubtful| ServerProgress {
        is_reached: is_there,
        text: words,
        time_left: None,
        is_doubtful,
        held_by_old: None,
    };
    let held = |old: &OldSessions| ServerProgress {
        held_by_old: Some(old.clone()),
        ..plain(false, format!("empty here; {old}"), false)
    };
    Some(match goal {
        WaitGoal::Drained => {
            let is_doubtful = state != RowState::Drain;
            let Some(left) = instance.draining().progress(id) else {
                return Some(plain(false, status.to_owned(), is_doubtful));
            };
            if let Some(old) = left.held_by_old() {
                return Some(ServerProgress { is_doubtful, ..held(old) });
            }
            let words = match (left.sessions, left.queued) {
                (0, 0) if left.is_empty => "empty".to_owned(),
                (0, 0) => "no sessions, confirming".to_owned(),
                (sessions, 0) => pluralize(sessions, "session"),
                (sessions, queued) => format!("{}, {queued} queued", pluralize(sessions, "session")),
            };
            let why = left.stall_reason.map_or(String::new(), |why| format!(", {why}"));
            // Without sessions, only the confirming samples are missing.
            let time_left = left.time_left.filter(|_| left.sessions > 0);
            ServerProgress { time_left, ..plain(left.is_empty, words + &why, is_doubtful) }
        }
        WaitGoal::MaintIdle => {
            let (sessions, is_doubtful) = (number(Field::Scur), state != RowState::Maint);
            match instance.old_processes().map(|old| old.sessions_on(&row.proxy, &row.name)) {
                Some(old) if sessions == 0 && !old.is_empty() => ServerProgress { is_doubtful, ..held(&old) },
                old => plain(sessions == 0 && old.is_some(), pluralize(sessions, "session"), is_doubtful),
            }
        }
        WaitGoal::Usable => match state {
            RowState::Up | RowState::NoCheck => plain(true, status.to_owned(), false),
            // HAProxy also shows DRAIN if the weight is 0.
            RowState::Drain if sample.number(id, Field::Weight) == Some(0) => {
                plain(false, format!("{status}, its weight is 0"), true)
            }
            RowState::Drain | RowState::Maint => plain(false, status.to_owned(), true),
            _ => plain(false, status_with_check(row), false),
        },
    })
}

/// Returns the status and the result of the last health check, such as `DOWN L4CON Connection refused`, or the
/// explanation of the agent that reported the server down.
fn status_with_check(row: &StatRow) -> String {
    if state_cause::is_down_by_agent(row) {
        return format!("{} {}", row.status(), state_cause::agent_explanation(row)).trim_end().to_owned();
    }
    let texts =
        [TextField::CheckStatus, TextField::LastChk].map(|field| row.text(field).map_or("", |text| text.as_str()));
    let words: Vec<&str> = [row.status()].into_iter().chain(texts).filter(|text| !text.is_empty()).collect();
    words.join(" ")
}

/// Progress of several servers in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProgressSummary {
    /// `line` without times. A new line is worth printing only if this key has changed.
    pub(crate) change_key: String,
    /// Text to print.
    pub(crate) line: String,
}

/// Maximum number of servers that a line names.
const MAX_NAMED_SERVERS: usize = 5;

/// Summarizes the progress of the named servers, of `total`. `silent` describes HAProxies that do not answer, `done` is the
/// word for a server that has reached the goal, and `left` is the time until the deadline.
pub(crate) fn summarize(
    servers: &[(String, ServerProgress)],
    silent: &[String],
    total: usize,
    done: &str,
    left: Duration,
) -> ProgressSummary {
    let open: Vec<&(String, ServerProgress)> = servers.iter().filter(|(_, progress)| !progress.is_reached).collect();
    let named = || open.iter().take(MAX_NAMED_SERVERS);
    let mut news: Vec<String> = named().map(|(name, progress)| format!("{name}: {}", progress.text)).collect();
    let mut line: Vec<String> = named()
        .map(|(name, progress)| {
            let about =
                progress.time_left.map_or(String::new(), |about| format!(", about {} more", duration_words(about)));
            format!("{name}: {}{about}", progress.text)
        })
        .collect();
    let unnamed = open.len().saturating_sub(MAX_NAMED_SERVERS);
    let count = (total > 1 && !servers.is_empty()).then(|| format!("{} of {total} {done}", servers.len() - open.len()));
    for words in [&mut news, &mut line] {
        words.splice(0..0, count.clone());
        words.extend((unnamed > 0).then(|| format!("{unnamed} more")));
        words.extend_from_slice(silent);
    }
    line.push(format!("{} until the deadline", exact_duration_words(left)));
    ProgressSummary { change_key: news.join("; "), line: line.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::old_processes::{OldProcess, OldProcesses, ServerSessions, UncountedReason};
    use crate::observe::test_samples::SampleBuilder;

    fn elapsed(statuses: &[(&str, i64)], goal: WaitGoal, weight: i64) -> Option<ServerProgress> {
        elapsed_after_reload(statuses, goal, weight, &OldProcesses::default())
    }

    fn elapsed_after_reload(
        statuses: &[(&str, i64)],
        goal: WaitGoal,
        weight: i64,
        old: &OldProcesses,
    ) -> Option<ServerProgress> {
        let (mut instance, mut maker) = (Instance::default(), SampleBuilder::default());
        let mut id = RowId::PROCESS;
        for (second, (status, sessions)) in statuses.iter().enumerate() {
            let stat = format!(
                "# pxname,svname,scur,qcur,stot,rate,status,weight,check_status,last_chk,type,\n\
                 b,s,{sessions},0,9,0,{status},{weight},L4CON,no\u{1b},2,\nb,BACKEND,0,0,9,0,UP,1,,,1,\n"
            );
            let sample = maker.build_at_millis(second as u64 * 1000, &stat);
            id = sample.rows.ids()[0];
            let current_pid = sample.epoch.pid;
            instance.add_sample(sample, 0);
            instance.finish_old_process_search(OldProcesses { current_pid, ..old.clone() });
        }
        server_progress(&instance, id, goal)
    }

    #[test]
    fn server_progress_drained_needs_samples_without_sessions() {
        let of = |statuses: &[(&str, i64)]| elapsed(statuses, WaitGoal::Drained, 1).unwrap();
        let one = of(&[("DRAIN", 5)]);
        assert_eq!((one.is_reached, one.is_doubtful, one.text.as_str()), (false, false, "5 sessions"));
        let confirming = of(&[("DRAIN", 5), ("DRAIN", 0)]);
        assert_eq!((confirming.text.as_str(), confirming.time_left), ("no sessions, confirming", None));
        let empty = of(&[("DRAIN", 0), ("DRAIN", 0), ("DRAIN", 0)]);
        assert_eq!((empty.is_reached, empty.text.as_str()), (true, "empty"));
        assert_eq!(of(&[("DRAIN", 4), ("DRAIN", 2)]).time_left, Some(Duration::from_secs(1)));
        for status in ["UP", "MAINT", "DOWN", "DOWN 1/2", "no check"] {
            let progress = of(&[("DRAIN", 5), (status, 0)]);
            assert!(progress.is_doubtful && !progress.is_reached && progress.text == status, "{status}: {progress:?}");
        }
    }

    #[test]
    fn server_progress_waits_for_sessions_of_old_processes() {
        let sessions = ServerSessions::from([(("b".into(), "s".into()), 3)]);
        let counted = OldProcess { pid: 4711, sessions: Ok(sessions) };
        let uncounted = OldProcess { pid: 4711, sessions: Err(UncountedReason::NoMasterSocket) };
        let after = |status, process: &OldProcess, goal| {
            let old = OldProcesses { processes: vec![process.clone()], ..OldProcesses::default() };
            let one = elapsed_after_reload(&[(status, 0); 4], goal, 1, &old).unwrap();
            (one.is_reached, one.held_by_old.is_some(), one.text)
        };
        for (status, goal) in [("DRAIN", WaitGoal::Drained), ("MAINT", WaitGoal::MaintIdle)] {
            let text = "empty here; 3 sessions in old worker 4711".to_owned();
            assert_eq!(after(status, &counted, goal), (false, true, text), "{status}");
            let text = "empty here; old process 4711 may hold sessions".to_owned();
            assert_eq!(after(status, &uncounted, goal), (false, true, text), "{status}");
        }
    }

    #[test]
    fn server_progress_usable_needs_passed_checks() {
        let of = |status, weight| {
            let one = elapsed(&[(status, 0)], WaitGoal::Usable, weight).unwrap();
            (one.is_reached, one.is_doubtful, one.text)
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
    fn server_progress_maintenance_waits_for_sessions() {
        let of = |status, sessions| elapsed(&[(status, sessions)], WaitGoal::MaintIdle, 1).unwrap();
        assert!(!of("MAINT", 2).is_reached && of("MAINT", 0).is_reached && of("UP", 0).is_doubtful);
        assert_eq!(server_progress(&Instance::default(), RowId::PROCESS, WaitGoal::MaintIdle), None);
    }

    #[test]
    fn summarize_lists_unfinished_servers() {
        let one = |words: &str, is_there| ServerProgress {
            is_reached: is_there,
            text: words.to_owned(),
            time_left: (!is_there).then_some(Duration::from_secs(20)),
            is_doubtful: false,
            held_by_old: None,
        };
        let servers = [("b/s1".to_owned(), one("empty", true)), ("b/s2".to_owned(), one("4 sessions", false))];
        let all = summarize(&servers, &[], 2, "drained", Duration::from_secs(252));
        assert_eq!(all.change_key, "1 of 2 drained; b/s2: 4 sessions");
        assert_eq!(all.line, "1 of 2 drained; b/s2: 4 sessions, about 20 s more; 4 min 12 s until the deadline");
        let single = summarize(&servers[1..], &[], 1, "drained", Duration::from_mins(1));
        assert_eq!(single.line, "b/s2: 4 sessions, about 20 s more; 1 min until the deadline");
        let silent = ["lb2: HAProxy does not answer: refused".to_owned()];
        let partly = summarize(&servers, &silent, 3, "drained", Duration::from_mins(1));
        assert_eq!(partly.change_key, "1 of 3 drained; b/s2: 4 sessions; lb2: HAProxy does not answer: refused");
        let many: Vec<_> = (0..9).map(|number| (format!("b/s{number}"), one("1 session", false))).collect();
        let many = summarize(&many, &[], 9, "drained", Duration::from_mins(1)).change_key;
        assert!(many.ends_with("b/s4: 1 session; 4 more"), "{many}");
    }
}
