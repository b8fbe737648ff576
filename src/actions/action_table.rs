//! ACTIONS: everything that changes HAProxy, one row each.
//!
//! A row says what it is for, which command is sent, what level and how much care it needs, how its effect is
//! read back and whether it can be undone. Keys, help and menus refer to these rows.

use crate::haproxy::level::Level;
use crate::haproxy::write_command::{Admin, Health, WriteCommand, Weight};

/// How much care an act needs before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Danger {
    /// Brings something back, or is taken back as easily: one key.
    Low,
    /// Takes something away: a box that shows what, and one key.
    High,
    /// Takes the last or most of it away, or for good: a name must be typed.
    Highest,
}

/// What an act is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A server.
    Server,
    /// A frontend.
    Frontend,
    /// One open session.
    Session,
    /// One entry of a stick table.
    Entry,
    /// The process.
    Process,
}

/// What an act orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// Always the same.
    Order(WriteCommand),
    /// A weight that is asked for.
    Weight,
    /// A limit of sessions that is asked for.
    Limit,
}

/// What is read back to see an act's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// What was ordered: `srv_admin_state` of `show servers state`, since a DOWN server that drains reads DOWN.
    AdminState,
    /// `srv_uweight`.
    Weight,
    /// `srv_op_state`.
    Operation,
    /// `agent_health` of `show stat`.
    AgentHealth,
    /// `srv_check_state`.
    Checks,
    /// `srv_agent_state`.
    AgentChecks,
    /// `slim` of `show stat`.
    Limit,
    /// The frontend's `status`.
    Open,
    /// `scur` of `show stat` is 0.
    NoSessions,
    /// It is not there any more: `show sess ID`, `show table T key K`.
    Gone,
    /// The counters of frontends and backends went down.
    Counters,
}

/// One act.
#[derive(Debug, PartialEq, Eq)]
pub struct Action {
    /// Its name in configuration, audit and key map.
    pub id: &'static str,
    /// What it is called in a sentence: "maintenance".
    pub title: &'static str,
    /// What it is for.
    pub subject: Subject,
    /// The least level of the socket.
    pub level: Level,
    /// Care it needs even when much is left.
    pub danger: Danger,
    /// What it orders.
    pub gives: Gives,
    /// How its effect is read back.
    pub proof: Proof,
    /// Whether what was there before can be ordered again.
    pub can_be_undone: bool,
}

