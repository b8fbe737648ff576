//! Recent actions of this run on one instance: their rows, their progress and the statuses read back.

use std::time::Duration;

use crate::actions::attribution::Attribution;
use crate::actions::drain_tracker::DrainTracker;
use crate::actions::outcome::{ActionReport, Outcome, StepStage};
use crate::actions::row_stages::InFlight;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::write_command::{TargetState, WriteCommand};
use crate::observe::events::{Event, EventKind};
use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Timestamp;

/// Time after an action in which a status change of the target's row counts as an effect of the action.
const OWN_EFFECT_WINDOW: Duration = Duration::from_secs(20);

/// Recent actions on one instance.
#[derive(Debug, Default)]
pub(crate) struct RecentActions {
    /// Rows changed by this run, with the time of the action.
    own_rows: Vec<(RowId, Duration)>,
    /// Statuses that were read back after actions and that no sample has shown yet.
    pub(crate) read_back_statuses: Vec<(RowId, SafeText)>,
    /// Stages of the actions that are in flight or have just finished.
    pub(crate) in_flight: InFlight,
    /// Authors of server states.
    pub(crate) attribution: Attribution,
}

impl RecentActions {
    /// Records the results of an intent, and starts or stops tracking drains. Returns the events to show.
    pub(crate) fn record_report(
        &mut self,
        report: &ActionReport,
        drains: &mut DrainTracker,
        at: Timestamp,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        let mut push_event = |row, kind| events.push(Event { at, row, name: String::new(), kind });
        for result in &report.results {
            let id = result.step.target.id;
            let is_row = id != RowId::PROCESS;
            let is_sent = !matches!(result.outcome, Outcome::NotSent(_) | Outcome::Refused(_));
            if is_row {
                self.own_rows.extend(is_sent.then_some((id, at.monotonic)));
                self.in_flight.set_stage(
                    id,
                    if result.outcome.is_success() { StepStage::Succeeded } else { StepStage::Failed },
                    at.monotonic,
                );
            }
            if let Some(status) = result.after.as_ref().map(|after| &after.status).filter(|status| !status.is_empty()) {
                self.read_back_statuses.retain(|(row, _)| *row != id);
                self.read_back_statuses.push((id, status.clone()));
            }
            if let (WriteCommand::State(admin), true) = (result.step.command, result.outcome.is_success()) {
                match admin {
                    TargetState::Drain => drains.start_drain(id, at.monotonic),
                    TargetState::Ready | TargetState::Maint => drains.remove(id),
                }
            }
            if result.outcome.is_success() {
                self.attribution.record_action(&result.step.target_name(), result.step.command, at.wall);
            }
            let (command, outcome) = (result.command.clone(), result.outcome.to_string());
            let verified = result.outcome.is_success();
            // No name is needed: the command contains the target.
            push_event(Some(id).filter(|_| is_row), EventKind::Action { command, outcome, is_verified: verified });
        }
        for step in report.unattempted_steps() {
            let command = step.command_text().unwrap_or_default();
            let outcome = "not sent: an earlier action failed".to_owned();
            push_event(Some(step.target.id), EventKind::Action { command, outcome, is_verified: false });
        }
        events
    }

    /// Drops actions that are 20 s old or older, which no longer explain a status change.
    pub(crate) fn expire_own_rows(&mut self, now: Timestamp) {
        self.own_rows.retain(|(_, at)| now.elapsed_since(*at) < OWN_EFFECT_WINDOW);
    }

    /// Returns whether this run changed a row within the last 20 s.
    pub(crate) fn has_recent_action(&self, id: RowId) -> bool {
        self.own_rows.iter().any(|(own_row, _)| *own_row == id)
    }
}
