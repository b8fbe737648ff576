//! Malformed replies, sent to the real binary: it shows the valid parts, reports the fault, responds to keys and does
//! not grow in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use support::{CannedReplies, FakeSocket, Lab, Term, wait_until};

fn start_hapulse(target: &std::path::Path) -> Term {
    Term::builder().args(["-i", "0.2"]).args([target]).size(140, 40).start()
}

/// Returns a `show stat` reply with a frontend, the server rows `servers` and a backend.
fn stat_reply(servers: &str) -> String {
    let header = "# pxname,svname,qcur,scur,slim,stot,status,weight,act,bck,type,lastchg,iid,last_chk,";
    let frontend = "www,FRONTEND,,3,100,9,OPEN,,,,0,,2,,";
    let backend = "be1,BACKEND,0,2,10,9,UP,200,2,0,1,5,3,,";
    format!("{header}\n{frontend}\n{servers}{backend}\n\n")
}

const SERVERS: &str = "be1,s1,0,1,50,4,UP,100,1,0,2,5,3,,\nbe1,s2,0,1,50,5,UP,100,1,0,2,5,3,,\n";

fn replies(stat: &str) -> CannedReplies {
    let info = "Name: HAProxy\nVersion: 2.6.12\nPid: 77\nUptime_sec: 9\nMaxconn: 100\nCurrConns: 1\nnode: lab\n\n";
    CannedReplies::new().on("show info", info).on("show cli level", "admin\n\n").on("show stat", stat)
}

/// Runs hapulse against this `show stat` reply, opens view 1 and returns the screen that shows `wanted`; then moves the
/// cursor and quits.
fn screen_for(stat: &str, wanted: &str) -> String {
    let fake = FakeSocket::with_replies(replies(stat));
    let mut term = start_hapulse(fake.path());
    term.wait_for("live");
    term.press("1");
    let screen = term.wait_for(wanted);
    term.press("G");
    term.press("gj");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    screen
}

#[test]
fn missing_duplicate_unknown_and_reordered_columns_are_accepted() {
    let screen = screen_for("# svname,pxname,type,\nFRONTEND,www,0,\ns1,be1,2,\nBACKEND,be1,1,\n\n", "s1");
    assert!(screen.contains("be1") && !screen.contains("malformed rows"), "{screen}");
    // A duplicate column is used once; the rows still match the header.
    let duplicate = stat_reply(SERVERS).replace("last_chk,\n", "last_chk,qcur,\n").replace(",,\n", ",,7,\n");
    let screen = screen_for(&duplicate, "s2");
    assert!(!screen.contains("malformed rows"), "{screen}");
    let extra = stat_reply(SERVERS).replace("last_chk,\n", "last_chk,quux,-,new_thing,\n").replace(",,\n", ",,7,,8,\n");
    let screen = screen_for(&extra, "s2");
    assert!(!screen.contains("malformed rows"), "{screen}");
}

#[test]
fn malformed_rows_are_counted_and_other_rows_shown() {
    let screen = screen_for(&stat_reply(&format!("be1,s0,DRAIN\n{SERVERS}")), "s2");
    assert!(screen.contains("malformed row"), "{screen}");
}

#[test]
fn quoted_commas_quotes_and_newlines_stay_in_their_cell() {
    let quoted = SERVERS.replacen(",3,,\n", ",3,\"down, says \"\"he\"\"\nand more\",\n", 1);
    let screen = screen_for(&stat_reply(&quoted), "s2");
    assert!(screen.contains("s1") && screen.contains("be1"), "{screen}");
    assert!(!screen.contains("and more,"), "{screen}");
}

#[test]
fn out_of_range_and_negative_numbers_are_accepted() {
    let huge = "be1,s1,99999999999999999999999999,-9223372036854775808,-5,1e9,UP,x,1,0,2,-1,3,,\n\
                be1,s2,18446744073709551615,9223372036854775807,0,5,UP,-7,1,0,2,99999999999,3,,\n";
    let screen = screen_for(&stat_reply(huge), "s2");
    assert!(screen.contains("s1"), "{screen}");
}

#[test]
fn name_of_60000_characters_is_truncated() {
    let name = "x".repeat(60_000);
    let screen = screen_for(&stat_reply(&format!("be1,{name},0,1,50,4,UP,100,1,0,2,5,3,,\n{SERVERS}")), "xxx");
    assert!(screen.contains("s1") && screen.lines().all(|line| line.chars().count() <= 140), "{screen}");
}

