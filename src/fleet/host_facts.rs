//! Facts about the machine of a HAProxy that show its role, and the role that follows from them.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::net::IpAddr;

use crate::fleet::carp::{CarpGroup, CarpState};
use crate::fleet::keepalived::{VrrpInstance, VrrpState};
use crate::fleet::role::{BalancerRole, RoleFinding, RoleSource};

/// Maximum number of addresses in a sentence.
const MAX_NAMED: usize = 3;

/// Yields facts from the machine of a HAProxy. It may wait for files, so it is called on a thread that may wait.
pub(crate) trait HostReader: Debug + Send + Sync {
    /// Reads the facts about the machine, or the network namespace, of the HAProxy with this process id. Returns `None` if
    /// no such process is there.
    fn read(&self, haproxy_pid: i64) -> Option<HostFacts>;
}

/// An address that can move from one balancer to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SharedAddress {
    /// The address.
    pub(crate) ip: IpAddr,
    /// True if it is on an interface of this machine.
    pub(crate) is_held: bool,
}

/// Facts about the machine of a HAProxy. Empty parts are unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Number of the network namespace on this machine.
    pub(crate) network: Option<u64>,
    /// keepalived's own recent report.
    pub(crate) vrrp: Vec<VrrpInstance>,
    /// CARP groups of the interfaces.
    pub(crate) carp: Vec<CarpGroup>,
    /// Addresses of the machine, without loopback.
    pub(crate) local: Vec<IpAddr>,
    /// Addresses that keepalived moves.
    pub(crate) addresses: Vec<SharedAddress>,
    /// Addresses of the machine or of other machines on which programs listen.
    pub(crate) listens: Vec<SharedAddress>,
    /// Reason why keepalived's addresses are unknown, if it runs.
    pub(crate) obstacle: Option<String>,
}

impl HostFacts {
    /// Returns the role that follows from the facts, or `None` if they say nothing about it. A balancer that is active for
    /// one of several addresses is active. `known` are addresses that keepalived moved here earlier, or moves between the
    /// peers: keepalived may have ended on this machine. `moving` are addresses that were seen on another machine than the
    /// program that listens on them.
    pub(crate) fn role(&self, known: &BTreeSet<IpAddr>, moving: &BTreeSet<IpAddr>) -> Option<RoleFinding> {
        let known: Vec<SharedAddress> =
            known.iter().map(|ip| SharedAddress { ip: *ip, is_held: self.local.contains(ip) }).collect();
        let listens: Vec<SharedAddress> =
            self.listens.iter().filter(|address| moving.contains(&address.ip)).copied().collect();
        let reported = self.vrrp_role().or_else(|| self.carp_role()).or_else(|| address_role(&self.addresses));
        reported.or_else(|| address_role(&known)).or_else(|| address_role(&listens))
    }

    /// Returns the addresses on which a program listens although they are on another machine.
    pub(crate) fn absent_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.listens.iter().filter(|address| !address.is_held).map(|address| address.ip)
    }

    fn vrrp_role(&self) -> Option<RoleFinding> {
        // While keepalived starts, it has no role yet.
        let known: Vec<&VrrpInstance> = self.vrrp.iter().filter(|vrrp| vrrp.state != VrrpState::Init).collect();
        let best = known.iter().find(|vrrp| vrrp.state == VrrpState::Master).or_else(|| known.first())?;
        let role = if best.state == VrrpState::Master { BalancerRole::Active } else { BalancerRole::Standby };
        let detail = format!("{} is {}", best.name, best.state.as_str());
        Some(RoleFinding { role, source: RoleSource::Keepalived, detail })
    }

    fn carp_role(&self) -> Option<RoleFinding> {
        let known: Vec<&CarpGroup> = self.carp.iter().filter(|group| group.state != CarpState::Init).collect();
        let best = known.iter().find(|group| group.state == CarpState::Master).or_else(|| known.first())?;
        let role = if best.state == CarpState::Master { BalancerRole::Active } else { BalancerRole::Standby };
        let detail = format!("vhid {} on {} is {}", best.vhid, best.interface, best.state.as_str());
        Some(RoleFinding { role, source: RoleSource::Carp, detail })
    }
}

