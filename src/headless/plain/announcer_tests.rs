//! Tests of the announcements: what is said once, what is held back, and what is left out.

use std::fmt::Write as _;
use std::time::Duration;

use crate::headless::plain::announcer::Announcer;
use crate::instance::state::Instance;
use crate::observe::link::PollFailure;
use crate::observe::test_samples::{SampleBuilder, timestamp_at};

/// An announcer of a backend with three servers, whose states are given for each step.
struct Site {
    instance: Instance,
    builder: SampleBuilder,
    announcer: Announcer,
}

impl Site {
    fn start(states: [&str; 3]) -> Self {
        let mut site =
            Self { instance: Instance::default(), builder: SampleBuilder::default(), announcer: Announcer::default() };
        site.add(0, states);
        site.announcer.start(&site.instance, timestamp_at(0));
        site
    }

    fn add(&mut self, millis: u64, states: [&str; 3]) {
        let mut stat = "# pxname,svname,scur,qcur,stot,rate,status,weight,check_status,last_chk,type,\n".to_owned();
        for (number, status) in states.iter().enumerate() {
            let check = if status.starts_with("DOWN") { "L4CON,refused" } else { "L4OK,ok" };
            let _ = writeln!(stat, "b,s{},0,0,9,0,{status},1,{check},2,", number + 1);
        }
        let is_up = states.iter().any(|status| status.starts_with("UP"));
        let _ = writeln!(stat, "b,BACKEND,0,0,9,0,{},1,,,1,", if is_up { "UP" } else { "DOWN" });
        let sample = self.builder.build_at_millis(millis, &stat);
        self.instance.add_sample(sample, 0);
    }

    fn news(&mut self, millis: u64) -> Vec<String> {
        let lines = self.announcer.announce(&self.instance, timestamp_at(millis), |_| None);
        lines.into_iter().map(|line| line.text).collect()
    }

    fn step(&mut self, millis: u64, states: [&str; 3]) -> Vec<String> {
        self.add(millis, states);
        self.news(millis)
    }
}

const UP: [&str; 3] = ["UP"; 3];

#[test]
fn announce_says_nothing_while_nothing_changes() {
    let mut site = Site::start(["UP", "DOWN", "UP"]);
    for millis in (2000..60_000).step_by(2000) {
        assert_eq!(site.step(millis, ["UP", "DOWN", "UP"]), [""; 0], "{millis}");
    }
}

#[test]
fn announce_reports_cause_once_and_its_end() {
    let mut site = Site::start(UP);
    let lines = site.step(2000, ["UP", "DOWN", "UP"]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("WARNING: b/s2: down: L4CON refused"), "{lines:?}");
    assert_eq!(site.step(4000, ["UP", "DOWN", "UP"]), [""; 0]);
    assert_eq!(site.step(30_000, ["UP", "DOWN 1/2", "UP"]), [""; 0], "a state between two others");
    let lines = site.step(32_000, UP);
    assert!(lines.len() == 1 && lines[0].starts_with("Resolved after 30 s: b/s2: down: L4CON"), "{lines:?}");
    for millis in (34_000..120_000).step_by(2000) {
        assert_eq!(site.step(millis, UP), [""; 0], "the end of the cause is known: {millis}");
    }
    let lines = site.step(120_000, ["UP", "DOWN", "UP"]);
    assert!(lines.len() == 1 && lines[0].starts_with("WARNING again: b/s2: down"), "{lines:?}");
}

#[test]
fn announce_reports_end_of_a_cause_of_several_servers() {
    let mut site = Site::start(UP);
    let lines = site.step(2000, ["DOWN"; 3]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let lines: Vec<String> = (20..40).flat_map(|second| site.step(second * 1000, UP)).collect();
    assert!(lines.len() == 1 && lines[0].starts_with("Resolved after 18 s: b: no server available"), "{lines:?}");
}

#[test]
fn announce_holds_back_quick_changes_of_a_server() {
    let mut site = Site::start(UP);
    assert_eq!(site.step(2000, ["UP", "DOWN", "UP"]).len(), 1);
    assert_eq!(site.step(4000, UP), [""; 0], "too soon");
    assert_eq!(site.step(8000, UP), ["b/s2 is up: L4OK ok"]);
    assert_eq!(site.step(9000, ["UP", "DOWN", "UP"]), [""; 0], "too soon");
    let lines: Vec<String> = (10..16).flat_map(|second| site.step(second * 1000, ["UP", "DOWN", "UP"])).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("down") && lines[0].contains("b/s2"), "{lines:?}");
}

#[test]
fn announce_reports_worse_cause_at_once() {
    let mut site = Site::start(UP);
    site.step(2000, ["UP", "DOWN", "UP"]);
    let lines = site.step(4000, ["DOWN"; 3]);
    assert!(lines.iter().any(|line| line.starts_with("CRITICAL: b: no server available")), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("is down")), "the cause covers the servers: {lines:?}");
}

#[test]
fn announce_reports_cause_that_becomes_part_of_another_one() {
    let mut site = Site::start(UP);
    site.step(2000, ["UP", "DOWN", "UP"]);
    let lines: Vec<String> = (2..20).flat_map(|step| site.step(step * 2000, ["DOWN"; 3])).collect();
    let parts: Vec<&String> = lines.iter().filter(|line| line.starts_with("Now part of")).collect();
    assert!(parts.len() == 1 && parts[0].starts_with("Now part of b: no server available"), "{lines:#?}");
    assert!(parts[0].contains(": b/s2: down: L4CON refused"), "{lines:#?}");
    let lines: Vec<String> = (20..60).flat_map(|step| site.step(step * 2000, UP)).collect();
    let resolved: Vec<&String> = lines.iter().filter(|line| line.starts_with("Resolved")).collect();
    assert!(resolved.len() == 1 && resolved[0].contains("b: no server available"), "{lines:#?}");
}

