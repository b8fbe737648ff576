//! Checks right before a command is sent: the process, the target and the impact are still the confirmed ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/faulty_relay.rs"]
mod faulty_relay;
#[path = "support/script.rs"]
mod script;
mod support;

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use faulty_relay::{FaultyRelay, RelayFault};
use script::Script;
use support::actions::{
    answer_confirmation, start_dashboard_with, start_dashboard_without_polling, wait_for_two_polls,
};
use support::client::send_command_to;
use support::fake::FakeSocket;
use support::servers::ServerBehavior;
use support::traffic::Traffic;
use support::{Lab, Relay, Term, wait_until};

/// Starts a dashboard that does not notice a change by polling, with the cursor on a server.
fn start_on(relay: &Relay, server: &str) -> Term {
    let mut term = start_dashboard_without_polling(relay.path());
    term.move_to_server("be1", server);
    term
}

/// Answers a question that requires a name.
fn type_name(term: &mut Term, name: &str) {
    let question = format!("type \"{name}\"");
    answer_confirmation(term, &question, name);
    answer_confirmation(term, &question, "<ret>");
}

fn status(lab: &Lab, server: &str) -> String {
    lab.stat("be1", server, "status")
}

#[test]
fn a6_reload_with_other_address_asks_again() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_on(&relay, "s2");
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    let (old, new) = (lab.server("be1/s2").addr().to_string(), lab.server("be1/s3").addr().to_string());
    lab.edit(|text| text.replace(&format!("s2 {old}"), &format!("s2 {new}")));
    lab.reload();
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    let screen = term.wait_for("please confirm again");
    assert!(screen.contains("HAProxy was reloaded (pid"), "{screen}");
    assert_eq!((relay.write_commands(), status(&lab, "s2")), (Vec::new(), "no check".to_owned()));
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("verified, MAINT");
    assert_eq!(relay.write_commands(), ["set server be1/s2 state maint"]);
    let record = &term.wait_for_done_records(1)[0];
    assert_eq!(record["pid"].to_string(), lab.info("Pid"), "the process that answered");
}

#[test]
fn a6_changed_address_alone_asks_again() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_on(&relay, "s2");
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    lab.send_command("set server be1/s2 addr 127.0.0.9 port 9");
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    let screen = term.wait_for("please confirm again");
    assert!(screen.contains("its address was") && screen.contains("127.0.0.9:9"), "{screen}");
    assert_eq!((relay.write_commands(), status(&lab, "s2")), (Vec::new(), "no check".to_owned()));
}

#[test]
fn a6_vanished_server_is_refused() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_on(&relay, "s2");
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    lab.edit(|text| text.replace("server s2 ", "server s9 "));
    lab.reload();
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("nothing was sent: be1/s2 is gone");
    assert_eq!(relay.write_commands(), Vec::<String>::new());
}

#[test]
fn a6_script_refuses_when_server_changes_before_sending() {
    let lab = Lab::builder().servers(3).start();
    let admin = lab.admin().to_owned();
    // The address changes between the first poll and the check right before sending.
    let fake = FakeSocket::with_handler(move |line, stream| {
        if line == "show servers state be1" {
            send_command_to(&admin, "set server be1/s2 addr 127.0.0.9 port 9").unwrap();
        }
        let _ = stream.write_all(send_command_to(&admin, line).unwrap().as_bytes());
    });
    let result = Script::new().run(fake.path(), "maint be1/s2 --yes");
    assert_eq!(result.code, 1, "{result:?}");
    assert!(result.err.contains("not sent: be1/s2 changed: its address was "), "{result:?}");
    assert_eq!(status(&lab, "s2"), "no check");
}

#[test]
fn a11_audit_names_the_process_that_executed_the_command() {
    let lab = std::sync::Arc::new(Lab::builder().servers(3).start());
    let (admin, reloaded) = (lab.admin().to_owned(), std::sync::Arc::clone(&lab));
    // HAProxy is reloaded after the check and right before the command.
    let fake = FakeSocket::with_handler(move |line, stream| {
        if line.contains("state maint") {
            reloaded.reload();
        }
        let _ = stream.write_all(send_command_to(&admin, line).unwrap().as_bytes());
    });
    let old = lab.info("Pid");
    let script = Script::new();
    let result = script.run(fake.path(), "maint be1/s2 --yes");
    assert_eq!(result.code, 5, "{result:?}");
    assert!(result.err.contains("another HAProxy process executed it"), "{result:?}");
    let text = std::fs::read_to_string(script.audit_path()).unwrap();
    let pids: Vec<String> =
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["pid"].to_string()).collect();
    assert_eq!(pids, [old, lab.info("Pid")]);
}

