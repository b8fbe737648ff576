//! A cause: one thing that is wrong, with the problems that show it, and the order of causes.

use std::cmp::{Ordering, Reverse};
use std::time::Duration;

use crate::actions::action_table::Action;
use crate::haproxy::level::Level;
use crate::haproxy::stat_table::RowKind;
use crate::observe::events::display_name;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause_table::CauseKind;
use crate::problems::flap::Flap;
use crate::problems::problem::ProblemSubject;
use crate::problems::rule::Basis;
use crate::problems::rule_table::RuleId;
use crate::units;

/// The row and the rule of a problem.
pub(crate) type ProblemKey = (RowId, RuleId);

/// Lower bounds of the steps in which impacts are compared. Impacts within a step count as equal, so that small changes
/// do not change the order.
const IMPACT_STEPS: [f64; 4] = [0.5, 0.1, 0.01, 1e-9];
/// Step of an unknown impact: after a share that matters, before a very small one.
const UNKNOWN_STEP: usize = 3;

/// Development of the value that shows a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CauseTrend {
    /// It gets worse.
    Growing,
    /// It hardly changes, or it is too early to say.
    #[default]
    Steady,
    /// It gets better.
    Falling,
}

impl CauseTrend {
    /// Returns the name as a string.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Growing => "growing",
            Self::Steady => "steady",
            Self::Falling => "falling",
        }
    }
}

/// Obstacle to an action on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The server gets no new sessions already.
    Drained,
    /// The server is in maintenance.
    InMaintenance,
    /// No other server of the backend is usable.
    LastServer,
    /// The cause is about several servers.
    SeveralServers,
}

impl Obstacle {
    const fn words(self) -> &'static str {
        match self {
            Self::Drained => "it is drained already",
            Self::InMaintenance => "it is in maintenance already",
            Self::LastServer => "it is the last usable server, so it must stay",
            Self::SeveralServers => "several servers are affected",
        }
    }
}

/// Advice to the operator about a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advice {
    /// The action that helps, if hapulse has one and it is possible.
    pub(crate) action: Option<&'static Action>,
    /// Advice in words.
    pub(crate) text: String,
}

impl Advice {
    /// Returns the title of the action, unless the advice begins with it: `drain` and `drain the server, then look …`.
    pub(crate) fn action_title(&self) -> Option<&'static str> {
        let begins_with = |title: &&str| self.text.split(',').next().is_some_and(|start| start.contains(title));
        self.action.map(|action| action.title).filter(|title| !begins_with(title))
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Cause {
    /// Kind of the cause.
    pub kind: CauseKind,
    /// Row that the cause is about, or the process.
    pub(crate) subject: ProblemSubject,
    /// The only affected server of a cause that is about a backend, else the row of the cause.
    pub(crate) target: RowId,
    /// Backend of the row, or the row itself.
    pub(crate) proxy_row: RowId,
    /// Highest severity of the problems.
    pub severity: Severity,
    /// Description for operators, without the row's name.
    pub sentence: String,
    /// Share of the requests or connections of the process that fail or are late now, from 0 to 1; `None` if unknown.
    pub(crate) impact: Option<f64>,
    /// Time of the first sample in which a rule was past its threshold.
    pub(crate) since: Timestamp,
    /// Time for which HAProxy had reported the state before that sample.
    pub(crate) before: Duration,
    /// True if the first samples showed the cause already and HAProxy does not report since when: it may be older.
    pub(crate) may_be_older: bool,
    /// Obstacle to the action that would help.
    pub(crate) obstacle: Option<Obstacle>,
    /// Development of its value.
    pub(crate) trend: CauseTrend,
    /// Problems of the cause: first the `shown_by` problems that show it, then those that follow from it.
    pub(crate) problems: Vec<ProblemKey>,
    /// Number of the problems that show the cause.
    pub(crate) shown_by: usize,
    /// Flap of a flapping server.
    pub(crate) flap: Option<Flap>,
    /// Words about the time before: `3 times in 4 min`.
    pub(crate) earlier: Option<String>,
    /// Time of the sample in which the cause was resolved; `None` while it is open.
    pub(crate) resolved_at: Option<Timestamp>,
}

impl Cause {
    /// Creates an open cause of the past, of which only this is known.
    pub(crate) fn from_past(
        kind: CauseKind,
        subject: ProblemSubject,
        proxy_row: RowId,
        severity: Severity,
        sentence: String,
        since: Timestamp,
    ) -> Self {
        Self {
            kind,
            target: subject.id,
            subject,
            proxy_row,
            severity,
            sentence,
            impact: None,
            since,
            before: Duration::ZERO,
            may_be_older: false,
            obstacle: None,
            trend: CauseTrend::Steady,
            problems: Vec::new(),
            shown_by: 0,
            flap: None,
            earlier: None,
            resolved_at: None,
        }
    }

