//! Every act and its undo, by keys, on a real HAProxy: what a second client then reads, and what the audit says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/rows.rs"]
mod rows;
mod support;

use rows::{CHECKS, DOORS, ENDS, Row, STATES, Scene};
use serde_json::Value;
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;
use support::acts::{TYPE_AHEAD, answer, bottom, dashboard, let_polls_pass};
use support::{Agent, Answer, Lab, Relay, Term, Traffic};

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
            .answer("be1/s2", Answer::Slow(if matches!(self.scene, Scene::Held(_)) { HELD } else { Duration::ZERO }))
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
            Scene::Fresh => {}
            Scene::After(command) => lab.order(command),
            Scene::Held(count) => {
                let traffic = Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s2").workers(count);
                // It ends with its requests: by the act, at the latest with the lab.
                thread::spawn(move || traffic.send(count));
                lab.wait_stat("be1", "s2", "scur", |sessions| sessions == count.to_string());
            }
            Scene::Served(count) => {
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
    let acts: BTreeSet<&str> = hapulse::actions::action_table::ACTIONS.iter().map(|act| act.id).collect();
    assert_eq!(tried.iter().copied().collect::<BTreeSet<_>>(), acts);
    assert_eq!(tried.len(), acts.len(), "each once");
}
