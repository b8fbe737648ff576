//! Events of one instance: changes between samples, link failures, problems and actions.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::status::RowState;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::observe::state_cause::StateCause;
use crate::observe::timestamp::Timestamp;
use crate::units::pluralize;

/// Importance of an event for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Importance {
    /// Ordinary change.
    Info,
    /// Return to normal.
    Good,
    /// Possible trouble.
    Warning,
    /// Failure.
    Bad,
}

/// Kind of an event, with its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// The status of a row changed.
    Status {
        /// Previous status.
        from: String,
        /// Current status.
        to: String,
        /// Result of the last check in HAProxy's words; empty if HAProxy reported no check result.
        reason: String,
        /// Cause of the change.
        cause: StateCause,
    },
    /// The effective weight of a server changed.
    Weight {
        /// Previous weight.
        from: i64,
        /// Current weight.
        to: i64,
        /// True if an action of this run set it.
        is_own: bool,
    },
    /// The session limit of a frontend or server changed.
    Limit {
        /// Previous limit.
        from: i64,
        /// Current limit.
        to: i64,
        /// True if an action of this run set it.
        is_own: bool,
    },
    /// Rows appeared.
    RowsAdded(RowNames),
    /// Rows disappeared.
    RowsRemoved(RowNames),
    /// Further rows changed in the same sample; contains the number of changes that have no event of their own.
    MoreChanges(usize),
    /// HAProxy was reloaded: a new process replies, and the link never went down.
    Reloaded {
        /// Previous pid.
        from: i64,
        /// Current pid.
        to: i64,
        /// True if the counters are lower than before.
        are_reset: bool,
    },
    /// HAProxy was restarted: a new process replies after the link was down.
    Restarted {
        /// Previous pid.
        from: i64,
        /// Current pid.
        to: i64,
        /// True if the counters are lower than before.
        are_reset: bool,
    },
    /// Polls began to fail; contains the reason.
    LinkLost(String),
    /// Polls succeed again; contains the time that the link was down.
    LinkRestored(Duration),
    /// An action was carried out or failed.
    Action {
        /// Command as sent.
        command: String,
        /// Result of the action, in words.
        outcome: String,
        /// True if the readback shows the ordered state.
        is_verified: bool,
    },
    /// A state or weight that was set at run time was lost in a reload; contains its description.
    LostByReload(String),
    /// The audit log contains no result of a command that an earlier run of hapulse sent.
    UnfinishedAction {
        /// Command as sent.
        command: String,
        /// User who ordered the command.
        actor: String,
        /// Time of the command.
        at: SystemTime,
    },
    /// A server that hapulse drained has no sessions left, or still has sessions when the time limit for draining is
    /// reached.
    DrainResult {
        /// True if the server has no sessions left.
        is_empty: bool,
        /// Number of sessions left.
        sessions: i64,
        /// Reason why sessions are left; empty if the reason is unknown.
        reason: &'static str,
    },
    /// A cause of problems appeared, got worse or was resolved.
    Cause {
        /// True if the cause appeared or got worse, false if it was resolved.
        is_open: bool,
        /// Severity of the cause, or its last severity if it was resolved.
        severity: Severity,
        /// Name of its kind; empty for a number of causes.
        id: &'static str,
        /// Description without the name of the row.
        text: String,
    },
    /// The role of the balancer among its peers changed.
    Role {
        /// Previous role.
        from: &'static str,
        /// Current role.
        to: &'static str,
        /// The fact that shows the current role.
        detail: String,
    },
}

/// Number of rows that an event names.
pub(crate) const MAX_NAMES: usize = 3;

/// The names of rows that appeared or disappeared together: `be/s3, be/s4 and 3 more`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RowNames {
    /// Names of the first rows, at most [`MAX_NAMES`].
    pub(crate) first: Vec<String>,
    /// Number of all rows.
    pub(crate) count: usize,
}

