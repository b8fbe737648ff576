//! Several real HAProxies merged over time: their events, their past, the heat map, the comparison before and after, and the
//! sparklines of the header.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hapulse::recording::folder::list_instances;
use hapulse::recording::reader::Recording;
use support::shared_servers::{SharedServers, send_requests, words};
use support::{Term, process, wait_until};

/// Returns the lines of events: `LB NAME TEXT` without the time.
fn event_lines(screen: &str) -> Vec<String> {
    let is_time = |word: &str| word.len() == 8 && word.bytes().filter(|byte| *byte == b':').count() == 2;
    let event = |line: &str| {
        let line = line.trim_start_matches(['▶', ' ']);
        let (time, rest) = line.split_once("  ")?;
        is_time(time).then(|| rest.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    screen.lines().filter_map(event).collect()
}

/// Waits for a line of an event that begins with this text, and returns the screen.
fn wait_event(term: &mut Term, start: &str) -> String {
    term.wait_until(|screen| event_lines(screen).iter().any(|line| line.starts_with(start)))
}

#[test]
fn events_of_all_balancers_are_on_one_timeline() {
    let fleet = SharedServers::start(["", ""]);
    let mut term = fleet.dashboard(120, 40);
    term.press("9");
    fleet.labs[1].send_command("set server be1/s2 state maint");
    wait_event(&mut term, "lb2 be1/s2 UP → MAINT");
    fleet.labs[0].send_command("set server be1/s3 state drain");
    wait_event(&mut term, "lb1 be1/s3 UP → DRAIN");
    fleet.labs[2].send_command("set server be1/s2 weight 50");
    let screen = wait_event(&mut term, "lb3 be1/s2 weight");
    let lines = event_lines(&screen);
    let names: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names[..3], ["lb3", "lb1", "lb2"], "the newest first\n{screen}");
    // A filter finds the balancer, and n moves among its events.
    term.press("/lb2<ret>");
    term.wait_until(|screen| {
        let lines = event_lines(screen);
        !lines.is_empty() && lines.iter().all(|line| line.starts_with("lb2 "))
    });
    term.press("n");
    term.wait_for("the only match");
    // The page of the row has the events of all balancers on it.
    term.press("<ret>");
    term.wait_for("Peers");
    term.press("<end>");
    let screen = term.wait_for("lb3 weight");
    assert!(screen.contains("lb2 UP → MAINT"), "{screen}");
    term.press("<esc>");
    term.wait_gone("lb3 weight");
    term.press("<esc>");
    // A wide terminal shows the whole event next to the list.
    term.resize(220, 40);
    term.wait_until(|screen| screen.contains("lb3 be1/s2") && screen.contains("Events"));
    // A single balancer has its own events, without its name.
    term.press("b");
    term.wait_for("only lb1");
    term.wait_until(|screen| event_lines(screen).iter().any(|line| line.starts_with("be1/s3 UP → DRAIN")));
    assert!(!event_lines(&term.settled_screen()).iter().any(|line| line.contains("be1/s2")), "{}", term.screen());
    term.press("q");
}

/// Returns the time of the past moment in the header.
fn moment(screen: &str) -> Option<String> {
    let (_, rest) = screen.lines().next()?.split_once(" PAUSED ")?;
    Some(rest.split(',').next()?.to_owned())
}

/// Waits until the line of a server begins with these words after its name.
fn wait_words(term: &mut Term, server: &str, expected: &[&str]) -> String {
    let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    term.wait_until(|screen| words(screen, server).starts_with(&expected))
}

/// Presses a key until the line of a server begins with these words after its name.
fn step_to(term: &mut Term, key: &str, server: &str, expected: &[&str]) -> String {
    let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    for _ in 0..200 {
        let screen = term.settled_screen();
        if words(&screen, server).starts_with(&expected) {
            return screen;
        }
        term.press(key);
        term.wait_input_read();
    }
    panic!("{server} never is {expected:?}\n{}", term.screen());
}

#[test]
fn past_is_one_moment_of_all_balancers() {
    let fleet = SharedServers::start(["", ""]);
    let mut term = fleet.dashboard(140, 50);
    term.press("1:cols<space>balancers<space>stot<ret>");
    let total = |places: &[usize]| fleet.sum(places, "s1", "stot").to_string();
    let before = total(&[0, 1, 2]);
    wait_words(&mut term, "s1", &["3/3", &before]);
    // First the third balancer changes, then the first, and then the second one ends.
    fleet.labs[2].send_command("set server be1/s2 state maint");
    wait_words(&mut term, "s2", &["2", "UP", "1", "MAINT"]);
    send_requests(fleet.labs[0].frontend_addr(), 8);
    let between = total(&[0, 1, 2]);
    wait_words(&mut term, "s1", &["3/3", &between]);
    fleet.labs[1].kill();
    term.wait_for("no answer: lb2");
    let after = total(&[0, 2]);
    wait_words(&mut term, "s1", &["2/3", &after]);
    // The last moments are without the second balancer, which is unknown there and not zero.
    term.press("p");
    let screen = term.wait_for("PAUSED");
    assert!(moment(&screen).is_some(), "{screen}");
    let screen = wait_words(&mut term, "s1", &["2/3", &after]);
    assert!(screen.contains("no sample: lb2") && screen.contains("2 of 3 balancers"), "{screen}");
    // New samples change nothing.
    send_requests(fleet.labs[0].frontend_addr(), 4);
    let screen = step_to(&mut term, "<left>", "s1", &["3/3", &between]);
    assert!(screen.contains("all 3 balancers") && !screen.contains("no sample"), "{screen}");
    assert_eq!(words(&screen, "s2")[..4], ["2", "UP", "1", "MAINT"], "{screen}");
    // The lanes are those of the proxies on all balancers.
    assert!(screen.lines().any(|line| line.trim_start().starts_with("be1 ") && line.contains('─')), "{screen}");
    step_to(&mut term, "<left>", "s2", &["3/3"]);
    wait_words(&mut term, "s1", &["3/3", &before]);
    // A row unfolds into those of the balancers at this moment; the events are those up to it.
    term.press("9");
    term.wait_gone("STOT");
    let screen = term.settled_screen();
    assert!(!event_lines(&screen).iter().any(|line| line.contains("→ MAINT")), "{screen}");
    // n and N go to the events of each balancer.
    term.press("n");
    wait_event(&mut term, "lb3 be1/s2 UP → MAINT");
    term.press("n");
    wait_event(&mut term, "lb2 link lost");
    term.press("N");
    term.wait_until(|screen| !event_lines(screen).iter().any(|line| line.starts_with("lb2 link lost")));
    // A single balancer shows the same moment, and b shows that of all again.
    let shown = moment(&term.settled_screen()).unwrap();
    term.press("1:only<space>lb3<ret>");
    term.wait_for("only lb3");
    let screen = term.wait_until(|screen| screen.contains("3/3 ") && words(screen, "s2").len() > 1);
    assert!(moment(&screen).is_some_and(|moment| moment <= shown), "{screen}");
    term.press("b");
    let screen = term.wait_for("all 3 balancers");
    assert!(moment(&screen).is_some(), "{screen}");
    // No action is possible, and the present shows all balancers again.
    term.press("/s2<ret>");
    term.press("GM");
    term.wait_for("no commands can be sent");
    term.press("<esc>p");
    term.wait_for("live data again");
    let now = total(&[0, 2]);
    wait_words(&mut term, "s1", &["2/3", &now]);
    term.press("q");
}

/// Records the balancers, before and after what `action` does, and returns the folder.
fn record(fleet: &SharedServers, home: &Path, action: impl FnOnce()) -> PathBuf {
    let folder = home.join("recordings");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
    command.args(["record", "-i", "0.2", "--dir"]).arg(&folder).args(fleet.targets()).env("HOME", home);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let counts = || -> Vec<u64> {
        let all = list_instances(&folder).unwrap_or_default();
        all.iter().map(|folder| Recording::open(folder).map_or(0, |recording| recording.sample_count())).collect()
    };
    let has = |least: u64| counts().len() == 3 && counts().iter().all(|count| *count >= least);
    wait_until("the first samples", || has(5));
    action();
    let before = counts();
    wait_until("further samples", || has(before.iter().max().unwrap() + 60));
    process::signal(child.id(), "TERM");
    child.wait().unwrap();
    folder
}

#[test]
fn recorded_past_is_one_moment_of_all_balancers() {
    let fleet = SharedServers::start(["", ""]);
    let home = tempfile::tempdir().unwrap();
    let folder = record(&fleet, home.path(), || {
        send_requests(fleet.labs[0].frontend_addr(), 8);
        fleet.labs[2].send_command("set server be1/s2 state maint");
    });
    let totals = fleet.sum(&[0, 1, 2], "s1", "stot").to_string();
    // The past of a dashboard reaches into the recordings of all balancers.
    let args = ["-i", "0.2", "--recordings", folder.to_str().unwrap()];
    let mut term = Term::builder().args(args).args(fleet.targets()).size(140, 50).start();
    term.wait_for("ADMIN");
    term.press("1b");
    term.wait_for("all 3 balancers");
    term.press(":cols<space>balancers<space>stot<ret>");
    send_requests(fleet.labs[0].frontend_addr(), 12);
    let now = fleet.sum(&[0, 1, 2], "s1", "stot").to_string();
    wait_words(&mut term, "s1", &["3/3", &now]);
    term.press("p<home>");
    term.wait_for("recorded every");
    // The first samples of all were not taken at the same time.
    step_to(&mut term, "<right>", "s2", &["3/3"]);
    term.press("n");
    term.wait_for("lb3  be1/s2  UP → MAINT");
    wait_words(&mut term, "s2", &["2", "UP", "1", "MAINT"]);
    wait_words(&mut term, "s1", &["3/3", &totals]);
    term.press("q");
    // So does a replay.
    let args = ["replay", folder.to_str().unwrap()];
    let mut term = Term::builder().args(args).size(140, 50).start();
    term.wait_for("PAUSED");
    term.press("1b<end>");
    term.wait_for("all 3 balancers");
    term.press(":cols<space>balancers<space>stot<ret>");
    wait_words(&mut term, "s1", &["3/3", &totals]);
    term.press("<home>");
    step_to(&mut term, "<right>", "s2", &["3/3"]);
    term.press("9n");
    wait_event(&mut term, "lb3 be1/s2 UP → MAINT");
    // It plays to the end of all recordings.
    term.press("1p");
    term.wait_for("end of the recording");
    wait_words(&mut term, "s1", &["3/3", &totals]);
    term.press("q");
}

#[test]
fn heat_map_and_comparison_show_the_merged_rows() {
    let fleet = SharedServers::start(["", ""]);
    let mut term = fleet.dashboard(160, 40);
    term.press("mT");
    term.wait_until(|screen| screen.contains("be1/s1") && screen.contains("now"));
    // The worst state of all balancers, at the time when it was.
    fleet.labs[1].send_command("set server be1/s2 state maint");
    term.press("VVVV");
    let row = |screen: &str| screen.lines().find(|line| line.contains("be1/s2")).unwrap_or_default().to_owned();
    term.wait_until(|screen| screen.contains("state, ") && row(screen).contains('◌'));
    fleet.labs[1].send_command("set server be1/s2 state ready");
    term.wait_until(|screen| row(screen).contains('◌') && row(screen).contains("UP"));
    // The rows of the comparison are those of all balancers since the mark.
    send_requests(fleet.labs[0].frontend_addr(), 8);
    send_requests(fleet.labs[1].addr("fe1"), 8);
    // The sparklines of the header are those of all balancers.
    term.wait_until(|screen| screen.lines().nth(1).is_some_and(|line| line.contains("req/s") && line.contains('▇')));
    fleet.labs[0].send_command("set server be1/s3 state drain");
    term.press("S");
    term.wait_for("[mark]");
    term.wait_until(|screen| {
        let line = screen.lines().find(|line| line.contains("be1/s3")).unwrap_or_default();
        line.contains("UP → DRAIN") && line.contains("2 UP 1 DRAIN")
    });
    assert!(!term.settled_screen().contains("without lb"), "{}", term.screen());
    // A single balancer has its own comparison.
    term.press(":only<space>lb2<ret>");
    term.wait_for("only lb2");
    term.wait_gone("UP → DRAIN");
    term.press("q");
}
