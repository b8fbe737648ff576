//! File faults: a full disk, an unusable home directory, a directory instead of a file. The dashboard starts if it can
//! and reports what it cannot save.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::process::Command;

use support::{Lab, Term};

const BINARY: &str = env!("CARGO_BIN_EXE_hapulse");

#[test]
fn unopenable_event_log_is_error_before_dashboard_starts() {
    let directory = tempfile::tempdir().unwrap();
    let mut term = Term::builder().args(["--log-file"]).args([directory.path()]).args(["/nowhere"]).start();
    assert_eq!(term.exit_code(), 1);
    let screen = term.screen();
    assert!(screen.contains("cannot write the event log to") && screen.contains("directory"), "{screen}");
}

#[test]
fn dashboard_starts_with_unusable_home() {
    let lab = Lab::builder().servers(3).start();
    // Even root cannot create files below a file.
    for home in ["/dev/null", "relative", ""] {
        let builder = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).env("HOME", home).size(140, 40);
        let mut term = builder.start();
        term.wait_for("live");
        term.press("5");
        term.wait_for("HAProxy's own commands");
        term.press("show version<ret>");
        term.wait_for("> show version");
        if home == "/dev/null" {
            term.wait_for("cannot write the command history, stopped saving it");
        }
        term.press("<esc>0<tab>j");
        term.press("M");
        term.wait_for("Maintenance: be1 / s2");
        // An action that cannot be recorded in the audit is refused.
        term.answer("y");
        let screen = term.wait_for("not sent: ");
        assert!(screen.contains("audit"), "{screen}");
        assert_eq!(lab.stat("be1", "s2", "status"), "no check");
        term.press("q");
        assert_eq!(term.exit_code(), 0);
    }
}

#[test]
fn invalid_configuration_file_is_reported_with_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    let run = |config: &std::path::Path| {
        let out = Command::new(BINARY).args(["audit", "--config"]).arg(config).output().unwrap();
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, error) = run(directory.path());
    assert!(code == Some(2) && error.contains("is a directory"), "{code:?} {error}");
    let (code, error) = run(&directory.path().join("none.toml"));
    assert!(code == Some(2) && error.contains("none.toml"), "{code:?} {error}");
    for (text, position, key) in [
        ("read_only = maybe\n", ":1:", ""),
        ("read_only = \"yes\"\n", ":1:", "read_only"),
        ("\n[audit]\nwhere = \"/x\"\n", ":3:", "where"),
        ("[drain]\ndeadline = \"soon\"\n", ":2:", "deadline"),
        ("[audit\n", ":1:", ""),
        ("read_only = true\nread_only = false\n", ":2:", "duplicate key"),
    ] {
        fs::write(&file, text).unwrap();
        let (code, error) = run(&file);
        assert!(code == Some(2) && error.contains(position) && error.contains(key), "{text:?}: {code:?} {error}");
        assert_eq!(error.trim_end().lines().count(), 1, "{error}");
    }
    fs::write(&file, b"read_only = \xff\n").unwrap();
    let (code, error) = run(&file);
    assert!(code == Some(2) && error.contains("config.toml"), "{code:?} {error}");
}
