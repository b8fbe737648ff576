//! Causes of a real HAProxy: each fault is one line, the same in the header, in the problems view, in `check` and in
//! `show problems`, in words that an operator would use.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::time::Duration;

use script::Script;
use serde_json::Value;
use support::builder::LabBuilder;
use support::{Agent, Lab, ServerBehavior, Term, Traffic, wait_until};

/// Starts hapulse on a wide terminal and waits until it shows live data.
fn start_dashboard(lab: &Lab) -> Term {
    let term = Term::builder().args(["-i", "0.5"]).args([lab.admin()]).size(240, 50).start();
    term.wait_for("live");
    term
}

/// Returns the causes of the header's third line, which begin with their severity.
fn header_causes(screen: &str) -> String {
    let line = screen.lines().nth(2).unwrap_or_default();
    let start = ["CRIT ", "WARN "].iter().filter_map(|word| line.find(word)).min();
    start.map_or(String::new(), |start| line[start..].to_owned())
}

/// Returns the lines of open causes in the problems view.
fn cause_lines(screen: &str) -> Vec<&str> {
    screen.lines().skip(4).filter(|line| line.starts_with(['▸', '▾'])).collect()
}

/// Waits until the header begins with a severity and a row, and contains a text.
fn wait_for_first(term: &Term, start: &str, text: &str) -> String {
    term.wait_until(|screen| {
        let causes = header_causes(screen);
        causes.starts_with(start) && causes.contains(text)
    })
}

/// Returns the causes that `show problems` prints as JSON.
fn shown_causes(lab: &Lab) -> Vec<Value> {
    let result = Script::new().run(lab.admin(), "show problems --format json");
    let value: Value = serde_json::from_str(&result.out).unwrap_or_else(|_| panic!("{result:?}"));
    value["causes"].as_array().unwrap().clone()
}

/// Asserts that header, problems view, `check` and `show problems` name the same first cause.
fn assert_same_first_cause(term: &mut Term, lab: &Lab, row: &str, start: &str, kind: &str) {
    let script = Script::new();
    let check = script.run(lab.admin(), "check");
    let first = check.out.lines().next().unwrap_or_default().to_owned();
    assert!(first.contains(&format!("{row}: {start}")), "{check:?}");
    let shown = shown_causes(lab);
    assert_eq!(shown[0]["cause"], kind, "{shown:?}");
    assert!(shown[0]["text"].as_str().unwrap().starts_with(start), "{shown:?}");
    let name = row.rsplit(' ').next().unwrap().to_owned();
    let header = term.wait_until(|screen| header_causes(screen).contains(&format!("{name}: {start}")));
    assert!(header_causes(&header)[5..].starts_with(&format!("{name}: {start}")), "{header}");
    term.press("!");
    let screen = term.wait_until(|screen| !cause_lines(screen).is_empty());
    let lines = cause_lines(&screen);
    assert!(lines[0].contains(&name) && lines[0].contains(start), "{screen}");
    term.press("!");
}

/// A lab with one backend, three servers and health checks that ask for a page.
fn checked_lab() -> LabBuilder {
    Lab::builder().servers(3).http_checks()
}

#[test]
fn w23_queue_is_one_cause_in_every_output() {
    let slow = ServerBehavior::Slow(Duration::from_millis(300));
    let lab = Lab::builder().servers(1).server_behavior("be1/s1", slow).server_option("be1/s1", "maxconn 1").start();
    let _traffic = Traffic::to(lab.frontend_addr()).workers(14).start();
    let mut term = start_dashboard(&lab);
    wait_for_first(&term, "CRIT be1: ", "servers full: 1 of 1 session");
    assert_same_first_cause(&mut term, &lab, "backend be1", "servers full: 1 of 1 session", "at-maxconn");
}