#[test]
fn a11_state_of_another_process_verifies_nothing() {
    let lab = std::sync::Arc::new(Lab::builder().servers(3).start());
    let (admin, reloaded) = (lab.admin().to_owned(), std::sync::Arc::clone(&lab));
    // HAProxy is reloaded right after the command, with a configuration in which the server is in maintenance.
    let fake =
        FakeSocket::with_handler(move |line, stream| {
            let reply = send_command_to(&admin, line).unwrap();
            if line.contains("state maint") {
                reloaded.edit(|text| {
                    text.lines()
                        .map(|line| {
                            if line.contains("server s2 ") { format!("{line} disabled\n") } else { format!("{line}\n") }
                        })
                        .collect()
                });
                reloaded.reload();
            }
            let _ = stream.write_all(reply.as_bytes());
        });
    let result = Script::new().run(fake.path(), "maint be1/s2 --yes");
    assert_eq!(result.code, 5, "{result:?}");
    assert!(result.err.contains("HAProxy was reloaded since (pid "), "{result:?}");
}

#[test]
fn a14_capacity_lost_while_the_question_is_open_asks_again() {
    let lab =
        Lab::builder().servers(2).server_option("be1/s1", "weight 200").server_option("be1/s2", "weight 50").start();
    let relay = Relay::to(lab.admin());
    // The sample with the change arrives before the answer.
    let mut term = start_dashboard_with(&[], "", relay.path());
    term.move_to_server("be1", "s1");
    term.press("M");
    answer_confirmation(&mut term, "type ", "s1");
    lab.send_write_command("set server be1/s2 state maint");
    wait_for_two_polls(&term, &relay);
    answer_confirmation(&mut term, "type ", "<ret>");
    let screen = term.wait_for("please confirm again");
    assert!(screen.contains("be1 would now have no usable server"), "{screen}");
    assert_eq!((relay.write_commands(), status(&lab, "s1")), (Vec::new(), "no check".to_owned()));
}

#[test]
fn a14_last_usable_server_needs_its_name_typed() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_on(&relay, "s2");
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    lab.send_write_command("set server be1/s1 state maint");
    lab.send_write_command("set server be1/s3 state maint");
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    let screen = term.wait_for("please confirm again");
    assert!(screen.contains("type \"s2\"") && screen.contains("be1 would have no usable server"), "{screen}");
    assert_eq!((relay.write_commands(), status(&lab, "s2")), (Vec::new(), "no check".to_owned()));
    type_name(&mut term, "s2");
    term.wait_for("no server of be1 is usable now");
    assert_eq!(status(&lab, "s2"), "MAINT");
}

#[test]
fn a14_script_refuses_to_take_the_last_server_that_others_left() {
    let lab = Lab::builder().servers(3).start();
    let admin = lab.admin().to_owned();
    // The others vanish between the first poll and the check right before sending.
    let fake = FakeSocket::with_handler(move |line, stream| {
        if line == "show servers state be1" {
            send_command_to(&admin, "set server be1/s1 state maint;set server be1/s3 state maint").unwrap();
        }
        let _ = stream.write_all(send_command_to(&admin, line).unwrap().as_bytes());
    });
    let result = Script::new().run(fake.path(), "maint be1/s2 --yes");
    assert_eq!(result.code, 1, "{result:?}");
    assert!(result.err.contains("not sent: be1 would now have no usable server"), "{result:?}");
    assert_eq!(status(&lab, "s2"), "no check");
}

#[test]
fn a18_lost_reply_exits_with_unknown_and_records_the_state() {
    let lab = Lab::builder().servers(3).start();
    let relay = FaultyRelay::to(lab.admin(), "state maint", RelayFault::DropReply);
    let script = Script::new();
    let result = script.run(relay.path(), "maint be1/s2 --yes");
    assert_eq!(result.code, 5, "{result:?}");
    assert!(result.err.contains("sent, but HAProxy closed the connection without a reply; state now: MAINT"));
    let text = std::fs::read_to_string(script.audit_path()).unwrap();
    let done: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((done["after"]["status"].as_str(), done["verified"].as_bool()), (Some("MAINT"), None), "{done}");
}

