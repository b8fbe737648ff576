//! One watched HAProxy of a session: its sampler, its instance, the operator for actions, and what was announced about it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::actions::audit::audit_writer::AuditWriter;
use crate::config::target::Target;
use crate::haproxy::connection::ConnectionLimits;
use crate::haproxy::stat_table::StatLimits;
use crate::headless::plain::announcement::Announcement;
use crate::headless::plain::announcer::Announcer;
use crate::headless::plain::row_reports;
use crate::history::memory_plan::MemoryPlan;
use crate::instance::display_name::InstanceNames;
use crate::instance::operator::Operator;
use crate::instance::source::StatsSocket;
use crate::instance::state::Instance;
use crate::instance::state_reader::StateReader;
use crate::observe::instance_id::InstanceId;
use crate::observe::latest_slot::LatestSlot;
use crate::observe::old_process_finder::{self, OldProcessQuery};
use crate::observe::old_processes::OldProcesses;
use crate::observe::poll_schedule::PollSchedule;
use crate::observe::sampler::{self, PollResult, Sampler, SamplerRequest};
use crate::observe::timestamp::{Clock, Timestamp};
use crate::problems::thresholds::Thresholds;

/// Settings for polling, the same for all HAProxies of a session.
#[derive(Debug, Clone)]
pub(crate) struct WatchSettings {
    /// Time between two polls.
    pub(crate) interval: Duration,
    /// Set in read-only mode.
    pub(crate) read_only: bool,
    /// Thresholds of the problem rules.
    pub(crate) thresholds: Thresholds,
    /// Time after which remaining sessions of a drain are announced.
    pub(crate) drain_deadline: Duration,
    /// Memory for the history of each HAProxy, in bytes.
    pub(crate) history_bytes: usize,
    /// Source of timestamps.
    pub(crate) clock: Clock,
}

/// Lines about a HAProxy that were printed at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Introduction {
    /// Nothing yet.
    Nothing,
    /// The present state, while the rules waited for further samples.
    State,
    /// The state and the first verdict.
    Verdict,
}

/// A watched HAProxy.
pub(crate) struct WatchedInstance {
    /// Configured name, or the address if it has no name.
    pub(crate) name: String,
    address: String,
    /// Samples, rates, problems and events.
    pub(crate) instance: Instance,
    /// The announcements so far.
    pub(crate) announcer: Announcer,
    /// Sends the actions.
    pub(crate) operator: Operator,
    /// The first poll succeeded or failed.
    pub(crate) is_polled: bool,
    /// Changes wait to be announced.
    pub(crate) has_changes: bool,
    /// Lines about it that were printed at the start.
    pub(crate) introduction: Introduction,
    poll_result: Arc<LatestSlot<PollResult>>,
    poll_requests: UnboundedSender<SamplerRequest>,
}

impl WatchedInstance {
    /// Starts to poll a HAProxy. `wake` is called when a result has arrived. Must be called inside the I/O runtime.
    pub(crate) fn start(
        target: &Target,
        id: InstanceId,
        settings: &WatchSettings,
        audit: &Arc<AuditWriter>,
        wake: impl Fn() + Send + 'static,
    ) -> Self {
        let &WatchSettings { interval, read_only, drain_deadline, history_bytes, clock, .. } = settings;
        let (limits, address, name) = (ConnectionLimits::default(), target.address.clone(), target.label());
        let source = StatsSocket::new(&address, read_only);
        let mut instance = Instance::new(id, source, history_bytes);
        instance.set_thresholds(settings.thresholds.clone());
        instance.set_drain_deadline(drain_deadline);
        instance.set_actor(audit.actor().person_name());
        let stat_limits = StatLimits { bytes: MemoryPlan::new(history_bytes).sample_limit(), ..StatLimits::default() };
        let sampler = Sampler::new(address.clone(), limits, read_only, clock)
            .with_stat_limits(stat_limits)
            // The first sample should come soon.
            .with_slow_round(2);
        let poll_result = Arc::<LatestSlot<PollResult>>::default();
        let (poll_requests, requests) = unbounded_channel();
        let schedule = PollSchedule::new(interval);
        tokio::spawn(sampler::run(sampler, schedule, Arc::clone(&poll_result), wake, requests));
        let reader = StateReader { address, limits, clock };
        let address = reader.address.to_string();
        let operator = Operator { instance: name.clone(), reader, audit: Arc::clone(audit) };
        let announcer = Announcer::default();
        let (is_polled, has_changes, introduction) = (false, false, Introduction::Nothing);
        Self {
            name,
            address,
            instance,
            announcer,
            operator,
            is_polled,
            has_changes,
            introduction,
            poll_result,
            poll_requests,
        }
    }

    /// Adds the newest poll result to the instance. Returns whether there was one.
    pub(crate) fn receive(&mut self) -> bool {
        match self.poll_result.take_latest() {
            Some((PollResult::Sample(sample), missed)) => {
                self.instance.add_sample(sample, missed);
            }
            Some((PollResult::Failed(failure, at), _)) => self.instance.record_failure(failure, at),
            None => return false,
        }
        (self.is_polled, self.has_changes) = (true, true);
        true
    }

    /// Returns its names.
    pub(crate) fn names(&self) -> InstanceNames<'_> {
        InstanceNames::new(&self.name, &self.address, &self.instance)
    }

    /// Polls as soon as the poll schedule allows.
    pub(crate) fn poll_now(&self) {
        // Cannot fail: the sampler runs as long as this sender exists.
        let _ = self.poll_requests.send(SamplerRequest::PollNow);
    }

    /// Returns what changed since the last call.
    pub(crate) fn announce(&mut self, now: Timestamp) -> Vec<Announcement> {
        let instance = &self.instance;
        let describe = |id| row_reports::view_row(instance, id).map(|row| row_reports::row_line(&row));
        self.announcer.announce(instance, now, describe)
    }

    /// Starts the search for old processes that is due, if any; `found` receives the result.
    pub(crate) fn search_old_processes(&mut self, now: Duration, found: impl FnOnce(OldProcesses) + Send + 'static) {
        let Some(query) = self.instance.start_old_process_search(now) else { return };
        let reader = &self.operator.reader;
        tokio::spawn(find_old_processes(reader.clone(), query, found));
    }
}

async fn find_old_processes(reader: StateReader, query: OldProcessQuery, found: impl FnOnce(OldProcesses)) {
    found(old_process_finder::find(&reader.address, &reader.limits, &query).await);
}
