//! `hapulse check` against a real HAProxy, parsed as a monitoring system does it: the exit code, the first line and its
//! performance data.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use hapulse::recording::snapshot_reader::open_recordings;
use script::{CommandResult, Script};
use support::fake::CannedReplies;
use support::{FakeSocket, Lab, ServerBehavior, Traffic, wait_until};

/// One value of the performance data: number (`None` for `U`), unit, and thresholds with minimum and maximum.
type PerformanceValue = (Option<f64>, String, Vec<String>);

/// Parses text and performance data of the first line by the Nagios guidelines: quoted labels, separated by spaces.
fn first_line(result: &CommandResult) -> (String, BTreeMap<String, PerformanceValue>) {
    let line = result.out.lines().next().expect("the output has a line");
    let Some((text, mut rest)) = line.split_once(" | ") else { return (line.to_owned(), BTreeMap::new()) };
    let mut values = BTreeMap::new();
    while let Some(quoted) = rest.trim_start().strip_prefix('\'') {
        let (label, after_label) = quoted.split_once("'=").expect("a label ends in a quote");
        let (fields, remaining) = after_label.split_once(' ').unwrap_or((after_label, ""));
        let mut parts = fields.split(';').map(str::to_owned);
        let value = parts.next().unwrap();
        let end = value.find(|ch: char| !ch.is_ascii_digit() && !"-.".contains(ch)).unwrap_or(value.len());
        let unit = value[end..].to_owned();
        assert!(["", "%", "B", "U"].contains(&unit.as_str()), "{line}");
        values.insert(label.to_owned(), (value[..end].parse().ok(), unit, parts.collect()));
        rest = remaining;
    }
    assert_eq!(rest.trim(), "", "{line}");
    (text.to_owned(), values)
}

/// Asserts exit code and state word, and that only the first line has a `|`, which starts performance data.
#[track_caller]
fn assert_state(result: &CommandResult, code: i32, word: &str) {
    assert_eq!(result.code, code, "{result:#?}");
    assert!(result.out.starts_with(&format!("HAPULSE {word} - ")), "{result:#?}");
    assert_eq!(result.err, "");
    assert!(
        result.out.matches('|').count() <= 1 && result.out.lines().skip(1).all(|line| !line.contains('|')),
        "{result:#?}"
    );
}

#[test]
fn check_returns_ok_with_all_numbers_when_healthy() {
    let lab = Lab::builder().backends(2).servers(3).checks().start();
    let result = Script::new().run(lab.admin(), "check --over 2s");
    assert_state(&result, 0, "OK");
    let (text, values) = first_line(&result);
    assert!(text.starts_with("HAPULSE OK - 6 of 6 servers usable, "), "{text}");
    let maxconn = lab.info("Maxconn").parse::<f64>().unwrap();
    let limits = [maxconn * 0.8, maxconn * 0.9, 0.0, maxconn];
    let thresholds: Vec<f64> = values["connections"].2.iter().map(|text| text.parse().unwrap()).collect();
    for (threshold, limit) in thresholds.iter().zip(limits) {
        assert!((threshold - limit).abs() < 0.001, "{threshold} {limit}");
    }
    assert_eq!(
        values["servers_usable"],
        (Some(6.0), String::new(), vec![String::new(), String::new(), "0".into(), "6".into()])
    );
    assert_eq!(values["idle"].1, "%");
    assert_eq!(values["idle"].2, ["30:", "10:", "0", "100"]);
    assert_eq!((values["queue"].0, values["requests_per_second"].0), (Some(0.0), Some(0.0)), "no traffic");
    assert!(!result.out.contains("not evaluated"), "{}", result.out);
}

