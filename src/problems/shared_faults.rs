//! Combines the causes of several servers that are one fault: of the servers of one backend that fail in the same way at the
//! same time, and of one machine that is a server of several backends.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::haproxy::fields::TextField;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::problems::cause::{Cause, Obstacle, cause_order};
use crate::problems::cause_sentences::join_names;
use crate::problems::cause_table::CauseKind;
use crate::problems::flap::Flap;
use crate::problems::found_cause::FoundCause;
use crate::problems::problem::ProblemSubject;
use crate::problems::rule_table::RuleId;

/// Maximum ratio of the periods of servers that flap together.
const SAME_PERIOD: f64 = 1.25;
/// Maximum time between the starts of causes of one machine.
const SAME_START: Duration = Duration::from_mins(1);

/// The kinds of causes that several servers of a backend may share.
const SHARED: [CauseKind; 3] = [CauseKind::FlappingServer, CauseKind::AgentDown, CauseKind::FailingChecks];

/// Combines the servers of each backend that flap together, that their agents report as down for the same reason, or whose
/// checks fail at the same time.
pub(super) fn fold_servers(mut found: Vec<FoundCause>, sample: &Sample) -> Vec<FoundCause> {
    for kind in SHARED {
        let mut backends: BTreeMap<RowId, Vec<Vec<FoundCause>>> = BTreeMap::new();
        for member in found.extract_if(.., |found| found.cause.kind == kind) {
            let groups = backends.entry(member.cause.proxy_row).or_default();
            let is_same = |group: &&mut Vec<FoundCause>| {
                let (first, other) = (&group[0].cause, &member.cause);
                let has_same_reason = kind != CauseKind::AgentDown || first.sentence == other.sentence;
                has_same_reason && have_same_period(first.flap.as_ref(), other.flap.as_ref())
            };
            match groups.iter_mut().find(is_same) {
                Some(group) => group.push(member),
                None => groups.push(vec![member]),
            }
        }
        for (backend, group) in
            backends.into_iter().flat_map(|(id, groups)| groups.into_iter().map(move |one| (id, one)))
        {
            found.extend(if group.len() < 2 { group } else { one_of_backend(group, backend, sample) });
        }
    }
    fold_consequences(found)
}

/// Moves what follows from several servers of a backend to their cause: each of them alone is to blame only for a part of it. A
/// backend without servers follows from those that flap together if it lost only these.
fn fold_consequences(found: Vec<FoundCause>) -> Vec<FoundCause> {
    let is_of_several = |cause: &Cause| SHARED.contains(&cause.kind) && cause.subject.id == cause.proxy_row;
    let (mut kept, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| is_of_several(&found.cause));
    let mut places: BTreeMap<RowId, Vec<usize>> = BTreeMap::new();
    for (place, found) in kept.iter().enumerate() {
        places.entry(found.cause.proxy_row).or_default().push(place);
    }
    for other in others {
        let shared = places.get(&other.cause.proxy_row).into_iter().flatten();
        let Some(place) = shared.copied().find(|place| follows(&other.cause, kept[*place].cause.kind)) else {
            kept.push(other);
            continue;
        };
        let FoundCause { cause: into, outlook, .. } = &mut kept[place];
        if other.cause.kind == CauseKind::NoServer {
            *outlook = Some("no server available now".to_owned());
            into.impact = None;
        }
        into.absorb(other.cause);
    }
    kept
}

/// Returns whether a cause of a backend follows from one of this kind of several of its servers.
fn follows(cause: &Cause, kind: CauseKind) -> bool {
    let rules = kind.info().follows;
    let has_other_servers =
        || cause.kind == CauseKind::NoServer && cause.problems.iter().any(|(_, rule)| *rule == RuleId::ServerDown);
    cause.problems[..cause.shown_by].iter().all(|(_, rule)| rules.contains(rule)) && !has_other_servers()
}

fn have_same_period(one: Option<&Flap>, other: Option<&Flap>) -> bool {
    let Some((one, other)) = one.zip(other) else { return true };
    let (one, other) = (one.period.as_secs_f64(), other.period.as_secs_f64());
    one.max(other) <= one.min(other) * SAME_PERIOD
}