#[test]
fn slow_server_is_one_cause() {
    let lab =
        Lab::builder().servers(3).server_behavior("be1/s3", ServerBehavior::Slow(Duration::from_millis(300))).start();
    let _traffic = Traffic::to(lab.frontend_addr()).workers(6).pause(Duration::from_millis(5)).start();
    let term = start_dashboard(&lab);
    let screen = wait_for_first(&term, "CRIT be1/s3: ", "slower than its peers");
    assert!(screen.contains("▲ 1 cause "), "{screen}");
}

#[test]
fn w22_server_with_errors_is_one_cause_in_every_output() {
    let lab = Lab::builder().servers(3).server_behavior("be1/s2", ServerBehavior::Status(500)).start();
    let _traffic = Traffic::to(lab.frontend_addr()).workers(3).pause(Duration::from_millis(5)).start();
    let mut term = start_dashboard(&lab);
    wait_for_first(&term, "CRIT be1/s2: ", "100% of its responses are 5xx");
    assert_same_first_cause(&mut term, &lab, "be1/s2", "100% of its responses are 5xx", "server-5xx");
}

#[test]
fn w27_dead_backend_is_one_cause_with_the_reason_of_each_server() {
    let lab = Lab::builder()
        .servers(3)
        .server_behavior("be1/s1", ServerBehavior::Closed)
        .server_behavior("be1/s2", ServerBehavior::Closed)
        .server_behavior("be1/s3", ServerBehavior::Closed)
        .checks()
        .start();
    lab.wait_stat("be1", "BACKEND", "status", |status| status == "DOWN");
    let _traffic = Traffic::to(lab.frontend_addr()).workers(2).pause(Duration::from_millis(10)).start();
    let mut term = start_dashboard(&lab);
    let sentence = "no server available: s1, s2, s3: L4CON";
    let screen = wait_for_first(&term, "CRIT be1: ", sentence);
    assert!(screen.contains("▲ 1 cause "), "{screen}");
    assert_same_first_cause(&mut term, &lab, "backend be1", sentence, "no-server");
    // The problems that follow from the cause are folded below it.
    term.press("!");
    term.wait_until(|screen| cause_lines(screen).len() == 1);
    term.press("<right>");
    let screen = term.wait_for("server-down: down: L4CON");
    assert!(screen.contains("backend-down: ") && screen.contains("be1/s3"), "{screen}");
    term.press("<ret>");
    term.wait_for("backend be1 DOWN");
}

#[test]
fn u6_flap_is_one_cause_and_one_event_with_a_count() {
    let lab = checked_lab().defaults("default-server inter 100ms fall 1 rise 1").start();
    let term_lab = &lab;
    let mut term = start_dashboard(term_lab);
    let change = |behavior, status: &'static str| {
        lab.set_server_behavior("be1/s1", behavior);
        lab.wait_stat("be1", "s1", "status", |found| found == status);
        term.wait_until(|screen| screen.contains("live"));
    };
    for _ in 0..4 {
        change(ServerBehavior::Status(503), "DOWN");
        std::thread::sleep(Duration::from_millis(2500));
        change(ServerBehavior::Ok, "UP");
        std::thread::sleep(Duration::from_millis(2500));
    }
    let screen = wait_for_first(&term, "CRIT be1/s1: ", "flaps every ");
    assert!(screen.contains("▲ 1 cause ") && header_causes(&screen).contains("L7STS"), "{screen}");
    term.press("9");
    let is_events = |screen: &str| !screen.contains("─ Frontends") && screen.contains("went down 4 times");
    let screen = term.wait_until(is_events);
    // The details of the selected event are next to the list.
    let list = screen.lines().skip(4).filter_map(|line| line.split(['╭', '│', '╰']).next());
    let events: Vec<&str> = list.filter(|line| line.contains("be1/s1")).collect();
    let flaps = events.iter().filter(|line| line.contains("flaps every")).count();
    assert!(flaps == 1 && events.len() <= 5, "{screen}");
    // Over after twice its own period.
    term.wait_until(|screen| header_causes(screen).is_empty() && screen.contains("no problems"));
}

