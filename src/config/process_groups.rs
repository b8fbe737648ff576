//! Groups the HAProxy processes of a machine: a master with its workers.

use std::collections::HashMap;

use crate::config::haproxy_process::HaproxyProcess;

/// Groups processes with distinct process ids. The first process of a group is its leader; the others descend from it
/// and were started with the same configuration. A leader is trusted at least as much as the others: `is_own` returns true
/// for the process of root or of this user.
///
/// The parent alone proves nothing. The first process of a container may be HAProxy, which then becomes the parent of
/// every process whose parent ended.
pub(crate) fn group(
    processes: Vec<HaproxyProcess>,
    is_own: impl Fn(&HaproxyProcess) -> bool,
) -> Vec<Vec<HaproxyProcess>> {
    let by_pid: HashMap<u32, &HaproxyProcess> = processes.iter().map(|process| (process.pid, process)).collect();
    let is_worker_of = |child: &HaproxyProcess, parent: &HaproxyProcess| {
        child.other_program.is_none()
            && parent.other_program.is_none()
            && child.arguments.has_same_configuration(&parent.arguments)
            && (is_own(parent) || child.users == parent.users)
    };
    let mut leaders: HashMap<u32, u32> = HashMap::new();
    for process in &processes {
        // The process ids were read one after the other, so they may even form a circle.
        let (mut way, mut at) = (Vec::new(), process);
        let leader = loop {
            if let Some(leader) = leaders.get(&at.pid) {
                break *leader;
            }
            way.push(at.pid);
            match by_pid.get(&at.parent).filter(|parent| is_worker_of(at, parent)) {
                Some(parent) if !way.contains(&parent.pid) => at = parent,
                _ => break at.pid,
            }
        };
        leaders.extend(way.into_iter().map(|pid| (pid, leader)));
    }
    let mut groups: Vec<Vec<HaproxyProcess>> = Vec::new();
    let mut positions: HashMap<u32, usize> = HashMap::new();
    let (first, others): (Vec<_>, Vec<_>) =
        processes.into_iter().partition(|process| leaders[&process.pid] == process.pid);
    for leader in first {
        positions.insert(leader.pid, groups.len());
        groups.push(vec![leader]);
    }
    for process in others {
        if let Some(position) = positions.get(&leaders[&process.pid]) {
            groups[*position].push(process);
        }
    }
    groups
}
