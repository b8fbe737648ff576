//! `hapulse audit` and its configuration, with the real binary: output, error messages and exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use hapulse::actions::audit::actor::Actor;
use hapulse::actions::audit::audit_writer::AuditWriter;
use hapulse::actions::audit::record_contents::{Attempt, AttemptResult};
use support::Term;
use tempfile::TempDir;

/// A temporary home directory. Commands run in it with an otherwise empty environment.
struct Home {
    directory: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(args).env_clear().env("HOME", self.directory.path()).env("TZ", "UTC0");
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> CliOutput {
        cli_output(&self.command(args).output().unwrap())
    }

    fn run_with(&self, args: &[&str], variable: (&str, &str)) -> CliOutput {
        cli_output(&self.command(args).env(variable.0, variable.1).output().unwrap())
    }
}

/// Standard output, standard error and exit code of a run.
#[derive(Debug, PartialEq, Eq)]
struct CliOutput {
    out: String,
    err: String,
    code: i32,
}

fn cli_output(output: &Output) -> CliOutput {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    CliOutput { out: text(&output.stdout), err: text(&output.stderr), code: output.status.code().unwrap() }
}

fn at(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_000_000_000 + millis)
}

/// Writes audit records of actions on `be_app/s0`, `be_app/s1` …; the last action has no outcome.
fn write_actions(path: &Path, count: usize) {
    let actor = Actor { user: "root".into(), sudo_user: Some("ann".into()), host: "lb01".into(), ..Actor::default() };
    let audit = AuditWriter::new(Some(path.to_owned()), true, "dashboard", actor, at(0));
    for number in 0..count {
        let target = format!("be_app/s{number}");
        let attempt = Attempt {
            instance: "eu".into(),
            address: "/run/haproxy/admin.sock".into(),
            pid: 812,
            command: format!("set server {target} state maint"),
            target: Some(target),
            before: None,
            reason: (number == 0).then(|| "kernel \u{1b}[31mupdate".to_owned()),
        };
        let start_record = audit.new_record(at(number as u64 * 1000), attempt);
        audit.append(&start_record).unwrap();
        if number + 1 < count {
            let result = AttemptResult {
                outcome: Some("verified, MAINT".into()),
                verified: Some(true),
                ..AttemptResult::default()
            };
            audit.append(&start_record.to_done(at(number as u64 * 1000 + 40), result)).unwrap();
        }
    }
}

const ACTIONS: [&str; 3] = [
    r"2026-11-18 11:06:40  ann  eu  be_app/s0  state maint  verified, MAINT        reason: kernel \x1b[31mupdate",
    "2026-11-18 11:06:41  ann  eu  be_app/s1  state maint  verified, MAINT",
    "2026-11-18 11:06:42  ann  eu  be_app/s2  state maint  sent, outcome unknown",
];

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[test]
fn audit_prints_one_line_per_action_from_default_path() {
    let home = Home::new();
    write_actions(&home.path(".local/state/hapulse/audit.jsonl"), 3);
    let all = home.run(&["audit"]);
    assert_eq!((lines(&all.out), all.err.as_str(), all.code), (ACTIONS.to_vec(), "", 0));
    assert_eq!(lines(&home.run(&["audit", "--last", "2"]).out), ACTIONS[1..]);
    write_actions(&home.path("state/hapulse/audit.jsonl"), 1);
    let in_state_home = home.run_with(&["audit"], ("XDG_STATE_HOME", home.path("state").to_str().unwrap()));
    assert!(
        in_state_home.out.contains("sent, outcome unknown") && lines(&in_state_home.out).len() == 1,
        "{in_state_home:?}"
    );
}

#[test]
fn audit_prints_named_file_and_reports_invalid_lines() {
    let home = Home::new();
    let path = home.path("audit");
    write_actions(&path, 3);
    let whole = fs::read_to_string(&path).unwrap();
    let torn_lines: Vec<&str> = whole.lines().flat_map(|line| [line, &line[..60]]).collect();
    let path = home.write("torn", torn_lines.join("\n"));
    let printed = home.run(&["audit", path.to_str().unwrap()]);
    assert_eq!((lines(&printed.out), printed.code), (ACTIONS.to_vec(), 0));
    assert!(printed.err.starts_with("hapulse: line 2 is not a record: EOF while parsing"), "{printed:?}");
    assert!(printed.err.ends_with("hapulse: line 10 is not a record: it is incomplete\n"), "{printed:?}");
    let json = home.run(&["audit", "--json", path.to_str().unwrap()]);
    assert_eq!((json.out.as_str(), json.code), (whole.as_str(), 0));
    let json = home.run(&["audit", "--json", "--last=1", path.to_str().unwrap()]);
    assert_eq!(lines(&json.out), [whole.lines().last().unwrap()]);
}