/// Starts a socket that forwards to the lab and replaces the command by another one, and the empty reply to it by a text.
fn relay_with_text(lab: &Lab, replaced_by: &'static str, text: &'static str) -> FakeSocket {
    let admin = lab.admin().to_owned();
    FakeSocket::with_handler(move |line, stream| {
        let command = "set server be1/s2 state maint";
        let mut reply = send_command_to(&admin, &line.replace(command, replaced_by)).unwrap();
        if line.contains(command) && !text.is_empty() {
            assert_eq!(reply.pop(), Some('\n'), "HAProxy replies with an empty line");
            reply.push_str(text);
        }
        let _ = stream.write_all(reply.as_bytes());
    })
}

/// Returns the number of times that the administrative state was read after the command.
fn readbacks(relay: &FakeSocket) -> usize {
    let lines = relay.received();
    let command = lines.iter().position(|line| line.contains("state maint")).expect("the command was sent");
    lines[command..].iter().filter(|line| *line == "show servers state be1").count()
}

#[test]
fn a18_command_with_text_in_its_reply_is_read_back_once() {
    const MAINT: &str = "set server be1/s2 state maint";
    for (replaced_by, text, outcome, code) in [
        (MAINT, "\nDone.\n\n", "sent, but HAProxy replied \"Done.\"; state now: MAINT", 5),
        (MAINT, "[notice]: Done.\nIt was easy.\n\n", "sent, but HAProxy replied \"Done.\"; state now: MAINT", 5),
        ("set server be1/gone state maint", "", "refused by HAProxy: No such server.", 1),
        ("set server be1/s2 state ready", "Not now.\n\n", "refused by HAProxy: Not now.", 1),
    ] {
        let lab = Lab::builder().servers(3).start();
        let relay = relay_with_text(&lab, replaced_by, text);
        let script = Script::new();
        let result = script.run(relay.path(), "maint be1/s2 --yes");
        assert!(result.code == code && result.err.contains(outcome), "{outcome}: {result:?}");
        assert_eq!(readbacks(&relay), 1, "{outcome}: {:?}", relay.received());
        let records = std::fs::read_to_string(script.audit_path()).unwrap();
        let done: serde_json::Value = serde_json::from_str(records.lines().last().unwrap()).unwrap();
        assert_eq!(done["after"]["status"].as_str(), Some(status(&lab, "s2").as_str()), "{done}");
        assert_ne!(done["verified"], true, "{done}");

        let lab = Lab::builder().servers(3).start();
        let relay = relay_with_text(&lab, replaced_by, text);
        let mut term = start_dashboard_without_polling(relay.path());
        term.move_to_server("be1", "s2");
        term.press("M");
        answer_confirmation(&mut term, "Maintenance: ", "y");
        term.wait_for(outcome);
        assert_eq!(readbacks(&relay), 1, "{outcome}: {:?}", relay.received());
    }
}

#[test]
fn a19_state_set_by_another_operator_asks_again() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_on(&relay, "s2");
    term.press("D");
    term.wait_for("Drain: be1 / s2");
    lab.send_write_command("set server be1/s2 state maint");
    answer_confirmation(&mut term, "Drain: be1 / s2", "y");
    let screen = term.wait_for("please confirm again");
    assert!(screen.contains("it was no check, now it is MAINT"), "{screen}");
    assert_eq!((relay.write_commands(), status(&lab, "s2")), (Vec::new(), "MAINT".to_owned()));
}

#[test]
fn a19_drain_hidden_by_down_asks_again() {
    let lab = Lab::builder().servers(3).server_behavior("be1/s2", ServerBehavior::Closed).checks().start();
    lab.wait_stat("be1", "s2", "status", |status| status == "DOWN");
    let relay = Relay::to(lab.admin());
    let mut term = start_on(&relay, "s2");
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    lab.send_write_command("set server be1/s2 state drain");
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    let screen = term.wait_for("please confirm again");
    assert!(screen.contains("it is now in drain"), "{screen}");
    assert_eq!(relay.write_commands(), Vec::<String>::new());
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("verified, MAINT");
}

