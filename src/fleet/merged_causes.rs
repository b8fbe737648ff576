//! The causes of all balancers as one list: the same cause on several balancers is one, and says on how many.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::fleet::merged_sample::MergedBalancer;
use crate::haproxy::stat_table::StatRow;
use crate::instance::merged_rows::MergedRows;
use crate::instance::process_summary::ProcessSummary;
use crate::observe::instance_id::RowRef;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::problems::cause::{Cause, ProblemKey, cause_order};
use crate::problems::cause_table::CauseKind;
use crate::problems::problem::{Problem, ProblemSubject};
use crate::problems::thresholds::Thresholds;
use crate::problems::tracker::ProblemTracker;

/// A cause or a problem of one balancer.
struct PartOf<T> {
    /// Name of the balancer.
    name: Arc<str>,
    /// Share of the requests of all balancers that this one gets, from 0 to 1; `None` if unknown.
    traffic_share: Option<f64>,
    item: T,
}

/// Findings with their parts, by their keys.
type Found<K, T> = Vec<(K, Vec<PartOf<T>>)>;

/// Merges the problems and causes of the balancers that answer. `rows` are the merged rows, which are rows of `sample`.
pub(crate) fn merge_problems(
    balancers: &[MergedBalancer<'_>],
    rows: &MergedRows,
    sample: &Sample,
    thresholds: &Thresholds,
) -> ProblemTracker {
    let current = || balancers.iter().filter(|balancer| balancer.is_current);
    let merged_id =
        |balancer: &MergedBalancer<'_>, row: RowId| rows.row_with(RowRef { instance: balancer.instance.id(), row });
    let mut causes: Found<(RowId, CauseKind), Cause> = Vec::new();
    let mut problems: Found<ProblemKey, Problem> = Vec::new();
    let traffic = |balancer: &MergedBalancer<'_>| ProcessSummary::from_instance(balancer.instance)?.request_rate;
    let rates: Vec<Option<f64>> = current().map(traffic).collect();
    let all_rates: f64 = rates.iter().flatten().sum();
    for (balancer, rate) in current().zip(rates) {
        let traffic_share = rate.filter(|_| all_rates > 0.0).map(|rate| rate / all_rates);
        let name = || Arc::clone(&balancer.name);
        let tracker = balancer.instance.problems();
        for cause in tracker.causes() {
            let Some(item) = with_merged_rows(cause, sample, |row| merged_id(balancer, row)) else { continue };
            add(&mut causes, item.key(), PartOf { name: name(), traffic_share, item });
        }
        for problem in tracker.iter().chain(tracker.silenced()) {
            let Some(subject) = merged_id(balancer, problem.subject.id).and_then(|id| subject(sample, id)) else {
                continue;
            };
            let key = (subject.id, problem.rule.id);
            let item = Problem { subject, ..problem.clone() };
            add(&mut problems, key, PartOf { name: name(), traffic_share, item });
        }
    }
    let count = balancers.len();
    let causes = causes.into_iter().filter_map(|(_, parts)| merge_causes(parts, count)).collect();
    let problems = problems.into_iter().filter_map(|(_, parts)| merge_parts_of_problem(parts, count)).collect();
    ProblemTracker::from_found(thresholds, problems, causes)
}

fn add<K: PartialEq, T>(found: &mut Vec<(K, Vec<T>)>, key: K, part: T) {
    match found.iter_mut().find(|(known, _)| *known == key) {
        Some((_, parts)) => parts.push(part),
        None => found.push((key, vec![part])),
    }
}

/// Returns the name of a merged row; `None` if there is no such row.
fn subject(sample: &Sample, id: RowId) -> Option<ProblemSubject> {
    let names = |row: &StatRow| (row.kind, row.proxy.clone(), row.name.clone());
    let names = if id == RowId::PROCESS { None } else { Some(names(sample.row(id)?)) };
    Some(ProblemSubject { id, names })
}

/// Returns a cause about the merged rows. Rows that no longer exist are left out.
fn with_merged_rows(cause: &Cause, sample: &Sample, merged_id: impl Fn(RowId) -> Option<RowId>) -> Option<Cause> {
    let subject = subject(sample, merged_id(cause.subject.id)?)?;
    let mut shown_by = 0;
    let mut problems = Vec::with_capacity(cause.problems.len());
    for (place, (row, rule)) in cause.problems.iter().enumerate() {
        let Some(row) = merged_id(*row) else { continue };
        problems.push((row, *rule));
        shown_by += usize::from(place < cause.shown_by);
    }
    let target = merged_id(cause.target).unwrap_or(subject.id);
    let proxy_row = merged_id(cause.proxy_row).unwrap_or(subject.id);
    Some(Cause { subject, target, proxy_row, problems, shown_by, ..cause.clone() })
}

/// Merges the parts of one cause: the worst one, with the rows of all. `count` is the number of balancers.
fn merge_causes(mut parts: Vec<PartOf<Cause>>, count: usize) -> Option<Cause> {
    parts.sort_by(|one, other| cause_order(&one.item, &other.item));
    // A cause that is over on one balancer is not over while another one has it.
    if parts.first()?.item.is_open() {
        parts.retain(|part| part.item.is_open());
    }
    let place = describe_places(parts.iter().map(|part| (&*part.name, part.item.sentence.as_str())), count);
    let share = |part: &PartOf<Cause>| Some(part.item.impact? * part.traffic_share?);
    let impact = parts.iter().filter_map(share).reduce(|sum, share| sum + share);
    let may_be_older = parts.iter().any(|part| part.item.may_be_older);
    let (mut shown, mut followed): (Vec<ProblemKey>, Vec<ProblemKey>) = (Vec::new(), Vec::new());
    for Cause { problems, shown_by, .. } in parts.iter().map(|part| &part.item) {
        let (showing, following) = problems.split_at(*shown_by);
        shown.extend(showing.iter().filter(|key| !shown.contains(key)).copied().collect::<Vec<_>>());
        followed.extend(following.iter().filter(|key| !followed.contains(key)).copied().collect::<Vec<_>>());
    }
    followed.retain(|key| !shown.contains(key));
    let earliest = parts.iter().map(|part| &part.item).min_by_key(|cause| cause.since.monotonic)?;
    let (since, before) = (earliest.since, earliest.before);
    let worst = parts.into_iter().next()?.item;
    let sentence = format!("{place}: {}", worst.sentence);
    let shown_by = shown.len();
    let problems = shown.into_iter().chain(followed).collect();
    Some(Cause { sentence, impact, since, before, may_be_older, problems, shown_by, ..worst })
}

/// Merges the parts of one problem: the worst one. `count` is the number of balancers.
fn merge_parts_of_problem(mut parts: Vec<PartOf<Problem>>, count: usize) -> Option<Problem> {
    parts.sort_by_key(|part| (part.item.is_silenced, Reverse(part.item.severity)));
    let place = describe_places(parts.iter().map(|part| (&*part.name, part.item.text.as_str())), count);
    let since = parts.iter().map(|part| part.item.since).min_by_key(|since| since.monotonic)?;
    let worst = parts.into_iter().next()?.item;
    Some(Problem { text: format!("{place}: {}", worst.text), since, ..worst })
}

/// Returns on which of `count` balancers something was found, the worst first: `on lb02`, or `on 2 of 3`, with the worst one
/// if the sentences differ.
fn describe_places<'a>(parts: impl Iterator<Item = (&'a str, &'a str)>, count: usize) -> String {
    let parts: Vec<(&str, &str)> = parts.collect();
    match parts.as_slice() {
        [(name, _)] => format!("on {name}"),
        [(name, worst), others @ ..] if others.iter().any(|(_, sentence)| sentence != worst) => {
            format!("on {} of {count}, worst {name}", parts.len())
        }
        _ => format!("on {} of {count}", parts.len()),
    }
}