impl fmt::Display for RowNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first.join(", "))?;
        match self.count.saturating_sub(self.first.len()) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Single entry of the event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Time at which hapulse observed the event.
    pub(crate) at: Timestamp,
    /// Row that the event is about; `None` if the event is about the whole process.
    pub(crate) row: Option<RowId>,
    /// Name of the row, such as `backend/server`; empty if the event is about the whole process.
    pub(crate) name: String,
    /// Kind of event, with its details.
    pub(crate) kind: EventKind,
    /// Name of the balancer among the events of several balancers; `None` among those of one instance.
    pub(crate) balancer: Option<Arc<str>>,
}

impl Event {
    /// Creates an event of one instance.
    pub(crate) fn new(at: Timestamp, row: Option<RowId>, name: String, kind: EventKind) -> Self {
        Self { at, row, name, kind, balancer: None }
    }

    /// Returns the names of balancer and row, and the event in one line.
    pub fn line(&self) -> String {
        let names = [self.balancer_name(), &self.name].into_iter().filter(|name| !name.is_empty());
        names.map(|name| format!("{name}  ")).chain([self.kind.to_string()]).collect()
    }

    /// Returns the name of the balancer; empty among the events of one instance.
    pub(crate) fn balancer_name(&self) -> &str {
        self.balancer.as_deref().unwrap_or_default()
    }

    /// Returns the importance of the event.
    pub(crate) fn importance(&self) -> Importance {
        match &self.kind {
            EventKind::Status { cause: StateCause::Us, .. }
            | EventKind::Weight { .. }
            | EventKind::Limit { .. }
            | EventKind::RowsAdded(_)
            | EventKind::MoreChanges(_)
            | EventKind::RowsRemoved(_) => Importance::Info,
            EventKind::Status { to, .. } => match RowState::parse(to) {
                RowState::Up | RowState::Open | RowState::NoCheck => Importance::Good,
                RowState::Down | RowState::Stopped => Importance::Bad,
                _ => Importance::Warning,
            },
            EventKind::Action { is_verified: true, .. }
            | EventKind::LinkRestored(_)
            | EventKind::Cause { is_open: false, .. }
            | EventKind::DrainResult { is_empty: true, .. } => Importance::Good,
            EventKind::Reloaded { .. }
            | EventKind::Cause { severity: Severity::Warn, .. }
            | EventKind::LostByReload(_)
            | EventKind::Role { .. }
            | EventKind::UnfinishedAction { .. }
            | EventKind::DrainResult { .. } => Importance::Warning,
            EventKind::Restarted { .. }
            | EventKind::LinkLost(_)
            | EventKind::Action { .. }
            | EventKind::Cause { .. } => Importance::Bad,
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { from, to, reason, cause } => {
                write!(f, "{from} → {to}")?;
                match cause {
                    StateCause::NewProcess => return f.write_str("  in the new process"),
                    StateCause::Operator => f.write_str("  not by us")?,
                    StateCause::Check => {}
                    cause => return write!(f, "  by {cause}"),
                }
                if reason.is_empty() { Ok(()) } else { write!(f, "  {reason}") }
            }
            Self::Weight { from, to, .. } => write!(f, "weight {from} → {to}"),
            Self::Limit { from, to, .. } => write!(f, "session limit {from} → {to}"),
            Self::RowsAdded(names) => write!(f, "new: {names}"),
            Self::RowsRemoved(names) => write!(f, "gone: {names}"),
            Self::MoreChanges(count) => write!(f, "{} at the same time", pluralize(*count as i64, "more change")),
            Self::Reloaded { from, to, are_reset } => {
                write!(f, "reloaded: pid {from} → {to}{}", reset_text(*are_reset))
            }
            Self::Restarted { from, to, are_reset } => {
                write!(f, "restarted: pid {from} → {to}{}", reset_text(*are_reset))
            }
            Self::LinkLost(reason) => write!(f, "link lost: {reason}"),
            Self::LinkRestored(after) => write!(f, "link restored after {} s", after.as_secs()),
            Self::Action { command, outcome, .. } => write!(f, "{command}: {outcome}"),
            Self::UnfinishedAction { command, actor, at } => {
                let at = jiff::Timestamp::try_from(*at).map(|at| format!("{at:.0}")).unwrap_or_default();
                write!(f, "action by {actor} at {at} has no result in the audit log: {command}")
            }
            Self::LostByReload(state) => write!(f, "lost by the reload: {state}"),
            Self::DrainResult { is_empty: true, .. } => f.write_str("drained: no sessions left"),
            Self::DrainResult { sessions: 0, reason, .. } if !reason.is_empty() => {
                write!(f, "no sessions left here, but {reason}")
            }
            Self::DrainResult { sessions, reason, .. } => {
                write!(f, "still {} in drain", pluralize(*sessions, "session"))?;
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
            Self::Cause { is_open: true, severity, text, .. } => write!(f, "{} {text}", severity.label()),
            Self::Cause { is_open: false, text, .. } => write!(f, "resolved: {text}"),
            Self::Role { from, to, detail } => write!(f, "role {from} → {to}: {detail}"),
        }
    }
}

/// Returns the part of a message about a new process that says whether counters were reset.
pub(crate) fn reset_text(are_reset: bool) -> &'static str {
    if are_reset { "; counters were reset" } else { "" }
}

