//! Events for problems that open, become critical or close.

use crate::observe::events::{Event, EventKind, display_name};
use crate::observe::timestamp::Timestamp;
use crate::problems::problem::{Problem, ProblemChanges};
use crate::problems::rule_table::RuleId;

/// Maximum number of problem events per sample; of further problems, only the number is reported.
pub(crate) const MAX_EVENTS: usize = 20;

/// Builds the events for the changes that one sample made to the problems.
pub(crate) fn problem_events(changes: &ProblemChanges, at: Timestamp) -> Vec<Event> {
    let opened = changes.opened.iter().chain(&changes.worsened).map(|problem| (true, problem));
    let changed = opened.chain(changes.closed.iter().map(|problem| (false, problem)));
    let changed: Vec<_> = changed.filter(|(_, problem)| !has_status_event(problem) && !problem.is_silenced).collect();
    let mut events = Vec::new();
    for (opened, problem) in changed.iter().take(MAX_EVENTS) {
        let (severity, text) = (problem.severity, problem.text.clone());
        let names = problem.subject.names.as_ref();
        let name = names.map_or(String::new(), |(kind, proxy, name)| display_name(*kind, proxy, name));
        let what = EventKind::Problem { is_open: *opened, severity, text };
        events.push(Event { at, row: Some(problem.subject.id), name, kind: what });
    }
    for opened in [true, false] {
        let rest = changed.iter().skip(MAX_EVENTS).filter(|(is_opened, _)| *is_opened == opened);
        let count = rest.clone().count();
        if let Some(severity) = rest.map(|(_, problem)| problem.severity).max() {
            let text = format!("{count} more problems at the same time");
            events.push(Event {
                at,
                row: None,
                name: String::new(),
                kind: EventKind::Problem { is_open: opened, severity, text },
            });
        }
    }
    events
}

/// Returns whether the problem needs no event, because the change in the row's status already causes one.
fn has_status_event(problem: &Problem) -> bool {
    matches!(problem.rule.id, RuleId::ServerDown | RuleId::BackendDown)
}
