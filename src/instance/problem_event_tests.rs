//! Tests that problems become events of their instance.

use std::fmt::Write as _;

use crate::instance::state::Instance;
use crate::observe::events::Event;
use crate::observe::test_samples::{SampleBuilder, stat_of_site};
use crate::problems::rule_table::RuleId;
use crate::problems::transitions::MAX_EVENTS;

fn event_lines(instance: &Instance) -> Vec<String> {
    let line = |event: &Event| format!("{} {}", event.name, event.kind).trim().to_owned();
    instance.events().newest_first().map(line).collect()
}

#[test]
fn add_sample_reports_opened_and_resolved_causes() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    let healthy =
        stat_of_site().lines().filter(|line| !line.starts_with("legacy")).collect::<Vec<_>>().join("\n") + "\n";
    let healthy = healthy.replace("api,api1,4,50,50", "api,api1,0,5,50").replace("api,BACKEND,4,", "api,BACKEND,0,");
    let full = healthy.replace("www-in,FRONTEND,,812,", "www-in,FRONTEND,,1700,");
    for step in 0..3 {
        instance.add_sample(builder.build_at_millis(step * 2000, &healthy), 0);
    }
    assert_eq!((instance.events().len(), instance.problems().count()), (0, 0));
    for step in 3..7 {
        instance.add_sample(builder.build_at_millis(step * 2000, &full), 0);
    }
    assert_eq!(event_lines(&instance), ["frontend www-in WARN 1700 of 2000 sessions"]);
    assert_eq!(instance.problems().count(), 1);
    for step in 7..15 {
        instance.add_sample(builder.build_at_millis(step * 2000, &healthy), 0);
    }
    assert_eq!(event_lines(&instance)[0], "frontend www-in resolved: 1700 of 2000 sessions");
    let down = healthy.replace("4000,UP,100,1,0,2,30,20,55,12,", "4000,DOWN,100,1,0,2,0,20,55,12,");
    instance.add_sample(builder.build_at_millis(30_000, &down), 0);
    assert!(instance.problems().iter().any(|problem| problem.rule.id == RuleId::ServerDown));
    let newest = event_lines(&instance);
    assert!(newest.iter().any(|event| event.contains("UP → DOWN")), "{newest:?}");
    assert!(
        !newest.iter().any(|event| event.contains("WARN down")),
        "the status change is already an event: {newest:?}"
    );
}

#[test]
fn add_sample_limits_cause_events() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    let mut stat = "# pxname,svname,scur,slim,status,type,\n".to_owned();
    for number in 0..100 {
        let _ = writeln!(stat, "f{number},FRONTEND,50,50,OPEN,0,");
    }
    for step in 0..4 {
        instance.add_sample(builder.build_at_millis(step * 2000, &stat), 0);
    }
    assert_eq!((instance.problems().count(), instance.events().len()), (100, MAX_EVENTS + 1));
    assert_eq!(event_lines(&instance)[0], "CRIT 80 more causes at the same time");
}
