//! Keys from another terminal than the one on the screen: no question is asked, because the person at the keys may not
//! see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::thread;

use support::actions::{PAUSE_BEFORE_YES, answer_confirmation, answer_prompt, start_dashboard, wait_for_two_polls};
use support::{Lab, Relay, Term};

const BINARY: &str = env!("CARGO_BIN_EXE_hapulse");
const MAINT: &str = "set server be1/s2 state maint";

/// Returns a terminal that another program leaves alone.
fn other_terminal() -> Term {
    Term::program("sleep").args(["300"]).start()
}

/// Starts a shell command line in a terminal and prints its exit code there.
fn start_shell(line: &str) -> Term {
    Term::program("sh").args(["-c", &format!("{line}; echo code $?; read wait")]).size(120, 40).start()
}

#[test]
fn t1_keys_of_another_terminal_answer_no_plain_question() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut other = other_terminal();
    let path = other.tty_path().display().to_string();
    for redirection in [format!("<{path}"), format!(">{path}")] {
        for typed in [b"y".as_slice(), b"y\r"] {
            other.paste(typed);
            let command = format!("{BINARY} maint be1/s2 --target {} {redirection}", relay.path().display());
            let mut term = start_shell(&command);
            let screen = term.wait_for("code 2");
            assert!(
                screen.contains("cannot ask for confirmation: input and output are different terminals")
                    && screen.contains("add --yes"),
                "{redirection}\n{screen}"
            );
            for terminal in [&mut other, &mut term] {
                thread::sleep(PAUSE_BEFORE_YES);
                terminal.paste(typed);
            }
            assert!(!other.screen().contains("Continue?"), "{}", other.screen());
        }
    }
    assert_eq!(relay.write_commands(), [""; 0]);
}

#[test]
fn t1_reason_is_not_read_from_another_terminal() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let other = other_terminal();
    let command =
        format!("{BINARY} maint be1/s2 --yes --target {} <{}", relay.path().display(), other.tty_path().display());
    let builder = Term::program("sh").args(["-c", &format!("{command}; echo code $?; read wait")]).size(120, 40);
    let term = builder.config("[audit]\nask_reason = true\n").start();
    let screen = term.wait_for("code 2");
    assert!(screen.contains("a reason is required (audit.ask_reason is set)"), "{screen}");
    assert_eq!(relay.write_commands(), [""; 0]);
}

#[test]
fn t1_dashboard_takes_no_keys_of_another_terminal() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let other = other_terminal();
    let path = other.tty_path().display().to_string();
    let text = "the dashboard needs one terminal for keys and screen";
    for redirection in [format!("<{path}"), format!(">{path}"), format!(">{path} </dev/null")] {
        for target in [relay.path().display().to_string(), "demo".to_owned()] {
            let term = start_shell(&format!("{BINARY} {target} {redirection}"));
            let screen = term.wait_for("code 2");
            assert!(screen.contains(text), "{redirection}\n{screen}");
        }
    }
    assert_eq!(relay.write_commands(), [""; 0]);
}

#[test]
fn other_names_of_the_same_terminal_are_accepted() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    for redirection in ["</dev/tty", ">/dev/tty", "</dev/tty >/dev/tty", "<$(tty)"] {
        let command = format!("{BINARY} maint be1/s2 --target {} {redirection}", relay.path().display());
        let mut term = start_shell(&command);
        answer_prompt(&mut term, "Continue? [y/N]", "y");
        term.wait_for("code 0");
        lab.send_write_command("set server be1/s2 state ready");
        let mut term = start_shell(&format!("{BINARY} -i 0.1 {} {redirection}", relay.path().display()));
        term.wait_for("live");
        wait_for_two_polls(&term, &relay);
        term.press("q");
        term.wait_for("code 0");
    }
    assert_eq!(relay.write_commands(), [MAINT; 4]);
}

#[test]
fn two_dashboards_claim_only_their_own_changes() {
    let lab = Lab::builder().servers(4).start();
    let mut first = start_dashboard(lab.admin());
    let mut second = start_dashboard(lab.admin());
    for (term, key, title, status) in [(&mut first, "D", "Drain", "DRAIN"), (&mut second, "M", "Maintenance", "MAINT")]
    {
        term.press("1");
        term.move_to_path("be1/s2");
        if status == "MAINT" {
            term.wait_for("DRAIN");
        }
        term.press(key);
        answer_confirmation(term, &format!("{title}: be1 / s2"), "y");
        term.wait_for(&format!("be1/s2: verified, {status}"));
        term.press("9");
    }
    for (term, own, other) in [
        (&first, "be1/s2  no check → DRAIN", "be1/s2  DRAIN → MAINT  not by us"),
        (&second, "be1/s2  DRAIN → MAINT", "be1/s2  no check → DRAIN  not by us"),
    ] {
        let screen = term.wait_for(other);
        term.wait_for(own);
        let claimed = format!("{own}  not by us");
        assert!(!screen.contains(&claimed), "{screen}");
    }
}
