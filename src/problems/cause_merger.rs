//! Combines the causes of several rows that are one thing: of several backends, of frontends and their backends, and of
//! servers and those that track them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::state_cause;
use crate::problems::cause::{self, Cause, CauseTrend, cause_order};
use crate::problems::cause_sentences::{self, CONNECTION_PROBLEM, SERVERS_FULL};
use crate::problems::cause_table::CauseKind;
use crate::problems::found_cause::FoundCause;
use crate::problems::problem::ProblemSubject;
use crate::problems::rule_table::RuleId;
use crate::problems::shared_faults;
use crate::problems::successes::SuccessCounts;

/// Network problems of several backends that began less than this time apart are one cause.
const SAME_START: Duration = Duration::from_mins(1);
/// Maximum number of servers between a server and the one whose checks decide, if each tracks the next.
const MAX_TRACKING_STEPS: usize = 8;

/// Returns the causes, worst first, after combining those that are one thing.
pub(super) fn merge_causes(mut found: Vec<FoundCause>, sample: &Sample) -> Vec<FoundCause> {
    let has = |found: &[FoundCause], kind| found.iter().any(|found| found.cause.kind == kind);
    found.sort_by(|one, other| cause_order(&one.cause, &other.cause));
    if has(&found, CauseKind::TrackingDown) {
        found = fold_tracking(found, sample);
    }
    found = shared_faults::fold_shrunk(shared_faults::fold_servers(found, sample));
    if has(&found, CauseKind::FlappingServer) {
        limit_flaps(&mut found);
    }
    if has(&found, CauseKind::NoBackend) {
        found = merge_into(found, CauseKind::NoBackend, |cause| cause.kind == CauseKind::NoServer);
    }
    if has(&found, CauseKind::AtMaxconn) {
        found = fold_overload(found);
    }
    if has(&found, CauseKind::ResolverFailing) && !is_any_name_server_answering(sample) {
        found = fold_unresolved(found);
    }
    if has(&found, CauseKind::ProcessFull) {
        let limit = sample.process_number(InfoField::Maxconn).unwrap_or(i64::MAX);
        let slim = |id| sample.table.number(sample.rows.index_of(id)?, Field::Slim);
        let is_same = |cause: &Cause| {
            cause.kind == CauseKind::FrontendFull && slim(cause.subject.id).is_some_and(|slim| slim >= limit)
        };
        found = merge_into(found, CauseKind::ProcessFull, is_same);
    }
    if has(&found, CauseKind::Busy) {
        let is_only_slow = |cause: &Cause| {
            let only = [RuleId::ResponseTime, RuleId::ConnectTime];
            matches!(cause.kind, CauseKind::SlowApplication | CauseKind::Network)
                && cause.problems[..cause.shown_by].iter().all(|(_, rule)| only.contains(rule))
        };
        found = merge_into(found, CauseKind::Busy, is_only_slow);
    }
    found = shared_faults::fold_addresses(found, sample);
    found = fold_frontend_errors(merge_networks(found, sample));
    found.sort_by(|one, other| cause_order(&one.cause, &other.cause));
    found
}

/// Removes the impact of flapping servers whose backend has no server: the failed requests are those of the backend.
fn limit_flaps(found: &mut [FoundCause]) {
    let lost = found.iter().filter(|found| found.cause.kind == CauseKind::NoServer).map(|found| found.cause.proxy_row);
    let lost: Vec<RowId> = lost.collect();
    for FoundCause { cause, .. } in found {
        if cause.kind == CauseKind::FlappingServer && lost.contains(&cause.proxy_row) {
            cause.impact = None;
        }
    }
}

/// Moves the problems of the causes for which `follows` returns true to the first cause of a kind.
fn merge_into(found: Vec<FoundCause>, kind: CauseKind, follows: impl Fn(&Cause) -> bool) -> Vec<FoundCause> {
    let (merged, mut kept): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| follows(&found.cause));
    let Some(into) = kept.iter_mut().find(|found| found.cause.kind == kind) else { return kept };
    for found in merged {
        into.cause.severity = into.cause.severity.max(found.cause.severity);
        into.cause.problems.extend(found.cause.problems);
    }
    kept
}

