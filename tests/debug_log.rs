//! The debug log of the real program: what it contains, and what it must not contain.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::Lab;

/// Runs `hapulse` with an empty environment apart from `variables`, in `home`.
fn run(home: &Path, variables: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
    command.env_clear().env("HOME", home).envs(variables.iter().copied()).args(args).current_dir(home);
    command.output().unwrap()
}

#[test]
fn debug_log_records_requests_with_timings_and_process() {
    let (lab, home) = (Lab::builder().start(), tempfile::tempdir().unwrap());
    let output =
        run(home.path(), &[], &["get", "--debug-log", "debug.log", "--target", lab.admin().to_str().unwrap(), "Pid"]);
    assert!(output.status.success(), "{output:?}");
    let log = fs::read_to_string(home.path().join("debug.log")).unwrap();
    for part in ["start version=", "request address=", "commands=show info; show stat", "reply=", "new process pid="] {
        assert!(log.contains(part), "{part:?} is missing:\n{log}");
    }
}

#[test]
fn debug_log_takes_its_path_from_the_environment() {
    let home = tempfile::tempdir().unwrap();
    run(home.path(), &[("HAPULSE_DEBUG", "debug.log")], &["show", "/nonexistent.sock"]);
    let log = fs::read_to_string(home.path().join("debug.log")).unwrap();
    assert!(log.contains("request failed address=/nonexistent.sock"), "{log}");
}

#[test]
fn debug_log_escapes_control_characters() {
    let home = tempfile::tempdir().unwrap();
    run(home.path(), &[], &["show", "--debug-log", "debug.log", "/no\u{1b}]0;title\u{7}.sock"]);
    let log = fs::read(home.path().join("debug.log")).unwrap();
    assert!(log.windows(5).any(|bytes| bytes == b"title"));
    assert!(!log.iter().any(|byte| byte.is_ascii_control() && *byte != b'\n'), "{}", log.escape_ascii());
}

#[test]
fn debug_log_that_cannot_be_opened_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let output = run(home.path(), &[], &["get", "--debug-log", "/nonexistent/debug.log", "Pid"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && message.contains("cannot write the debug log to /nonexistent/debug.log"),
        "{message}"
    );
}
