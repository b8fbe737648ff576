//! Checks whether two HAProxies of this machine own the same address of keepalived at the same time.

use std::net::IpAddr;

use crate::fleet::address_conflicts;
use crate::fleet::host_facts::{HostFacts, HostReader as _};
use crate::fleet::local_host::LocalHost;
use crate::haproxy::address::Address;
use crate::headless::doctor::finding::Finding;

/// Adds a finding to each HAProxy that owns an address of another one. `processes` are the addresses of the sockets and the
/// process ids of those that answered on this machine.
pub(crate) fn add_conflicts(processes: &[(Address, Option<i64>)], findings: &mut [Vec<Finding>]) {
    // An address may move meanwhile: it has two owners only if the first one has it before and after the second.
    let read = || {
        let host = LocalHost::default();
        processes.iter().map(|(_, pid)| host.read((*pid)?)).collect::<Vec<Option<HostFacts>>>()
    };
    let (before, after) = (read(), read());
    for one in 0..processes.len() {
        for other in one + 1..processes.len() {
            let (Some(first), Some(second), Some(again)) = (&before[one], &before[other], &after[one]) else {
                continue;
            };
            for ip in address_conflicts::held_in_between(first, second, again) {
                findings[one].push(conflict(ip, &processes[other].0));
                findings[other].push(conflict(ip, &processes[one].0));
            }
        }
    }
}

fn conflict(ip: IpAddr, other: &Address) -> Finding {
    let text = format!("{ip} is also on the balancer of {other}: both own it (split brain)");
    Finding::error(text).with_fix(
        "look at the network between them and at the log of keepalived; remove the address from the one that should not have it",
    )
}
