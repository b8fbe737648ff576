//! Tests of job control and of the ways in which hapulse is started and ended: shells with and without job control,
//! stopped and resumed jobs, the background, and every signal. Afterwards the terminal is as before.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::process::Command;

use support::{Lab, Term, TerminalModes, process, wait_for, wait_until};

const BINARY: &str = env!("CARGO_BIN_EXE_hapulse");

/// Terminal modes of a command in a shell.
const SHELL_MODES: TerminalModes =
    TerminalModes { cursor_visible: true, alternate_screen: false, bracketed_paste: false, mouse: false };

/// Message after Ctrl-Z where no shell could resume hapulse.
const CANNOT_SUSPEND: &str = "cannot suspend: no shell with job control would resume hapulse";

/// Starts a script in a shell without job control, which first saves the modes of the terminal.
fn start_script(script: &str) -> Term {
    let script = format!("stty -g >before; {script}");
    Term::program("sh").args(["-c", &script]).size(100, 30).start()
}

/// Checks that hapulse restored the terminal: the screen, and the modes as a script saved them.
fn assert_restored(term: &Term, what: &str) {
    let saved = |name: &str| fs::read_to_string(term.home().join(name)).unwrap();
    assert_eq!(saved("before"), saved("after"), "{what}");
    let modes = term.modes();
    assert!(modes.cursor_visible && !modes.alternate_screen && !modes.mouse, "{what}: {modes:?}");
}

/// A shell with job control on a terminal.
struct JobShell {
    term: Term,
}

impl JobShell {
    fn start() -> Self {
        let shell = Term::program("bash").args(["--norc", "--noprofile", "-i"]).env("PS1", "shell> ");
        let mut shell = Self { term: shell.env("LINES", "").size(100, 30).start() };
        shell.term.wait_for("shell>");
        shell.run("stty -g >before");
        shell
    }

    fn run(&mut self, command: &str) {
        self.term.paste(format!("{command}\n").as_bytes());
    }

    /// Returns the process of hapulse, which the shell started.
    fn hapulse(&self) -> u32 {
        wait_for("hapulse", || {
            let is_hapulse =
                |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "hapulse");
            process::children(self.term.pid()).into_iter().find(is_hapulse)
        })
    }

    /// Checks that hapulse has the terminal and reads its keys.
    fn assert_dashboard_works(&mut self, what: &str) {
        self.term.wait_for("Backends");
        wait_until("raw mode", || self.term.is_raw() && self.term.modes().alternate_screen);
        self.term.press("?");
        self.term.wait_for("Keys");
        self.term.press("q");
        self.term.wait_gone("Keys");
        assert!(!self.term.modes().cursor_visible, "{what}");
    }

    /// Waits until hapulse has ended and the shell runs a command.
    fn wait_for_prompt(&mut self) {
        self.term.wait_until(|screen| screen.trim_end().ends_with("shell>"));
        self.run("stty -g >after; echo prompt $((40 + 2))");
        self.term.wait_for("prompt 42");
    }

    fn end(mut self, what: &str) {
        self.wait_for_prompt();
        assert_restored(&self.term, what);
        self.run("exit 7");
        assert_eq!(self.term.exit_code(), 7, "{what}");
    }
}

/// Ways to start hapulse in which no shell could resume it.
fn orphaned_starts() -> Vec<(&'static str, String)> {
    vec![
        ("sh -c", format!("{BINARY} demo")),
        ("a script", format!("sh -c '{BINARY} demo; true'")),
        ("env and nice", format!("env A=b nice {BINARY} demo")),
        ("timeout", format!("timeout --foreground 1000 {BINARY} demo")),
        ("script", format!("script -qec '{BINARY} demo' /dev/null")),
        ("setsid", format!("setsid -w {BINARY} demo")),
        ("su -c", format!("su root -c '{BINARY} demo'")),
        ("tmux", format!("tmux -S tmux.sock -f /dev/null new-session '{BINARY} demo'")),
    ]
}

#[test]
fn t6_ctrl_z_goes_on_where_no_shell_could_resume() {
    for (what, command) in orphaned_starts() {
        let mut term = start_script(&format!("{command}; stty -g >after; echo bye; read line"));
        term.wait_for("live");
        term.press("<c-z>");
        term.wait_for(CANNOT_SUSPEND);
        term.press("?");
        term.wait_for("Keys");
        term.press("qq");
        term.wait_for("bye");
        assert_restored(&term, what);
        term.paste(b"\n");
        assert_eq!(term.exit_code(), 0, "{what}");
    }
}

