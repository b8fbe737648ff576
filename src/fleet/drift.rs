//! Drift: what should be equal on balancers that serve the same, and is not.
//!
//! Balancers are compared with their peers: those that share a server with them, directly or through other balancers.
//! Of a server, the state, the weight, the address, the session limit and its presence are compared, of a backend its
//! presence, of a frontend the state and the session limit, of a balancer the version and the certificates. A value that a
//! balancer does not report is unknown and therefore not different. The value of most peers is the expected one; if as many
//! have another, it is that of the active balancer, and without one every balancer differs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::fleet::drift_value::{self, DriftValue};
use crate::fleet::merged::{self, MergedRow, RowOverview};
use crate::fleet::role::BalancerRole;
use crate::haproxy::fields::Field;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::status::RowState;
use crate::observe::sample::Sample;
use crate::observe::slow_facts::CertificateExpiry;
use crate::units;

/// Maximum number of balancers named for one value, and of values named for one difference.
const MAX_NAMED: usize = 3;
/// Maximum number of differences of one balancer that are described. Balancers with other servers behind the same names
/// differ in each row.
pub(crate) const MAX_DESCRIBED: usize = 50;

/// Kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum DriftKind {
    /// The state of a server.
    State,
    /// A backend that only some have.
    Backend,
    /// A server that only some have.
    Presence,
    /// The weight of a server.
    Weight,
    /// The address of a server.
    Address,
    /// The session limit of a server.
    SessionLimit,
    /// A certificate.
    Certificate,
    /// The version of HAProxy.
    Version,
}

impl DriftKind {
    /// Returns the word for programs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Backend => "backend",
            Self::Presence => "server",
            Self::Weight => "weight",
            Self::Address => "address",
            Self::SessionLimit => "maxconn",
            Self::Certificate => "certificate",
            Self::Version => "version",
        }
    }

    /// Returns the word for one, and for several.
    const fn nouns(self) -> [&'static str; 2] {
        match self {
            Self::State => ["state", "states"],
            Self::Backend => ["backend", "backends"],
            Self::Presence => ["server", "servers"],
            Self::Weight => ["weight", "weights"],
            Self::Address => ["address", "addresses"],
            Self::SessionLimit => ["maxconn", "maxconns"],
            Self::Certificate => ["certificate", "certificates"],
            Self::Version => ["version", "versions"],
        }
    }
}

/// A value on one balancer that differs from that of its peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Kind.
    pub(crate) kind: DriftKind,
    /// Name of the server or certificate; `HAProxy` for the version.
    pub(crate) subject: String,
    /// Value on this balancer.
    pub(crate) value: String,
    /// Values of the peers, with the balancers that have them.
    pub(crate) peers: String,
    /// The server on all balancers; `None` if it is not about a server.
    pub(crate) server: Option<RowOverview>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {} here, {}", self.kind.as_str(), self.subject, self.value, self.peers)?;
        match &self.server {
            Some(server) => write!(f, " ({server})"),
            None => Ok(()),
        }
    }
}

/// A balancer to compare.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ComparedBalancer<'a> {
    /// Name.
    pub(crate) name: &'a str,
    /// Current sample; `None` if nothing current is known.
    pub(crate) sample: Option<&'a Sample>,
    /// Role, if known.
    pub(crate) role: Option<BalancerRole>,
}

/// The differences of one balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Drift {
    /// Number of differences of each kind.
    counts: BTreeMap<DriftKind, usize>,
    /// The worst differences, at most [`MAX_DESCRIBED`].
    pub(crate) described: Vec<Difference>,
}

/// Differences of one balancer; `None` if they are unknown: without a current sample, or without a peer that has one.
pub(crate) type BalancerDrift = Option<Drift>;

impl Drift {
    /// Returns the number of differences.
    pub(crate) fn count(&self) -> usize {
        self.counts.values().sum()
    }

    /// Returns the differences in a few words: `2 weights, 1 state`, or `none`.
    pub(crate) fn summary(&self) -> String {
        let word = |(kind, count): (&DriftKind, &usize)| {
            let [one, many] = kind.nouns();
            format!("{count} {}", units::choose_number(*count as i64, one, many))
        };
        let words: Vec<String> = self.counts.iter().map(word).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    }

