//! What others sent reaches neither the terminal nor a file as it came: every byte, in every text that HAProxy passes
//! on, through every view of the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::process::Command;

use support::terminal_bytes::unexpected_output;
use support::{CannedReplies, FakeSocket, Term, wait_until};

/// Attacks: a title, colours, an alternate screen, C1 controls, right-to-left, joiners, overlong and broken UTF-8,
/// a cursor that goes elsewhere.
const ATTACKS: [&[u8]; 14] = [
    b"\x1b]0;owned\x07",
    b"\x1b]52;c;b3duZWQ=\x1b\\",
    b"\x1b[38;5;213mred",
    b"\x1b[?1047l\x1b[3J\x1b[5;9r",
    b"\x1bP1$r\x1b\\",
    b"\xc2\x9b38;5;213m",
    b"\x9b31m",
    "\u{202e}gnp.exe\u{200b}\u{feff}\u{ad}".as_bytes(),
    b"\xc0\x9b[31m\xe0\x80\x9b",
    b"\xff\xfe\xf8\x88\x80\x80\x80",
    b"e\xcc\x81\xcc\x81\xcc\x81",
    b"\r\x08\x08\x0b\x0c\x0e\x85",
    b"\x08\x08",
    b"\x1b[2A\x1b[5D",
];

/// The texts of `show stat`, by column.
const TEXTS: [&str; 14] = [
    "pxname",
    "svname",
    "status",
    "check_status",
    "last_chk",
    "agent_status",
    "last_agt",
    "check_desc",
    "agent_desc",
    "cookie",
    "mode",
    "algo",
    "addr",
    "tracked",
];

/// One text for each byte, and one for each attack; the number in front keeps names apart.
fn payloads() -> Vec<Vec<u8>> {
    let bytes = (0..=255_u8).map(|byte| vec![b'<', byte, b'>']);
    let texts = bytes.chain(ATTACKS.iter().map(|attack| attack.to_vec()));
    texts.enumerate().map(|(number, text)| [format!("x{number}").as_bytes(), &text].concat()).collect()
}

/// A field as HAProxy would quote it.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for byte in text {
        out.extend(std::iter::repeat_n(*byte, if *byte == b'"' { 2 } else { 1 }));
    }
    out.push(b'"');
    out
}

/// A `show stat` in which every text of row after row is one of the payloads.
fn stat() -> Vec<u8> {
    let mut out = format!("# {},scur,stot,weight,act,type,iid,\n", TEXTS.join(",")).into_bytes();
    let mut row = |texts: &[Vec<u8>], kind: u8| {
        for text in texts {
            out.extend(quoted(text));
            out.push(b',');
        }
        out.extend(format!("1,2,3,1,{kind},5,\n").into_bytes());
    };
    for payload in payloads() {
        let mut texts = vec![payload; TEXTS.len()];
        row(&texts, 2);
        for (side, kind) in [("FRONTEND", 0), ("BACKEND", 1)] {
            texts[1] = side.into();
            row(&texts, kind);
        }
    }
    out.push(b'\n');
    out
}

/// Lines of "key: value", each with one of the payloads.
fn info() -> Vec<u8> {
    let mut out = b"Name: HAProxy\nVersion: 2.6.12\nPid: 77\nUptime_sec: 9\nMaxconn: 100\nCurrConns: 1\n".to_vec();
    out.extend(b"node: x\x1b]0;owned\x07\x9b31m\ndescription: y\x1b[38;5;213m\n");
    out.extend(lines(|number| format!("Key_{number}: ")));
    out.push(b'\n');
    out
}

/// One line for each payload, without what would end the line.
fn lines(front: impl Fn(usize) -> String) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, payload) in payloads().into_iter().enumerate() {
        out.extend(front(number).into_bytes());
        out.extend(payload.into_iter().filter(|byte| *byte != b'\n'));
        out.push(b'\n');
    }
    out
}

