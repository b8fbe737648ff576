//! Drain tracking: remaining sessions, estimated time, and the reason if a drain stalls.
//!
//! Clients bound by a cookie or a stick table still arrive in DRAIN, so a server may never become empty. A server
//! counts as empty after three consecutive samples without current sessions, queued requests and new sessions, if no
//! process from before a reload holds, or may hold, sessions on it.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::status::RowState;
use crate::observe::old_processes::{OldProcesses, OldSessions};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// A server counts as empty after this number of consecutive samples without current sessions, queued requests and new
/// sessions.
pub(crate) const EMPTY_SAMPLES: usize = 3;
/// Time span of the samples from which the remaining time is estimated.
const ESTIMATE_WINDOW: Duration = Duration::from_mins(1);
/// Time over which new sessions are counted.
const ARRIVAL_WINDOW: Duration = Duration::from_secs(5);
/// A sample this long after the order shows the drain.
const MAX_SAMPLE_DELAY: Duration = Duration::from_secs(5);
/// If no session ends within this time, the remaining sessions count as long.
const STALL_TIME: Duration = Duration::from_secs(20);

/// Number of tracked servers from which a server that another tool drains is not tracked. Its sessions are still in its
/// row.
const MAX_DRAINS: usize = 2000;

/// Progress of a draining server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainProgress {
    /// Number of current sessions.
    pub(crate) sessions: i64,
    /// Number of queued requests.
    pub(crate) queued: i64,
    /// Number of sessions that began within the last 5 s.
    pub(crate) new_sessions: i64,
    /// Number of idle connections kept open to the server; they close automatically and do not delay the drain.
    pub(crate) idle_connections: Option<i64>,
    /// Time until the server is empty, estimated from the last minute; `None` while no session ends.
    pub(crate) time_left: Option<Duration>,
    /// Reason why the server does not become empty; `None` if unknown, and for an empty server.
    pub(crate) stall_reason: Option<&'static str>,
    /// The server is empty in the process that replies.
    pub(crate) is_empty_here: bool,
    /// Sessions that old processes hold, or may hold; `None` until they were counted.
    pub(crate) old_sessions: Option<OldSessions>,
    /// The server is empty, in the process that replies and in the old ones.
    pub(crate) is_empty: bool,
}

impl DrainProgress {
    /// Returns the sessions of old processes that alone keep the server from being empty; `None` if no old process has
    /// sessions on it, or if the process that replies has some.
    pub(crate) fn held_by_old(&self) -> Option<&OldSessions> {
        self.old_sessions.as_ref().filter(|old| self.is_empty_here && !old.is_empty())
    }

    /// Returns the number of sessions that keep the server from being empty, and why they stay, if known.
    pub(crate) fn remaining(&self) -> (i64, Option<&'static str>) {
        match self.held_by_old() {
            Some(old) if old.counted() > 0 => (old.counted(), Some("held by an old worker")),
            Some(_) => (0, Some("an old process may hold some")),
            None => (self.sessions, self.stall_reason),
        }
    }

    fn set_old_sessions(&mut self, old_sessions: Option<OldSessions>) {
        self.is_empty = self.is_empty_here && old_sessions.as_ref().is_some_and(OldSessions::is_empty);
        self.old_sessions = old_sessions;
    }
}

/// Event of a drain that this run of hapulse ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainEvent {
    /// The server is empty now.
    Empty(RowId),
    /// The server is not empty and the deadline has passed.
    Overdue(RowId),
}

/// Sessions of a server in one sample.
#[derive(Debug, Clone, Copy)]
struct DrainSample {
    at: Duration,
    /// Number of current sessions.
    sessions: i64,
    /// Number of sessions since the start of HAProxy.
    total_sessions: i64,
}