#[test]
fn frontend_at_its_limit_is_one_cause() {
    let slow = ServerBehavior::Slow(Duration::from_secs(30));
    let lab = Lab::builder()
        .servers(1)
        .server_behavior("be1/s1", slow)
        .sections("frontend small\n  bind {{small}}\n  mode http\n  maxconn 5\n  default_backend be1\n")
        .start();
    let _traffic = Traffic::to(lab.addr("small")).workers(8).start();
    let term = start_dashboard(&lab);
    wait_for_first(&term, "CRIT small: ", "5 of 5 sessions");
}

#[test]
fn w5_agent_and_tracking_are_the_reasons() {
    let agent = Agent::start("up");
    let lab = Lab::builder()
        .backends(2)
        .servers(2)
        .checks()
        .server_option("be1/s1", &agent.server_option_with_interval("200ms"))
        .start();
    lab.wait_stat("be1", "s1", "agent_status", |status| !status.is_empty() && status != "INI");
    let term = start_dashboard(&lab);
    agent.set_reply("down #deploy until 5");
    wait_for_first(&term, "WARN be1/s1: ", "down by its agent (\"deploy until 5\")");
}

#[test]
fn w23_check_after_reload_is_not_ok() {
    let lab = Lab::builder().servers(2).server_behavior("be1/s2", ServerBehavior::Status(500)).start();
    let _traffic = Traffic::to(lab.frontend_addr()).workers(3).pause(Duration::from_millis(5)).start();
    let script = Script::new();
    let running = script.start(lab.admin(), "check");
    std::thread::sleep(Duration::from_secs(8));
    lab.reload();
    let result = running.wait();
    assert_eq!(result.code, 2, "sampled until the rule was evaluated: {result:?}");
    let short = script.run(lab.admin(), "check --over 0");
    assert_eq!(short.code, 3, "{short:?}");
    assert!(short.out.contains("not evaluated: "), "{short:?}");
    wait_until("the check knows the errors again", || script.run(lab.admin(), "check").code == 2);
}

#[test]
fn u10_header_shows_worst_of_all_instances() {
    let (healthy, failing) = (
        Lab::builder().servers(2).start(),
        Lab::builder().servers(1).server_behavior("be1/s1", ServerBehavior::Closed).checks().start(),
    );
    failing.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let targets = [healthy.admin().display().to_string(), format!("lb2={}", failing.admin().display())];
    let term = Term::builder().args(targets).size(200, 50).start();
    let screen = term.wait_for("lb2: CRIT backend be1: no server available");
    assert!(screen.contains("1/2"), "{screen}");
}

#[test]
fn v8_drain_lost_by_reload_is_named() {
    let lab = Lab::builder().servers(3).start();
    let mut term = start_dashboard(&lab);
    term.move_to_server("be1", "s1");
    term.press("D");
    support::actions::answer_confirmation(&mut term, "Drain: be1 / s1", "y");
    term.wait_for("verified, DRAIN");
    lab.reload();
    term.press("9");
    let screen = term.wait_for("lost by the reload: DRAIN");
    assert!(!screen.contains("DRAIN → no check  by us"), "{screen}");
}

#[test]
fn w5_servers_that_track_a_server_are_part_of_its_cause() {
    let lab = Lab::builder()
        .servers(3)
        .checks()
        .sections(
            "backend follows\n    server f1 127.0.0.1:9 track be1/s1\n    server f2 127.0.0.1:9 track be1/s1\n    \
             server f3 127.0.0.1:9 track follows/f1\n    server plain 127.0.0.1:9\n",
        )
        .start();
    let mut term = start_dashboard(&lab);
    lab.set_server_behavior("be1/s1", ServerBehavior::Closed);
    lab.wait_stat("follows", "f3", "status", |status| status.starts_with("DOWN"));
    let screen = wait_for_first(&term, "CRIT be1/s1: ", "and 3 servers that track it");
    assert!(screen.contains("▲ 1 cause "), "one of the four servers of the other backend is left\n{screen}");
    assert_same_first_cause(&mut term, &lab, "be1/s1", "down: L4CON", "server-down");
    let shown = shown_causes(&lab);
    assert_eq!(shown.len(), 1, "{shown:?}");
    // The page of a server that follows names it, too.
    term.move_to_server("follows", "f2");
    term.press("<ret>");
    term.wait_for("it tracks be1/s1");
}

