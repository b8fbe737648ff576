//! Every action and its undo by keys on a real HAProxy, checked with a second client and in the audit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/action_cases.rs"]
mod action_cases;
mod support;

use action_cases::{ActionCase, CHECKS, IRREVERSIBLE, LIMITS, OTHER_STATES, STATES, Setup};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use support::actions::{answer_confirmation, start_dashboard, wait_for_two_polls};
use support::screen::message;
use support::{Agent, CLIENTS_TABLE, Lab, Relay, ServerBehavior, Term, Traffic};

impl ActionCase {
    /// Runs the action by keys, checks its effect and audit records, then undoes it.
    fn run(&self) {
        let agent = Agent::start("up");
        let lab = Lab::builder()
            .servers(4)
            .cookie()
            .server_options("weight 100 maxconn 50")
            // A check result would overwrite the forced health, so no check runs during the test.
            .server_option("be1/s3", "check inter 1h")
            .server_option("be1/s4", &agent.server_option())
            .server_behavior(
                "be1/s2",
                ServerBehavior::Slow(if matches!(self.setup, Setup::OpenRequests(_)) {
                    SLOW_REPLY
                } else {
                    Duration::ZERO
                }),
            )
            .defaults("maxconn 1000")
            .sections(CLIENTS_TABLE)
            .start();
        self.set_up(&lab);
        let relay = Relay::to(lab.admin());
        let mut term = start_dashboard(relay.path());
        self.select(&mut term);
        assert_eq!((self.read_state)(&lab), self.before, "{} before", self.action);

        term.press(self.action_keys());
        let (prompt, yes) = self.confirmation;
        term.wait_for(prompt);
        wait_for_two_polls(&term, &relay);
        assert_eq!((self.read_state)(&lab), self.before, "{}: before confirmation", self.action);
        answer_confirmation(&mut term, prompt, yes);
        self.assert_audited(&term, 1, self.command);
        assert_eq!((self.read_state)(&lab), self.after, "{} after", self.action);

        wait_for_two_polls(&term, &relay);
        term.press("u");
        if let Some((yes, command)) = self.undo {
            answer_confirmation(&mut term, "Undo: ", yes);
            self.assert_audited(&term, 2, command);
            assert_eq!((self.read_state)(&lab), self.before, "{} undone", self.action);
            wait_for_two_polls(&term, &relay);
            term.press("u");
        }
        term.wait_for("nothing to undo");
        assert_eq!(relay.write_commands().len(), 1 + usize::from(self.undo.is_some()), "{:?}", relay.write_commands());
    }

    /// Brings HAProxy into the state that the case starts from.
    fn set_up(&self, lab: &Lab) {
        match self.setup {
            Setup::Fresh => {}
            Setup::AfterCommand(command) => lab.send_write_command(command),
            Setup::OpenRequests(count) => lab.open_requests(count),
            Setup::ServedRequests(count) => {
                let traffic = Traffic::to(lab.addr("web")).header("X-Client: bob").workers(1);
                assert_eq!(traffic.send(count).ok, count);
            }
        }
    }

    /// Puts the cursor on the target.
    fn select(&self, term: &mut Term) {
        match self.action {
            "session.end" => term.select_session(),
            "entry.clear" => {
                term.open_stick_table();
                term.wait_for("clients: 1 entr");
            }
            _ => {
                term.press("1");
                term.move_to_path(self.target);
            }
        }
    }

    fn action_keys(&self) -> &'static str {
        if self.target.is_empty() { "X" } else { self.keys }
    }

    /// Asserts that the newest action has two audit records, is verified, and that the screen reports it.
    fn assert_audited(&self, term: &Term, count: usize, command: &str) {
        let done_records = term.wait_for_done_records(count);
        let done_record = done_records.last().unwrap();
        let text = |record: &Value, key: &str| record[key].as_str().unwrap_or_default().to_owned();
        // A key that is not an address may be a secret.
        let command = command.replace(" key bob", " key <hidden>");
        assert!(text(done_record, "command").starts_with(&command), "{done_record}");
        assert_eq!(done_record["verified"], true, "{}: {done_record}", self.action);
        assert!(text(done_record, "outcome").starts_with("verified, "), "{done_record}");
        assert_eq!(text(done_record, "tool"), "dashboard");
        let records = term.audit_records();
        let of_action: Vec<&Value> = records.iter().filter(|record| record["id"] == done_record["id"]).collect();
        let phases: Vec<String> = of_action.iter().map(|record| text(record, "phase")).collect();
        assert_eq!(phases, ["sending", "done"], "{}", self.action);
        assert_eq!(of_action[0]["command"], done_record["command"]);
        let notice = format!("{}: verified, ", text(done_record, "target").replace("<hidden>", "bob"));
        term.wait_until(|screen| message(screen).contains(&notice));
    }
}

/// Longer than a test takes.
const SLOW_REPLY: Duration = Duration::from_mins(5);

fn run_all(cases: &[ActionCase]) {
    for case in cases {
        println!("{}", case.action);
        case.run();
    }
}

#[test]
fn state_and_weight_actions_apply_and_undo() {
    run_all(&STATES);
}

#[test]
fn health_and_check_actions_apply_and_undo() {
    run_all(&CHECKS);
}

#[test]
fn limit_and_frontend_actions_apply_and_undo() {
    run_all(&LIMITS);
}

#[test]
fn undo_returns_to_every_other_state() {
    run_all(&OTHER_STATES);
}

#[test]
fn irreversible_actions_apply_and_cannot_be_undone() {
    run_all(&IRREVERSIBLE);
}

#[test]
fn every_action_has_one_test_case() {
    let cases = STATES.iter().chain(&CHECKS).chain(&LIMITS).chain(&IRREVERSIBLE);
    let tested: Vec<&str> = cases.map(|case| case.action).collect();
    let actions: BTreeSet<&str> = hapulse::actions::action_table::ACTIONS.iter().map(|action| action.id).collect();
    assert_eq!(tested.iter().copied().collect::<BTreeSet<_>>(), actions);
    assert_eq!(tested.len(), actions.len(), "each action once");
}
