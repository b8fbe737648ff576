//! Addresses that two balancers own at the same time, as after a split brain of keepalived.
//!
//! The facts of two balancers are not read at the same moment, and an address may move in between. So two owners are proven
//! only if an address was seen on one of them, then on the other, and then on the first again. HAProxies in one network
//! namespace share their addresses legitimately.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use crate::fleet::host_facts::HostFacts;

/// Time for which both must have had an address. Facts may be a few seconds older than they were read, because one reading
/// serves all HAProxies of a namespace.
const LEAST_OVERLAP: Duration = Duration::from_secs(5);
/// Maximum time between two readings between which an address counts as held.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The addresses that a balancer was seen to hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldAddresses {
    /// Network namespace in which they were read.
    network: Option<u64>,
    /// Time of the first of the readings without a pause that found each address.
    since: BTreeMap<IpAddr, Duration>,
    read_at: Duration,
}

impl HeldAddresses {
    /// Records the facts that were read at `now`; `None` if they could not be read.
    pub(crate) fn record(&mut self, facts: Option<&HostFacts>, now: Duration) {
        let is_continued =
            facts.is_some_and(|facts| facts.network == self.network) && now.saturating_sub(self.read_at) <= MAX_PAUSE;
        if !is_continued {
            self.since.clear();
        }
        let held: BTreeSet<IpAddr> = facts.iter().flat_map(|facts| facts.local.iter().copied()).collect();
        self.since.retain(|ip, _| held.contains(ip));
        for ip in held {
            self.since.entry(ip).or_insert(now);
        }
        (self.network, self.read_at) = (facts.and_then(|facts| facts.network), now);
    }

    /// Returns those of these addresses that another balancer holds at the same time, in another network namespace.
    pub(crate) fn held_by_both(&self, other: &Self, addresses: &BTreeSet<IpAddr>, now: Duration) -> Vec<IpAddr> {
        let are_apart = self.network.zip(other.network).is_some_and(|(own, other)| own != other);
        let read_at = self.read_at.min(other.read_at);
        if !are_apart || now.saturating_sub(read_at) > MAX_PAUSE {
            return Vec::new();
        }
        let is_proven = |ip: &&IpAddr| {
            let since = self.since.get(*ip).zip(other.since.get(*ip)).map(|(own, other)| *own.max(other));
            since.is_some_and(|since| since + LEAST_OVERLAP <= read_at)
        };
        addresses.iter().filter(is_proven).copied().collect()
    }
}

/// Returns the addresses that keepalived moves and that `one` held before and after `other` was seen to hold them.
pub(crate) fn held_in_between(before: &HostFacts, other: &HostFacts, after: &HostFacts) -> Vec<IpAddr> {
    let are_apart = before.network.zip(other.network).is_some_and(|(own, other)| own != other);
    let is_same = before.network == after.network;
    let moving = before.addresses.iter().chain(&other.addresses).map(|address| address.ip);
    let is_held = |ip: &IpAddr| [before, other, after].iter().all(|facts| facts.local.contains(ip));
    let found: BTreeSet<IpAddr> = moving.filter(|ip| are_apart && is_same && is_held(ip)).collect();
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::host_facts::SharedAddress;

    fn facts(network: u64, is_held: bool) -> HostFacts {
        let ip: IpAddr = "10.0.0.9".parse().unwrap();
        let local = if is_held { vec![ip] } else { Vec::new() };
        HostFacts {
            network: Some(network),
            local,
            addresses: vec![SharedAddress { ip, is_held }],
            ..HostFacts::default()
        }
    }

    /// Reads the facts of two balancers, each at some seconds, and returns the number of addresses that both hold at the end.
    fn conflicts(networks: [u64; 2], readings: &[(u64, usize, bool)]) -> usize {
        let mut held = [HeldAddresses::default(), HeldAddresses::default()];
        for (second, place, is_held) in readings {
            held[*place].record(Some(&facts(networks[*place], *is_held)), Duration::from_secs(*second));
        }
        let addresses = BTreeSet::from(["10.0.0.9".parse().unwrap()]);
        let now = Duration::from_secs(readings.last().unwrap().0);
        let [one, other] = &held;
        assert_eq!(one.held_by_both(other, &addresses, now), other.held_by_both(one, &addresses, now));
        one.held_by_both(other, &addresses, now).len()
    }

    #[test]
    fn held_by_both_needs_readings_that_overlap() {
        let both = [(0, 0, true), (1, 1, true), (6, 0, true), (7, 1, true), (12, 0, true), (13, 1, true)];
        assert_eq!(conflicts([1, 2], &both), 1);
        assert_eq!(conflicts([1, 1], &both), 0, "HAProxies of one namespace share its addresses");
        // A failover: the address moves between two readings.
        let moved = [(0, 0, true), (1, 1, false), (6, 0, true), (8, 1, true), (11, 0, false), (13, 1, true)];
        for end in 1..=moved.len() {
            assert_eq!(conflicts([1, 2], &moved[..end]), 0, "{end}");
        }
        assert_eq!(conflicts([1, 2], &[both.as_slice(), &[(80, 0, true), (81, 1, true)]].concat()), 0, "a pause");
    }

    #[test]
    fn held_in_between_needs_the_first_one_before_and_after() {
        let found = |one: bool, other: bool, again: bool, networks: [u64; 2]| {
            let [own, others] = networks;
            held_in_between(&facts(own, one), &facts(others, other), &facts(own, again)).len()
        };
        assert_eq!(found(true, true, true, [1, 2]), 1);
        assert_eq!(found(true, true, true, [1, 1]), 0);
        assert_eq!([found(true, true, false, [1, 2]), found(false, true, true, [1, 2])], [0, 0], "it moved");
        assert_eq!(found(true, false, true, [1, 2]), 0);
    }
}
