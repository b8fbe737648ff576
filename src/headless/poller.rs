//! Polls one HAProxy for the commands without a screen, with the minimum pause of the poll schedule between two polls.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::actions::audit::audit_index::AuditIndex;
use crate::config::target::Target;
use crate::haproxy::address::Address;
use crate::haproxy::connection::ConnectionLimits;
use crate::haproxy::safe_text::SafeText;
use crate::instance::recorded_past::AdoptedPast;
use crate::instance::source::StatsSocket;
use crate::instance::state::Instance;
use crate::observe::instance_id::InstanceId;
use crate::observe::link::PollFailure;
use crate::observe::poll_schedule::PollSchedule;
use crate::observe::sampler::{PollResult, Sampler};
use crate::observe::timestamp::{Clock, Timestamp};
use crate::problems::evaluation::FIRST_REQUESTS_TIME;
use crate::problems::not_evaluated::GapReason;
use crate::problems::thresholds::Thresholds;
use crate::recording::reader::Recording;

/// Bytes of memory for past samples. Only rates use them, and they cover a few seconds.
const HISTORY_BYTES: usize = 1 << 20;

/// Maximum delay of the last poll. Monitoring systems kill slow checks.
const MAX_OVERRUN: Duration = Duration::from_secs(5);

/// An instance to print, with its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReportedInstance<'a> {
    /// Configured name, or the address if it has no name.
    pub(crate) name: &'a str,
    /// Samples, rates and problems.
    pub(crate) instance: &'a Instance,
}

/// Polls one HAProxy and stores its samples.
#[derive(Debug)]
pub(crate) struct Poller {
    /// Configured name, or the address if it has no name.
    pub(crate) name: String,
    /// Samples, rates and problems of this HAProxy.
    pub(crate) instance: Instance,
    /// Source of timestamps.
    pub(crate) clock: Clock,
    sampler: Sampler,
    schedule: PollSchedule,
    /// Earliest time of the next poll.
    earliest_poll: Instant,
    /// Time directly before the first poll that samples of a recording cover.
    recorded: Duration,
}

impl Poller {
    /// Creates a poller for a command that only reads. It polls `target` at the interval `every` and evaluates the
    /// rules with `thresholds`.
    ///
    /// The poller sends only `show info;show stat`, on one connection per poll. The socket's access level and the
    /// states in the configuration matter only to commands that change something, and to servers without an address.
    pub(crate) fn new(target: &Target, every: Duration, thresholds: Thresholds) -> Self {
        let mut poller = Self::for_changes(target.label(), &target.address, true, every);
        poller.sampler = poller.sampler.samples_only();
        poller.instance.set_thresholds(thresholds);
        poller
    }

    /// Adds the slow round, for a command that evaluates the problems.
    #[must_use]
    pub(crate) fn with_slow_round(self) -> Self {
        Self { sampler: self.sampler.with_slow_round(1), ..self }
    }

    /// Creates a poller for a command that changes the HAProxy `name` at `address`.
    pub(crate) fn for_changes(name: String, address: &Address, read_only: bool, every: Duration) -> Self {
        let clock = Clock::start();
        let source = StatsSocket::new(address, read_only);
        Self {
            name,
            instance: Instance::new(InstanceId::FIRST, source, HISTORY_BYTES),
            clock,
            sampler: Sampler::new(address.clone(), ConnectionLimits::default(), read_only, clock),
            schedule: PollSchedule::new(every),
            earliest_poll: Instant::now(),
            recorded: Duration::ZERO,
        }
    }

    /// Makes a recording of this HAProxy the past of the instance, so that its last minute counts as sampled. Its times are
    /// on `clock`. A recording that cannot be read is left out.
    #[must_use]
    pub(crate) fn with_recording(mut self, recording: Recording, clock: Clock) -> Self {
        match self.instance.adopt_recording(recording, clock.now()) {
            Ok(AdoptedPast { parser, evaluated }) => {
                if let Some(failure) = self.instance.history().reading_failure() {
                    eprintln!("hapulse: warning: {}: {}", self.name, SafeText::from(failure.as_str()));
                }
                let sampler = self.sampler.with_parser(parser).with_clock(clock);
                Self { sampler, clock, recorded: evaluated, ..self }
            }
            Err(error) => {
                let why = SafeText::from(error.to_string().as_str());
                eprintln!("hapulse: warning: {}: cannot read the recording: {why}", self.name);
                self
            }
        }
    }

