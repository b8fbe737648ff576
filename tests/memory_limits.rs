//! Tests of the limits of memory and work: whatever the socket sends, the history and the names stay within their budget,
//! keys respond, and the program ends. Only a fake socket can send such replies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::flood::{self, Flood, INFO, LIMIT_MIB, memory_kib, peak_mib, wait_for_poll};
use support::{CannedReplies, FakeSocket, Term, wait_until};

fn start_hapulse(fake: &FakeSocket) -> Term {
    Term::builder().args(["-i", "0.2"]).args([fake.path()]).size(160, 40).start()
}

/// Presses a key that only the event loop answers, and waits for the answer.
fn assert_responds(term: &mut Term) {
    term.press(":Zz");
    term.wait_for("Zz");
    term.press("<esc>");
    term.wait_until(|screen| !screen.contains("Zz"));
}

/// Runs hapulse against a flood until it has read `polls` replies, and checks its memory and that it responds.
fn run_flood(counts: &'static [usize], has_new_names: bool, polls: u64) -> Term {
    let flood = Flood::new(counts, has_new_names);
    let fake = FakeSocket::start(flood.behavior.clone());
    let mut term = start_hapulse(&fake);
    term.wait_for("live");
    while flood.polls() < polls {
        let before = flood.polls();
        wait_for_poll(|| flood.polls() > before);
        assert_responds(&mut term);
    }
    let peak = peak_mib(term.pid());
    assert!(peak <= LIMIT_MIB, "{peak} MiB");
    term
}

