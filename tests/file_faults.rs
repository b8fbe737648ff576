//! Files that cannot be had: a full disk, a home that is none, a folder in the place of a file. The dashboard starts
//! where it can, and says what it cannot keep.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::process::Command;

use support::{Lab, Term};

const BINARY: &str = env!("CARGO_BIN_EXE_hapulse");

#[test]
fn full_disk_is_reported_once_and_dashboard_continues() {
    let lab = Lab::builder().servers(3).start();
    let builder = Term::builder().args(["-i", "0.1", "--log-file", "/dev/full"]).args([lab.admin()]);
    let mut term = builder.size(140, 40).start();
    term.wait_for("live");
    lab.send_command("disable server be1/s2");
    term.wait_for("cannot write the event log, stopped saving it: No space left on device");
    lab.send_command("enable server be1/s2");
    term.wait_cell("Servers of be1", "s2", "STATE", |state| state == "no check");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn unopenable_event_log_is_error_before_dashboard_starts() {
    let folder = tempfile::tempdir().unwrap();
    let mut term = Term::builder().args(["--log-file"]).args([folder.path()]).args(["/nowhere"]).start();
    assert_eq!(term.exit_code(), 1);
    let screen = term.screen();
    assert!(screen.contains("cannot write the event log to") && screen.contains("directory"), "{screen}");
}

#[test]
fn dashboard_starts_with_unusable_home() {
    let lab = Lab::builder().servers(3).start();
    // A file in the place of a folder cannot be written into, not even by root.
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
        // What cannot be written down is not done.
        std::thread::sleep(std::time::Duration::from_millis(330));
        term.press("y");
        let screen = term.wait_for("not sent: ");
        assert!(screen.contains("audit"), "{screen}");
        assert_eq!(lab.stat("be1", "s2", "status"), "no check");
        term.press("q");
        assert_eq!(term.exit_code(), 0);
    }
}

#[test]
fn invalid_configuration_file_is_reported_with_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let run = |config: &std::path::Path| {
        let out = Command::new(BINARY).args(["audit", "--config"]).arg(config).output().unwrap();
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, why) = run(folder.path());
    assert!(code == Some(2) && why.contains("is a directory"), "{code:?} {why}");
    let (code, why) = run(&folder.path().join("none.toml"));
    assert!(code == Some(2) && why.contains("none.toml"), "{code:?} {why}");
    for (text, place, what) in [
        ("read_only = maybe\n", ":1:", ""),
        ("read_only = \"yes\"\n", ":1:", "read_only"),
        ("\n[audit]\nwhere = \"/x\"\n", ":3:", "where"),
        ("[drain]\ndeadline = \"soon\"\n", ":2:", "deadline"),
        ("[audit\n", ":1:", ""),
        ("read_only = true\nread_only = false\n", ":2:", "duplicate key"),
    ] {
        fs::write(&file, text).unwrap();
        let (code, why) = run(&file);
        assert!(code == Some(2) && why.contains(place) && why.contains(what), "{text:?}: {code:?} {why}");
        assert_eq!(why.trim_end().lines().count(), 1, "{why}");
    }
    fs::write(&file, b"read_only = \xff\n").unwrap();
    let (code, why) = run(&file);
    assert!(code == Some(2) && why.contains("config.toml"), "{code:?} {why}");
}
