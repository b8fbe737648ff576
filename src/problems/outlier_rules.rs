//! Outliers: servers that are much slower than the others, or have many more 5xx responses or client aborts.

use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::problems::attempts;
use crate::problems::figures::{self, MIN_EVENTS};
use crate::problems::known_causes::KnownCauses;
use crate::problems::open_problems::OpenProblems;
use crate::problems::problem::Problem;
use crate::problems::rule_input::{CountTime, RuleInput};
use crate::problems::rule_table::RuleId;
use crate::problems::server_rules;
use crate::problems::slowness::Slowness;
use crate::units;

/// Minimum share of errors or aborts of an outlier, as a multiple of the other servers' share.
pub(super) const OUTLIER_FACTOR: f64 = 4.0;
/// The same for a server that was named before, so that it does not lose its name by chance.
const KNOWN_OUTLIER_FACTOR: f64 = 2.0;
/// Minimum number of 5xx responses of an outlier in the rate window; fewer may be chance.
const MIN_ERRORS: f64 = 5.0;
/// Minimum difference of an outlier's share from that of the others, in standard deviations: a smaller one may be chance,
/// because each sample compares all servers.
const MIN_DIFFERENCE: f64 = 3.0;
/// Minimum share of client aborts of an outlier; a smaller share is normal.
const MIN_ABORT_SHARE: f64 = 0.05;

/// The quantity in which a server differs from the others: the server's own value, then the value of the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Deviation {
    /// Response times.
    Slow(Slowness),
    /// Shares of 5xx responses, from 0 to 1.
    Errors(f64, f64),
    /// Shares of requests that clients aborted, from 0 to 1.
    Aborts(f64, f64),
}

/// A server that differs strongly from the other servers of its backend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outlier {
    /// The server.
    pub(crate) row: RowId,
    /// Name of the server.
    pub(crate) name: SafeText,
    /// Severity of the problem that the outlier is based on.
    pub(crate) severity: Severity,
    /// Difference from the other servers.
    pub(crate) deviation: Deviation,
}

impl Outlier {
    /// Describes the outlier: `web3 is 4x slower than its peers (210 ms against 52 ms)`.
    pub(crate) fn text(&self) -> String {
        let name = &self.name;
        match self.deviation {
            Deviation::Slow(slowness) => format!("{name} is {}", slowness.words("")),
            Deviation::Errors(own, peers) => {
                let (own, peers) = (units::percent(own), units::percent(peers));
                format!("{name} responds with {own} 5xx (peers {peers})")
            }
            Deviation::Aborts(own, peers) => {
                let (own, peers) = (units::percent(own), units::percent(peers));
                format!("clients aborted {own} of the requests to {name} (peers {peers})")
            }
        }
    }
}

/// Returns the outliers among a backend's servers, most severe first.
///
/// If more than half of the usable servers have the same kind of deviation, these servers are not outliers. A server
/// whose errors were named before this sample (`known`) stays an outlier with fewer errors than a new one needs.
pub(crate) fn find_outliers(backend: &RuleInput<'_>, open: &OpenProblems<'_>, known: &KnownCauses) -> Vec<Outlier> {
    let mut found = find_slow(backend, open);
    found.extend(find_failing(backend, open, known));
    found.extend(find_aborted(backend, &open.problems));
    found.sort_by_key(|outlier| std::cmp::Reverse(outlier.severity));
    found
}

fn find_slow(backend: &RuleInput<'_>, open: &OpenProblems<'_>) -> Vec<Outlier> {
    let servers = open.problems.iter().filter(|problem| problem.rule.id == RuleId::SlowServer);
    let servers = servers.map(|problem| (problem.subject.id, problem.severity));
    let pending = open.pending.iter().filter(|(_, rule)| *rule == RuleId::SlowServer);
    let found = servers.chain(pending.map(|(row, _)| (*row, Severity::Warn))).filter_map(|(row, severity)| {
        let server = backend.for_row(backend.sample.rows.index_of(row)?);
        let slowness = server_rules::slowness(&server, &server.interval_time(Field::Rtime)?)?;
        let is_slow = RuleId::SlowServer.rule().warn.is_none_or(|factor| slowness.ratio() >= factor);
        is_slow.then_some(())?;
        Some(outlier(row, server.row()?.name.clone(), severity, Deviation::Slow(slowness)))
    });
    keep_if_few(backend, found.collect())
}

