//! One HAProxy at hand: the same sampler, watch, guard and operator as the dashboard has, one after the other in
//! place of side by side. So no sample is under way while an act is, and none shows what was before it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use crate::actions::audit::audit_index::Ledger;
use crate::actions::audit::audit_writer::Audit;
use crate::haproxy::address::Address;
use crate::haproxy::connection::Limits;
use crate::instance::guard::Guard;
use crate::instance::instance::Instance;
use crate::instance::operator::Operator;
use crate::observe::link::Failure;
use crate::observe::poll_schedule::Pace;
use crate::observe::sampler::{News, Sampler};
use crate::observe::timestamp::Clock;

/// What the past of a watch may take here: rates look back a few seconds.
const HISTORY: usize = 1 << 20;
/// A HAProxy that does not answer is asked again after this.
const RETRY: Duration = Duration::from_secs(1);

/// One HAProxy at hand.
#[derive(Debug)]
pub struct Desk {
    /// What is known of it.
    pub watch: Instance,
    /// What may be done.
    pub guard: Guard,
    /// What does it.
    pub operator: Operator,
    /// Where stamps come from.
    pub clock: Clock,
    /// What was done before this run.
    pub ledger: Ledger,
    sampler: Sampler,
    pace: Pace,
    /// No sample is polite before.
    soonest: Instant,
    due: Instant,
}

impl Desk {
    /// At the HAProxy `instance`, which is at `address`; samples are taken every `interval`.
    pub fn new(instance: String, address: Address, read_only: bool, interval: Duration, audit: Audit) -> Self {
        let (clock, limits) = (Clock::start(), Limits::default());
        let mut watch = Instance::new(HISTORY);
        watch.set_actor(audit.actor().who());
        let ledger = Ledger::of_file(audit.path());
        let sampler = Sampler::new(address.clone(), limits, read_only, clock);
        watch.remember(&ledger, &address.to_string(), clock.now());
        Self {
            watch,
            guard: Guard { read_only },
            operator: Operator { instance, address, limits, audit: Arc::new(audit), clock },
            clock,
            ledger,
            sampler,
            pace: Pace::new(interval),
            soonest: Instant::now(),
            due: Instant::now(),
        }
    }

    /// Takes a sample as soon as that is polite. May be dropped while it is under way.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn look(&mut self) -> Result<(), Failure> {
        sleep_until(self.soonest).await;
        let start = Instant::now();
        match self.sampler.take(&mut self.pace).await {
            News::Sample(sample) => {
                self.soonest = start + self.pace.rest();
                self.due = start + sample.interval;
                self.watch.take(sample, 0);
                Ok(())
            }
            News::Failed(failure, at) => {
                self.due = Instant::now() + RETRY;
                self.watch.fail(failure.clone(), at);
                Err(failure)
            }
        }
    }

    /// The same, but not for long. Whether there is a sample.
    pub async fn glance(&mut self, longest: Duration) -> bool {
        matches!(timeout(longest, self.look()).await, Ok(Ok(())))
    }

    /// When the next sample is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// The present.
    pub fn now(&self) -> Duration {
        self.clock.now().mono
    }
}