const fn server(id: &'static str, title: &'static str, danger: Danger, gives: Gives, proof: Proof) -> Action {
    Action { id, title, subject: Subject::Server, level: Level::Admin, danger, gives, proof, can_be_undone: true }
}

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident = $act:expr;)*) => {
        $($(#[$doc])* pub static $name: Action = $act;)*

        /// Every act.
        pub static ACTIONS: &[&Action] = &[$(&$name),*];
    };
}

acts! {
    /// Back to taking traffic.
    READY = server("server.ready", "enable", Danger::Low, Gives::Order(WriteCommand::State(Admin::Ready)), Proof::AdminState);
    /// No new sessions; those present go on.
    DRAIN = server("server.drain", "drain", Danger::High, Gives::Order(WriteCommand::State(Admin::Drain)), Proof::AdminState);
    /// Nothing at all.
    MAINT = server("server.maint", "maintenance", Danger::High, Gives::Order(WriteCommand::State(Admin::Maint)), Proof::AdminState);
    /// Another weight.
    WEIGHT = server("server.weight", "weight", Danger::Low, Gives::Weight, Proof::Weight);
    /// The weight of the configuration.
    WEIGHT_INITIAL = server("server.weight-initial", "initial weight", Danger::Low, Gives::Order(WriteCommand::Weight(Weight::Percent(100))), Proof::Weight);
    /// Taken for working until the next check.
    HEALTH_UP = server("server.health-up", "health up", Danger::Low, Gives::Order(WriteCommand::Health(Health::Up)), Proof::Operation);
    /// Taken for finishing what it has.
    HEALTH_STOPPING = server("server.health-stopping", "health stopping", Danger::High, Gives::Order(WriteCommand::Health(Health::Stopping)), Proof::Operation);
    /// Taken for broken.
    HEALTH_DOWN = server("server.health-down", "health down", Danger::High, Gives::Order(WriteCommand::Health(Health::Down)), Proof::Operation);
    /// As if its agent had said up.
    AGENT_UP = server("server.agent-up", "agent up", Danger::Low, Gives::Order(WriteCommand::Agent(true)), Proof::AgentHealth);
    /// As if its agent had said down.
    AGENT_DOWN = server("server.agent-down", "agent down", Danger::High, Gives::Order(WriteCommand::Agent(false)), Proof::AgentHealth);
    /// Health checks go on.
    CHECKS_ON = server("server.checks-on", "health checks on", Danger::Low, Gives::Order(WriteCommand::Checks(true)), Proof::Checks);
    /// Health checks stop; the server keeps the state it has.
    CHECKS_OFF = server("server.checks-off", "health checks off", Danger::High, Gives::Order(WriteCommand::Checks(false)), Proof::Checks);
    /// Agent checks go on.
    AGENT_ON = server("server.agent-on", "agent checks on", Danger::Low, Gives::Order(WriteCommand::AgentChecks(true)), Proof::AgentChecks);
    /// Agent checks stop.
    AGENT_OFF = server("server.agent-off", "agent checks off", Danger::High, Gives::Order(WriteCommand::AgentChecks(false)), Proof::AgentChecks);
    /// Another limit of sessions.
    SERVER_MAXCONN = server("server.maxconn", "server maxconn", Danger::High, Gives::Limit, Proof::Limit);
    /// Ends every session of a server.
    END_SESSIONS = Action {
        can_be_undone: false,
        ..server("server.end-sessions", "end of all sessions", Danger::Highest, Gives::Order(WriteCommand::EndSessions), Proof::NoSessions)
    };
    /// A frontend accepts connections again.
    FRONTEND_ON = Action {
        subject: Subject::Frontend,
        ..server("frontend.enable", "enable the frontend", Danger::Low, Gives::Order(WriteCommand::Frontend(true)), Proof::Open)
    };
    /// A frontend accepts no connections.
    FRONTEND_OFF = Action {
        subject: Subject::Frontend,
        ..server("frontend.disable", "disable the frontend", Danger::Highest, Gives::Order(WriteCommand::Frontend(false)), Proof::Open)
    };
    /// Another limit of connections.
    FRONTEND_MAXCONN = Action {
        subject: Subject::Frontend,
        ..server("frontend.maxconn", "frontend maxconn", Danger::High, Gives::Limit, Proof::Limit)
    };
    /// Ends one session.
    END_SESSION = Action {
        subject: Subject::Session,
        can_be_undone: false,
        ..server("session.end", "end of a session", Danger::High, Gives::Order(WriteCommand::EndSession), Proof::Gone)
    };
    /// Clears one entry of a stick table. HAProxy itself lets every level do it up to 3.3.
    CLEAR_ENTRY = Action {
        subject: Subject::Entry,
        can_be_undone: false,
        ..server("entry.clear", "clearing of an entry", Danger::High, Gives::Order(WriteCommand::ClearEntry), Proof::Gone)
    };
    /// Clears the highest values.
    CLEAR_MAXIMA = Action {
        subject: Subject::Process,
        level: Level::Operator,
        can_be_undone: false,
        ..server("counters.clear-max", "clearing of highest values", Danger::Highest, Gives::Order(WriteCommand::ClearCounters { all: false }), Proof::Counters)
    };
    /// Clears every counter, for everybody who watches.
    CLEAR_COUNTERS = Action {
        subject: Subject::Process,
        can_be_undone: false,
        ..server("counters.clear", "clearing of all counters", Danger::Highest, Gives::Order(WriteCommand::ClearCounters { all: true }), Proof::Counters)
    };
}

/// The act that orders this administrative state.
pub fn of_state(admin: Admin) -> &'static Action {
    match admin {
        Admin::Ready => &READY,
        Admin::Drain => &DRAIN,
        Admin::Maint => &MAINT,
    }
}

impl Subject {
    /// What to select for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "a server",
            Self::Frontend => "a frontend",
            Self::Session => "a session in view 7",
            Self::Entry => "an entry of a stick table in view 8",
            Self::Process => "the process",
        }
    }
}

/// Whether an order keeps new sessions away from what it is given to.
pub fn takes_away(order: WriteCommand) -> bool {
    match order {
        WriteCommand::State(admin) => admin != Admin::Ready,
        WriteCommand::Health(health) => health != Health::Up,
        WriteCommand::Agent(up) => !up,
        WriteCommand::Frontend(on) => !on,
        WriteCommand::Weight(weight) => matches!(weight, Weight::Absolute(0) | Weight::Percent(0)),
        WriteCommand::Checks(_)
        | WriteCommand::AgentChecks(_)
        | WriteCommand::ServerMaxconn(_)
        | WriteCommand::FrontendMaxconn(_)
        | WriteCommand::EndSessions
        | WriteCommand::EndSession
        | WriteCommand::ClearEntry
        | WriteCommand::ClearCounters { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_what_takes_away_needs_a_box() {
        for (place, act) in ACTIONS.iter().enumerate() {
            assert!(ACTIONS[..place].iter().all(|other| other.id != act.id), "{} stands twice", act.id);
            if let Gives::Order(order) = act.gives {
                assert!(!takes_away(order) || act.danger >= Danger::High, "{}", act.id);
            }
            assert!(act.can_be_undone || act.danger >= Danger::High, "{}", act.id);
        }
    }
}
