//! Servers that are far from their peers: slower, with more 5xx, with more clients that give up.

use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::problems::phrases;
use crate::problems::problem::Problem;
use crate::problems::rule_input::{FEW, View};

/// How many times the share of its peers an outlier has.
const FAR: f64 = 4.0;
/// 5xx within the window below which a server is no outlier: one may be chance.
const ERRORS_AT_LEAST: f64 = 5.0;
/// Aborts by clients below this share are everyday life.
const ABORTS_AT_LEAST: f64 = 0.05;

/// In what a server differs; its own value and that of its peers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Why {
    /// Response time, in milliseconds, against the median.
    Slow(f64, f64),
    /// Share of 5xx.
    Errors(f64, f64),
    /// Share of requests aborted by clients.
    Aborts(f64, f64),
}

/// A server that is not like the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlier {
    /// The server.
    pub row: RowId,
    /// Its name.
    pub name: SafeText,
    /// How bad that is.
    pub severity: Severity,
    /// In what it differs.
    pub why: Why,
}

impl Outlier {
    /// `web3 is 4x slower than its peers (210 ms against 52 ms)`.
    pub fn text(&self) -> String {
        let name = &self.name;
        match self.why {
            Why::Slow(own, peers) => {
                let ratio = phrases::times(own / peers.max(1.0));
                let (own, peers) = (phrases::millis(own), phrases::millis(peers));
                format!("{name} is {ratio}x slower than its peers ({own} against {peers})")
            }
            Why::Errors(own, peers) => {
                let (own, peers) = (phrases::percent(own), phrases::percent(peers));
                format!("{name} answers {own} 5xx, its peers {peers}")
            }
            Why::Aborts(own, peers) => {
                let (own, peers) = (phrases::percent(own), phrases::percent(peers));
                format!("{name} loses {own} of its requests to client aborts, its peers {peers}")
            }
        }
    }
}

/// The outliers of a backend, the worst first. More than half of the servers are no outliers.
pub fn of_backend(backend: &View<'_>, problems: &[&Problem]) -> Vec<Outlier> {
    let mut found = slow(backend, problems);
    found.extend(failing(backend, problems));
    found.extend(left(backend, problems));
    found.sort_by_key(|outlier| std::cmp::Reverse(outlier.severity));
    found
}

fn slow(backend: &View<'_>, problems: &[&Problem]) -> Vec<Outlier> {
    let servers = problems.iter().filter(|problem| problem.rule.id == "slow-server");
    let found = servers.filter_map(|problem| {
        let own = backend.sample.number(problem.subject.id, Field::Rtime)? as f64;
        let peers = backend.pool.median_of_peers(own)?;
        Some(outlier(problem.subject.id, name_of(problem), problem.severity, Why::Slow(own, peers)))
    });
    few_of(backend, found.collect())
}

fn failing(backend: &View<'_>, problems: &[&Problem]) -> Vec<Outlier> {
    let bad: Vec<_> = problems.iter().filter(|problem| problem.rule.id == "server-5xx").collect();
    if bad.is_empty() {
        return Vec::new();
    }
    let all = Tally::of_all(backend, |server| Tally::of(server.growth(Field::Hrsp5xx), server.responses()));
    let others =
        bad.iter().filter_map(|problem| backend.sample.rows.index(problem.subject.id)).fold(all, |rest, row| {
            let server = backend.at(row);
            rest.without(Tally::of(server.growth(Field::Hrsp5xx), server.responses()))
        });
    let Some(peers) = others.share() else { return Vec::new() };
    let has_many = |problem: &Problem| {
        let row = backend.sample.rows.index(problem.subject.id);
        row.and_then(|row| backend.at(row).growth(Field::Hrsp5xx)).is_some_and(|errors| errors >= ERRORS_AT_LEAST)
    };
    let far = bad.into_iter().filter(|problem| problem.value >= peers * FAR && has_many(problem));
    let found = far.map(|problem| {
        let why = Why::Errors(problem.value, peers);
        outlier(problem.subject.id, name_of(problem), problem.severity, why)
    });
    few_of(backend, found.collect())
}

fn left(backend: &View<'_>, problems: &[&Problem]) -> Vec<Outlier> {
    let Some(problem) = problems.iter().find(|problem| problem.rule.id == "client-aborts") else { return Vec::new() };
    let tally = |server: &View<'_>| Tally::of(server.growth(Field::CliAbrt), server.served());
    let all = Tally::of_all(backend, tally);
    let servers = backend.backend.iter().flat_map(|rows| &rows.servers).map(|server| backend.at(*server));
    let found = servers.filter_map(|server| {
        let own = tally(&server).share().filter(|own| *own >= ABORTS_AT_LEAST)?;
        let peers = all.without(tally(&server)).share()?;
        let name = server.row()?.name.clone();
        (own >= peers * FAR).then(|| outlier(server.id, name, problem.severity, Why::Aborts(own, peers)))
    });
    few_of(backend, found.collect())
}

fn name_of(problem: &Problem) -> SafeText {
    problem.subject.names.as_ref().map(|(_, _, name)| name.clone()).unwrap_or_default()
}

fn outlier(row: RowId, name: SafeText, severity: Severity, why: Why) -> Outlier {
    Outlier { row, name, severity, why }
}

fn few_of(backend: &View<'_>, found: Vec<Outlier>) -> Vec<Outlier> {
    if found.len() * 2 <= backend.pool.usable { found } else { Vec::new() }
}

/// Some of what was served, and all of it.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    part: f64,
    all: f64,
}

impl Tally {
    fn of(part: Option<f64>, all: Option<f64>) -> Self {
        Self { part: part.unwrap_or(0.0), all: all.unwrap_or(0.0) }
    }

    fn of_all(backend: &View<'_>, tally: impl Fn(&View<'_>) -> Self) -> Self {
        let servers = backend.backend.iter().flat_map(|rows| &rows.servers);
        servers
            .map(|server| tally(&backend.at(*server)))
            .fold(Self::default(), |sum, one| Self { part: sum.part + one.part, all: sum.all + one.all })
    }

    fn without(self, other: Self) -> Self {
        Self { part: self.part - other.part, all: self.all - other.all }
    }

    /// Absent when too little was served to compare with.
    fn share(self) -> Option<f64> {
        (self.all >= FEW).then(|| (self.part / self.all).clamp(0.0, 1.0))
    }
}
