//! The state of one HAProxy instance: latest sample, rates, history, problems, events, actions and link.
//!
//! [`Instance`] is a plain state machine without I/O: samples, failures and action reports are passed to it, and the
//! same input always leads to the same state.
//!
//! During playback, [`Instance::shown`] returns the earlier sample that is shown ([`PastMoment`]), and methods such as
//! [`Instance::rates`] and [`Instance::problems`] return the values at that time. Samples, events, drains, actions and
//! the link continue to be updated.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::actions::drain_tracker::{DrainEvent, DrainTracker};
use crate::actions::intent::ActionTarget;
use crate::actions::last_checks::LastChecks;
use crate::actions::recent_actions::RecentActions;
use crate::actions::reload_loss::{self, ReloadLoss};
use crate::haproxy::level::Level;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::status::RowState;
use crate::history::memory_plan::MemoryPlan;
use crate::history::quiet_search;
use crate::history::rates::RateWindow;
use crate::history::store::{DEFAULT_BUDGET, History};
use crate::instance::comparison::Comparisons;
use crate::instance::merged_rows::MergedRows;
use crate::instance::old_process_watch::OldProcessWatch;
use crate::instance::past_moment::{PastMoment, PlaybackStep};
use crate::instance::source::{Source, StatsSocket};
use crate::observe::changes::{self, FieldChange};
use crate::observe::events::{Event, EventKind, EventLog, EventsUntil, display_name};
use crate::observe::failover::Failover;
use crate::observe::instance_id::InstanceId;
use crate::observe::link::{Link, PollFailure};
use crate::observe::poll_stats::PollStats;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::state_cause::StateCause;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::CauseEvent;
use crate::problems::cause_log::CauseSpan;
use crate::problems::forecast::Forecasts;
use crate::problems::problem_log::ProblemLog;
use crate::problems::thresholds::Thresholds;
use crate::problems::tracker::ProblemTracker;
use crate::problems::transitions;

/// Number of rows from which work on a sample is deferred and divided.
const MANY_ROWS: usize = 20_000;
/// Number of rows of one part of deferred work.
const SLICE_ROWS: usize = 10_000;

/// Maximum number of runtime states lost by a reload that are offered to be restored.
const MAX_RELOAD_LOSSES: usize = 1000;

/// Everything that is known about one instance. Every [`RowId`] that its methods take or return is a row of this
/// instance.
#[derive(Debug)]
pub struct Instance {
    id: InstanceId,
    source: Box<dyn Source>,
    pub(super) rates: RateWindow,
    memory_plan: MemoryPlan,
    pub(super) history: History,
    /// The newest sample, until its problems are evaluated.
    unevaluated_sample: Option<Arc<Sample>>,
    /// The newest sample, until it is being stored in the history.
    unstored_sample: Option<Arc<Sample>>,
    pub(super) events: EventLog,
    pub(super) problems: ProblemTracker,
    /// Changes to the causes by the sample that was evaluated last.
    pub(super) cause_changes: Vec<CauseEvent>,
    pub(super) forecasts: Forecasts,
    /// Problems of the past, with the times at which they opened and closed.
    pub(super) problem_log: ProblemLog,
    /// The earlier sample that is shown, if any.
    pub(super) past_moment: Option<PastMoment>,
    /// The marked moment, with which the sample shown is compared.
    pub(super) marked_moment: Option<Arc<Sample>>,
    pub(super) comparisons: Comparisons,
    pub(super) link: Link,
    pub(super) poll_stats: PollStats,
    pub(super) recent_actions: RecentActions,
    pub(super) last_checks: LastChecks,
    pub(super) draining: DrainTracker,
    pub(super) old_processes: OldProcessWatch,
    /// Runtime states that the last reload lost and that are not restored yet.
    pub(super) reload_losses: Vec<ReloadLoss>,
    /// The last failover by which the balancer lost its address.
    pub(super) failover: Option<Failover>,
    /// Addresses that this balancer and another one own at the same time.
    pub(super) address_conflicts: Vec<IpAddr>,
    /// The rows of several balancers that are shown instead of those of a HAProxy.
    pub(super) merged_rows: Option<MergedRows>,
}

impl Default for Instance {
    fn default() -> Self {
        Self::new(InstanceId::FIRST, StatsSocket::default(), DEFAULT_BUDGET)
    }
}