/// Returns whether a name server answers most of its questions.
fn is_any_name_server_answering(sample: &Sample) -> bool {
    let servers = sample.details.slow_facts.iter().filter_map(|facts| facts.name_servers.as_ref()).flatten();
    let share = RuleId::ResolverFailing.rule().warn.unwrap_or_default();
    servers.into_iter().any(|server| (server.failed as f64) < share * server.sent as f64)
}

/// Moves the servers without an address, and the backends that have only such servers, to the cause of the name servers.
fn fold_unresolved(found: Vec<FoundCause>) -> Vec<FoundCause> {
    let has = |cause: &Cause, rule| cause.problems.iter().any(|(_, other)| *other == rule);
    let is_backend = |cause: &Cause| cause.kind == CauseKind::NoServer;
    let is_unresolved = |cause: &Cause| {
        let is_only_unresolved = has(cause, RuleId::ServerUnresolved) && !has(cause, RuleId::ServerDown);
        cause.kind == CauseKind::ServerUnresolved || is_backend(cause) && is_only_unresolved
    };
    let (lost, mut kept): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| is_unresolved(&found.cause));
    let Some(into) = kept.iter_mut().find(|found| found.cause.kind == CauseKind::ResolverFailing) else { return kept };
    for (start, are_backends) in [("no server available in ", true), ("no address for ", false)] {
        let meant = lost.iter().map(|found| &found.cause).filter(|cause| is_backend(cause) == are_backends);
        let names: Vec<String> = meant.map(Cause::name).collect();
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            into.cause.sentence = format!("{}; {start}{}", into.cause.sentence, cause_sentences::join_names(&names));
        }
    }
    for found in lost {
        into.cause.absorb(found.cause);
    }
    kept
}

/// Moves the full servers of a backend to the cause of those that went down before, whose load they carry.
fn fold_overload(found: Vec<FoundCause>) -> Vec<FoundCause> {
    let (full, mut kept): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| found.cause.kind == CauseKind::AtMaxconn);
    for full in full {
        let is_meant = |found: &&mut FoundCause| {
            let Cause { kind, proxy_row, since, .. } = &found.cause;
            let is_earlier = since.monotonic <= full.cause.since.monotonic;
            let is_one_down = matches!(kind, CauseKind::ServerDown | CauseKind::AgentDown) && is_earlier;
            *proxy_row == full.cause.proxy_row && (*kind == CauseKind::ServersDown || is_one_down)
        };
        let Some(into) = kept.iter_mut().find(is_meant) else {
            kept.push(full);
            continue;
        };
        let text = full.cause.sentence.strip_prefix(SERVERS_FULL).unwrap_or(&full.cause.sentence);
        let text = text.rsplit_once(", ").filter(|(_, last)| last.ends_with(" down")).map_or(text, |(text, _)| text);
        into.cause.sentence = format!("{}; the rest is full: {text}", into.cause.sentence);
        into.cause.absorb(full.cause);
    }
    kept
}

/// Moves the 5xx problems of frontends to the worst cause of a backend that explains them.
fn fold_frontend_errors(found: Vec<FoundCause>) -> Vec<FoundCause> {
    let explains = |found: &FoundCause| found.cause.problems.iter().any(|(_, rule)| explains_5xx(*rule));
    if !found.iter().any(explains) {
        return found;
    }
    let (frontends, mut others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| found.cause.kind == CauseKind::Frontend5xx);
    if let Some(into) = others.iter_mut().find(|found| explains(found)) {
        into.cause.problems.extend(frontends.into_iter().flat_map(|found| found.cause.problems));
    }
    others
}

/// Returns whether a problem of a backend or its servers explains 5xx responses counted by a frontend.
pub(super) fn explains_5xx(rule: RuleId) -> bool {
    matches!(rule, RuleId::Backend5xx | RuleId::Server5xx | RuleId::Own5xx | RuleId::BackendDown)
}

