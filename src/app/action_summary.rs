//! The result of an action in one line.

use crate::actions::action_table::TargetKind;
use crate::actions::outcome::{ActionReport, Outcome, StepResult};
use crate::app::server_effects::list_names;
use crate::units::pluralize;

/// Advice against sessions that end before they can be ended.
pub(crate) const SHORT_SESSIONS: &str = "they are too short for this: deny or limit the client (ACL, map, stick table)";

/// Summarizes the results of several successful commands: the numbers first, because the end may be cut off.
fn summarize_success(report: &ActionReport, count: usize, remark: &str) -> String {
    let is_verified = report.results.iter().all(|result| matches!(result.outcome, Outcome::Verified(_)));
    let done = if is_verified { "verified" } else { "done" };
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for result in &report.results {
        let (Outcome::Verified(now) | Outcome::Accepted(now)) = &result.outcome else { continue };
        match groups.iter_mut().find(|(known, _)| known == now) {
            Some((_, names)) => names.push(result.step.target_name()),
            None => groups.push((now, vec![result.step.target_name()])),
        }
    }
    match groups.as_slice() {
        [(now, _)] => format!("{count} of {count} {done}: {now}{remark}"),
        groups => {
            let each = groups.iter().map(|(now, names)| format!("; {}: {now}", list_names(names)));
            format!("{count} of {count} {done}{remark}{}", each.collect::<String>())
        }
    }
}

/// Summarizes an action on several sessions: how many ended, had ended before, failed, and were not started.
fn summarize_sessions(report: &ActionReport, remark: &str) -> String {
    let count = |is: fn(&Outcome) -> bool| report.results.iter().filter(|result| is(&result.outcome)).count();
    let ended = count(Outcome::is_success);
    if report.results.len() > 1 && report.results.iter().all(|result| result.outcome == Outcome::Ended) {
        return format!("nothing to end: all {} sessions had ended before; {SHORT_SESSIONS}", report.results.len());
    }
    let mut parts = vec![pluralize(ended as i64, "session") + " ended"];
    let mut add = |count: usize, text: &str| parts.extend((count > 0).then(|| format!("{count} {text}")));
    add(count(|outcome| *outcome == Outcome::Ended), "had ended before");
    add(report.unattempted_steps().len(), "not started");
    let failed = report.results.iter().find(|result| !result.outcome.allows_next());
    let failed = failed.map_or(String::new(), |failed| format!("; {}: {}", failed.step.target_name(), failed.outcome));
    format!("{}{failed}{remark}", parts.join(", "))
}

/// Describes what is left of each backend: the newest state that the results contain.
fn describe_remaining_capacity(report: &ActionReport) -> String {
    let is_last = |(index, result): &(usize, &StepResult)| {
        let later = &report.results[index + 1..];
        !later.iter().any(|other| other.step.target.proxy == result.step.target.proxy)
    };
    let last_results = report.results.iter().enumerate().filter(is_last);
    let capacities = last_results.filter_map(|(_, result)| result.remaining_capacity());
    capacities.flat_map(|capacity| ["; ".to_owned(), capacity]).collect()
}

/// Summarizes the results of an action in one line.
pub(crate) fn summarize_report(report: &ActionReport) -> String {
    let remark = report.results.iter().find_map(|result| result.audit_warning.as_ref());
    let remark = remark.map_or(String::new(), |remark| format!("; {remark}"));
    let Some(last) = report.results.last() else { return String::new() };
    let remark = describe_remaining_capacity(report) + &remark;
    let name = last.step.target_name();
    match (report.results.len(), report.unattempted_steps().len()) {
        // The differences name the target.
        (1, 0) if matches!(&last.outcome, Outcome::Changed(differences) if differences.contains(&name)) => {
            last.outcome.to_string()
        }
        (1, 0) => format!("{name}: {}{remark}", last.outcome),
        _ if report.intent.steps.len() > 1 && last.step.action.target_kind == TargetKind::Session => {
            summarize_sessions(report, &remark)
        }
        (count, 0) if report.is_success() => summarize_success(report, count, &remark),
        (count, left) => {
            let done = count - usize::from(!last.outcome.is_success());
            let not_started = if left > 0 { format!(", {left} not started") } else { String::new() };
            // The counts come first, because a long reply of HAProxy may be cut off at the end.
            format!("{done} done{not_started}; {name}: {}{remark}", last.outcome)
        }
    }
}