/// Finds the servers that respond with 5xx much more often than the others. The backend's 5xx problem suffices: the rule
/// of a server needs more responses, and may be past its threshold a sample later.
fn find_failing(backend: &RuleInput<'_>, open: &OpenProblems<'_>, known: &KnownCauses) -> Vec<Outlier> {
    let of_row = |row: RowId, rule: RuleId| open.current(rule).find(|problem| problem.subject.id == row);
    let whole = of_row(backend.id, RuleId::Backend5xx);
    if whole.is_none() && open.current(RuleId::Server5xx).next().is_none() {
        return Vec::new();
    }
    let ratio = |server: &RuleInput<'_>| Ratio::new(server.growth(Field::Hrsp5xx), server.responses());
    let has_problem = |row: RowId| of_row(row, RuleId::Server5xx).map(|problem| problem.value);
    let is_known = |row: RowId| known.failing.contains(&row);
    let found = concentrated_errors(backend, ratio, has_problem, is_known).into_iter();
    let found = found.filter_map(|(server, own, peers)| {
        let severity = of_row(server.id, RuleId::Server5xx).or(whole)?.severity;
        Some(outlier(server.id, server.row()?.name.clone(), severity, Deviation::Errors(own, peers)))
    });
    keep_if_few(backend, found.collect())
}

/// Returns the servers to which the failed connections of a backend are due, although their own rule has no problem yet.
pub(crate) fn find_unreachable(backend: &RuleInput<'_>, known: &KnownCauses) -> Vec<RowId> {
    let ratio = |server: &RuleInput<'_>| {
        Ratio::new(attempts::failed_connections(server), attempts::connection_attempts(server))
    };
    let is_known = |row: RowId| known.unreachable.contains(&row);
    few_servers(backend, &concentrated_errors(backend, ratio, |_| None, is_known))
}

/// Returns the servers to which the failed responses of a backend are due, although their own rule has no problem yet.
pub(crate) fn find_unresponsive(backend: &RuleInput<'_>, known: &KnownCauses) -> Vec<RowId> {
    let ratio =
        |server: &RuleInput<'_>| Ratio::new(attempts::failed_responses(server), attempts::response_attempts(server));
    let is_known = |row: RowId| known.failing.contains(&row);
    few_servers(backend, &concentrated_errors(backend, ratio, |_| None, is_known))
}

/// Returns the servers, or none if they are more than half of the usable ones.
fn few_servers(backend: &RuleInput<'_>, found: &[(RuleInput<'_>, f64, f64)]) -> Vec<RowId> {
    let are_few = found.len() * 2 <= backend.backend_stats.usable;
    found.iter().filter(|_| are_few).map(|(server, ..)| server.id).collect()
}

/// Returns the servers whose share of errors is a multiple of the others' share, each with its own share and that of the
/// others. `problem_value` returns the share of a server that has a problem; other servers need [`MIN_ERRORS`]. If the
/// requests of the last seconds are too few to tell, those of up to a minute are compared.
fn concentrated_errors<'a>(
    backend: &RuleInput<'a>,
    ratio: impl Fn(&RuleInput<'_>) -> Ratio,
    problem_value: impl Fn(RowId) -> Option<f64>,
    is_known: impl Fn(RowId) -> bool,
) -> Vec<(RuleInput<'a>, f64, f64)> {
    let in_seconds = |server: &RuleInput<'_>| ratio(&server.over(CountTime::Server));
    let found = concentrated_in(backend, in_seconds, &problem_value, &is_known);
    if !found.is_empty() {
        return found;
    }
    let in_a_minute = |server: &RuleInput<'_>| ratio(&server.over(CountTime::Comparison));
    let mut found = concentrated_in(backend, in_a_minute, problem_value, is_known);
    // Failures that are over name no server, but those of the others show what is chance.
    found.retain(|(server, ..)| {
        let earlier = server.over(CountTime::Comparison).earlier_counts();
        earlier.is_none_or(|earlier| earlier.has_failed_lately)
    });
    found
}