#[test]
fn check_and_show_do_not_call_servers_fine_that_got_no_request_meanwhile() {
    let lab = Lab::builder().servers(3).checks().start();
    let script = Script::new();
    Traffic::to(lab.frontend_addr()).send(3);
    let check = script.run(lab.admin(), "check --over 1s");
    assert_state(&check, 3, "UNKNOWN");
    let shown = script.run(lab.admin(), "show problems --over 1s");
    for result in [check, shown] {
        assert!(result.out.contains("not evaluated: ") && result.out.contains("(too few requests)"), "{result:?}");
    }
    // Longer sampling does not wait for more requests.
    assert_state(&script.run(lab.admin(), "check"), 0, "OK");
}

#[test]
fn check_warns_for_down_server_and_is_critical_without_servers() {
    let lab = Lab::builder().servers(4).server_behavior("be1/s1", ServerBehavior::Closed).checks().start();
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let script = Script::new();
    let result = script.run(lab.admin(), "check --over 0");
    assert_state(&result, 1, "WARNING");
    assert!(result.out.contains("be1/s1: down: L4CON"), "{}", result.out);
    assert!(result.out.lines().last().unwrap().starts_with("not evaluated: "), "{}", result.out);
    let (_, values) = first_line(&result);
    assert_eq!((values["servers_usable"].0, values["problems_crit"].0), (Some(3.0), Some(0.0)));
    assert_eq!(values["requests_per_second"].1, "U", "a single sample gives no rate, and unknown is not zero");
    let off = "--threshold server-down=off --threshold backend-weight=off --threshold failing-checks=off";
    assert_state(&script.run(lab.admin(), &format!("check --over 0 {off}")), 3, "UNKNOWN");
    assert_state(&script.run(lab.admin(), &format!("check --over 2s {off}")), 0, "OK");
    for server in ["s2", "s3", "s4"] {
        lab.set_server_behavior(&format!("be1/{server}"), ServerBehavior::Closed);
        lab.wait_stat("be1", server, "status", |status| status == "DOWN");
    }
    let result = script.run(lab.admin(), "check --over 0");
    assert_state(&result, 2, "CRITICAL");
    assert!(first_line(&result).0.starts_with("HAPULSE CRITICAL - backend be1: no server available"), "{}", result.out);
}

#[test]
fn check_evaluates_hysteresis_rule_when_sampled_long_enough() {
    let lab = Lab::builder()
        .servers(1)
        .maxconn(1)
        .server_behavior("be1/s1", ServerBehavior::Slow(Duration::from_mins(1)))
        .start();
    let traffic = Traffic::to(lab.frontend_addr()).workers(4).start();
    lab.wait_stat("be1", "BACKEND", "scur", |sessions| sessions == "4");
    let script = Script::new();
    let result = script.run(lab.admin(), "check --over 1s");
    assert_state(&result, 3, "UNKNOWN");
    assert!(result.out.contains("not evaluated: ") && result.out.contains("queue, server-sessions"), "{}", result.out);
    let result = script.run(lab.admin(), "check --over 6s --threshold queue.crit=3");
    assert_state(&result, 2, "CRITICAL");
    assert!(result.out.contains("CRIT backend be1: ") && result.out.contains("3 "), "{}", result.out);
    assert_eq!(first_line(&result).1["queue"].0, Some(3.0));
    drop(traffic);
}

#[test]
fn check_shortens_sampling_when_replies_are_slow() {
    let lab = Lab::builder().start();
    let replies = CannedReplies::record(&lab, &["show info", "show stat"]);
    let polls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&polls);
    let slow = FakeSocket::with_handler(move |line, stream| {
        counter.fetch_add(usize::from(line.contains("show stat")), Ordering::Relaxed);
        thread::sleep(Duration::from_secs(1));
        let _ = stream.write_all(&replies.reply_to(line));
    });
    let result = Script::new().run(slow.path(), "check --over 12s");
    // Two replies of 1 s each: the poll schedule would allow the third 20 s after the second.
    assert_eq!(polls.load(Ordering::Relaxed), 2, "{}", result.out);
    assert_state(&result, 0, "OK");
    assert!(result.out.contains(" s instead of 12 s: "), "{}", result.out);
}