#[test]
fn w4_network_problem_of_several_backends_is_one_cause() {
    let mut builder = Lab::builder().backends(2).servers(2).defaults("retries 0");
    for server in ["be1/s1", "be1/s2", "be2/s1", "be2/s2"] {
        builder = builder.server_behavior(server, ServerBehavior::Closed);
    }
    let lab = builder.start();
    let pause = Duration::from_millis(20);
    let _first = Traffic::to(lab.frontend_addr()).workers(2).pause(pause).start();
    let _second = Traffic::to(lab.frontend_addr()).path("/be2/").workers(2).pause(pause).start();
    let mut term = start_dashboard(&lab);
    wait_for_first(&term, "CRIT ", "network between HAProxy and be1, be2: ");
    assert_same_first_cause(&mut term, &lab, "process", "network between HAProxy and be", "network");
}

#[test]
fn observed_errors_that_mark_a_server_down_are_its_reason() {
    // HAProxy spreads the first checks over the longest interval between them.
    let lab = Lab::builder()
        .servers(3)
        .checks()
        .global("max-spread-checks 500")
        .server_behavior("be1/s1", ServerBehavior::Status(500))
        .server_option(
            "be1/s1",
            "inter 60s fastinter 60s downinter 60s observe layer7 error-limit 3 on-error mark-down",
        )
        .start();
    lab.wait_stat("be1", "s2", "status", |status| status == "UP");
    let _traffic = Traffic::to(lab.frontend_addr()).workers(3).pause(Duration::from_millis(10)).start();
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let mut term = start_dashboard(&lab);
    wait_for_first(&term, "WARN be1/s1: ", "down: HANA Detected 3 consecutive errors");
    assert_same_first_cause(&mut term, &lab, "be1/s1", "down: HANA Detected", "server-down");
}

#[test]
fn server_whose_sessions_are_shut_down_when_it_goes_down_is_one_cause() {
    let lab = Lab::builder()
        .servers(3)
        .checks()
        .server_behavior("be1/s1", ServerBehavior::Slow(Duration::from_secs(50)))
        .server_option("be1/s1", "on-marked-down shutdown-sessions")
        .start();
    for server in ["s1", "s2", "s3"] {
        lab.wait_stat("be1", server, "status", |status| status == "UP");
    }
    let _traffic = Traffic::to(lab.frontend_addr()).workers(9).pause(Duration::from_millis(10)).start();
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions.parse::<u32>().is_ok_and(|sessions| sessions >= 6));
    let term = start_dashboard(&lab);
    lab.set_server_behavior("be1/s1", ServerBehavior::Closed);
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == "0");
    let screen = wait_for_first(&term, "WARN be1/s1: ", "down: L4CON");
    assert!(screen.contains("▲ 1 cause "), "the errors of its sessions are no cause of their own\n{screen}");
}

#[test]
fn show_problems_prints_the_only_problem_of_a_cause_once() {
    let lab = Lab::builder().backends(0).servers(0).start();
    lab.send_command("disable frontend fe1");
    let result = Script::new().run(lab.admin(), "show problems --over 1s");
    let text = "disabled: it accepts no connections until it is enabled";
    assert_eq!(result.out.matches(text).count(), 1, "{result:#?}");
    assert!(result.out.contains(&format!("fe1: {text} (frontend-paused)")), "{result:#?}");
}
