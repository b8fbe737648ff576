//! The audit of what is done to a real HAProxy: reasons, lines typed by hand, ends that are not known, and an audit that
//! cannot be written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::acts::{answer, bottom, dashboard, dashboard_with, let_polls_pass};
use support::{Answers, Fake, Lab, Relay, Term};

/// What records say under some keys; nothing for a key that is not there.
fn told<const N: usize>(record: &Value, keys: [&str; N]) -> [String; N] {
    keys.map(|key| match &record[key] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

#[test]
fn a_reason_is_asked_for_and_written_down() {
    let lab = Lab::builder().servers(4).server_options("weight 100").start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard_with(&[], "[audit]\nask_reason = true\n", relay.path());
    term.press("1");
    term.select_row("be1/s2");
    term.press("M");
    term.wait_for("reason for maintenance:");
    term.press("<space><ret>");
    term.wait_for("a reason is wanted");
    term.press("<c-u>kernel \"update\" é<ret>");
    let screen = term.wait_for("Maintenance: be1 / s2");
    assert!(screen.contains("reason  kernel \"update\" é"), "{screen}");
    let_polls_pass(&term, &relay);
    assert_eq!(relay.acts(), [""; 0]);
    answer(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    let records = term.audit();
    let reasons: Vec<_> = records.iter().map(|record| told(record, ["phase", "reason"])).collect();
    assert_eq!(reasons, [["sending", "kernel \"update\" é"], ["done", "kernel \"update\" é"]]);
    // Undo is an act as well.
    let_polls_pass(&term, &relay);
    term.press("u");
    term.wait_for("reason for undo:");
    term.press("it is back<ret>");
    answer(&mut term, "Undo: be1 / s2", "y");
    term.wait_for("be1/s2: verified, no check");
    // Steps of a weight first, then the reason, then the question.
    let_polls_pass(&term, &relay);
    term.press("[[");
    answer(&mut term, "Weight: be1 / s2", "y");
    term.wait_for("reason for weight:");
    term.press("<esc>");
    term.wait_for("nothing was sent");
    term.press("[[");
    answer(&mut term, "Weight: be1 / s2", "y");
    term.wait_for("reason for weight:");
    term.press("less<ret>");
    answer(&mut term, "reason  less", "y");
    term.wait_for("be1/s2: verified, weight 98");
    let ends = term.wait_ends(3);
    let reasons: Vec<_> = ends.iter().map(|record| told(record, ["command", "reason"])).collect();
    assert_eq!(
        reasons[1..],
        [["set server be1/s2 state ready", "it is back"], ["set server be1/s2 weight 98", "less"]]
    );
    assert_eq!(relay.acts().len(), 3);
}

#[test]
fn what_is_done_is_told_in_full_to_the_owner_only() {
    let lab = Lab::builder().servers(4).server_options("weight 100").start();
    let builder = Term::builder().args(["-i", "0.1"]).args([lab.admin()]).size(120, 40);
    let mut term =
        builder.env("SUDO_USER", "ann").env("SSH_CONNECTION", "192.0.2.7 50514 192.0.2.1 22").env("USER", "x").start();
    term.wait_for("live");
    term.press("1");
    term.select_row("be1/s2");
    term.press("M");
    answer(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    let records = term.audit();
    let [sending, done] = records.as_slice() else { panic!("{records:?}") };
    for record in [sending, done] {
        let same = told(record, ["tool", "sudo_user", "ssh_connection", "address", "pid", "target", "command"]);
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
        assert_eq!(same, expected);
        assert!(record["time"].as_str().unwrap().ends_with('Z') && !record["host"].as_str().unwrap().is_empty());
    }
    assert_eq!(told(sending, ["phase", "outcome", "verified"]), ["sending", "", ""]);
    assert_eq!(told(done, ["phase", "outcome", "verified"]), ["done", "verified, MAINT, 0 sessions left", "true"]);
    assert_eq!(told(&done["before"], ["status", "admin", "weight"]), ["no check", "0", "100"]);
    assert_eq!(told(&done["after"], ["status", "admin"]), ["MAINT", "1"]);
    let file = term.home().join(".local/state/hapulse/audit.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let output = Command::new(env!("CARGO_BIN_EXE_hapulse")).arg("audit").env_clear().env("HOME", term.home()).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let words = ["ann", "be1/s2", "state maint", "verified, MAINT, 0 sessions left"];
    assert!(text.lines().count() == 1 && words.iter().all(|word| text.contains(word)), "{text}");
}

#[test]
fn a_line_typed_by_hand_is_written_down() {
    let lab = Lab::builder().servers(3).start();
    let mut term = dashboard(lab.admin());
    term.press("5");
    term.wait_for("HAProxy's own commands");
    for (line, answered) in [
        ("set server be1/s2 state drain; show info", "Tainted: 0"),
        ("set server be1/nobody state maint", "No such server."),
    ] {
        term.press(&format!("{line}<ret>"));
        answer(&mut term, "this line may change HAProxy", "y");
        term.wait_gone("this line may change HAProxy");
        term.wait_for(answered.split(':').next().unwrap());
    }
    // A line that reads is no act.
    term.press("show stat<ret>");
    let ends = term.wait_ends(2);
    let lines: Vec<_> = ends.iter().map(|end| told(end, ["command", "answer", "target", "verified"])).collect();
    assert_eq!(lines[0], ["set server be1/s2 state drain; show info", lines[0][1].as_str(), "", ""]);
    assert_eq!(lines[1], ["set server be1/nobody state maint", "No such server.", "", ""]);
    assert_eq!(term.audit().len(), 4);
}

/// A configuration whose audit lies in a folder that is a file.
fn unwritable(required: bool, term: &tempfile::TempDir) -> String {
    let file = term.path().join("file");
    fs::write(&file, "").unwrap();
    format!("[audit]\npath = \"{}/audit.jsonl\"\nrequired = {required}\n", file.display())
}

#[test]
fn without_an_audit_nothing_is_sent() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let folder = tempfile::tempdir().unwrap();
    let mut term = dashboard_with(&[], &unwritable(true, &folder), relay.path());
    term.press("1");
    for (row, keys, question, yes) in [
        ("be1/s2", "M", "Maintenance: be1 / s2", "y"),
        ("fe1", ":frontend.disable<ret>", "type fe1 and Enter", "fe1<ret>"),
        ("be1/s2", "E", "Enable: be1 / s2", "y"),
    ] {
        term.select_row(row);
        term.press(keys);
        answer(&mut term, question, yes);
        let screen = term.wait_until(|screen| bottom(screen).contains(": not sent: "));
        assert!(bottom(&screen).contains("audit"), "{screen}");
        term.press("o");
        term.wait_for("only one HAProxy is watched");
    }
    term.press("5disable server be1/s1<ret>");
    answer(&mut term, "this line may change HAProxy", "y");
    term.wait_for("audit.required = false");
    let_polls_pass(&term, &relay);
    assert_eq!(relay.acts(), [""; 0]);
    assert_eq!(lab.stat("be1", "s1", "status"), "no check");
    term.press("<esc>9");
    // The whole reason, and what mends it.
    let screen = term.wait_for("set server be1/s2 state maint: not sent: ");
    assert!(screen.contains("audit.jsonl"), "{screen}");
    // What was not done is not taken back.
    term.press("1u");
    term.wait_for("nothing to undo");
}

#[test]
fn an_audit_that_is_not_required_is_missed_aloud() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let folder = tempfile::tempdir().unwrap();
    let mut term = dashboard_with(&[], &unwritable(false, &folder), relay.path());
    term.press("1");
    term.select_row("be1/s2");
    term.press("M");
    answer(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT, 0 sessions left; not in the audit: ");
    assert_eq!(relay.acts(), ["set server be1/s2 state maint"]);
    assert_eq!(lab.stat("be1", "s2", "status"), "MAINT");
}

#[test]
fn an_act_without_an_answer_is_told_and_its_end_is_unknown() {
    let lab = Lab::builder().servers(3).start();
    let answers = Answers::recorded(&lab, &["show info", "show stat", "show cli level", "show servers state"]);
    let fake = Fake::unix(move |line, stream| {
        // It dies of it.
        if !line.contains("state maint") {
            let _ = stream.write_all(&answers.reply(line));
        }
    });
    let mut term = dashboard(fake.path());
    term.press("1");
    term.select_row("be1/s2");
    term.press("M");
    answer(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: sent, but ");
    term.wait_for("look at it before trying again");
    let ends = term.wait_ends(1);
    let [outcome, verified] = told(&ends[0], ["outcome", "verified"]);
    assert!(outcome.starts_with("sent, but ") && verified.is_empty(), "{}", ends[0]);
}
