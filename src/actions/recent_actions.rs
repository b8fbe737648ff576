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
    /// Commands whose result is not known yet.
    unfinished: HashMap<RowId, WriteCommand>,
    /// Authors of server states.
    pub(crate) attribution: Attribution,
}

impl RecentActions {
    /// Records the stage that a command on a row has reached.
    pub(crate) fn record_progress(&mut self, row: RowId, command: WriteCommand, stage: StepStage, now: Duration) {
        self.in_flight.set_stage(row, stage, now);
        match stage {
            StepStage::Sent | StepStage::Accepted => _ = self.unfinished.insert(row, command),
            StepStage::Succeeded | StepStage::Failed => _ = self.unfinished.remove(&row),
        }
    }

    /// Records the results of an intent, and starts or stops tracking drains. Returns the events to show.
    pub(crate) fn record_report(
        &mut self,
        report: &ActionReport,
        drains: &mut DrainTracker,
        at: Timestamp,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        let mut push_event = |row, kind| events.push(Event::new(at, row, String::new(), kind));
        for result in &report.results {
            let id = result.step.target.id;
            let is_row = id != RowId::PROCESS;
            let is_sent = !matches!(
                result.outcome,
                Outcome::NotSent(_) | Outcome::Refused(_) | Outcome::Changed(_) | Outcome::Ended
            );
            // A command that found the state as ordered, or whose effect another command replaced, caused no change.
            let has_effect = !result.found_state()
                && !matches!(&result.outcome, Outcome::NotVerified { now, .. } if !now.is_empty());
            if is_row {
                self.unfinished.remove(&id);
                self.own_commands.extend((is_sent && has_effect).then_some((id, result.step.command, at.monotonic)));
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
            if result.outcome.is_success() && !result.found_state() {
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

    /// Returns whether an action of this run within the last 20 s, or one that is in flight, explains a change. Its command
    /// must be able to cause the change, because another operator may act on the same row at the same time. An action
    /// explains one change of the status; a later one has another cause. Weights and limits must be the ordered ones.
    pub(crate) fn explain_change(&mut self, id: RowId, change: FieldChange<'_>) -> bool {
        let of_row = |(row, command, _): &(RowId, WriteCommand, Duration)| (*row == id).then_some(*command);
        let unfinished = self.unfinished.get(&id).copied();
        let mut commands = self.own_commands.iter().filter_map(of_row).chain(unfinished);
        match change {
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
                let is_explained = index.map(|index| self.own_commands.remove(index)).is_some()
                    || unfinished.is_some_and(|command| self::has_effect(command, from, to));
                if !is_explained {
                    // Another operator or tool changed the state, so an earlier command does not explain later changes.
                    self.own_commands.retain(|own| !matches!(of_row(own), Some(WriteCommand::State(_))));
                }
                is_explained
            }
        }
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
    use crate::actions::action_table::MAINT;
    use crate::actions::intent::{ActionTarget, Intent};
    use crate::actions::outcome::StepResult;
    use crate::actions::readback::Readback;
    use crate::observe::instance_id::InstanceId;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site, timestamp_at};

    #[test]
    fn explain_change_matches_command_once() {
        let id = SampleBuilder::default().build_at_millis(0, &stat_of_site()).rows.ids()[1];
        let mut actions = RecentActions::default();
        let at = Duration::from_secs(1);
        let mut explained = |command, from: &str, to: &str| {
            actions.own_commands = vec![(id, command, at)];
            let change = FieldChange::Status { from, to };
            let first = actions.explain_change(id, change);
            (first, actions.explain_change(id, change))
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
        assert_eq!(changes.map(|change| actions.explain_change(id, change)), [true, false, true, false]);
    }

    #[test]
    fn explain_change_accepts_change_of_command_in_flight_only() {
        let id = SampleBuilder::default().build_at_millis(0, &stat_of_site()).rows.ids()[1];
        let mut actions = RecentActions::default();
        let at = Duration::from_secs(1);
        let maint = FieldChange::Status { from: "UP", to: "MAINT" };
        let drain = FieldChange::Status { from: "UP", to: "DRAIN" };
        let command = WriteCommand::State(TargetState::Maint);
        assert!(!actions.explain_change(id, maint));
        for stage in [StepStage::Sent, StepStage::Accepted] {
            actions.record_progress(id, command, stage, at);
            assert!(actions.explain_change(id, maint), "a sample may arrive before the reply");
            assert!(!actions.explain_change(id, drain), "by another operator, at the same time");
            assert!(!actions.explain_change(id, FieldChange::Weight(5)));
        }
        actions.record_progress(id, command, StepStage::Failed, at);
        assert!(!actions.explain_change(id, maint));
        actions.record_progress(id, WriteCommand::Weight(TargetWeight::Absolute(5)), StepStage::Sent, at);
        let changes = [FieldChange::Weight(5), FieldChange::Weight(9)];
        assert_eq!(changes.map(|change| actions.explain_change(id, change)), [true, false]);
    }

    #[test]
    fn explain_change_claims_nothing_after_change_by_others() {
        let id = SampleBuilder::default().build_at_millis(0, &stat_of_site()).rows.ids()[1];
        let own_commands = vec![(id, WriteCommand::State(TargetState::Drain), Duration::from_secs(1))];
        let mut actions = RecentActions { own_commands, ..RecentActions::default() };
        let changes = [("UP", "MAINT"), ("MAINT", "DRAIN")];
        let explained = changes.map(|(from, to)| actions.explain_change(id, FieldChange::Status { from, to }));
        assert_eq!(explained, [false, false], "another operator replaced the drain, and ended the maintenance");
    }

    #[test]
    fn record_report_claims_only_changes_that_its_command_made() {
        let sample = SampleBuilder::default().build_at_millis(0, &stat_of_site());
        let target = ActionTarget::from_row(&sample, sample.rows.ids()[1]).unwrap();
        let command = WriteCommand::State(TargetState::Maint);
        let intent = Intent::new(&MAINT, command, InstanceId::FIRST, vec![target.clone()]);
        let state = |status: &str| Some(Readback { status: status.into(), ..Readback::default() });
        let verified = Outcome::Verified("MAINT".to_owned());
        let replaced = Outcome::NotVerified { now: "UP".to_owned(), samples: 3 };
        for (before, after, outcome, is_own) in
            [("UP", "MAINT", &verified, true), ("MAINT", "MAINT", &verified, false), ("UP", "UP", &replaced, false)]
        {
            let mut actions = RecentActions::default();
            let step = intent.steps[0].clone();
            let result = StepResult::new(step, String::new(), outcome.clone());
            let result = StepResult { before: state(before), after: state(after), ..result };
            let report = ActionReport { intent: intent.clone(), results: vec![result] };
            actions.record_report(&report, &mut DrainTracker::default(), timestamp_at(1000));
            let change = FieldChange::Status { from: "UP", to: "MAINT" };
            assert_eq!(actions.explain_change(target.id, change), is_own, "{before} {after}");
        }
    }
}
