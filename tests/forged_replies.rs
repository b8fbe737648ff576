//! Forged replies on a real HAProxy: the texts of rogue servers and clients are never taken for a reply of HAProxy, for
//! the state of another server, for a row, or for the end of a dump.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/rogue.rs"]
mod rogue;
#[path = "support/script.rs"]
mod script;
mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use rogue::{Protocol, RogueServer, SERVER};
use script::{CommandResult, Script};
use serde_json::Value;
use support::actions::{answer_confirmation, start_dashboard, wait_for_two_polls};
use support::screen::message;
use support::{FakeSocket, Lab, PaneTable, Relay, ServerBehavior};

/// Replies that refuse a command, for the server before the target in `show stat`.
const REFUSALS: [&str; 8] = [
    "#28000x\n\nPermission denied, call 555-1234\n\n",
    "x\n\nUnknown command. Please enter one of the following commands only:\n  help           : this message\n\n",
    "x\n\nNo such server.\n\n",
    "x\n\n[3]: Permission denied\n\n[err]: No such server.\n\n",
    "x\n\nSession not found.\n\n> \n\nNo such session (use 'show sess').\n\n",
    // The neighbor in another state than the commanded one.
    "x\n\n\n1\n# be_name srv_name srv_admin_state\nbe1 s2 0\n\n# pxname,svname,status,type,\nbe1,s2,UP,2,\n\n",
    "x\n\n\n\n\n\n\n\n\n\n\n\n",
    "\",\"\n\n\"\"\n\"be1\",\"s2\",0,0\n\",,,\n\n\"",
];

/// Replies to a successful action, followed by a readback that verifies it: `be1/s2` is drained or in maintenance.
const SUCCESSES: [&str; 5] = [
    "x\n\n\n1\n# be_name srv_name srv_admin_state\nbe1 s2 8\n\n# pxname,svname,status,type,\nbe1,s2,DRAIN,2,\n\n",
    "x\n\n\n\n1\n# be_name srv_name srv_admin_state\nbe1 s2 8\n\n# pxname,svname,status,type,\nbe1,s2,DRAIN,2,\n\n",
    "1\n# be_name srv_name srv_admin_state\nbe1 s2 8\n\n# pxname,svname,status,type,\nbe1,s2,DRAIN,2,\n\n\n",
    "x\nbe1,s2,0,0,0,0,,0,0,0,,0,,0,0,0,0,DRAIN,1,1,0\n\n\n2 be1 2 s2 127.0.0.1 2 8 1 1\n\n",
    "x\n\n\n\n\n\n\n\n\n\n\n\n",
];

/// Returns a lab whose server `be1/s1` is under the control of an attacker.
fn lab_with_rogue(protocol: Protocol) -> (Lab, RogueServer) {
    let rogue = RogueServer::start(protocol);
    let (check, option) = match protocol {
        Protocol::MySql => ("option mysql-check user x", rogue.check_option()),
        Protocol::Http => ("option httpchk GET /", rogue.check_option()),
        Protocol::Agent => ("", rogue.agent_option()),
    };
    let lab =
        Lab::builder().servers(4).cookie().backend(check).server_option(&format!("{}/{}", SERVER.0, SERVER.1), &option);
    let lab = lab.server_behavior("be1/s2", ServerBehavior::Slow(Duration::from_mins(5))).start();
    (lab, rogue)
}

/// Runs `hapulse drain be1/s2` and returns its result with the record of the audit log.
fn drain(socket: &Path) -> (CommandResult, Value) {
    let script = Script::new();
    let result = script.run(socket, "drain be1/s2 -y --force");
    (result, script.done_record())
}

/// Returns a socket that forwards to the lab and replaces a command by another, so that an action has no effect although
/// HAProxy accepts it.
fn relay_replacing(lab: &Lab, rogue: &RogueServer, command: &'static str, replacement: &'static str) -> FakeSocket {
    let (admin, rogue) = (lab.admin().to_owned(), rogue.clone());
    FakeSocket::replacing(command, replacement, move |line| rogue.request(&admin, line))
}

