//! Recent actions of this run on one instance: their rows, their progress and the statuses read back.

use std::collections::HashMap;
use std::time::Duration;

use crate::actions::attribution::Attribution;
use crate::actions::drain_tracker::DrainTracker;
use crate::actions::outcome::{ActionReport, Outcome, StepStage};
use crate::actions::row_stages::InFlight;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state::AdminState;
use crate::haproxy::status::RowState;
use crate::haproxy::write_command::{ForcedHealth, TargetState, TargetWeight, WriteCommand};
use crate::observe::changes::FieldChange;
use crate::observe::events::{Event, EventKind};
use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Timestamp;

/// Time after an action in which a matching status change of the target's row counts as an effect of the action.
const OWN_EFFECT_WINDOW: Duration = Duration::from_secs(20);

/// Recent actions on one instance.
#[derive(Debug, Default)]
pub(crate) struct RecentActions {
    /// Commands that this run sent to rows, with the time of the action.
    own_commands: Vec<(RowId, WriteCommand, Duration)>,
    /// Statuses that were read back after actions and that no sample has shown yet.
    pub(crate) read_back_statuses: Vec<(RowId, SafeText)>,
    /// Administrative states that were read back after actions in this process. A status such as `DOWN` hides them.
    pub(crate) read_back_admin_states: HashMap<RowId, AdminState>,
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
            let is_sent = !matches!(
                result.outcome,
                Outcome::NotSent(_) | Outcome::Refused(_) | Outcome::Changed(_) | Outcome::Ended
            );
            if is_row {
                self.own_commands.extend(is_sent.then_some((id, result.step.command, at.monotonic)));
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
            let server_state = result.after.as_ref().and_then(|after| after.server_state.as_ref());
            self.read_back_admin_states.extend(server_state.map(|state| (id, state.admin)));
            if let (WriteCommand::State(admin), true) = (result.step.command, result.outcome.is_success()) {
                match admin {
                    TargetState::Drain => drains.start_drain(id, at.monotonic),
                    TargetState::Ready | TargetState::Maint => drains.remove(id),
                }
            }
            if result.outcome.is_success() {
                self.attribution.record_action(&result.step.target_name(), result.step.command, at.wall);
            }
            let (command, outcome) = (result.step.logged_command(), result.outcome.to_string());
            let verified = result.outcome.is_success();
            // No name is needed: the command contains the target.
            push_event(Some(id).filter(|_| is_row), EventKind::Action { command, outcome, is_verified: verified });
        }
        for step in report.unattempted_steps() {
            let command = step.logged_command();
            let outcome = "not sent: an earlier action failed".to_owned();
            push_event(Some(step.target.id), EventKind::Action { command, outcome, is_verified: false });
        }
        events
    }

    /// Drops actions that are 20 s old or older, which no longer explain a status change.
    pub(crate) fn expire_own_commands(&mut self, now: Timestamp) {
        self.own_commands.retain(|(_, _, at)| now.elapsed_since(*at) < OWN_EFFECT_WINDOW);
    }

    /// Returns whether an action of this run within the last 20 s, or one that is in flight, explains a status change.
    /// An action explains one change of the status; a later one has another cause. Weights and limits must be the ordered
    /// ones.
    pub(crate) fn explain_change(&mut self, id: RowId, change: FieldChange<'_>, now: Duration) -> bool {
        let of_row = |(row, command, _): &(RowId, WriteCommand, Duration)| (*row == id).then_some(*command);
        let mut commands = self.own_commands.iter().filter_map(of_row);
        let explained = match change {
            FieldChange::Weight(to) => commands.any(|command| match command {
                WriteCommand::Weight(TargetWeight::Absolute(weight)) => i64::from(weight) == to,
                WriteCommand::Weight(TargetWeight::Percent(_)) => true,
                _ => false,
            }),
            FieldChange::Limit(to) => commands.any(|command| match command {
                WriteCommand::ServerMaxconn(limit) | WriteCommand::FrontendMaxconn(limit) => i64::from(limit) == to,
                _ => false,
            }),
            FieldChange::Status { from, to } => {
                let (from, to) = (RowState::parse(from), RowState::parse(to));
                let has_effect = |own: &_| of_row(own).is_some_and(|command| has_effect(command, from, to));
                let index = self.own_commands.iter().position(has_effect);
                index.map(|index| self.own_commands.remove(index)).is_some()
            }
        };
        explained || matches!(self.in_flight.stage(id, now), Some(StepStage::Sent | StepStage::Accepted))
    }
}

