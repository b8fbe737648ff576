//! `hapulse check` against a real HAProxy, read as a monitoring system reads it: the exit code, the first line and its
//! numbers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::thread;
use std::time::Duration;

use script::{Ran, Script};
use support::fake::Answers;
use support::{Answer, Fake, Lab, Traffic};

/// One number: its value (nothing for `U`), its unit, and what follows.
type Number = (Option<f64>, String, Vec<String>);

/// The words and the numbers of the first line, read by the guidelines: labels in single quotes, blanks between.
fn first(ran: &Ran) -> (String, BTreeMap<String, Number>) {
    let line = ran.out.lines().next().expect("there is a line");
    let Some((words, mut rest)) = line.split_once(" | ") else { return (line.to_owned(), BTreeMap::new()) };
    let mut numbers = BTreeMap::new();
    while let Some(quoted) = rest.trim_start().strip_prefix('\'') {
        let (label, behind) = quoted.split_once("'=").expect("a label ends in a quote");
        let (one, more) = behind.split_once(' ').unwrap_or((behind, ""));
        let mut parts = one.split(';').map(str::to_owned);
        let value = parts.next().unwrap();
        let end = value.find(|ch: char| !ch.is_ascii_digit() && !"-.".contains(ch)).unwrap_or(value.len());
        let unit = value[end..].to_owned();
        assert!(["", "%", "B", "U"].contains(&unit.as_str()), "{line}");
        numbers.insert(label.to_owned(), (value[..end].parse().ok(), unit, parts.collect()));
        rest = more;
    }
    assert_eq!(rest.trim(), "", "{line}");
    (words.to_owned(), numbers)
}

/// Only the first line may have a bar: what follows one is taken for numbers.
#[track_caller]
fn is_state(ran: &Ran, code: i32, word: &str) {
    assert_eq!(ran.code, code, "{ran:#?}");
    assert!(ran.out.starts_with(&format!("HAPULSE {word} - ")), "{ran:#?}");
    assert_eq!(ran.err, "");
    assert!(ran.out.matches('|').count() <= 1 && ran.out.lines().skip(1).all(|line| !line.contains('|')), "{ran:#?}");
}

#[test]
fn all_is_well() {
    let lab = Lab::builder().backends(2).servers(3).checks().start();
    Traffic::to(lab.frontend_addr()).send(20);
    let ran = Script::new().run(lab.admin(), "check --over 2s");
    is_state(&ran, 0, "OK");
    let (words, numbers) = first(&ran);
    assert!(words.starts_with("HAPULSE OK - 6 of 6 servers usable, "), "{words}");
    let maxconn = lab.info("Maxconn").parse::<f64>().unwrap();
    let limits = [maxconn * 0.8, maxconn * 0.9, 0.0, maxconn];
    let told: Vec<f64> = numbers["connections"].2.iter().map(|text| text.parse().unwrap()).collect();
    for (told, limit) in told.iter().zip(limits) {
        assert!((told - limit).abs() < 0.001, "{told} {limit}");
    }
    assert_eq!(
        numbers["servers_usable"],
        (Some(6.0), String::new(), vec![String::new(), String::new(), "0".into(), "6".into()])
    );
    assert_eq!(numbers["idle"].1, "%");
    assert_eq!(numbers["idle"].2, ["30:", "10:", "0", "100"]);
    assert_eq!((numbers["queue"].0, numbers["requests_per_second"].0), (Some(0.0), Some(0.0)), "nothing happens now");
    assert!(ran.out.lines().last().unwrap().starts_with("too short a look for: connections, "), "{}", ran.out);
}

