//! Connection to one HAProxy for commands that change it: the dashboard's sampler, instance, guard and operator, run
//! sequentially. No poll runs during an action, so every later sample shows the state after the action.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::actions::audit::audit_index::AuditIndex;
use crate::actions::audit::audit_writer::AuditWriter;
use crate::config::target::Target;
use crate::haproxy::connection::ConnectionLimits;
use crate::headless::poller::Poller;
use crate::instance::operator::Operator;
use crate::instance::state_reader::StateReader;

/// The audit log, which all controllers of a command share.
#[derive(Debug, Clone)]
pub(crate) struct AuditLog {
    writer: Arc<AuditWriter>,
    index: Arc<AuditIndex>,
}

impl AuditLog {
    /// Reads what the audit log records so far.
    pub(crate) fn load(writer: AuditWriter) -> Self {
        let index = Arc::new(AuditIndex::load(writer.path()));
        Self { writer: Arc::new(writer), index }
    }
}

/// Polls one HAProxy and changes its servers.
#[derive(Debug)]
pub(crate) struct Controller {
    /// Polls the HAProxy and stores its samples.
    pub(crate) poller: Poller,
    /// Sends the actions.
    pub(crate) operator: Operator,
    /// Actions recorded before this command.
    pub(crate) audit_index: Arc<AuditIndex>,
}

impl Controller {
    /// Creates a controller for a HAProxy, with the poll interval `interval`.
    pub(crate) fn new(target: Target, read_only: bool, interval: Duration, log: &AuditLog) -> Self {
        let (name, address) = (target.label(), target.address);
        let AuditLog { writer, index } = log.clone();
        let mut poller = Poller::for_changes(name.clone(), &address, read_only, interval);
        poller.instance.set_actor(writer.actor().person_name());
        let audit_index = index;
        poller.load_attribution(&audit_index, &address);
        let reader = StateReader { address, limits: ConnectionLimits::default(), clock: poller.clock };
        let operator = Operator { instance: name, reader, audit: writer };
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