#[test]
fn a7_rows_that_come_and_go_stay_within_budget() {
    let mut term = run_flood(&[10, 100_000], true, 12);
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn a7_rows_in_turn_stay_within_budget() {
    let mut term = run_flood(&[10, 100_000, 10, 0, 100_000, 1], true, 12);
    term.press("<c-c>");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn a7_new_rows_in_every_sample_stay_within_budget() {
    let mut term = run_flood(&[100_000], true, 3);
    term.signal("TERM");
    assert_eq!(term.exit_code(), 128 + 15);
}

#[test]
fn a7_moving_rows_stay_within_budget() {
    // A row appears at the top with each sample, so every row has another position.
    let flood = Flood::new(&[30_000], false);
    let count = Arc::new(AtomicUsize::new(0));
    let fake = FakeSocket::start(flood.behavior);
    let served = Arc::clone(&count);
    fake.set_behavior(FakeSocket::handling_lines(move |line, stream| {
        if line.contains("show stat") {
            let number = served.fetch_add(1, Ordering::SeqCst);
            let stat = flood::stat_reply(30_000, 0, 0);
            let (header, rows) = stat.split_once('\n').unwrap();
            let new = format!("{header}\nnew{number},s,0,1,2,,50,700,800,UP,1,1,0,2,5,9,L4OK,\n{rows}");
            let _ = stream.write_all(format!("{INFO}{new}").as_bytes());
        }
    }));
    let mut term = start_hapulse(&fake);
    term.wait_for("live");
    for polls in 2..6 {
        wait_for_poll(|| count.load(Ordering::SeqCst) >= polls);
    }
    assert_responds(&mut term);
    let peak = peak_mib(term.pid());
    assert!(peak <= LIMIT_MIB, "{peak} MiB");
}

#[test]
fn a7_state_changes_of_all_rows_stay_within_budget() {
    // Every server goes down, and comes back with the next sample: events, problems and texts for each.
    let replies = ["UP", "DOWN"].map(|status| flood::stat_reply(30_000, 0, 0).replace(",UP,", &format!(",{status},")));
    let count = Arc::new(AtomicUsize::new(0));
    let served = Arc::clone(&count);
    let fake = FakeSocket::with_handler(move |line, stream| {
        if line.contains("show stat") {
            let number = served.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(format!("{INFO}{}", replies[number % 2]).as_bytes());
        }
    });
    let mut term = start_hapulse(&fake);
    term.wait_for("not tracked");
    for polls in 2..8 {
        wait_for_poll(|| count.load(Ordering::SeqCst) >= polls);
    }
    assert_responds(&mut term);
    term.press("9");
    term.wait_for("more changes at the same time");
    let peak = peak_mib(term.pid());
    assert!(peak <= LIMIT_MIB, "{peak} MiB");
}

#[test]
fn a8_hundred_thousand_steady_rows_stay_within_budget() {
    let mut term = run_flood(&[100_000], false, 3);
    assert!(!term.screen().contains("showing"), "all rows are shown: {}", term.screen());
    term.press("1");
    term.wait_for("1/100000");
    term.press("j");
    term.wait_for("2/100000");
    term.press("p");
    term.wait_for("past");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

/// Returns a fake socket that sends four million rows of a few bytes.
fn tiny_rows() -> FakeSocket {
    let stat = format!("# pxname,svname,type,\n{}\n", "b,s,2,\n".repeat(4_000_000));
    FakeSocket::with_replies(CannedReplies::new().on("show info", INFO).on("show stat", stat))
}

const TINY_ROWS_TEXT: &str = "showing 120000 of 4000000 rows";

#[test]
fn a9_millions_of_rows_are_limited_and_counted() {
    let fake = tiny_rows();
    let mut term = start_hapulse(&fake);
    term.wait_for(TINY_ROWS_TEXT);
    let before = fake.connections();
    wait_for_poll(|| fake.connections() > before + 1);
    assert_responds(&mut term);
    let peak = peak_mib(term.pid());
    assert!(peak <= LIMIT_MIB, "{peak} MiB");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn a9_commands_report_rows_that_were_not_read() {
    let fake = tiny_rows();
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_hapulse")).args(args).arg(fake.path()).output().unwrap();
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let [json, errors] = run(&["show", "1", "--format", "json", "--over", "0", "--columns", "scur"]);
    assert!(json.ends_with("\"dropped_rows\":3880000}\n"), "{}", &json[json.len().saturating_sub(100)..]);
    assert!(errors.contains(TINY_ROWS_TEXT), "{errors}");
    let [findings, _] = run(&["doctor"]);
    assert!(findings.contains(TINY_ROWS_TEXT), "{findings}");
    let [check, _] = run(&["check", "--over", "1"]);
    assert!(check.starts_with("HAPULSE UNKNOWN - ") && check.contains(TINY_ROWS_TEXT), "{check}");
}

/// Sends `start` and then `rest` without end, and returns the socket and the number of bytes of the first reply that
/// hapulse accepted before it closed the connection.
fn endless(start: &'static str, rest: &'static str) -> (FakeSocket, Arc<AtomicUsize>) {
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    let fake = FakeSocket::with_handler(move |_, stream| {
        let chunk = rest.repeat(8192 / rest.len());
        let mut sent = 0;
        while stream.write_all(if sent == 0 { start.as_bytes() } else { chunk.as_bytes() }).is_ok() {
            sent += if sent == 0 { start.len() } else { chunk.len() };
        }
        counter.fetch_max(sent, Ordering::SeqCst);
    });
    (fake, accepted)
}

/// Asserts that a terminal whose program ended unexpectedly is as before, with a message.
fn assert_restored(term: &Term) {
    let modes = term.modes();
    assert!(modes.cursor_visible && !modes.alternate_screen && !modes.bracketed_paste && !term.is_raw(), "{modes:?}");
    assert!(term.screen().contains("hapulse: ended unexpectedly"), "{}", term.screen());
}

#[test]
fn a10_failed_allocation_restores_terminal() {
    let few = Flood::new(&[10], false);
    let fake = FakeSocket::start(few.behavior);
    let mut term = start_hapulse(&fake);
    term.wait_for("live");
    let pid = term.pid();
    let limit = |size: &str, name| format!("--{size}={}", (memory_kib(pid, name) + 4096) * 1024);
    let limits = [limit("as", "VmSize"), limit("data", "VmData")];
    let status = Command::new("prlimit").arg("--pid").arg(pid.to_string()).args(limits).status().unwrap();
    assert!(status.success());
    fake.set_behavior(Flood::new(&[100_000], true).behavior);
    let status = term.exit();
    assert!(!status.success(), "{status:?}");
    assert_restored(&term);
}

#[test]
fn a10_kill_restores_terminal() {
    let few = Flood::new(&[10], false);
    let fake = FakeSocket::start(few.behavior);
    let mut term = start_hapulse(&fake);
    term.wait_for("live");
    term.signal("KILL");
    assert!(!term.exit().success());
    assert_restored(&term);
}

#[test]
fn a20_endless_lines_are_rejected_early() {
    const STAT: &str = "Name: HAProxy\nPid: 77\nUptime_sec: 9\n\n# pxname,svname,type,status,\n";
    for (start, rest, reason) in [
        ("N", "a", "not a stats socket"),
        ("Name: ", "a", "has no Pid line"),
        ("Name: HAProxy\n", "a: b\n", "has no Pid line"),
        ("Pid: 7\n\n# ", "a", "does not begin with"),
        ("Pid: 7\n\n# pxname,svname", ",status", "does not begin with"),
        (STAT, "a", "has a row of more than"),
        (STAT, ",", "has a row of more than"),
        (
            concat!("Name: HAProxy\nPid: 77\nUptime_sec: 9\n\n# pxname,svname,type,\n", "b,\""),
            "\"\"",
            "has a row of more than",
        ),
        (
            concat!("Name: HAProxy\nPid: 77\nUptime_sec: 9\n\n# pxname,svname,type,\n", "b,\""),
            "a\n",
            "has a row of more than",
        ),
    ] {
        let (fake, accepted) = endless(start, rest);
        let mut term = start_hapulse(&fake);
        term.wait_for(reason);
        assert_responds(&mut term);
        wait_until("the connection is closed", || accepted.load(Ordering::SeqCst) > 0);
        let bytes = accepted.load(Ordering::SeqCst);
        assert!(bytes < 8 << 20, "{bytes} bytes were read of {start:?} and then {rest:?}");
        assert!(peak_mib(term.pid()) < 64, "{} MiB", peak_mib(term.pid()));
    }
}

#[test]
fn a20_quoted_rows_are_read_in_order() {
    let rows = "\"b\",\"s,1\",2,UP,\nb,t,2,UP,\n".repeat(30_000);
    let stat = format!("# pxname,svname,type,status,\n{rows}\n");
    let fake = FakeSocket::with_replies(CannedReplies::new().on("show info", INFO).on("show stat", stat));
    let mut term = start_hapulse(&fake);
    term.press("1");
    let screen = term.wait_for("1/60000");
    assert!(screen.contains("b/s,1") && !screen.contains("malformed"), "{screen}");
}
