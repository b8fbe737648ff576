//! The audit log of actions on a real HAProxy: reasons, typed lines, unknown outcomes, and an audit file that cannot
//! be written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::actions::{answer_confirmation, start_dashboard, start_dashboard_with, wait_for_two_polls};
use support::screen::message;
use support::{CannedReplies, FakeSocket, Lab, Relay, Term};

/// Returns the values of these fields of a record; an empty string for a missing field.
fn fields<const N: usize>(record: &Value, keys: [&str; N]) -> [String; N] {
    keys.map(|key| match &record[key] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

#[test]
fn ask_reason_prompts_and_audits_reason() {
    let lab = Lab::builder().servers(4).server_options("weight 100").start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard_with(&[], "[audit]\nask_reason = true\n", relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    term.press("M");
    term.wait_for("reason for maintenance:");
    term.press("<space><ret>");
    term.wait_for("a reason is required");
    term.press("<c-u>kernel \"update\" é<ret>");
    let screen = term.wait_for("Maintenance: be1 / s2");
    assert!(screen.contains("reason  kernel \"update\" é"), "{screen}");
    wait_for_two_polls(&term, &relay);
    assert_eq!(relay.write_commands(), [""; 0]);
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    let records = term.audit_records();
    let reasons: Vec<_> = records.iter().map(|record| fields(record, ["phase", "reason"])).collect();
    assert_eq!(reasons, [["sending", "kernel \"update\" é"], ["done", "kernel \"update\" é"]]);
    // Undo is an action, too.
    wait_for_two_polls(&term, &relay);
    term.press("u");
    term.wait_for("reason for undo:");
    term.press("it is back<ret>");
    answer_confirmation(&mut term, "Undo: be1 / s2", "y");
    term.wait_for("be1/s2: verified, no check");
    // A weight action collects the steps first, then asks for the reason, then for confirmation.
    wait_for_two_polls(&term, &relay);
    term.press("[[");
    answer_confirmation(&mut term, "Weight: be1 / s2", "y");
    term.wait_for("reason for weight:");
    term.press("<esc>");
    term.wait_for("nothing was sent");
    term.press("[[");
    answer_confirmation(&mut term, "Weight: be1 / s2", "y");
    term.wait_for("reason for weight:");
    term.press("less<ret>");
    answer_confirmation(&mut term, "reason  less", "y");
    term.wait_for("be1/s2: verified, weight 98");
    let done_records = term.wait_for_done_records(3);
    let reasons: Vec<_> = done_records.iter().map(|record| fields(record, ["command", "reason"])).collect();
    assert_eq!(
        reasons[1..],
        [["set server be1/s2 state ready", "it is back"], ["set server be1/s2 weight 98", "less"]]
    );
    assert_eq!(relay.write_commands().len(), 3);
}

#[test]
fn audit_records_action_in_full_with_owner_only_file_mode() {
    let lab = Lab::builder().servers(4).server_options("weight 100").start();
    let builder = Term::builder().args(["-i", "0.1"]).args([lab.admin()]).size(120, 40);
    let mut term =
        builder.env("SUDO_USER", "ann").env("SSH_CONNECTION", "192.0.2.7 50514 192.0.2.1 22").env("USER", "x").start();
    term.wait_for("live");
    term.press("1");
    term.move_to_path("be1/s2");
    term.press("M");
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    let records = term.audit_records();
    let [sending, done] = records.as_slice() else { panic!("{records:?}") };
    for record in [sending, done] {
        let actual = fields(record, ["tool", "sudo_user", "ssh_connection", "address", "pid", "target", "command"]);
        let (address, pid) = (lab.admin().display().to_string(), lab.info("Pid"));
        let expected = [
            "dashboard",
            "ann",
            "192.0.2.7 50514 192.0.2.1 22",
            &address,
            &pid,
            "be1/s2",
            "set server be1/s2 state maint",
        ];
        assert_eq!(actual, expected);
        assert!(record["time"].as_str().unwrap().ends_with('Z') && !record["host"].as_str().unwrap().is_empty());
    }
    assert_eq!(fields(sending, ["phase", "outcome", "verified"]), ["sending", "", ""]);
    assert_eq!(fields(done, ["phase", "outcome", "verified"]), ["done", "verified, MAINT, 0 sessions left", "true"]);
    assert_eq!(fields(&done["before"], ["status", "admin", "weight"]), ["no check", "0", "100"]);
    assert_eq!(fields(&done["after"], ["status", "admin"]), ["MAINT", "1"]);
    let file = term.home().join(".local/state/hapulse/audit.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let output = Command::new(env!("CARGO_BIN_EXE_hapulse")).arg("audit").env_clear().env("HOME", term.home()).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let words = ["ann", "be1/s2", "state maint", "verified, MAINT, 0 sessions left"];
    assert!(text.lines().count() == 1 && words.iter().all(|word| text.contains(word)), "{text}");
}

#[test]
fn audit_records_typed_write_commands() {
    let lab = Lab::builder().servers(3).start();
    let mut term = start_dashboard(lab.admin());
    term.press("5");
    term.wait_for("HAProxy's own commands");
    for (line, reply) in [
        ("set server be1/s2 state drain; show info", "Tainted: 0"),
        ("set server be1/missing state maint", "No such server."),
    ] {
        term.press(&format!("{line}<ret>"));
        answer_confirmation(&mut term, "this command may change HAProxy", "y");
        term.wait_gone("this command may change HAProxy");
        term.wait_for(reply.split(':').next().unwrap());
    }
    // A read-only command is not an action.
    term.press("show stat<ret>");
    let done_records = term.wait_for_done_records(2);
    let lines: Vec<_> =
        done_records.iter().map(|record| fields(record, ["command", "answer", "target", "verified"])).collect();
    assert_eq!(lines[0], ["set server be1/s2 state drain; show info", lines[0][1].as_str(), "", ""]);
    assert_eq!(lines[1], ["set server be1/missing state maint", "No such server.", "", ""]);
    assert_eq!(term.audit_records().len(), 4);
}

/// Returns a configuration with an audit path below a regular file, where it cannot be written.
fn unwritable_audit(required: bool, folder: &tempfile::TempDir) -> String {
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    format!("[audit]\npath = \"{}/audit.jsonl\"\nrequired = {required}\n", file.display())
}

#[test]
fn required_audit_blocks_actions_when_unwritable() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let folder = tempfile::tempdir().unwrap();
    let mut term = start_dashboard_with(&[], &unwritable_audit(true, &folder), relay.path());
    term.press("1");
    for (row, keys, confirmation, yes) in [
        ("be1/s2", "M", "Maintenance: be1 / s2", "y"),
        ("fe1", ":frontend.disable<ret>", "type \"fe1\"", "fe1<ret>"),
        ("be1/s2", "E", "Enable: be1 / s2", "y"),
    ] {
        term.move_to_path(row);
        term.press(keys);
        answer_confirmation(&mut term, confirmation, yes);
        let screen = term.wait_until(|screen| message(screen).contains(": not sent: "));
        assert!(message(&screen).contains("audit"), "{screen}");
        term.press("o");
        term.wait_for("there is only one instance");
    }
    term.press("5disable server be1/s1<ret>");
    answer_confirmation(&mut term, "this command may change HAProxy", "y");
    term.wait_for("audit.required = false");
    wait_for_two_polls(&term, &relay);
    assert_eq!(relay.write_commands(), [""; 0]);
    assert_eq!(lab.stat("be1", "s1", "status"), "no check");
    term.press("<esc>9");
    // The events view shows the whole reason and the fix.
    let screen = term.wait_for("set server be1/s2 state maint: not sent: ");
    assert!(screen.contains("audit.jsonl"), "{screen}");
    // An action that was not sent cannot be undone.
    term.press("1u");
    term.wait_for("nothing to undo");
}

#[test]
fn optional_audit_warns_when_unwritable() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let folder = tempfile::tempdir().unwrap();
    let mut term = start_dashboard_with(&[], &unwritable_audit(false, &folder), relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    term.press("M");
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT, 0 sessions left; 2 of 3 servers of be1 usable; not in the audit log: ");
    assert_eq!(relay.write_commands(), ["set server be1/s2 state maint"]);
    assert_eq!(lab.stat("be1", "s2", "status"), "MAINT");
}

#[test]
fn action_without_reply_is_audited_with_unknown_outcome() {
    let lab = Lab::builder().servers(3).start();
    let replies = CannedReplies::record(&lab, &["show info", "show stat", "show cli level", "show servers state"]);
    let fake = FakeSocket::with_handler(move |line, stream| {
        // The connection ends without a reply.
        if !line.contains("state maint") {
            let _ = stream.write_all(&replies.reply_to(line));
        }
    });
    let mut term = start_dashboard(fake.path());
    term.press("1");
    term.move_to_path("be1/s2");
    term.press("M");
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: sent, but ");
    term.wait_for("check the state before retrying");
    let done_records = term.wait_for_done_records(1);
    let [outcome, verified] = fields(&done_records[0], ["outcome", "verified"]);
    assert!(outcome.starts_with("sent, but ") && verified.is_empty(), "{}", done_records[0]);
}
