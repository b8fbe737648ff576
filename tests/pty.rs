//! Tests of the hapulse binary in a pseudo terminal: start, exit, signals, resizing and the restored terminal.

mod support;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use support::{Lab, Term, TerminalModes, UnreadTerminal, process, wait_for, wait_until};

const BINARY: &str = env!("CARGO_BIN_EXE_hapulse");

/// Terminal modes of a shell.
const SHELL_MODES: TerminalModes =
    TerminalModes { cursor_visible: true, alternate_screen: false, bracketed_paste: false, mouse: false };

/// Starts `hapulse demo`.
fn start_demo(cols: u16, rows: u16) -> Term {
    Term::spawn(["demo"], cols, rows)
}

#[test]
fn quit_keys_restore_terminal_modes() {
    let lab = Lab::builder().start();
    for keys in ["q", "Q", "<c-c>", "?q<c-c>"] {
        let mut term = Term::spawn([lab.admin()], 80, 24);
        term.wait_for("live");
        let modes = term.modes();
        assert!(modes.alternate_screen && !modes.cursor_visible && !modes.mouse && term.is_raw(), "{modes:?}");
        term.press(keys);
        assert_eq!(term.exit_code(), 0, "{keys}");
        assert_eq!(term.modes(), SHELL_MODES, "{keys}");
        assert!(!term.is_raw(), "{keys}");
        assert_eq!(term.screen().trim(), "", "nothing is printed");
    }
}

#[test]
fn signal_exits_with_shell_code_and_restores_terminal() {
    for (signal, code) in [("TERM", 143), ("INT", 130), ("QUIT", 131)] {
        let mut term = start_demo(80, 24);
        term.wait_for("live");
        term.signal(signal);
        assert_eq!(term.exit_code(), code, "{signal}");
        assert_eq!(term.modes(), SHELL_MODES, "{signal}");
        assert!(!term.is_raw(), "{signal}");
    }
}

#[test]
fn signal_exits_during_confirmation_and_while_connecting() {
    let folder = tempfile::tempdir().unwrap();
    let mut connecting = Term::spawn([folder.path().join("none.sock")], 80, 24);
    connecting.wait_for("hapulse keeps trying");
    connecting.signal("TERM");
    assert_eq!(connecting.exit_code(), 143);
    let lab = Lab::builder().start();
    let mut confirming = Term::spawn([lab.admin()], 80, 24);
    confirming.wait_for("live");
    confirming.move_to_server("be1", "s1");
    confirming.press("M");
    confirming.wait_for("cancel");
    confirming.signal("TERM");
    assert_eq!(confirming.exit_code(), 143);
    assert_eq!((confirming.modes(), confirming.is_raw()), (SHELL_MODES, false));
    assert_eq!(lab.stat("be1", "s1", "status"), "no check");
}

#[test]
fn closed_terminal_exits_within_two_seconds() {
    let mut term = start_demo(80, 24);
    term.wait_for("live");
    let closed = Instant::now();
    term.close();
    let _ = term.exit();
    assert!(closed.elapsed() < Duration::from_secs(2), "{:?}", closed.elapsed());
}

#[test]
fn closed_terminal_exits_despite_ignored_sighup() {
    // The shell ignores SIGHUP, and hapulse inherits that.
    let script = format!("trap '' HUP; {BINARY} demo; echo $? >exit_code");
    let mut term = Term::program("sh").args(["-c", &script]).start();
    term.wait_for("live");
    let child = process::children(term.pid())[0];
    let exit_code = term.home().join("exit_code");
    let closed = Instant::now();
    term.close();
    wait_until("hapulse to exit", || !process::is_alive(child));
    assert!(closed.elapsed() < Duration::from_secs(3), "{:?}", closed.elapsed());
    wait_until("the exit code", || fs::read_to_string(&exit_code).is_ok_and(|code| code == "129\n"));
    assert!(!process::is_alive(child));
}

