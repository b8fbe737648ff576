//! Failed health checks of the last 5 minutes, a longer time than the rate window covers.
//!
//! Only servers with failed checks have entries, and the number of entries per server is limited.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::haproxy::status::RowState;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::state_cause;
use crate::problems::check_starts::CheckStarts;

/// Time for which failures are kept.
pub(crate) const RETENTION: Duration = Duration::from_mins(5);
/// Time for which a failed check of a server that is up counts.
pub(super) const FAILED_CHECKS_TIME: Duration = Duration::from_secs(10);
/// Failures less than this time after the last entry are added to that entry, so a server has at most about 60 entries.
const MERGE_SPAN: Duration = Duration::from_secs(5);

/// Number of servers with failures from which [`LONG_MERGE_SPAN`] applies instead of [`MERGE_SPAN`].
const MANY_SERVERS: usize = 2000;
const LONG_MERGE_SPAN: Duration = Duration::from_mins(1);
/// Maximum number of servers with failures. Of further servers, no failures are counted.
const MAX_SERVERS: usize = 10_000;

/// Increases in a server's check counters, from one sample or several in quick succession.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CheckFailures {
    at: Duration,
    times_down: i64,
    failed_checks: i64,
}

/// Failed health checks of all servers in the last 5 minutes.
#[derive(Debug, Default)]
pub(crate) struct CheckHistory {
    servers: BTreeMap<RowId, VecDeque<CheckFailures>>,
    starts: CheckStarts,
}

impl CheckHistory {
    /// Records the increases from `before` to `now`, two samples of one epoch, and removes entries older than
    /// [`RETENTION`]. `before` is `None` for the first sample of an epoch.
    pub(crate) fn record(&mut self, before: Option<&Sample>, now: &Sample) {
        let at = now.at.monotonic;
        self.servers.retain(|_, entries| {
            while entries.front().is_some_and(|entry| at.saturating_sub(entry.at) > RETENTION) {
                entries.pop_front();
            }
            !entries.is_empty()
        });
        if let Some(before) = before {
            self.add_failures(before, now);
        }
        self.starts.update(before, now);
    }

    fn add_failures(&mut self, before: &Sample, now: &Sample) {
        let same_rows = Arc::ptr_eq(&before.rows, &now.rows);
        for server in now.rows.backends().iter().flat_map(|backend| &backend.servers) {
            let id = now.rows.ids()[*server];
            let Some(earlier) = (if same_rows { Some(*server) } else { before.rows.index_of(id) }) else { continue };
            let (was, is) = (before.table.rows()[earlier].state(), now.table.rows()[*server].state());
            if is == RowState::Maint {
                // Checks that failed before maintenance say nothing about the time after it.
                self.servers.get_mut(&id).into_iter().flatten().for_each(|entry| entry.failed_checks = 0);
                continue;
            }
            let failures = self.failures_between(before, earlier, now, *server);
            if failures.times_down > 0 || failures.failed_checks > 0 {
                self.add(id, failures);
            }
            let is_down = matches!(is, RowState::Down | RowState::ComingUp);
            if is_down && was.is_usable() {
                self.servers.get_mut(&id).into_iter().flatten().for_each(|entry| entry.failed_checks = 0);
            }
        }
    }

    /// Returns how often a server went down between two samples of one process, because a check failed after another one
    /// had passed, and how many checks failed while it was up.
    ///
    /// HAProxy's `chkdown` also counts the begin of maintenance and a server that fails its first check.
    fn failures_between(&self, before: &Sample, earlier: usize, now: &Sample, index: usize) -> CheckFailures {
        let id = now.rows.ids()[index];
        let (row_before, row) = (&before.table.rows()[earlier], &now.table.rows()[index]);
        let (was, is) = (row_before.state(), row.state());
        let grown = |field| {
            let (old, new) = (before.table.number(earlier, field), now.table.number(index, field));
            old.zip(new).map(|(old, new)| new.saturating_sub(old).max(0))
        };
        let failed_checks = grown(Field::Chkfail).unwrap_or(0);
        let is_ordered = |state: RowState| state.is_out_of_service();
        let at = now.at.monotonic;
        let times_down = match grown(Field::Chkdown) {
            // Of a drained server, or one that its checks took out of load balancing, the application may be restarted.
            _ if is_ordered(was) || self.starts.is_down_in_drain(id, before.at.monotonic) => 0,
            // Without a failed check, an operator took the server out of service.
            Some(counted) if self.starts.is_proven(id) => counted.min(failed_checks),
            Some(counted) => counted.saturating_sub(1).min(failed_checks),
            // HAProxy counts only for servers with health checks, not for those with an agent alone.
            None => {
                let is_seen = was.is_usable() && matches!(is, RowState::Down | RowState::ComingUp);
                i64::from(is_seen && state_cause::has_agent(row) && self.starts.is_proven(id))
            }
        };
        let counts_failed = was.is_usable() && self.starts.is_proven(id);
        CheckFailures { at, times_down, failed_checks: if counts_failed { failed_checks } else { 0 } }
    }

