//! Connection to one HAProxy for commands that change it: the dashboard's sampler, instance, guard and operator, run
//! sequentially. No poll runs during an action, so every later sample shows the state after the action.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::actions::audit::audit_index::AuditIndex;
use crate::actions::audit::audit_writer::AuditWriter;
use crate::haproxy::address::Address;
use crate::haproxy::connection::ConnectionLimits;
use crate::headless::poller::Poller;
use crate::instance::operator::Operator;
use crate::instance::state_reader::StateReader;

/// Polls one HAProxy and changes its servers.
#[derive(Debug)]
pub(crate) struct Controller {
    /// Polls the HAProxy and stores its samples.
    pub(crate) poller: Poller,
    /// Sends the actions.
    pub(crate) operator: Operator,
    /// Actions recorded before this command.
    pub(crate) audit_index: AuditIndex,
}

impl Controller {
    /// Creates a controller for the HAProxy `name` at `address`, with the poll interval `interval`.
    pub(crate) fn new(name: String, address: Address, read_only: bool, interval: Duration, audit: AuditWriter) -> Self {
        let mut poller = Poller::for_changes(name.clone(), &address, read_only, interval);
        poller.instance.set_actor(audit.actor().person_name());
        let audit_index = AuditIndex::load(audit.path());
        poller.load_attribution(&audit_index, &address);
        let reader = StateReader { address, limits: ConnectionLimits::default(), clock: poller.clock };
        let operator = Operator { instance: name, reader, audit: Arc::new(audit) };
        Self { poller, operator, audit_index }
    }

    /// Polls with the time limit `limit`. Returns whether a sample arrived.
    pub(crate) async fn poll_within(&mut self, limit: Duration) -> bool {
        matches!(timeout(limit, self.poller.poll()).await, Ok(Ok(_)))
    }

    /// Returns the current monotonic time.
    pub(crate) fn now(&self) -> Duration {
        self.poller.now().monotonic
    }
}
