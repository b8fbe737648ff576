//! Odd names through the real binary: of servers, from a socket that tells such (HAProxy itself takes few of them), and
//! of the keys of a real HAProxy's stick table, which hold whatever clients send.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use support::acts::{answer, bottom, dashboard, let_polls_pass};
use support::{Answers, Fake, Lab, Relay, Term, wait_until};

/// A fake in front of which stands what a real HAProxy said, with other names for the servers of `be1`.
fn fake(lab: &Lab, names: &[String]) -> Fake {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let stat: String = lab
        .ask("show stat")
        .split_inclusive('\n')
        .map(|line| {
            let number = line.strip_prefix("be1,s").and_then(|rest| rest.split(',').next()?.parse::<usize>().ok());
            match number.and_then(|number| Some((number, names.get(number - 1)?))) {
                Some((number, name)) => line.replacen(&format!("s{number}"), &quoted(name), 1),
                None => line.to_owned(),
            }
        })
        .collect();
    let answers = Answers::recorded(lab, &["show info", "show cli level"]);
    Fake::recorded(answers.on("show stat", stat).on("show servers state", "1\n\n"))
}

fn dashboard_of_servers(path: &Path) -> Term {
    let mut term = dashboard(path);
    term.press("1");
    // Into the first server.
    term.wait_grid(|grid| grid.paths().contains(&"be1"));
    term.press("gjj");
    term
}

/// What was said to the fake beside questions that hold no name.
fn said(fake: &Fake) -> Vec<String> {
    const PLAIN: [&str; 3] = ["show info;show stat", "show cli level", "show servers state"];
    fake.received().into_iter().filter(|line| !PLAIN.contains(&line.as_str())).collect()
}

fn let_fake_polls_pass(term: &Term, fake: &Fake) {
    term.wait_read();
    let polls = || fake.received().iter().filter(|line| line.contains("show info")).count();
    let before = polls();
    wait_until("two more polls", || polls() >= before + 2);
}