    fn add(&mut self, id: RowId, failures: CheckFailures) {
        let count = self.servers.len();
        if count >= MAX_SERVERS && !self.servers.contains_key(&id) {
            return;
        }
        let merge_span = if count < MANY_SERVERS { MERGE_SPAN } else { LONG_MERGE_SPAN };
        let entries = self.servers.entry(id).or_default();
        let mut failures = failures;
        if failures.times_down > 0 {
            // The checks that failed until now led to the server going down, which is counted; only later failures
            // count.
            for earlier in entries.iter_mut() {
                earlier.failed_checks = 0;
            }
            failures.failed_checks = 0;
        }
        match entries.back_mut().filter(|last| failures.at.saturating_sub(last.at) < merge_span) {
            Some(last) => {
                last.times_down = last.times_down.saturating_add(failures.times_down);
                last.failed_checks = last.failed_checks.saturating_add(failures.failed_checks);
            }
            None => entries.push_back(failures),
        }
    }

    /// Returns the servers whose health checks started again.
    pub(crate) fn starts(&self) -> &CheckStarts {
        &self.starts
    }

    /// Returns how often a server went down in the last 5 minutes.
    pub(crate) fn times_down(&self, id: RowId) -> f64 {
        self.servers.get(&id).map_or(0.0, |entries| entries.iter().map(|entry| entry.times_down as f64).sum())
    }

    /// Iterates over the times at which a server went down in the last 5 minutes, oldest first, each with a number. Times
    /// that are close together are one entry.
    pub(crate) fn down_times(&self, id: RowId) -> impl Iterator<Item = (Duration, i64)> {
        let entries = self.servers.get(&id).into_iter().flatten();
        entries.filter(|entry| entry.times_down > 0).map(|entry| (entry.at, entry.times_down))
    }

