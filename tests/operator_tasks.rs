//! The questions and tasks of docs/guide.md on a real HAProxy with five faults, at 120x40: each is done by pressing its
//! keys, one by one, and the page names the number of keys that it took.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/incident.rs"]
mod incident;
mod support;

use std::time::Duration;

use incident::{API, DEAD, ERRORS, Incident, QUEUE, TCP, TCP_LIMIT, WEB};
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

/// Starts a site: web3 takes one second, err2 responds with 500, `be_dead` has no server, `fe_tcp` fills up, and api3 has been
/// in maintenance since the start.
fn start_incident() -> Incident {
    let incident = Incident::start(&[&WEB, &QUEUE, &ERRORS, &DEAD, &API, &TCP]);
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
fn forecast_answers_when_it_is_full_without_a_key() {
    let incident = Incident::start(&[&WEB, &TCP]);
    incident.wait_until_up();
    let mut operator = Operator::new(&incident);
    let mut connections = Vec::new();
    // One connection more per sample, until the forecast is shown.
    while !operator.term.screen().contains("FULL IN") {
        assert!(connections.len() < TCP_LIMIT * 3 / 4, "no forecast\n{}", operator.term.screen());
        connections.extend(incident.hold_connections(1));
        let before = operator.term.screen();
        operator.term.wait_until(|screen| screen != before);
    }
    operator.assert_keys("when is it full");
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
fn mark_and_changes_answer_whether_the_deploy_made_it_worse() {
    let incident = Incident::start(&[&WEB]);
    incident.wait_until_up();
    let mut operator = Operator::new(&incident);
    operator.wait_for(&["be_web", "web5"]);
    operator.term.settled_screen();
    operator.press("m").wait_for(&["[mark]"]);
    incident.app("web3").set_behavior(ServerBehavior::Slow(Duration::from_secs(1)));
    operator.wait_for(&["web3", "slow"]).press("S");
    // The server that the deploy made slow is the first line.
    operator.term.wait_until(|screen| {
        let mut lines = screen.lines().skip_while(|line| !line.contains("CHANGE"));
        lines.nth(1).is_some_and(|line| line.contains("web3") && line.contains("response"))
    });
    operator.assert_keys("did the deploy make it worse");
}

#[test]
fn server_is_drained_set_to_maintenance_and_enabled() {
    let incident = start_incident();
    let mut operator = Operator::new(&incident);
    operator.wait_for(&["CRIT be_dead"]);
    // To the cause of the slow server; the lists follow.
    operator.press("<up>");
    while !operator.term.settled_screen().contains("Servers of be_web") {
        assert!(operator.pressed < 9, "{}", operator.term.screen());
        operator.press("<up>");
    }
    operator.press("D").answer("Drain: be_web / web3", "y").wait_for(&["DRAIN", "maintenance?"]);
    operator.press("c").answer("Maintenance: be_web / web3", "y").wait_for(&["MAINT"]);
    operator.press("E").answer("Enable: be_web / web3", "y");
    incident.lab().wait_stat("be_web", "web3", "status", |status| status.starts_with("UP"));
    operator.assert_keys("drain a server, maintenance when it is empty, back");
}

#[test]
fn top_clients_are_listed_and_their_sessions_end() {
    let incident = start_incident();
    let _connections = incident.hold_connections(5);
    let mut operator = Operator::new(&incident);
    operator.press("7<ret>").wait_for(&["client"]).press("b").wait_for(&["by client"]);
    operator.assert_keys("top clients");
    let mut operator = Operator::new(&incident);
    operator.press("7<ret>").wait_for(&["client"]).press("b").wait_for(&["by client"]);
    operator.press("<ret>").press("X").answer("End sessions", "y").wait_for(&["ended"]);
    operator.assert_keys("end the sessions of a client");
}

#[test]
fn canary_gets_a_tenth_of_its_weight() {
    let incident = start_incident();
    let mut operator = Operator::new(&incident);
    operator.wait_for(&["CRIT be_dead"]).press("/eb5<ret>").wait_for(&["web5"]);
    operator.press("W10%").answer("Weight: be_web / web5", "y");
    incident.lab().wait_stat("be_web", "web5", "weight", |weight| weight == "10" || weight == "0");
    operator.assert_keys("a canary to 10 %");
}
