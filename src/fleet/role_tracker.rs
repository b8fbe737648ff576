//! The roles of all balancers over time: collects facts and traffic, decides the roles, and adds the event of a change.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::fleet::address_conflicts::HeldAddresses;
use crate::fleet::host_facts::HostFacts;
use crate::fleet::merged;
use crate::fleet::role::{BalancerRole, RoleFinding, RoleSource};
use crate::fleet::same_process::is_same_process;
use crate::fleet::traffic_log::{self, Received, TrafficLog};
use crate::instance::role_changes::RoleChange;
use crate::instance::state::Instance;
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::RowSet;
use crate::observe::sample::Sample;
use crate::observe::timestamp::Timestamp;

/// Minimum time between two readings of the facts about one machine.
const READ_PAUSE: Duration = Duration::from_secs(5);
/// Minimum time between two decisions for each balancer, because a decision compares each with all others.
const DECISION_PAUSE: Duration = Duration::from_millis(20);
/// Time after which facts are no longer used.
const MAX_FACTS_AGE: Duration = Duration::from_secs(30);

/// The roles of all balancers.
#[derive(Debug, Default)]
pub(crate) struct RoleTracker {
    members: BTreeMap<InstanceId, TrackedBalancer>,
    /// Addresses on which a balancer listens and that were seen on another machine.
    moving: BTreeSet<IpAddr>,
    /// Which pairs of balancers serve the same.
    peers: PeerPairs,
    /// Time of the last decision.
    decided_at: Option<Duration>,
}

/// Facts and role of one balancer.
#[derive(Debug, Default)]
struct TrackedBalancer {
    traffic: TrafficLog,
    /// Sequence number of the sample that was added last.
    seq: u64,
    facts: Option<(Duration, HostFacts)>,
    /// Addresses that keepalived on its machine moves, or moved before it ended.
    known_addresses: BTreeSet<IpAddr>,
    /// Addresses that its machine was seen to hold.
    held: HeldAddresses,
    /// Time of the last request for facts.
    requested_at: Option<Duration>,
    role: Option<RoleFinding>,
    /// The role that was known last.
    last_known: Option<BalancerRole>,
}

impl RoleTracker {
    /// Returns the process id of the HAProxy whose machine's facts are to be read now, and counts this as a reading.
    /// Returns `None` if they were read a short time ago, or if the HAProxy is not on this machine.
    pub(crate) fn next_reading(&mut self, instance: &Instance, now: Duration) -> Option<i64> {
        let pid = instance.latest().map(|sample| sample.epoch.pid)?;
        if !instance.source().is_on_this_machine() {
            return None;
        }
        let member = self.members.entry(instance.id()).or_default();
        if member.requested_at.is_some_and(|at| now.saturating_sub(at) < READ_PAUSE) {
            return None;
        }
        member.requested_at = Some(now);
        Some(pid)
    }

    /// Records the facts about the machine of a balancer; `None` if they could not be read.
    pub(crate) fn record_facts(&mut self, id: InstanceId, facts: Option<HostFacts>, now: Duration) {
        self.moving.extend(facts.iter().flat_map(HostFacts::absent_addresses));
        let member = self.members.entry(id).or_default();
        let moved = facts.iter().flat_map(|facts| &facts.addresses);
        member.known_addresses.extend(moved.map(|address| address.ip));
        member.held.record(facts.as_ref(), now);
        member.facts = facts.map(|facts| (now, facts));
    }

    /// Returns the role of a balancer, or `None` if it is unknown.
    pub(crate) fn role(&self, id: InstanceId) -> Option<&RoleFinding> {
        self.members.get(&id)?.role.as_ref()
    }

    /// Returns why facts about the machine of a balancer are unknown, if that is known.
    pub(crate) fn obstacle(&self, id: InstanceId) -> Option<&str> {
        self.members.get(&id)?.facts.as_ref()?.1.obstacle.as_deref()
    }

