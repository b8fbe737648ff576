//! Unsafe names: server names from a fake socket (HAProxy itself accepts few of them), and keys of a real HAProxy's
//! stick table, which contain any bytes that clients send.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use support::actions::{answer_confirmation, start_dashboard, wait_for_two_polls};
use support::{CannedReplies, FakeSocket, Lab, Relay, Term, wait_until};

/// Starts a fake with the recorded replies of a real HAProxy, with other names for the servers of `be1`.
fn fake_with_server_names(lab: &Lab, names: &[String]) -> FakeSocket {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let stat: String = lab
        .send_command("show stat")
        .split_inclusive('\n')
        .map(|line| {
            let number = line.strip_prefix("be1,s").and_then(|rest| rest.split(',').next()?.parse::<usize>().ok());
            match number.and_then(|number| Some((number, names.get(number - 1)?))) {
                Some((number, name)) => line.replacen(&format!("s{number}"), &quoted(name), 1),
                None => line.to_owned(),
            }
        })
        .collect();
    let replies = CannedReplies::record(lab, &["show info", "show cli level"]);
    FakeSocket::with_replies(replies.on("show stat", stat).on("show servers state", "1\n\n"))
}

/// Starts the dashboard with the cursor on the first server.
fn dashboard_on_first_server(path: &Path) -> Term {
    let mut term = start_dashboard(path);
    term.press("1");
    // To the first server.
    term.wait_grid(|grid| grid.paths().contains(&"be1"));
    term.press("gjj");
    term
}

/// Returns the lines sent to the fake, without the read-only commands that contain no name.
fn lines_with_names(fake: &FakeSocket) -> Vec<String> {
    const WITHOUT_NAMES: [&str; 5] =
        ["show info;show stat", "show cli level", "show servers state", "show resolvers", "show ssl cert"];
    fake.received().into_iter().filter(|line| !WITHOUT_NAMES.contains(&line.as_str())).collect()
}

/// Waits two polls, so that any command a pressed key triggers has been sent.
fn wait_for_two_polls_of_fake(term: &Term, fake: &FakeSocket) {
    term.wait_input_read();
    let polls = || fake.received().iter().filter(|line| line.contains("show info")).count();
    let before = polls();
    wait_until("two more polls", || polls() >= before + 2);
}

#[test]
fn actions_are_refused_for_unsafe_server_names() {
    let unsafe_names = [
        "s1;disable frontend fe1",
        "s1 state maint",
        "s1\nshutdown sessions server be1/s2",
        "s1\r\ndisable server be1/s2",
        "s1<<",
        "s1\\",
        "s1\\;x",
        "a/b",
        "#1",
        "e\u{301}a\u{308}",
        "s\u{202e}1",
        "s\u{1b}[31m1",
        "tab\there",
        "nul\0l",
    ];
    let names: Vec<String> = unsafe_names.iter().map(|name| (*name).to_owned()).collect();
    let lab = Lab::builder().servers(unsafe_names.len()).start();
    let fake = fake_with_server_names(&lab, &names);
    let mut term = dashboard_on_first_server(fake.path());
    let keys = ["M", "D", "E", "<f4>", "[", ":server.end-sessions<ret>", ":everywhere.maint<ret>"];
    for (index, name) in names.iter().enumerate() {
        for key in keys {
            term.press("o");
            term.wait_for("there is only one instance");
            term.press(key);
            term.wait_for("cannot be used in a command: it contains");
            assert!(!term.screen().contains("cancel"), "{name:?} {key}: {}", term.screen());
            // No confirmation is open, so further keys send nothing.
            term.press("U");
        }
        if index + 1 < names.len() {
            term.press("j");
        }
    }
    wait_for_two_polls_of_fake(&term, &fake);
    assert_eq!(lines_with_names(&fake), [""; 0]);
    assert!(term.audit_records().is_empty());
    // No name reaches the terminal unescaped.
    let text = String::from_utf8(term.raw()).expect("the output is UTF-8");
    assert!(!text.contains('\u{202e}') && !text.contains('\u{301}') && !text.contains("\u{1b}[31m1"));
}

#[test]
fn actions_send_long_and_wide_names_in_full() {
    let names = ["a".repeat(200), "漢字サーバー".to_owned(), "größe".to_owned(), "x,y".to_owned(), "q\"q".to_owned()];
    let lab = Lab::builder().servers(names.len() + 3).start();
    let fake = fake_with_server_names(&lab, &names);
    let mut term = dashboard_on_first_server(fake.path());
    let mut commands = Vec::new();
    for name in &names {
        term.press("M");
        let command = format!("set server be1/{name} state maint");
        // The confirmation shows the whole command, wrapped if it is too long.
        let screen = term.wait_for("cancel");
        let shown: String = screen.lines().filter_map(|line| line.split('│').nth(1)).map(str::trim).collect();
        assert!(shown.starts_with(&command), "{screen}");
        answer_confirmation(&mut term, "cancel", "y");
        term.wait_gone("cancel");
        commands.push(command);
        wait_until("the command", || {
            let sent = lines_with_names(&fake);
            sent.iter().flat_map(|line| line.split(';')).filter(|command| command.starts_with("set ")).count()
                == commands.len()
        });
        // The fake never shows the effect: the verification of the action continues until its timeout.
        term.wait_for_done_records(commands.len());
        term.press("j");
    }
    let sent = lines_with_names(&fake);
    let sent: Vec<&str> =
        sent.iter().flat_map(|line| line.split(';')).filter(|part| part.starts_with("set ")).collect();
    assert_eq!(sent, commands);
    let done_records = term.wait_for_done_records(commands.len());
    let audited: Vec<&str> = done_records.iter().filter_map(|record| record["command"].as_str()).collect();
    assert_eq!(audited, commands);
}

