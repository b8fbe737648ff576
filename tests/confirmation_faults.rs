//! Answers that no person gave, in the real program: pasted texts, questions that are not on the screen, frozen
//! terminals, and Esc that becomes Alt. `tests/sweep.rs` combines them with every kind of question.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::process::Command;
use std::thread;
use std::time::Duration;

use support::actions::{answer_prompt, start_dashboard, wait_for_two_polls};
use support::{Lab, Relay, Term, UnreadTerminal, wait_until};

const MAINT: &str = "set server be1/s2 state maint";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Starts hapulse with the cursor on be1/s2 of four servers.
fn start_on_server() -> (Lab, Relay, Term) {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    term.wait_input_read();
    (lab, relay, term)
}

/// Checks that nothing was sent, then confirms the maintenance of be1/s2 as a person does.
fn assert_only_person_confirms(term: &mut Term, relay: &Relay) {
    wait_for_two_polls(term, relay);
    assert_eq!(relay.write_commands(), [""; 0], "{}", term.screen());
    if term.screen().contains("cancel") {
        term.press("<esc>");
        term.wait_gone("cancel");
    }
    term.press("1");
    term.move_to_path("be1/s2");
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    term.answer("y");
    wait_until("the command of a person's answer", || relay.write_commands() == [MAINT]);
}

#[test]
fn t1_flood_after_an_action_key_sends_nothing() {
    for (count, is_slow) in [(4000, true), (200_000, false)] {
        let (_lab, relay, mut term) = start_on_server();
        let text = [b"M".as_slice(), &vec![b'x'; count], b"y"].concat();
        if is_slow {
            // 115,200 baud.
            for chunk in text.chunks(115) {
                term.paste(chunk);
                thread::sleep(millis(10));
            }
        } else {
            term.paste(&text);
        }
        assert_only_person_confirms(&mut term, &relay);
    }
}

#[test]
fn t1_flood_into_an_open_question_cancels_it() {
    for text in ["yx", "nyy", "Tyyy", "y\t"] {
        let (_lab, relay, mut term) = start_on_server();
        term.press("M");
        term.wait_for("Maintenance: be1 / s2");
        term.wait_until_answerable();
        term.paste(text.as_bytes());
        term.wait_gone("Maintenance: be1 / s2");
        assert_only_person_confirms(&mut term, &relay);
    }
}

#[test]
fn t1_yes_needs_half_a_second_without_keys() {
    let (_lab, relay, mut term) = start_on_server();
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    term.wait_until_answerable();
    term.press("j");
    term.press("y");
    term.wait_for("too early: wait half a second, then press y");
    wait_for_two_polls(&term, &relay);
    assert_eq!(relay.write_commands(), [""; 0]);
    term.answer("y");
    term.wait_for("verified, MAINT");
    assert_eq!(relay.write_commands(), [MAINT]);
}

#[test]
fn t1_action_key_among_pasted_keys_opens_no_question() {
    let (_lab, relay, mut term) = start_on_server();
    for (keys, notice) in [("jkM", "M was ignored"), ("  u", "u was ignored"), ("+-[", "[ was ignored")] {
        term.wait_input_read();
        term.paste(keys.as_bytes());
        term.wait_for(notice);
        assert!(!term.screen().contains("cancel"), "{}", term.screen());
    }
    term.press("U5set weight be1/s2 7");
    term.paste(b"8\r");
    term.wait_for("↵ was ignored");
    assert!(term.screen().contains("set weight be1/s2 78"), "{}", term.screen());
    term.press("<ret>");
    term.wait_for("this command may change HAProxy");
    term.press("n");
    term.press("<c-u>");
    term.press("<esc>");
    assert_only_person_confirms(&mut term, &relay);
}

#[test]
fn t1_paste_asks_the_question_again() {
    let (_lab, relay, mut term) = start_on_server();
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    term.wait_until_answerable();
    term.paste(b"\x1b[200~y\ry\x1b[201~");
    term.wait_for("pasted text does not count: type the answer");
    term.answer("y");
    term.wait_for("verified, MAINT");
    assert_eq!(relay.write_commands(), [MAINT]);
}

