//! Answers that no HAProxy should give, in front of the real binary: it shows what there is, says what is wrong, answers
//! keys throughout, and keeps its memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use support::{Answers, Fake, Lab, Term, wait_until};

fn start(target: &std::path::Path) -> Term {
    Term::builder().args(["-i", "0.2"]).args([target]).size(140, 40).start()
}

/// A `show stat` of one frontend, one backend and its servers; the servers' lines come from `servers`.
fn stat(servers: &str) -> String {
    let header = "# pxname,svname,qcur,scur,slim,stot,status,weight,act,bck,type,lastchg,iid,last_chk,";
    let frontend = "www,FRONTEND,,3,100,9,OPEN,,,,0,,2,,";
    let backend = "be1,BACKEND,0,2,10,9,UP,200,2,0,1,5,3,,";
    format!("{header}\n{frontend}\n{servers}{backend}\n\n")
}

const SERVERS: &str = "be1,s1,0,1,50,4,UP,100,1,0,2,5,3,,\nbe1,s2,0,1,50,5,UP,100,1,0,2,5,3,,\n";

fn answers(stat: &str) -> Answers {
    let info = "Name: HAProxy\nVersion: 2.6.12\nPid: 77\nUptime_sec: 9\nMaxconn: 100\nCurrConns: 1\nnode: lab\n\n";
    Answers::new().on("show info", info).on("show cli level", "admin\n\n").on("show stat", stat)
}