#[test]
fn servers_with_odd_names_are_shown_and_not_acted_on() {
    let odd = [
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
    let names: Vec<String> = odd.iter().map(|name| (*name).to_owned()).collect();
    let lab = Lab::builder().servers(odd.len()).start();
    let fake = fake(&lab, &names);
    let mut term = dashboard_of_servers(fake.path());
    let keys = ["M", "D", "E", "<f4>", "[", ":server.end-sessions<ret>", ":everywhere.maint<ret>"];
    for (place, name) in names.iter().enumerate() {
        for key in keys {
            term.press("o");
            term.wait_for("only one HAProxy is watched");
            term.press(key);
            term.wait_for("cannot be put into a command: it holds");
            assert!(!term.screen().contains("leave it"), "{name:?} {key}: {}", term.screen());
            // Neither an answer nor what might be typed for one does anything.
            term.press("U");
        }
        if place + 1 < names.len() {
            term.press("j");
        }
    }
    let_fake_polls_pass(&term, &fake);
    assert_eq!(said(&fake), [""; 0]);
    assert!(term.audit().is_empty());
    // No name has written to the terminal what it holds.
    let text = String::from_utf8(term.raw()).expect("the terminal gets UTF-8 only");
    assert!(!text.contains('\u{202e}') && !text.contains('\u{301}') && !text.contains("\u{1b}[31m1"));
}

#[test]
fn long_and_wide_names_are_acted_on_by_their_whole_name() {
    let names = ["a".repeat(200), "漢字サーバー".to_owned(), "größe".to_owned(), "x,y".to_owned(), "q\"q".to_owned()];
    let lab = Lab::builder().servers(names.len() + 3).start();
    let fake = fake(&lab, &names);
    let mut term = dashboard_of_servers(fake.path());
    let mut acts = Vec::new();
    for name in &names {
        term.press("M");
        let command = format!("set server be1/{name} state maint");
        // The whole command is shown, broken where it is too long.
        let screen = term.wait_for("leave it");
        let shown: String = screen.lines().filter_map(|line| line.split('│').nth(1)).map(str::trim).collect();
        assert!(shown.starts_with(&command), "{screen}");
        answer(&mut term, "leave it", "y");
        term.wait_gone("leave it");
        acts.push(command);
        wait_until("the act", || {
            let sent = said(&fake);
            sent.iter().flat_map(|line| line.split(';')).filter(|command| command.starts_with("set ")).count()
                == acts.len()
        });
        // The fake does not tell of its effect: the act goes on looking for it.
        term.wait_ends(acts.len());
        term.press("j");
    }
    let sent = said(&fake);
    let sent: Vec<&str> =
        sent.iter().flat_map(|line| line.split(';')).filter(|part| part.starts_with("set ")).collect();
    assert_eq!(sent, acts);
    let ends = term.wait_ends(acts.len());
    let told: Vec<&str> = ends.iter().filter_map(|end| end["command"].as_str()).collect();
    assert_eq!(told, acts);
}

#[test]
fn the_name_to_type_is_the_whole_name() {
    let name = "漢字-サーバー";
    let lab = Lab::builder().servers(1).start();
    let fake = fake(&lab, &[name.to_owned()]);
    let mut term = dashboard_of_servers(fake.path());
    term.press("M");
    answer(&mut term, &format!("type {name} and Enter"), "漢字<ret>");
    term.wait_for("that is not 漢字-サーバー");
    let_fake_polls_pass(&term, &fake);
    assert_eq!(said(&fake), [""; 0]);
    term.press("-サーバー<ret>");
    wait_until("the act", || {
        said(&fake).iter().any(|line| line.contains(&format!(";set server be1/{name} state maint;")))
    });
}

/// A request with this in a header, byte for byte.
fn request(lab: &Lab, client: &[u8]) {
    let mut stream = TcpStream::connect(lab.addr("web")).unwrap();
    let request = [b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nX-Client: ", client, b"\r\n\r\n"].concat();
    stream.write_all(&request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn odd_keys_of_a_stick_table_are_cleared_alone_or_not_at_all() {
    let sections = "backend clients\n    stick-table type string len 256 size 100 expire 10m store http_req_cnt\n\
                    frontend web\n    bind {{web}}\n    http-request track-sc0 req.fhdr(X-Client) table clients\n    \
                    http-request return status 200\n";
    let lab = Lab::builder().sections(sections).start();
    let long = "k".repeat(200);
    let plain = ["bob", "a/b", "#5", "x,y", "[::1]:80", "data.gpc0", "100%"];
    // HAProxy itself tells some of them with escapes, which it does not take back.
    let odd: [&[u8]; 10] = [
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
        .chain(odd.iter().map(|key| key.to_vec()))
        .collect();
    for key in &keys {
        request(&lab, key);
    }
    let entries = |lab: &Lab| lab.ask("show table clients").lines().filter(|line| line.starts_with("0x")).count();
    assert_eq!(entries(&lab), keys.len());
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.press("8");
    term.wait_for("lists the stick tables");
    term.press("<ret>");
    term.wait_for("1 of 1 tables");
    term.press("<ret>");
    term.wait_for(&format!("clients: {} entries", keys.len()));
    // Each line in turn: it is asked about, and then cleared, and is gone from the list; or it is refused, and stays.
    let (mut cleared, mut refused) = (0, 0);
    for _ in 0..keys.len() {
        term.press(&format!("g{}o", "j".repeat(refused)));
        term.wait_for("only one HAProxy is watched");
        term.press("X");
        let screen = term.wait_until(|screen| screen.contains("leave it") || screen.contains("cannot be put into"));
        if screen.contains("leave it") {
            cleared += 1;
            answer(&mut term, "leave it", "y");
            let ends = term.wait_ends(cleared);
            let end = &ends[cleared - 1];
            assert_eq!(end["verified"], true, "{end}");
            // As much of it as the line has room for.
            let said: String = end["target"].as_str().unwrap().chars().take(60).collect();
            term.wait_until(|screen| bottom(screen).starts_with(&said));
            term.wait_for(&format!("clients: {} entries", keys.len() - cleared));
        } else {
            refused += 1;
        }
        assert_eq!(entries(&lab), keys.len() - cleared, "one at a time");
    }
    let acts = relay.acts();
    assert_eq!(acts.len(), cleared, "{acts:?}");
    assert!(acts.iter().all(|act| act.starts_with("clear table clients key ")), "{acts:?}");
    let left = lab.ask("show table clients");
    let mut expected: Vec<String> = plain.iter().map(|key| format!("clear table clients key {key}")).collect();
    expected.push(format!("clear table clients key {}", "k".repeat(200)));
    let mut sent = acts.clone();
    sent.sort();
    expected.sort();
    assert_eq!(sent, expected, "{left}");
    assert_eq!(refused, odd.len());
    let_polls_pass(&term, &relay);
    assert_eq!(entries(&lab), odd.len());
}