    /// Returns what is printed.
    pub(crate) fn reported(&self) -> ReportedInstance<'_> {
        ReportedInstance { name: &self.name, instance: &self.instance }
    }

    /// Loads from the audit log who ordered the current server states.
    pub(crate) fn load_attribution(&mut self, audit_index: &AuditIndex, address: &Address) {
        self.instance.load_audit_index(audit_index, &address.to_string(), self.now());
    }

    /// Waits for the minimum pause, then polls. Returns the time until the next poll is due. Cancel-safe.
    ///
    /// # Errors
    /// Returns an error if HAProxy does not answer with a valid sample.
    pub(crate) async fn poll(&mut self) -> Result<Duration, PollFailure> {
        sleep_until(self.earliest_poll).await;
        let start = Instant::now();
        match self.sampler.poll_and_record(&mut self.schedule).await {
            PollResult::Sample(sample) => {
                self.earliest_poll = start + self.schedule.min_interval();
                let next = sample.interval.saturating_sub(start.elapsed());
                self.instance.add_sample(sample, 0);
                Ok(next)
            }
            PollResult::Failed(failure, at) => {
                self.instance.record_failure(failure.clone(), at);
                Err(failure)
            }
        }
    }

    /// Polls immediately, then at the interval `every`, and a last time when `over` has passed. Returns the time that
    /// the samples cover.
    ///
    /// Polls in between may fail, for example during a restart. If HAProxy replies so slowly that the next poll would
    /// come later than [`MAX_OVERRUN`] after the end, polling ends early.
    ///
    /// # Errors
    /// Returns an error if the first or the last poll fails.
    pub(crate) async fn poll_for(&mut self, over: Duration, every: Duration) -> Result<Duration, PollFailure> {
        let start = Instant::now();
        self.poll().await?;
        let end = start + over;
        let mut now = start;
        let mut last = Ok(());
        while now < end && self.earliest_poll <= end + MAX_OVERRUN {
            // Skip a poll that would come shortly before the last one.
            let due = if now + every + every / 2 < end { now + every } else { end };
            sleep_until(due).await;
            last = self.poll().await.map(drop);
            now = Instant::now().max(due);
        }
        last.map(|()| over.min(start.elapsed()))
    }

    /// Polls like [`Self::poll_for`], and then goes on at the interval `every` while a rule is not evaluated, at most until
    /// `at_most` has passed. Too few requests are worth waiting for only at first. Time that a recording covers counts as
    /// sampled: if it covers `over`, one poll is enough.
    ///
    /// # Errors
    /// Returns an error if the first or the last poll fails.
    pub(crate) async fn poll_until_evaluated(
        &mut self,
        over: Duration,
        at_most: Duration,
        every: Duration,
    ) -> Result<Duration, PollFailure> {
        let (start, recorded) = (Instant::now(), self.recorded);
        let over = over.saturating_sub(recorded);
        let sampled = self.poll_for(over, every).await?;
        if sampled < over {
            return Ok(sampled + recorded);
        }
        let end = start + at_most;
        let mut last = Ok(());
        while self.needs_samples(start.elapsed() + recorded) && Instant::now() + every <= end {
            sleep_until(Instant::now() + every).await;
            last = self.poll().await.map(drop);
        }
        last.map(|()| sampled + recorded)
    }

    /// Returns whether further samples soon tell more, after `sampled` has passed.
    fn needs_samples(&self, sampled: Duration) -> bool {
        let is_early = sampled < FIRST_REQUESTS_TIME;
        let mut gaps = self.instance.problems().not_evaluated().iter();
        gaps.any(|gap| is_early || gap.reason != GapReason::TooFewEvents)
    }

    /// Returns the current time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
