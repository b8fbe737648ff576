//! The part of an instance that concerns actions: their progress and results, who or what changed servers, drains, the
//! sessions of old processes, and the states that a reload lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::actions::audit::audit_index::AuditIndex;
use crate::actions::drain_tracker::{DrainEvent, DrainProgress, DrainTracker};
use crate::actions::last_checks::LastChecks;
use crate::actions::outcome::{ActionReport, StepProgress, StepStage};
use crate::actions::readback::Readback;
use crate::actions::reload_loss::ReloadLoss;
use crate::haproxy::safe_text::SafeText;
use crate::instance::past_moment::PastMoment;
use crate::instance::state::Instance;
use crate::observe::events::{EventKind, display_name};
use crate::observe::old_process_finder::OldProcessQuery;
use crate::observe::old_processes::OldProcesses;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::state_cause::{self, StateCause};
use crate::observe::timestamp::Timestamp;

impl Instance {
    /// Records the progress of an action that is in flight.
    pub(crate) fn record_progress(&mut self, progress: StepProgress, now: Duration) {
        self.recent_actions.record_progress(progress.row.row, progress.command, progress.stage, now);
    }

    /// Records the outcome of actions, and adds their events.
    pub fn record_report(&mut self, report: &ActionReport, at: Timestamp) {
        for event in self.recent_actions.record_report(report, &mut self.draining, at) {
            self.events.push(event);
        }
    }

    /// Adds an event for a drained server that has no sessions left, or that has sessions left after the deadline.
    pub(super) fn push_drain_event(&mut self, sample: &Sample, event: DrainEvent) {
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

    pub(super) fn is_following(&self) -> bool {
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
}