    /// Returns a line for each difference that is described, and one for the number of the others.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let more = self.count() - self.described.len();
        let rest = (more > 0).then(|| format!("and {}", units::pluralize(more as i64, "more difference")));
        self.described.iter().map(ToString::to_string).chain(rest)
    }
}

/// Compares balancers, and returns the differences of each of them, in their order.
pub(crate) fn find_drift(balancers: &[ComparedBalancer<'_>]) -> Vec<BalancerDrift> {
    let mut drift: Vec<BalancerDrift> = balancers.iter().map(|_| None).collect();
    for places in peer_groups(balancers) {
        let group: Vec<ComparedBalancer<'_>> = places.iter().map(|place| balancers[*place]).collect();
        let samples: Vec<&Sample> = group.iter().filter_map(|balancer| balancer.sample).collect();
        let rows = merged::merge_rows(&samples);
        let mut comparison = PeerComparison {
            group: &group,
            samples: &samples,
            unequal: Vec::new(),
            found: vec![Vec::new(); group.len()],
        };
        comparison.compare_rows(&rows);
        comparison.compare_certificates();
        comparison.compare_versions();
        for (place, found) in places.into_iter().zip(comparison.describe()) {
            drift[place] = Some(found);
        }
    }
    drift
}

/// Returns the positions of balancers with a current sample that serve the same, in groups of two or more.
fn peer_groups(balancers: &[ComparedBalancer<'_>]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (place, balancer) in balancers.iter().enumerate() {
        let Some(sample) = balancer.sample else { continue };
        let is_peer = |other: &usize| balancers[*other].sample.is_some_and(|other| merged::are_peers(sample, other));
        let (joined, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group.iter().any(is_peer));
        groups = others;
        groups.push(joined.into_iter().flatten().chain([place]).collect());
    }
    groups.retain(|group| group.len() > 1);
    for group in &mut groups {
        group.sort_unstable();
    }
    groups
}

/// Something whose values differ.
struct UnequalValues<'a> {
    kind: DriftKind,
    subject: Cow<'a, str>,
    server: Option<&'a MergedRow>,
    /// Worst state of the server.
    worst: Option<RowState>,
    /// Value on each balancer; `None` if it is unknown.
    values: Vec<Option<DriftValue<'a>>>,
}

/// Peers, each with its sample, and what differs.
struct PeerComparison<'a> {
    group: &'a [ComparedBalancer<'a>],
    samples: &'a [&'a Sample],
    unequal: Vec<UnequalValues<'a>>,
    /// Of each balancer, the positions in `unequal` of what is not as expected.
    found: Vec<Vec<usize>>,
}

impl<'a> PeerComparison<'a> {
    fn compare_rows(&mut self, rows: &'a [MergedRow]) {
        // The balancers that have a backend in a mode. Servers are compared only between these: those of another mode
        // belong to another backend, and one that only a single balancer has is not missing elsewhere.
        let mut backends: BTreeMap<(&'a str, bool), Vec<bool>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.kind == RowKind::Backend) {
            let has_it =
                backends.entry((row.proxy.as_str(), row.is_tcp)).or_insert_with(|| vec![false; self.samples.len()]);
            row.parts.iter().for_each(|(position, _)| has_it[*position] = true);
        }
        self.compare_backends(&backends);
        for row in rows {
            match (row.kind, backends.get(&(row.proxy.as_str(), row.is_tcp))) {
                (RowKind::Server, Some(has_backend)) => self.compare_server(row, has_backend),
                (RowKind::Frontend, _) => self.compare_frontend(row),
                _ => {}
            }
        }
    }