impl Instance {
    /// Creates an instance without samples, whose history takes at most `budget` bytes.
    pub fn new(id: InstanceId, source: impl Source + 'static, budget: usize) -> Self {
        Self {
            id,
            source: Box::new(source),
            rates: RateWindow::default(),
            memory_plan: MemoryPlan::new(budget),
            history: History::new(budget),
            unevaluated_sample: None,
            unstored_sample: None,
            events: EventLog::default(),
            problems: ProblemTracker::default(),
            cause_changes: Vec::new(),
            forecasts: Forecasts::default(),
            problem_log: ProblemLog::default(),
            past_moment: None,
            marked_moment: None,
            comparisons: Comparisons::default(),
            link: Link::default(),
            poll_stats: PollStats::default(),
            recent_actions: RecentActions::default(),
            last_checks: LastChecks::default(),
            draining: DrainTracker::default(),
            old_processes: OldProcessWatch::default(),
            reload_losses: Vec::new(),
            failover: None,
            address_conflicts: Vec::new(),
            merged_rows: None,
        }
    }

    /// Sets the identity of the instance in this program.
    pub(crate) fn set_id(&mut self, id: InstanceId) {
        self.id = id;
    }

    /// Returns the identity of the instance in this program.
    pub(crate) fn id(&self) -> InstanceId {
        self.id
    }

    /// Returns the source of the samples.
    pub fn source(&self) -> &dyn Source {
        self.source.as_ref()
    }

    /// Returns the level of the stats socket, if known.
    pub(crate) fn level(&self) -> Option<Level> {
        self.latest()?.level
    }

    /// Adds a sample, and returns the events of the drains that hapulse follows.
    ///
    /// `missed` is the number of samples that were skipped before this one.
    pub fn add_sample(&mut self, sample: Arc<Sample>, missed: u64) -> Vec<DrainEvent> {
        let events = self.add_sample_deferred(sample, missed);
        self.finish_deferred();
        events
    }

    /// Adds a sample like [`Self::add_sample`], but leaves work for [`Self::continue_deferred`]: of the first sample, to
    /// store it in the history, so that the first frame does not wait; of a sample with very many rows, also to evaluate
    /// the problems, so that keys do not wait. The next sample completes this work first.
    pub(crate) fn add_sample_deferred(&mut self, sample: Arc<Sample>, missed: u64) -> Vec<DrainEvent> {
        self.finish_deferred();
        let _ = self.failover.is_some_and(|failover| sample.details.failover.set(failover).is_ok());
        if !self.address_conflicts.is_empty() {
            let _ = sample.details.address_conflicts.set(self.address_conflicts.clone());
        }
        self.poll_stats.record_sample(&sample, missed);
        let old_link = std::mem::replace(&mut self.link, Link::Up);
        let link_lost_for = match old_link {
            Link::Lost { since, .. } if self.latest().is_some() => Some(sample.at.elapsed_since(since)),
            _ => None,
        };
        if let Some(before) = self.latest().map(Arc::clone) {
            self.recent_actions.expire_own_commands(sample.at);
            let explain = |id, change: FieldChange<'_>| self.recent_actions.explain_change(id, change);
            let diff = changes::diff_samples(&before, &sample, link_lost_for, explain);
            for event in diff.events {
                self.recent_actions.attribution.record_change(&event);
                self.last_checks.record_change(&event, &before);
                event.row.map(|row| self.recent_actions.read_back_admin_states.remove(&row));
                // A flapping server has one event with a count.
                let is_check = matches!(event.kind, EventKind::Status { cause: StateCause::Check, .. });
                if !(is_check && event.row.is_some_and(|row| self.problems.is_flapping(row))) {
                    self.events.push(event);
                }
            }
            for id in diff.unlisted {
                self.forget_changed_row(id, &before, &sample);
            }
            self.last_checks.forget_missing(&sample);
            if before.epoch != sample.epoch && !sample.is_turn_after(&before) {
                self.recent_actions.read_back_admin_states.clear();
                self.old_processes.record_new_process(before.epoch.pid, self.is_following());
                self.find_reload_losses(&before, &sample);
            }
        }
        self.recent_actions.read_back_statuses.clear();
        self.unevaluated_sample = Some(Arc::clone(&sample));
        self.unstored_sample = Some(Arc::clone(&sample));
        let is_first = old_link == Link::Connecting;
        let newest = Arc::clone(&sample);
        self.rates.push(sample);
        self.rates.limit_memory(self.memory_plan.window_limit());
        if newest.rows.ids().len() < MANY_ROWS {
            self.evaluate_problems();
            if !is_first {
                self.finish_deferred();
            }
        }
        self.reload_losses.retain(|loss| !loss.is_restored(&newest));
        let drain_events = self.draining.update(&newest, self.old_processes.known(newest.epoch.pid));
        if !self.is_following() {
            self.old_processes.forget_earlier_processes();
        }
        for event in &drain_events {
            self.push_drain_event(&newest, *event);
        }
        drain_events
    }