/// A draining server.
#[derive(Debug, Clone)]
struct TrackedDrain {
    id: RowId,
    /// Time at which this run ordered the drain; `None` if another tool ordered it.
    ordered_at: Option<Duration>,
    /// Number of consecutive samples without sessions.
    empty_samples: usize,
    /// Samples of the last minute of the drain, oldest first.
    samples: VecDeque<DrainSample>,
    /// Time at which the number of sessions last decreased or was 0; at first, the time at which tracking started.
    stuck_since: Duration,
    progress: DrainProgress,
    is_empty_reported: bool,
    is_overdue: bool,
}

/// Tracks all draining servers of an instance.
#[derive(Debug, Clone)]
pub struct DrainTracker {
    drains: Vec<TrackedDrain>,
    deadline: Duration,
}

impl Default for DrainTracker {
    fn default() -> Self {
        Self { drains: Vec::new(), deadline: Duration::from_mins(5) }
    }
}

impl DrainTracker {
    /// Sets the time after which a drain is overdue.
    pub(crate) fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// Starts tracking a drain that this run ordered and verified.
    pub(crate) fn start_drain(&mut self, id: RowId, now: Duration) {
        self.drains.retain(|drain| drain.id != id);
        self.drains.push(TrackedDrain { ordered_at: Some(now), ..TrackedDrain::new(id, now) });
    }

    /// Stops tracking a server for which this run of hapulse ordered another state.
    pub(crate) fn remove(&mut self, id: RowId) {
        self.drains.retain(|drain| drain.id != id);
    }

    /// Updates all drains from the latest sample and the old processes; `None` while these are unknown. Returns the
    /// events of drains that this run ordered.
    pub(crate) fn update(&mut self, sample: &Sample, old: Option<&OldProcesses>) -> Vec<DrainEvent> {
        let now = sample.at.monotonic;
        let drains = |index: usize| sample.table.rows()[index].state() == RowState::Drain;
        // A draining server that is down reports DOWN, or "DOWN 1/2" while it comes back. If this run ordered the
        // drain, assume that the server is still draining.
        let may_drain =
            |index: usize| matches!(sample.table.rows()[index].state(), RowState::Down | RowState::ComingUp);
        self.drains.retain(|drain| {
            let row = sample.rows.index_of(drain.id);
            let is_ordered = |index| drain.ordered_at.is_some() && may_drain(index) || drain.is_awaited(now);
            row.is_some_and(|index| drains(index) || is_ordered(index))
        });
        let known: HashSet<RowId> = self.drains.iter().map(|drain| drain.id).collect();
        let servers = sample.rows.backends().iter().flat_map(|backend| &backend.servers);
        let draining = servers.filter(|server| drains(**server)).map(|server| sample.rows.ids()[*server]);
        let free = MAX_DRAINS.saturating_sub(known.len());
        self.drains.extend(draining.filter(|id| !known.contains(id)).take(free).map(|id| TrackedDrain::new(id, now)));
        let deadline = self.deadline;
        let shows_drain =
            |drain: &&mut TrackedDrain| sample.rows.index_of(drain.id).is_some_and(|row| drains(row) || may_drain(row));
        let shown = self.drains.iter_mut().filter(shows_drain);
        shown.filter_map(|drain| drain.update(sample, old, deadline)).collect()
    }

    /// Updates the sessions of old processes between two samples.
    pub(crate) fn update_old_sessions(&mut self, sample: &Sample, old: Option<&OldProcesses>) {
        for drain in &mut self.drains {
            drain.progress.set_old_sessions(drain.old_sessions(sample, old));
        }
    }

    /// Returns the draining servers.
    pub(crate) fn ids(&self) -> impl Iterator<Item = RowId> {
        self.drains.iter().map(|drain| drain.id)
    }

    /// Returns the progress of a server, or `None` if it is not draining.
    pub fn progress(&self, id: RowId) -> Option<&DrainProgress> {
        self.drains.iter().find(|drain| drain.id == id).map(|drain| &drain.progress)
    }

    /// Returns the draining servers that are not empty yet, with their progress.
    pub(crate) fn in_progress(&self) -> impl Iterator<Item = (RowId, &DrainProgress)> {
        self.drains
            .iter()
            .filter(|drain| !drain.progress.is_empty && !drain.samples.is_empty())
            .map(|drain| (drain.id, &drain.progress))
    }

