//! Capacity of a backend: the servers that can take traffic.
//!
//! Load balancing uses backup servers only when no active server is usable. Backup servers are
//! therefore counted separately, and their weight is not part of the total.

use std::collections::{BTreeMap, BTreeSet};

use crate::haproxy::fields::Field;
use crate::observe::sample::Sample;
use crate::units::pluralize;

/// Numbers of servers in a backend, and the weight that is available.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Number of active (non-backup) servers.
    pub(crate) active: usize,
    /// Number of active servers that load balancing can choose.
    pub(crate) usable: usize,
    /// Number of usable backup servers.
    pub(crate) backup: usize,
    /// Number of backup servers.
    pub(crate) all_backups: usize,
    /// Total weight of the usable active servers.
    pub(crate) weight: i64,
}

impl Capacity {
    /// Counts the servers at these row indices of the sample.
    pub(crate) fn from_servers(sample: &Sample, servers: &[usize]) -> Self {
        Self::with_changes(sample, servers, &CapacityChanges::default())
    }

    /// Counts the servers as they would be after the changes. A server with weight 0 is not usable.
    pub(crate) fn with_changes(sample: &Sample, servers: &[usize], changes: &CapacityChanges) -> Self {
        let mut capacity = Self::default();
        for row in servers {
            // An unused slot is not a server that could take traffic, unless a change gives it some.
            if sample.unused_slots().contains(*row) && !changes.is_usable(sample, *row) {
                continue;
            }
            // The weight of merged rows is unknown if it differs between balancers.
            let weight = changes.weight(sample, *row);
            let is_usable = changes.is_usable(sample, *row) && weight != Some(0);
            let is_backup = sample.table.number(*row, Field::Bck) == Some(1);
            *if is_backup { &mut capacity.all_backups } else { &mut capacity.active } += 1;
            if is_usable && is_backup {
                capacity.backup += 1;
            } else if is_usable {
                capacity.usable += 1;
                capacity.weight = capacity.weight.saturating_add(weight.unwrap_or_default());
            }
        }
        capacity
    }

    /// Returns true if the backend has servers other than unused slots.
    pub(crate) fn has_servers(&self) -> bool {
        self.active + self.all_backups > 0
    }

    /// Returns true if any server can take traffic.
    pub(crate) fn is_available(&self) -> bool {
        self.usable + self.backup > 0
    }

    /// Describes how many servers are usable: `2 of 3 servers`, or with backups `1 of 3 active, 0 of 1 backup servers`.
    pub(crate) fn describe_usable(&self) -> String {
        let Self { active, usable, backup, all_backups, .. } = self;
        match (active, all_backups) {
            (_, 0) => format!("{usable} of {}", pluralize(*active as i64, "server")),
            (0, _) => format!("{backup} of {}", pluralize(*all_backups as i64, "backup server")),
            _ => {
                format!("{usable} of {active} active, {backup} of {}", pluralize(*all_backups as i64, "backup server"))
            }
        }
    }
}

/// Changes of servers, by row index.
#[derive(Debug, Clone, Default)]
pub(crate) struct CapacityChanges {
    /// New weights; 0 for a server that leaves load balancing.
    pub(crate) weights: BTreeMap<usize, i64>,
    /// Servers that become usable.
    pub(crate) enabled: BTreeSet<usize>,
}

impl CapacityChanges {
    /// Returns the new weight of a server, or `None` if it is unknown.
    pub(crate) fn weight(&self, sample: &Sample, row: usize) -> Option<i64> {
        self.weights.get(&row).copied().or_else(|| sample.table.number(row, Field::Weight))
    }

    /// Returns true if load balancing could choose the server, apart from its weight.
    pub(crate) fn is_usable(&self, sample: &Sample, row: usize) -> bool {
        sample.table.rows()[row].state().is_usable() || self.enabled.contains(&row)
    }
}