#[test]
fn t1_paste_that_never_ends_confirms_nothing() {
    let (_lab, relay, mut term) = start_on_server();
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    term.wait_until_answerable();
    term.paste(b"\x1b[200~text");
    // After two seconds, the paste counts as unfinished. Its rest may come in any pieces.
    term.wait_for("pasted text");
    for rest in [b"y".as_slice(), b"\n", b"y", b"M"] {
        thread::sleep(millis(700));
        term.paste(rest);
    }
    term.paste(b"y\x1b[201~");
    term.wait_input_read();
    assert_only_person_confirms(&mut term, &relay);
    // Without an end, Esc ends the paste.
    term.paste(b"\x1b[200~text");
    term.wait_for("Esc or Ctrl-C ends it");
    thread::sleep(millis(100));
    term.press("<esc>");
    term.press("?");
    term.wait_for("Keys");
}

#[test]
fn t1_torn_input_before_yes_confirms_nothing() {
    let (_lab, relay, mut term) = start_on_server();
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    for torn in [
        b"\x1b[1;".as_slice(),
        b"\x1bO5",
        b"\x1b]11;rgb:1e1e",
        b"\x1bP1+r5247",
        b"\x1b_Gi=31",
        b"\x1b^abc",
        b"\x1bXabc",
        b"\x1b[M !",
        b"\x1b[<0;10",
        b"\xe6\x97",
        b"\xff",
    ] {
        term.wait_until_answerable();
        term.paste(torn);
        thread::sleep(millis(700));
        term.press("y");
        term.wait_input_read();
        wait_for_two_polls(&term, &relay);
        assert_eq!(relay.write_commands(), [""; 0], "{torn:?}");
        assert!(term.screen().contains("Maintenance: be1 / s2"), "{torn:?}\n{}", term.screen());
    }
    term.answer("y");
    term.wait_for("verified, MAINT");
    assert_eq!(relay.write_commands(), [MAINT]);
}

#[test]
fn t1_plain_question_accepts_no_yes_after_torn_input() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_plain(&relay, &["maint", "be1/s2"], (100, 30));
    term.wait_for("Continue? [y/N]");
    for torn in [b"\x1b]11;rgb:1e1e".as_slice(), b"\x1b_Gi=31", b"\x1b[M !"] {
        thread::sleep(millis(700));
        term.paste(torn);
        thread::sleep(millis(700));
        term.press("y");
        term.wait_input_read();
    }
    thread::sleep(millis(100));
    assert_eq!(relay.write_commands(), [""; 0]);
    answer_prompt(&mut term, "Continue? [y/N]", "y");
    assert_eq!(term.exit_code(), 0, "{}", term.screen());
    assert_eq!(relay.write_commands(), [MAINT]);
}

fn start_plain(relay: &Relay, args: &[&str], (cols, rows): (u16, u16)) -> Term {
    Term::builder().args(args).args(["--target"]).args([relay.path()]).size(cols, rows).start()
}

#[test]
fn t1_plain_question_accepts_no_pasted_text() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    // Typed before the question, pasted at once, at 9,600 baud, and in brackets.
    for (text, is_cancel) in [("y\r", false), ("y\r", true), ("yes\r", true), ("sure y", true)] {
        let mut term = start_plain(&relay, &["maint", "be1/s2"], (100, 30));
        if is_cancel {
            term.wait_for("Continue? [y/N]");
            thread::sleep(millis(600));
            for byte in text.as_bytes() {
                term.paste(&[*byte]);
                thread::sleep(millis(1));
            }
            assert_eq!(term.exit_code(), 1, "{text:?}\n{}", term.screen());
        } else {
            term.paste(text.as_bytes());
            term.wait_for("Continue? [y/N]");
        }
        assert_eq!(relay.write_commands(), [""; 0], "{text:?}");
    }
    let mut term = start_plain(&relay, &["maint", "be1/s2"], (100, 30));
    term.wait_for("Continue? [y/N]");
    thread::sleep(millis(600));
    term.paste(b"\x1b[200~y\r\x1b[201~");
    term.wait_for("pasted text does not count");
    assert_eq!(relay.write_commands(), [""; 0]);
    answer_prompt(&mut term, "Continue? [y/N]", "y");
    assert_eq!(term.exit_code(), 0, "{}", term.screen());
    assert_eq!(relay.write_commands(), [MAINT]);
}