/// Reports a cause of `b` that replaces the one before, in turn.
#[test]
fn announce_does_not_repeat_causes_that_replace_each_other() {
    let mut site = Site::start(UP);
    let (mut lines, two) = (Vec::new(), ["DOWN", "DOWN", "UP"]);
    for second in (2..120).step_by(2) {
        let states = if second % 4 == 0 { two } else { ["UP", "DOWN", "UP"] };
        lines.extend(site.step(second * 1000, states));
    }
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(count("Now part of"), 2, "once for each of the two causes: {lines:#?}");
    let openings = count("WARNING") + count("CRITICAL");
    assert!((2..=4).contains(&openings), "{lines:#?}");
}

#[test]
fn announce_reports_states_that_others_set() {
    let mut site = Site::start(UP);
    let lines = site.step(2000, ["UP", "MAINT", "UP"]);
    assert_eq!(lines, ["b/s2 is in maintenance, set by another operator"]);
    assert_eq!(site.step(4000, ["UP", "DRAIN", "UP"]), [""; 0], "too soon");
    let lines = site.step(8000, ["UP", "DRAIN", "UP"]);
    assert_eq!(lines, ["b/s2 is in drain, set by another operator"]);
    site.step(14_000, ["UP", "MAINT", "UP"]);
    site.step(15_000, ["UP", "DRAIN", "UP"]);
    let lines = site.step(20_000, ["UP", "MAINT", "UP"]);
    assert_eq!(lines, ["b/s2 is in maintenance, set by another operator (2 changes in 6 s)"]);
}

#[test]
fn announce_reports_reload_and_lost_connection() {
    let mut site = Site::start(UP);
    site.builder.reload();
    assert_eq!(site.step(2000, UP), ["HAProxy was reloaded: process 101 replaced process 100"]);
    let failure = PollFailure { reason: "refused".into(), hint: None, is_denied: false, retry_at: Duration::ZERO };
    site.instance.record_failure(failure.clone(), timestamp_at(4000));
    assert_eq!(site.news(4000), ["connection to HAProxy lost: refused"]);
    site.instance.record_failure(failure, timestamp_at(5000));
    assert_eq!(site.news(5000), [""; 0]);
    assert_eq!(site.step(6000, UP), ["connection to HAProxy restored after 4 s"]);
}

#[test]
fn announce_limits_number_of_lines() {
    let names: Vec<String> = (0..40).map(|number| format!("b{number},s,2,")).collect();
    let stat = |status: &str| {
        let rows: Vec<String> = names.iter().map(|name| format!("{name}{status},\n")).collect();
        format!("# pxname,svname,type,status,\n{}", rows.concat())
    };
    let mut site = Site::start(UP);
    let (mut builder, mut instance) = (SampleBuilder::default(), Instance::default());
    instance.add_sample(builder.build_at_millis(0, &stat("UP")), 0);
    instance.add_sample(builder.build_at_millis(2000, &stat("MAINT")), 0);
    site.announcer = Announcer::default();
    let lines = site.announcer.announce(&instance, timestamp_at(2000), |_| None);
    assert_eq!(lines.len(), 13);
    assert_eq!(lines[0].text, "28 earlier changes left out; to list them: events");
    assert!(lines.last().unwrap().text.starts_with("b39/s is in maintenance"), "{lines:?}");
}

#[test]
fn announce_counts_what_began_and_ended_since_the_last_call() {
    let mut site = Site::start(UP);
    // The link is lost and restored often, a server changes its state, and a cause opens and is resolved meanwhile.
    let failure = PollFailure { reason: "refused".into(), hint: None, is_denied: false, retry_at: Duration::ZERO };
    for second in 1..30 {
        site.instance.record_failure(failure.clone(), timestamp_at(second * 2000));
        site.add(second * 2000 + 1000, if second % 2 == 0 { UP } else { ["UP", "MAINT", "UP"] });
    }
    let lines = site.news(60_000);
    assert!(lines[0].ends_with(" earlier changes left out; to list them: events"), "{lines:#?}");
    assert!(lines.last().unwrap().contains("b/s2 is in maintenance") || lines.len() == 13, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains(" changes in ")), "the newest state, with a count: {lines:#?}");
    assert!(lines.len() <= 14, "{lines:#?}");
}

#[test]
fn announce_reports_watched_figures_at_most_every_five_seconds() {
    let mut site = Site::start(UP);
    let id = site.instance.latest().unwrap().rows.ids()[0];
    assert!(site.announcer.toggle_watch(id));
    let mut watched = |millis, text: &str| {
        let lines = site.announcer.announce(&site.instance, timestamp_at(millis), |_| Some(text.to_owned()));
        lines.into_iter().map(|line| line.text).collect::<Vec<_>>()
    };
    assert_eq!(watched(0, "1 session"), ["1 session"]);
    assert_eq!(watched(2000, "2 sessions"), [""; 0]);
    assert_eq!(watched(5000, "3 sessions"), ["3 sessions"]);
    assert_eq!(watched(60_000, "3 sessions"), [""; 0]);
    assert!(!site.announcer.toggle_watch(id));
}
