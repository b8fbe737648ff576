//! The change of a balancer's role, seen from one instance.

use std::net::IpAddr;

use crate::haproxy::fields::Field;
use crate::instance::state::Instance;
use crate::observe::events::EventKind;
use crate::observe::failover::Failover;
use crate::observe::timestamp::Timestamp;

/// A change of the role of a balancer.
#[derive(Debug, Clone)]
pub(crate) struct RoleChange {
    /// Previous role.
    pub(crate) from: &'static str,
    /// Current role.
    pub(crate) to: &'static str,
    /// The fact that shows the current role.
    pub(crate) detail: String,
    /// True if the address of the balancer moved away, so that its open connections are lost.
    pub(crate) loses_connections: bool,
}

impl Instance {
    /// Records a change of the role of this balancer as an event. If its address moved away, the next evaluation finds the
    /// connections that were open then as a problem.
    pub(crate) fn record_role_change(&mut self, change: RoleChange, at: Timestamp) {
        let RoleChange { from, to, detail, loses_connections } = change;
        let connections = if loses_connections { self.open_connections() } else { 0 };
        self.push_event(at, None, String::new(), EventKind::Role { from, to, detail });
        self.failover = loses_connections.then_some(Failover { at: at.monotonic, connections });
    }

    /// Records the addresses that this balancer and another one own at the same time. The next evaluation finds them as a
    /// problem.
    pub(crate) fn set_address_conflicts(&mut self, addresses: Vec<IpAddr>) {
        self.address_conflicts = addresses;
    }

    /// Returns the number of connections that the frontends have open in the latest sample.
    fn open_connections(&self) -> i64 {
        let Some(sample) = self.latest() else { return 0 };
        let sessions = sample.rows.frontends().iter().filter_map(|row| sample.table.number(*row, Field::Scur));
        sessions.fold(0, i64::saturating_add)
    }
}
