//! The command line: flags before and after a command, words that are neither a command nor a target, and flags that do
//! not apply to a command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Lab, Term};
use tempfile::TempDir;

/// A folder that is the home and the current directory of the commands.
struct Shell {
    home: TempDir,
}

impl Shell {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    /// Writes a file and returns its path.
    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.home.path().join(name), text).unwrap();
        self.path(name)
    }

    /// Runs hapulse without a terminal and returns exit code, standard output and standard error.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(args).env_clear().env("HOME", self.home.path()).env("LC_ALL", "C.UTF-8");
        let output = command.current_dir(self.home.path()).stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Runs hapulse and asserts that it reports an invalid command line with each of `texts`.
    #[track_caller]
    fn assert_usage_error(&self, line: &str, texts: &[&str]) {
        let args: Vec<&str> = line.split_whitespace().collect();
        let (code, out, err) = self.run(&args);
        assert_eq!((code, out.as_str()), (2, ""), "{line}: {err}");
        for text in texts {
            assert!(err.contains(text), "{line}: no {text:?} in {err}");
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn state_of_s1(lab: &Lab) -> String {
    let states = lab.send_command("show servers state be1");
    let line = states.lines().find(|line| line.contains(" s1 ")).unwrap();
    line.split(' ').nth(6).unwrap().to_owned()
}

#[test]
fn t19_read_only_before_a_command_prevents_changes() {
    let lab = Lab::builder().servers(2).start();
    let shell = Shell::new();
    let before = state_of_s1(&lab);
    let socket = text(lab.admin());
    let read_only = shell.write("read-only.toml", "read_only = true");
    for flags in [&["-n"] as &[&str], &["--read-only"], &["-ni", "1"], &["--config", &read_only]] {
        for command in ["drain", "maint", "ready"] {
            let rest = [command, "be1/s1", "--yes", "--force", "-s", socket];
            for args in [[flags, &rest].concat(), [&rest, flags].concat(), [&["-n"], &rest[..], flags].concat()] {
                let (code, out, err) = shell.run(&args);
                assert_eq!(code, 1, "{args:?}: {out}{err}");
                assert!(err.contains("read-only"), "{args:?}: {err}");
            }
        }
    }
    assert_eq!(state_of_s1(&lab), before);
    for args in [&["-n", "demo"] as &[&str], &["demo", "-n"], &["-n", socket]] {
        let mut term = Term::spawn(args, 100, 30);
        term.wait_for(" RO ");
        term.press("q");
        assert_eq!(term.exit_code(), 0);
    }
}

#[test]
fn t19_flags_before_a_command_take_effect() {
    let lab = Lab::builder().servers(2).tcp().start();
    let shell = Shell::new();
    let (socket, tcp) = (text(lab.admin()), lab.tcp().to_string());
    let config = shell.write("config.toml", &format!("[targets]\nlb1 = \"{socket}\""));
    let log = shell.path("debug.log");
    let run = |args: &[&str]| {
        let (code, out, err) = shell.run(args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}: {out}");
        out
    };
    let info = run(&["show", "info", socket]);
    let pid = info.lines().find(|line| line.starts_with("Pid")).unwrap();
    for args in [
        ["-s", socket, "show", "info"],
        ["-t", &tcp, "show", "info"],
        ["--target", socket, "show", "info"],
        ["--config", &config, "show", "info"],
        ["--debug-log", &log, "show", "info"],
    ] {
        assert!(run(&args).contains(pid), "{args:?}");
    }
    assert!(fs::read_to_string(&log).unwrap().contains("show info"));
    assert!(run(&["show", "status", socket]).contains('–'));
    assert!(run(&["--ascii", "show", "status", socket]).is_ascii());
    for args in [["--ascii", "check", "--over", "1s", socket], ["--over", "1s", "--ascii", "check", socket]] {
        assert!(run(&args).contains("HAPULSE OK"), "{args:?}");
    }
    assert!(run(&["-i", "1", "doctor", "-s", socket]).contains("ok     level admin"));
    let printed = run(&["-n", "-i", "1", "--theme", "light", "--ascii", "--history-memory", "9", "config"]);
    for line in ["read_only = true", "interval = 1", "theme = \"light\"", "ascii = true", "history_memory = 9"] {
        assert!(printed.contains(&format!("{line}  # command line")), "{line}: {printed}");
    }
    run(&["--config", &config, "drain", "be1/s1", "--yes"]);
    assert_ne!(state_of_s1(&lab), "0");
    run(&["-s", socket, "-yi", "0.5", "--wait=9s", "ready", "be1/s1"]);
    assert_eq!(state_of_s1(&lab), "0");
    let term = Term::spawn(["-i", "1", "--ascii", "--target", socket], 100, 30);
    term.wait_for("live");
    assert!(!term.screen().contains('─'), "{}", term.screen());
}

#[test]
fn t19_later_flag_wins_and_targets_do_not() {
    let shell = Shell::new();
    let interval = |args: &[&str]| {
        let (code, out, err) = shell.run(args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        out.lines().find(|line| line.starts_with("interval")).unwrap().to_owned()
    };
    assert!(interval(&["-i", "1", "config", "-i", "3"]).starts_with("interval = 3 "));
    assert!(interval(&["-i", "1", "-i", "4", "config"]).starts_with("interval = 4 "));
    assert!(interval(&["config", "-i", "5", "--interval", "6"]).starts_with("interval = 6 "));
    shell.assert_usage_error("-s /a show -s /b", &["cannot be used multiple times"]);
    shell.assert_usage_error("-s /a drain be/s1 --yes --target /b", &["cannot be used with"]);
}

#[test]
fn t19_flag_that_does_not_apply_is_an_error_in_both_places() {
    let shell = Shell::new();
    for line in ["--theme dark get CurrConns", "get CurrConns --theme dark"] {
        let texts = ["--theme does not apply to hapulse get", "the dashboard, demo, replay, doctor, config"];
        shell.assert_usage_error(line, &texts);
    }
    for (flag, command) in [
        ("-i 1", "show"),
        ("--history-memory 9", "doctor"),
        ("-m 4", "watch"),
        ("--ascii", "watch"),
        ("--recordings /srv/rec", "demo"),
        ("--recordings /srv/rec", "replay"),
    ] {
        let name = flag.split(' ').next().unwrap();
        let message = format!("{name} does not apply to hapulse {command}");
        shell.assert_usage_error(&format!("{flag} {command}"), &[&message]);
        shell.assert_usage_error(&format!("{command} {flag}"), &[&message]);
    }
    for command in ["demo", "audit", "config", "man", "completions"] {
        for flag in ["-s /a", "-t a:1", "--target /a", "--unix-socket /a", "--tcp-socket a:1"] {
            let message = format!("hapulse {command} needs no target");
            shell.assert_usage_error(&format!("{flag} {command}"), &[&message]);
        }
    }
    shell.assert_usage_error("-y /run/a.sock", &["-y is a flag of the commands drain, maint, ready"]);
    shell.assert_usage_error("/run/a.sock --format csv", &["--format is a flag of the commands show, check, watch"]);
    shell.assert_usage_error("--ascii show --format csv", &["--ascii applies only to tables"]);
    shell.assert_usage_error("--reed-only drain be/s1", &["--read-only"]);
    shell.assert_usage_error("drain be/s1 --wiat 5m", &["--wait"]);
    shell.assert_usage_error("demo extra", &["unexpected argument 'extra'"]);
    // A monitoring system would take 2 for CRITICAL.
    for line in ["--theme dark check", "-i 1 check", "--reed-only check", "check drian", "-s /a check -s /b"] {
        let (code, out, err) = shell.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!((code, err.as_str()), (3, ""), "{line}: {out}");
        assert!(out.starts_with("HAPULSE UNKNOWN - "), "{line}: {out}");
    }
}

#[test]
fn t19_word_that_is_no_target_suggests_what_was_meant() {
    let shell = Shell::new();
    for line in ["drian x/y", "drian x/y --wait 5m", "-n drian x/y", "DRAIN x/y", "-i 1 drian", "help drian"] {
        shell.assert_usage_error(line, &["did you mean drain?"]);
    }
    for (line, port) in [
        ("127.0.0.1", "127.0.0.1:9999?"),
        ("localhost", "localhost:9999?"),
        ("show 127.0.0.1", "127.0.0.1:9999?"),
        ("lb1=127.0.0.1", "127.0.0.1:9999?"),
        ("lb1.example", "lb1.example:9999"),
        ("::1", "the port is missing"),
    ] {
        shell.assert_usage_error(line, &[port]);
    }
    shell.assert_usage_error("status", &["hapulse show status"]);
    shell.assert_usage_error("/run/a.sock check", &["\"check\" is a command and must stand before the targets"]);
    shell.assert_usage_error("lb1", &["no targets are configured", "./lb1"]);
    let config = shell.write("config.toml", "[targets]\nfrankfurt = \"/a\"\nparis = \"/b\"");
    for command in ["", "show --target", "watch", "doctor", "get CurrConns --target", "drain be/s1 --target"] {
        let line = format!("--config {config} {command} frankfrut");
        shell.assert_usage_error(&line, &["did you mean frankfurt?", "configured targets: frankfurt, paris"]);
    }
    let config = shell.write("host.toml", "[targets]\nlb1 = \"127.0.0.1\"\nlb2 = \"lb2.example\"");
    shell.assert_usage_error(
        &format!("--config {config} show lb1:1 --target lb1"),
        &["host.toml:2:", "127.0.0.1:9999?"],
    );
    shell.assert_usage_error(&format!("--config {config} show --target lb2"), &["host.toml:3:", "lb2.example:9999"]);
    let (code, out, _) = shell.run(&["--config", &config, "doctor"]);
    assert!(code == 1 && out.contains("host.toml:2:") && out.contains("127.0.0.1:9999?"), "{out}");
    for command in ["show", "doctor lb1", "ready be/s1"] {
        shell.assert_usage_error(&format!("--config {config} {command}"), &["host.toml:2:", "127.0.0.1:9999?"]);
    }
    let config = shell.path("config.toml");
    for line in [["check", "frankfrut"].as_slice(), &["check", "--target", "frankfrut"]] {
        let (code, out, _) = shell.run(&[&["--config", &config], line].concat());
        assert!(code == 3 && out.contains("did you mean frankfurt?"), "{out}");
    }
}

#[test]
fn t19_words_that_name_a_target_are_accepted() {
    let lab = Lab::builder().start();
    let shell = Shell::new();
    std::os::unix::fs::symlink(lab.admin(), shell.home.path().join("admin.sock")).unwrap();
    let config = shell.write("config.toml", &format!("[targets]\nlb1 = \"{}\"", text(lab.admin())));
    for target in ["admin.sock", "./admin.sock", "unix:admin.sock", "lb=admin.sock", "lb1"] {
        let (code, out, err) = shell.run(&["--config", &config, "show", "info", "--target", target]);
        assert!(code == 0 && out.contains(&format!("{}", lab.pid())), "{target}: {err}");
    }
    // These may be created later: hapulse tries to connect.
    for target in ["./later.sock", "unix:later.sock", "abns@later", "127.0.0.1:1"] {
        let (code, _, err) = shell.run(&["show", "--target", target]);
        assert!(code == 3 && err.contains("cannot connect"), "{target}: {err}");
    }
    let (code, _, err) = shell.run(&["-s", "later.sock", "show"]);
    assert!(code == 3 && err.contains("cannot connect"), "{err}");
    // A command is never taken for a file of the same name.
    drop(UnixListener::bind(shell.home.path().join("check")).unwrap());
    shell.assert_usage_error("./admin.sock check", &["\"check\" is a command"]);
}

#[test]
fn t19_help_lists_each_flag_once() {
    let shell = Shell::new();
    for line in ["drain --help", "--help drain", "help drain", "-n help drain"] {
        let (code, out, _) = shell.run(&line.split(' ').collect::<Vec<_>>());
        assert!(code == 0 && out.contains("Usage: hapulse drain"), "{line}: {out}");
        for flag in ["--read-only", "--debug-log", "--config", "--interval", "--target"] {
            let listed = |line: &&str| {
                line.trim_start().starts_with('-')
                    && line.split_whitespace().find(|word| word.starts_with("--")) == Some(flag)
            };
            assert_eq!(out.lines().filter(listed).count(), 1, "{line} {flag}: {out}");
        }
    }
    let (_, out, _) = shell.run(&["--help"]);
    assert!(out.contains("Usage: hapulse [OPTIONS] [TARGET]...\n       hapulse [OPTIONS] <COMMAND>"), "{out}");
}

#[test]
fn t19_every_error_says_how_to_fix_it() {
    let lab = Lab::builder().servers(1).start();
    let shell = Shell::new();
    let socket = text(lab.admin());
    let missing = shell.path("missing/file");
    for (args, texts) in [
        (&["show", "trafic"] as &[&str], &["unknown view \"trafic\"; did you mean traffic?", "trafic:9999"] as &[&str]),
        (&["show", "lb01"], &["unknown view \"lb01\"", "a host needs the port of its stats socket, such as lb01:9999"]),
        (&["show", "localhost"], &["\"localhost\" has no port: localhost:9999?", "write the port"]),
        (&["show", "sessions"], &["exists only in the dashboard", "views that can be printed: dashboard"]),
        (&["watch", "--view", "trafic", socket], &["did you mean traffic?"]),
        (&["show", "--filter", "scru>1", socket], &["unknown column \"scru\"; did you mean scur"]),
        (&["get", "be1.s1", "-s", socket], &["no such key", "PROXY/NAME.COLUMN, such as www/BACKEND.qcur"]),
        (&["get", "nope/s1.scur", "-s", socket], &["unknown proxy nope; there are be1, fe1"]),
        (&["show", "-s", ""], &["\"\" is not a stats socket address: the path is empty; use a path"]),
        (&["show", "-t", "foo"], &["\"foo\" is not a stats socket address: the port is missing; use"]),
        (&["--debug-log", &missing, "show", socket], &["cannot write the debug log to", "name a file in a directory"]),
        (&["audit", "bogus"], &["cannot read the audit log bogus: No such file", "omit FILE to read the audit log"]),
        (&["audit", "--last", "x"], &["must be a whole number, 1 or more"]),
        (&["watch", "--count", "0"], &["must be a whole number, 1 or more"]),
        (&["check", "--threshold", "nope.warn=1", socket], &["unknown rule \"nope\"; rules: ", "queue"]),
        (&["show", "--config", &missing], &["file not found: correct the path in --config or HAPULSE_CONFIG"]),
        (&["--log-file", &missing, socket], &["dashboard needs a terminal", "run hapulse without a pipe"]),
    ] {
        let (code, out, err) = shell.run(args);
        assert!(code != 0, "{args:?}");
        for text in texts {
            assert!((out.clone() + &err).contains(text), "{args:?}: {text}: {out}{err}");
        }
        assert!(!err.contains("unix:") && !err.contains("tcp:"), "{args:?}: {err}");
    }
}