#[test]
fn unreadable_audit_is_error_with_its_path() {
    let home = Home::new();
    let missing = home.run(&["audit"]);
    let path = home.path(".local/state/hapulse/audit.jsonl");
    assert_eq!((missing.out.as_str(), missing.code), ("", 1));
    assert!(missing.err.starts_with(&format!("hapulse: cannot read the audit log {}: No such", path.display())));
    let output = home.run(&["audit", "/"]);
    assert!(output.code == 1 && output.err.contains("it is a directory"), "{output:?}");
    let without_home = cli_output(&home.command(&["audit"]).env_remove("HOME").output().unwrap());
    assert!(without_home.code == 1 && without_home.err.contains("no home directory"), "{without_home:?}");
    let empty = home.run(&["audit", "/dev/null"]);
    assert_eq!((empty.out.as_str(), empty.code), ("", 0));
    assert!(empty.err.contains("contains no records"), "{empty:?}");
    for wrong in [["audit", "--last=0"], ["audit", "--last=x"], ["audit", "--jsno"]] {
        assert_eq!(home.run(&wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn closed_pipe_ends_program_silently() {
    let home = Home::new();
    let path = home.path("audit");
    write_actions(&path, 2);
    let whole = fs::read_to_string(&path).unwrap();
    // More than a pipe buffers, so that the writer gets an error when the reader closes it.
    let many =
        (0..2_000).map(|number| whole.replace("812,", &format!("{number},")).replace("-1\"", &format!("-{number}a\"")));
    let path = home.write("many", many.collect::<String>());
    for args in [vec!["audit"], vec!["audit", "--json"]] {
        let mut command = home.command(&args);
        let mut child = command.arg(&path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut start = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut start).unwrap();
        let output = cli_output(&child.wait_with_output().unwrap());
        assert_eq!(output, CliOutput { out: String::new(), err: String::new(), code: 0 }, "{args:?}");
    }
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = home.command(&["audit"]).arg(&path).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot print: No space left"));
}

#[test]
fn invalid_configuration_is_reported_and_nothing_is_printed() {
    let home = Home::new();
    let path = home.path("config.toml");
    let path_text = path.display().to_string();
    for (text, message) in [
        ("[audit]\n\nfoo = 1\n", ":3:1: unknown key \"foo\"; valid keys: path, required, ask_reason"),
        (
            "[audits]\n",
            ":1:2: unknown key \"audits\"; valid keys: final, read_only, interval, theme, ascii, plain, history_memory, log_file, mouse, confirm_quit, audit, drain, targets, fleet, thresholds, silences, colors, views, keys",
        ),
        ("read_only = 1", ":1:13: read_only: invalid type: integer `1`, expected true or false"),
        ("[audit]\npath = \"a\"", ":2:8: audit.path: \"a\" is not a path that begins with /"),
        (
            "drain.deadline = \"soo\\u001bn\"",
            ":1:18: drain.deadline: \"soo\\x1bn\" is not a duration: use a number and s, m, h or d, \
             such as 45s, 5m, 1h or 7d (maximum 365d)",
        ),
        ("read_only = true\nread_only = true", ":2:1: duplicate key"),
    ] {
        fs::write(&path, text).unwrap();
        let output = home.run(&["audit", "--config", &path_text]);
        assert_eq!(output, CliOutput { out: String::new(), err: format!("hapulse: {path_text}{message}\n"), code: 2 });
    }
    fs::write(&path, b"\xff").unwrap();
    assert_eq!(
        home.run(&["audit", "--config", &path_text]).err,
        format!("hapulse: {path_text}:1:1: is not UTF-8 text\n")
    );
    let error_of = |args: &[&str]| {
        let output = home.run(args);
        assert_eq!(output.code, 2, "{output:?}");
        output.err
    };
    assert_eq!(
        error_of(&["audit", "--config", "/no/such"]),
        "hapulse: /no/such: file not found: correct the path in --config or HAPULSE_CONFIG\n"
    );
    assert_eq!(error_of(&["audit", "--config", "/"]), "hapulse: /: is a directory, not a configuration file\n");
    if !rustix::process::geteuid().is_root() {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        let err = error_of(&["audit", "--config", &path_text]);
        assert!(err.starts_with(&format!("hapulse: {path_text}: cannot be read: Permission denied")), "{err}");
    }
    let output = home.run_with(&["audit"], ("HAPULSE_READ_ONLY", "maybe"));
    assert_eq!(output.code, 2);
    assert_eq!(
        output.err,
        "hapulse: environment variable HAPULSE_READ_ONLY=\"maybe\": allowed: 1, true, yes, 0, false, no\n"
    );
}

#[test]
fn configuration_is_found_at_every_documented_path() {
    let home = Home::new();
    for number in 1..=4 {
        write_actions(&home.path(&format!("{number}")), number);
    }
    let config = |name: &str, number: usize| {
        let path = home.write(name, format!("[audit]\npath = \"{}\"\n", home.path(&number.to_string()).display()));
        path.display().to_string()
    };
    config(".config/hapulse/config.toml", 1);
    assert_eq!(lines(&home.run(&["audit"]).out).len(), 1);
    config("xdg/hapulse/config.toml", 2);
    let xdg = home.path("xdg").display().to_string();
    assert_eq!(lines(&home.run_with(&["audit"], ("XDG_CONFIG_HOME", &xdg)).out).len(), 2);
    let by_variable = config("three", 3);
    assert_eq!(lines(&home.run_with(&["audit"], ("HAPULSE_CONFIG", &by_variable)).out).len(), 3);
    let by_flag = config("four", 4);
    let named = home.run_with(&["audit", "--config", &by_flag], ("HAPULSE_CONFIG", "/no/such"));
    assert_eq!(lines(&named.out).len(), 4);
}

#[test]
fn read_only_from_file_or_environment_reaches_dashboard() {
    let in_file = {
        let builder = Term::builder().args(["demo"]);
        let path = builder.home().join(".config/hapulse/config.toml");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "read_only = true\n").unwrap();
        builder.env("HAPULSE_READ_ONLY", "no")
    };
    for builder in [in_file, Term::builder().args(["demo"]).env("HAPULSE_READ_ONLY", "yes")] {
        let mut term = builder.start();
        term.wait_for(" RO ");
        term.press("q");
        assert_eq!(term.exit_code(), 0);
    }
    let mut term = Term::builder().args(["demo", "--config", "none.toml"]).start();
    assert_eq!(term.exit_code(), 2);
    assert!(term.screen().contains("none.toml: file not found"), "{}", term.screen());
}
