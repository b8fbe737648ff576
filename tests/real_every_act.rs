//! Every act and its undo, by keys, on a real HAProxy: what a second client then reads, and what the audit says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::Value;
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;
use support::acts::{TYPE_AHEAD, answer, bottom, dashboard, let_polls_pass};
use support::{Agent, Answer, Lab, Relay, Term, Traffic};

/// One act: how it is done, and what is there before, after, and once it was taken back.
struct Row {
    /// Its name in ACTS.
    act: &'static str,
    /// What there is to be before.
    scene: Scene,
    /// What it is done to, as it is named on the screen.
    target: &'static str,
    keys: &'static str,
    /// The title of the question, and what answers it.
    question: (&'static str, &'static str),
    command: &'static str,
    /// What the second client reads.
    look: fn(&Lab) -> String,
    before: &'static str,
    after: &'static str,
    /// What answers the question about undo, and its command; nothing where it cannot be taken back.
    undo: Option<(&'static str, &'static str)>,
}

#[derive(Clone, Copy)]
enum Scene {
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

static STATES: [Row; 5] = [
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
static CHECKS: [Row; 9] = [
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

static DOORS: [Row; 4] = [
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
static ENDS: [Row; 5] = [
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

impl Row {
    fn carry_out(&self) {
        let agent = Agent::start("up");
        let sections = "backend clients\n    stick-table type string len 32 size 100 expire 10m store http_req_cnt\n\
                        frontend web\n    bind {{web}}\n    http-request track-sc0 hdr(X-Client) table clients\n    \
                        default_backend be1\n";
        let lab = Lab::builder()
            .servers(4)
            .cookie()
            .server_options("weight 100 maxconn 50")
            // A check of its own would take the place of what was said for it.
            .server_option("be1/s3", "check inter 1h")
            .server_option("be1/s4", &agent.server_option())
            .answer("be1/s2", Answer::Slow(if matches!(self.scene, Held(_)) { HELD } else { Duration::ZERO }))
            .defaults("maxconn 1000")
            .sections(sections)
            .start();
        self.set_the_scene(&lab);
        let relay = Relay::to(lab.admin());
        let mut term = dashboard(relay.path());
        self.select(&mut term);
        assert_eq!((self.look)(&lab), self.before, "{} before", self.act);

        term.press(self.ask_keys());
        let (question, yes) = self.question;
        term.wait_for(question);
        let_polls_pass(&term, &relay);
        assert_eq!((self.look)(&lab), self.before, "{}: only asked", self.act);
        answer(&mut term, question, yes);
        self.check_end(&term, 1, self.command);
        assert_eq!((self.look)(&lab), self.after, "{} after", self.act);

        let_polls_pass(&term, &relay);
        term.press("u");
        match self.undo {
            Some((yes, command)) => {
                answer(&mut term, "Undo: ", yes);
                self.check_end(&term, 2, command);
                assert_eq!((self.look)(&lab), self.before, "{} taken back", self.act);
                let_polls_pass(&term, &relay);
                term.press("u");
            }
            None => thread::sleep(TYPE_AHEAD),
        }
        term.wait_for("nothing to undo: nothing was done here, or it cannot be taken back");
        assert_eq!(relay.acts().len(), 1 + usize::from(self.undo.is_some()), "{:?}", relay.acts());
    }

    fn set_the_scene(&self, lab: &Lab) {
        match self.scene {
            Fresh => {}
            After(command) => lab.order(command),
            Held(count) => {
                let traffic = Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s2").workers(count);
                // It ends with its requests: by the act, at the latest with the lab.
                thread::spawn(move || traffic.send(count));
                lab.wait_stat("be1", "s2", "scur", |sessions| sessions == count.to_string());
            }
            Served(count) => {
                let traffic = Traffic::to(lab.addr("web")).header("X-Client: bob").workers(1);
                assert_eq!(traffic.send(count).ok, count);
            }
        }
    }

    fn select(&self, term: &mut Term) {
        match self.act {
            "session.end" => {
                term.press("7");
                term.wait_for("lists the sessions that are open");
                term.press("<ret>");
                term.wait_for(" sessions, oldest first");
                term.press("/server:s2<ret>");
                term.wait_for("1 of ");
            }
            "entry.clear" => {
                term.press("8");
                term.wait_for("lists the stick tables");
                term.press("<ret>");
                term.wait_for("1 of 1 tables");
                term.press("<ret>");
                term.wait_for("clients: 1 entr");
            }
            _ => {
                term.press("1");
                term.select_row(self.target);
            }
        }
    }

    fn ask_keys(&self) -> &'static str {
        if self.target.is_empty() { "X" } else { self.keys }
    }

    /// The newest act stands in the audit twice, verified, and the screen says so.
    fn check_end(&self, term: &Term, count: usize, command: &str) {
        let ends = term.wait_ends(count);
        let end = ends.last().unwrap();
        let text = |record: &Value, key: &str| record[key].as_str().unwrap_or_default().to_owned();
        assert!(text(end, "command").starts_with(command), "{end}");
        assert_eq!(end["verified"], true, "{}: {end}", self.act);
        assert!(text(end, "outcome").starts_with("verified, "), "{end}");
        assert_eq!(text(end, "tool"), "dashboard");
        let records = term.audit();
        let same: Vec<&Value> = records.iter().filter(|record| record["id"] == end["id"]).collect();
        let phases: Vec<String> = same.iter().map(|record| text(record, "phase")).collect();
        assert_eq!(phases, ["sending", "done"], "{}", self.act);
        assert_eq!(same[0]["command"], end["command"]);
        let words = format!("{}: verified, ", text(end, "target"));
        let is_said = |screen: &str| bottom(screen).contains(&words);
        term.wait_until(is_said);
    }
}

/// Longer than a test takes.
const HELD: Duration = Duration::from_mins(5);

fn carry_out(rows: &[Row]) {
    for row in rows {
        println!("{}", row.act);
        row.carry_out();
    }
}

#[test]
fn states_and_weights_are_ordered_and_taken_back() {
    carry_out(&STATES);
}

#[test]
fn health_and_checks_are_ordered_and_taken_back() {
    carry_out(&CHECKS);
}

#[test]
fn limits_and_frontends_are_ordered_and_taken_back() {
    carry_out(&DOORS);
}

#[test]
fn what_is_ended_or_cleared_is_gone_and_cannot_be_taken_back() {
    carry_out(&ENDS);
}

#[test]
fn every_act_has_its_row() {
    let rows = STATES.iter().chain(&CHECKS).chain(&DOORS).chain(&ENDS);
    let tried: Vec<&str> = rows.map(|row| row.act).collect();
    let acts: BTreeSet<&str> = hapulse::monitor::acts::ACTS.iter().map(|act| act.id).collect();
    assert_eq!(tried.iter().copied().collect::<BTreeSet<_>>(), acts);
    assert_eq!(tried.len(), acts.len(), "each once");
}
