//! The table `ACTIONS`, with one row for each action that changes HAProxy.
//!
//! A row holds the kind of target, the command, the required socket level, the danger, how the effect is
//! verified and whether the action can be undone. Keys, help and menus refer to these rows.

use crate::haproxy::level::Level;
use crate::haproxy::write_command::{ForcedHealth, TargetState, TargetWeight, WriteCommand};

/// Danger of an action; determines how the operator confirms the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Danger {
    /// Restores something or is easy to undo. A one-line question and one key confirm it.
    Low,
    /// Removes capacity. A dialog shows the impact, and one key confirms the action.
    High,
    /// Removes most or all of the remaining capacity, or cannot be undone. The operator must type a name to confirm.
    Highest,
}

/// Kind of target of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetKind {
    /// A server.
    Server,
    /// A frontend.
    Frontend,
    /// One open session.
    Session,
    /// One entry of a stick table.
    TableEntry,
    /// The HAProxy process.
    Process,
}

/// Runtime API command of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionCommand {
    /// A command without a value to enter.
    Fixed(WriteCommand),
    /// A command that sets a weight entered by the operator.
    AskWeight,
    /// A command that sets a session limit entered by the operator.
    AskLimit,
}

/// State that is read back to verify an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum VerifyBy {
    /// `srv_admin_state` of `show servers state`; the status does not suffice: draining servers that are down
    /// report `DOWN`.
    AdminState,
    /// `srv_uweight`.
    Weight,
    /// `srv_op_state`.
    OperationalState,
    /// `agent_health` of `show stat`.
    AgentHealth,
    /// `srv_check_state`.
    Checks,
    /// `srv_agent_state`.
    AgentChecks,
    /// `slim` of `show stat`.
    Maxconn,
    /// The frontend's `status`.
    FrontendStatus,
    /// `scur` of `show stat`, which must be 0.
    NoSessions,
    /// The target's line in `show sess ID` or `show table T key K`, which must no longer exist.
    Absence,
    /// The counters of frontends and backends, which must have decreased.
    Counters,
}

/// One action.
#[derive(Debug, PartialEq, Eq)]
pub struct Action {
    /// Name in the configuration and the key map.
    pub id: &'static str,
    /// Name in a sentence: "maintenance".
    pub(crate) title: &'static str,
    /// Kind of target.
    pub target_kind: TargetKind,
    /// Minimum level of the socket.
    pub(crate) level: Level,
    /// Minimum danger; raised when little capacity would remain.
    pub(crate) danger: Danger,
    /// Command to send.
    pub command: ActionCommand,
    /// State that is read back to verify the action.
    pub(crate) verify_by: VerifyBy,
    /// True if the previous state can be restored.
    pub(crate) can_be_undone: bool,
}

const fn server_action(
    id: &'static str,
    title: &'static str,
    danger: Danger,
    command: ActionCommand,
    verify_by: VerifyBy,
) -> Action {
    Action {
        id,
        title,
        target_kind: TargetKind::Server,
        level: Level::Admin,
        danger,
        command,
        verify_by,
        can_be_undone: true,
    }
}

