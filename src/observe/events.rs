//! What happened: every change seen between two samples, and what was done by us.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::status::State;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Stamp;

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Good to know.
    Info,
    /// Something is back as it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Something broke.
    Bad,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A row's status is another one.
    Status {
        /// Before.
        from: String,
        /// Now.
        to: String,
        /// The last check's own words, where the change comes from a check.
        why: String,
        /// An act of ours ordered it.
        by_us: bool,
    },
    /// A server's effective weight is another one.
    Weight {
        /// Before.
        from: i64,
        /// Now.
        to: i64,
    },
    /// A frontend's or server's session limit is another one.
    Limit {
        /// Before.
        from: i64,
        /// Now.
        to: i64,
    },
    /// Rows that were not there before.
    Appeared(usize),
    /// Rows that are gone.
    Vanished(usize),
    /// Another process answers, and the link never broke.
    Reloaded {
        /// Its pid before.
        from: i64,
        /// Its pid now.
        to: i64,
    },
    /// Another process answers after the link was lost.
    Restarted {
        /// Its pid before.
        from: i64,
        /// Its pid now.
        to: i64,
    },
    /// Polls fail.
    LinkLost(String),
    /// Polls are answered again.
    LinkBack(Duration),
    /// An act was carried out, or failed.
    Act {
        /// The command as it was sent.
        command: String,
        /// What came of it.
        outcome: String,
        /// Whether it was read back as ordered.
        verified: bool,
    },
    /// A state or weight that was set at run time is gone with the process that had it.
    Lost(String),
    /// A command of an earlier run has no end in the audit.
    Unfinished {
        /// The command.
        command: String,
        /// Whose it was.
        who: String,
        /// When.
        at: SystemTime,
    },
    /// A server drained by us is empty, or is not though its time has passed.
    Drained {
        /// Nothing is left on it.
        is_empty: bool,
        /// Sessions that are left.
        sessions: i64,
        /// Why they are.
        why: &'static str,
    },
    /// Something is wrong since now, worse than before, or over.
    Problem {
        /// It began or got worse; else it is over.
        opened: bool,
        /// How bad it is, or was.
        severity: Severity,
        /// What it is, without the row's name.
        text: String,
    },
}

/// One line of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it was seen.
    pub at: Stamp,
    /// The row it is about, if it is about one.
    pub row: Option<RowId>,
    /// The row's name, `backend/server`; empty for the process.
    pub name: String,
    /// What happened.
    pub what: What,
}

impl Event {
    /// What it is about and what happened, in one line.
    pub fn line(&self) -> String {
        if self.name.is_empty() { self.what.to_string() } else { format!("{}  {}", self.name, self.what) }
    }

    /// How much it matters.
    pub fn weight(&self) -> Weight {
        match &self.what {
            What::Status { by_us: true, .. }
            | What::Weight { .. }
            | What::Limit { .. }
            | What::Appeared(_)
            | What::Vanished(_) => Weight::Info,
            What::Status { to, .. } => match State::parse(to) {
                State::Up | State::Open | State::NoCheck => Weight::Good,
                State::Down | State::Stopped => Weight::Bad,
                _ => Weight::Warning,
            },
            What::Act { verified: true, .. }
            | What::LinkBack(_)
            | What::Problem { opened: false, .. }
            | What::Drained { is_empty: true, .. } => Weight::Good,
            What::Reloaded { .. }
            | What::Problem { severity: Severity::Warn, .. }
            | What::Lost(_)
            | What::Unfinished { .. }
            | What::Drained { .. } => Weight::Warning,
            What::Restarted { .. } | What::LinkLost(_) | What::Act { .. } | What::Problem { .. } => Weight::Bad,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { from, to, why, by_us } => {
                write!(f, "{from} → {to}")?;
                // Maintenance and drain are ordered, by somebody.
                let is_order = is_away(from) != is_away(to);
                if *by_us {
                    return f.write_str("  by us");
                }
                if is_order {
                    f.write_str("  not by us")?;
                }
                if why.is_empty() { Ok(()) } else { write!(f, "  {why}") }
            }
            Self::Weight { from, to } => write!(f, "weight {from} → {to}"),
            Self::Limit { from, to } => write!(f, "session limit {from} → {to}"),
            Self::Appeared(count) => write!(f, "{count} new row{}", plural(*count)),
            Self::Vanished(count) => write!(f, "{count} row{} gone", plural(*count)),
            Self::Reloaded { from, to } => write!(f, "reloaded: pid {from} → {to}; counters start anew"),
            Self::Restarted { from, to } => write!(f, "restarted: pid {from} → {to}; counters start anew"),
            Self::LinkLost(why) => write!(f, "link lost: {why}"),
            Self::LinkBack(after) => write!(f, "link back after {} s", after.as_secs()),
            Self::Act { command, outcome, .. } => write!(f, "{command}: {outcome}"),
            Self::Unfinished { command, who, at } => {
                let at = jiff::Timestamp::try_from(*at).map(|at| format!("{at:.0}")).unwrap_or_default();
                write!(f, "an act of {who} at {at} has no end in the audit: {command}")
            }
            Self::Lost(what) => write!(f, "lost by the reload: {what}"),
            Self::Drained { is_empty: true, .. } => f.write_str("drained: nothing is left on it"),
            Self::Drained { sessions, why, .. } => {
                write!(f, "still {sessions} session{} in drain", plural(usize::try_from(*sessions).unwrap_or(0)))?;
                if why.is_empty() { Ok(()) } else { write!(f, ": {why}") }
            }
            Self::Problem { opened: true, severity, text } => write!(f, "{} {text}", severity.word()),
            Self::Problem { opened: false, text, .. } => write!(f, "over: {text}"),
        }
    }
}

fn is_away(status: &str) -> bool {
    // What is in maintenance through another server, or for want of an address, was not ordered here.
    matches!(State::parse(status), State::Maint | State::Drain) && !status.contains('(')
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// `backend/server` for a server, the proxy's name and side for the rest.
pub fn display_name(kind: RowKind, proxy: &SafeText, name: &SafeText) -> String {
    match kind {
        RowKind::Frontend => format!("frontend {proxy}"),
        RowKind::Backend => format!("backend {proxy}"),
        RowKind::Server | RowKind::Listener => format!("{proxy}/{name}"),
    }
}

/// Events kept; older ones go.
const KEPT: usize = 2000;

/// The events of one instance, oldest first.
#[derive(Debug, Default)]
pub struct Events {
    kept: VecDeque<Event>,
    ever: u64,
}

impl Events {
    /// Adds one.
    pub fn push(&mut self, event: Event) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(event);
        self.ever += 1;
    }

    /// The newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Event> {
        self.kept.iter().rev()
    }

    /// How many there ever were, also those that are gone.
    pub fn ever(&self) -> u64 {
        self.ever
    }

    /// Those up to a time.
    pub fn until(&self, time: Duration) -> EventsUntil<'_> {
        EventsUntil { events: self, time }
    }
}

/// The events up to a time.
#[derive(Debug, Clone, Copy)]
pub struct EventsUntil<'a> {
    events: &'a Events,
    time: Duration,
}

impl<'a> EventsUntil<'a> {
    /// The newest first.
    pub fn newest(self) -> impl Iterator<Item = &'a Event> {
        self.events.newest().filter(move |event| event.at.mono <= self.time)
    }

    /// How many are kept.
    pub fn len(self) -> usize {
        self.newest().count()
    }

    /// Whether nothing happened yet.
    pub fn is_empty(self) -> bool {
        self.newest().next().is_none()
    }
}
