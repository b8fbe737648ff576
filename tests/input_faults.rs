//! Replies of the terminal, torn sequences and pasted texts in the real program.

mod support;

use std::thread;
use std::time::Duration;

use support::{Lab, Relay, Term, wait_until};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Starts hapulse with the cursor on a server.
fn start_on_server(lab: &Lab) -> (Relay, Term) {
    let relay = Relay::to(lab.admin());
    let mut term = Term::builder().args(["-i", "0.2"]).args([relay.path()]).size(120, 40).start();
    term.wait_for("live");
    term.move_to_server("be1", "s1");
    (relay, term)
}

/// Checks that the dashboard is shown without any layer, that nothing was sent, and that keys work.
fn assert_undisturbed(relay: &Relay, term: &mut Term) {
    let screen = term.wait_for("Servers of be1");
    assert!(!screen.contains("cancel") && !screen.contains("Keys"), "{screen}");
    term.press("?");
    term.wait_for("Keys");
    term.press("<c-c>");
    term.wait_gone("Keys");
    assert_eq!(relay.write_commands(), Vec::<String>::new());
    term.press("<c-c>");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn t5_mode_report_does_not_stop_the_keyboard() {
    let lab = Lab::builder().start();
    let (relay, mut term) = start_on_server(&lab);
    term.paste(b"\x1b[?2026;2$y");
    term.wait_input_read();
    assert_undisturbed(&relay, &mut term);
}

#[test]
fn t5_ctrl_c_ends_incomplete_sequences() {
    for garbage in [b"\x1b[1;".as_slice(), b"\x1b]11;rgb:", b"\x1bP1+r", b"\x1b[M ", b"\xe6\x97"] {
        let mut term = Term::spawn(["demo"], 80, 24);
        term.wait_for("live");
        term.paste(garbage);
        term.paste(b"\x03");
        assert_eq!(term.exit_code(), 0, "{garbage:?}");
    }
}

#[test]
fn t7_late_replies_are_no_keys() {
    let lab = Lab::builder().start();
    let (relay, mut term) = start_on_server(&lab);
    for reply in [
        b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\".as_slice(),
        b"\x1b]10;rgb:ffff/ffff/ffff\x07",
        b"\x1b[>0;276;0c",
        b"\x1b[?62;22c",
        b"\x1bP>|XTerm(388)\x1b\\",
        b"\x1b_Gi=31;OK\x1b\\",
        b"\x1b[24;80R",
    ] {
        term.paste(reply);
        for byte in reply {
            term.paste(&[*byte]);
            thread::sleep(millis(2));
        }
    }
    term.wait_input_read();
    assert_undisturbed(&relay, &mut term);
}

#[test]
fn t8_split_cursor_key_is_one_key() {
    let lab = Lab::builder().start();
    let (relay, mut term) = start_on_server(&lab);
    term.press("<up>");
    term.wait_for_cursor_at("Servers of be1", "s1");
    for (first, second) in [(b"\x1b".as_slice(), b"[B".as_slice()), (b"\x1b[", b"B")] {
        term.paste(first);
        thread::sleep(millis(15));
        term.paste(second);
        term.wait_for_cursor_at("Servers of be1", "s2");
        term.press("k");
        term.wait_for_cursor_at("Servers of be1", "s1");
    }
    assert_undisturbed(&relay, &mut term);
}

#[test]
fn t8_late_rest_of_a_cursor_key_is_no_letter() {
    let lab = Lab::builder().start();
    let (relay, mut term) = start_on_server(&lab);
    for (first, second) in [(b"\x1b[".as_slice(), b"A".as_slice()), (b"\x1b", b"[A")] {
        term.paste(first);
        thread::sleep(millis(150));
        term.paste(second);
        thread::sleep(millis(50));
    }
    assert_undisturbed(&relay, &mut term);
}

#[test]
fn bracketed_paste_is_enabled_only_on_the_dashboard() {
    let mut term = Term::spawn(["demo"], 80, 24);
    term.wait_for("live");
    assert!(term.modes().bracketed_paste);
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    assert!(!term.modes().bracketed_paste);
}

#[test]
fn t1_paste_answers_no_question_and_runs_no_command() {
    let lab = Lab::builder().start();
    let (relay, mut term) = start_on_server(&lab);
    term.press("M");
    term.wait_for("cancel");
    thread::sleep(millis(600));
    term.paste(b"\x1b[200~y\ry\rM\x1b[201~");
    term.wait_input_read();
    let screen = term.wait_for("cancel");
    assert!(screen.contains("cancel"), "{screen}");
    term.press("n");
    term.wait_gone("cancel");
    term.paste(b"\x1b[200~Mq!\r\x1b[201~");
    term.wait_input_read();
    assert_undisturbed(&relay, &mut term);
    assert_eq!(lab.stat("be1", "s1", "status"), "no check");
}

#[test]
fn paste_goes_into_input_lines_as_one_piece() {
    let lab = Lab::builder().start();
    let (relay, mut term) = start_on_server(&lab);
    term.press("5");
    term.paste(b"\x1b[200~disable server\rbe1/s1\r\x1b[201~");
    term.wait_for("disable server be1/s1");
    term.wait_input_read();
    assert_eq!(relay.write_commands(), Vec::<String>::new(), "Enter was not pressed");
    term.press("<c-u>show info<ret>");
    wait_until("the typed command", || relay.lines().iter().any(|line| line == "show info"));
}