    /// Compares the presence of the backends that several balancers have, or their modes if these differ.
    fn compare_backends(&mut self, backends: &BTreeMap<(&'a str, bool), Vec<bool>>) {
        let names: BTreeSet<&'a str> = backends.keys().map(|(name, _)| *name).collect();
        for name in names {
            let of_mode = |is_tcp: bool| backends.get(&(name, is_tcp));
            let has = |is_tcp: bool, place: usize| of_mode(is_tcp).is_some_and(|has_it| has_it[place]);
            let have_modes = of_mode(true).is_some() && of_mode(false).is_some();
            let word = |place: usize| match (has(false, place), has(true, place)) {
                (false, false) => "missing",
                _ if !have_modes => "present",
                (true, false) => "http",
                (false, true) => "tcp",
                (true, true) => "http and tcp",
            };
            let words: Vec<&'static str> = (0..self.samples.len()).map(word).collect();
            if words.iter().filter(|word| **word != "missing").count() > 1 {
                let values = words.into_iter().map(|word| Some(DriftValue::Word(word))).collect();
                self.compare(DriftKind::Backend, || Cow::Borrowed(name), None, values);
            }
        }
    }

    /// Compares the state and the session limit of a frontend, which its load does not change.
    fn compare_frontend(&mut self, row: &'a MergedRow) {
        let state = |sample: &Sample, index: usize| match sample.table.rows()[index].state() {
            RowState::Full => drift_value::known_state(RowState::Open),
            state => drift_value::known_state(state),
        };
        let name = || row.display_name().into();
        self.compare(DriftKind::State, name, None, self.values(row, state));
        self.compare(DriftKind::SessionLimit, name, None, self.values(row, drift_value::session_limit));
    }

    fn compare_server(&mut self, row: &'a MergedRow, has_backend: &[bool]) {
        let is_slot = |(position, index): &(usize, usize)| self.samples[*position].unused_slots().contains(*index);
        if row.parts.iter().any(is_slot) {
            return;
        }
        let name = || row.display_name().into();
        let server = Some(row);
        // A balancer without the whole backend lacks no single server.
        let missing = |has_backend: &bool| has_backend.then_some(DriftValue::Word("missing"));
        let mut presence: Vec<_> = has_backend.iter().map(missing).collect();
        row.parts.iter().for_each(|(position, _)| presence[*position] = Some(DriftValue::Word("present")));
        self.compare(DriftKind::Presence, name, server, presence);
        let state = |sample: &Sample, index: usize| drift_value::known_state(sample.table.rows()[index].state());
        self.compare(DriftKind::State, name, server, self.values(row, state));
        self.compare(DriftKind::Weight, name, server, self.weights(row));
        self.compare(DriftKind::Address, name, server, self.values(row, drift_value::address_value));
        self.compare(DriftKind::SessionLimit, name, server, self.values(row, drift_value::session_limit));
    }

    /// Returns the value of a row on each balancer; `None` where the row or the value is unknown.
    fn values(
        &self,
        row: &MergedRow,
        value: impl Fn(&'a Sample, usize) -> Option<DriftValue<'a>>,
    ) -> Vec<Option<DriftValue<'a>>> {
        let mut values = vec![None; self.samples.len()];
        for (position, index) in &row.parts {
            values[*position] = value(self.samples[*position], *index);
        }
        values
    }

    /// Returns the weights of a server. Only numbers of the same column are compared: the user's weight (2.4 and newer), or
    /// the effective weight if a balancer does not report that.
    fn weights(&self, row: &MergedRow) -> Vec<Option<DriftValue<'a>>> {
        let is_reported =
            |field: &Field| self.samples.iter().all(|sample| sample.table.schema().slot(*field).is_some());
        let reported = [Field::Uweight, Field::Weight].into_iter().find(is_reported);
        self.values(row, |sample, index| sample.table.number(index, reported?).map(DriftValue::Number))
    }

    fn compare_versions(&mut self) {
        let versions = self.samples.iter().map(|sample| sample.info.version_text());
        let values = versions.map(|text| (!text.is_empty()).then_some(DriftValue::Text(text))).collect();
        self.compare(DriftKind::Version, || Cow::Borrowed("HAProxy"), None, values);
    }

    fn compare_certificates(&mut self) {
        let lists: Vec<Option<&'a Vec<CertificateExpiry>>> = self
            .samples
            .iter()
            .map(|sample| sample.details.slow_facts.as_ref().and_then(|facts| facts.certificates.as_ref()))
            .collect();
        let names: BTreeSet<&'a str> =
            lists.iter().copied().flatten().flatten().map(|certificate| certificate.name.as_str()).collect();
        for name in names {
            let value =
                |list: Option<&'a Vec<CertificateExpiry>>| match list?.iter().find(|known| known.name.as_str() == name)
                {
                    None => Some(DriftValue::Word("missing")),
                    Some(known) => jiff::Timestamp::try_from(known.at).ok().map(DriftValue::ValidUntil),
                };
            let values = lists.iter().copied().map(value).collect();
            self.compare(DriftKind::Certificate, || Cow::Borrowed(name), None, values);
        }
    }

