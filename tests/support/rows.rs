//! Every act: how it is done by keys, and what a second client reads before, after, and once it was taken back.
#![allow(missing_docs, unreachable_pub)]

use crate::support::Lab;

/// One act: how it is done, and what is there before, after, and once it was taken back.
pub struct Row {
    /// Its name in ACTIONS.
    pub act: &'static str,
    /// What there is to be before.
    pub scene: Scene,
    /// What it is done to, as it is named on the screen.
    pub target: &'static str,
    pub keys: &'static str,
    /// The title of the question, and what answers it.
    pub question: (&'static str, &'static str),
    pub command: &'static str,
    /// What the second client reads.
    pub look: fn(&Lab) -> String,
    pub before: &'static str,
    pub after: &'static str,
    /// What answers the question about undo, and its command; nothing where it cannot be taken back.
    pub undo: Option<(&'static str, &'static str)>,
}

#[derive(Clone, Copy)]
pub enum Scene {
    /// As it was started.
    Fresh,
    /// Somebody has ordered this.
    After(&'static str),
    /// So many requests that the server s2 does not answer.
    Held(usize),
    /// So many requests that were answered.
    Served(usize),
}
use Scene::{After, Fresh, Held, Served};

const fn server(act: &'static str, keys: &'static str, command: &'static str) -> Row {
    Row {
        act,
        scene: Fresh,
        target: "be1/s2",
        keys,
        question: ("", "y"),
        command,
        look: admin,
        before: "0",
        after: "0",
        undo: None,
    }
}

fn admin(lab: &Lab) -> String {
    lab.state("be1/s2", "srv_admin_state")
}

fn weight(lab: &Lab) -> String {
    lab.state("be1/s2", "srv_uweight")
}

/// 0 stopped, 2 running, 3 stopping.
fn operation(lab: &Lab) -> String {
    lab.state("be1/s3", "srv_op_state")
}

/// The bit of a check that is switched on.
fn is_enabled(bits: &str) -> String {
    let is_on = bits.parse::<u32>().unwrap() & 4 != 0;
    if is_on { "on" } else { "off" }.to_owned()
}

fn checks(lab: &Lab) -> String {
    is_enabled(&lab.state("be1/s3", "srv_check_state"))
}

fn agent_checks(lab: &Lab) -> String {
    is_enabled(&lab.state("be1/s4", "srv_agent_state"))
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

/// HAProxy 2.6 calls it STOP, 3.0 PAUSED.
fn is_open(lab: &Lab) -> String {
    if lab.stat("fe1", "FRONTEND", "status") == "OPEN" { "open" } else { "closed" }.to_owned()
}

fn sessions_of_server(lab: &Lab) -> String {
    lab.ask("show sess").lines().filter(|line| line.contains(" srv=s2 ")).count().to_string()
}

fn entries(lab: &Lab) -> String {
    lab.ask("show table clients").lines().filter(|line| line.contains("key=bob ")).count().to_string()
}

fn highest(lab: &Lab) -> String {
    lab.stat("be1", "BACKEND", "smax")
}

fn total(lab: &Lab) -> String {
    lab.stat("be1", "BACKEND", "stot")
}

pub static STATES: [Row; 5] = [
    Row {
        question: ("Maintenance: be1 / s2", "y"),
        after: "1",
        undo: Some(("y", "set server be1/s2 state ready")),
        ..server("server.maint", "M", "set server be1/s2 state maint")
    },
    Row {
        question: ("Drain: be1 / s2", "y"),
        after: "8",
        undo: Some(("y", "set server be1/s2 state ready")),
        ..server("server.drain", "D", "set server be1/s2 state drain")
    },
    Row {
        scene: After("set server be1/s2 state maint"),
        question: ("Enable: be1 / s2", "y"),
        before: "1",
        undo: Some(("y", "set server be1/s2 state maint")),
        ..server("server.ready", "E", "set server be1/s2 state ready")
    },
    Row {
        question: ("Weight: be1 / s2", "y"),
        look: weight,
        before: "100",
        after: "40",
        undo: Some(("y", "set server be1/s2 weight 100")),
        ..server("server.weight", "W40<ret>", "set server be1/s2 weight 40")
    },
    Row {
        scene: After("set server be1/s2 weight 30"),
        question: ("Initial weight: be1 / s2", "y"),
        look: weight,
        before: "30",
        after: "100",
        undo: Some(("y", "set server be1/s2 weight 30")),
        ..server("server.weight-initial", "<f4>", "set server be1/s2 weight 100%")
    },
];

/// What is said in place of checks, and the checks themselves: s3 has such of its health, s4 an agent.
pub static CHECKS: [Row; 9] = [
    Row {
        scene: After("set server be1/s3 health down"),
        target: "be1/s3",
        question: ("Health up: be1 / s3", "y"),
        look: operation,
        after: "2",
        undo: Some(("y", "set server be1/s3 health down")),
        ..server("server.health-up", ":server.health-up<ret>", "set server be1/s3 health up")
    },
    Row {
        target: "be1/s3",
        question: ("Health stopping: be1 / s3", "y"),
        look: operation,
        before: "2",
        after: "3",
        undo: Some(("y", "set server be1/s3 health up")),
        ..server("server.health-stopping", ":server.health-stopping<ret>", "set server be1/s3 health stopping")
    },
    Row {
        target: "be1/s3",
        question: ("Health down: be1 / s3", "y"),
        look: operation,
        before: "2",
        after: "0",
        undo: Some(("y", "set server be1/s3 health up")),
        ..server("server.health-down", ":server.health-down<ret>", "set server be1/s3 health down")
    },
    Row {
        scene: After("set server be1/s4 agent down"),
        target: "be1/s4",
        question: ("Agent up: be1 / s4", "y"),
        look: agent_health,
        after: "1",
        undo: Some(("y", "set server be1/s4 agent down")),
        ..server("server.agent-up", ":server.agent-up<ret>", "set server be1/s4 agent up")
    },
    Row {
        target: "be1/s4",
        question: ("Agent down: be1 / s4", "y"),
        look: agent_health,
        before: "1",
        undo: Some(("y", "set server be1/s4 agent up")),
        ..server("server.agent-down", ":server.agent-down<ret>", "set server be1/s4 agent down")
    },
    Row {
        scene: After("disable health be1/s3"),
        target: "be1/s3",
        question: ("Health checks on: be1 / s3", "y"),
        look: checks,
        before: "off",
        after: "on",
        undo: Some(("y", "disable health be1/s3")),
        ..server("server.checks-on", ":server.checks-on<ret>", "enable health be1/s3")
    },
    Row {
        target: "be1/s3",
        question: ("Health checks off: be1 / s3", "y"),
        look: checks,
        before: "on",
        after: "off",
        undo: Some(("y", "enable health be1/s3")),
        ..server("server.checks-off", ":server.checks-off<ret>", "disable health be1/s3")
    },
    Row {
        scene: After("disable agent be1/s4"),
        target: "be1/s4",
        question: ("Agent checks on: be1 / s4", "y"),
        look: agent_checks,
        before: "off",
        after: "on",
        undo: Some(("y", "disable agent be1/s4")),
        ..server("server.agent-on", ":server.agent-on<ret>", "enable agent be1/s4")
    },
    Row {
        target: "be1/s4",
        question: ("Agent checks off: be1 / s4", "y"),
        look: agent_checks,
        before: "on",
        after: "off",
        undo: Some(("y", "enable agent be1/s4")),
        ..server("server.agent-off", ":server.agent-off<ret>", "disable agent be1/s4")
    },
];

pub static DOORS: [Row; 4] = [
    Row {
        question: ("Server maxconn: be1 / s2", "y"),
        look: server_limit,
        before: "50",
        after: "7",
        undo: Some(("y", "set maxconn server be1/s2 50")),
        ..server("server.maxconn", ":server.maxconn<ret>7<ret>", "set maxconn server be1/s2 7")
    },
    Row {
        scene: After("disable frontend fe1"),
        target: "fe1",
        question: ("Enable the frontend: frontend fe1", "y"),
        look: is_open,
        before: "closed",
        after: "open",
        undo: Some(("fe1<ret>", "disable frontend fe1")),
        ..server("frontend.enable", ":frontend.enable<ret>", "enable frontend fe1")
    },
    Row {
        target: "fe1",
        question: ("Disable the frontend: frontend fe1", "fe1<ret>"),
        look: is_open,
        before: "open",
        after: "closed",
        undo: Some(("y", "enable frontend fe1")),
        ..server("frontend.disable", ":frontend.disable<ret>", "disable frontend fe1")
    },
    Row {
        target: "fe1",
        question: ("Frontend maxconn: frontend fe1", "y"),
        look: frontend_limit,
        before: "1000",
        after: "300",
        undo: Some(("y", "set maxconn frontend fe1 1000")),
        ..server("frontend.maxconn", ":frontend.maxconn<ret>300<ret>", "set maxconn frontend fe1 300")
    },
];

/// What cannot be taken back.
pub static ENDS: [Row; 5] = [
    Row {
        scene: Held(2),
        question: ("End of all sessions: be1 / s2", "s2<ret>"),
        look: sessions_of_server,
        before: "2",
        ..server("server.end-sessions", ":server.end-sessions<ret>", "shutdown sessions server be1/s2")
    },
    Row {
        scene: Held(1),
        target: "",
        question: ("End of a session: session 0x", "y"),
        look: sessions_of_server,
        before: "1",
        ..server("session.end", "7<ret>", "shutdown session 0x")
    },
    Row {
        scene: Served(3),
        target: "",
        question: ("Clearing of an entry: entry bob of clients", "y"),
        look: entries,
        before: "1",
        ..server("entry.clear", "8<ret>", "clear table clients key bob")
    },
    Row {
        scene: Served(3),
        question: ("Clearing of highest values: ", "clear<ret>"),
        look: highest,
        before: "1",
        ..server("counters.clear-max", ":counters.clear-max<ret>", "clear counters")
    },
    Row {
        scene: Served(3),
        question: ("Clearing of all counters: ", "clear<ret>"),
        look: total,
        before: "3",
        ..server("counters.clear", ":counters.clear<ret>", "clear counters all")
    },
];
