//! The end of hapulse while a command is pending, against a real HAProxy behind a relay that delays or stops replies: the
//! result is reported and recorded, however the program ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/faulty_relay.rs"]
mod faulty_relay;
#[path = "support/script.rs"]
mod script;
mod support;

use std::path::Path;
use std::thread;
use std::time::Duration;

use faulty_relay::{FaultyRelay, RelayFault};
use script::Script;
use support::actions::{PAUSE_BEFORE_YES, answer_confirmation, start_dashboard};
use support::{Lab, Term, process, wait_for, wait_until};

const DELAY: RelayFault = RelayFault::DelayReply(Duration::from_millis(800));
const VERIFIED: &str = "hapulse: be1/s1: verified, MAINT, 0 sessions left";
const NOT_KNOWN: &str = "hapulse: be1/s1: set server be1/s1 state maint was sent, its result is not known yet";
const INTERRUPTED: &str = "sent, but hapulse ended before HAProxy's reply";

fn relay_to(lab: &Lab, fault: RelayFault) -> FaultyRelay {
    FaultyRelay::to(lab.admin(), "s1 state maint", fault)
}

/// Confirms maintenance of be1/s1, and returns once the command reached the relay.
fn send_maint(term: &mut Term, relay: &FaultyRelay) {
    term.press("1");
    term.move_to_path("be1/s1");
    term.press("M");
    answer_confirmation(term, "Maintenance: be1 / s1", "y");
    wait_until("the command", || !relay.write_commands().is_empty());
}

/// Ends the dashboard by a key, or by a signal in capitals.
fn end_by(term: &mut Term, how: &str) {
    match how.strip_prefix("SIG") {
        Some(signal) => term.signal(signal),
        None => term.press(how),
    }
}

/// Returns the printed text without the line breaks that the width of the terminal causes.
fn printed(term: &Term) -> String {
    term.screen().lines().map(str::trim_end).collect::<Vec<_>>().join(" ").replace("  ", " ")
}

#[test]
fn a16_every_way_to_end_waits_for_the_result() {
    for (how, code) in [("q", 0), ("<c-c>", 0), ("SIGTERM", 143), ("SIGINT", 130), ("SIGQUIT", 131)] {
        let lab = Lab::builder().servers(3).start();
        let relay = relay_to(&lab, DELAY);
        let mut term = start_dashboard(relay.path());
        send_maint(&mut term, &relay);
        end_by(&mut term, how);
        assert_eq!(term.exit_code(), code, "{how}");
        let screen = term.screen();
        assert!(screen.contains(VERIFIED), "{how}\n{screen}");
        assert!(!term.modes().alternate_screen && !term.is_raw(), "{how}");
        let done = term.wait_for_done_records(1);
        assert_eq!(done[0]["outcome"], "verified, MAINT, 0 sessions left", "{how}");
        assert_eq!(lab.stat("be1", "s1", "status"), "MAINT");
    }
}

#[test]
fn a16_result_that_does_not_arrive_in_time_is_reported_as_unknown() {
    let lab = Lab::builder().servers(3).start();
    let relay = relay_to(&lab, RelayFault::StallReply);
    let mut term = start_dashboard(relay.path());
    send_maint(&mut term, &relay);
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    assert!(printed(&term).contains(NOT_KNOWN) && printed(&term).contains("see hapulse audit"), "{}", term.screen());
    let done = term.wait_for_done_records(1);
    assert!(done[0]["outcome"].as_str().unwrap().starts_with(INTERRUPTED), "{}", done[0]);
    assert!(done[0].get("verified").is_none(), "{}", done[0]);
}

#[test]
fn a16_second_signal_ends_at_once() {
    for (first, second, code) in [("SIGTERM", "SIGINT", 143), ("SIGINT", "SIGTERM", 130), ("q", "SIGHUP", 0)] {
        let lab = Lab::builder().servers(3).start();
        let relay = relay_to(&lab, RelayFault::StallReply);
        let mut term = start_dashboard(relay.path());
        send_maint(&mut term, &relay);
        end_by(&mut term, first);
        term.wait_for("waiting for the result of the last action");
        end_by(&mut term, second);
        assert_eq!(term.exit_code(), code, "{first}");
        assert!(printed(&term).contains(NOT_KNOWN), "{first}\n{}", term.screen());
        assert!(term.wait_for_done_records(1)[0]["outcome"].as_str().unwrap().starts_with(INTERRUPTED));
    }
}

