//! What a terminal can do to a program: be huge, stop reading, be one nobody has heard of; and what a program can do to
//! its terminal: panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::ffi::OsStr;
use std::io::Write as _;
use std::thread;
use std::time::Duration;

use hapulse::term::terminal_mode;
use support::{Lab, Relay, Term, UnreadTerminal, wait_until};

#[test]
fn sampling_goes_on_while_the_terminal_reads_nothing() {
    let lab = Lab::builder().start();
    let relay = Relay::to(lab.admin());
    let args = [OsStr::new("-i"), OsStr::new("0.1"), relay.path().as_os_str()];
    let mut unread = UnreadTerminal::start(args);
    let polls = || relay.lines().iter().filter(|line| line.contains("show stat")).count();
    let before = polls();
    wait_until("more polls", || polls() >= before + 20);
    // Keys are taken too: this one is the last.
    unread.keys.write_all(b"q").unwrap();
    wait_until("it to end", || unread.child.try_wait().unwrap().is_some());
}

#[test]
fn a_terminal_of_five_hundred_columns_is_filled() {
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

#[test]
fn terminals_by_any_name_are_served() {
    let lab = Lab::builder().start();
    for name in ["linux", "vt100", "screen", "tmux-256color", "xterm-kitty", "nobody-has-heard-of-it", ""] {
        let builder = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).env("TERM", name);
        let mut term = builder.start();
        term.wait_for("live");
        term.press("q");
        assert_eq!(term.exit_code(), 0, "TERM={name}");
        let modes = term.modes();
        assert!(modes.cursor_visible && !modes.alternate_screen, "TERM={name}");
    }
}

/// Not a test of its own: what the next one runs in a terminal. The variable names the thread that panics.
#[test]
fn panicking_child() {
    let Ok(which) = std::env::var("HAPULSE_TEST_PANIC") else { return };
    terminal_mode::install_panic_hook();
    terminal_mode::enter().unwrap();
    let panic = || -> () { panic!("the sky fell") };
    match which.as_str() {
        "here" => panic(),
        name => {
            let other = thread::Builder::new().name(name.to_owned()).spawn(panic).unwrap();
            let _ = other.join();
            // Nothing more comes: the hook has ended the process.
            thread::sleep(Duration::from_mins(1));
        }
    }
}

#[test]
fn a_panic_on_any_thread_gives_the_terminal_back_and_says_one_line() {
    let tests = std::env::current_exe().unwrap();
    for which in ["here", "io", "keys", "output", "files"] {
        let arguments = ["--exact", "panicking_child", "--nocapture", "--test-threads=1"];
        let mut term = Term::program(&tests).args(arguments).env("HAPULSE_TEST_PANIC", which).start();
        assert_eq!(term.exit_code(), 1, "{which}");
        let modes = term.modes();
        assert!(modes.cursor_visible && !modes.alternate_screen, "{which}");
        let screen = term.screen();
        let said: Vec<&str> = screen.lines().filter(|line| line.contains("internal error")).collect();
        assert_eq!(said.len(), 1, "{screen}");
        assert!(said[0].contains("hapulse: internal error at tests/terminal_faults.rs:"), "{screen}");
        assert!(screen.contains("the sky fell"), "{screen}");
    }
}