    /// Adds the latest samples, decides all roles unless this was done a moment ago, and adds an event to each balancer whose
    /// role changed.
    pub(crate) fn update<'a>(&mut self, instances: impl Iterator<Item = &'a mut Instance>, now: Timestamp) {
        let mut instances: Vec<&mut Instance> = instances.collect();
        for instance in &instances {
            let member = self.members.entry(instance.id()).or_default();
            if let Some(sample) = instance.latest().filter(|sample| sample.seq != member.seq) {
                member.seq = sample.seq;
                member.traffic.record(sample);
            }
        }
        let pause = DECISION_PAUSE.saturating_mul(instances.len() as u32);
        if self.decided_at.is_some_and(|at| now.monotonic.abs_diff(at) < pause) {
            return;
        }
        self.decided_at = Some(now.monotonic);
        let roles: Vec<Option<RoleFinding>> = self.decide_roles(&instances, now.monotonic);
        let ids: Vec<InstanceId> = instances.iter().map(|instance| instance.id()).collect();
        for (place, instance) in instances.iter_mut().enumerate() {
            instance.set_address_conflicts(self.conflicts_of(&ids, place, now.monotonic));
        }
        for (instance, role) in instances.iter_mut().zip(roles) {
            let member = self.members.entry(instance.id()).or_default();
            if let (Some(from), Some(finding)) = (member.last_known, &role)
                && from != finding.role
            {
                instance.record_role_change(role_change(from, finding), now);
            }
            member.last_known = role.as_ref().map(|finding| finding.role).or(member.last_known);
            member.role = role;
        }
    }

    /// Returns the role that follows from the facts about the machine of a balancer.
    fn role_by_facts(&self, ids: &[InstanceId], place: usize, now: Duration) -> Option<RoleFinding> {
        let (at, facts) = self.members.get(&ids[place])?.facts.as_ref()?;
        let is_peer = |other: &usize| *other == place || self.peers.contains(place, *other);
        let members = (0..ids.len()).filter(is_peer).filter_map(|other| self.members.get(&ids[other]));
        let known: BTreeSet<IpAddr> = members.flat_map(|member| member.known_addresses.iter().copied()).collect();
        facts.role(&known, &self.moving).filter(|_| now.saturating_sub(*at) <= MAX_FACTS_AGE)
    }

    /// Returns the addresses that keepalived moves and that a balancer and one of its peers hold at the same time.
    fn conflicts_of(&self, ids: &[InstanceId], place: usize, now: Duration) -> Vec<IpAddr> {
        let Some(own) = self.members.get(&ids[place]) else { return Vec::new() };
        let mut found = BTreeSet::new();
        for other in (0..ids.len()).filter(|other| *other != place && self.peers.contains(place, *other)) {
            let Some(other) = self.members.get(&ids[other]) else { continue };
            let known = own.known_addresses.union(&other.known_addresses).copied().collect();
            found.extend(own.held.held_by_both(&other.held, &known, now));
        }
        found.into_iter().collect()
    }

    fn decide_roles(&mut self, instances: &[&mut Instance], now: Duration) -> Vec<Option<RoleFinding>> {
        let samples: Vec<Option<&Arc<Sample>>> = instances.iter().map(|instance| instance.latest()).collect();
        self.peers.update(&samples);
        let ids: Vec<InstanceId> = instances.iter().map(|instance| instance.id()).collect();
        let by_facts: Vec<Option<RoleFinding>> =
            (0..ids.len()).map(|place| self.role_by_facts(&ids, place, now)).collect();
        let received: Vec<Option<Received>> = instances
            .iter()
            .map(|instance| {
                let is_current = instance.link().is_up();
                self.members.get(&instance.id()).filter(|_| is_current)?.traffic.received(now)
            })
            .collect();
        let by_traffic = |place: usize| {
            let is_other = |other: usize| {
                samples[place].zip(samples[other]).is_some_and(|(own, other)| !is_same_process(own, other))
            };
            let are_peers = |other: &usize| self.peers.contains(place, *other) && is_other(*other);
            let peers: Vec<Received> =
                (0..received.len()).filter(are_peers).filter_map(|other| received[other]).collect();
            traffic_log::role_by_traffic(received[place]?, &peers)
        };
        by_facts.into_iter().enumerate().map(|(place, role)| role.or_else(|| by_traffic(place))).collect()
    }
}

fn role_change(from: BalancerRole, to: &RoleFinding) -> RoleChange {
    RoleChange {
        from: from.as_str(),
        to: to.role.as_str(),
        detail: format!("{} ({})", to.detail, to.source.as_str()),
        // Traffic may go elsewhere although the address stays.
        loses_connections: to.role == BalancerRole::Standby && to.source != RoleSource::Traffic,
    }
}