    /// Returns the empty servers whose drain this run ordered, in the order in which the drains began.
    pub(crate) fn emptied(&self) -> impl Iterator<Item = RowId> {
        self.drains.iter().filter(|drain| drain.is_empty_reported && drain.progress.is_empty).map(|drain| drain.id)
    }

    /// Returns the servers whose drain this run ordered and that still have sessions in the process that replies after
    /// the deadline.
    pub(crate) fn overdue(&self) -> impl Iterator<Item = RowId> {
        self.drains.iter().filter(|drain| drain.is_overdue && !drain.progress.is_empty_here).map(|drain| drain.id)
    }
}

impl TrackedDrain {
    fn new(id: RowId, now: Duration) -> Self {
        let left = DrainProgress {
            sessions: 0,
            queued: 0,
            new_sessions: 0,
            idle_connections: None,
            time_left: None,
            stall_reason: None,
            is_empty_here: false,
            old_sessions: None,
            is_empty: false,
        };
        Self {
            id,
            ordered_at: None,
            empty_samples: 0,
            samples: VecDeque::new(),
            stuck_since: now,
            progress: left,
            is_empty_reported: false,
            is_overdue: false,
        }
    }

    /// Returns whether no sample has shown a drain that was ordered a moment ago. A poll that began before the command may
    /// end after it, and reports the state before.
    fn is_awaited(&self, now: Duration) -> bool {
        self.samples.is_empty() && self.ordered_at.is_some_and(|at| now.saturating_sub(at) < MAX_SAMPLE_DELAY)
    }

    fn old_sessions(&self, sample: &Sample, old: Option<&OldProcesses>) -> Option<OldSessions> {
        let row = sample.row(self.id)?;
        Some(old?.sessions_on(&row.proxy, &row.name))
    }

    fn update(&mut self, sample: &Sample, old: Option<&OldProcesses>, deadline: Duration) -> Option<DrainEvent> {
        let now = sample.at.monotonic;
        let number = |field| sample.number(self.id, field);
        let (sessions, queued) = (number(Field::Scur).unwrap_or(0), number(Field::Qcur).unwrap_or(0));
        let rate = number(Field::Rate).unwrap_or(0);
        if self.samples.back().is_none_or(|before| sessions < before.sessions) || sessions == 0 {
            self.stuck_since = now;
        }
        self.samples.push_back(DrainSample { at: now, sessions, total_sessions: number(Field::Stot).unwrap_or(0) });
        while self.samples.front().is_some_and(|point| now.saturating_sub(point.at) > ESTIMATE_WINDOW) {
            self.samples.pop_front();
        }
        // The first sample may still count sessions from before the drain.
        let recent = self.samples.iter().skip(1).find(|point| now.saturating_sub(point.at) <= ARRIVAL_WINDOW);
        let arrived =
            recent.map_or(0, |point| number(Field::Stot).unwrap_or(0).saturating_sub(point.total_sessions).max(0));
        self.empty_samples = if sessions == 0 && queued == 0 && rate == 0 { self.empty_samples + 1 } else { 0 };
        let is_empty_here = self.empty_samples >= EMPTY_SAMPLES;
        self.progress = DrainProgress {
            sessions,
            queued,
            new_sessions: arrived,
            idle_connections: number(Field::SrvIcur),
            time_left: self.estimate_time_left(sessions).filter(|_| !is_empty_here),
            stall_reason: self.stall_reason(sample, sessions, arrived, now).filter(|_| !is_empty_here),
            is_empty_here,
            old_sessions: None,
            is_empty: false,
        };
        self.progress.set_old_sessions(self.old_sessions(sample, old));
        let is_empty = self.progress.is_empty;
        let ordered = self.ordered_at?;
        if is_empty && !self.is_empty_reported {
            self.is_empty_reported = true;
            return Some(DrainEvent::Empty(self.id));
        }
        if !is_empty && !self.is_overdue && now.saturating_sub(ordered) >= deadline {
            self.is_overdue = true;
            return Some(DrainEvent::Overdue(self.id));
        }
        None
    }