#[test]
fn t1_plain_question_restores_the_terminal() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let script = format!(
        "{} maint be1/s2 --target {}; stty -a | grep -o ' -\\?icanon\\| -\\?echo '; echo done; sleep 1",
        env!("CARGO_BIN_EXE_hapulse"),
        relay.path().display()
    );
    for end in ["n", "<c-c>", "<esc>", "TERM", "HUP", "INT"] {
        let mut term = Term::program("sh").args(["-c", &script]).size(100, 30).start();
        term.wait_for("Continue? [y/N]");
        assert!(term.is_raw() && term.modes().bracketed_paste, "{end}");
        if end.chars().all(char::is_uppercase) {
            let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", term.pid())).unwrap();
            let status = Command::new("kill").args([&format!("-{end}"), children.trim()]).status().unwrap();
            assert!(status.success(), "{end}");
        } else {
            term.press(end);
        }
        let screen = term.wait_for("done");
        assert!(screen.contains(" icanon") && screen.contains(" echo"), "{end}\n{screen}");
        assert!(!term.modes().bracketed_paste, "{end}");
    }
    assert_eq!(relay.write_commands(), [""; 0]);
}

#[test]
fn t1_reason_prompt_accepts_pasted_text_as_one_line() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let builder = Term::builder().args(["maint", "be1/s2", "--target"]).args([relay.path()]).size(100, 30);
    let mut term = builder.config("[audit]\nask_reason = true\n").start();
    term.wait_for("Reason:");
    term.paste(b"\x1b[200~kernel\rupdate\r\x1b[201~");
    term.wait_for("Reason: kernel update");
    assert!(!term.screen().contains("Continue?"), "{}", term.screen());
    term.press("<ret>");
    answer_prompt(&mut term, "Continue? [y/N]", "y");
    assert_eq!(term.exit_code(), 0, "{}", term.screen());
    assert!(term.audit_records().iter().any(|record| record["reason"] == "kernel update"));
}

#[test]
fn t2_question_without_room_accepts_no_yes() {
    for (cols, rows) in [(20, 3), (29, 6), (30, 5), (20, 4), (10, 2), (2, 1), (1, 1)] {
        // The terminal is small before the key, and gets small after it.
        for is_small_before in [true, false] {
            let (_lab, relay, mut term) = start_on_server();
            if is_small_before {
                term.resize(cols, rows);
                term.wait_input_read();
                term.press("M");
            } else {
                term.press("M");
                term.wait_for("Maintenance: be1 / s2");
                term.wait_until_answerable();
                term.resize(cols, rows);
            }
            term.wait_input_read();
            thread::sleep(millis(700));
            term.press("y");
            wait_for_two_polls(&term, &relay);
            assert_eq!(relay.write_commands(), [""; 0], "{cols}x{rows}\n{}", term.screen());
            term.press("<esc>");
            term.wait_input_read();
            term.resize(120, 40);
            term.wait_for("be1");
            assert_only_person_confirms(&mut term, &relay);
        }
    }
}

#[test]
fn t2_small_terminal_refuses_a_question_in_one_line() {
    for (cols, rows, text) in [
        (60, 5, "the terminal is too small to confirm: at least 30x6"),
        (29, 10, "too small to confirm: 30x6"),
        (20, 4, "needs 30x6"),
    ] {
        let (_lab, _relay, mut term) = start_on_server();
        term.resize(cols, rows);
        term.wait_input_read();
        term.press("M");
        term.wait_for(text);
    }
    let (_lab, _relay, mut term) = start_on_server();
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    for (cols, rows, text) in
        [(29, 5, "enlarge to 30x6; Esc cancels"), (20, 3, "30x6; Esc cancels"), (12, 1, "Esc cancels")]
    {
        term.resize(cols, rows);
        term.wait_for(text);
    }
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_plain(&relay, &["maint", "be1/s2"], (60, 3));
    assert_eq!(term.exit_code(), 1);
    assert!(term.screen().contains("too small to confirm"), "{}", term.screen());
}