#[test]
fn check_returns_unknown_when_it_cannot_evaluate() {
    let lab = Lab::builder().start();
    let script = Script::new();
    let nowhere = lab.admin().with_file_name("none.sock");
    let result = script.run(&nowhere, "check --over 0");
    assert_state(&result, 3, "UNKNOWN");
    assert!(result.out.contains("none.sock: cannot connect") && result.out.contains("level admin"), "{}", result.out);
    let silent = FakeSocket::start(FakeSocket::silent());
    assert_state(&script.run(silent.path(), "check --over 0"), 3, "UNKNOWN");
    for usage in ["check --over soon", "check --threshold nix.warn=1", "check --nix", "check lb01:"] {
        assert_state(&script.run(lab.admin(), usage), 3, "UNKNOWN");
    }
    script.configure("nonsense = 1\n");
    let result = script.run(lab.admin(), "check --over 0");
    assert_state(&result, 3, "UNKNOWN");
    assert!(result.out.contains("config.toml"), "{}", result.out);
}

#[test]
fn check_of_several_instances_returns_worst_state_and_all_numbers() {
    let (healthy, failing) = (
        Lab::builder().start(),
        Lab::builder().servers(1).server_behavior("be1/s1", ServerBehavior::Closed).checks().start(),
    );
    failing.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let script = Script::new();
    let result = script
        .run(healthy.admin(), &format!("check --over 0 bad={} gone=/nowhere/none.sock", failing.admin().display()));
    assert_state(&result, 2, "CRITICAL");
    let (text, values) = first_line(&result);
    assert!(text.starts_with("HAPULSE CRITICAL - bad: "), "{text}");
    assert!(
        values.contains_key("bad connections") && values.contains_key(&format!("{} queue", healthy.admin().display()))
    );
    assert!(result.out.lines().any(|line| line.starts_with("gone: ")), "{}", result.out);
}

#[test]
fn check_and_show_judge_at_once_where_the_last_minute_is_recorded() {
    let lab = Lab::builder().servers(2).checks().server_behavior("be1/s2", ServerBehavior::Closed).start();
    lab.wait_stat("be1", "s2", "status", |status| status == "DOWN");
    let replies = CannedReplies::record(&lab, &["show info", "show stat"]);
    let polls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&polls);
    let haproxy = FakeSocket::with_handler(move |line, stream| {
        counter.fetch_add(usize::from(line.contains("show stat")), Ordering::Relaxed);
        let _ = stream.write_all(&replies.reply_to(line));
    });
    let script = Script::new();
    let recorder = script.start(haproxy.path(), "record -i 1");
    let folder = script.audit_path().with_file_name("recordings");
    // Longer than the sampling time and all hold times.
    wait_until("20 recorded seconds", || {
        let recording = open_recordings(&folder).ok().and_then(|mut opened| opened.recordings.pop());
        let span = recording.and_then(|recording| recording.span());
        span.is_some_and(|span| span.last.monotonic > span.first.monotonic + Duration::from_secs(20))
    });
    recorder.signal("TERM");
    recorder.wait();
    for (args, code, text) in
        [("check", 1, "HAPULSE WARNING - be1/s2: down"), ("show problems", 0, "WARN be1/s2: down")]
    {
        polls.store(0, Ordering::Relaxed);
        let result = script.run(haproxy.path(), args);
        assert!(result.code == code && result.out.contains(text) && result.err.is_empty(), "{result:?}");
        assert_eq!(polls.load(Ordering::Relaxed), 1, "{args}: {}", result.out);
    }
    let elsewhere = script.run(haproxy.path(), &format!("check --recordings {}", lab.config_file().display()));
    assert_eq!(elsewhere.code, 3, "{elsewhere:?}");
    assert!(elsewhere.out.starts_with("HAPULSE UNKNOWN - cannot read "), "{elsewhere:?}");
}