    /// Estimates the time until the server is empty from the second half of the last minute. Short sessions, most of
    /// which end early, say nothing about the long ones that remain. `None` while no session ends.
    fn estimate_time_left(&self, sessions: i64) -> Option<Duration> {
        let (first, now) = (self.samples.front()?, self.samples.back()?);
        let half = first.at + now.at.saturating_sub(first.at) / 2;
        let since = self.samples.iter().rev().find(|point| point.at <= half)?;
        let (gone, seconds) = (since.sessions.saturating_sub(sessions), now.at.saturating_sub(since.at).as_secs_f64());
        // An estimate that exceeds the range of `Duration` is dropped.
        let left = Duration::try_from_secs_f64(seconds * sessions as f64 / gone as f64);
        left.ok().filter(|_| gone > 0 && seconds > 0.0)
    }

    fn stall_reason(&self, sample: &Sample, sessions: i64, arrived: i64, now: Duration) -> Option<&'static str> {
        let backend = sample.rows.backend_of(sample.rows.index_of(self.id)?)?;
        let has_cookie = sample.table.rows()[backend.row].text(TextField::Cookie).is_some();
        match () {
            () if arrived > 0 && has_cookie => Some("clients with a cookie still arrive"),
            () if arrived > 0 => Some("sticky sessions still arrive"),
            () if sessions > 0 && now.saturating_sub(self.stuck_since) >= STALL_TIME => Some("long sessions stay"),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    struct DrainFixture {
        maker: SampleBuilder,
        tracker: DrainTracker,
        old_processes: OldProcesses,
        id: Option<RowId>,
    }

    impl DrainFixture {
        fn new() -> Self {
            let mut tracker = DrainTracker::default();
            tracker.set_deadline(Duration::from_mins(1));
            Self { maker: SampleBuilder::default(), tracker, old_processes: OldProcesses::default(), id: None }
        }

        fn at(&mut self, seconds: u64, status: &str, scur: i64, stot: i64) -> Vec<DrainEvent> {
            let rows = format!(
                "# pxname,svname,scur,qcur,stot,rate,srv_icur,status,type,cookie,\n\
                 b,s,{scur},0,{stot},0,4,{status},2,,\nb,BACKEND,{scur},0,{stot},0,,UP,1,SRV,\n"
            );
            let sample = self.maker.build_at_millis(seconds * 1000, &rows);
            self.id = Some(sample.rows.ids()[0]);
            self.tracker.update(&sample, Some(&self.old_processes))
        }

        fn left(&self) -> DrainProgress {
            self.tracker.progress(self.id.unwrap()).unwrap().clone()
        }
    }

    #[test]
    fn drain_tracker_estimates_time_and_reports_empty_once() {
        let mut fixture = DrainFixture::new();
        fixture.at(0, "UP", 30, 100);
        assert!(fixture.tracker.progress(fixture.id.unwrap()).is_none());
        fixture.tracker.start_drain(fixture.id.unwrap(), Duration::ZERO);
        fixture.at(0, "DRAIN", 80, 100);
        fixture.at(10, "DRAIN", 30, 100);
        assert_eq!(fixture.left().time_left, Some(Duration::from_secs(6)));
        fixture.at(20, "DRAIN", 20, 100);
        assert_eq!(
            (fixture.left().sessions, fixture.left().time_left, fixture.left().idle_connections),
            (20, Some(Duration::from_secs(20)), Some(4))
        );
        for second in 21..23 {
            assert_eq!(fixture.at(second, "DRAIN", 0, 100), []);
        }
        assert_eq!(fixture.at(23, "DRAIN", 0, 100), [DrainEvent::Empty(fixture.id.unwrap())]);
        assert_eq!(fixture.at(24, "DRAIN", 0, 100), []);
        assert!(fixture.left().is_empty && fixture.tracker.emptied().eq([fixture.id.unwrap()]));
        fixture.at(25, "MAINT", 0, 100);
        assert_eq!(fixture.tracker.emptied().count(), 0);
    }

    #[test]
    fn drain_tracker_keeps_drain_until_a_sample_shows_it() {
        let mut fixture = DrainFixture::new();
        fixture.at(0, "UP", 30, 100);
        fixture.tracker.start_drain(fixture.id.unwrap(), Duration::from_secs(1));
        // The poll began before the command.
        assert_eq!(fixture.at(1, "UP", 30, 100), []);
        fixture.at(2, "DRAIN", 20, 100);
        assert_eq!(fixture.left().sessions, 20);
        for second in 3..5 {
            assert_eq!(fixture.at(second, "DRAIN", 0, 100), []);
        }
        assert_eq!(fixture.at(5, "DRAIN", 0, 100), [DrainEvent::Empty(fixture.id.unwrap())], "an own drain");
        fixture.tracker.start_drain(fixture.id.unwrap(), Duration::from_secs(6));
        fixture.at(12, "UP", 30, 100);
        assert!(fixture.tracker.progress(fixture.id.unwrap()).is_none(), "the drain was undone");
    }

    #[test]
    fn drain_tracker_saturates_large_numbers() {
        let mut fixture = DrainFixture::new();
        for (second, scur, stot) in
            [(0, i64::MAX, -i64::MAX), (1, i64::MAX - 1, i64::MAX), (2, -i64::MAX, -i64::MAX), (90, i64::MAX, 0)]
        {
            fixture.at(second, "DRAIN", scur, stot);
        }
        assert_eq!((fixture.left().sessions, fixture.left().time_left), (i64::MAX, None));
        fixture.at(100, "DRAIN", i64::MAX - 1, 0);
        assert_eq!(fixture.left().time_left, None, "more years than a duration can hold");
    }

    #[test]
    fn drain_tracker_reports_stall_reason_and_overdue() {
        let mut fixture = DrainFixture::new();
        fixture.at(0, "DRAIN", 5, 100);
        fixture.at(1, "DRAIN", 5, 140);
        assert_eq!(fixture.left().stall_reason, None, "possibly from before the drain");
        fixture.at(2, "DRAIN", 5, 150);
        assert_eq!(
            (fixture.left().stall_reason, fixture.left().new_sessions),
            (Some("clients with a cookie still arrive"), 10)
        );
        for second in (4..30).step_by(2) {
            fixture.at(second, "DRAIN", 5, 150);
        }
        assert_eq!(fixture.left().stall_reason, Some("long sessions stay"));
        assert_eq!(fixture.at(300, "DRAIN", 5, 150), [], "a drain ordered by another tool has no deadline here");
        fixture.tracker.start_drain(fixture.id.unwrap(), Duration::from_mins(5));
        assert_eq!(fixture.at(359, "DRAIN", 5, 150), []);
        assert_eq!(fixture.at(360, "DRAIN", 5, 150), [DrainEvent::Overdue(fixture.id.unwrap())]);
        assert_eq!(fixture.at(361, "DRAIN", 5, 150), []);
        assert!(fixture.tracker.overdue().eq([fixture.id.unwrap()]));
    }

    #[test]
    fn drain_tracker_follows_down_server_only_after_own_drain() {
        let mut fixture = DrainFixture::new();
        fixture.at(0, "DOWN", 0, 9);
        assert!(fixture.tracker.progress(fixture.id.unwrap()).is_none());
        fixture.tracker.start_drain(fixture.id.unwrap(), Duration::ZERO);
        fixture.at(1, "DOWN", 0, 9);
        fixture.at(2, "DOWN 1/2", 0, 9);
        assert_eq!(fixture.at(3, "DOWN", 0, 9), [DrainEvent::Empty(fixture.id.unwrap())]);
    }
}
