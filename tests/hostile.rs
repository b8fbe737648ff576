//! Tests that hapulse escapes hostile text: every byte, in every text of HAProxy's replies and of files, in all views and
//! commands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::process::Command;

use support::terminal_bytes::unexpected_output;
use support::{CannedReplies, FakeSocket, Term, wait_until};

/// Attacks: window title, clipboard, colors, terminal modes, C1 controls, right-to-left and invisible characters, overlong
/// and invalid UTF-8, combining characters, cursor movements.
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

/// Text columns of `show stat`.
const TEXT_COLUMNS: [&str; 14] = [
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

/// Returns one text per byte and one per attack; the number in front makes them unique.
fn payloads() -> Vec<Vec<u8>> {
    let bytes = (0..=255_u8).map(|byte| vec![b'<', byte, b'>']);
    let texts = bytes.chain(ATTACKS.iter().map(|attack| attack.to_vec()));
    texts.enumerate().map(|(number, text)| [format!("x{number}").as_bytes(), &text].concat()).collect()
}

/// Quotes a field as HAProxy does.
fn quote(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for byte in text {
        out.extend(std::iter::repeat_n(*byte, if *byte == b'"' { 2 } else { 1 }));
    }
    out.push(b'"');
    out
}

/// Returns a `show stat` reply with three rows per payload, whose text cells contain the payload.
fn stat_reply() -> Vec<u8> {
    let mut out = format!("# {},scur,stot,weight,act,type,iid,\n", TEXT_COLUMNS.join(",")).into_bytes();
    let mut row = |texts: &[Vec<u8>], kind: u8| {
        for text in texts {
            out.extend(quote(text));
            out.push(b',');
        }
        out.extend(format!("1,2,3,1,{kind},5,\n").into_bytes());
    };
    for payload in payloads() {
        let mut texts = vec![payload; TEXT_COLUMNS.len()];
        row(&texts, 2);
        for (side, kind) in [("FRONTEND", 0), ("BACKEND", 1)] {
            texts[1] = side.into();
            row(&texts, kind);
        }
    }
    out.push(b'\n');
    out
}

/// Returns a `show info` reply with one payload in each value.
fn info_reply() -> Vec<u8> {
    let mut out = b"Name: HAProxy\nVersion: 2.6.12\nPid: 77\nUptime_sec: 9\nMaxconn: 100\nCurrConns: 1\n".to_vec();
    out.extend(b"node: x\x1b]0;owned\x07\x9b31m\ndescription: y\x1b[38;5;213m\n");
    out.extend(payload_lines(|number| format!("Key_{number}: ")));
    out.push(b'\n');
    out
}

/// Returns one line per payload, without line ends inside the payload.
fn payload_lines(prefix: impl Fn(usize) -> String) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, payload) in payloads().into_iter().enumerate() {
        out.extend(prefix(number).into_bytes());
        out.extend(payload.into_iter().filter(|byte| *byte != b'\n'));
        out.push(b'\n');
    }
    out
}

/// Returns the hostile replies to all commands that hapulse sends.
fn hostile_replies() -> CannedReplies {
    let session = |number: usize| {
        format!("0x{number:x}: proto=tcpv4 src=10.0.0.1:{number} fe=f be=b srv=s ts=00 age=1s calls=1 rq[f=0] ")
    };
    let tables = |number: usize| format!("# table: t{number}, type: ip, size:10, used:3, ");
    let mut entries = b"# table: st, type: string, size:204800, used:268\n".to_vec();
    entries.extend(payload_lines(|number| format!("0x{number:x}: use=0 exp=9 gpc0=1 key=")));
    let mut sessions = payload_lines(session);
    sessions.push(b'\n');
    entries.push(b'\n');
    let mut all_tables = b"# table: st, type: string, size:204800, used:268\n".to_vec();
    all_tables.extend(payload_lines(tables));
    all_tables.push(b'\n');
    let mut help = b"The following commands are valid at this level:\n".to_vec();
    help.extend(payload_lines(|number| format!("  show x{number} : ")));
    help.push(b'\n');
    let mut errors = payload_lines(|_| String::new());
    errors.push(b'\n');
    CannedReplies::new()
        .on("show info", info_reply())
        .on("show stat", stat_reply())
        .on("show cli level", b"admin\n\n".to_vec())
        .on("show sess", sessions)
        .on("show table", all_tables)
        .on("show table st", entries)
        .on("help", help)
        .on("show errors", errors)
}

/// Changes the weight of every row, which causes an event per row.
fn with_other_weights(stat: Vec<u8>) -> Vec<u8> {
    const CELLS: &[u8] = b",1,2,3,1,";
    let mut out = stat;
    let offsets: Vec<usize> = (0..out.len() - CELLS.len()).filter(|offset| out[*offset..].starts_with(CELLS)).collect();
    for offset in offsets {
        out[offset + 5] = b'9';
    }
    out
}

