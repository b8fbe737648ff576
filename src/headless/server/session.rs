//! Connection to one HAProxy for commands that change it: the dashboard's sampler, instance, guard and operator, run
//! sequentially. No poll runs during an action, so every later sample shows the state after the action.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use crate::actions::audit::audit_index::AuditIndex;
use crate::actions::audit::audit_writer::AuditWriter;
use crate::haproxy::address::Address;
use crate::haproxy::connection::ConnectionLimits;
use crate::instance::access::Access;
use crate::instance::instance::Instance;
use crate::instance::operator::Operator;
use crate::observe::instance_id::InstanceId;
use crate::observe::link::PollFailure;
use crate::observe::poll_schedule::PollSchedule;
use crate::observe::sampler::{PollResult, Sampler};
use crate::observe::timestamp::Clock;

/// Bytes of memory for past samples. Only rates use them, and they cover a few seconds.
const HISTORY_BYTES: usize = 1 << 20;
/// Pause before the next poll of a HAProxy that does not answer.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Polls one HAProxy and changes its servers.
#[derive(Debug)]
pub struct Controller {
    /// Samples, rates and problems of this HAProxy.
    pub instance: Instance,
    /// Sends the actions.
    pub operator: Operator,
    /// Source of timestamps.
    pub clock: Clock,
    /// Actions recorded before this command.
    pub audit_index: AuditIndex,
    sampler: Sampler,
    schedule: PollSchedule,
    /// Earliest time of the next poll.
    earliest_poll: Instant,
    next_poll: Instant,
}

impl Controller {
    /// Creates a controller for the HAProxy `name` at `address`, with the poll interval `interval`.
    pub fn new(name: String, address: Address, read_only: bool, interval: Duration, audit: AuditWriter) -> Self {
        let (clock, limits) = (Clock::start(), ConnectionLimits::default());
        let mut instance =
            Instance::new(InstanceId::FIRST, Access { read_only, is_tcp: address.is_tcp() }, HISTORY_BYTES);
        instance.set_actor(audit.actor().person_name());
        let audit_index = AuditIndex::load(audit.path());
        let sampler = Sampler::new(address.clone(), limits, read_only, clock);
        instance.load_audit_index(&audit_index, &address.to_string(), clock.now());
        Self {
            instance,
            operator: Operator { instance: name, address, connection_limits: limits, audit: Arc::new(audit), clock },
            clock,
            audit_index,
            sampler,
            schedule: PollSchedule::new(interval),
            earliest_poll: Instant::now(),
            next_poll: Instant::now(),
        }
    }

    /// Waits for the minimum pause, then polls. Cancel-safe.
    ///
    /// # Errors
    /// Returns an error if HAProxy does not answer with a valid sample.
    pub async fn poll(&mut self) -> Result<(), PollFailure> {
        sleep_until(self.earliest_poll).await;
        let start = Instant::now();
        match self.sampler.poll_and_record(&mut self.schedule).await {
            PollResult::Sample(sample) => {
                self.earliest_poll = start + self.schedule.min_interval();
                self.next_poll = start + sample.interval;
                self.instance.add_sample(sample, 0);
                Ok(())
            }
            PollResult::Failed(failure, at) => {
                self.next_poll = Instant::now() + RETRY_DELAY;
                self.instance.record_failure(failure.clone(), at);
                Err(failure)
            }
        }
    }

    /// Polls with the time limit `limit`. Returns whether a sample arrived.
    pub async fn poll_within(&mut self, limit: Duration) -> bool {
        matches!(timeout(limit, self.poll()).await, Ok(Ok(())))
    }

    /// Returns the time of the next poll.
    pub fn next_poll(&self) -> Instant {
        self.next_poll
    }

    /// Returns the current monotonic time.
    pub fn now(&self) -> Duration {
        self.clock.now().monotonic
    }
}