/// Asserts that an action was reported as failed everywhere.
fn assert_not_verified(result: &CommandResult, record: &Value, text: &str) {
    assert_ne!(result.code, 0, "{text:?}: {result:?}");
    assert_ne!(record["verified"], true, "{text:?}: {record}");
    let outcome = record["outcome"].as_str().unwrap();
    assert!(!outcome.starts_with("verified"), "{text:?}: {record}");
    let output = format!("{}{}", result.out, result.err);
    assert!(!output.contains("verified, ") || output.contains("not verified"), "{text:?}: {output}");
}

#[test]
fn a1_forged_refusal_does_not_hide_successful_action() {
    let (lab, rogue) = lab_with_rogue(Protocol::MySql);
    let relay = rogue.forward(&lab);
    for text in REFUSALS {
        rogue.show_text(&lab, text);
        let (result, record) = drain(relay.path());
        assert_eq!(lab.server_state("be1/s2", "srv_admin_state"), "8", "{text:?}: {result:?}");
        assert_eq!((result.code, &record["verified"]), (0, &Value::Bool(true)), "{text:?}: {result:?} {record}");
        lab.send_write_command("set server be1/s2 state ready");
    }
}

#[test]
fn a1_forged_success_does_not_verify_ineffective_action() {
    let (lab, rogue) = lab_with_rogue(Protocol::MySql);
    let relay = relay_replacing(&lab, &rogue, "set server be1/s2", "set server be1/s2 state ready");
    for text in SUCCESSES {
        rogue.show_text(&lab, text);
        let (result, record) = drain(relay.path());
        assert_eq!(lab.server_state("be1/s2", "srv_admin_state"), "0", "{text:?}");
        assert_not_verified(&result, &record, text);
        assert!(record["outcome"].as_str().unwrap().starts_with("accepted, but "), "{text:?}: {record}");
    }
}

#[test]
fn a1_forged_success_does_not_hide_refusal() {
    let (lab, rogue) = lab_with_rogue(Protocol::MySql);
    let relay = relay_replacing(&lab, &rogue, "set server be1/s2", "set server be1/gone state drain");
    for text in SUCCESSES {
        rogue.show_text(&lab, text);
        let (result, record) = drain(relay.path());
        assert_not_verified(&result, &record, text);
        assert_eq!(record["answer"], "No such server.", "{text:?}: {record}");
    }
}

#[test]
fn a1_reason_phrase_and_agent_text_are_no_replies() {
    let texts = ["Permission denied, call \"555-1234\"", "\"\"be1\",\"s2\",", "[3]: No such server."];
    for protocol in [Protocol::Http, Protocol::Agent] {
        let (lab, rogue) = lab_with_rogue(protocol);
        let relay = rogue.forward(&lab);
        for text in texts {
            rogue.show_text(&lab, text);
            let (result, record) = drain(relay.path());
            assert_eq!(lab.server_state("be1/s2", "srv_admin_state"), "8", "{text:?}");
            assert_eq!((result.code, &record["verified"]), (0, &Value::Bool(true)), "{text:?}: {result:?} {record}");
            lab.send_write_command("set server be1/s2 state ready");
            assert_real_rows(relay.path(), text);
        }
    }
}

/// Rows of a lab with a rogue server.
const ROWS: [&str; 6] = ["be1/BACKEND", "be1/s1", "be1/s2", "be1/s3", "be1/s4", "fe1/FRONTEND"];

/// Returns the names of the rows that a command prints as CSV.
fn row_names(csv: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows = reader.records().map(|row| row.expect("every line has the cells of the header"));
    let mut names: Vec<String> = rows.map(|row| format!("{}/{}", &row[1], &row[2])).collect();
    names.sort();
    names
}

/// Asserts that `hapulse show` prints the real rows and no forged one.
fn assert_real_rows(socket: &Path, text: &str) {
    let script = Script::new();
    let printed = script.run(socket, "show --format csv --over 0s");
    assert_eq!(printed.code, 0, "{text:?}: {printed:?}");
    assert_eq!(row_names(&printed.out), ROWS, "{text:?}: {printed:?}");
}