macro_rules! define_actions {
    ($($(#[$doc:meta])* $name:ident = $action:expr;)*) => {
        $($(#[$doc])* pub static $name: Action = $action;)*

        /// All actions.
        pub static ACTIONS: &[&Action] = &[$(&$name),*];
    };
}

define_actions! {
    /// Enables a server: it takes traffic again.
    READY = server_action("server.ready", "enable", Danger::Low, ActionCommand::Fixed(WriteCommand::State(TargetState::Ready)), VerifyBy::AdminState);
    /// Drains a server: no new sessions, existing ones continue.
    DRAIN = server_action("server.drain", "drain", Danger::High, ActionCommand::Fixed(WriteCommand::State(TargetState::Drain)), VerifyBy::AdminState);
    /// Puts a server into maintenance: no traffic, no checks.
    MAINT = server_action("server.maint", "maintenance", Danger::High, ActionCommand::Fixed(WriteCommand::State(TargetState::Maint)), VerifyBy::AdminState);
    /// Sets the weight of a server.
    WEIGHT = server_action("server.weight", "weight", Danger::Low, ActionCommand::AskWeight, VerifyBy::Weight);
    /// Restores the configured weight of a server.
    WEIGHT_INITIAL = server_action("server.weight-initial", "initial weight", Danger::Low, ActionCommand::Fixed(WriteCommand::Weight(TargetWeight::Percent(100))), VerifyBy::Weight);
    /// Forces a server's health to UP until the next check.
    HEALTH_UP = server_action("server.health-up", "health up", Danger::Low, ActionCommand::Fixed(WriteCommand::Health(ForcedHealth::Up)), VerifyBy::OperationalState);
    /// Forces a server's health to stopping until the next check: only existing sessions continue.
    HEALTH_STOPPING = server_action("server.health-stopping", "health stopping", Danger::High, ActionCommand::Fixed(WriteCommand::Health(ForcedHealth::Stopping)), VerifyBy::OperationalState);
    /// Forces a server's health to DOWN until the next check.
    HEALTH_DOWN = server_action("server.health-down", "health down", Danger::High, ActionCommand::Fixed(WriteCommand::Health(ForcedHealth::Down)), VerifyBy::OperationalState);
    /// Forces the agent state to up.
    AGENT_UP = server_action("server.agent-up", "agent up", Danger::Low, ActionCommand::Fixed(WriteCommand::Agent(true)), VerifyBy::AgentHealth);
    /// Forces the agent state to down.
    AGENT_DOWN = server_action("server.agent-down", "agent down", Danger::High, ActionCommand::Fixed(WriteCommand::Agent(false)), VerifyBy::AgentHealth);
    /// Resumes health checks.
    CHECKS_ON = server_action("server.checks-on", "health checks on", Danger::Low, ActionCommand::Fixed(WriteCommand::Checks(true)), VerifyBy::Checks);
    /// Stops health checks; the server keeps its state.
    CHECKS_OFF = server_action("server.checks-off", "health checks off", Danger::High, ActionCommand::Fixed(WriteCommand::Checks(false)), VerifyBy::Checks);
    /// Resumes agent checks.
    AGENT_ON = server_action("server.agent-on", "agent checks on", Danger::Low, ActionCommand::Fixed(WriteCommand::AgentChecks(true)), VerifyBy::AgentChecks);
    /// Stops agent checks.
    AGENT_OFF = server_action("server.agent-off", "agent checks off", Danger::High, ActionCommand::Fixed(WriteCommand::AgentChecks(false)), VerifyBy::AgentChecks);
    /// Sets the session limit of a server.
    SERVER_MAXCONN = server_action("server.maxconn", "server maxconn", Danger::High, ActionCommand::AskLimit, VerifyBy::Maxconn);
    /// Ends every session of a server.
    END_SESSIONS = Action {
        can_be_undone: false,
        ..server_action("server.end-sessions", "shutdown of all sessions", Danger::Highest, ActionCommand::Fixed(WriteCommand::ShutdownSessions), VerifyBy::NoSessions)
    };
    /// Enables a frontend: it accepts connections again.
    FRONTEND_ON = Action {
        target_kind: TargetKind::Frontend,
        ..server_action("frontend.enable", "enable the frontend", Danger::Low, ActionCommand::Fixed(WriteCommand::Frontend(true)), VerifyBy::FrontendStatus)
    };
    /// Disables a frontend: it accepts no connections.
    FRONTEND_OFF = Action {
        target_kind: TargetKind::Frontend,
        ..server_action("frontend.disable", "disable the frontend", Danger::Highest, ActionCommand::Fixed(WriteCommand::Frontend(false)), VerifyBy::FrontendStatus)
    };
    /// Sets the connection limit of a frontend.
    FRONTEND_MAXCONN = Action {
        target_kind: TargetKind::Frontend,
        ..server_action("frontend.maxconn", "frontend maxconn", Danger::High, ActionCommand::AskLimit, VerifyBy::Maxconn)
    };
    /// Ends one session.
    END_SESSION = Action {
        target_kind: TargetKind::Session,
        can_be_undone: false,
        ..server_action("session.end", "shutdown of a session", Danger::High, ActionCommand::Fixed(WriteCommand::ShutdownSession), VerifyBy::Absence)
    };
    /// Clears one entry of a stick table. HAProxy up to version 3.3 allows this at every level.
    CLEAR_ENTRY = Action {
        target_kind: TargetKind::TableEntry,
        can_be_undone: false,
        ..server_action("entry.clear", "clearing of a table entry", Danger::High, ActionCommand::Fixed(WriteCommand::ClearTableEntry), VerifyBy::Absence)
    };
    /// Resets the peak values.
    CLEAR_MAXIMA = Action {
        target_kind: TargetKind::Process,
        level: Level::Operator,
        can_be_undone: false,
        ..server_action("counters.clear-max", "clearing of peak values", Danger::Highest, ActionCommand::Fixed(WriteCommand::ClearCounters { all: false }), VerifyBy::Counters)
    };
    /// Resets all counters, for everyone who reads them.
    CLEAR_COUNTERS = Action {
        target_kind: TargetKind::Process,
        can_be_undone: false,
        ..server_action("counters.clear", "clearing of all counters", Danger::Highest, ActionCommand::Fixed(WriteCommand::ClearCounters { all: true }), VerifyBy::Counters)
    };
}

/// Returns the action that sets this administrative state.
pub fn for_admin_state(admin: TargetState) -> &'static Action {
    match admin {
        TargetState::Ready => &READY,
        TargetState::Drain => &DRAIN,
        TargetState::Maint => &MAINT,
    }
}

/// Returns the action that sends this command.
pub(crate) fn for_command(command: WriteCommand) -> Option<&'static Action> {
    let is_asked = |action: &&&Action| match command {
        WriteCommand::Weight(_) => **action == &WEIGHT,
        WriteCommand::ServerMaxconn(_) => **action == &SERVER_MAXCONN,
        WriteCommand::FrontendMaxconn(_) => **action == &FRONTEND_MAXCONN,
        _ => action.command == ActionCommand::Fixed(command),
    };
    ACTIONS.iter().find(is_asked).copied()
}

impl TargetKind {
    /// Returns what the operator must select, as a noun phrase.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Server => "a server",
            Self::Frontend => "a frontend",
            Self::Session => "a session in view 7",
            Self::TableEntry => "an entry of a stick table in view 8",
            Self::Process => "the process",
        }
    }
}

