//! Outliers: servers that are much slower than the others, or have many more 5xx responses or client aborts.

use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::problems::figures::MIN_EVENTS;
use crate::problems::problem::Problem;
use crate::problems::rule_input::RuleInput;
use crate::problems::rule_table::RuleId;
use crate::units;

/// Minimum share of errors or aborts of an outlier, as a multiple of the other servers' share.
const OUTLIER_FACTOR: f64 = 4.0;
/// Minimum number of 5xx responses of an outlier in the rate window; fewer may be chance.
const MIN_ERRORS: f64 = 5.0;
/// Minimum share of client aborts of an outlier; a smaller share is normal.
const MIN_ABORT_SHARE: f64 = 0.05;

/// The quantity in which a server differs from the others: the server's own value, then the value of the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Deviation {
    /// Response time, and median response time of the others, in milliseconds.
    Slow(f64, f64),
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
            Deviation::Slow(own, peers) => {
                let ratio = units::ratio(own / peers.max(1.0));
                let (own, peers) = (units::millis_words(own), units::millis_words(peers));
                format!("{name} is {ratio}x slower than its peers ({own} against {peers})")
            }
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
/// If more than half of the usable servers have the same kind of deviation, these servers are not outliers.
pub(crate) fn find_outliers(backend: &RuleInput<'_>, problems: &[&Problem]) -> Vec<Outlier> {
    let mut found = find_slow(backend, problems);
    found.extend(find_failing(backend, problems));
    found.extend(find_aborted(backend, problems));
    found.sort_by_key(|outlier| std::cmp::Reverse(outlier.severity));
    found
}

fn find_slow(backend: &RuleInput<'_>, problems: &[&Problem]) -> Vec<Outlier> {
    let servers = problems.iter().filter(|problem| problem.rule.id == RuleId::SlowServer);
    let found = servers.filter_map(|problem| {
        let server = backend.for_row(backend.sample.rows.index_of(problem.subject.id)?);
        let own = server.interval_time(Field::Rtime)?.millis;
        let peers = backend.backend_stats.median_of_peers(own)?;
        Some(outlier(problem.subject.id, server_name(problem), problem.severity, Deviation::Slow(own, peers)))
    });
    keep_if_few(backend, found.collect())
}

fn find_failing(backend: &RuleInput<'_>, problems: &[&Problem]) -> Vec<Outlier> {
    let bad: Vec<_> = problems.iter().filter(|problem| problem.rule.id == RuleId::Server5xx).collect();
    if bad.is_empty() {
        return Vec::new();
    }
    let all = Ratio::sum_of_servers(backend, |server| Ratio::new(server.growth(Field::Hrsp5xx), server.responses()));
    let others =
        bad.iter().filter_map(|problem| backend.sample.rows.index_of(problem.subject.id)).fold(all, |rest, row| {
            let server = backend.for_row(row);
            rest.without(Ratio::new(server.growth(Field::Hrsp5xx), server.responses()))
        });
    let Some(peers) = others.share() else { return Vec::new() };
    let has_many = |problem: &Problem| {
        let row = backend.sample.rows.index_of(problem.subject.id);
        row.and_then(|row| backend.for_row(row).growth(Field::Hrsp5xx)).is_some_and(|errors| errors >= MIN_ERRORS)
    };
    let far = bad.into_iter().filter(|problem| problem.value >= peers * OUTLIER_FACTOR && has_many(problem));
    let found = far.map(|problem| {
        let deviation = Deviation::Errors(problem.value, peers);
        outlier(problem.subject.id, server_name(problem), problem.severity, deviation)
    });
    keep_if_few(backend, found.collect())
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

fn server_name(problem: &Problem) -> SafeText {
    problem.subject.names.as_ref().map(|(_, _, name)| name.clone()).unwrap_or_default()
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
        servers
            .map(|server| ratio(&backend.for_row(*server)))
            .fold(Self::default(), |sum, one| Self { part: sum.part + one.part, whole: sum.whole + one.whole })
    }

    fn without(self, other: Self) -> Self {
        Self { part: self.part - other.part, whole: self.whole - other.whole }
    }

    /// Returns the part as a share of the whole, from 0 to 1; `None` if the whole is less than [`MIN_EVENTS`].
    fn share(self) -> Option<f64> {
        (self.whole >= MIN_EVENTS).then(|| (self.part / self.whole).clamp(0.0, 1.0))
    }
}
