//! The targets of an action on one balancer.

use crate::actions::intent::ActionTarget;
use crate::observe::instance_id::InstanceId;

/// The targets of an action on one balancer, and the balancers that it was requested for.
#[derive(Debug, Clone)]
pub(crate) struct BalancerTargets {
    /// Balancer of the targets.
    pub(crate) instance: InstanceId,
    /// Balancers that the action was requested for; empty for the balancer of the targets alone.
    pub(crate) balancers: Vec<InstanceId>,
    /// The targets.
    pub(crate) targets: Vec<ActionTarget>,
}