#[test]
fn duplicate_row_is_shown_and_actions_on_it_are_refused() {
    let duplicate = SERVERS.replace("s2", "s1");
    let fake = FakeSocket::with_replies(replies(&stat_reply(&duplicate)));
    let mut term = start_hapulse(fake.path());
    term.wait_for("live");
    term.press("<ret>");
    term.wait_for("be1/s1 sessions");
    term.press("M");
    term.wait_for("be1/s1 is ambiguous: HAProxy lists this name more than once");
    assert!(fake.received().iter().all(|line| !line.contains("set server")), "{:?}", fake.received());
}

#[test]
fn unknown_status_is_shown_verbatim() {
    let screen = screen_for(&stat_reply(&SERVERS.replacen(",UP,", ",SLEEPING 3/7 (moon),", 1)), "SLEEPI");
    assert!(screen.contains("? "), "{screen}");
}

#[test]
fn invalid_statistics_show_reason_and_are_retried() {
    for (stat, reason) in [
        ("hello\n\n", "show stat"),
        ("# a,b,c,\n1,2,3,\n\n", "pxname"),
        ("\n", "show stat"),
        ("# pxname,svname,type,\nbe1,s1,2,\n", "cut"),
    ] {
        let fake = FakeSocket::with_replies(replies(stat));
        let mut term = start_hapulse(fake.path());
        let screen = term.wait_for("no reply");
        assert!(screen.contains(reason), "{stat:?}: {screen}");
        assert!(screen.contains("next try at"), "{screen}");
        fake.set_behavior(FakeSocket::replying(replies(&self::stat_reply(SERVERS))));
        term.wait_for("live");
        term.press("q");
        assert_eq!(term.exit_code(), 0);
    }
    // A header without rows is valid.
    let screen = screen_for("# pxname,svname,type,\n\n", "has no frontends and backends");
    assert!(screen.contains("live"), "{screen}");
}

#[test]
fn incomplete_show_info_is_accepted_unless_pid_is_missing() {
    let incomplete = replies(&stat_reply(SERVERS)).on("show info", "Pid: 77\nfoo\nbar: \n: baz\nMaxconn: many\n\n");
    let fake = FakeSocket::with_replies(incomplete);
    let mut term = start_hapulse(fake.path());
    term.wait_for("s2");
    term.press("i<esc>q");
    assert_eq!(term.exit_code(), 0);
    // Without a pid, two processes cannot be distinguished.
    let fake = FakeSocket::with_replies(replies(&stat_reply(SERVERS)).on("show info", "Name: HAProxy\nPid: minus\n\n"));
    let term = start_hapulse(fake.path());
    let screen = term.wait_for("no reply");
    assert!(screen.contains("has no Pid line; it begins with \"Name: HAProxy\\x0aPid: minus"), "{screen}");
}

/// Returns the peak memory of a process in MiB.
fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().split(' ').next().unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn endless_reply_is_aborted_while_keys_respond() {
    let fake = FakeSocket::with_replies(replies(&stat_reply(SERVERS)));
    let mut term = start_hapulse(fake.path());
    term.wait_for("live");
    let row = "be1,s1,0,1,50,4,UP,100,1,0,2,5,3,,\n".repeat(2000);
    let head = format!("Name: HAProxy\nVersion: 2.6.12\nPid: 77\nUptime_sec: 9\n\n{}", stat_reply(SERVERS).trim_end());
    fake.set_behavior(FakeSocket::handling_lines(move |_, stream| {
        use std::io::Write as _;
        if stream.write_all(head.as_bytes()).is_ok() {
            while stream.write_all(row.as_bytes()).is_ok() {}
        }
    }));
    term.wait_for("stale ");
    for key in ["<ret>", "j", "k", "j"] {
        let pressed_at = Instant::now();
        term.press(key);
        term.wait_for_cursor_at("Servers of be1", if key == "j" { "s2" } else { "s1" });
        // The time of one frame, with a margin for a busy machine.
        assert!(pressed_at.elapsed() < Duration::from_secs(2), "{key}: {:?}", pressed_at.elapsed());
    }
    let attempts = fake.connections();
    wait_until("another try", || fake.connections() > attempts);
    assert!(peak_memory(term.pid()) < 400, "{} MiB", peak_memory(term.pid()));
    fake.set_behavior(FakeSocket::replying(replies(&stat_reply(SERVERS))));
    term.press("r");
    term.wait_for("live");
}

#[test]
fn exhausted_stats_connections_are_reported_and_retried() {
    let lab = Lab::builder().stats_timeout("1h").start();
    let mut term = start_hapulse(lab.admin());
    term.wait_for("live");
    // HAProxy serves ten connections at a time.
    let connections: Vec<UnixStream> = (0..12).map(|_| UnixStream::connect(lab.admin()).unwrap()).collect();
    term.wait_for("all its stats connections are in use");
    term.wait_for("stale ");
    term.press("<ret>j");
    term.wait_for_cursor_at("Servers of be1", "s2");
    drop(connections);
    term.press("r");
    term.wait_for("live");
}