#[test]
fn commands_escape_every_byte_of_received_texts() {
    let fake = FakeSocket::with_replies(hostile_replies());
    let home = tempfile::tempdir().unwrap();
    let rows = payloads().len() * 3;
    for (args, min_lines) in [
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
        let output = command.env("LANG", "C.UTF-8").output().unwrap();
        assert_eq!(unexpected_output(&[output.stdout.as_slice(), &output.stderr].concat()), [""; 0], "{args}");
        let lines = String::from_utf8(output.stdout).unwrap();
        assert!(lines.lines().count() >= min_lines, "{args} printed {} lines", lines.lines().count());
        if args.contains("json") || args.starts_with("watch") {
            let value: serde_json::Value = serde_json::from_str(&lines).unwrap();
            assert_eq!(value["rows"].as_array().map(Vec::len), Some(rows), "{args}");
        }
    }
}

#[test]
fn dashboard_escapes_every_byte_of_received_texts() {
    let fake = FakeSocket::with_replies(hostile_replies());
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
        // Details of a few rows, and their names in confirmations and menus.
        for _ in 0..3 {
            term.press("<ret>G<esc>aG<esc>Mn<esc>Wx<ret><esc>k");
        }
        term.press("<esc>");
        term.wait_input_read();
    }
    // The detail page of each row, which shows all its texts.
    term.press("1g");
    for _ in 0..payloads().len() {
        term.press("jj<ret>");
        term.press("<esc>j");
    }
    term.press("i<pgdn><pgdn><pgdn><pgdn><pgdn><pgdn><pgdn><pgdn><esc>");
    for (view, keys) in [("7", "<ret>"), ("8", "<ret>"), ("5", "show errors<ret>"), ("5", "sho<tab><tab>")] {
        term.press(&format!("<a-{view}>"));
        term.press(keys);
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
    // A new weight of every server, which hapulse shows and logs as events.
    let changed_stat = with_other_weights(stat_reply());
    fake.set_behavior(FakeSocket::replying(hostile_replies().on("show stat", changed_stat)));
    wait_until("events", || fs::read(&log).is_ok_and(|text| text.len() > 1000));
    term.press("<a-9><pgdn><pgdn><pgdn><pgdn>");
    term.settled_screen();
    assert_eq!(unexpected_output(&term.raw()), [""; 0]);
    let logged = fs::read(&log).unwrap();
    assert_eq!(unexpected_output(&logged), [""; 0]);
    term.press("<a-0>q");
    assert_eq!(term.exit_code(), 0);
    // The attacks were on the screen in escaped form.
    let output = String::from_utf8_lossy(&term.raw()).into_owned();
    for attack in ["\\x1b]0;owned\\x07", "\\u{202e}", "\\xff"] {
        assert!(output.contains(attack), "{attack} was never on the screen");
    }
}

/// Runs hapulse in a terminal until it exits and returns its output.
fn run_in_terminal(args: &[&str]) -> Vec<u8> {
    let mut term = Term::builder().args(args).size(200, 50).start();
    term.exit();
    term.raw()
}

#[test]
fn file_contents_are_printed_without_control_characters() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let mut records = String::new();
    for (number, payload) in payloads().iter().enumerate() {
        let value = String::from_utf8_lossy(payload).into_owned();
        let record = serde_json::json!({
            "time": "2026-11-20T03:12:41.123Z", "phase": "done", "id": format!("1-2-{number}"), "tool": value,
            "user": value, "uid": 0, "host": value, "instance": value, "address": value, "pid": 7, "target": value,
            "command": value, "answer": value, "outcome": value, "verified": true, "reason": value,
        });
        records.extend([record.to_string(), "\n".to_owned()]);
    }
    let mut bytes = records.into_bytes();
    bytes.extend(payload_lines(|_| "{".to_owned()));
    fs::write(&file, &bytes).unwrap();
    let path = file.to_str().unwrap();
    for args in [vec!["audit", path], vec!["audit", "--json", path]] {
        let out = run_in_terminal(&args);
        assert!(out.len() > 20_000, "{args:?}");
        assert_eq!(unexpected_output(&out), [""; 0], "{args:?}");
    }
    let config = folder.path().join("config.toml");
    for payload in payloads() {
        for text in [[&payload[..], b" = 1\n"].concat(), [b"[audit]\npath = \"", &payload[..], b"\"\n"].concat()] {
            fs::write(&config, text).unwrap();
            let out = run_in_terminal(&["--config", config.to_str().unwrap(), "/nowhere"]);
            assert_eq!(unexpected_output(&out), [""; 0], "{payload:?}");
        }
        if payload[0] == b'x' && payload.len() > 12 {
            break;
        }
    }
}

#[test]
fn unexpected_output_finds_every_attack() {
    let frame = b"\x1b[?2026h\x1b[2J\x1b[3;12H\x1b[1;36mweb\n\x08\x1b[2D1\x1b[5G\xe2\x94\x82\x1b[m\x1b[?2026l\r\n";
    assert_eq!(unexpected_output(frame), [""; 0]);
    for attack in ATTACKS {
        let bytes = [&frame[..], attack, &frame[..]].concat();
        assert!(!unexpected_output(&bytes).is_empty(), "{attack:?}");
    }
}