#[test]
fn t2_tiny_terminal_shows_no_menu_and_starts_nothing() {
    for keys in ["a<ret>", "a<down><ret>", ":server.maint<ret>", "W5<ret>", "5set weight be1/s2 5<ret>", "u", "X"] {
        let (_lab, relay, mut term) = start_on_server();
        term.resize(19, 3);
        term.wait_input_read();
        term.press(keys);
        term.wait_input_read();
        term.resize(120, 40);
        let screen = term.wait_for("9 Events");
        assert!(!screen.contains("cancel") && !screen.contains("Act on"), "{keys}\n{screen}");
        wait_for_two_polls(&term, &relay);
        assert_eq!(relay.write_commands(), [""; 0], "{keys}");
    }
}

#[test]
fn t2_long_question_must_be_scrolled_to_its_end() {
    let lab = Lab::builder().servers(100).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1*");
    term.wait_for("100 marked");
    term.resize(80, 24);
    term.press("E");
    term.wait_for("of 100; ↓ to the end");
    for keys in ["y", "<end>y", "<home><pgdn>y"] {
        thread::sleep(millis(600));
        term.press(keys);
        term.wait_for("scroll to the end of the question, then press y");
    }
    wait_for_two_polls(&term, &relay);
    assert_eq!(relay.write_commands(), [""; 0]);
    while !term.screen().contains("↑ ↓ scroll") {
        term.press("<pgdn>");
        thread::sleep(millis(100));
    }
    term.answer("y");
    wait_until("all commands", || relay.write_commands().len() == 100);
}

#[test]
fn t2_plain_question_prints_all_rows_before_a_yes() {
    let names: Vec<String> = (1..=40).map(|number| format!("be1/s{number}")).collect();
    let lab = Lab::builder().servers(40).start();
    for name in &names {
        lab.send_write_command(&format!("set server {name} state maint"));
    }
    let relay = Relay::to(lab.admin());
    let args: Vec<&str> = ["ready"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let mut term = start_plain(&relay, &args, (80, 24));
    term.wait_for("more lines: Enter shows them, n cancels --");
    thread::sleep(millis(600));
    term.press("y");
    term.wait_for("scroll to the end");
    assert_eq!(relay.write_commands(), [""; 0]);
    term.press("<ret>");
    answer_prompt(&mut term, "Continue? [y/N]", "y");
    assert_eq!(term.exit_code(), 0, "{}", term.screen());
    assert_eq!(relay.write_commands().len(), 40);
}

#[test]
fn t3_frozen_terminal_shows_no_question() {
    let (_lab, relay, mut term) = start_on_server();
    term.set_frozen(true);
    term.press("M");
    term.wait_input_read();
    thread::sleep(millis(700));
    term.press("y");
    term.wait_input_read();
    thread::sleep(millis(700));
    term.press("y");
    term.wait_input_read();
    thread::sleep(millis(300));
    assert_eq!(relay.write_commands(), [""; 0]);
    term.set_frozen(false);
    term.wait_for("the question was not on the screen yet; press y again");
    assert_only_person_confirms(&mut term, &relay);
}

#[test]
fn t3_frozen_plain_terminal_shows_no_question() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let script =
        format!("read x; exec {} maint be1/s2 --target {}", env!("CARGO_BIN_EXE_hapulse"), relay.path().display());
    let mut term = Term::program("sh").args(["-c", &script]).size(100, 30).start();
    term.set_frozen(true);
    term.paste(b"\r");
    wait_until("the first poll", || relay.lines().iter().any(|line| line.contains("show stat")));
    for _ in 0..3 {
        thread::sleep(millis(700));
        term.paste(b"y");
    }
    assert_eq!(relay.write_commands(), [""; 0]);
    term.set_frozen(false);
    answer_prompt(&mut term, "Continue? [y/N]", "y");
    assert_eq!(term.exit_code(), 0, "{}", term.screen());
    assert_eq!(relay.write_commands(), [MAINT]);
}

