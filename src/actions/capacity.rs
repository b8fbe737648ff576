//! Capacity of a backend: the servers that can take traffic.
//!
//! Load balancing uses backup servers only when no active server is usable. Backup servers are
//! therefore counted separately, and their weight is not part of the total.

use crate::haproxy::fields::Field;
use crate::observe::sample::Sample;

/// Numbers of servers in a backend, and the weight that is available.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Number of active (non-backup) servers.
    pub(crate) active: usize,
    /// Number of active servers that load balancing can choose.
    pub(crate) usable: usize,
    /// Number of usable backup servers.
    pub(crate) backup: usize,
    /// Total weight of the usable active servers.
    pub(crate) weight: i64,
}

impl Capacity {
    /// Counts the servers at these row indices of the sample.
    pub(crate) fn from_servers(sample: &Sample, servers: &[usize]) -> Self {
        Self::with_weights(sample, servers, |_, weight| weight)
    }

    /// Counts the servers as if each had the weight `new_weight(row, weight)`. A server with weight 0 is not usable.
    pub(crate) fn with_weights(sample: &Sample, servers: &[usize], new_weight: impl Fn(usize, i64) -> i64) -> Self {
        let mut capacity = Self::default();
        for row in servers {
            let weight = new_weight(*row, sample.table.number(*row, Field::Weight).unwrap_or(0));
            let is_usable = sample.table.rows()[*row].state().is_usable() && weight > 0;
            let is_backup = sample.table.number(*row, Field::Bck) == Some(1);
            capacity.active += usize::from(!is_backup);
            if is_usable && is_backup {
                capacity.backup += 1;
            } else if is_usable {
                capacity.usable += 1;
                capacity.weight = capacity.weight.saturating_add(weight);
            }
        }
        capacity
    }

    /// Returns true if any server can take traffic.
    pub(crate) fn is_available(&self) -> bool {
        self.usable + self.backup > 0
    }
}
