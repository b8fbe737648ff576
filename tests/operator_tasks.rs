//! Questions and tasks of docs/guide.md on a real HAProxy with several faults, at 120x40: each is done by pressing its keys,
//! one by one, and the page names the number of keys that it took.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/incident.rs"]
mod incident;
mod support;

use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::Duration;

use incident::{API, CANARY, DEAD, ERRORS, Incident, QUEUE, TCP, WEB};
use support::keys;
use support::{ServerBehavior, Term};

/// The tasks by their names in docs/guide.md, each with the most keys that it may take.
const TASKS: [(&str, usize); 12] = [
    ("which backend is wrong, and why", 0),
    ("which server is slow, and since when", 0),
    ("when is it full", 0),
    ("application, network or HAProxy", 1),
    ("what changed in ten minutes", 3),
    ("did the deploy make it worse", 3),
    ("forgotten maintenance", 1),
    ("top clients", 3),
    ("drain a server, maintenance when it is empty, back", 9),
    ("a canary to 10 %", 10),
    ("evacuate two backends", 14),
    ("end the sessions of a client", 12),
];

/// Returns the number of keys of a task in docs/guide.md.
fn documented_keys(task: &str) -> usize {
    let guide = include_str!("../docs/guide.md");
    let row = guide.lines().find(|line| line.starts_with(&format!("| {task} |")));
    let row = row.unwrap_or_else(|| panic!("docs/guide.md has no row for {task:?}"));
    row.split('|').nth(2).unwrap().trim().parse().expect("a number of keys")
}

/// A person at the dashboard, who presses one key after the other.
struct Operator {
    term: Term,
    pressed: usize,
}

impl Operator {
    fn new(incident: &Incident) -> Self {
        let term = Term::builder().args(["-i", "0.5"]).args([incident.socket()]).size(120, 40).start();
        term.wait_for("live");
        term.wait_for("ADMIN");
        Self { term, pressed: 0 }
    }

    /// Presses keys, each after the last one had its effect.
    fn press(&mut self, text: &str) -> &mut Self {
        for key in keys::parse(text) {
            self.term.wait_input_read();
            self.term.paste(&key);
            self.pressed += 1;
        }
        self
    }

    /// Answers a question whose title contains these words.
    fn answer(&mut self, title: &str, text: &str) -> &mut Self {
        self.term.wait_for(title);
        self.term.answer(text);
        self.pressed += keys::parse(text).len();
        self
    }

    fn wait_for(&mut self, words: &[&str]) -> &mut Self {
        self.term.wait_until(|screen| words.iter().all(|word| screen.contains(word)));
        self
    }

    /// Asserts that the task took as many keys as the page says, and not too many.
    #[track_caller]
    fn assert_keys(self, task: &str) {
        let (_, limit) = TASKS.iter().find(|(name, _)| *name == task).expect("the task is listed");
        assert_eq!(self.pressed, documented_keys(task), "the number of keys in docs/guide.md for {task:?}");
        assert!(self.pressed <= *limit, "{task:?} takes {} keys, at most {limit} are wanted", self.pressed);
    }
}

/// Starts a site: web3 takes one second, err2 responds with 500, `be_dead` has no server, and api3 is in maintenance.
fn start_incident() -> Incident {
    let incident = Incident::start(&[&WEB, &QUEUE, &ERRORS, &DEAD, &API, &TCP, &CANARY]);
    incident.wait_until_up();
    incident.app("web3").set_behavior(ServerBehavior::Slow(Duration::from_secs(1)));
    incident.app("err2").set_behavior(ServerBehavior::Status(500));
    incident.app("dead1").stop();
    incident.app("dead2").stop();
    incident.lab().send_command("set server be_api/api3 state maint");
    incident
}

#[test]
fn causes_answer_what_is_wrong_without_a_key() {
    let incident = start_incident();
    let mut operator = Operator::new(&incident);
    operator.wait_for(&["CRIT be_dead", "no server available", "SINCE"]);
    operator.assert_keys("which backend is wrong, and why");
    let mut operator = Operator::new(&incident);
    operator.wait_for(&["web3", "slow", "SINCE"]);
    operator.assert_keys("which server is slow, and since when");
}

#[test]
fn one_key_answers_where_time_goes_what_changed_and_what_was_forgotten() {
    let incident = start_incident();
    let mut operator = Operator::new(&incident);
    operator.wait_for(&["web3"]).press("6").wait_for(&["TIME IN", "application"]);
    operator.assert_keys("application, network or HAProxy");
    let mut operator = Operator::new(&incident);
    operator.wait_for(&["web3"]).press("S").wait_for(&["Changes", "CHANGE"]);
    operator.assert_keys("what changed in ten minutes");
    let mut operator = Operator::new(&incident);
    operator.press("A").wait_for(&["api3", "MAINT"]);
    operator.assert_keys("forgotten maintenance");
}

