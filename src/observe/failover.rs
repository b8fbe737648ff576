//! The failover of a balancer, whose address another balancer took.

use std::time::Duration;

/// Time for which the lost connections are a problem.
const SHOWN_FOR: Duration = Duration::from_mins(1);

/// A failover, by which the balancer lost its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failover {
    /// Monotonic time.
    pub(crate) at: Duration,
    /// Number of connections that were open then. They end when their clients send the next packet, to the other balancer.
    pub(crate) connections: i64,
}

impl Failover {
    /// Returns the number of connections that were lost a short time before `now`; 0 if the failover is long ago.
    pub(crate) fn recent_losses(self, now: Duration) -> i64 {
        if now.saturating_sub(self.at) < SHOWN_FOR { self.connections } else { 0 }
    }
}
