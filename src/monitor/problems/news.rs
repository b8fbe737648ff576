//! Problems that begin and end, as events.

use crate::monitor::events::{Event, What, display_name};
use crate::monitor::problems::problem::{Changes, Problem};
use crate::monitor::stamp::Stamp;

/// Problems of one sample that are told one by one; the rest is counted.
const MOST_TOLD: usize = 20;

/// The events of one sample.
pub fn of(changes: &Changes, at: Stamp) -> Vec<Event> {
    let begun = changes.opened.iter().chain(&changes.worsened).map(|problem| (true, problem));
    let news = begun.chain(changes.closed.iter().map(|problem| (false, problem)));
    let news: Vec<_> = news.filter(|(_, problem)| !is_a_status(problem)).collect();
    let mut events = Vec::new();
    for (opened, problem) in news.iter().take(MOST_TOLD) {
        let (severity, text) = (problem.severity, problem.text.clone());
        let names = problem.subject.names.as_ref();
        let name = names.map_or(String::new(), |(kind, proxy, name)| display_name(*kind, proxy, name));
        let what = What::Problem { opened: *opened, severity, text };
        events.push(Event { at, row: Some(problem.subject.id), name, what });
    }
    for opened in [true, false] {
        let rest = news.iter().skip(MOST_TOLD).filter(|(which, _)| *which == opened);
        let count = rest.clone().count();
        if let Some(severity) = rest.map(|(_, problem)| problem.severity).max() {
            let text = format!("{count} more problems at the same time");
            events.push(Event { at, row: None, name: String::new(), what: What::Problem { opened, severity, text } });
        }
    }
    events
}

/// Whether an event of its status tells of it already.
fn is_a_status(problem: &Problem) -> bool {
    matches!(problem.rule.id, "server-down" | "backend-down")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::monitor::testing::{SampleMaker, site};
    use crate::monitor::watch::Watch;

    fn all(watch: &Watch) -> Vec<String> {
        let told = |event: &Event| format!("{} {}", event.name, event.what).trim().to_owned();
        watch.events().newest().map(told).collect()
    }

    #[test]
    fn problems_that_begin_and_end_are_events() {
        let (mut watch, mut maker) = (Watch::default(), SampleMaker::default());
        let healthy = site().lines().filter(|line| !line.starts_with("legacy")).collect::<Vec<_>>().join("\n") + "\n";
        let healthy =
            healthy.replace("api,api1,4,50,50", "api,api1,0,5,50").replace("api,BACKEND,4,", "api,BACKEND,0,");
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
        let (mut watch, mut maker) = (Watch::default(), SampleMaker::default());
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
}