    /// Returns how many checks of a server failed while it was up, in the [`FAILED_CHECKS_TIME`] before `now`.
    pub(crate) fn failed_checks(&self, id: RowId, now: Duration) -> f64 {
        let recent = |entry: &&CheckFailures| now.saturating_sub(entry.at) <= FAILED_CHECKS_TIME;
        self.servers
            .get(&id)
            .map_or(0.0, |entries| entries.iter().filter(recent).map(|entry| entry.failed_checks as f64).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    fn stat(downs: i64, fails: i64) -> String {
        stat_with_status(downs, fails, "UP", "L4OK", 4)
    }

    /// Returns the reply for a server with `rise 2 fall 3`.
    fn stat_with_status(downs: i64, fails: i64, status: &str, result: &str, health: i64) -> String {
        format!(
            "# pxname,svname,chkdown,chkfail,type,status,check_status,check_rise,check_fall,check_health,\n\
             b,s,{downs},{fails},2,{status},{result},2,3,{health},\nb,BACKEND,,,1,UP,,,,,\n"
        )
    }

    /// Records samples of one process, which differ in `chkdown`, `chkfail`, status, check result and health. Returns how
    /// often the server went down, and how many of its checks failed.
    fn failures(samples: &[(i64, i64, &str, &str, i64)]) -> (f64, f64) {
        let (mut history, mut builder) = (CheckHistory::default(), SampleBuilder::default());
        let mut before = None;
        for ((downs, fails, status, result, health), second) in samples.iter().zip(0..) {
            let now =
                builder.build_at_millis(second * 2000, &stat_with_status(*downs, *fails, status, result, *health));
            history.record(before.as_deref(), &now);
            before = Some(now);
        }
        let last = before.unwrap();
        (history.times_down(last.rows.ids()[0]), history.failed_checks(last.rows.ids()[0], last.at.monotonic))
    }

    #[test]
    fn w18_maintenance_is_no_transition_of_checks() {
        let (up, maint) = ((3, 9, "UP", "L4OK", 4), (4, 9, "MAINT", "L4OK", 2));
        let start = (4, 9, "UP 1/3", "L4OK", 2);
        assert_eq!(failures(&[up, maint, start, (4, 9, "UP", "L4OK", 4)]), (0.0, 0.0));
        assert_eq!(failures(&[up, (4, 9, "UP", "L4OK", 4)]), (0.0, 0.0), "in and out between two samples");
        assert_eq!(failures(&[up, maint, start, (5, 10, "DOWN", "L4CON", 0)]), (0.0, 0.0), "not yet started");
        let again = [start, (4, 9, "UP", "L4OK", 4), (5, 12, "DOWN", "L4CON", 0), (5, 12, "UP", "L4OK", 4)];
        assert_eq!(failures(&[&[up, maint][..], &again].concat()), (1.0, 0.0), "a transition after a passed check");
        let failing = (3, 11, "UP 1/3", "L4CON", 2);
        assert_eq!(failures(&[up, failing]), (0.0, 2.0));
        assert_eq!(failures(&[up, failing, (4, 11, "MAINT", "L4CON", 2), (4, 11, "UP 1/3", "L4CON", 2)]), (0.0, 0.0));
    }

    #[test]
    fn w18_deploy_during_drain_is_no_transition_of_checks() {
        let (up, drain) = ((3, 9, "UP", "L4OK", 4), (3, 9, "DRAIN", "L4OK", 4));
        let (down, back) = ((4, 12, "DOWN", "L4CON", 0), (4, 12, "DRAIN", "L4OK", 4));
        assert_eq!(failures(&[up, drain, down, back, (4, 12, "UP", "L4OK", 4)]), (0.0, 0.0));
        let nolb = [(3, 9, "NOLB", "L7OKC", 4), down, (4, 12, "UP", "L7OK", 4)];
        assert_eq!(failures(&[&[up][..], &nolb].concat()), (0.0, 0.0), "disable-on-404");
        assert_eq!(failures(&[up, down, (4, 12, "UP", "L4OK", 4)]), (1.0, 0.0), "not drained");
    }

    #[test]
    fn w19_first_check_after_start_is_no_transition() {
        let (start, down) = ((0, 0, "UP 1/3", "INI", 2), (1, 1, "DOWN", "L4CON", 0));
        assert_eq!(failures(&[start, down]), (0.0, 0.0));
        assert_eq!(failures(&[down, (1, 1, "UP", "L4OK", 4), (2, 4, "DOWN", "L4CON", 0)]), (1.0, 0.0));
        assert_eq!(failures(&[(0, 1, "UP 2/3", "L4CON", 3), (1, 3, "DOWN", "L4CON", 0)]), (1.0, 0.0), "was up before");
    }

    #[test]
    fn record_keeps_failures_for_retention_across_reloads() {
        let (mut history, mut builder) = (CheckHistory::default(), SampleBuilder::default());
        let first = builder.build_at_millis(0, &stat(5, 9));
        let id = first.rows.ids()[0];
        history.record(None, &first);
        assert!(history.servers.is_empty(), "failures before the first sample do not count");
        let second = builder.build_at_millis(2000, &stat(6, 12));
        history.record(Some(&first), &second);
        let third = builder.build_at_millis(8000, &stat(6, 15));
        history.record(Some(&second), &third);
        assert_eq!((history.times_down(id), history.failed_checks(id, Duration::from_secs(8))), (1.0, 3.0));
        assert_eq!((history.times_down(id), history.failed_checks(id, Duration::from_secs(29))), (1.0, 0.0));
        let fourth = builder.build_at_millis(9000, &stat(7, 18));
        history.record(Some(&third), &fourth);
        assert_eq!(
            (history.times_down(id), history.failed_checks(id, Duration::from_secs(9))),
            (2.0, 0.0),
            "going down resets the failed checks"
        );
        builder.reload();
        history.record(None, &builder.build_at_millis(240_000, &stat(0, 0)));
        assert!((history.times_down(id) - 2.0).abs() < 1e-9, "a reload keeps the history");
        history.record(None, &builder.build_at_millis(310_000, &stat(0, 0)));
        assert!(history.servers.is_empty());
    }

    #[test]
    fn record_limits_entries_of_failing_server() {
        let (mut history, mut builder) = (CheckHistory::default(), SampleBuilder::default());
        let mut before = builder.build_at_millis(0, &stat(0, 0));
        for step in 1..2000 {
            let now = builder.build_at_millis(step * 500, &stat(step as i64, step as i64));
            history.record(Some(&before), &now);
            before = now;
        }
        let entries = &history.servers[&before.rows.ids()[0]];
        assert!(entries.len() <= 61, "{}", entries.len());
        assert!((590.0..=610.0).contains(&history.times_down(before.rows.ids()[0])));
    }
}