/// What the screen shows of this answer, in view 1 with the whole table in sight; keys move meanwhile.
fn shown(stat: &str, wanted: &str) -> String {
    let fake = Fake::recorded(answers(stat));
    let mut term = start(fake.path());
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
fn columns_may_be_missing_doubled_unknown_and_in_any_order() {
    let screen = shown("# svname,pxname,type,\nFRONTEND,www,0,\ns1,be1,2,\nBACKEND,be1,1,\n\n", "s1");
    assert!(screen.contains("be1") && !screen.contains("odd rows"), "{screen}");
    // Of two columns of one name one is taken; the rows fit their header.
    let doubled = stat(SERVERS).replace("last_chk,\n", "last_chk,qcur,\n").replace(",,\n", ",,7,\n");
    let screen = shown(&doubled, "s2");
    assert!(!screen.contains("odd rows"), "{screen}");
    let more = stat(SERVERS).replace("last_chk,\n", "last_chk,quux,-,new_thing,\n").replace(",,\n", ",,7,,8,\n");
    let screen = shown(&more, "s2");
    assert!(!screen.contains("odd rows"), "{screen}");
}

#[test]
fn rows_that_do_not_fit_the_header_are_counted_and_the_others_shown() {
    let screen = shown(&stat(&format!("be1,s0,DRAIN\n{SERVERS}")), "s2");
    assert!(screen.contains("odd row"), "{screen}");
}

#[test]
fn quoted_commas_quotes_and_line_breaks_stay_in_their_cell() {
    let quoted = SERVERS.replacen(",3,,\n", ",3,\"down, says \"\"he\"\"\nand more\",\n", 1);
    let screen = shown(&stat(&quoted), "s2");
    assert!(screen.contains("s1") && screen.contains("be1"), "{screen}");
    assert!(!screen.contains("and more,"), "{screen}");
}

#[test]
fn numbers_beyond_all_bounds_and_below_zero_are_survived() {
    let huge = "be1,s1,99999999999999999999999999,-9223372036854775808,-5,1e9,UP,x,1,0,2,-1,3,,\n\
                be1,s2,18446744073709551615,9223372036854775807,0,5,UP,-7,1,0,2,99999999999,3,,\n";
    let screen = shown(&stat(huge), "s2");
    assert!(screen.contains("s1"), "{screen}");
}

#[test]
fn a_name_of_sixty_thousand_characters_is_cut() {
    let long = "x".repeat(60_000);
    let screen = shown(&stat(&format!("be1,{long},0,1,50,4,UP,100,1,0,2,5,3,,\n{SERVERS}")), "xxx");
    assert!(screen.contains("s1") && screen.lines().all(|line| line.chars().count() <= 140), "{screen}");
}

#[test]
fn the_same_row_twice_is_shown_twice_and_not_acted_on() {
    let twice = SERVERS.replace("s2", "s1");
    let fake = Fake::recorded(answers(&stat(&twice)));
    let mut term = start(fake.path());
    term.wait_for("live");
    term.press("<ret>M");
    term.wait_for("be1/s1 is listed twice: the name does not tell which one");
    assert!(fake.received().iter().all(|line| !line.contains("set server")), "{:?}", fake.received());
}

#[test]
fn a_status_of_tomorrow_is_shown_as_it_is() {
    let screen = shown(&stat(&SERVERS.replacen(",UP,", ",SLEEPING 3/7 (moon),", 1)), "SLEEPI");
    assert!(screen.contains("? "), "{screen}");
}

#[test]
fn what_is_no_statistics_is_told_and_the_next_try_comes() {
    for (stat, why) in [
        ("hello\n\n", "show stat"),
        ("# a,b,c,\n1,2,3,\n\n", "pxname"),
        ("\n", "show stat"),
        ("# pxname,svname,type,\nbe1,s1,2,\n", "cut"),
    ] {
        let fake = Fake::recorded(answers(stat));
        let mut term = start(fake.path());
        let screen = term.wait_for("no answer");
        assert!(screen.contains(why), "{stat:?}: {screen}");
        assert!(screen.contains("next try in"), "{screen}");
        fake.set(Fake::answering(answers(&self::stat(SERVERS))));
        term.wait_for("live");
        term.press("q");
        assert_eq!(term.exit_code(), 0);
    }
    // Nobody at all is there.
    let screen = shown("# pxname,svname,type,\n\n", "no rows");
    assert!(screen.contains("live"), "{screen}");
}

#[test]
fn a_process_that_says_little_of_itself_is_shown_with_what_it_says() {
    let bare = answers(&stat(SERVERS)).on("show info", "Pid: 77\nfoo\nbar: \n: baz\nMaxconn: many\n\n");
    let fake = Fake::recorded(bare);
    let mut term = start(fake.path());
    term.wait_for("s2");
    term.press("i<esc>q");
    assert_eq!(term.exit_code(), 0);
    // Without a pid one life cannot be told from the next.
    let fake = Fake::recorded(answers(&stat(SERVERS)).on("show info", "Name: HAProxy\nPid: minus\n\n"));
    let term = start(fake.path());
    let screen = term.wait_for("no answer");
    assert!(screen.contains("has no Pid line; it begins with \"Name: HAProxy\\x0aPid: minus"), "{screen}");
}

/// Memory of a process in MiB, the most it ever had.
fn most_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().split(' ').next().unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn lines_that_do_not_end_are_stopped_and_keys_answer_meanwhile() {
    let fake = Fake::recorded(answers(&stat(SERVERS)));
    let mut term = start(fake.path());
    term.wait_for("live");
    let row = "be1,s1,0,1,50,4,UP,100,1,0,2,5,3,,\n".repeat(2000);
    let head = format!("Name: HAProxy\nVersion: 2.6.12\nPid: 77\nUptime_sec: 9\n\n{}", stat(SERVERS).trim_end());
    fake.set(Fake::line(move |_, stream| {
        use std::io::Write as _;
        if stream.write_all(head.as_bytes()).is_ok() {
            while stream.write_all(row.as_bytes()).is_ok() {}
        }
    }));
    term.wait_for("stale ");
    for key in ["<ret>", "j", "k", "j"] {
        let began = Instant::now();
        term.press(key);
        term.wait_selected("Servers of be1", if key == "j" { "s2" } else { "s1" });
        // A frame, on a machine that does three other things.
        assert!(began.elapsed() < Duration::from_secs(2), "{key}: {:?}", began.elapsed());
    }
    let tries = fake.connections();
    wait_until("another try", || fake.connections() > tries);
    assert!(most_memory(term.pid()) < 400, "{} MiB", most_memory(term.pid()));
    fake.set(Fake::answering(answers(&stat(SERVERS))));
    term.press("r");
    term.wait_for("live");
}

#[test]
fn when_others_hold_every_connection_it_waits_and_says_so() {
    let lab = Lab::builder().stats_timeout("1h").start();
    let mut term = start(lab.admin());
    term.wait_for("live");
    // HAProxy serves ten of them at a time.
    let held: Vec<UnixStream> = (0..12).map(|_| UnixStream::connect(lab.admin()).unwrap()).collect();
    term.wait_for("others hold all its stats connections");
    term.wait_for("stale ");
    term.press("<ret>j");
    term.wait_selected("Servers of be1", "s2");
    drop(held);
    term.press("r");
    term.wait_for("live");
}