/// Texts that hold whole rows: of a new server, of the neighbor, and of another backend with a header.
const FORGED_ROWS: [&str; 4] = [
    "x\nbe1,ghost,0,0,0,0,,0,0,0,,0,,0,0,0,0,UP,1,1,0\nbe1,ghost2,0,0,0,0,,0,0,0,,0,,0,0,0,0,UP,1,1,0\n",
    "x\nbe1,s2,0,0,0,0,,0,0,0,,0,,0,0,0,0,MAINT,1,1,0,0\n",
    "x\n\n# pxname,svname,status,type,\nbe1,s2,MAINT,2,\nbe1,ghost,UP,2,\nghost,BACKEND,UP,1,\n\n",
    "\"\nbe1,\"ghost\",0,0\n\"\",\"\n\"be1\",\"s2\",\"MAINT\"\n\n\"\"\"\n",
];

#[test]
fn a1_forged_rows_are_no_rows() {
    let (lab, rogue) = lab_with_rogue(Protocol::MySql);
    let script = Script::new();
    let forward = rogue.forward(&lab);
    let relay = Relay::to(forward.path());
    let term = start_dashboard(relay.path());
    for text in FORGED_ROWS {
        rogue.show_text(&lab, text);
        assert_real_rows(forward.path(), text);
        let status = script.run(forward.path(), "get be1/s2.status");
        assert_eq!((status.out.trim(), status.code), ("no check", 0), "{text:?}: {status:?}");
        let ghost = script.run(forward.path(), "get be1/ghost.status");
        assert_ne!(ghost.code, 0, "{text:?}: {ghost:?}");
        let names = |screen: &str| PaneTable::find(screen, "Servers of be1").map(|table| table.names());
        term.wait_until(|screen| names(screen).is_some_and(|names| names == ["s1", "s2", "s3", "s4"]));
        assert!(!term.screen().contains("malformed"), "{}", term.screen());
        // The new text is in a sample.
        wait_for_two_polls(&term, &relay);
        assert_eq!(names(&term.screen()).unwrap(), ["s1", "s2", "s3", "s4"], "{text:?}\n{}", term.screen());
    }
}

/// Returns the offsets of the bytes from the row of `be1/s1` to the end of the row after it.
fn offsets_of_forged_row(reply: &[u8]) -> std::ops::Range<usize> {
    let text = String::from_utf8_lossy(reply);
    let start = text.find("\nbe1,s1,").expect("the row of the rogue server");
    start..text.rfind("\nbe1,s3,").expect("the row of another server")
}

#[test]
fn a1_dump_cut_anywhere_in_forged_text_is_no_sample() {
    let (lab, rogue) = lab_with_rogue(Protocol::MySql);
    let script = Script::new();
    let text = "x\n\n\"\n\n# pxname,svname,status,type,\nbe1,s2,MAINT,2,\n\nName: HAProxy\nPid: 1\n\n\"\"\n\n";
    rogue.show_text(&lab, text);
    let reply = rogue.request(lab.admin(), "show info;show stat").into_bytes();
    let offsets = offsets_of_forged_row(&reply);
    let fake = FakeSocket::with_handler(|_, _| ());
    for offset in offsets {
        let part = reply[..offset].to_vec();
        fake.set_behavior(FakeSocket::handling_lines(move |_, stream| drop(stream.write_all(&part))));
        let result = script.run(fake.path(), "show --format csv --over 0s");
        let end = String::from_utf8_lossy(&reply[offset.saturating_sub(20)..offset]).into_owned();
        assert_ne!(result.code, 0, "cut after {end:?}: {result:?}");
        assert_eq!(result.out, "", "cut after {end:?}: {result:?}");
    }
}

#[test]
fn a1_pause_after_forged_empty_line_does_not_end_a_dump() {
    let (lab, rogue) = lab_with_rogue(Protocol::MySql);
    let script = Script::new();
    rogue.show_text(&lab, "x\n\nbe1,ghost,0\n\n\n\n1\n\n");
    let reply = rogue.request(lab.admin(), "show info;show stat").into_bytes();
    let offsets = offsets_of_forged_row(&reply);
    // HAProxy 3.0 has no empty line there.
    let ends: Vec<usize> = offsets.filter(|offset| reply[..*offset].ends_with(b"\n")).collect();
    assert!(!ends.is_empty());
    for offset in ends {
        let (first, rest) = (reply[..offset].to_vec(), reply[offset..].to_vec());
        let fake = FakeSocket::with_handler(move |_, stream| {
            let _ = stream.write_all(&first);
            // Ends early if the client closes the connection, which it must not.
            let _ = stream.set_read_timeout(Some(Duration::from_millis(400)));
            let _ = stream.read(&mut [0]);
            let _ = stream.write_all(&rest);
        });
        let result = script.run(fake.path(), "show --format csv --over 0s");
        assert_eq!(result.code, 0, "{result:?}");
        assert_eq!(row_names(&result.out), ROWS, "{result:?}");
    }
}