    /// Returns the row and the kind, which do not change while the cause is open.
    pub(crate) fn key(&self) -> (RowId, CauseKind) {
        (self.subject.id, self.kind)
    }

    /// Returns the name of the row: `process`, `api` or `api/api1`.
    pub fn name(&self) -> String {
        match &self.subject.names {
            None => "process".to_owned(),
            Some((RowKind::Server | RowKind::Listener, proxy, name)) => format!("{proxy}/{name}"),
            Some((_, proxy, _)) => proxy.to_string(),
        }
    }

    /// Returns severity, row and sentence in one line.
    pub fn line(&self) -> String {
        let name = match &self.subject.names {
            None => "process".to_owned(),
            Some((kind, proxy, name)) => display_name(*kind, proxy, name),
        };
        let end = if self.is_open() { self.severity.label() } else { "resolved" };
        format!("{end} {name}: {}", self.sentence)
    }

    /// Returns whether the cause is not resolved.
    pub(crate) fn is_open(&self) -> bool {
        self.resolved_at.is_none()
    }

    /// Returns whether HAProxy reports the cause itself, as the state of a row.
    pub(crate) fn is_state(&self) -> bool {
        self.problems[..self.shown_by].iter().all(|(_, rule)| rule.rule().basis == Basis::State)
    }

    /// Returns the time from the start of the cause to `now`, or to its end.
    pub(crate) fn age(&self, now: Duration) -> Duration {
        let end = self.resolved_at.map_or(now, |resolved_at| resolved_at.monotonic);
        end.saturating_sub(self.since.monotonic) + self.before
    }

    /// Formats the age for a few cells: `9s`, or `>9s` if the cause may be older than the first sample.
    pub(crate) fn age_cells(&self, now: Duration) -> String {
        units::age(self.age(now), self.may_be_older)
    }

    /// Formats the age in words: `9 s`, or `at least 9 s`.
    pub(crate) fn age_words(&self, now: Duration) -> String {
        units::age_words(self.age(now), self.may_be_older)
    }

    /// Returns whether the cause has problems of a row.
    pub(crate) fn affects(&self, row: RowId) -> bool {
        self.problems.iter().any(|(affected, _)| *affected == row)
    }

    /// Adds the problems of another cause, with their severity and impact.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.severity = self.severity.max(other.severity);
        self.impact = add_impacts(self.impact, other.impact);
        self.problems.extend(other.problems);
    }

    /// Iterates over the backends without servers that are part of the cause.
    pub(crate) fn lost_backends(&self) -> impl Iterator<Item = RowId> {
        self.problems.iter().filter(|(_, rule)| *rule == RuleId::BackendDown).map(|(row, _)| *row)
    }

    /// Iterates over the rows that the cause is about or whose problems show it. A row may come twice.
    pub(crate) fn rows(&self) -> impl Iterator<Item = RowId> {
        [self.subject.id, self.target].into_iter().chain(self.problems[..self.shown_by].iter().map(|(row, _)| *row))
    }

