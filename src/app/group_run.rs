//! State of an action on several balancers while it runs; [`crate::app::group_action`] changes it.

use std::collections::VecDeque;

use crate::actions::intent::Intent;
use crate::fleet::total_capacity::TotalCapacity;
use crate::instance::guard::Authorised;

/// An action on several balancers that was confirmed and has not ended.
#[derive(Debug)]
pub(crate) struct GroupRun {
    /// Number of the run, which its entries in the undo stack have.
    pub(crate) id: u64,
    /// Action in flight.
    pub(crate) current: Intent,
    /// Actions on the balancers after it.
    pub(crate) waiting: VecDeque<Authorised<Intent>>,
    /// Names of the balancers that are done.
    pub(crate) done: Vec<String>,
    /// Capacity that is left on the balancers that are done.
    pub(crate) left: TotalCapacity,
}
