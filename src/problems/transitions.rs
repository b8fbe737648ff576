//! Problems that begin and end, as events.

use crate::observe::events::{Event, What, display_name};
use crate::observe::timestamp::Stamp;
use crate::problems::problem::{Changes, Problem};

/// Problems of one sample that are told one by one; the rest is counted.
pub const MOST_TOLD: usize = 20;

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