fn address_role(addresses: &[SharedAddress]) -> Option<RoleFinding> {
    let all: Vec<IpAddr> = addresses.iter().map(|address| address.ip).collect();
    let held: Vec<IpAddr> = addresses.iter().filter(|address| address.is_held).map(|address| address.ip).collect();
    let (role, detail) = match (held.len(), all.len()) {
        (_, 0) => return None,
        (0, _) => (BalancerRole::Standby, format!("does not hold {}", name_addresses(&all))),
        (some, count) if some < count => {
            (BalancerRole::Active, format!("holds {some} of {count} addresses: {}", name_addresses(&held)))
        }
        _ => (BalancerRole::Active, format!("holds {}", name_addresses(&held))),
    };
    Some(RoleFinding { role, source: RoleSource::Address, detail })
}

fn name_addresses(addresses: &[IpAddr]) -> String {
    let first: Vec<String> = addresses.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    match addresses.len().saturating_sub(MAX_NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(text: &str, is_held: bool) -> SharedAddress {
        SharedAddress { ip: text.parse().unwrap(), is_held }
    }

    fn shown(facts: &HostFacts) -> Option<String> {
        facts.role(&BTreeSet::new(), &BTreeSet::new()).map(|finding| finding.to_string())
    }

    #[test]
    fn role_follows_from_addresses() {
        let facts = |addresses: &[(&str, bool)]| HostFacts {
            addresses: addresses.iter().map(|(ip, is_held)| shared(ip, *is_held)).collect(),
            ..HostFacts::default()
        };
        assert_eq!(shown(&facts(&[])), None);
        assert_eq!(shown(&facts(&[("10.0.0.9", true)])).unwrap(), "active: holds 10.0.0.9 (address)");
        assert_eq!(shown(&facts(&[("10.0.0.9", false)])).unwrap(), "standby: does not hold 10.0.0.9 (address)");
        let part = [("10.0.0.9", false), ("fd00::9", true)];
        assert_eq!(shown(&facts(&part)).unwrap(), "active: holds 1 of 2 addresses: fd00::9 (address)");
        let many = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"].map(|ip| (ip, true));
        assert!(shown(&facts(&many)).unwrap().contains("10.0.0.3 and 2 more"));
    }

    #[test]
    fn role_follows_from_listening_on_a_moving_address() {
        let facts = |is_held| HostFacts {
            listens: vec![shared("10.0.0.1", true), shared("10.0.0.9", is_held)],
            ..HostFacts::default()
        };
        let moving: BTreeSet<IpAddr> = facts(false).absent_addresses().collect();
        let shown = |is_held, moving| {
            facts(is_held).role(&BTreeSet::new(), moving).map(|finding: RoleFinding| finding.to_string())
        };
        assert_eq!(shown(false, &moving).unwrap(), "standby: does not hold 10.0.0.9 (address)");
        assert_eq!(shown(true, &moving).unwrap(), "active: holds 10.0.0.9 (address)");
        assert_eq!(shown(true, &BTreeSet::new()), None, "an address of its own says nothing");
    }

    #[test]
    fn role_prefers_the_report_of_keepalived_and_ignores_its_start() {
        let vrrp = |state| VrrpInstance { name: "VI_1".to_owned(), state, addresses: Vec::new() };
        let addresses = vec![shared("10.0.0.9", true)];
        let facts = |states: &[VrrpState]| HostFacts {
            vrrp: states.iter().map(|state| vrrp(*state)).collect(),
            addresses: addresses.clone(),
            ..HostFacts::default()
        };
        assert_eq!(shown(&facts(&[VrrpState::Fault])).unwrap(), "standby: VI_1 is FAULT (keepalived)");
        let two = facts(&[VrrpState::Backup, VrrpState::Master]);
        assert_eq!(shown(&two).unwrap(), "active: VI_1 is MASTER (keepalived)");
        assert_eq!(shown(&facts(&[VrrpState::Init])).unwrap(), "active: holds 10.0.0.9 (address)");
    }

    #[test]
    fn role_follows_from_carp() {
        let group = |state| CarpGroup { interface: "em0".to_owned(), vhid: 1, state };
        let facts = |state| HostFacts { carp: vec![group(state)], ..HostFacts::default() };
        assert_eq!(shown(&facts(CarpState::Master)).unwrap(), "active: vhid 1 on em0 is MASTER (CARP)");
        assert_eq!(shown(&facts(CarpState::Backup)).unwrap(), "standby: vhid 1 on em0 is BACKUP (CARP)");
        assert_eq!(shown(&facts(CarpState::Init)), None);
    }
}
