//! The marks of a chart: actions, reloads, causes and the marked moment, each with a letter.

use std::time::Duration;

use crate::haproxy::status::RowState;
use crate::instance::state::Instance;
use crate::observe::events::{Event, EventKind};
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::observe::state_cause::StateCause;
use crate::table::cell::Role;

/// Kind of a mark, in ascending order of importance: of several marks at one point, the last one is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MarkKind {
    /// A cause of problems appeared or got worse.
    Cause(Severity),
    /// HAProxy was reloaded or restarted.
    Reload,
    /// Another action on the row, or a state that another user ordered.
    OtherAction,
    /// A server was enabled.
    Enable,
    /// The weight of a server was set.
    Weight,
    /// A server was drained.
    Drain,
    /// A server was put into maintenance.
    Maintenance,
    /// The marked moment.
    Moment,
}

impl MarkKind {
    /// Returns the letter in the chart: the key of the action, where there is one.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::Cause(_) => "!",
            Self::Reload => "R",
            Self::OtherAction => "a",
            Self::Enable => "E",
            Self::Weight => "W",
            Self::Drain => "D",
            Self::Maintenance => "M",
            Self::Moment => "m",
        }
    }

    /// Returns the word in the legend.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Cause(_) => "cause",
            Self::Reload => "reload",
            Self::OtherAction => "action",
            Self::Enable => "enable",
            Self::Weight => "weight",
            Self::Drain => "drain",
            Self::Maintenance => "maint",
            Self::Moment => "mark",
        }
    }

    /// Returns the role of the letter.
    pub(crate) fn role(self) -> Role {
        match self {
            Self::Cause(Severity::Crit) => Role::Bad,
            Self::Cause(Severity::Warn) | Self::Reload => Role::Warn,
            Self::Enable | Self::Weight | Self::OtherAction => Role::Normal,
            Self::Drain | Self::Maintenance => Role::OutOfService,
            Self::Moment => Role::Key,
        }
    }

    /// Returns the kind of a command that was sent, from its words.
    fn from_command(command: &str) -> Self {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            [.., "state", "drain"] => Self::Drain,
            [.., "state", "maint"] | ["disable", "server", ..] => Self::Maintenance,
            [.., "state", "ready"] | ["enable", "server", ..] => Self::Enable,
            [.., "weight", _] | ["set", "weight", ..] => Self::Weight,
            _ => Self::OtherAction,
        }
    }

    /// Returns the kind of an event, or `None` if it is not marked. An action that failed changed nothing and is not marked.
    pub(crate) fn from_event(event: &Event) -> Option<Self> {
        match &event.kind {
            EventKind::Action { command, is_verified: true, .. } => Some(Self::from_command(command)),
            EventKind::Status { to, cause: StateCause::Operator, .. } => Some(match RowState::parse(to) {
                RowState::Drain => Self::Drain,
                RowState::Maint => Self::Maintenance,
                state if state.is_usable() => Self::Enable,
                _ => Self::OtherAction,
            }),
            EventKind::Reloaded { .. } | EventKind::Restarted { .. } => Some(Self::Reload),
            EventKind::Cause { is_open: true, severity, .. } => Some(Self::Cause(*severity)),
            _ => None,
        }
    }
}

/// Returns the marks between two times for rows that satisfy `concerns`, newest first. Reloads and the marked moment
/// concern every row.
pub(crate) fn find_marks(
    instance: &Instance,
    since: Duration,
    until: Duration,
    concerns: impl Fn(RowId) -> bool,
) -> Vec<(Duration, MarkKind)> {
    let is_within = |at: Duration| (since..=until).contains(&at);
    let moment = instance.marked_moment().map(|sample| (sample.at.monotonic, MarkKind::Moment));
    let events = instance.all_events().newest_first();
    let recent = events.take_while(|event| event.at.monotonic >= since).filter_map(|event| {
        let kind = MarkKind::from_event(event)?;
        let is_shown = match event.row {
            Some(row) => row == RowId::PROCESS || concerns(row),
            None => kind == MarkKind::Reload,
        };
        is_shown.then_some((event.at.monotonic, kind))
    });
    moment.into_iter().chain(recent).filter(|(at, _)| is_within(*at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::timestamp_at;

    #[test]
    fn from_command_names_actions_by_their_keys() {
        let letter = |command| MarkKind::from_command(command).letter();
        let commands = [
            "set server be/s1 state drain",
            "set server be/s1 state maint",
            "set server be/s1 state ready",
            "set server be/s1 weight 50%",
            "shutdown sessions server be/s1",
        ];
        assert_eq!(commands.map(letter), ["D", "M", "E", "W", "a"]);
    }

    fn of_event(kind: EventKind) -> Option<MarkKind> {
        MarkKind::from_event(&Event::new(timestamp_at(0), None, String::new(), kind))
    }

    #[test]
    fn from_event_names_the_state_that_another_user_ordered() {
        let ordered = |to: &str| {
            let (from, to, reason) = ("UP".to_owned(), to.to_owned(), String::new());
            of_event(EventKind::Status { from, to, reason, cause: StateCause::Operator })
        };
        assert_eq!(ordered("DOWN"), Some(MarkKind::OtherAction), "forced by `health down`");
        assert_eq!(ordered("DRAIN (agent)"), Some(MarkKind::Drain));
        assert_eq!(ordered("MAINT"), Some(MarkKind::Maintenance));
        assert_eq!(ordered("UP 1/3"), Some(MarkKind::Enable));
    }

    #[test]
    fn from_event_leaves_out_failed_action() {
        let action = |is_verified| {
            let (command, outcome) = ("set server be/s1 state maint".to_owned(), String::new());
            of_event(EventKind::Action { command, outcome, is_verified })
        };
        assert_eq!((action(true), action(false)), (Some(MarkKind::Maintenance), None));
    }
}
