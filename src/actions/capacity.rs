//! How much of a backend can take traffic.
//!
//! Backup servers wait: load balancing turns to them only when no active server is left. So they do not
//! count as usable as long as an active one is, and their weight is no share of anything.

use crate::haproxy::fields::Field;
use crate::observe::sample::Sample;

/// What of a backend's servers takes traffic, or could.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strength {
    /// Active servers.
    pub active: usize,
    /// Active servers that load balancing may choose.
    pub usable: usize,
    /// Backup servers that could take over.
    pub backup: usize,
    /// Weight of the usable active servers.
    pub weight: i64,
}

impl Strength {
    /// Adds up the servers at these places of the sample.
    pub fn of(sample: &Sample, servers: &[usize]) -> Self {
        Self::with(sample, servers, |_, weight| weight)
    }

    /// The same, were their weights what `new_weight` makes of each: 0 for a server that is taken away.
    pub fn with(sample: &Sample, servers: &[usize], new_weight: impl Fn(usize, i64) -> i64) -> Self {
        let mut strength = Self::default();
        for row in servers {
            let weight = new_weight(*row, sample.table.number(*row, Field::Weight).unwrap_or(0));
            let is_usable = sample.table.rows()[*row].state().is_usable() && weight > 0;
            let is_backup = sample.table.number(*row, Field::Bck) == Some(1);
            strength.active += usize::from(!is_backup);
            if is_usable && is_backup {
                strength.backup += 1;
            } else if is_usable {
                strength.usable += 1;
                strength.weight = strength.weight.saturating_add(weight);
            }
        }
        strength
    }

    /// Whether anything is left that takes traffic.
    pub fn is_alive(&self) -> bool {
        self.usable + self.backup > 0
    }
}