/// Pairs of balancers that serve the same, found again only if rows were added or removed.
#[derive(Debug, Default)]
struct PeerPairs {
    row_sets: Vec<Option<Arc<RowSet>>>,
    pairs: BTreeSet<(usize, usize)>,
}

impl PeerPairs {
    fn update(&mut self, samples: &[Option<&Arc<Sample>>]) {
        let row_sets: Vec<Option<Arc<RowSet>>> =
            samples.iter().map(|sample| sample.map(|sample| Arc::clone(&sample.rows))).collect();
        let is_same = |one: &Option<Arc<RowSet>>, other: &Option<Arc<RowSet>>| match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let are_known = row_sets.len() == self.row_sets.len()
            && row_sets.iter().zip(&self.row_sets).all(|(one, other)| is_same(one, other));
        if are_known {
            return;
        }
        let places = 0..samples.len();
        let pairs = places.clone().flat_map(|one| places.clone().map(move |other| (one, other)));
        let are_peers = |(one, other): &(usize, usize)| {
            one < other && samples[*one].zip(samples[*other]).is_some_and(|(one, other)| merged::are_peers(one, other))
        };
        self.pairs = pairs.filter(are_peers).collect();
        self.row_sets = row_sets;
    }

    fn contains(&self, one: usize, other: usize) -> bool {
        self.pairs.contains(&(one.min(other), one.max(other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::host_facts::SharedAddress;
    use crate::history::store::DEFAULT_BUDGET;
    use crate::instance::source::StatsSocket;
    use crate::observe::events::Event;
    use crate::observe::test_samples::{SampleBuilder, timestamp_at};
    use crate::problems::cause::Cause;

    struct Pair {
        tracker: RoleTracker,
        instances: Vec<Instance>,
        builders: Vec<SampleBuilder>,
    }

    impl Pair {
        fn new() -> Self {
            let instance = |id| Instance::new(id, StatsSocket::default(), DEFAULT_BUDGET);
            let instances = InstanceId::first(2).map(instance).collect();
            let mut builders = vec![SampleBuilder::default(), SampleBuilder::default()];
            builders[1].answer_as(101);
            Self { tracker: RoleTracker::default(), instances, builders }
        }

        /// Adds a sample to each balancer: total and open connections of its frontend.
        fn step(&mut self, second: u64, connections: [(i64, i64); 2]) {
            for ((instance, builder), (total, open)) in
                self.instances.iter_mut().zip(&mut self.builders).zip(connections)
            {
                let stat = format!(
                    "# pxname,svname,stot,scur,type,status,\nfe,FRONTEND,{total},{open},0,OPEN,\nbe,s1,0,0,2,UP,\nbe,BACKEND,0,0,1,UP,\n"
                );
                instance.add_sample(builder.build_at_millis(second * 1000, &stat), 0);
            }
            self.tracker.update(self.instances.iter_mut(), timestamp_at(second * 1000));
        }

        fn record_facts(&mut self, second: u64, held: [bool; 2]) {
            for (instance, is_held) in self.instances.iter().zip(held) {
                let addresses = vec![SharedAddress { ip: "10.0.0.9".parse().unwrap(), is_held }];
                let facts = HostFacts { addresses, ..HostFacts::default() };
                self.tracker.record_facts(instance.id(), Some(facts), Duration::from_secs(second));
            }
            self.tracker.update(self.instances.iter_mut(), timestamp_at(second * 1000));
        }

        fn roles(&self) -> Vec<String> {
            let role = |instance: &Instance| self.tracker.role(instance.id());
            let text = |finding: &RoleFinding| format!("{} by {}", finding.role, finding.source.as_str());
            self.instances.iter().map(|instance| role(instance).map_or("unknown".to_owned(), text)).collect()
        }

        fn events(&self) -> Vec<Vec<String>> {
            let lines = |instance: &Instance| instance.all_events().newest_first().map(Event::line).collect();
            self.instances.iter().map(lines).collect()
        }
    }

    #[test]
    fn update_finds_roles_by_traffic_after_some_time() {
        let mut pair = Pair::new();
        pair.step(0, [(0, 0), (0, 0)]);
        pair.step(5, [(100, 1), (0, 0)]);
        assert_eq!(pair.roles(), ["unknown", "unknown"], "too early");
        pair.step(10, [(200, 1), (0, 0)]);
        assert_eq!(pair.roles(), ["active by traffic", "standby by traffic"]);
        assert_eq!(pair.events(), [[""; 0]; 2]);
        for second in (15..=90).step_by(5) {
            pair.step(second, [(200, 0), (100 * second as i64, 1)]);
        }
        assert_eq!(pair.roles(), ["standby by traffic", "active by traffic"]);
        let events = pair.events();
        assert!(events[0][0].starts_with("role active → standby: "), "{events:?}");
        assert!(events[1].iter().all(|event| event.starts_with("role standby → active: ")), "{events:?}");
    }

    #[test]
    fn update_reports_a_failover_and_the_lost_connections() {
        let mut pair = Pair::new();
        pair.step(0, [(0, 37), (0, 0)]);
        pair.record_facts(1, [true, false]);
        assert_eq!(pair.roles(), ["active by address", "standby by address"]);
        pair.record_facts(6, [false, true]);
        assert_eq!(pair.roles(), ["standby by address", "active by address"]);
        assert_eq!(pair.events()[0], ["role active → standby: does not hold 10.0.0.9 (address)"]);
        assert_eq!(pair.events()[1], ["role standby → active: holds 10.0.0.9 (address)"]);
        pair.step(8, [(0, 5), (0, 0)]);
        let causes = |pair: &Pair, place: usize| -> Vec<String> {
            pair.instances[place].problems().open_causes().map(Cause::line).collect()
        };
        assert_eq!(causes(&pair, 0), ["WARN process: 37 connections lost in a failover 2 s ago"]);
        assert_eq!(causes(&pair, 1), [""; 0]);
        for second in (10..=90).step_by(2) {
            pair.step(second, [(0, 0), (0, 0)]);
        }
        assert_eq!(causes(&pair, 0), [""; 0], "a minute later");
    }

    #[test]
    fn update_remembers_the_addresses_of_a_keepalived_that_ended() {
        let mut pair = Pair::new();
        pair.step(0, [(0, 0), (0, 0)]);
        pair.record_facts(1, [true, false]);
        let ended = HostFacts { local: vec!["10.0.0.1".parse().unwrap()], ..HostFacts::default() };
        let id = pair.instances[0].id();
        pair.tracker.record_facts(id, Some(ended), Duration::from_secs(6));
        pair.tracker.update(pair.instances.iter_mut(), timestamp_at(6000));
        assert_eq!(pair.roles()[0], "standby by address");
        assert_eq!(pair.events()[0], ["role active → standby: does not hold 10.0.0.9 (address)"]);
    }

    #[test]
    fn update_forgets_old_facts() {
        let mut pair = Pair::new();
        pair.step(0, [(0, 0), (0, 0)]);
        pair.record_facts(1, [true, false]);
        pair.step(40, [(0, 0), (0, 0)]);
        assert_eq!(pair.roles(), ["unknown", "unknown"]);
        pair.record_facts(41, [true, false]);
        assert_eq!(pair.events(), [[""; 0]; 2], "a gap changes nothing");
    }

    #[test]
    fn next_reading_is_polite_and_only_for_this_machine() {
        let mut pair = Pair::new();
        let second = Duration::from_secs(1);
        assert_eq!(pair.tracker.next_reading(&pair.instances[0], second), None, "no process is known");
        pair.step(0, [(0, 0), (0, 0)]);
        assert_eq!(pair.tracker.next_reading(&pair.instances[0], second), Some(100));
        assert_eq!(pair.tracker.next_reading(&pair.instances[0], second * 5), None);
        assert_eq!(pair.tracker.next_reading(&pair.instances[0], second * 6), Some(100));
        let source = StatsSocket { is_tcp: true, is_remote: true, ..StatsSocket::default() };
        let mut remote = Instance::new(InstanceId::FIRST, source, DEFAULT_BUDGET);
        remote.add_sample(SampleBuilder::default().build_at_millis(0, "# pxname,svname,type,status,\n"), 0);
        assert_eq!(pair.tracker.next_reading(&remote, second * 20), None);
    }
}
