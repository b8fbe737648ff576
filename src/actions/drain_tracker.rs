//! Servers that drain: what is left on them, how long it will take, and why it does not end.
//!
//! Clients bound by a cookie or a stick table still arrive in DRAIN, so a server may never be empty. It counts
//! as empty when nothing was there and nothing came for a few samples.

use std::collections::VecDeque;
use std::time::Duration;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::status::State;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// Samples in a row without a session, a waiting request or a new session that make a server empty.
pub const EMPTY_SAMPLES: usize = 3;
/// The time over which the end is estimated.
const LOOK_BACK: Duration = Duration::from_mins(1);
/// The time within which a session that began makes clients arrive.
const RECENT: Duration = Duration::from_secs(5);
/// Sessions of which none ended for so long are said to stay.
const LONG: Duration = Duration::from_secs(20);

/// What is left on a server that drains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Sessions now.
    pub sessions: i64,
    /// Requests that wait for it.
    pub queued: i64,
    /// Sessions that began within the last seconds.
    pub arrived: i64,
    /// Idle connections kept open to it; they end by themselves and hold nothing up.
    pub idle: Option<i64>,
    /// Until it is empty at the pace of the last minute; absent while nothing goes.
    pub time_left: Option<Duration>,
    /// Why it does not become empty.
    pub why: Option<&'static str>,
    /// Whether it is empty.
    pub is_empty: bool,
}

/// What became of a server whose drain was ordered here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It is empty now.
    Empty(RowId),
    /// It is not, and the time given has passed.
    Overdue(RowId),
}

/// A server in one sample.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: Duration,
    /// Sessions then.
    sessions: i64,
    /// Sessions since HAProxy's start.
    counted: i64,
}

/// One server that drains.
#[derive(Debug, Clone)]
struct Drain {
    id: RowId,
    /// When its drain was ordered here; absent where somebody else did.
    ordered: Option<Duration>,
    /// Samples in a row in which it was empty.
    quiet: usize,
    /// How it was in the samples of the last minute in which it drained, the oldest first.
    points: VecDeque<Point>,
    /// Since when no session has ended.
    stuck_since: Duration,
    left: Left,
    is_told: bool,
    is_overdue: bool,
}

/// The servers that drain.
#[derive(Debug, Clone)]
pub struct Draining {
    list: Vec<Drain>,
    deadline: Duration,
}

impl Default for Draining {
    fn default() -> Self {
        Self { list: Vec::new(), deadline: Duration::from_mins(5) }
    }
}

impl Draining {
    /// Asks about the sessions that stay after this time.
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// A drain was ordered here and verified.
    pub fn order(&mut self, id: RowId, now: Duration) {
        self.list.retain(|drain| drain.id != id);
        self.list.push(Drain { ordered: Some(now), ..Drain::new(id, now) });
    }

    /// Another state was ordered here.
    pub fn forget(&mut self, id: RowId) {
        self.list.retain(|drain| drain.id != id);
    }

    /// Takes the newest sample in; tells what is new of the drains ordered here.
    pub fn look(&mut self, sample: &Sample) -> Vec<News> {
        let now = sample.at.mono;
        let drains = |index: usize| sample.table.rows()[index].state() == State::Drain;
        // A server that is DOWN and drains reads DOWN, and "DOWN 1/2" on its way back; only its order tells.
        let may_drain = |index: usize| matches!(sample.table.rows()[index].state(), State::Down | State::ComingUp);
        self.list.retain(|drain| {
            let place = sample.rows.index(drain.id);
            place.is_some_and(|index| drains(index) || drain.ordered.is_some() && may_drain(index))
        });
        for backend in sample.rows.backends() {
            for server in backend.servers.iter().filter(|server| drains(**server)) {
                let id = sample.rows.ids()[*server];
                if !self.list.iter().any(|drain| drain.id == id) {
                    self.list.push(Drain::new(id, now));
                }
            }
        }
        let deadline = self.deadline;
        self.list.iter_mut().filter_map(|drain| drain.look(sample, deadline)).collect()
    }

    /// What is left on a server; nothing when it does not drain.
    pub fn left(&self, id: RowId) -> Option<&Left> {
        self.list.iter().find(|drain| drain.id == id).map(|drain| &drain.left)
    }

    /// What is left on the servers that are not empty yet.
    pub fn under_way(&self) -> impl Iterator<Item = (RowId, &Left)> {
        self.list
            .iter()
            .filter(|drain| !drain.left.is_empty && !drain.points.is_empty())
            .map(|drain| (drain.id, &drain.left))
    }