#[test]
fn canary_gets_a_tenth_of_its_weight() {
    for (keys, backend, server) in [("/eb5<ret>", "be_web", "web5"), ("/can<ret>", "be_canary", "canary")] {
        let incident = start_incident();
        let mut operator = Operator::new(&incident);
        operator.wait_for(&["CRIT be_dead"]).press(keys).wait_for(&[server]);
        operator.press("W10%").answer(&format!("Weight: {backend} / {server}"), "y");
        incident.lab().wait_stat(backend, server, "weight", |weight| weight == "10" || weight == "0");
        operator.assert_keys("a canary to 10 %");
    }
}

#[test]
fn header_says_when_a_frontend_is_full() {
    let incident = Incident::start(&[&TCP]);
    incident.wait_until_up();
    incident.lab().send_command("set maxconn frontend fe_tcp 60");
    let mut operator = Operator::new(&incident);
    let addr = incident.lab().addr("fe_tcp");
    // One connection per second, whatever the machine is doing; the thread ends with the frontend, or when it is full.
    thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok(stream) = TcpStream::connect(addr)
            && open.len() < 60
        {
            open.push(stream);
            thread::sleep(Duration::from_secs(1));
        }
    });
    let is_climbing = |sessions: &str| sessions.parse::<usize>().is_ok_and(|sessions| sessions >= 15);
    incident.lab().wait_stat("fe_tcp", "FRONTEND", "scur", is_climbing);
    operator.wait_for(&["fe_tcp full in "]);
    for (cols, rows) in [(80, 24), (200, 60)] {
        operator.term.resize(cols, rows);
        operator.wait_for(&["fe_tcp full in "]);
    }
    operator.assert_keys("when is it full");
}

#[test]
fn deploy_that_made_a_server_slower_is_named() {
    let incident = Incident::start(&[&WEB, &QUEUE]);
    incident.wait_until_up();
    let mut operator = Operator::new(&incident);
    operator.wait_for(&["nothing wrong"]).press("m");
    incident.app("web4").set_behavior(ServerBehavior::Slow(Duration::from_secs(1)));
    operator.wait_for(&["web4", "slower"]).press("S").wait_for(&["Changes", "web4", "response "]);
    operator.assert_keys("did the deploy make it worse");
}

#[test]
fn slow_server_is_drained_put_into_maintenance_and_enabled() {
    let incident = start_incident();
    let mut operator = Operator::new(&incident);
    incident.app("err2").set_behavior(ServerBehavior::Ok);
    operator.wait_for(&["CRIT be_dead", "CRIT be_web/web3"]);
    operator.press("<up><down>D").answer("Drain: be_web / web3", "y");
    operator.wait_for(&["dismiss"]).press("c").answer("Maintenance: be_web / web3", "y");
    incident.lab().wait_stat("be_web", "web3", "status", |status| status == "MAINT");
    incident.app("web3").set_behavior(ServerBehavior::Ok);
    operator.wait_for(&["verified"]).press("E").answer("Enable: be_web / web3", "y");
    incident.lab().wait_stat("be_web", "web3", "status", |status| status == "UP");
    operator.assert_keys("drain a server, maintenance when it is empty, back");
}

#[test]
fn two_backends_are_evacuated_after_the_impact_on_both_was_shown() {
    let incident = start_incident();
    let mut operator = Operator::new(&incident);
    operator.wait_for(&["CRIT be_dead"]).press("<down><space><space>M").wait_for(&[
        "Maintenance:",
        "type \"",
        " servers\"",
    ]);
    let screen = operator.term.screen();
    let number = screen.split("type \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(screen.matches("would have no usable server").count(), 2, "{screen}");
    operator.answer("Maintenance:", &format!("{number}<ret>"));
    operator.wait_for(&["verified"]);
    operator.assert_keys("evacuate two backends");
}

#[test]
fn sessions_of_a_client_are_grouped_and_ended() {
    let incident = start_incident();
    // The client is the second one: 127.0.0.1 has the most sessions.
    let _most = incident.hold_connections(4);
    let _held = incident.hold_connections_from(Ipv4Addr::new(127, 0, 66, 6), 2);
    let mut operator = Operator::new(&incident);
    operator.wait_for(&["CRIT be_dead"]).press("7<ret>").wait_for(&["127.0.66.6"]);
    operator.press("b").wait_for(&["CLIENT", "SHARE", "127.0.66.6"]);
    operator.assert_keys("top clients");
    let mut operator = Operator::new(&incident);
    operator.wait_for(&["CRIT be_dead"]).press("7<ret>").wait_for(&["127.0.66.6"]);
    operator.press("b").wait_for(&["CLIENT", "SHARE", "127.0.66.6"]).press("<down>X").answer("127.0.66.6", "y");
    incident.lab().wait_stat("fe_tcp", "FRONTEND", "scur", |sessions| sessions == "4");
    operator.assert_keys("end the sessions of a client");
}