#[test]
fn a16_ctrl_c_ends_the_wait() {
    let lab = Lab::builder().servers(3).start();
    let relay = relay_to(&lab, RelayFault::StallReply);
    let mut term = start_dashboard(relay.path());
    send_maint(&mut term, &relay);
    term.press("q");
    term.wait_for("waiting for the result of the last action");
    term.press("<c-c>");
    assert_eq!(term.exit_code(), 0);
    assert!(printed(&term).contains(NOT_KNOWN), "{}", term.screen());
}

#[test]
fn a16_each_command_of_an_action_is_reported() {
    let lab = Lab::builder().servers(5).start();
    let relay = FaultyRelay::to(lab.admin(), "s2 state maint", RelayFault::StallReply);
    let mut term = start_dashboard(relay.path());
    term.press("1");
    for server in ["s1", "s2", "s3"] {
        term.move_to_path(&format!("be1/{server}"));
        term.press("<space>");
    }
    term.press("M");
    let screen = term.wait_for("Maintenance: 3 servers");
    let keys = if screen.contains("type \"3 servers\"") { "3 servers<ret>" } else { "y" };
    answer_confirmation(&mut term, "Maintenance: 3 servers", keys);
    wait_until("the second command", || relay.write_commands().len() == 2);
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    let printed = printed(&term);
    for text in [
        VERIFIED,
        "hapulse: be1/s2: set server be1/s2 state maint was sent, its result is not known yet",
        "hapulse: be1/s3: set server be1/s3 state maint: not sent: hapulse ended first",
    ] {
        assert!(printed.contains(text), "{text:?} is not in\n{printed}");
    }
    assert_eq!(relay.write_commands().len(), 2);
    assert_eq!(lab.stat("be1", "s3", "status"), "no check");
}

#[test]
fn a16_typed_line_is_reported() {
    let lab = Lab::builder().servers(3).start();
    let relay = relay_to(&lab, DELAY);
    let mut term = start_dashboard(relay.path());
    term.press("5");
    term.press("set server be1/s1 state maint<ret>");
    term.wait_for("this command may change HAProxy");
    thread::sleep(PAUSE_BEFORE_YES);
    term.press("y");
    wait_until("the command", || !relay.write_commands().is_empty());
    term.signal("TERM");
    assert_eq!(term.exit_code(), 143);
    let text = "hapulse: set server be1/s1 state maint: done: HAProxy sent an empty reply";
    assert!(printed(&term).contains(text), "{}", term.screen());
    assert_eq!(term.wait_for_done_records(1).len(), 1);
}

#[test]
fn a16_result_on_the_screen_is_not_printed_again() {
    let lab = Lab::builder().servers(3).start();
    let relay = relay_to(&lab, RelayFault::None);
    let mut term = start_dashboard(relay.path());
    send_maint(&mut term, &relay);
    term.wait_for("be1/s1: verified, MAINT");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    assert_eq!(term.screen().trim(), "");
}

#[test]
fn a16_closed_terminal_finishes_the_record() {
    // The delay is longer than the time after which hapulse normally leaves a closed terminal.
    let lab = Lab::builder().servers(3).start();
    let relay = relay_to(&lab, RelayFault::DelayReply(Duration::from_millis(1200)));
    let mut term = start_dashboard(relay.path());
    send_maint(&mut term, &relay);
    term.close();
    let done = term.wait_for_done_records(1);
    assert_eq!(done[0]["outcome"], "verified, MAINT, 0 sessions left");
    let _ = term.exit();
}

#[test]
fn a16_closed_terminal_with_ignored_sighup_finishes_the_record() {
    let lab = Lab::builder().servers(3).start();
    let relay = relay_to(&lab, RelayFault::StallReply);
    let hapulse = env!("CARGO_BIN_EXE_hapulse");
    let script = format!("trap '' HUP; {hapulse} -i 0.1 {}", relay.path().display());
    let mut term = Term::program("sh").args(["-c", &script]).size(120, 40).start();
    term.wait_for("live");
    send_maint(&mut term, &relay);
    let child = process::children(term.pid())[0];
    term.close();
    wait_until("hapulse to exit", || !process::is_alive(child));
    let outcome = term.wait_for_done_records(1)[0]["outcome"].clone();
    assert!(outcome.as_str().unwrap().starts_with(INTERRUPTED), "{outcome}");
}