#[test]
fn servers_that_are_down_are_a_warning_and_a_backend_without_any_is_critical() {
    let lab = Lab::builder().servers(4).answer("be1/s1", Answer::Closed).checks().start();
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let script = Script::new();
    let ran = script.run(lab.admin(), "check --over 0");
    is_state(&ran, 1, "WARNING");
    assert!(ran.out.contains("be1/s1: down: L4CON"), "{}", ran.out);
    let (_, numbers) = first(&ran);
    assert_eq!((numbers["servers_usable"].0, numbers["problems_crit"].0), (Some(3.0), Some(0.0)));
    assert_eq!(numbers["requests_per_second"].1, "U", "one look gives no rate, and unknown is not zero");
    let off = "--threshold server-down=off --threshold backend-weight=off --threshold failing-checks=off";
    is_state(&script.run(lab.admin(), &format!("check --over 0 {off}")), 0, "OK");
    for server in ["s2", "s3", "s4"] {
        lab.set_answer(&format!("be1/{server}"), Answer::Closed);
        lab.wait_stat("be1", server, "status", |status| status == "DOWN");
    }
    let ran = script.run(lab.admin(), "check --over 0");
    is_state(&ran, 2, "CRITICAL");
    assert!(first(&ran).0.starts_with("HAPULSE CRITICAL - backend be1: no server left"), "{}", ran.out);
}

#[test]
fn what_must_hold_for_a_time_is_judged_when_it_did() {
    let lab = Lab::builder().servers(1).maxconn(1).answer("be1/s1", Answer::Slow(Duration::from_mins(1))).start();
    let traffic = Traffic::to(lab.frontend_addr()).workers(4).start();
    lab.wait_stat("be1", "BACKEND", "scur", |sessions| sessions == "4");
    let script = Script::new();
    is_state(&script.run(lab.admin(), "check --over 1s"), 0, "OK");
    let ran = script.run(lab.admin(), "check --over 6s --threshold queue.crit=3");
    is_state(&ran, 2, "CRITICAL");
    assert!(ran.out.contains("CRIT backend be1: ") && ran.out.contains("3 "), "{}", ran.out);
    assert_eq!(first(&ran).1["queue"].0, Some(3.0));
    drop(traffic);
}

#[test]
fn slow_answers_make_it_shorter_and_never_much_longer() {
    let lab = Lab::builder().start();
    let answers = Answers::recorded(&lab, &["show info", "show stat"]);
    let slow = Fake::unix(move |line, stream| {
        thread::sleep(Duration::from_secs(1));
        let _ = stream.write_all(&answers.reply(line));
    });
    let ran = Script::new().run(slow.path(), "check --over 12s");
    // Two answers of a second each: the third would be polite twenty seconds after the second.
    assert_eq!(slow.connections(), 2, "{}", ran.out);
    is_state(&ran, 0, "OK");
    assert!(ran.out.contains(" s and not for 12 s: ") && ran.out.contains("idle"), "{}", ran.out);
}

#[test]
fn whatever_keeps_it_from_judging_is_unknown() {
    let lab = Lab::builder().start();
    let script = Script::new();
    let nowhere = lab.admin().with_file_name("none.sock");
    let ran = script.run(&nowhere, "check --over 0");
    is_state(&ran, 3, "UNKNOWN");
    assert!(ran.out.contains("none.sock: cannot connect") && ran.out.contains("level admin"), "{}", ran.out);
    let silent = Fake::start(Fake::silent());
    is_state(&script.run(silent.path(), "check --over 0"), 3, "UNKNOWN");
    for usage in ["check --over soon", "check --threshold nix.warn=1", "check --nix", "check lb01:"] {
        is_state(&script.run(lab.admin(), usage), 3, "UNKNOWN");
    }
    script.configure("nonsense = 1\n");
    let ran = script.run(lab.admin(), "check --over 0");
    is_state(&ran, 3, "UNKNOWN");
    assert!(ran.out.contains("config.toml"), "{}", ran.out);
}

#[test]
fn of_several_the_worst_counts_and_each_has_its_numbers() {
    let (good, bad) =
        (Lab::builder().start(), Lab::builder().servers(1).answer("be1/s1", Answer::Closed).checks().start());
    bad.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let script = Script::new();
    let ran =
        script.run(good.admin(), &format!("check --over 0 bad={} gone=/nowhere/none.sock", bad.admin().display()));
    is_state(&ran, 2, "CRITICAL");
    let (words, numbers) = first(&ran);
    assert!(words.starts_with("HAPULSE CRITICAL - bad: "), "{words}");
    assert!(
        numbers.contains_key("bad connections") && numbers.contains_key(&format!("{} queue", good.admin().display()))
    );
    assert!(ran.out.lines().any(|line| line.starts_with("gone: ")), "{}", ran.out);
}
