//! One HAProxy that is only looked at: its sampler and what is made of its samples.
//!
//! Nothing but `show info;show stat` is ever sent, on one connection a look, and no sooner than is polite. What
//! more the dashboard asks for, its rights and the configuration's states, is of no use to whoever cannot act.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::actions::audit::audit_index::Ledger;
use crate::config::target::Target;
use crate::haproxy::connection::Limits;
use crate::instance::instance::Instance;
use crate::observe::link::Failure;
use crate::observe::poll_schedule::Pace;
use crate::observe::sampler::{News, Sampler};
use crate::observe::timestamp::{Clock, Stamp};
use crate::problems::thresholds::Thresholds;

/// What the past of a watch may take here: nothing looks back further than rates do.
const HISTORY: usize = 1 << 20;

/// How much later than asked the last look may come. Whoever runs a check ends it when it takes much longer than it
/// should.
const LATE: Duration = Duration::from_secs(5);

/// One HAProxy that is looked at.
#[derive(Debug)]
pub struct Lookout {
    /// What it is called: the name it was given, else its address.
    pub name: String,
    /// What is known of it.
    pub watch: Instance,
    clock: Clock,
    sampler: Sampler,
    pace: Pace,
    /// No look is polite before.
    soonest: Instant,
}

impl Lookout {
    /// At a HAProxy that is looked at every so often; problems are measured by these thresholds.
    pub fn new(target: &Target, every: Duration, thresholds: Thresholds) -> Self {
        let clock = Clock::start();
        let mut watch = Instance::new(HISTORY);
        watch.set_thresholds(thresholds);
        let sampler = Sampler::new(target.address.clone(), Limits::default(), false, clock).of_samples_only();
        Self { name: target.label(), watch, clock, sampler, pace: Pace::new(every), soonest: Instant::now() }
    }

    /// Takes in who ordered what, as far as the audit knows.
    pub fn remember(&mut self, ledger: &Ledger, target: &Target) {
        self.watch.remember(ledger, &target.address.to_string(), self.clock.now());
    }

    /// Takes a sample as soon as that is polite. Gives the time until the next one is due.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn look(&mut self) -> Result<Duration, Failure> {
        sleep_until(self.soonest).await;
        let start = Instant::now();
        match self.sampler.take(&mut self.pace).await {
            News::Sample(sample) => {
                self.soonest = start + self.pace.rest();
                let next = sample.interval.saturating_sub(start.elapsed());
                self.watch.take(sample, 0);
                Ok(next)
            }
            News::Failed(failure, at) => {
                self.watch.fail(failure.clone(), at);
                Err(failure)
            }
        }
    }

    /// Looks at once, then `every` so often, and for the last time when `over` has passed. A look in between may
    /// fail, as in a restart. Where answers take so long that the next look would be polite only well behind the end,
    /// it ends sooner. Gives the time that was looked over.
    ///
    /// # Errors
    /// Why the first or the last look failed.
    pub async fn look_over(&mut self, over: Duration, every: Duration) -> Result<Duration, Failure> {
        let start = Instant::now();
        self.look().await?;
        let end = start + over;
        let mut now = start;
        let mut last = Ok(());
        while now < end && self.soonest <= end + LATE {
            // A look a moment before the last one would tell nothing.
            let due = if now + every + every / 2 < end { now + every } else { end };
            sleep_until(due).await;
            last = self.look().await.map(drop);
            now = Instant::now().max(due);
        }
        last.map(|()| over.min(start.elapsed()))
    }

    /// The present.
    pub fn now(&self) -> Stamp {
        self.clock.now()
    }
}