/// Moves servers that are down because of the server that they track to the cause that contains this server.
fn fold_tracking(found: Vec<FoundCause>, sample: &Sample) -> Vec<FoundCause> {
    let (tracking, mut kept): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| found.cause.kind == CauseKind::TrackingDown);
    let mut names: Vec<Vec<String>> = vec![Vec::new(); kept.len()];
    let shown = |(index, found): (usize, &FoundCause)| {
        let downs = found.cause.problems.iter().filter(|(_, rule)| *rule == RuleId::ServerDown);
        downs.map(|(row, _)| (*row, index)).collect::<Vec<_>>()
    };
    let index_of: BTreeMap<RowId, usize> = kept.iter().enumerate().flat_map(shown).collect();
    for found in tracking {
        let index = checked_server(sample, found.cause.subject.id).and_then(|id| index_of.get(&id).copied());
        let Some(index) = index else {
            kept.push(found);
            continue;
        };
        let into = &mut kept[index].cause;
        names[index].push(found.cause.name());
        into.absorb(found.cause);
    }
    for (found, names) in kept.iter_mut().zip(names) {
        let cause = &mut found.cause;
        let is_one = cause.problems[..cause.shown_by].iter().all(|(_, rule)| *rule != RuleId::BackendDown)
            && cause.shown_by == 1;
        let object = if is_one { "it" } else { "them" };
        let affected = match names.as_slice() {
            [] => continue,
            [only] if is_one => format!("{only}, which tracks it"),
            [only] => format!("{only}, which tracks one of them"),
            several => format!("{} servers that track {object}", several.len()),
        };
        cause.sentence = format!("{}, and {affected}", cause.sentence);
    }
    kept
}

/// Returns the server whose health checks decide about a server that tracks another one; `None` if it tracks none.
fn checked_server(sample: &Sample, id: RowId) -> Option<RowId> {
    let mut row = state_cause::tracked_row(sample, sample.row(id)?)?;
    for _ in 0..MAX_TRACKING_STEPS {
        match state_cause::tracked_row(sample, row) {
            Some(next) => row = next,
            None => break,
        }
    }
    let index = sample.rows.server_named(sample.table.rows(), row.proxy.as_str(), row.name.as_str())?;
    Some(sample.rows.ids()[index])
}

/// Combines the network problems of several backends that began at the same time into one cause of the process.
fn merge_networks(found: Vec<FoundCause>, sample: &Sample) -> Vec<FoundCause> {
    // A cause about one server of several says nothing about the network to the others.
    let is_whole = |cause: &Cause| {
        let backend = sample.rows.backends().iter().find(|backend| sample.rows.ids()[backend.row] == cause.subject.id);
        cause.target == cause.subject.id || backend.is_some_and(|backend| backend.servers.len() == 1)
    };
    let is_meant = |cause: &Cause| cause.kind == CauseKind::Network && is_whole(cause);
    let mut starts: Vec<Duration> =
        found.iter().filter(|found| is_meant(&found.cause)).map(|found| found.cause.since.monotonic).collect();
    starts.sort_unstable();
    let groups = starts.chunk_by(|one, next| next.saturating_sub(*one) < SAME_START);
    let Some(largest) = groups.filter(|group| group.len() > 1).max_by_key(|group| group.len()) else { return found };
    let (first, last) = (largest[0], largest[largest.len() - 1]);
    let is_merged = |cause: &Cause| is_meant(cause) && (first..=last).contains(&cause.since.monotonic);
    let (merged, mut others): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| is_merged(&found.cause));
    others.extend(one_network(&merged));
    others
}

