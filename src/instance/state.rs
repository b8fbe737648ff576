//! The state of one HAProxy instance: latest sample, rates, history, problems, events, actions and link.
//!
//! [`Instance`] is a plain state machine without I/O: samples, failures and action reports are passed to it, and the
//! same input always leads to the same state.
//!
//! During playback, [`Instance::shown`] returns the earlier sample that is shown ([`PastMoment`]), and methods such as
//! [`Instance::rates`] and [`Instance::problems`] return the values at that time. Samples, events, drains, actions and
//! the link continue to be updated.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::actions::audit::audit_index::AuditIndex;
use crate::actions::drain_tracker::{DrainEvent, DrainProgress, DrainTracker};
use crate::actions::intent::ActionTarget;
use crate::actions::last_checks::LastChecks;
use crate::actions::outcome::{ActionReport, StepStage};
use crate::actions::readback::Readback;
use crate::actions::recent_actions::RecentActions;
use crate::actions::reload_loss::{self, ReloadLoss};
use crate::haproxy::level::Level;
use crate::haproxy::safe_text::SafeText;
use crate::history::rates::RateWindow;
use crate::history::store::{DEFAULT_BUDGET, History};
use crate::instance::access::Access;
use crate::instance::old_process_watch::OldProcessWatch;
use crate::instance::past_moment::{PastMoment, PlaybackStep};
use crate::observe::changes;
use crate::observe::events::{Event, EventKind, EventLog, EventsUntil, display_name};
use crate::observe::instance_id::InstanceId;
use crate::observe::link::{Link, PollFailure};
use crate::observe::old_process_finder::OldProcessQuery;
use crate::observe::old_processes::OldProcesses;
use crate::observe::poll_stats::PollStats;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::state_cause::{self, StateCause};
use crate::observe::timestamp::Timestamp;
use crate::problems::problem_log::ProblemLog;
use crate::problems::thresholds::Thresholds;
use crate::problems::tracker::ProblemTracker;
use crate::problems::transitions;

/// Everything that is known about one instance. Every [`RowId`] that its methods take or return is a row of this
/// instance.
#[derive(Debug)]
pub struct Instance {
    id: InstanceId,
    access: Access,
    rates: RateWindow,
    history: History,
    /// The first sample, until it is stored in the history.
    unstored_sample: Option<Arc<Sample>>,
    events: EventLog,
    problems: ProblemTracker,
    /// Problems of the past, with the times at which they opened and closed.
    problem_log: ProblemLog,
    /// The earlier sample that is shown, if any.
    past_moment: Option<PastMoment>,
    /// The marked moment, with which the sample shown is compared.
    marked_moment: Option<Arc<Sample>>,
    link: Link,
    poll_stats: PollStats,
    recent_actions: RecentActions,
    last_checks: LastChecks,
    draining: DrainTracker,
    old_processes: OldProcessWatch,
    /// Runtime states that the last reload lost and that are not restored yet.
    reload_losses: Vec<ReloadLoss>,
}

impl Default for Instance {
    fn default() -> Self {
        Self::new(InstanceId::FIRST, Access::default(), DEFAULT_BUDGET)
    }
}

impl Instance {
    /// Creates an instance without samples, whose history takes at most `budget` bytes.
    pub fn new(id: InstanceId, access: Access, budget: usize) -> Self {
        Self {
            id,
            access,
            rates: RateWindow::default(),
            history: History::new(budget),
            unstored_sample: None,
            events: EventLog::default(),
            problems: ProblemTracker::default(),
            problem_log: ProblemLog::default(),
            past_moment: None,
            marked_moment: None,
            link: Link::default(),
            poll_stats: PollStats::default(),
            recent_actions: RecentActions::default(),
            last_checks: LastChecks::default(),
            draining: DrainTracker::default(),
            old_processes: OldProcessWatch::default(),
            reload_losses: Vec::new(),
        }
    }