/// Returns the same, with the requests that `ratio` counts.
fn concentrated_in<'a>(
    backend: &RuleInput<'a>,
    ratio: impl Fn(&RuleInput<'_>) -> Ratio,
    problem_value: impl Fn(RowId) -> Option<f64>,
    is_known: impl Fn(RowId) -> bool,
) -> Vec<(RuleInput<'a>, f64, f64)> {
    let rows = backend.backend.iter().flat_map(|rows| &rows.servers).map(|server| backend.for_row(*server));
    let servers: Vec<(RuleInput<'a>, Ratio)> = rows.map(|server| (server, ratio(&server))).collect();
    let all = servers.iter().fold(Ratio::default(), |sum, (_, one)| sum.with(*one));
    let own_share =
        |server: &RuleInput<'_>, ratio: Ratio| problem_value(server.id).unwrap_or_else(|| ratio.any_share());
    let is_far = |server: &RuleInput<'_>, ratio: Ratio, rest: Ratio| {
        let own = own_share(server, ratio);
        let are_most = || problem_value(server.id).is_some() && figures::is_mostly(ratio.part, ratio.whole);
        let is_many = ratio.part >= MIN_ERRORS || is_known(server.id) || are_most();
        // Few events of the others tell them apart only if they would have had errors too.
        // If all others have errors too, the known server is not an outlier any more.
        let have_others_errors = rest.whole <= 0.0 && all.without(ratio).whole > 0.0;
        let stays_known = is_known(server.id) && !have_others_errors;
        let is_enough = ratio.deviations_from(rest) >= MIN_DIFFERENCE || stays_known;
        let factor = if is_known(server.id) { KNOWN_OUTLIER_FACTOR } else { OUTLIER_FACTOR };
        is_many && is_enough && own > 0.0 && own >= rest.any_share() * factor
    };
    let is_candidate = |(server, ratio): &&(RuleInput<'a>, Ratio)| {
        problem_value(server.id).is_some() || is_far(server, *ratio, all.without(*ratio))
    };
    let candidates: Vec<&(RuleInput<'a>, Ratio)> = servers.iter().filter(is_candidate).collect();
    let rest = candidates.iter().fold(all, |rest, (_, ratio)| rest.without(*ratio));
    let far = candidates.into_iter().filter(|(server, ratio)| is_far(server, *ratio, rest));
    far.map(|(server, ratio)| (*server, own_share(server, *ratio), rest.any_share())).collect()
}

fn find_aborted(backend: &RuleInput<'_>, problems: &[&Problem]) -> Vec<Outlier> {
    let Some(problem) = problems.iter().find(|problem| problem.rule.id == RuleId::ClientAborts) else {
        return Vec::new();
    };
    let aborts = |server: &RuleInput<'_>| Ratio::new(server.growth(Field::CliAbrt), server.served());
    let all = Ratio::sum_of_servers(backend, aborts);
    let servers = backend.backend.iter().flat_map(|rows| &rows.servers).map(|server| backend.for_row(*server));
    let found = servers.filter_map(|server| {
        let own = aborts(&server).share().filter(|own| *own >= MIN_ABORT_SHARE)?;
        let peers = all.without(aborts(&server)).share()?;
        let name = server.row()?.name.clone();
        (own >= peers * OUTLIER_FACTOR)
            .then(|| outlier(server.id, name, problem.severity, Deviation::Aborts(own, peers)))
    });
    keep_if_few(backend, found.collect())
}

fn outlier(row: RowId, name: SafeText, severity: Severity, deviation: Deviation) -> Outlier {
    Outlier { row, name, severity, deviation }
}

fn keep_if_few(backend: &RuleInput<'_>, found: Vec<Outlier>) -> Vec<Outlier> {
    if found.len() * 2 <= backend.backend_stats.usable { found } else { Vec::new() }
}

/// A number of failed or aborted requests, and the number of all requests among which they were counted.
#[derive(Debug, Clone, Copy, Default)]
struct Ratio {
    part: f64,
    whole: f64,
}

impl Ratio {
    fn new(part: Option<f64>, whole: Option<f64>) -> Self {
        Self { part: part.unwrap_or(0.0), whole: whole.unwrap_or(0.0) }
    }

    fn sum_of_servers(backend: &RuleInput<'_>, ratio: impl Fn(&RuleInput<'_>) -> Self) -> Self {
        let servers = backend.backend.iter().flat_map(|rows| &rows.servers);
        servers.map(|server| ratio(&backend.for_row(*server))).fold(Self::default(), Self::with)
    }

    fn without(self, other: Self) -> Self {
        Self { part: self.part - other.part, whole: self.whole - other.whole }
    }

    fn with(self, other: Self) -> Self {
        Self { part: self.part + other.part, whole: self.whole + other.whole }
    }

    /// Returns the difference of two shares in the standard deviations that it has if both are equal; 0 without events.
    fn deviations_from(self, other: Self) -> f64 {
        let pooled = self.with(other).any_share();
        let variance = pooled * (1.0 - pooled) * (1.0 / self.whole + 1.0 / other.whole);
        let difference = self.any_share() - other.any_share();
        if variance.is_finite() && variance > 0.0 { difference / variance.sqrt() } else { 0.0 }
    }

    /// Returns the part as a share of the whole, from 0 to 1; 0 without events.
    fn any_share(self) -> f64 {
        if self.whole > 0.0 { (self.part / self.whole).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Returns the part as a share of the whole, from 0 to 1; `None` if the whole is less than [`MIN_EVENTS`].
    fn share(self) -> Option<f64> {
        (self.whole >= MIN_EVENTS).then(|| (self.part / self.whole).clamp(0.0, 1.0))
    }
}