#[test]
fn confirmation_requires_whole_wide_name() {
    let name = "漢字-サーバー";
    let lab = Lab::builder().servers(1).start();
    let fake = fake_with_server_names(&lab, &[name.to_owned()]);
    let mut term = dashboard_on_first_server(fake.path());
    term.press("M");
    answer_confirmation(&mut term, &format!("type \"{name}\""), "漢字<ret>");
    term.wait_for("does not match \"漢字-サーバー\"");
    wait_for_two_polls_of_fake(&term, &fake);
    assert_eq!(lines_with_names(&fake), [""; 0]);
    term.answer("-サーバー<ret>");
    wait_until("the command", || {
        lines_with_names(&fake).iter().any(|line| line.ends_with(&format!(";set server be1/{name} state maint")))
    });
}

/// Sends a request with these bytes in the header `X-Client`.
fn send_request(lab: &Lab, client: &[u8]) {
    let mut stream = TcpStream::connect(lab.addr("web")).unwrap();
    let request = [b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nX-Client: ", client, b"\r\n\r\n"].concat();
    stream.write_all(&request).unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    assert!(response.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&response));
}

#[test]
fn entry_clear_removes_one_entry_and_refuses_unsafe_keys() {
    let sections = "backend clients\n    stick-table type string len 256 size 100 expire 10m store http_req_cnt\n\
                    frontend web\n    bind {{web}}\n    http-request track-sc0 req.fhdr(X-Client) table clients\n    \
                    http-request return status 200\n";
    let lab = Lab::builder().sections(sections).start();
    let long = "k".repeat(200);
    let plain = ["bob", "a/b", "#5", "x,y", "[::1]:80", "data.gpc0", "100%"];
    // HAProxy prints some of them with escapes that it does not accept in commands.
    let unsafe_keys: [&[u8]; 10] = [
        "é".as_bytes(),
        "漢字".as_bytes(),
        b"a;clear table clients",
        b"bob key alice",
        b"back\\slash",
        b"x<<y",
        b"esc\x1b[31m",
        b"\xff\xfe",
        "e\u{301}".as_bytes(),
        "\u{202e}abc".as_bytes(),
    ];
    let keys: Vec<Vec<u8>> = plain
        .iter()
        .map(|key| key.as_bytes().to_vec())
        .chain([long.into_bytes()])
        .chain(unsafe_keys.iter().map(|key| key.to_vec()))
        .collect();
    for key in &keys {
        send_request(&lab, key);
    }
    let entries =
        |lab: &Lab| lab.send_command("show table clients").lines().filter(|line| line.starts_with("0x")).count();
    assert_eq!(entries(&lab), keys.len());
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.open_stick_table();
    term.wait_for(&format!("clients: {} entries", keys.len()));
    // Each line in turn is either confirmed and cleared, or refused and stays in the list.
    let (mut cleared, mut refused) = (0, 0);
    for _ in 0..keys.len() {
        term.press(&format!("g{}o", "j".repeat(refused)));
        term.wait_for("there is only one instance");
        term.press("X");
        let screen = term.wait_until(|screen| screen.contains("cancel") || screen.contains("cannot be used in"));
        if screen.contains("cancel") {
            cleared += 1;
            answer_confirmation(&mut term, "cancel", "y");
            let done_records = term.wait_for_done_records(cleared);
            let record = &done_records[cleared - 1];
            assert_eq!(record["verified"], true, "{record}");
            // The result replaces the notice.
            term.wait_gone("there is only one instance");
            term.wait_for(&format!("clients: {} entries", keys.len() - cleared));
        } else {
            refused += 1;
        }
        assert_eq!(entries(&lab), keys.len() - cleared, "one entry at a time");
    }
    let commands = relay.write_commands();
    assert_eq!(commands.len(), cleared, "{commands:?}");
    assert!(commands.iter().all(|command| command.starts_with("clear table clients key ")), "{commands:?}");
    let left = lab.send_command("show table clients");
    let mut expected: Vec<String> = plain.iter().map(|key| format!("clear table clients key {key}")).collect();
    expected.push(format!("clear table clients key {}", "k".repeat(200)));
    let mut sent = commands.clone();
    sent.sort();
    expected.sort();
    assert_eq!(sent, expected, "{left}");
    assert_eq!(refused, unsafe_keys.len());
    wait_for_two_polls(&term, &relay);
    assert_eq!(entries(&lab), unsafe_keys.len());
}