fn answers() -> CannedReplies {
    let session = |number: usize| {
        format!("0x{number:x}: proto=tcpv4 src=10.0.0.1:{number} fe=f be=b srv=s ts=00 age=1s calls=1 rq[f=0] ")
    };
    let tables = |number: usize| format!("# table: t{number}, type: ip, size:10, used:3, ");
    let mut entries = b"# table: st, type: string, size:204800, used:268\n".to_vec();
    entries.extend(lines(|number| format!("0x{number:x}: use=0 exp=9 gpc0=1 key=")));
    let mut sessions = lines(session);
    sessions.push(b'\n');
    entries.push(b'\n');
    let mut all_tables = b"# table: st, type: string, size:204800, used:268\n".to_vec();
    all_tables.extend(lines(tables));
    all_tables.push(b'\n');
    let mut help = b"The following commands are valid at this level:\n".to_vec();
    help.extend(lines(|number| format!("  show x{number} : ")));
    help.push(b'\n');
    let mut errors = lines(|_| String::new());
    errors.push(b'\n');
    CannedReplies::new()
        .on("show info", info())
        .on("show stat", stat())
        .on("show cli level", b"admin\n\n".to_vec())
        .on("show sess", sessions)
        .on("show table", all_tables)
        .on("show table st", entries)
        .on("help", help)
        .on("show errors", errors)
}

/// The same with another weight of every row.
fn changed(stat: Vec<u8>) -> Vec<u8> {
    const FROM: &[u8] = b",1,2,3,1,";
    let mut out = stat;
    let places: Vec<usize> = (0..out.len() - FROM.len()).filter(|place| out[*place..].starts_with(FROM)).collect();
    for place in places {
        out[place + 5] = b'9';
    }
    out
}

#[test]
fn no_byte_of_any_text_is_printed_as_it_came() {
    let fake = FakeSocket::with_replies(answers());
    let home = tempfile::tempdir().unwrap();
    let rows = payloads().len() * 3;
    for (args, most) in [
        ("show --over 0", rows),
        ("show status --columns all --flat", rows),
        ("show info", payloads().len()),
        ("show info --format csv", payloads().len()),
        ("show status --columns all --format csv", rows),
        ("show --columns all --format json --over 0", 0),
        ("watch --count 1", 0),
        ("check --over 0", 3),
        ("get node description", 1),
        ("get nix/s.scur Nix", 0),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(args.split(' ')).arg("--target").arg(fake.path()).env_clear().env("HOME", home.path());
        let ran = command.env("LANG", "C.UTF-8").output().unwrap();
        assert_eq!(unexpected_output(&[ran.stdout.as_slice(), &ran.stderr].concat()), [""; 0], "{args}");
        let lines = String::from_utf8(ran.stdout).unwrap();
        assert!(lines.lines().count() >= most, "{args} printed {} lines", lines.lines().count());
        if args.contains("json") || args.starts_with("watch") {
            let value: serde_json::Value = serde_json::from_str(&lines).unwrap();
            assert_eq!(value["rows"].as_array().map(Vec::len), Some(rows), "{args}");
        }
    }
}

