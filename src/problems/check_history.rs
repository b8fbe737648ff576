//! Failed health checks of the last 5 minutes, a longer time than the rate window covers.
//!
//! Only servers with failed checks have entries, and the number of entries per server is limited.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// Time for which failures are kept.
pub(crate) const RETENTION: Duration = Duration::from_mins(5);
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
        let Some(before) = before else { return };
        let same_rows = Arc::ptr_eq(&before.rows, &now.rows);
        for server in now.rows.backends().iter().flat_map(|backend| &backend.servers) {
            let id = now.rows.ids()[*server];
            let Some(earlier) = (if same_rows { Some(*server) } else { before.rows.index_of(id) }) else { continue };
            let grown = |field| {
                let (old, new) = (before.table.number(earlier, field), now.table.number(*server, field));
                old.zip(new).map_or(0, |(old, new)| new.saturating_sub(old).max(0))
            };
            let (times_down, failed_checks) = (grown(Field::Chkdown), grown(Field::Chkfail));
            if times_down > 0 || failed_checks > 0 {
                self.add(id, CheckFailures { at, times_down, failed_checks });
            }
        }
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

    /// Returns how many checks of a server failed while it was up, in the minute before `now`.
    pub(crate) fn failed_checks(&self, id: RowId, now: Duration) -> f64 {
        let recent = |entry: &&CheckFailures| now.saturating_sub(entry.at) <= Duration::from_mins(1);
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
        format!("# pxname,svname,chkdown,chkfail,type,status,\nb,s,{downs},{fails},2,UP,\nb,BACKEND,,,1,UP,\n")
    }

    #[test]
    fn record_keeps_failures_for_retention_across_reloads() {
        let (mut history, mut builder) = (CheckHistory::default(), SampleBuilder::default());
        let first = builder.build_at_millis(0, &stat(5, 9));
        let id = first.rows.ids()[0];
        history.record(None, &first);
        assert!(history.servers.is_empty(), "failures before the first sample do not count");
        let second = builder.build_at_millis(2000, &stat(6, 9));
        history.record(Some(&first), &second);
        let third = builder.build_at_millis(8000, &stat(6, 12));
        history.record(Some(&second), &third);
        assert_eq!((history.times_down(id), history.failed_checks(id, Duration::from_secs(8))), (1.0, 3.0));
        assert_eq!((history.times_down(id), history.failed_checks(id, Duration::from_secs(69))), (1.0, 0.0));
        let fourth = builder.build_at_millis(9000, &stat(7, 15));
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