/// Returns the name of a row for display: `proxy/name` for a server or listener, `frontend NAME` or `backend NAME` for
/// a proxy.
pub(crate) fn display_name(kind: RowKind, proxy: &SafeText, name: &SafeText) -> String {
    match kind {
        RowKind::Frontend => format!("frontend {proxy}"),
        RowKind::Backend => format!("backend {proxy}"),
        RowKind::Server | RowKind::Listener => format!("{proxy}/{name}"),
    }
}

/// Maximum number of events kept; the oldest are dropped.
pub(crate) const MAX_EVENTS: usize = 2000;

/// Events of one instance, oldest first.
#[derive(Debug, Default)]
pub struct EventLog {
    events: VecDeque<Event>,
    total: u64,
    version: u64,
}

impl EventLog {
    /// Creates a log of events, oldest first.
    pub(crate) fn from_events(events: VecDeque<Event>) -> Self {
        Self { total: events.len() as u64, events, version: 0 }
    }

    /// Appends an event and drops the oldest one if the log is full.
    pub(crate) fn push(&mut self, event: Event) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
        self.total += 1;
        self.version += 1;
    }

    /// Appends several events.
    pub(crate) fn extend(&mut self, events: impl IntoIterator<Item = Event>) {
        events.into_iter().for_each(|event| self.push(event));
    }

    /// Replaces the newest event that reports for a row that a cause of the same kind appeared. Does nothing if the log
    /// has no such event.
    pub(crate) fn update_cause(&mut self, row: RowId, updated: EventKind) {
        let EventKind::Cause { id: updated_id, .. } = updated else { return };
        let is_same = |event: &&mut Event| {
            let is_kind = matches!(event.kind, EventKind::Cause { is_open: true, id, .. } if id == updated_id);
            event.row == Some(row) && is_kind
        };
        if let Some(event) = self.events.iter_mut().rev().find(is_same)
            && event.kind != updated
        {
            event.kind = updated;
            self.version += 1;
        }
    }

    /// Returns a number that changes with the events.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Returns the kept events, oldest first.
    pub(crate) fn oldest_first(&self) -> impl Iterator<Item = &Event> {
        self.events.iter()
    }

    /// Returns the kept events, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().rev()
    }

    /// Returns the number of events since hapulse started, including dropped ones.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Returns the kept events up to and including a monotonic time.
    pub(crate) fn until(&self, time: Duration) -> EventsUntil<'_> {
        EventsUntil { events: self, time }
    }
}

/// Events of a log up to and including a monotonic time.
#[derive(Debug, Clone, Copy)]
pub struct EventsUntil<'a> {
    events: &'a EventLog,
    time: Duration,
}

impl<'a> EventsUntil<'a> {
    /// Returns the events, newest first.
    pub fn newest_first(self) -> impl Iterator<Item = &'a Event> {
        self.events.newest_first().filter(move |event| event.at.monotonic <= self.time)
    }

    /// Returns the number of events in this range.
    pub(crate) fn len(self) -> usize {
        self.newest_first().count()
    }

    /// Returns whether the range contains no event.
    pub(crate) fn is_empty(self) -> bool {
        self.newest_first().next().is_none()
    }
}