    /// Adds a difference to each balancer whose value is not the expected one.
    fn compare(
        &mut self,
        kind: DriftKind,
        subject: impl Fn() -> Cow<'a, str>,
        server: Option<&'a MergedRow>,
        values: Vec<Option<DriftValue<'a>>>,
    ) {
        let first = values.iter().flatten().next();
        if values.iter().flatten().all(|value| Some(value) == first) {
            return;
        }
        let expected = self.expected_value(&values);
        for (found, own) in self.found.iter_mut().zip(&values) {
            if own.is_some() && *own != expected {
                found.push(self.unequal.len());
            }
        }
        let worst = server.and_then(|server| server.worst_state(self.samples));
        self.unequal.push(UnequalValues { kind, subject: subject(), server, worst, values });
    }

    /// Returns the value of most balancers; of several equally frequent ones, that of an active balancer. Returns `None` if
    /// no value is expected.
    fn expected_value(&self, values: &[Option<DriftValue<'a>>]) -> Option<DriftValue<'a>> {
        let mut counts: BTreeMap<DriftValue<'a>, usize> = BTreeMap::new();
        for value in values.iter().flatten() {
            *counts.entry(*value).or_default() += 1;
        }
        let most = counts.values().copied().max()?;
        counts.retain(|_, count| *count == most);
        if counts.len() == 1 {
            return counts.into_keys().next();
        }
        let roles = self.group.iter().map(|balancer| balancer.role);
        let active: BTreeSet<DriftValue<'a>> = values
            .iter()
            .zip(roles)
            .filter(|(_, role)| *role == Some(BalancerRole::Active))
            .filter_map(|(value, _)| *value)
            .filter(|value| counts.contains_key(value))
            .collect();
        let mut active = active.into_iter();
        active.next().filter(|_| active.next().is_none())
    }

    /// Returns the differences of each balancer: servers in the worst state first, then by kind and name.
    fn describe(self) -> impl Iterator<Item = Drift> {
        let Self { group, samples, unequal, found } = self;
        found.into_iter().enumerate().map(move |(place, mut own)| {
            let mut counts: BTreeMap<DriftKind, usize> = BTreeMap::new();
            for index in &own {
                *counts.entry(unequal[*index].kind).or_default() += 1;
            }
            own.sort_unstable_by_key(|index| {
                let UnequalValues { kind, subject, worst, .. } = &unequal[*index];
                (worst.map_or(u8::MAX, merged::badness_order), *kind, subject)
            });
            own.truncate(MAX_DESCRIBED);
            let described = own.into_iter().filter_map(|index| unequal[index].describe(place, group, samples));
            Drift { counts, described: described.collect() }
        })
    }
}

impl UnequalValues<'_> {
    /// Describes the difference of the balancer at `place`.
    fn describe(&self, place: usize, group: &[ComparedBalancer<'_>], samples: &[&Sample]) -> Option<Difference> {
        let own = self.values[place]?;
        let mut others: BTreeMap<DriftValue<'_>, Vec<&str>> = BTreeMap::new();
        for (value, balancer) in self.values.iter().zip(group) {
            if let Some(value) = value.filter(|value| *value != own) {
                others.entry(value).or_default().push(balancer.name);
            }
        }
        let text = |(value, names): (&DriftValue<'_>, &Vec<&str>)| {
            let more = names.len().saturating_sub(MAX_NAMED);
            let named = names[..names.len() - more].join(", ");
            if more == 0 { format!("{value} on {named}") } else { format!("{value} on {named} and {more} more") }
        };
        let mut peers: Vec<String> = others.iter().take(MAX_NAMED).map(text).collect();
        let more = others.len().saturating_sub(MAX_NAMED);
        peers.extend((more > 0).then(|| format!("and {}", units::pluralize(more as i64, "other value"))));
        Some(Difference {
            kind: self.kind,
            subject: self.subject.clone().into_owned(),
            value: own.to_string(),
            peers: peers.join(", "),
            server: self.server.map(|server| server.overview(samples)),
        })
    }
}