#[test]
fn no_byte_of_any_text_reaches_the_terminal_as_it_came() {
    let fake = FakeSocket::with_replies(answers());
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("events.log");
    let args = ["-i", "0.3", "--log-file"];
    let mut term = Term::builder().args(args).args([&log]).args([fake.path()]).size(200, 50).start();
    term.wait_for("live");
    let pages = "<pgdn>".repeat(18);
    for view in ["0", "1", "2", "3", "4", "6", "9", "!", "A"] {
        term.press(view);
        term.press("g");
        term.press(&pages);
        if view != "0" {
            // Every column, from left to right.
            term.press("g");
            term.press(&".".repeat(30));
            term.press(&pages);
            term.press(&",".repeat(30));
        }
        // Everything about a few rows, and their names in questions and menus.
        for _ in 0..3 {
            term.press("<ret>G<esc>aG<esc>Mn<esc>Wx<ret><esc>k");
        }
        term.press("<esc>");
        term.wait_input_read();
    }
    // Each row's own page, where all its texts stand, a step through each payload.
    term.press("1g");
    for _ in 0..payloads().len() {
        term.press("jj<ret>");
        term.press("<esc>j");
    }
    term.press("i<pgdn><pgdn><pgdn><pgdn><pgdn><pgdn><pgdn><pgdn><esc>");
    for (view, ask) in [("7", "<ret>"), ("8", "<ret>"), ("5", "show errors<ret>"), ("5", "sho<tab><tab>")] {
        term.press(&format!("<a-{view}>"));
        term.press(ask);
        term.wait_input_read();
        term.settled_screen();
        term.press(&pages);
        term.press("<pgup><pgup><pgup><pgup><pgup><pgup>");
        term.settled_screen();
    }
    term.press("<a-8><ret>");
    term.settled_screen();
    term.press(&pages);
    term.settled_screen();
    // Another weight of every server at once, told and logged as events.
    let odd = changed(stat());
    fake.set_behavior(FakeSocket::replying(answers().on("show stat", odd)));
    wait_until("events", || fs::read(&log).is_ok_and(|text| text.len() > 1000));
    term.press("<a-9><pgdn><pgdn><pgdn><pgdn>");
    term.settled_screen();
    assert_eq!(unexpected_output(&term.raw()), [""; 0]);
    let logged = fs::read(&log).unwrap();
    assert_eq!(unexpected_output(&logged), [""; 0]);
    term.press("<a-0>q");
    assert_eq!(term.exit_code(), 0);
    // They were there to be shown.
    let told = String::from_utf8_lossy(&term.raw()).into_owned();
    for attack in ["\\x1b]0;owned\\x07", "\\u{202e}", "\\xff"] {
        assert!(told.contains(attack), "{attack} was never on the screen");
    }
}

/// Runs hapulse to its end in a terminal, and gives all that it wrote there.
fn printed(args: &[&str]) -> Vec<u8> {
    let mut term = Term::builder().args(args).size(200, 50).start();
    term.exit();
    term.raw()
}

#[test]
fn what_stands_in_files_is_printed_without_its_controls() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let mut text = String::new();
    for (number, payload) in payloads().iter().enumerate() {
        let words = String::from_utf8_lossy(payload).into_owned();
        let record = serde_json::json!({
            "time": "2026-11-20T03:12:41.123Z", "phase": "done", "id": format!("1-2-{number}"), "tool": words,
            "user": words, "uid": 0, "host": words, "instance": words, "address": words, "pid": 7, "target": words,
            "command": words, "answer": words, "outcome": words, "verified": true, "reason": words,
        });
        text.extend([record.to_string(), "\n".to_owned()]);
    }
    let mut bytes = text.into_bytes();
    bytes.extend(lines(|_| "{".to_owned()));
    fs::write(&file, &bytes).unwrap();
    let path = file.to_str().unwrap();
    for args in [vec!["audit", path], vec!["audit", "--json", path]] {
        let out = printed(&args);
        assert!(out.len() > 20_000, "{args:?}");
        assert_eq!(unexpected_output(&out), [""; 0], "{args:?}");
    }
    let config = folder.path().join("config.toml");
    for payload in payloads() {
        for text in [[&payload[..], b" = 1\n"].concat(), [b"[audit]\npath = \"", &payload[..], b"\"\n"].concat()] {
            fs::write(&config, text).unwrap();
            let out = printed(&["--config", config.to_str().unwrap(), "/nowhere"]);
            assert_eq!(unexpected_output(&out), [""; 0], "{payload:?}");
        }
        if payload[0] == b'x' && payload.len() > 12 {
            break;
        }
    }
}

#[test]
fn what_is_not_our_own_is_found() {
    let frame = b"\x1b[?2026h\x1b[2J\x1b[3;12H\x1b[1;36mweb\n\x08\x1b[2D1\x1b[5G\xe2\x94\x82\x1b[m\x1b[?2026l\r\n";
    assert_eq!(unexpected_output(frame), [""; 0]);
    for attack in ATTACKS {
        let bytes = [&frame[..], attack, &frame[..]].concat();
        assert!(!unexpected_output(&bytes).is_empty(), "{attack:?}");
    }
}
