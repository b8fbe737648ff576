//! One test case per action: its keys, its command, and the state that a second client reads before the action, after it,
//! and after undo.
#![allow(missing_docs, unreachable_pub)]

use crate::support::Lab;

/// A test case of one action.
pub struct ActionCase {
    /// Id in `ACTIONS`.
    pub action: &'static str,
    /// Preparation of the lab.
    pub setup: Setup,
    /// Row on the screen to which the action applies.
    pub target: &'static str,
    pub keys: &'static str,
    /// Title of the confirmation, and the keys that confirm it.
    pub confirmation: (&'static str, &'static str),
    pub command: &'static str,
    /// Reads the state with the second client.
    pub read_state: fn(&Lab) -> String,
    pub before: &'static str,
    pub after: &'static str,
    /// Keys that confirm undo, and the command of undo; `None` if the action cannot be undone.
    pub undo: Option<(&'static str, &'static str)>,
}

/// Preparation of the lab before an action.
#[derive(Clone, Copy)]
pub enum Setup {
    /// Nothing.
    Fresh,
    /// Another client sends this command.
    AfterCommand(&'static str),
    /// Server s2 holds this number of requests open.
    OpenRequests(usize),
    /// This number of requests was served.
    ServedRequests(usize),
}
use Setup::{AfterCommand, Fresh, OpenRequests, ServedRequests};

/// Returns a case for a server action on `be1/s2` that reads the administrative state.
const fn server(action: &'static str, keys: &'static str, command: &'static str) -> ActionCase {
    ActionCase {
        action,
        setup: Fresh,
        target: "be1/s2",
        keys,
        confirmation: ("", "y"),
        command,
        read_state: admin_state,
        before: "0",
        after: "0",
        undo: None,
    }
}

fn admin_state(lab: &Lab) -> String {
    lab.server_state("be1/s2", "srv_admin_state")
}

fn weight(lab: &Lab) -> String {
    lab.server_state("be1/s2", "srv_uweight")
}

/// Returns the operational state of s3: 0 stopped, 2 running, 3 stopping.
fn operational_state(lab: &Lab) -> String {
    lab.server_state("be1/s3", "srv_op_state")
}

/// Returns `on` if a check state has the bit of an enabled check, else `off`.
fn enabled_state(bits: &str) -> String {
    let is_enabled = bits.parse::<u32>().unwrap() & 4 != 0;
    if is_enabled { "on" } else { "off" }.to_owned()
}

fn health_checks(lab: &Lab) -> String {
    enabled_state(&lab.server_state("be1/s3", "srv_check_state"))
}

fn agent_checks(lab: &Lab) -> String {
    enabled_state(&lab.server_state("be1/s4", "srv_agent_state"))
}

fn agent_health(lab: &Lab) -> String {
    lab.stat("be1", "s4", "agent_health")
}

fn server_limit(lab: &Lab) -> String {
    lab.stat("be1", "s2", "slim")
}

fn frontend_limit(lab: &Lab) -> String {
    lab.stat("fe1", "FRONTEND", "slim")
}

/// Returns `open` or `closed`; a disabled frontend is STOP in HAProxy 2.6 and PAUSED in 3.0.
fn frontend_state(lab: &Lab) -> String {
    if lab.stat("fe1", "FRONTEND", "status") == "OPEN" { "open" } else { "closed" }.to_owned()
}

fn sessions_of_server(lab: &Lab) -> String {
    lab.send_command("show sess").lines().filter(|line| line.contains(" srv=s2 ")).count().to_string()
}

fn entries_of_bob(lab: &Lab) -> String {
    lab.send_command("show table clients").lines().filter(|line| line.contains("key=bob ")).count().to_string()
}

fn peak_sessions(lab: &Lab) -> String {
    lab.stat("be1", "BACKEND", "smax")
}

fn total_sessions(lab: &Lab) -> String {
    lab.stat("be1", "BACKEND", "stot")
}

pub static STATES: [ActionCase; 5] = [
    ActionCase {
        confirmation: ("Maintenance: be1 / s2", "y"),
        after: "1",
        undo: Some(("y", "set server be1/s2 state ready")),
        ..server("server.maint", "M", "set server be1/s2 state maint")
    },
    ActionCase {
        confirmation: ("Drain: be1 / s2", "y"),
        after: "8",
        undo: Some(("y", "set server be1/s2 state ready")),
        ..server("server.drain", "D", "set server be1/s2 state drain")
    },
    ActionCase {
        setup: AfterCommand("set server be1/s2 state maint"),
        confirmation: ("Enable: be1 / s2", "y"),
        before: "1",
        undo: Some(("y", "set server be1/s2 state maint")),
        ..server("server.ready", "E", "set server be1/s2 state ready")
    },
    ActionCase {
        confirmation: ("Weight: be1 / s2", "y"),
        read_state: weight,
        before: "100",
        after: "40",
        undo: Some(("y", "set server be1/s2 weight 100")),
        ..server("server.weight", "W40<ret>", "set server be1/s2 weight 40")
    },
    ActionCase {
        setup: AfterCommand("set server be1/s2 weight 30"),
        confirmation: ("Initial weight: be1 / s2", "y"),
        read_state: weight,
        before: "30",
        after: "100",
        undo: Some(("y", "set server be1/s2 weight 30")),
        ..server("server.weight-initial", "<f4>", "set server be1/s2 weight 100%")
    },
];

/// Forced health results and the checks themselves: s3 has a health check, s4 an agent check.
pub static CHECKS: [ActionCase; 9] = [
    ActionCase {
        setup: AfterCommand("set server be1/s3 health down"),
        target: "be1/s3",
        confirmation: ("Health up: be1 / s3", "y"),
        read_state: operational_state,
        after: "2",
        undo: Some(("y", "set server be1/s3 health down")),
        ..server("server.health-up", ":server.health-up<ret>", "set server be1/s3 health up")
    },
    ActionCase {
        target: "be1/s3",
        confirmation: ("Health stopping: be1 / s3", "y"),
        read_state: operational_state,
        before: "2",
        after: "3",
        undo: Some(("y", "set server be1/s3 health up")),
        ..server("server.health-stopping", ":server.health-stopping<ret>", "set server be1/s3 health stopping")
    },
    ActionCase {
        target: "be1/s3",
        confirmation: ("Health down: be1 / s3", "y"),
        read_state: operational_state,
        before: "2",
        after: "0",
        undo: Some(("y", "set server be1/s3 health up")),
        ..server("server.health-down", ":server.health-down<ret>", "set server be1/s3 health down")
    },
    ActionCase {
        setup: AfterCommand("set server be1/s4 agent down"),
        target: "be1/s4",
        confirmation: ("Agent up: be1 / s4", "y"),
        read_state: agent_health,
        after: "1",
        undo: Some(("y", "set server be1/s4 agent down")),
        ..server("server.agent-up", ":server.agent-up<ret>", "set server be1/s4 agent up")
    },
    ActionCase {
        target: "be1/s4",
        confirmation: ("Agent down: be1 / s4", "y"),
        read_state: agent_health,
        before: "1",
        undo: Some(("y", "set server be1/s4 agent up")),
        ..server("server.agent-down", ":server.agent-down<ret>", "set server be1/s4 agent down")
    },
    ActionCase {
        setup: AfterCommand("disable health be1/s3"),
        target: "be1/s3",
        confirmation: ("Health checks on: be1 / s3", "y"),
        read_state: health_checks,
        before: "off",
        after: "on",
        undo: Some(("y", "disable health be1/s3")),
        ..server("server.checks-on", ":server.checks-on<ret>", "enable health be1/s3")
    },
    ActionCase {
        target: "be1/s3",
        confirmation: ("Health checks off: be1 / s3", "y"),
        read_state: health_checks,
        before: "on",
        after: "off",
        undo: Some(("y", "enable health be1/s3")),
        ..server("server.checks-off", ":server.checks-off<ret>", "disable health be1/s3")
    },
    ActionCase {
        setup: AfterCommand("disable agent be1/s4"),
        target: "be1/s4",
        confirmation: ("Agent checks on: be1 / s4", "y"),
        read_state: agent_checks,
        before: "off",
        after: "on",
        undo: Some(("y", "disable agent be1/s4")),
        ..server("server.agent-on", ":server.agent-on<ret>", "enable agent be1/s4")
    },
    ActionCase {
        target: "be1/s4",
        confirmation: ("Agent checks off: be1 / s4", "y"),
        read_state: agent_checks,
        before: "on",
        after: "off",
        undo: Some(("y", "enable agent be1/s4")),
        ..server("server.agent-off", ":server.agent-off<ret>", "disable agent be1/s4")
    },
];

pub static LIMITS: [ActionCase; 4] = [
    ActionCase {
        confirmation: ("Server maxconn: be1 / s2", "y"),
        read_state: server_limit,
        before: "50",
        after: "7",
        undo: Some(("y", "set maxconn server be1/s2 50")),
        ..server("server.maxconn", ":server.maxconn<ret>7<ret>", "set maxconn server be1/s2 7")
    },
    ActionCase {
        setup: AfterCommand("disable frontend fe1"),
        target: "fe1",
        confirmation: ("Enable frontend fe1 on ", "y"),
        read_state: frontend_state,
        before: "closed",
        after: "open",
        undo: Some(("fe1<ret>", "disable frontend fe1")),
        ..server("frontend.enable", ":frontend.enable<ret>", "enable frontend fe1")
    },
    ActionCase {
        target: "fe1",
        confirmation: ("Disable frontend fe1 on ", "fe1<ret>"),
        read_state: frontend_state,
        before: "open",
        after: "closed",
        undo: Some(("y", "enable frontend fe1")),
        ..server("frontend.disable", ":frontend.disable<ret>", "disable frontend fe1")
    },
    ActionCase {
        target: "fe1",
        confirmation: ("Frontend maxconn: fe1 on ", "y"),
        read_state: frontend_limit,
        before: "1000",
        after: "300",
        undo: Some(("y", "set maxconn frontend fe1 1000")),
        ..server("frontend.maxconn", ":frontend.maxconn<ret>300<ret>", "set maxconn frontend fe1 300")
    },
];

/// Actions that cannot be undone.
pub static IRREVERSIBLE: [ActionCase; 5] = [
    ActionCase {
        setup: OpenRequests(2),
        confirmation: ("Shutdown of all sessions: be1 / s2", "s2<ret>"),
        read_state: sessions_of_server,
        before: "2",
        ..server("server.end-sessions", ":server.end-sessions<ret>", "shutdown sessions server be1/s2")
    },
    ActionCase {
        setup: OpenRequests(1),
        target: "",
        confirmation: ("Shutdown of session 127.0.0.1:", "y"),
        read_state: sessions_of_server,
        before: "1",
        ..server("session.end", "7<ret>", "shutdown session 0x")
    },
    ActionCase {
        setup: ServedRequests(3),
        target: "",
        confirmation: ("Clearing of entry bob of clients on ", "y"),
        read_state: entries_of_bob,
        before: "1",
        ..server("entry.clear", "8<ret>", "clear table clients key bob")
    },
    ActionCase {
        setup: ServedRequests(3),
        confirmation: ("Clearing of peak values on ", "clear<ret>"),
        read_state: peak_sessions,
        before: "1",
        ..server("counters.clear-max", ":counters.clear-max<ret>", "clear counters")
    },
    ActionCase {
        setup: ServedRequests(3),
        confirmation: ("Clearing of all counters on ", "clear<ret>"),
        read_state: total_sessions,
        before: "3",
        ..server("counters.clear", ":counters.clear<ret>", "clear counters all")
    },
];

/// Actions again, from other states, to which undo must return.
pub static OTHER_STATES: [ActionCase; 7] = [
    ActionCase {
        setup: AfterCommand("set server be1/s2 state drain"),
        confirmation: ("Maintenance: be1 / s2", "y"),
        before: "8",
        after: "1",
        undo: Some(("y", "set server be1/s2 state drain")),
        ..server("server.maint", "M", "set server be1/s2 state maint")
    },
    ActionCase {
        setup: AfterCommand("set server be1/s2 state maint"),
        confirmation: ("Drain: be1 / s2", "y"),
        before: "1",
        after: "8",
        undo: Some(("y", "set server be1/s2 state maint")),
        ..server("server.drain", "D", "set server be1/s2 state drain")
    },
    ActionCase {
        setup: AfterCommand("set server be1/s2 state drain"),
        confirmation: ("Enable: be1 / s2", "y"),
        before: "8",
        undo: Some(("y", "set server be1/s2 state drain")),
        ..server("server.ready", "E", "set server be1/s2 state ready")
    },
    ActionCase {
        setup: AfterCommand("set server be1/s3 health stopping"),
        target: "be1/s3",
        confirmation: ("Health up: be1 / s3", "y"),
        read_state: operational_state,
        before: "3",
        after: "2",
        undo: Some(("y", "set server be1/s3 health stopping")),
        ..server("server.health-up", ":server.health-up<ret>", "set server be1/s3 health up")
    },
    ActionCase {
        setup: AfterCommand("set server be1/s3 health stopping"),
        target: "be1/s3",
        confirmation: ("Health down: be1 / s3", "y"),
        read_state: operational_state,
        before: "3",
        undo: Some(("y", "set server be1/s3 health stopping")),
        ..server("server.health-down", ":server.health-down<ret>", "set server be1/s3 health down")
    },
    ActionCase {
        setup: AfterCommand("set server be1/s3 health down"),
        target: "be1/s3",
        confirmation: ("Health stopping: be1 / s3", "y"),
        read_state: operational_state,
        after: "3",
        undo: Some(("y", "set server be1/s3 health down")),
        ..server("server.health-stopping", ":server.health-stopping<ret>", "set server be1/s3 health stopping")
    },
    ActionCase {
        setup: AfterCommand("set maxconn server be1/s2 0"),
        confirmation: ("Server maxconn: be1 / s2", "y"),
        read_state: server_limit,
        before: "",
        after: "7",
        undo: Some(("y", "set maxconn server be1/s2 0")),
        ..server("server.maxconn", ":server.maxconn<ret>7<ret>", "set maxconn server be1/s2 7")
    },
];
