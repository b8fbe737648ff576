//! Tests with unusual terminals (huge, unread, unknown type) and of the restored terminal after a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::ffi::OsStr;
use std::io::Write as _;
use std::thread;
use std::time::Duration;

use hapulse::term::terminal_mode;
use support::{Lab, Relay, Term, UnreadTerminal, process, wait_until};

#[test]
fn polling_continues_in_unread_terminal() {
    let lab = Lab::builder().start();
    let relay = Relay::to(lab.admin());
    let args = [OsStr::new("-i"), OsStr::new("0.1"), relay.path().as_os_str()];
    let mut unread = UnreadTerminal::start(args);
    let polls = || relay.lines().iter().filter(|line| line.contains("show stat")).count();
    let before = polls();
    wait_until("more polls", || polls() >= before + 20);
    // Keys still work: this one quits.
    unread.keys.write_all(b"q").unwrap();
    wait_until("hapulse to exit", || unread.child.try_wait().unwrap().is_some());
}

#[test]
fn terminal_of_500_columns_is_filled() {
    let lab = Lab::builder().backends(3).start();
    let mut term = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(500, 200).start();
    let screen = term.wait_until(|screen| screen.contains("live") && screen.contains("be3"));
    assert_eq!(screen.lines().count(), 200, "the footer is the last line");
    for view in "123469!A0".chars() {
        term.press(&view.to_string());
        term.press("G<ret><esc>g");
    }
    for (cols, rows) in [(1, 1), (500, 1), (1, 200), (500, 200)] {
        term.resize(cols, rows);
        term.press("j");
        term.wait_input_read();
    }
    term.wait_until(|screen| screen.lines().count() == 200 && screen.contains("live"));
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

/// Ways to start hapulse: standard input is the terminal by another name, something else or closed; SIGHUP is ignored; the
/// terminal is not the controlling one.
const STARTS: [&str; 6] = [
    "exec hapulse demo",
    "exec hapulse demo </dev/null",
    "exec hapulse demo </dev/tty",
    "exec hapulse demo <&-",
    "trap '' HUP; exec hapulse demo </dev/zero",
    "exec setsid --wait hapulse demo",
];

/// Starts hapulse in a terminal and returns it with the process id of hapulse.
fn start_in_shell(line: &str) -> (Term, u32) {
    let line = line.replace("hapulse", env!("CARGO_BIN_EXE_hapulse"));
    let term = Term::program("sh").args(["-c", &line]).size(120, 40).start();
    term.wait_for("live");
    let pid = if line.contains("setsid") { process::children(term.pid())[0] } else { term.pid() };
    (term, pid)
}

#[test]
fn a23_hung_up_terminal_ends_dashboard_whatever_its_input_is() {
    for line in STARTS {
        let (mut term, pid) = start_in_shell(line);
        term.close();
        // A child that was not waited for does not count as alive.
        wait_until(&format!("the end of {line}"), || !process::is_alive(pid));
        if pid == term.pid() {
            assert_eq!(term.exit_code(), 129, "{line}");
        }
    }
}

#[test]
fn a23_sighup_reloads_until_terminal_hangs_up() {
    for line in STARTS.into_iter().filter(|line| !line.contains("setsid")) {
        let (mut term, pid) = start_in_shell(line);
        term.signal("HUP");
        term.wait_for("configuration reloaded, log files reopened");
        // As terminals do that send the signal before they close.
        term.signal("HUP");
        term.close();
        wait_until(&format!("the end of {line}"), || !process::is_alive(pid));
        assert_eq!(term.exit_code(), 129, "{line}");
    }
}

#[test]
fn unknown_terminal_types_work() {
    let lab = Lab::builder().start();
    for name in ["linux", "vt100", "screen", "tmux-256color", "xterm-kitty", "unknown-terminal", ""] {
        let builder = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).env("TERM", name);
        let mut term = builder.start();
        term.wait_for("live");
        term.press("q");
        assert_eq!(term.exit_code(), 0, "TERM={name}");
        let modes = term.modes();
        assert!(modes.cursor_visible && !modes.alternate_screen, "TERM={name}");
    }
}

/// Runs only as a child of the next test, in a terminal. `HAPULSE_TEST_PANIC` names the thread that panics.
#[test]
fn panicking_child() {
    let Ok(thread_name) = std::env::var("HAPULSE_TEST_PANIC") else { return };
    terminal_mode::install_panic_hook(|| eprintln!("hapulse: be1/s1: the report of pending commands"));
    terminal_mode::enter().unwrap();
    std::io::stdout().write_all(&terminal_mode::screen_setup()).unwrap();
    let panic = || -> () { panic!("test panic") };
    match thread_name.as_str() {
        "main" => panic(),
        name => {
            let other = thread::Builder::new().name(name.to_owned()).spawn(panic).unwrap();
            let _ = other.join();
            // Not reached: the panic hook ends the process.
            thread::sleep(Duration::from_mins(1));
        }
    }
}

#[test]
fn panic_on_any_thread_restores_terminal_and_prints_one_line() {
    let tests = std::env::current_exe().unwrap();
    for thread_name in ["main", "io", "keys", "output", "files"] {
        let arguments = ["--exact", "panicking_child", "--nocapture", "--test-threads=1"];
        let mut term = Term::program(&tests).args(arguments).env("HAPULSE_TEST_PANIC", thread_name).start();
        assert_eq!(term.exit_code(), 1, "{thread_name}");
        let modes = term.modes();
        assert!(modes.cursor_visible && !modes.alternate_screen, "{thread_name}");
        let screen = term.screen();
        let messages: Vec<&str> = screen.lines().filter(|line| line.contains("internal error")).collect();
        assert_eq!(messages.len(), 1, "{screen}");
        assert!(messages[0].contains("hapulse: internal error at tests/terminal_faults.rs:"), "{screen}");
        assert!(screen.contains("test panic"), "{screen}");
        assert!(screen.contains("the report of pending commands"), "{screen}");
    }
}
