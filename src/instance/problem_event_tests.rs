//! Problems become events of the instance they belong to.

use std::fmt::Write as _;

use crate::instance::instance::Instance;
use crate::observe::events::Event;
use crate::observe::test_samples::{SampleMaker, site};
use crate::problems::transitions::MOST_TOLD;

fn all(watch: &Instance) -> Vec<String> {
    let told = |event: &Event| format!("{} {}", event.name, event.what).trim().to_owned();
    watch.events().newest().map(told).collect()
}

#[test]
fn problems_that_begin_and_end_are_events() {
    let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
    let healthy = site().lines().filter(|line| !line.starts_with("legacy")).collect::<Vec<_>>().join("\n") + "\n";
    let healthy = healthy.replace("api,api1,4,50,50", "api,api1,0,5,50").replace("api,BACKEND,4,", "api,BACKEND,0,");
    let full = healthy.replace("www-in,FRONTEND,,812,", "www-in,FRONTEND,,1700,");
    for step in 0..3 {
        watch.take(maker.at_millis(step * 2000, &healthy), 0);
    }
    assert_eq!((watch.events().len(), watch.problems().count()), (0, 0));
    for step in 3..7 {
        watch.take(maker.at_millis(step * 2000, &full), 0);
    }
    assert_eq!(all(&watch), ["frontend www-in WARN 1700 of 2000 sessions"]);
    assert_eq!(watch.problems().count(), 1);
    for step in 7..15 {
        watch.take(maker.at_millis(step * 2000, &healthy), 0);
    }
    assert_eq!(all(&watch)[0], "frontend www-in over: 1700 of 2000 sessions");
    let down = healthy.replace("4000,UP,100,1,0,2,30,20,55,12,", "4000,DOWN,100,1,0,2,0,20,55,12,");
    watch.take(maker.at_millis(30_000, &down), 0);
    assert!(watch.problems().list().any(|problem| problem.rule.id == "server-down"));
    let newest = all(&watch);
    assert!(newest.iter().any(|event| event.contains("UP → DOWN")), "{newest:?}");
    assert!(!newest.iter().any(|event| event.contains("WARN down")), "its status tells of it: {newest:?}");
}

#[test]
fn many_problems_at_once_are_few_events() {
    let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
    let mut stat = "# pxname,svname,scur,slim,status,type,\n".to_owned();
    for number in 0..100 {
        let _ = writeln!(stat, "b,s{number},50,50,UP,2,");
    }
    stat += "b,BACKEND,50,50,UP,1,\n";
    for step in 0..4 {
        watch.take(maker.at_millis(step * 2000, &stat), 0);
    }
    assert_eq!((watch.problems().count(), watch.events().len()), (100, MOST_TOLD + 1));
    assert_eq!(all(&watch)[0], "CRIT 80 more problems at the same time");
}