/// Returns one cause of the backend for those of several of its servers, in the order of the servers.
fn one_of_backend(mut members: Vec<FoundCause>, backend: RowId, sample: &Sample) -> Vec<FoundCause> {
    let Some(row) = sample.row(backend) else { return members };
    members.sort_by_key(|member| sample.rows.index_of(member.cause.subject.id));
    let names: Vec<SafeText> = members.iter().filter_map(|member| server_name(&member.cause).cloned()).collect();
    let names: Vec<&str> = names.iter().map(SafeText::as_str).collect();
    let longest = members.iter().map(|member| member.cause.sentence.as_str()).max_by_key(|text| text.len());
    let words = longest.unwrap_or_default();
    let words = words.strip_prefix("flaps ").map_or_else(|| format!(": {words}"), |rest| format!(" flap {rest}"));
    let sentence = format!("{}{words}", join_names(&names));
    let shown = members.iter().flat_map(|member| &member.cause.problems[..member.cause.shown_by]);
    let following = members.iter().flat_map(|member| &member.cause.problems[member.cause.shown_by..]);
    let (shown_by, problems) = (shown.clone().count(), shown.chain(following).copied().collect());
    let is_current = members.iter().any(|member| member.is_current);
    let subject = ProblemSubject { id: backend, names: Some((row.kind, row.proxy.clone(), row.name.clone())) };
    let (target, obstacle) = (backend, Some(Obstacle::SeveralServers));
    let one = members.into_iter().reduce(|mut into, member| {
        let (first, second) = (&into.cause, &member.cause);
        // Each server has the time of its own checks.
        if second.since.monotonic < first.since.monotonic {
            into.cause.may_be_older = second.may_be_older;
            (into.cause.since, into.cause.before) = (second.since, second.before);
        }
        into.successes = into.successes.merge(member.successes);
        into.cause.absorb(member.cause);
        into
    });
    let of_backend = |one: FoundCause| {
        let cause = Cause { subject, target, sentence, obstacle, problems, shown_by, ..one.cause };
        FoundCause { cause, is_current, nature: None, outlook: None, ..one }
    };
    one.map(of_backend).into_iter().collect()
}

/// Moves what is left of a fault of all servers, while its numbers are fine again, to the cause of the servers that still have
/// it.
pub(super) fn fold_shrunk(found: Vec<FoundCause>) -> Vec<FoundCause> {
    let narrower = |kind| match kind {
        CauseKind::Application5xx => Some(CauseKind::ServerErrors),
        CauseKind::Network => Some(CauseKind::ServerUnreachable),
        CauseKind::SlowApplication => Some(CauseKind::SlowServer),
        _ => None,
    };
    if found.iter().all(|found| found.is_current) {
        return found;
    }
    let (ending, mut kept): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| !found.is_current && narrower(found.cause.kind).is_some());
    for ending in ending {
        let is_rest = |found: &&mut FoundCause| {
            found.is_current
                && found.cause.proxy_row == ending.cause.proxy_row
                && narrower(ending.cause.kind) == Some(found.cause.kind)
        };
        match kept.iter_mut().find(is_rest) {
            Some(rest) => rest.cause.problems.extend(ending.cause.problems),
            None => kept.push(ending),
        }
    }
    kept
}

fn server_name(cause: &Cause) -> Option<&SafeText> {
    cause.subject.names.as_ref().filter(|(kind, ..)| *kind == RowKind::Server).map(|(.., name)| name)
}

/// Combines the causes of servers of several backends that have the same kind and the same address, and began at about the same
/// time: they are those of one machine.
pub(super) fn fold_addresses(found: Vec<FoundCause>, sample: &Sample) -> Vec<FoundCause> {
    let address = |cause: &Cause| {
        let row = sample.row(cause.subject.id).filter(|row| row.kind == RowKind::Server)?;
        row.text(TextField::Addr).map(SafeText::as_str).filter(|address| !address.is_empty())
    };
    let mut kept: Vec<FoundCause> = Vec::with_capacity(found.len());
    let mut names: Vec<Vec<String>> = Vec::new();
    let mut places: BTreeMap<(CauseKind, &str), Vec<usize>> = BTreeMap::new();
    let mut ordered = found;
    // Which one is worst may change from sample to sample; the first one in HAProxy's order stays the first.
    ordered.sort_by_key(|found| sample.rows.index_of(found.cause.subject.id));
    for found in ordered {
        let same = address(&found.cause).map(|address| places.entry((found.cause.kind, address)).or_default());
        let is_same = |place: &usize| {
            let known = &kept[*place].cause;
            known.proxy_row != found.cause.proxy_row
                && known.since.monotonic.abs_diff(found.cause.since.monotonic) <= SAME_START
        };
        if let Some(place) = same.as_ref().and_then(|same| same.iter().copied().find(is_same)) {
            names[place].push(found.cause.name());
            let into = &mut kept[place];
            into.is_current |= found.is_current;
            into.cause.absorb(found.cause);
        } else {
            if let Some(same) = same {
                same.push(kept.len());
            }
            kept.push(found);
            names.push(Vec::new());
        }
    }
    for (found, names) in kept.iter_mut().zip(names).filter(|(_, names)| !names.is_empty()) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let have = if names.len() > 1 { "have" } else { "has" };
        let others = join_names(&names);
        found.cause.sentence = format!("{}, and {others}, which {have} the same address", found.cause.sentence);
    }
    kept.sort_by(|one, other| cause_order(&one.cause, &other.cause));
    kept
}