#[test]
fn a1_dashboard_actions_are_verified_beside_forged_refusal() {
    let (lab, rogue) = lab_with_rogue(Protocol::MySql);
    rogue.show_text(&lab, REFUSALS[0]);
    let relay = rogue.forward(&lab);
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    let actions =
        [("M", "Maintenance: ", "MAINT"), ("E", "Enable: ", "no check"), ("W40<ret>", "Weight: ", "weight 40")];
    for (count, (keys, title, state)) in actions.into_iter().enumerate() {
        term.press(keys);
        answer_confirmation(&mut term, title, "y");
        let records = term.wait_for_done_records(count + 1);
        assert_eq!(records[count]["verified"], true, "{}", records[count]);
        term.wait_until(|screen| message(screen).contains(&format!("verified, {state}")));
    }
    assert_eq!(lab.server_state("be1/s2", "srv_admin_state"), "0");
    assert_eq!(lab.server_state("be1/s2", "srv_uweight"), "40");
}

#[test]
fn a1_ineffective_dashboard_actions_are_not_verified() {
    let (lab, rogue) = lab_with_rogue(Protocol::MySql);
    let relay = relay_replacing(&lab, &rogue, "set ", "set server be1/s2 state ready");
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    let state = "# be_name srv_name srv_uweight srv_op_state\nbe1 s2 40 0\n\n";
    let cases = [
        ("W40<ret>", "Weight: ", "# pxname,svname,weight,type,\nbe1,s2,40,2,\n\n"),
        (":server.maxconn<ret>7<ret>", "Server maxconn: ", "# pxname,svname,slim,type,\nbe1,s2,7,2,\n\n"),
        (":server.health-down<ret>", "Health down: ", "# pxname,svname,type,\nbe1,s2,2,\n\n"),
    ];
    for (count, (keys, title, row)) in cases.into_iter().enumerate() {
        rogue.show_text(&lab, &format!("x\n\n\n1\n{state}{row}"));
        term.press(keys);
        answer_confirmation(&mut term, title, "y");
        let record = term.wait_for_done_records(count + 1).remove(count);
        assert_ne!(record["verified"], true, "{record}");
        assert!(record["outcome"].as_str().unwrap().starts_with("accepted, but "), "{record}");
        term.wait_until(|screen| message(screen).contains("accepted, but "));
    }
    let columns = ["srv_uweight", "srv_op_state"].map(|column| lab.server_state("be1/s2", column));
    assert_eq!((columns, lab.stat("be1", "s2", "slim")), (["1".to_owned(), "2".to_owned()], String::new()));
}

#[test]
fn a1_readback_cut_in_forged_text_verifies_nothing() {
    let (lab, rogue) = lab_with_rogue(Protocol::MySql);
    let text = SUCCESSES[0];
    rogue.show_text(&lab, text);
    let ends = text.match_indices("\n\n").map(|(at, _)| at + 2);
    for part in ends.map(|end| text[..end].to_owned()) {
        let (admin, rogue) = (lab.admin().to_owned(), rogue.clone());
        let relay = FakeSocket::with_handler(move |line, stream| {
            let line = line.replace("set server be1/s2 state drain", "set server be1/s2 state ready");
            let reply = rogue.request(&admin, &line);
            // HAProxy 3.0 replaces line breaks by blanks. Polls are complete.
            let start = reply.find(&part).or_else(|| reply.find(&part.replace('\n', " ")));
            let end = start.filter(|_| !line.contains("show info")).map(|start| start + part.len());
            let _ = stream.write_all(&reply.as_bytes()[..end.unwrap_or(reply.len())]);
        });
        let (result, record) = drain(relay.path());
        assert_not_verified(&result, &record, text);
    }
}