#[test]
fn t6_tstp_goes_on_where_no_shell_could_resume() {
    let mut term = Term::spawn(["demo"], 80, 24);
    term.wait_for("live");
    term.signal("TSTP");
    term.wait_for("cannot suspend");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn t6_ctrl_z_stops_whole_job_of_a_shell_with_job_control() {
    let mut shell = JobShell::start();
    shell.run(&format!("sh -c '{BINARY} demo; true'"));
    shell.term.wait_for("live");
    shell.term.press("<c-z>");
    shell.term.wait_for("Stopped");
    let script = process::children(shell.term.pid())[0];
    assert_eq!(process::state(script), 'T');
    shell.run("fg");
    shell.assert_dashboard_works("fg");
    shell.term.press("q");
    shell.end("a script");
}

#[test]
fn t6_ctrl_z_in_question_without_job_control_asks_again() {
    let lab = Lab::builder().servers(3).start();
    let command = format!("{BINARY} maint be1/s2 -s {}", lab.admin().display());
    let mut term = start_script(&format!("{command}; stty -g >after; echo bye"));
    term.wait_for("Continue? [y/N]");
    term.press("<c-z>");
    term.wait_until(|screen| screen.matches("Continue? [y/N]").count() == 2);
    term.press("n");
    term.wait_until(|screen| screen.contains("nothing was sent") && screen.contains("bye"));
    assert_eq!(term.exit_code(), 0);
    assert_restored(&term, "a question");
}

#[test]
fn t9_program_stopped_by_signal_has_terminal_again_after_fg() {
    for signal in ["STOP", "TTIN", "TTOU"] {
        let mut shell = JobShell::start();
        shell.run(&format!("{BINARY} demo"));
        shell.term.wait_for("live");
        let hapulse = shell.hapulse();
        for _ in 0..2 {
            process::signal(hapulse, signal);
            shell.term.wait_for("Stopped");
            shell.run("fg");
            shell.assert_dashboard_works(signal);
        }
        shell.term.press("q");
        shell.end(signal);
    }
}

#[test]
fn t9_modes_of_another_program_are_replaced_and_restored() {
    let mut term = start_script(&format!("{BINARY} demo; stty -g >after; echo bye"));
    term.wait_for("live");
    let hapulse = process::children(term.pid())[0];
    process::signal(hapulse, "STOP");
    wait_until("hapulse to stop", || process::state(hapulse) == 'T');
    term.set_line_mode();
    process::signal(hapulse, "CONT");
    wait_until("raw mode", || term.is_raw());
    // Ctrl-L sets the modes again, too; in line mode, it arrives with the end of the line.
    term.set_line_mode();
    term.paste(b"\x0c\n");
    wait_until("raw mode", || term.is_raw());
    term.press("?");
    term.wait_for("Keys");
    term.press("qq");
    term.wait_for("bye");
    assert_restored(&term, "stop and continue");
}

#[test]
fn t9_question_is_asked_again_after_stop() {
    let lab = Lab::builder().servers(3).start();
    let mut shell = JobShell::start();
    shell.run(&format!("{BINARY} maint be1/s2 -s {}", lab.admin().display()));
    shell.term.wait_for("Continue? [y/N]");
    let hapulse = shell.hapulse();
    for round in 2..4 {
        process::signal(hapulse, "STOP");
        shell.term.wait_for("Stopped");
        shell.run("clear; fg");
        shell.term.wait_until(|screen| screen.contains("Continue? [y/N]") && !screen.contains("Stopped"));
        wait_until("raw mode", || shell.term.is_raw());
        assert!(process::is_alive(hapulse), "{round}");
    }
    shell.term.press("n");
    shell.term.wait_for("nothing was sent");
    shell.end("a question");
    assert_eq!(lab.stat("be1", "s2", "status"), "no check");
}

#[test]
fn t9_background_job_waits_for_fg() {
    for command in ["demo", "maint"] {
        let lab = Lab::builder().servers(3).start();
        let (arguments, text) = match command {
            "demo" => ("demo".to_owned(), "Backends"),
            _ => (format!("maint be1/s2 -s {}", lab.admin().display()), "Continue? [y/N]"),
        };
        let mut shell = JobShell::start();
        shell.run(&format!("{BINARY} {arguments} &"));
        let hapulse = shell.hapulse();
        for _ in 0..2 {
            wait_until("hapulse to stop", || process::state(hapulse) == 'T');
            assert!(!shell.term.modes().alternate_screen && !shell.term.screen().contains(text));
            shell.run("bg; echo in background $((40 + 2))");
            shell.term.wait_for("in background 42");
        }
        wait_until("hapulse to stop", || process::state(hapulse) == 'T');
        shell.run("fg");
        shell.term.wait_for(text);
        wait_until("raw mode", || shell.term.is_raw());
        shell.term.press("q");
        shell.end(command);
    }
}

#[test]
fn t9_stopped_job_that_is_put_in_background_leaves_screen_to_shell() {
    let mut shell = JobShell::start();
    shell.run(&format!("{BINARY} demo -i 0.1"));
    shell.term.wait_for("live");
    let hapulse = shell.hapulse();
    process::signal(hapulse, "STOP");
    shell.term.wait_for("Stopped");
    assert!(shell.term.modes().alternate_screen, "hapulse could not leave it");
    shell.run("bg");
    wait_until("the normal screen", || !shell.term.modes().alternate_screen && process::state(hapulse) == 'T');
    shell.run("fg");
    shell.assert_dashboard_works("fg");
    shell.term.press("q");
    shell.end("bg");
}

#[test]
fn t9_stopped_job_can_be_killed() {
    for how in ["Ctrl-Z", "STOP", "background"] {
        let mut shell = JobShell::start();
        let background = if how == "background" { "&" } else { "" };
        shell.run(&format!("{BINARY} demo {background}"));
        let hapulse = shell.hapulse();
        if how != "background" {
            shell.term.wait_for("live");
        }
        match how {
            "Ctrl-Z" => shell.term.press("<c-z>"),
            "STOP" => process::signal(hapulse, how),
            _ => {}
        }
        wait_until("hapulse to stop", || process::state(hapulse) == 'T');
        shell.run("");
        shell.term.wait_for("Stopped");
        shell.run("kill %1");
        wait_until("hapulse to end", || !process::is_alive(hapulse));
        // bash reports the end before one of the next prompts.
        wait_until("the report of the shell", || {
            shell.run("");
            shell.term.settled_screen().contains("Exit 143")
        });
        shell.end(how);
    }
}

/// The signals that end a program by default and can be handled. The first and last real-time signals of both C
/// libraries are among them.
const ENDING_SIGNALS: [i32; 20] = [2, 3, 5, 6, 10, 12, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31, 35, 36, 50, 64];

fn send_signal(number: i32, process: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{number} {process}")]).status().unwrap();
    assert!(status.success(), "signal {number}");
}

#[test]
fn t17_every_signal_restores_terminal_and_removes_demo_folder() {
    for number in ENDING_SIGNALS {
        let builder = Term::builder().args(["demo"]);
        let folder = builder.home().join("tmp");
        fs::create_dir(&folder).unwrap();
        let mut term = builder.env("TMPDIR", &folder).start();
        term.wait_for("live");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "the folder of the demo");
        send_signal(number, term.pid());
        assert_eq!(term.exit_code(), 128 + number as u32, "signal {number}");
        assert_eq!((term.modes(), term.is_raw()), (SHELL_MODES, false), "signal {number}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "signal {number}");
    }
}

#[test]
fn t17_every_signal_ends_question_and_restores_terminal() {
    let lab = Lab::builder().servers(3).start();
    for number in ENDING_SIGNALS {
        let command = format!("{BINARY} maint be1/s2 -s {}", lab.admin().display());
        let mut term = start_script(&format!("{command}; echo code $?; stty -g >after"));
        term.wait_for("Continue? [y/N]");
        send_signal(number, process::children(term.pid())[0]);
        term.wait_for(&format!("code {}", 128 + number));
        assert_eq!(term.exit_code(), 0);
        assert_restored(&term, &number.to_string());
        assert!(term.screen().contains("stopped by"), "{}", term.screen());
    }
    assert_eq!(lab.stat("be1", "s2", "status"), "no check");
}

#[test]
fn t17_ignored_signals_stay_ignored() {
    let mut term = start_script(&format!("trap '' USR1 ALRM; {BINARY} demo; echo code $?"));
    term.wait_for("live");
    let hapulse = process::children(term.pid())[0];
    for number in [10, 14] {
        send_signal(number, hapulse);
    }
    term.press("?");
    term.wait_for("Keys");
    send_signal(12, hapulse);
    term.wait_for("code 140");
}

#[test]
fn resize_without_signal_is_noticed() {
    // In another session, hapulse does not receive SIGWINCH.
    let mut term = Term::program("setsid").args(["-w", BINARY, "demo", "-i", "0.1"]).start();
    term.wait_for("live");
    term.resize(120, 40);
    term.wait_until(|screen| {
        screen.lines().count() == 40 && screen.lines().last().is_some_and(|line| line.contains("quit"))
    });
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}