    /// Describes the cause of a backend for a frontend that it affects: `its backend be_app is down: no server …`.
    pub(crate) fn words_for_frontend(&self) -> String {
        let whose = match &self.subject.names {
            None => return self.sentence.clone(),
            Some((RowKind::Server, ..)) => format!("its server {}", self.name()),
            Some(_) if self.kind == CauseKind::NoServer => format!("its backend {} is down", self.name()),
            Some(_) => format!("its backend {}", self.name()),
        };
        format!("{whose}: {}", self.sentence)
    }

    /// Returns one word for the cell of a row: `backend` for a frontend that the cause of a backend affects, because it
    /// accepts connections whatever the state of its backend is.
    pub(crate) fn word_for(&self, row: RowId, kind: RowKind) -> &'static str {
        let is_of_backend = kind == RowKind::Frontend && self.subject.names.is_some() && self.subject.id != row;
        if is_of_backend { "backend" } else { self.kind.info().word }
    }

    /// Returns what helps on a socket of this level; `None` is an unknown level.
    pub(crate) fn advice(&self, level: Option<Level>) -> Advice {
        let info = self.kind.info();
        let Some(action) = info.action else { return Advice { action: None, text: info.remedy.to_owned() } };
        let reason = match self.obstacle {
            Some(obstacle) => obstacle.words().to_owned(),
            None if level.is_some_and(|level| level < action.level) => {
                format!("{} needs a socket of level {}", action.title, action.level)
            }
            None => return Advice { action: Some(action), text: info.remedy.to_owned() },
        };
        Advice { action: None, text: format!("{reason}: {}", info.without_action.unwrap_or(info.remedy)) }
    }

    fn impact_step(&self) -> usize {
        let Some(impact) = self.impact else { return UNKNOWN_STEP };
        IMPACT_STEPS.iter().position(|bound| impact >= *bound).map_or(IMPACT_STEPS.len() + 1, |step| match step {
            step if step < UNKNOWN_STEP => step,
            step => step + 1,
        })
    }
}

/// Adds the impacts of two causes; an unknown one counts as none.
pub(crate) fn add_impacts(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one + other).min(1.0)),
        (one, other) => one.or(other),
    }
}

/// Compares two causes: open before resolved, critical before warning, larger impact first, then those that do not
/// flap, then the order of the table of causes, then the newest first.
///
/// Header, dashboard, lists, `check`, `show` and `watch` all use this order. Ages come late in it because a program that
/// was just started does not know them.
pub fn cause_order(one: &Cause, other: &Cause) -> Ordering {
    // A server that flaps does not hide what else is wrong.
    let is_flap = |cause: &Cause| cause.kind == CauseKind::FlappingServer;
    let key =
        |cause: &Cause| (!cause.is_open(), Reverse(cause.severity), cause.impact_step(), is_flap(cause), cause.kind);
    let start =
        |cause: &Cause| cause.since.monotonic.as_millis().cast_signed() - cause.before.as_millis().cast_signed();
    let by_start = || start(other).cmp(&start(one));
    key(one).cmp(&key(other)).then_with(by_start).then_with(|| one.subject.id.cmp(&other.subject.id))
}

/// Change of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CauseChange {
    /// The cause appeared.
    Opened,
    /// A warning became critical.
    Worsened,
    /// A critical cause became a warning.
    Eased,
    /// Sentence, trend or number of times changed in a way that has to be recorded.
    Updated,
    /// The cause is over.
    Resolved,
    /// A resolved cause left the list, or another cause took its place.
    Removed,
}

/// A change of a cause, with the cause after the change.
#[derive(Debug, Clone)]
pub struct CauseEvent {
    /// Time of the sample that made the change.
    pub(crate) at: Timestamp,
    /// The change.
    pub(crate) change: CauseChange,
    /// The cause after the change.
    pub(crate) cause: Cause,
}