#[test]
fn a16_suspend_waits_for_the_result() {
    let lab = Lab::builder().servers(3).start();
    let relay = relay_to(&lab, DELAY);
    let shell = Term::program("bash").args(["--norc", "--noprofile", "-i"]).env("PS1", "shell> ");
    let mut term = shell.size(120, 40).start();
    term.wait_for("shell>");
    let hapulse = env!("CARGO_BIN_EXE_hapulse");
    term.paste(format!("{hapulse} -i 0.1 {}\n", relay.path().display()).as_bytes());
    term.wait_for("live");
    let child = wait_for("the shell's child", || process::children(term.pid()).first().copied());
    send_maint(&mut term, &relay);
    term.press("<c-z>");
    let screen = term.wait_for("Stopped");
    assert!(screen.contains(VERIFIED), "{screen}");
    assert_eq!(process::state(child), 'T');
    term.paste(b"fg\n");
    // The report reaches the dashboard as well.
    term.wait_for("be1/s1: verified, MAINT");
    term.wait_for("live");
    term.press("q");
    term.wait_until(|screen| screen.trim_end().ends_with("shell>"));
    term.paste(b"exit $?\n");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn a16_second_signal_ends_a_drain_in_flight() {
    let lab = Lab::builder().servers(3).start();
    let relay = FaultyRelay::to(lab.admin(), "s1 state drain", RelayFault::StallReply);
    let script = Script::new();
    let running = script.start(relay.path(), "drain be1/s1 --yes");
    wait_until("the command", || !relay.write_commands().is_empty());
    running.signal("INT");
    // `timeout` sends its signal twice at once; only a later one counts as the second.
    thread::sleep(Duration::from_millis(400));
    running.signal("INT");
    let result = running.wait();
    assert_eq!(result.code, 130, "{result:#?}");
    let text = "hapulse: set server be1/s1 state drain was sent, its result is not known yet; see hapulse audit\n";
    assert!(result.err.contains(text), "{result:#?}");
    let lines = script.audit_lines();
    assert!(lines.len() == 1 && lines[0].contains(INTERRUPTED), "{lines:?}");
}

/// Returns the configuration of a group of these sockets.
fn group_of(sockets: &[&Path]) -> String {
    let targets = sockets.iter().enumerate();
    let targets: Vec<String> = targets.map(|(place, path)| format!("\"lb{}={}\"", place + 1, path.display())).collect();
    format!("[fleet.web]\ntargets = [{}]\n", targets.join(", "))
}

#[test]
fn unfinished_action_on_several_balancers_names_those_that_are_done() {
    for (fault, result) in
        [(DELAY, "lb2: be1/s1: verified, MAINT"), (RelayFault::StallReply, "its result is not known yet")]
    {
        let labs = [(); 3].map(|()| Lab::builder().servers(3).start());
        let relay = relay_to(&labs[1], fault);
        let config = group_of(&[labs[0].admin(), relay.path(), labs[2].admin()]);
        let mut term = Term::builder().args(["-i", "0.2", "@web"]).size(120, 44).config(&config).start();
        term.wait_for("live");
        term.press("b");
        term.wait_for("all 3 balancers");
        term.press(":only<space>lb1<ret>");
        term.wait_for("only lb1");
        term.press("4/s1<ret>");
        term.wait_for("s1");
        term.press("M");
        term.wait_for("also on lb2, lb3");
        term.press("<tab>");
        term.wait_for("only on lb1");
        term.answer("y");
        wait_until("the command to lb2", || !relay.write_commands().is_empty());
        term.press("q");
        assert_eq!(term.exit_code(), 0);
        let printed = printed(&term);
        let progress =
            "hapulse: the action on 3 balancers is unfinished; done: lb1; last sent to lb2; not started: lb3";
        assert!(printed.contains(progress) && printed.contains(result), "{printed}");
        assert_eq!(labs[2].stat("be1", "s1", "status"), "no check");
    }
}