    /// Servers whose drain was ordered here and that are empty now, in the order they were drained.
    pub fn empty(&self) -> impl Iterator<Item = RowId> {
        self.list.iter().filter(|drain| drain.is_told && drain.left.is_empty).map(|drain| drain.id)
    }

    /// Servers whose drain was ordered here and that are not empty though their time has passed.
    pub fn overdue(&self) -> impl Iterator<Item = RowId> {
        self.list.iter().filter(|drain| drain.is_overdue && !drain.left.is_empty).map(|drain| drain.id)
    }
}

impl Drain {
    fn new(id: RowId, now: Duration) -> Self {
        let left = Left { sessions: 0, queued: 0, arrived: 0, idle: None, time_left: None, why: None, is_empty: false };
        Self {
            id,
            ordered: None,
            quiet: 0,
            points: VecDeque::new(),
            stuck_since: now,
            left,
            is_told: false,
            is_overdue: false,
        }
    }

    fn look(&mut self, sample: &Sample, deadline: Duration) -> Option<News> {
        let now = sample.at.mono;
        let number = |field| sample.number(self.id, field);
        let (sessions, queued) = (number(Field::Scur).unwrap_or(0), number(Field::Qcur).unwrap_or(0));
        let rate = number(Field::Rate).unwrap_or(0);
        if self.points.back().is_none_or(|before| sessions < before.sessions) || sessions == 0 {
            self.stuck_since = now;
        }
        self.points.push_back(Point { at: now, sessions, counted: number(Field::Stot).unwrap_or(0) });
        while self.points.front().is_some_and(|point| now.saturating_sub(point.at) > LOOK_BACK) {
            self.points.pop_front();
        }
        // The first sample may still count what came before the drain.
        let recent = self.points.iter().skip(1).find(|point| now.saturating_sub(point.at) <= RECENT);
        let arrived = recent.map_or(0, |point| number(Field::Stot).unwrap_or(0).saturating_sub(point.counted).max(0));
        self.quiet = if sessions == 0 && queued == 0 && rate == 0 { self.quiet + 1 } else { 0 };
        let is_empty = self.quiet >= EMPTY_SAMPLES;
        self.left = Left {
            sessions,
            queued,
            arrived,
            idle: number(Field::SrvIcur),
            time_left: self.time_left(sessions).filter(|_| !is_empty),
            why: self.why(sample, sessions, arrived, now).filter(|_| !is_empty),
            is_empty,
        };
        let ordered = self.ordered?;
        if is_empty && !self.is_told {
            self.is_told = true;
            return Some(News::Empty(self.id));
        }
        if !is_empty && !self.is_overdue && now.saturating_sub(ordered) >= deadline {
            self.is_overdue = true;
            return Some(News::Overdue(self.id));
        }
        None
    }

    /// At the pace of the last half of the time: what goes at once says nothing of what stays.
    fn time_left(&self, sessions: i64) -> Option<Duration> {
        let (first, now) = (self.points.front()?, self.points.back()?);
        let half = first.at + now.at.saturating_sub(first.at) / 2;
        let since = self.points.iter().rev().find(|point| point.at <= half)?;
        let (gone, seconds) = (since.sessions.saturating_sub(sessions), now.at.saturating_sub(since.at).as_secs_f64());
        // Later than a time can be told is never.
        let left = Duration::try_from_secs_f64(seconds * sessions as f64 / gone as f64);
        left.ok().filter(|_| gone > 0 && seconds > 0.0)
    }

