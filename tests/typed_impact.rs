//! Typed lines that change servers: their question shows the same impact as the question of a key, and the same checks
//! apply before they are sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::actions::{
    answer_confirmation, dialog_text, start_dashboard, start_dashboard_without_polling, wait_for_two_polls,
};
use support::{Lab, Relay, Term};

const WARNING: &str = "this command may change HAProxy";

/// Returns the facts of a dialog: its text between the commands and the keys.
fn facts(screen: &str, title: &str, end: &str) -> String {
    let text = dialog_text(screen, title);
    let start = text.find(" now ").unwrap_or_else(|| panic!("no facts in {text:?}\n{screen}"));
    text[start..].split(end).next().unwrap().trim().to_owned()
}

/// Types a line in view 5 and returns the facts of its question, which is then canceled.
fn typed_facts(term: &mut Term, line: &str) -> String {
    term.press(&format!("5{line}<ret>"));
    let screen = term.wait_for(WARNING);
    let facts = facts(&screen, "Send to ", WARNING);
    term.press("<esc>");
    term.wait_gone(WARNING);
    term.press("<esc>");
    facts
}

/// Opens the question of an action on a server and returns its facts; the question is then canceled.
fn key_facts(term: &mut Term, server: &str, keys: &str, title: &str) -> String {
    term.press("1");
    term.move_to_path(server);
    term.press(keys);
    let screen = term.wait_for(title);
    let end = if screen.contains("type \"") { "type \"" } else { "y yes" };
    let facts = facts(&screen, title, end);
    term.press("<esc>");
    term.wait_gone(title);
    facts
}

#[test]
fn a14_typed_line_shows_the_impact_of_the_key() {
    let sections = "backend other\n    server follower 127.0.0.1:9 track be1/s1\n";
    let lab = Lab::builder().servers(3).checks().maxconn(9).sections(sections).start();
    for server in ["s1", "s2", "s3"] {
        lab.wait_stat("be1", server, "status", |status| status == "UP");
    }
    lab.send_write_command("set server be1/s3 state drain");
    let (iid, sid) = (lab.stat("be1", "s1", "iid"), lab.stat("be1", "s1", "sid"));
    let mut term = start_dashboard(lab.admin());
    term.press("1");
    term.wait_until(|screen| screen.contains("DRAIN"));
    let by_number = format!("set server #{iid}/#{sid} state maint");
    for (server, keys, title, lines) in [
        (
            "be1/s1",
            "M",
            "Maintenance: ",
            &["set server be1/s1 state maint", "disable server be1/s1", by_number.as_str()][..],
        ),
        ("be1/s2", "D", "Drain: ", &["set server be1/s2 state drain", "show info;set server be1/s2 state drain"]),
        ("be1/s3", "E", "Enable: ", &["set server be1/s3 state ready", "enable server be1/s3"]),
        ("be1/s1", "W0<ret>", "Weight: ", &["set server be1/s1 weight 0", "set weight be1/s1 0"]),
        ("be1/s1", "W50%<ret>", "Weight: ", &["set weight be1/s1 50%"]),
        (
            "be1/s1",
            ":server.health-down<ret>",
            "Health down: ",
            &["set server be1/s1 health down", "set server be1/s1  health down "],
        ),
        ("be1/s1", ":server.maxconn<ret>7<ret>", "Server maxconn: ", &["set maxconn server be1/s1 7"]),
        ("be1/s1", ":server.end-sessions<ret>", "Shutdown of all sessions: ", &["shutdown sessions server be1/s1"]),
    ] {
        let by_key = key_facts(&mut term, server, keys, title);
        for line in lines {
            assert_eq!(typed_facts(&mut term, line), by_key, "{line}");
        }
    }
    let both = typed_facts(&mut term, "set weight be1/s1 5; disable frontend fe1");
    assert!(both.contains("weight 1 → 5") && both.contains("new clients are refused or wait"), "{both}");
}

#[test]
fn a14_typed_line_for_last_usable_server_needs_its_name() {
    for line in ["disable server be1/s2", "set weight be1/s2 0", "show info;set server be1/s2 state drain"] {
        let lab = Lab::builder().servers(2).start();
        lab.send_write_command("set server be1/s1 state maint");
        let relay = Relay::to(lab.admin());
        let mut term = start_dashboard(relay.path());
        term.press(&format!("5{line}<ret>"));
        let screen = term.wait_for("type \"s2\"");
        assert!(screen.contains("be1 would have no usable server"), "{screen}");
        term.answer("y<ret>");
        term.wait_for("does not match \"s2\"");
        wait_for_two_polls(&term, &relay);
        assert_eq!(relay.write_commands(), [""; 0], "{line}");
        term.press("<bs>");
        term.answer("s2<ret>");
        term.wait_for_done_records(1);
        assert_eq!(relay.write_commands().last().map(String::as_str), line.rsplit(';').next(), "{line}");
    }
}

#[test]
fn a14_typed_line_is_not_sent_if_its_impact_got_worse() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard_without_polling(relay.path());
    term.press("5disable server be1/s1<ret>");
    term.wait_for("2 of 3 servers usable");
    for server in ["be1/s2", "be1/s3"] {
        lab.send_write_command(&format!("set server {server} state maint"));
    }
    answer_confirmation(&mut term, WARNING, "y");
    term.wait_for("not sent: be1 would now have no usable server");
    assert_eq!(relay.write_commands(), [""; 0]);
    assert_eq!(lab.stat("be1", "s1", "status"), "no check");
}

#[test]
fn a6_typed_line_is_not_sent_if_its_target_changed() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard_without_polling(relay.path());
    term.press("5set weight be1/s1 7<ret>");
    term.wait_for("weight 1 → 7");
    lab.send_command("set server be1/s1 addr 127.0.0.9 port 9");
    answer_confirmation(&mut term, WARNING, "y");
    term.wait_for("not sent: be1/s1 changed: its address was ");
    assert_eq!(relay.write_commands(), [""; 0]);
}

#[test]
fn typed_line_for_unlisted_server_is_sent_without_impact() {
    let lab = Lab::builder().servers(3).start();
    let mut term = start_dashboard(lab.admin());
    for line in ["disable server be1/gone", "set server #99/#1 state maint", "set server be1/s1 weight x"] {
        term.press(&format!("5{line}<ret>"));
        let screen = term.wait_for(WARNING);
        assert!(!dialog_text(&screen, "Send to ").contains(" now "), "{screen}");
        term.answer("y");
        term.wait_gone(WARNING);
        term.press("<esc>");
    }
    term.wait_for_done_records(3);
}
