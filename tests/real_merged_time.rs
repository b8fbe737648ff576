//! Several real HAProxies merged over time: their events, their past, the heat map, the comparison before and after, and the
//! sparklines of the header.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::Term;
use support::shared_servers::SharedServers;

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
