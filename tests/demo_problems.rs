//! The causes of the demo scenario: each simulated fault is reported as one cause.

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

/// Returns the causes of one period of the scenario: second, "severity row kind", sentence.
fn scenario_causes() -> Vec<(u64, String, String)> {
    let mut world = World::new(7, Duration::from_secs(0), 1_798_761_600, 0);
    let (mut row_ids, mut instance) = (RowIds::default(), Instance::default());
    let mut causes = Vec::new();
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
        for cause in instance.problems().open_causes() {
            let head = format!("{} {} {}", cause.severity.label(), cause.name(), cause.kind);
            causes.push((seq * 2, head, cause.sentence.clone()));
        }
        world.advance(Duration::from_secs(2));
    }
    causes
}

#[test]
fn causes_name_each_fault_of_demo_scenario() {
    let causes = scenario_causes();
    let first_second = |head: &str, text: &str| {
        causes.iter().find(|(_, found, words)| found == head && words.contains(text)).map(|(second, ..)| *second)
    };
    let assert_first_seen = |head: &str, text: &str, from: u64, to: u64| {
        let second = first_second(head, text);
        assert!(second.is_some_and(|second| (from..=to).contains(&second)), "{head} {text}: {second:?}\n{causes:#?}");
    };
    assert_first_seen("CRIT legacy no-server", "no server available: ", 0, 4);
    assert_first_seen("CRIT api slow-application", " waiting", 8, 20);
    assert_first_seen("WARN www/www3 slow-server", "x slower than its peers", 64, 82);
    assert_first_seen("WARN static/static2 failing-checks", "", 116, 120);
    assert_first_seen("WARN static/static2 server-down", "down: L4TOUT, 67% of the weight available", 120, 134);
    assert_first_seen("CRIT auth application-5xx", "of the responses are 5xx", 168, 190);
    let critical: BTreeSet<&str> =
        causes.iter().map(|(_, head, _)| head.as_str()).filter(|head| head.starts_with("CRIT")).collect();
    // In its first seconds, the fault may hit one of the two servers by chance.
    let expected = [
        "auth/auth1 server-5xx",
        "legacy no-server",
        "api slow-application",
        "auth application-5xx",
        "static/static2 server-down",
    ];
    for head in critical {
        assert!(expected.iter().any(|cause| head.ends_with(cause)), "{head}\n{causes:#?}");
    }
}