    /// Records the runtime states that the new process does not have, and adds their events.
    fn find_reload_losses(&mut self, before: &Sample, sample: &Sample) {
        let mut losses = reload_loss::find_losses(before, sample);
        let more = losses.len().saturating_sub(MAX_RELOAD_LOSSES);
        losses.truncate(MAX_RELOAD_LOSSES);
        for loss in &losses {
            let name = sample.row(loss.id).map(|row| display_name(row.kind, &row.proxy, &row.name));
            let kind = EventKind::LostByReload(loss.label());
            self.push_event(sample.at, Some(loss.id), name.unwrap_or_default(), kind);
        }
        if more > 0 {
            self.push_event(sample.at, None, String::new(), EventKind::MoreChanges(more));
        }
        self.reload_losses = losses;
    }

    /// Forgets what was known about the state of a row that changed without an event.
    fn forget_changed_row(&mut self, id: RowId, before: &Sample, sample: &Sample) {
        self.recent_actions.read_back_admin_states.remove(&id);
        if let (Some(old), Some(new)) = (before.row(id), sample.row(id)) {
            self.recent_actions.attribution.forget_change(new);
            self.last_checks.record_status(id, old.status(), new.status(), before);
        }
    }

    fn evaluate_problems(&mut self) {
        let Some(sample) = self.unevaluated_sample.take() else { return };
        self.forecasts = Forecasts::from_sample(&sample, &self.history);
        quiet_search::update(&mut self.rates, &self.history);
        let changes = self.problems.evaluate(&sample, &self.rates, &self.forecasts);
        self.problem_log.record(&changes, sample.at.monotonic);
        for cause in transitions::updated_causes(&changes.causes) {
            self.events.update_cause(cause.subject.id, transitions::event_kind(true, cause));
        }
        for event in transitions::cause_events(&changes.causes, sample.at) {
            self.events.push(event);
        }
        self.cause_changes = changes.causes;
    }

    /// Returns whether the problems are those of the newest sample.
    pub(crate) fn is_evaluated(&self) -> bool {
        self.unevaluated_sample.is_none()
    }

    /// Returns whether work on the newest sample was deferred.
    pub(crate) fn has_deferred(&self) -> bool {
        self.unevaluated_sample.is_some() || self.unstored_sample.is_some() || self.history.is_pushing()
    }

    /// Does a part of the deferred work, of [`SLICE_ROWS`] rows where the work can be divided. Keys wait for a part at
    /// most.
    pub(crate) fn continue_deferred(&mut self) {
        if self.unevaluated_sample.is_some() {
            self.evaluate_problems();
        } else if let Some(sample) = self.unstored_sample.take() {
            let used = self.rates.memory() + self.problems.memory() + self.problem_log.memory();
            self.history.set_limit(self.memory_plan.history_limit(used, &sample));
            self.history.start_push(&sample);
        } else {
            self.history.continue_push(SLICE_ROWS);
        }
    }

    /// Does all deferred work.
    pub(crate) fn finish_deferred(&mut self) {
        while self.has_deferred() {
            self.continue_deferred();
        }
    }

    /// Replaces the thresholds. What is open ends, and opens again if it passes the new ones; the past stays.
    pub(crate) fn set_thresholds(&mut self, thresholds: Thresholds) {
        self.problems = ProblemTracker::new(thresholds);
        let now = self.latest().map_or(Duration::ZERO, |sample| sample.at.monotonic);
        self.problem_log.end_open(now);
    }

    /// Records a failed poll; the link then counts as lost.
    pub fn record_failure(&mut self, failure: PollFailure, at: Timestamp) {
        self.poll_stats.record_failure();
        let since = match &self.link {
            Link::Lost { since, .. } => *since,
            link => {
                if *link == Link::Up {
                    self.push_event(at, None, String::new(), EventKind::LinkLost(failure.reason.clone()));
                } else {
                    self.restore_recorded_end();
                }
                self.latest().map_or(at.monotonic, |sample| sample.at.monotonic)
            }
        };
        self.link = Link::Lost { since, failure, failed_at: at };
    }

    /// Returns the sample that is shown: the earlier sample during playback, else the latest.
    pub fn shown(&self) -> Option<&Arc<Sample>> {
        self.past_moment.as_ref().map(PastMoment::sample).or_else(|| self.latest())
    }

    /// Returns the latest sample, also during playback.
    pub(crate) fn latest(&self) -> Option<&Arc<Sample>> {
        self.rates.newest()
    }

