//! The story of the demo, told by the verdicts: what goes wrong there is named as what it is.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hapulse::demo::CliLevel;
use hapulse::demo::World;
use hapulse::demo::interpreter;
use hapulse::haproxy::info::ProcessInfo;
use hapulse::haproxy::stat_table::StatTable;
use hapulse::instance::instance::Instance;
use hapulse::observe::row_ids::RowIds;
use hapulse::observe::sample::{ReplyCost, Epoch, Sample};
use hapulse::observe::timestamp::Timestamp;

/// Every verdict of one period of the story, as `from second, severity, proxy, cause: text`.
fn story() -> Vec<(u64, String, String)> {
    let mut world = World::new(7, Duration::from_secs(0), 1_798_761_600, 0);
    let (mut roster, mut watch) = (RowIds::default(), Instance::default());
    let mut told = Vec::new();
    for seq in 0..120 {
        let mut level = CliLevel::Admin;
        let stat = interpreter::execute_line(&mut world, "show stat", &mut level);
        let info = interpreter::execute_line(&mut world, "show info", &mut level);
        let table = StatTable::parse(stat.trim_end_matches('\n').as_bytes(), None).unwrap();
        let mono = Duration::from_secs(seq * 2);
        let sample = Sample {
            seq,
            at: Timestamp { monotonic: mono, wall: SystemTime::UNIX_EPOCH },
            epoch: Epoch { number: 1, pid: 1 },
            level: None,
            info: ProcessInfo::parse(info.as_bytes()).unwrap(),
            rows: roster.identify(&table),
            table,
            cost: ReplyCost::default(),
            interval: Duration::from_secs(2),
            configured: None,
        };
        watch.add_sample(Arc::new(sample), 0);
        for verdict in watch.problems().verdicts() {
            let head = format!("{} {} {:?}", verdict.severity.label(), verdict.name, verdict.cause);
            told.push((seq * 2, head, verdict.text.clone()));
        }
        world.advance(Duration::from_secs(2));
    }
    told
}

#[test]
fn verdicts_name_each_fault_of_demo_scenario() {
    let told = story();
    let first = |head: &str, text: &str| {
        told.iter().find(|(_, found, words)| found == head && words.contains(text)).map(|(second, ..)| *second)
    };
    let within = |head: &str, text: &str, from: u64, to: u64| {
        let at = first(head, text);
        assert!(at.is_some_and(|at| (from..=to).contains(&at)), "{head} {text}: {at:?}\n{told:#?}");
    };
    within("CRIT legacy NoServerAvailable", "no server available: 1 down", 0, 4);
    within("CRIT api ServersFull", " waiting ", 8, 20);
    within("WARN www Outlier", "www3 is 2", 64, 82);
    within("WARN static ServersDown", "static2", 116, 120);
    within("WARN static ServersDown", "static2 down: L4TOUT, 67% of the weight available", 120, 134);
    within("CRIT auth ApplicationErrors", "of the responses are 5xx", 168, 180);
    let critical: BTreeSet<&str> =
        told.iter().map(|(_, head, _)| head.as_str()).filter(|head| head.starts_with("CRIT")).collect();
    let named = ["legacy NoServerAvailable", "api ServersFull", "auth ApplicationErrors", "static ServersDown"];
    for head in critical {
        assert!(named.iter().any(|name| head.ends_with(name)), "{head}\n{told:#?}");
    }
}