    fn why(&self, sample: &Sample, sessions: i64, arrived: i64, now: Duration) -> Option<&'static str> {
        let backend = sample.rows.backend_of(sample.rows.index(self.id)?)?;
        let has_cookie = sample.table.rows()[backend.row].text(TextField::Cookie).is_some();
        match () {
            () if arrived > 0 && has_cookie => Some("clients with a cookie still arrive"),
            () if arrived > 0 => Some("clients bound to it still arrive"),
            () if sessions > 0 && now.saturating_sub(self.stuck_since) >= LONG => Some("long sessions stay"),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleMaker;

    struct Lab {
        maker: SampleMaker,
        draining: Draining,
        id: Option<RowId>,
    }

    impl Lab {
        fn new() -> Self {
            let mut draining = Draining::default();
            draining.set_deadline(Duration::from_mins(1));
            Self { maker: SampleMaker::default(), draining, id: None }
        }

        fn at(&mut self, seconds: u64, status: &str, scur: i64, stot: i64) -> Vec<News> {
            let rows = format!(
                "# pxname,svname,scur,qcur,stot,rate,srv_icur,status,type,cookie,\n\
                 b,s,{scur},0,{stot},0,4,{status},2,,\nb,BACKEND,{scur},0,{stot},0,,UP,1,SRV,\n"
            );
            let sample = self.maker.at_millis(seconds * 1000, &rows);
            self.id = Some(sample.rows.ids()[0]);
            self.draining.look(&sample)
        }

        fn left(&self) -> Left {
            self.draining.left(self.id.unwrap()).unwrap().clone()
        }
    }

    #[test]
    fn a_drain_counts_down_and_is_told_once_when_it_is_empty() {
        let mut lab = Lab::new();
        lab.at(0, "UP", 30, 100);
        assert!(lab.draining.left(lab.id.unwrap()).is_none());
        lab.draining.order(lab.id.unwrap(), Duration::ZERO);
        lab.at(0, "DRAIN", 80, 100);
        lab.at(10, "DRAIN", 30, 100);
        assert_eq!(lab.left().time_left, Some(Duration::from_secs(6)));
        lab.at(20, "DRAIN", 20, 100);
        assert_eq!(
            (lab.left().sessions, lab.left().time_left, lab.left().idle),
            (20, Some(Duration::from_secs(20)), Some(4))
        );
        for second in 21..23 {
            assert_eq!(lab.at(second, "DRAIN", 0, 100), []);
        }
        assert_eq!(lab.at(23, "DRAIN", 0, 100), [News::Empty(lab.id.unwrap())]);
        assert_eq!(lab.at(24, "DRAIN", 0, 100), []);
        assert!(lab.left().is_empty && lab.draining.empty().eq([lab.id.unwrap()]));
        lab.at(25, "MAINT", 0, 100);
        assert_eq!(lab.draining.empty().count(), 0);
    }

    #[test]
    fn numbers_at_the_end_of_63_bits_do_not_overflow() {
        let mut lab = Lab::new();
        for (second, scur, stot) in
            [(0, i64::MAX, -i64::MAX), (1, i64::MAX - 1, i64::MAX), (2, -i64::MAX, -i64::MAX), (90, i64::MAX, 0)]
        {
            lab.at(second, "DRAIN", scur, stot);
        }
        assert_eq!((lab.left().sessions, lab.left().time_left), (i64::MAX, None));
        lab.at(100, "DRAIN", i64::MAX - 1, 0);
        assert_eq!(lab.left().time_left, None, "in more years than can be told");
    }

    #[test]
    fn what_holds_it_up_is_told() {
        let mut lab = Lab::new();
        lab.at(0, "DRAIN", 5, 100);
        lab.at(1, "DRAIN", 5, 140);
        assert_eq!(lab.left().why, None, "what came before the drain, maybe");
        lab.at(2, "DRAIN", 5, 150);
        assert_eq!((lab.left().why, lab.left().arrived), (Some("clients with a cookie still arrive"), 10));
        for second in (4..30).step_by(2) {
            lab.at(second, "DRAIN", 5, 150);
        }
        assert_eq!(lab.left().why, Some("long sessions stay"));
        assert_eq!(lab.at(300, "DRAIN", 5, 150), [], "the time of a drain that somebody else ordered is theirs");
        lab.draining.order(lab.id.unwrap(), Duration::from_mins(5));
        assert_eq!(lab.at(359, "DRAIN", 5, 150), []);
        assert_eq!(lab.at(360, "DRAIN", 5, 150), [News::Overdue(lab.id.unwrap())]);
        assert_eq!(lab.at(361, "DRAIN", 5, 150), []);
        assert!(lab.draining.overdue().eq([lab.id.unwrap()]));
    }

    #[test]
    fn a_server_that_is_down_is_followed_only_when_its_drain_was_ordered_here() {
        let mut lab = Lab::new();
        lab.at(0, "DOWN", 0, 9);
        assert!(lab.draining.left(lab.id.unwrap()).is_none());
        lab.draining.order(lab.id.unwrap(), Duration::ZERO);
        lab.at(1, "DOWN", 0, 9);
        lab.at(2, "DOWN 1/2", 0, 9);
        assert_eq!(lab.at(3, "DOWN", 0, 9), [News::Empty(lab.id.unwrap())]);
    }
}