#[test]
fn a1_typed_dump_cut_in_forged_text_is_shown_as_truncated() {
    let (lab, rogue) = lab_with_rogue(Protocol::MySql);
    rogue.show_text(&lab, "x\n\n<END>\n\nbe1,ghost\n\n");
    let admin = lab.admin().to_owned();
    let relay = FakeSocket::with_handler(move |line, stream| {
        let reply = rogue.request(&admin, line);
        let end = reply.find("<END>").filter(|_| line == "show stat").map(|start| start + "<END>  ".len());
        let _ = stream.write_all(&reply.as_bytes()[..end.unwrap_or(reply.len())]);
    });
    let mut term = start_dashboard(relay.path());
    term.press("5");
    term.wait_for("HAProxy's own commands");
    term.press("show stat<ret>");
    term.wait_for("(the reply was truncated)");
}

#[test]
fn a1_session_kill_is_verified_beside_forged_refusal() {
    let (lab, rogue) = lab_with_rogue(Protocol::MySql);
    lab.open_requests(1);
    rogue.show_text(&lab, REFUSALS[4]);
    let relay = rogue.forward(&lab);
    let mut term = start_dashboard(relay.path());
    term.select_session();
    term.press("X");
    answer_confirmation(&mut term, "Shutdown of session 127.0.0.1:", "y");
    let records = term.wait_for_done_records(1);
    assert_eq!(records[0]["verified"], true, "{}", records[0]);
}

#[test]
fn a1_ineffective_session_kills_are_not_verified() {
    let (lab, rogue) = lab_with_rogue(Protocol::MySql);
    lab.open_requests(1);
    lab.send_write_command("set server be1/s2 state drain");
    let text = "x\n\n\nSession not found.\n\n# pxname,svname,scur,status,type,\nbe1,s2,0,DRAIN,2,\n\n\n";
    rogue.show_text(&lab, text);
    let relay = relay_replacing(&lab, &rogue, "shutdown ", "set server be1/s2 state drain");
    let mut term = start_dashboard(relay.path());
    term.select_session();
    term.press("X");
    answer_confirmation(&mut term, "Shutdown of session 127.0.0.1:", "y");
    term.wait_for_done_records(1);
    term.press("1");
    term.move_to_path("be1/s2");
    term.press(":server.end-sessions<ret>");
    answer_confirmation(&mut term, "Shutdown of all sessions: ", "s2<ret>");
    for record in term.wait_for_done_records(2) {
        assert_ne!(record["verified"], true, "{record}");
        assert!(!record["outcome"].as_str().unwrap().starts_with("verified"), "{record}");
    }
    assert_eq!(lab.stat("be1", "s2", "scur"), "1");
}

/// Sends bytes to an address and reads the reply.
fn send_raw(addr: std::net::SocketAddr, request: &[u8]) {
    let mut stream = std::net::TcpStream::connect(addr).unwrap();
    stream.write_all(request).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn a1_client_texts_are_no_replies() {
    let sections = "backend clients\n    stick-table type string len 64 size 100 expire 10m store http_req_cnt\n\
                    frontend web\n    bind {{web}}\n    \
                    http-request track-sc0 url_param(k),url_dec table clients\n    default_backend be1\n";
    let lab = Lab::builder().sections(sections).start();
    let key = "%0A%0APermission%20denied%0A%0A0x1:%20key=ghost%20use=0%0A%0A";
    send_raw(lab.addr("web"), format!("GET /?k={key} HTTP/1.0\r\n\r\n").as_bytes());
    send_raw(
        lab.addr("web"),
        b"GET / HTTP/1.0\r\nA b\n\nPermission denied\n\n0x1: key=ghost\n# pxname,svname\n\r\n\r\n",
    );
    assert!(lab.send_command("show errors").contains("Permission denied"), "HAProxy keeps the bad request");
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.open_stick_table();
    let screen = term.wait_for("clients: 1 entr");
    assert!(!screen.lines().any(|line| line.trim_start().starts_with("ghost")), "{screen}");
    term.press("X");
    term.wait_for("cannot be used in a command: it contains white space");
    assert_eq!(relay.write_commands(), [""; 0]);
    term.press("<esc><esc>5");
    term.press("show errors<ret>");
    // HAProxy puts the offset before each line of the request.
    let screen = term.wait_for("Permission denied");
    assert!(screen.contains("live") && !screen.contains("─ Session"), "{screen}");
}