#[test]
fn unread_terminal_does_not_block_exit() {
    for (signal, code) in [(Some("TERM"), 143), (None, 0)] {
        let mut unread = UnreadTerminal::start(["demo", "-i", "0.1"]);
        match signal {
            Some(name) => process::signal(unread.child.process_id().unwrap(), name),
            None => unread.keys.write_all(b"q").unwrap(),
        }
        let start = Instant::now();
        let code_on_exit = loop {
            match unread.child.try_wait().unwrap() {
                None if start.elapsed() < Duration::from_secs(5) => thread::sleep(Duration::from_millis(10)),
                status => break status.map(|status| status.exit_code()),
            }
        };
        if code_on_exit.is_none() {
            let _ = unread.child.kill();
        }
        assert_eq!(code_on_exit, Some(code), "{signal:?}");
    }
}

#[test]
fn keys_are_read_from_terminal_with_redirected_stdin() {
    let mut term = Term::program("sh").args(["-c", &format!("{BINARY} demo </dev/null")]).start();
    term.wait_for("live");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    assert!(!term.is_raw());
}

#[test]
fn ctrl_z_suspends_and_fg_resumes() {
    let lab = Lab::builder().start();
    let shell = Term::program("bash").args(["--norc", "--noprofile", "-i"]).env("PS1", "shell> ");
    let mut term = shell.size(100, 30).start();
    term.wait_for("shell>");
    term.paste(format!("{BINARY} {}\n", lab.admin().display()).as_bytes());
    term.wait_for("live");
    let child = wait_for("the shell's child", || process::children(term.pid()).first().copied());
    for _ in 0..2 {
        term.press("<c-z>");
        wait_until("hapulse to stop", || process::state(child) == 'T');
        let screen = term.wait_for("Stopped");
        assert!(!screen.contains("live"), "{screen}");
        let modes = term.modes();
        assert!(!modes.alternate_screen && modes.cursor_visible, "{modes:?}");
        term.paste(b"echo still $((40 + 2))\n");
        term.wait_for("still 42");
        term.paste(b"fg\n");
        let screen = term.wait_for("live");
        assert!(screen.contains("Backends") && term.modes().alternate_screen && term.is_raw(), "{screen}");
        assert!(!term.modes().cursor_visible);
        term.wait_for_cursor_at("Backends", "be1");
    }
    // hapulse receives the keys again.
    term.press("?");
    term.wait_for("Keys");
    term.press("qq");
    term.wait_until(|screen| screen.trim_end().ends_with("shell>"));
    term.paste(b"exit $?\n");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn many_resizes_end_in_correct_screen() {
    let lab = Lab::builder().start();
    let mut term = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(120, 40).start();
    term.wait_for("live");
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..200 {
        term.resize(random.u16(1..=220), random.u16(1..=70));
        thread::sleep(Duration::from_millis(10));
    }
    for (cols, rows) in [(100, 30), (120, 40), (80, 24)] {
        term.resize(cols, rows);
        let screen = term.wait_until(|screen| {
            let lines: Vec<&str> = screen.lines().collect();
            // The footer is the last line; the header ends at the right edge.
            lines.len() == usize::from(rows)
                && lines[0].contains("live")
                && lines[0].chars().count() + 1 == usize::from(cols)
                && lines[usize::from(rows) - 1].contains("quit")
        });
        assert_eq!(screen.matches("quit").count(), 1, "{screen}");
        assert_eq!(screen.matches("live").count(), 1, "{screen}");
        term.wait_until(|screen| support::PaneTable::find(screen, "Servers of be1").is_some());
    }
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn key_during_resize_is_not_lost() {
    let mut term = start_demo(100, 40);
    term.wait_for("live");
    let names = || term.table("Backends").map(|table| table.names()).filter(|names| !names.is_empty());
    let names = wait_for("the backends", names);
    let (first, last) = (&names[0], &names[names.len() - 1]);
    for round in 0..25 {
        // Stopped, so that the key and the new size arrive together.
        term.signal("STOP");
        term.resize(100 + round % 2, 40);
        term.press("G");
        term.signal("CONT");
        term.wait_for_cursor_at("Backends", last);
        term.press("g");
        term.wait_for_cursor_at("Backends", first);
    }
}

#[test]
fn tiny_terminals_do_not_crash() {
    for (cols, rows) in [(1, 1), (5, 2), (20, 3), (59, 14)] {
        let mut term = start_demo(cols, rows);
        wait_until("the alternate screen", || term.modes().alternate_screen && term.is_raw());
        for keys in ["j", "<ret>", "M", "?", "G", "<esc>", "<esc>", "z", "+", "<tab>"] {
            term.press(keys);
        }
        term.wait_input_read();
        term.resize(80, 24);
        term.wait_for("live");
        term.resize(cols, rows);
        if (cols, rows) == (59, 14) {
            let screen = term.wait_until(|screen| screen.lines().next().is_some_and(|line| line.contains("live")));
            assert!(screen.contains("STATE"), "{screen}");
        }
        term.press("q");
        assert_eq!(term.exit_code(), 0, "{cols}x{rows}");
    }
}

#[test]
fn piped_stdout_is_rejected_with_reason() {
    for args in [vec![], vec!["demo"], vec!["/nowhere.sock"]] {
        let out = Command::new(BINARY).args(&args).stdin(Stdio::null()).stdout(Stdio::piped()).output().unwrap();
        let error = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains("needs a terminal") && error.contains("standard output"), "{error}");
        assert!(out.stdout.is_empty());
    }
}

#[test]
fn help_opens_scrolls_and_closes() {
    let mut term = start_demo(80, 24);
    term.wait_for("live");
    for (open, close) in [("?", "<esc>"), ("h", "q"), ("<f1>", "?"), ("H", "<ret>")] {
        term.press(open);
        let screen = term.wait_for("takes traffic again");
        assert!(screen.contains("Keys") && screen.contains(" 1-22 of "), "{screen}");
        term.press("j");
        term.wait_for(" 2-23 of ");
        term.press("G");
        term.wait_until(|screen| screen.contains("suspend to the shell") && !screen.contains("takes traffic again"));
        term.press("g");
        term.wait_for(" 1-22 of ");
        term.press(close);
        term.wait_gone("Keys");
        term.wait_for("Backends");
    }
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn invalid_arguments_exit_with_code_2() {
    for args in [vec!["--no-such-flag"], vec!["-i", "0"], vec!["lb01:"], vec!["demo", "--theme", "pink"]] {
        let mut term = Term::spawn(&args, 100, 30);
        assert_eq!(term.exit_code(), 2, "{args:?}");
        assert!(term.screen().contains("error: "), "{}", term.screen());
        assert_eq!((term.modes(), term.is_raw()), (SHELL_MODES, false));
    }
}

#[test]
fn missing_target_is_discovered_or_lists_tried_sockets() {
    let mut term = Term::spawn([""; 0], 100, 40);
    // A HAProxy may run on this machine, for example in another test.
    let has_message = |screen: &str| screen.contains("no stats socket ");
    wait_until("a dashboard or a message", || term.modes().alternate_screen || has_message(&term.screen()));
    if term.modes().alternate_screen {
        term.press("q");
        assert_eq!(term.exit_code(), 0);
    } else {
        assert_eq!(term.exit_code(), 3);
        let screen = term.screen();
        // There may be a socket that this user cannot open.
        let advice = if screen.contains("accessible to this user") {
            "run as root"
        } else {
            "stats socket /run/haproxy/admin.sock"
        };
        for line in ["tried:", "/run/haproxy/admin.sock", advice, "hapulse demo"] {
            assert!(screen.contains(line), "{line}\n{screen}");
        }
    }
    assert_eq!((term.modes(), term.is_raw()), (SHELL_MODES, false));
}

#[test]
fn demo_shows_dashboard_in_terminal() {
    let mut term = start_demo(120, 40);
    let screen = term.wait_until(|screen| screen.contains("live 2s") && screen.contains("Servers of "));
    assert!(screen.contains("demo") && screen.contains("ADMIN"), "{screen}");
    assert!(term.table("Backends").is_some_and(|table| table.names().len() > 2), "{screen}");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn minimal_environments_work() {
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb"), ("LANG", "C"), ("TERM", "vt100"), ("COLUMNS", "7")] {
        let mut term = Term::builder().args(["demo"]).env(name, value).env("HAPULSE_PLAIN", "0").start();
        term.wait_for("live");
        let raw = term.raw();
        if name == "LANG" {
            assert!(raw.is_ascii(), "{}", term.screen());
        }
        let is_mono = term.with_screen(|screen| {
            let cells = (0..24).flat_map(|row| (0..80).map(move |col| (row, col)));
            let mut cells = cells.filter_map(|(row, col)| screen.cell(row, col));
            cells.all(|cell| cell.fgcolor() == vt100::Color::Default && cell.bgcolor() == vt100::Color::Default)
        });
        assert_eq!(is_mono, name == "NO_COLOR" || value == "dumb", "{name}={value}");
        term.press("q");
        assert_eq!(term.exit_code(), 0, "{name}={value}");
    }
    let mut minimal = Term::builder().args(["demo"]).env_remove("LANG").env_remove("TERM").env_remove("HOME").start();
    minimal.wait_for("live");
    minimal.press("q");
    assert_eq!(minimal.exit_code(), 0);
}

#[test]
fn hatop_flags_set_first_view_and_filter() {
    let lab = Lab::builder().backends(10).servers(1).start();
    let mut term = Term::builder().args(["-m", "4", "-p", "be1"]).args([lab.admin()]).size(140, 30).start();
    // The footer is written last.
    let screen = term.wait_until(|screen| screen.contains("/proxy=be1") && screen.contains("quit"));
    assert!(screen.contains("ECONN") && screen.contains(" 1/2 of 21"), "{screen}");
    assert_eq!(term.grid().unwrap().paths(), ["be1", "be1/s1"], "{screen}");
    assert!(!screen.contains("be10") && !screen.contains("fe1"), "{screen}");
    // Another table starts with the same filter, and each table removes it separately.
    term.press("2<esc>");
    term.wait_until(|screen| screen.contains("LBTOT") && screen.contains("be2") && !screen.contains("/proxy"));
    term.press("1");
    term.wait_for("/proxy=be1");
    // In a narrow terminal the filter replaces the names of the views.
    for cols in [100, 80] {
        term.resize(cols, 24);
        term.wait_until(|screen| screen.contains(" /proxy=be1") && screen.contains("quit"));
    }
    let only_servers = Term::builder().args(["-m1", "-f", "-1 4 -1"]).args([lab.admin()]).size(140, 40).start();
    let screen = only_servers.wait_until(|screen| screen.contains("/kind=server") && screen.contains("quit"));
    assert!(screen.contains("be10") && !screen.contains("fe1"), "{screen}");
}

#[test]
fn demo_begins_with_an_hour_of_history() {
    let mut term = start_demo(160, 100);
    term.wait_for("live");
    term.press("9");
    let screen = term.wait_for("reloaded: pid ");
    for event in ["static/static2", "www/www4  MAINT → UP"] {
        assert!(screen.contains(event), "{event}\n{screen}");
    }
    // The oldest sample is almost an hour old, before the deploy.
    term.press("p<home>1");
    let is_oldest = |screen: &str| screen.contains(", 59m") || screen.contains(", 1h00m ago");
    let screen = term.wait_until(|screen| is_oldest(screen) && screen.contains(" SLIM "));
    assert!(screen.contains("PAUSED ") && !screen.contains("DRAIN"), "{screen}");
    term.press("pq");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn next_demo_removes_folder_of_killed_demo() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Term::builder().args(["demo"]).env("TMPDIR", folder.path()).start();
    let folders = || fs::read_dir(folder.path()).unwrap().count();
    let (killed, mut running) = (start(), start());
    killed.wait_for("live");
    running.wait_for("live");
    assert_eq!(folders(), 2);
    killed.signal("KILL");
    wait_until("the end of the demo", || !process::is_alive(killed.pid()));
    let mut next = start();
    next.wait_for("live");
    assert_eq!(folders(), 2, "that of the running demo stays");
    running.wait_for("live");
    for term in [&mut next, &mut running] {
        term.press("q");
        assert_eq!(term.exit_code(), 0);
    }
    assert_eq!(folders(), 0);
}