/// Returns one cause of the process for the network problems of several backends, the worst of which comes first.
fn one_network(merged: &[FoundCause]) -> Option<FoundCause> {
    let names: Vec<String> = merged.iter().map(|found| found.cause.name()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let worst = merged.first()?;
    let earliest = merged.iter().map(|found| &found.cause).min_by_key(|cause| cause.since.monotonic)?;
    let text = worst.cause.sentence.strip_prefix(CONNECTION_PROBLEM).unwrap_or(&worst.cause.sentence);
    let sentence = format!("network between HAProxy and {}: {text}", cause_sentences::join_names(&names));
    let shown = merged.iter().flat_map(|found| &found.cause.problems[..found.cause.shown_by]);
    let following = merged.iter().flat_map(|found| &found.cause.problems[found.cause.shown_by..]);
    Some(FoundCause {
        is_current: merged.iter().any(|found| found.is_current),
        value: worst.value,
        outlook: None,
        nature: None,
        successes: merged.iter().map(|found| found.successes.clone()).reduce(SuccessCounts::merge)?,
        cause: Cause {
            kind: CauseKind::Network,
            subject: ProblemSubject { id: RowId::PROCESS, names: None },
            target: RowId::PROCESS,
            proxy_row: RowId::PROCESS,
            severity: worst.cause.severity,
            sentence,
            impact: merged.iter().map(|found| found.cause.impact).reduce(cause::add_impacts)?,
            since: earliest.since,
            before: earliest.before,
            may_be_older: earliest.may_be_older,
            obstacle: None,
            trend: CauseTrend::Steady,
            shown_by: shown.clone().count(),
            problems: shown.chain(following).copied().collect(),
            flap: None,
            earlier: None,
            resolved_at: None,
        },
    })
}

#[cfg(test)]
mod tests {
    use crate::problems::cause::Cause;
    use crate::problems::test_site::TestSite;

    /// Makes `www/w3` and `db/db1` track `api/api1`, and `db/db2` track `db/db1`.
    const TRACKING: &str = "www/w3.tracked=api/api1 www/w3.check_status= db/db1.tracked=api/api1 db/db1.check_status= \
                            db/db2.tracked=db/db1 db/db2.check_status=";

    #[test]
    fn servers_that_track_a_server_are_part_of_its_cause() {
        let mut site = TestSite::healthy();
        site.set(TRACKING);
        site.set("db/db2.weight=0");
        site.steps(4);
        site.set("api/api1.status=DOWN api/api1.check_status=L4CON www/w3.status=DOWN_(via_api/api1)");
        site.steps(6);
        assert_eq!(site.causes(), ["WARN api/api1 server-down"]);
        let sentence = "down: L4CON, 67% of the weight available, and www/w3, which tracks it";
        assert_eq!(site.sentence("api/api1"), sentence);
        let www3 = site.problems.iter().find(|problem| problem.subject.short_name() == "w3").unwrap().subject.id;
        assert_eq!(site.problems.cause_of(www3).map(Cause::name), Some("api/api1".to_owned()));
    }

    #[test]
    fn servers_of_a_chain_are_part_of_the_cause_of_the_checked_server() {
        let mut site = TestSite::healthy();
        site.backend("mail", "tcp", &["m1", "m2", "m3"]);
        site.set(TRACKING);
        site.set("mail/m1.tracked=db/db1 mail/m1.check_status=");
        site.steps(4);
        site.set("api/api1.status=DOWN api/api1.check_status=L4CON api/api2.status=DOWN api/api2.check_status=L4CON");
        site.set("www/w3.status=DOWN db/db1.status=DOWN mail/m1.status=DOWN");
        site.steps(6);
        assert_eq!(site.causes(), ["CRIT api servers-down"], "{:?}", site.open_problems());
        assert!(site.sentence("api").ends_with(", and 3 servers that track them"), "{}", site.sentence("api"));
        // A server that is down because of its own checks is not part of it.
        site.set("www/w3.tracked= www/w3.check_status=L4TOUT");
        site.steps(2);
        assert!(site.causes().contains(&"WARN www/w3 server-down".to_owned()), "{:?}", site.causes());
    }

    #[test]
    fn load_of_a_lost_server_is_part_of_its_cause() {
        let full = "api/api2.scur=50 api/api3.scur=50 api/BACKEND.qcur=12 api/BACKEND.qtime=900";
        let down = "api/api1.status=DOWN api/api1.check_status=L4CON api/BACKEND.act=2";
        let mut site = TestSite::healthy();
        site.steps(4);
        site.set(down);
        site.steps(4);
        site.set(full);
        site.steps(6);
        assert_eq!(site.causes(), ["CRIT api/api1 server-down"], "{:?}", site.open_problems());
        let sentence = site.sentence("api/api1");
        assert!(sentence.contains(" of the weight available; the rest is full: "), "{sentence}");
        // Servers that were full before are full for another reason.
        let mut site = TestSite::healthy();
        site.steps(4);
        site.set(&format!("{full} api/api1.scur=50"));
        site.steps(10);
        site.set(down);
        site.steps(6);
        assert_eq!(site.causes(), ["CRIT api at-maxconn", "WARN api/api1 server-down"], "{:?}", site.open_problems());
    }

    #[test]
    fn servers_without_address_are_part_of_the_cause_of_name_servers_that_do_not_answer() {
        let mut site = TestSite::healthy();
        site.steps(4);
        site.set("info.Test_failed_questions=100 db/BACKEND.act=0 db/BACKEND.status=DOWN");
        site.set("db/db1.status=MAINT_(resolution) db/db2.status=MAINT_(resolution)");
        site.steps(6);
        assert_eq!(site.causes(), ["CRIT process resolver-failing"], "{:?}", site.open_problems());
        assert!(site.sentence("process").ends_with("; no server available in db"), "{}", site.sentence("process"));
        let db1 = site.problems.iter().find(|problem| problem.subject.short_name() == "db1").unwrap().subject.id;
        assert_eq!(site.problems.cause_of(db1).map(Cause::name), Some("process".to_owned()));
        site.set("info.Test_failed_questions=20");
        site.steps(20);
        assert_eq!(site.causes(), ["CRIT db no-server"], "a name server that answers knows no address");
    }

    #[test]
    fn network_problems_of_several_backends_at_once_are_one_cause() {
        let mut site = TestSite::healthy();
        site.steps(4);
        site.set("api/BACKEND.ctime=1400 www/BACKEND.ctime=600 db/BACKEND.econ+40");
        site.steps(6);
        assert_eq!(site.causes(), ["CRIT process network"], "{:?}", site.open_problems());
        let sentence = site.sentence("process").to_owned();
        assert!(sentence.starts_with("network between HAProxy and "), "{sentence}");
        for backend in ["api", "www", "db"] {
            assert!(sentence.split(':').next().unwrap().contains(backend), "{sentence}");
        }
        let api = site.problems.iter().find(|problem| problem.line().contains("backend api")).unwrap().subject.id;
        assert_eq!(site.problems.cause_of(api).map(|cause| cause.kind.as_str()), Some("network"));
    }

    #[test]
    fn network_problems_that_began_at_other_times_stay_apart() {
        let mut site = TestSite::healthy();
        site.steps(4);
        site.set("api/BACKEND.ctime=1400");
        site.steps(60);
        site.set("www/BACKEND.ctime=1400");
        site.steps(6);
        assert_eq!(site.causes(), ["CRIT www network", "CRIT api network"]);
    }

    #[test]
    fn frontend_that_fills_names_the_time_at_which_it_is_full() {
        let mut site = TestSite::healthy();
        for step in 0..30 {
            site.set(&format!("www-in.scur={}", 1100 + step * 20));
            site.step();
        }
        assert_eq!(site.sentence("www-in"), "1680 of 2000 sessions, full in 32 s at +10/s");
        // A cause whose numbers are fine again has no forecast.
        site.set("www-in.scur=900");
        site.step();
        assert_eq!(site.sentence("www-in"), "1680 of 2000 sessions");
    }

    #[test]
    fn queue_that_fills_names_its_server() {
        let mut site = TestSite::healthy();
        for step in 0..30 {
            site.set(&format!("api/api1.qlimit=100 api/api1.qcur={step} api/BACKEND.qcur={step}"));
            site.set(&format!("api/api1.scur=50 api/api1.qcur={}", step * 2));
            site.step();
        }
        let sentence = site.sentence("api");
        assert!(sentence.ends_with(", queue of api1 full in 42 s at +1/s"), "{sentence}");
    }
}