    /// Returns the identity of the instance in this program.
    pub(crate) fn id(&self) -> InstanceId {
        self.id
    }

    /// Returns how hapulse may use the stats socket.
    pub fn access(&self) -> Access {
        self.access
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

    /// Adds a sample like [`Self::add_sample`], but stores the first sample in the history only when
    /// [`Self::finish_deferred`] is called or another sample is added, so that the first frame does not wait.
    pub(crate) fn add_sample_deferred(&mut self, sample: Arc<Sample>, missed: u64) -> Vec<DrainEvent> {
        self.poll_stats.record_sample(&sample, missed);
        let old_link = std::mem::replace(&mut self.link, Link::Up);
        let link_lost_for = match old_link {
            Link::Lost { since, .. } if self.latest().is_some() => Some(sample.at.elapsed_since(since)),
            _ => None,
        };
        if let Some(before) = self.latest().map(Arc::clone) {
            self.recent_actions.expire_own_commands(sample.at);
            let explain =
                |id, from: &str, to: &str| self.recent_actions.explain_change(id, from, to, sample.at.monotonic);
            for event in changes::diff_samples(&before, &sample, link_lost_for, explain) {
                self.recent_actions.attribution.record_change(&event);
                self.last_checks.record_change(&event, &before);
                self.events.push(event);
            }
            if before.epoch != sample.epoch {
                self.old_processes.record_new_process(before.epoch.pid, self.is_following());
                self.reload_losses = reload_loss::find_losses(&before, &sample);
                for loss in self.reload_losses.clone() {
                    let name = sample.row(loss.id).map(|row| display_name(row.kind, &row.proxy, &row.name));
                    self.push_event(
                        sample.at,
                        Some(loss.id),
                        name.unwrap_or_default(),
                        EventKind::LostByReload(loss.label()),
                    );
                }
            }
        }
        self.recent_actions.read_back_statuses.clear();
        self.finish_deferred();
        if self.latest().is_none() {
            self.unstored_sample = Some(Arc::clone(&sample));
        } else {
            self.history.push(&sample);
        }
        let newest = Arc::clone(&sample);
        self.rates.push(sample);
        let changes = self.problems.evaluate(&newest, &self.rates);
        self.problem_log.record(&changes, newest.at.monotonic);
        for event in transitions::problem_events(&changes, newest.at) {
            self.events.push(event);
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

    /// Returns whether the first sample has not been stored in the history yet.
    pub(crate) fn has_deferred(&self) -> bool {
        self.unstored_sample.is_some()
    }

    /// Stores the first sample in the history if that was deferred.
    pub(crate) fn finish_deferred(&mut self) {
        if let Some(sample) = self.unstored_sample.take() {
            self.history.push(&sample);
        }
    }

    /// Adds an event for a drained server that has no sessions left, or that has sessions left after the deadline.
    fn push_drain_event(&mut self, sample: &Sample, event: DrainEvent) {
        let (id, is_empty) = match event {
            DrainEvent::Empty(id) => (id, true),
            DrainEvent::Overdue(id) => (id, false),
        };
        let Some(row) = sample.row(id) else { return };
        let progress = self.draining.progress(id);
        let (sessions, reason) = progress.map_or((0, None), DrainProgress::remaining);
        let what = EventKind::DrainResult { is_empty, sessions, reason: reason.unwrap_or_default() };
        self.push_event(sample.at, Some(id), display_name(row.kind, &row.proxy, &row.name), what);
    }

    /// Replaces the thresholds, and discards all open and past problems.
    pub(crate) fn set_thresholds(&mut self, thresholds: Thresholds) {
        self.problems = ProblemTracker::new(thresholds);
        self.problem_log = ProblemLog::default();
    }

    /// Records a failed poll; the link then counts as lost.
    pub fn record_failure(&mut self, failure: PollFailure, at: Timestamp) {
        self.poll_stats.record_failure();
        let since = match &self.link {
            Link::Lost { since, .. } => *since,
            Link::Connecting => at.monotonic,
            Link::Up => {
                self.push_event(at, None, String::new(), EventKind::LinkLost(failure.reason.clone()));
                self.latest().map_or(at.monotonic, |sample| sample.at.monotonic)
            }
        };
        self.link = Link::Lost { since, failure };
    }

    /// Records the progress of an action that is in flight.
    pub(crate) fn record_progress(&mut self, row: RowId, stage: StepStage, now: Duration) {
        self.recent_actions.in_flight.set_stage(row, stage, now);
    }

    /// Records the outcome of actions, and adds their events.
    pub fn record_report(&mut self, report: &ActionReport, at: Timestamp) {
        for event in self.recent_actions.record_report(report, &mut self.draining, at) {
            self.events.push(event);
        }
    }

    /// Returns the stage of the newest action on a row, or `None` if there is no recent action.
    pub(crate) fn action_stage(&self, id: RowId, now: Duration) -> Option<StepStage> {
        self.recent_actions.in_flight.stage(id, now)
    }

    /// Sets the name of the person who uses this program.
    pub(crate) fn set_actor(&mut self, who: SafeText) {
        self.recent_actions.attribution.set_actor(who);
    }

    /// Loads from the audit log who ordered which server state of the HAProxy at `address`.
    ///
    /// Actions whose outcome was not recorded become events.
    pub(crate) fn load_audit_index(&mut self, index: &AuditIndex, address: &str, at: Timestamp) {
        self.recent_actions.attribution.merge_audit_entries(index.changes_by_server(address));
        for unfinished in index.unfinished(address) {
            let (command, actor) = (unfinished.command.to_string(), unfinished.entry.author.to_string());
            self.push_event(
                at,
                None,
                String::new(),
                EventKind::UnfinishedAction { command, actor, at: unfinished.entry.at },
            );
        }
    }

    /// Returns who ordered the state of a server, if that is known.
    pub fn attributed_to(&self, id: RowId) -> Option<String> {
        self.recent_actions.attribution.author_of(self.shown()?, id)
    }

    /// Returns what changed a server that this run did not change: the cause of its last change, if that was observed.
    pub(crate) fn last_changer(&self, id: RowId) -> StateCause {
        let is_foreign =
            |cause: &&StateCause| !matches!(cause, StateCause::Us | StateCause::NewProcess | StateCause::Check);
        let mut causes =
            self.events.newest_first().filter(|event| event.row == Some(id)).filter_map(|event| match &event.kind {
                EventKind::Status { cause, .. } => Some(cause),
                _ => None,
            });
        let has_agent = self.latest().and_then(|sample| sample.row(id)).is_some_and(state_cause::has_agent);
        let unknown = if has_agent { StateCause::AgentOrOperator } else { StateCause::Operator };
        causes.next().filter(is_foreign).cloned().unwrap_or(unknown)
    }

    /// Records what the readback of a server shows about its last health check.
    pub(crate) fn record_readback(&mut self, id: RowId, readback: &Readback) {
        self.last_checks.record_readback(id, readback);
    }

    /// Returns the last check results of the servers in maintenance.
    pub(crate) fn last_checks(&self) -> &LastChecks {
        &self.last_checks
    }

    /// Returns the draining servers; empty during playback.
    pub fn draining(&self) -> &DrainTracker {
        self.past_moment.as_ref().map_or(&self.draining, PastMoment::draining)
    }

    /// Tracks a server that is already draining as if the drain was ordered now.
    pub(crate) fn follow_drain(&mut self, id: RowId, now: Duration) {
        self.draining.start_drain(id, now);
    }

    /// Also watches the sessions that old processes hold on these servers, which need not be draining.
    pub(crate) fn follow_servers(&mut self, servers: Vec<RowId>) {
        self.old_processes.followed = servers;
    }

    fn is_following(&self) -> bool {
        !self.old_processes.followed.is_empty() || self.draining.ids().next().is_some()
    }

    /// Returns the search for old processes that is due, and records that it begins; `None` if none is due.
    pub(crate) fn start_old_process_search(&mut self, now: Duration) -> Option<OldProcessQuery> {
        let sample = Arc::clone(self.latest()?);
        if !self.is_following() {
            return None;
        }
        let earlier_pids = self.old_processes.start_search(sample.epoch.pid, now)?;
        let servers = self.draining.ids().chain(self.old_processes.followed.iter().copied());
        let backends: BTreeSet<SafeText> =
            servers.filter_map(|id| sample.row(id).map(|row| row.proxy.clone())).collect();
        let backend = backends.first().filter(|_| backends.len() == 1).cloned();
        Some(OldProcessQuery { pid: sample.epoch.pid, earlier_pids, backend })
    }

    /// Makes a search for old processes due, however recent the last one is.
    pub(crate) fn request_old_process_search(&mut self) {
        self.old_processes.request_search();
    }

    /// Stores the result of a search for old processes.
    pub fn finish_old_process_search(&mut self, found: OldProcesses) {
        self.poll_stats.record_old_process_search(found.requests, found.cost);
        self.old_processes.finish_search(found);
        if let Some(sample) = self.rates.newest() {
            self.draining.update_old_sessions(sample, self.old_processes.known(sample.epoch.pid));
        }
    }

    /// Returns the old processes of the process that replies; `None` if they are unknown.
    pub(crate) fn old_processes(&self) -> Option<&OldProcesses> {
        self.old_processes.known(self.latest()?.epoch.pid)
    }

    /// Sets the time after which a drain with remaining sessions is overdue.
    pub(crate) fn set_drain_deadline(&mut self, deadline: Duration) {
        self.draining.set_deadline(deadline);
    }

    /// Returns the runtime states that the last reload lost and that are not restored; empty during playback.
    pub fn reload_losses(&self) -> &[ReloadLoss] {
        if self.past_moment.is_some() { &[] } else { &self.reload_losses }
    }

    /// Returns the runtime states that the last reload lost and that are not restored, also during playback.
    pub(crate) fn all_reload_losses(&self) -> &[ReloadLoss] {
        &self.reload_losses
    }

    /// Forgets the runtime states that the last reload lost.
    pub(crate) fn dismiss_reload_losses(&mut self) {
        self.reload_losses.clear();
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
        let target = ActionTarget::from_row(self.latest()?, id)?;
        Some(ActionTarget { seen_status: self.last_status(id)?, ..target })
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
        let oldest = self.history.headers().next().map(|mark| mark.seq);
        let is_forgotten =
            self.past_moment.as_ref().zip(oldest).is_some_and(|(past, oldest)| past.sample().seq < oldest);
        is_forgotten && self.show_moment(PlaybackStep::Oldest)
    }

    /// Ends playback: shows the latest sample again.
    pub(crate) fn show_latest(&mut self) {
        self.past_moment = None;
    }

    /// Returns the marked moment, if any.
    pub(crate) fn marked_moment(&self) -> Option<&Arc<Sample>> {
        self.marked_moment.as_ref()
    }

    /// Marks the sample shown, and returns the sample that was marked before, if any.
    pub(crate) fn mark_shown_moment(&mut self) -> Option<Arc<Sample>> {
        let shown = self.shown().map(Arc::clone);
        std::mem::replace(&mut self.marked_moment, shown)
    }

    /// Clears the marked moment, and returns the sample that was marked, if any.
    pub(crate) fn clear_marked_moment(&mut self) -> Option<Arc<Sample>> {
        self.marked_moment.take()
    }

    /// Returns the state of the link to HAProxy.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Returns the statistics of the polls.
    pub(crate) fn poll_stats(&self) -> &PollStats {
        &self.poll_stats
    }

    fn push_event(&mut self, at: Timestamp, row: Option<RowId>, name: String, what: EventKind) {
        self.events.push(Event { at, row, name, kind: what });
    }
}
