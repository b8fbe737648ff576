//! The verdicts of the demo scenario: each simulated fault is reported with its cause.

#![allow(clippy::unwrap_used, reason = "test helpers may panic")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hapulse::demo::{CliLevel, World, interpreter};
use hapulse::haproxy::info::ProcessInfo;
use hapulse::haproxy::stat_table::StatTable;
use hapulse::instance::state::Instance;
use hapulse::observe::row_ids::RowIds;
use hapulse::observe::sample::{Epoch, ReplyCost, Sample, SampleDetails};
use hapulse::observe::timestamp::Timestamp;

/// Returns the verdicts of one period of the scenario: second, "severity proxy cause", text.
fn scenario_verdicts() -> Vec<(u64, String, String)> {
    let mut world = World::new(7, Duration::from_secs(0), 1_798_761_600, 0);
    let (mut row_ids, mut instance) = (RowIds::default(), Instance::default());
    let mut verdicts = Vec::new();
    for seq in 0..120 {
        let mut level = CliLevel::Admin;
        let stat = interpreter::execute_line(&mut world, "show stat", &mut level);
        let info = interpreter::execute_line(&mut world, "show info", &mut level);
        let table = StatTable::parse(stat.trim_end_matches('\n').as_bytes(), None).unwrap();
        let monotonic = Duration::from_secs(seq * 2);
        let sample = Sample {
            seq,
            at: Timestamp { monotonic, wall: SystemTime::UNIX_EPOCH },
            epoch: Epoch { number: 1, pid: 1 },
            level: None,
            info: ProcessInfo::parse(info.as_bytes()).unwrap(),
            rows: row_ids.identify(&table),
            table,
            changes: None,
            cost: ReplyCost::default(),
            interval: Duration::from_secs(2),
            configured: None,
            details: SampleDetails::default(),
        };
        instance.add_sample(Arc::new(sample), 0);
        for verdict in instance.problems().verdicts() {
            let head = format!("{} {} {:?}", verdict.severity.label(), verdict.name, verdict.cause);
            verdicts.push((seq * 2, head, verdict.text.clone()));
        }
        world.advance(Duration::from_secs(2));
    }
    verdicts
}

#[test]
fn verdicts_name_each_fault_of_demo_scenario() {
    let verdicts = scenario_verdicts();
    let first_second = |head: &str, text: &str| {
        verdicts.iter().find(|(_, found, words)| found == head && words.contains(text)).map(|(second, ..)| *second)
    };
    let assert_first_seen = |head: &str, text: &str, from: u64, to: u64| {
        let second = first_second(head, text);
        assert!(second.is_some_and(|second| (from..=to).contains(&second)), "{head} {text}: {second:?}\n{verdicts:#?}");
    };
    assert_first_seen("CRIT legacy NoServerAvailable", "no server available: 1 down", 0, 4);
    assert_first_seen("CRIT api ServersFull", " waiting ", 8, 20);
    assert_first_seen("WARN www Outlier", "www3 is ", 64, 82);
    assert_first_seen("WARN static ServersDown", "static2", 116, 120);
    assert_first_seen("WARN static ServersDown", "static2 down: L4TOUT, 67% of the weight available", 120, 134);
    assert_first_seen("CRIT auth ApplicationErrors", "of the responses are 5xx", 168, 180);
    let critical: BTreeSet<&str> =
        verdicts.iter().map(|(_, head, _)| head.as_str()).filter(|head| head.starts_with("CRIT")).collect();
    let expected = ["legacy NoServerAvailable", "api ServersFull", "auth ApplicationErrors", "static ServersDown"];
    for head in critical {
        assert!(expected.iter().any(|cause| head.ends_with(cause)), "{head}\n{verdicts:#?}");
    }
}