/// Opens a connection through a frontend that is held by its slow server.
fn hold_request(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n").unwrap();
    stream
}

/// Returns the number and the client of each session of `fe1`.
fn sessions(lab: &Lab) -> Vec<(String, String)> {
    let text = lab.send_command("show sess");
    let of_frontend = text.lines().filter(|line| line.contains(" fe=fe1 "));
    let word =
        |line: &str, key: &str| line.split(' ').find_map(|word| word.strip_prefix(key)).unwrap_or_default().to_owned();
    of_frontend.map(|line| (line.split(':').next().unwrap().to_owned(), word(line, "src="))).collect()
}

#[test]
fn v1_session_number_of_another_client_is_not_ended() {
    let slow = ServerBehavior::Slow(Duration::from_mins(1));
    let lab = Lab::builder()
        .servers(1)
        .server_behavior("be1/s1", slow)
        .global("nbthread 1")
        .defaults("option abortonclose")
        .start();
    let first = hold_request(lab.frontend_addr());
    wait_until("the session", || sessions(&lab).len() == 1);
    let (number, client) = sessions(&lab).remove(0);
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard_without_polling(relay.path());
    term.press("7<ret>/fe1<ret>");
    term.wait_for(&client);
    term.press("X");
    let question = term.wait_for("cancel");
    assert!(question.contains(&client) && question.contains("open for"), "{question}");
    drop(first);
    wait_until("the end of the session", || sessions(&lab).is_empty());
    // HAProxy gives the number to a later session, sooner or later.
    let mut others = Vec::new();
    let is_reused = (0..200).any(|_| {
        others.push(hold_request(lab.frontend_addr()));
        sessions(&lab).iter().any(|(other, _)| *other == number)
    });
    assert!(is_reused, "no session got {number} again: {:?}", sessions(&lab));
    let before = sessions(&lab);
    answer_confirmation(&mut term, "cancel", "y");
    term.wait_for("had ended before");
    assert_eq!((relay.write_commands(), sessions(&lab)), (Vec::new(), before));
}

#[test]
fn v2_ended_session_is_gone_although_its_number_is_used_again() {
    let slow = ServerBehavior::Slow(Duration::from_mins(1));
    let lab = Lab::builder().servers(1).server_behavior("be1/s1", slow).global("nbthread 1").start();
    let request = hold_request(lab.frontend_addr());
    wait_until("the session", || sessions(&lab).len() == 1);
    let (_, client) = sessions(&lab).remove(0);
    let mut term = start_dashboard_without_polling(lab.admin());
    term.press("7<ret>/fe1<ret>");
    term.wait_for(&client);
    term.press("X");
    answer_confirmation(&mut term, "cancel", "y");
    // The next question to HAProxy may get the number of the session that has ended.
    term.wait_for("verified, ended");
    assert_eq!(sessions(&lab), []);
    drop(request);
}

#[test]
fn v7_ending_all_sessions_waits_until_they_are_gone() {
    let slow = ServerBehavior::Slow(Duration::from_mins(1));
    let lab = Lab::builder().servers(2).server_behavior("be1/s1", slow).start();
    lab.send_write_command("set server be1/s2 state maint");
    let held: Vec<TcpStream> = (0..20).map(|_| hold_request(lab.frontend_addr())).collect();
    wait_until("the sessions", || lab.stat("be1", "s1", "scur") == "20");
    let relay = Relay::to(lab.admin());
    let mut term = start_on(&relay, "s1");
    term.press(":server.end-sessions<ret>");
    type_name(&mut term, "s1");
    term.wait_for("be1/s1: verified, 0 sessions now");
    assert_eq!(lab.stat("be1", "s1", "scur"), "0");
    drop(held);
    // New requests keep arriving: the result says that the sessions may be new ones.
    let traffic = Traffic::to(lab.frontend_addr()).workers(3).start();
    wait_until("the sessions", || lab.stat("be1", "s1", "scur") == "3");
    term.press(":server.end-sessions<ret>");
    type_name(&mut term, "s1");
    term.wait_until(|screen| screen.contains("verified, 0 sessions now") || screen.contains("which may be new ones"));
    drop(traffic);
}