#[test]
fn t3_unread_terminal_shows_no_question() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut terminal = UnreadTerminal::start([relay.path()]);
    for keys in ["5", MAINT, "\r", "y", "y"] {
        terminal.keys.write_all(keys.as_bytes()).unwrap();
        thread::sleep(millis(700));
    }
    assert_eq!(relay.write_commands(), [""; 0]);
    terminal.child.kill().unwrap();
}

#[test]
fn t4_esc_before_yes_cancels() {
    for pause in [0, 20, 150] {
        let (_lab, relay, mut term) = start_on_server();
        term.press("M");
        term.wait_for("Maintenance: be1 / s2");
        term.wait_until_answerable();
        term.paste(b"\x1b");
        thread::sleep(millis(pause));
        term.paste(b"y");
        term.wait_gone("Maintenance: be1 / s2");
        term.wait_for("nothing was sent");
        thread::sleep(millis(600));
        term.press("y");
        assert_only_person_confirms(&mut term, &relay);
    }
}

#[test]
fn t4_esc_before_yes_cancels_in_tmux() {
    for pause in [0, 20, 150] {
        let lab = Lab::builder().servers(4).start();
        let relay = Relay::to(lab.admin());
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("tmux");
        let inner = format!("{} -i 0.1 {}", env!("CARGO_BIN_EXE_hapulse"), relay.path().display());
        // tmux waits half a second after Esc, so it sends Esc and the next key together.
        let args = ["-S", socket.to_str().unwrap(), "-f", "/dev/null", "new-session", "-x", "120", "-y", "40", &inner];
        let mut term = Term::program("tmux").args(args).size(120, 41).start();
        term.wait_for("live");
        term.move_to_server("be1", "s2");
        term.press("M");
        term.wait_for("Maintenance: be1 / s2");
        term.wait_until_answerable();
        term.paste(b"\x1b");
        thread::sleep(millis(pause));
        for _ in 0..2 {
            term.paste(b"y");
            thread::sleep(millis(700));
        }
        term.wait_gone("Maintenance: be1 / s2");
        assert_eq!(relay.write_commands(), [""; 0], "{pause} ms\n{}", term.screen());
        term.press("M");
        term.wait_for("Maintenance: be1 / s2");
        term.answer("y");
        wait_until("the command of a person's answer", || relay.write_commands() == [MAINT]);
        term.press("q");
        assert_eq!(term.exit_code(), 0);
    }
}

#[test]
fn early_yes_with_enter_cancels_no_plain_question_and_is_asked_for_again() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_plain(&relay, &["maint", "be1/s2"], (80, 24));
    term.wait_for("Continue? [y/N], no Enter:");
    term.paste(b"jy");
    term.press("<ret>");
    term.wait_for("(press y again)");
    assert_eq!(relay.write_commands(), [""; 0]);
    answer_prompt(&mut term, "Continue? [y/N]", "y");
    assert_eq!(term.exit_code(), 0, "{}", term.screen());
    assert_eq!(relay.write_commands(), [MAINT]);
}

#[test]
fn remark_about_early_yes_changes_when_it_can_count() {
    let (_lab, relay, mut term) = start_on_server();
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    term.paste(b"jy");
    term.wait_for("press y again");
    term.wait_gone("too early");
    assert_eq!(relay.write_commands(), [""; 0]);
    term.answer("y");
    term.wait_for("verified, MAINT");
    assert_eq!(relay.write_commands(), [MAINT]);
}

#[test]
fn plain_question_wraps_at_blanks() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_plain(&relay, &["maint", "be1/s2"], (40, 24));
    let screen = term.wait_for("Continue? [y/N]");
    assert!(screen.lines().any(|line| line.trim_end().ends_with("shutdown-sessions is set)")), "{screen}");
    term.press("n");
    term.exit();
}