/// Returns whether a command keeps new sessions away from its target.
pub(crate) fn blocks_new_sessions(command: WriteCommand) -> bool {
    match command {
        WriteCommand::State(admin) => admin != TargetState::Ready,
        WriteCommand::Health(health) => health != ForcedHealth::Up,
        WriteCommand::Agent(up) => !up,
        WriteCommand::Frontend(on) => !on,
        WriteCommand::Weight(weight) => matches!(weight, TargetWeight::Absolute(0) | TargetWeight::Percent(0)),
        WriteCommand::Checks(_)
        | WriteCommand::AgentChecks(_)
        | WriteCommand::ServerMaxconn(_)
        | WriteCommand::FrontendMaxconn(_)
        | WriteCommand::ShutdownSessions
        | WriteCommand::ShutdownSession
        | WriteCommand::ClearTableEntry
        | WriteCommand::ClearCounters { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_ids_are_unique_and_blocking_actions_are_dangerous() {
        for (index, action) in ACTIONS.iter().enumerate() {
            assert!(ACTIONS[..index].iter().all(|other| other.id != action.id), "duplicate id {}", action.id);
            if let ActionCommand::Fixed(command) = action.command {
                assert!(!blocks_new_sessions(command) || action.danger >= Danger::High, "{}", action.id);
            }
            assert!(action.can_be_undone || action.danger >= Danger::High, "{}", action.id);
        }
    }
}