/// Returns whether a command can change a row from one state to another.
fn has_effect(command: WriteCommand, from: RowState, to: RowState) -> bool {
    let is_down = |state| matches!(state, RowState::Down | RowState::ComingUp);
    match command {
        WriteCommand::State(TargetState::Maint) => to == RowState::Maint,
        WriteCommand::State(TargetState::Drain) => {
            to == RowState::Drain || from == RowState::Maint && to != RowState::Maint
        }
        WriteCommand::State(TargetState::Ready) => from.is_maint_or_drain() && !to.is_maint_or_drain(),
        WriteCommand::Health(ForcedHealth::Up) | WriteCommand::Agent(true) => !is_down(to) && to != RowState::NoLb,
        WriteCommand::Health(ForcedHealth::Down) | WriteCommand::Agent(false) => is_down(to),
        WriteCommand::Health(ForcedHealth::Stopping) => to == RowState::NoLb,
        // HAProxy 1.5 reports DRAIN for a server with weight 0.
        WriteCommand::Weight(_) => (from == RowState::Drain) != (to == RowState::Drain),
        // Without checks, the status is `no check`; a server that its agent reported down returns.
        WriteCommand::Checks(_) | WriteCommand::AgentChecks(_) => !from.is_maint_or_drain() && !to.is_maint_or_drain(),
        WriteCommand::Frontend(_) | WriteCommand::FrontendMaxconn(_) | WriteCommand::ServerMaxconn(_) => true,
        WriteCommand::ShutdownSessions
        | WriteCommand::ShutdownSession
        | WriteCommand::ClearTableEntry
        | WriteCommand::ClearCounters { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    #[test]
    fn explain_change_matches_command_once() {
        let id = SampleBuilder::default().build_at_millis(0, &stat_of_site()).rows.ids()[1];
        let mut actions = RecentActions::default();
        let at = Duration::from_secs(1);
        let mut explained = |command, from: &str, to: &str| {
            actions.own_commands = vec![(id, command, at)];
            let change = FieldChange::Status { from, to };
            let first = actions.explain_change(id, change, at);
            (first, actions.explain_change(id, change, at))
        };
        let state = WriteCommand::State;
        assert_eq!(explained(state(TargetState::Maint), "UP", "MAINT"), (true, false));
        assert_eq!(explained(state(TargetState::Ready), "MAINT", "UP 1/3"), (true, false));
        assert_eq!(explained(state(TargetState::Ready), "UP", "DRAIN (agent)"), (false, false));
        assert_eq!(explained(state(TargetState::Ready), "UP 1/3", "DOWN"), (false, false), "its check failed");
        assert_eq!(explained(state(TargetState::Drain), "DRAIN", "MAINT"), (false, false));
        assert_eq!(explained(state(TargetState::Drain), "MAINT", "DOWN"), (true, false), "a draining DOWN server");
        assert_eq!(explained(WriteCommand::Health(ForcedHealth::Down), "UP", "DOWN"), (true, false));
        assert_eq!(explained(WriteCommand::Checks(false), "UP", "no check"), (true, false));
        assert_eq!(explained(WriteCommand::ShutdownSessions, "UP", "DOWN"), (false, false));
    }

    #[test]
    fn explain_change_matches_ordered_weight_and_limit() {
        let id = SampleBuilder::default().build_at_millis(0, &stat_of_site()).rows.ids()[1];
        let mut actions = RecentActions::default();
        let at = Duration::from_secs(1);
        let weight = WriteCommand::Weight(TargetWeight::Absolute(9));
        actions.own_commands = vec![(id, weight, at), (id, WriteCommand::ServerMaxconn(50), at)];
        let changes = [FieldChange::Weight(9), FieldChange::Weight(10), FieldChange::Limit(50), FieldChange::Limit(9)];
        assert_eq!(changes.map(|change| actions.explain_change(id, change, at)), [true, false, true, false]);
    }

    #[test]
    fn explain_change_accepts_change_of_action_in_flight() {
        let id = SampleBuilder::default().build_at_millis(0, &stat_of_site()).rows.ids()[1];
        let mut actions = RecentActions::default();
        let at = Duration::from_secs(1);
        assert!(!actions.explain_change(id, FieldChange::Status { from: "UP", to: "MAINT" }, at));
        actions.in_flight.set_stage(id, StepStage::Sent, at);
        assert!(
            actions.explain_change(id, FieldChange::Status { from: "UP", to: "MAINT" }, at),
            "a sample may arrive before the reply"
        );
        actions.in_flight.set_stage(id, StepStage::Failed, at);
        assert!(!actions.explain_change(id, FieldChange::Status { from: "UP", to: "MAINT" }, at));
    }
}