    /// Returns the last known status of a row, from the readback of an action or else from the latest sample. Returns
    /// `None` if the row is in neither.
    pub fn last_status(&self, id: RowId) -> Option<SafeText> {
        let read_back = self.recent_actions.read_back_statuses.iter().find(|(known, _)| *known == id);
        read_back.map(|(_, status)| status.clone()).or_else(|| Some(SafeText::from(self.latest()?.row(id)?.status())))
    }

    /// Returns a row as the target of an action, in its last known state. Returns `None` if the latest sample does not
    /// contain the row.
    pub fn target(&self, id: RowId) -> Option<ActionTarget> {
        let mut target = ActionTarget::from_row(self.latest()?, id)?;
        target.seen_status = self.last_status(id)?;
        if matches!(RowState::parse(target.seen_status.as_str()), RowState::Down | RowState::ComingUp) {
            // This status hides a drain.
            target.identity.admin = self.recent_actions.read_back_admin_states.get(&id).copied();
        }
        Some(target)
    }

    /// Returns the rates at the time of the sample shown.
    pub fn rates(&self) -> &RateWindow {
        self.past_moment.as_ref().map_or(&self.rates, PastMoment::rates)
    }

    /// Returns the stored samples.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Returns the events up to the time of the sample shown.
    pub fn events(&self) -> EventsUntil<'_> {
        self.events.until(self.past_moment.as_ref().map_or(Duration::MAX, |past| past.sample().at.monotonic))
    }

    /// Returns all events, also during playback.
    pub fn all_events(&self) -> &EventLog {
        &self.events
    }

    /// Returns the problems at the time of the sample shown.
    pub fn problems(&self) -> &ProblemTracker {
        self.past_moment.as_ref().map_or(&self.problems, PastMoment::problems)
    }

    /// Returns the spans of time in which causes were open, also during playback.
    pub(crate) fn cause_spans(&self) -> impl Iterator<Item = CauseSpan<'_>> {
        self.problem_log.cause_spans()
    }

    /// Returns the forecasts at the time of the sample shown.
    pub(crate) fn forecasts(&self) -> &Forecasts {
        self.past_moment.as_ref().map_or(&self.forecasts, PastMoment::forecasts)
    }

    /// Returns the earlier sample that is shown, or `None` if the latest sample is shown.
    pub fn past_moment(&self) -> Option<&PastMoment> {
        self.past_moment.as_ref()
    }

    /// Returns the monotonic time of the earlier sample that is shown, or `now` if the latest sample is shown.
    pub(crate) fn shown_time(&self, now: Duration) -> Duration {
        self.past_moment.as_ref().map_or(now, |past| past.sample().at.monotonic)
    }

    /// Moves by a step of playback from the sample shown. Returns whether another sample is shown now.
    pub fn show_moment(&mut self, step: PlaybackStep) -> bool {
        self.finish_deferred();
        let Some(from) = self.shown().map(|sample| sample.seq) else { return false };
        let seq = self.shown().and_then(|sample| PastMoment::target_seq(step, sample, &self.history));
        let is_new = self.past_moment.is_none() || seq.is_some_and(|seq| seq != from);
        let thresholds = self.problems.thresholds();
        let load = |seq| PastMoment::load(seq, &self.history, &self.problem_log, thresholds, self.past_moment.as_ref());
        match seq.filter(|_| is_new).and_then(load) {
            Some(past) => {
                self.past_moment = Some(past);
                from != seq.unwrap_or(from)
            }
            None => false,
        }
    }

    /// Shows the oldest stored sample if the history no longer has the sample shown. Returns whether that was the case.
    pub(crate) fn leave_forgotten_moment(&mut self) -> bool {
        let oldest = self.history.oldest().map(|oldest| oldest.seq);
        let is_forgotten =
            self.past_moment.as_ref().zip(oldest).is_some_and(|(past, oldest)| past.sample().seq < oldest);
        is_forgotten && self.show_moment(PlaybackStep::Oldest)
    }

    /// Ends playback: shows the latest sample again.
    pub(crate) fn show_latest(&mut self) {
        self.past_moment = None;
    }

    /// Returns whether a poll has succeeded or failed.
    pub(crate) fn has_polled(&self) -> bool {
        self.link != Link::Connecting
    }

    /// Returns the state of the link to HAProxy.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Returns the statistics of the polls.
    pub(crate) fn poll_stats(&self) -> &PollStats {
        &self.poll_stats
    }

    pub(super) fn push_event(&mut self, at: Timestamp, row: Option<RowId>, name: String, what: EventKind) {
        self.events.push(Event::new(at, row, name, what));
    }
}
