//! The stack of actions that can be undone.
//!
//! Each finished action adds the commands that restore the state that was read right before the action. Undoing needs a
//! confirmation like any other action; the entry is removed once the undo has succeeded.

use crate::actions::intent::{Intent, IntentPurpose, IntentStep};
use crate::actions::outcome::{ActionReport, Outcome};
use crate::actions::verification;
use crate::observe::instance_id::InstanceId;

/// Maximum number of entries; older ones are dropped.
const MAX_ENTRIES: usize = 50;

/// Actions that can be undone.
#[derive(Debug, Clone, Default)]
pub(crate) struct UndoStack {
    stack: Vec<Intent>,
    /// Instance and description of the newest action, if it cannot be undone.
    not_undoable: Option<(InstanceId, String)>,
}

impl UndoStack {
    /// Adds the commands that undo a finished action; after a successful undo, removes its entry.
    pub(crate) fn record(&mut self, report: &ActionReport) {
        if report.intent.purpose == IntentPurpose::Undo {
            let (instance, commands) = (report.intent.instance, report.intent.commands());
            if report.is_success() {
                self.stack.retain(|intent| intent.instance != instance || intent.commands() != commands);
            }
            return;
        }
        // In reverse order of execution.
        let steps: Vec<IntentStep> = report
            .results
            .iter()
            .rev()
            // A command without a reply may have taken effect, so its undo command is kept.
            .filter(|result| !matches!(result.outcome, Outcome::Refused(_) | Outcome::NotSent(_)))
            .filter_map(|result| {
                let (action, command) = verification::inverse_action(&result.step, result.before.as_ref()?)?;
                let step = IntentStep { action, command, target: result.step.target.clone() };
                (step.command_text() != result.step.command_text()).then_some(step)
            })
            .collect();
        let has_success = report.results.iter().any(|result| result.outcome.is_success());
        if steps.is_empty() && has_success {
            let description = format!("{} of {}", report.intent.title(), report.intent.target_summary());
            self.not_undoable = Some((report.intent.instance, description));
        }
        if !steps.is_empty() {
            self.not_undoable = None;
            let instance = report.intent.instance;
            self.stack.push(Intent { purpose: IntentPurpose::Undo, instance, steps, reason: None });
            let surplus = self.stack.len().saturating_sub(MAX_ENTRIES);
            self.stack.drain(..surplus);
        }
    }

    /// Returns the action that the next undo on an instance would send.
    pub(crate) fn next_undo(&self, instance: InstanceId) -> Option<&Intent> {
        self.stack.iter().rev().find(|intent| intent.instance == instance)
    }

    /// Returns a description of the newest action if it changed this instance and cannot be undone. The next undo then
    /// does not undo that action but an earlier one.
    pub(crate) fn not_undoable(&self, instance: InstanceId) -> Option<&str> {
        self.not_undoable.as_ref().filter(|(of, _)| *of == instance).map(|(_, description)| description.as_str())
    }

    /// Removes the action that the next undo on an instance would send, because its targets no longer exist.
    pub(crate) fn discard_next(&mut self, instance: InstanceId) {
        if let Some(index) = self.stack.iter().rposition(|intent| intent.instance == instance) {
            self.stack.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{Action, END_SESSIONS, MAINT, WEIGHT};
    use crate::actions::intent::ActionTarget;
    use crate::actions::outcome::StepResult;
    use crate::actions::readback::Readback;
    use crate::haproxy::safe_text::SafeText;
    use crate::haproxy::write_command::{TargetState, TargetWeight, WriteCommand};

    fn report(action: &'static Action, command: WriteCommand, names: &[&str], outcome: &Outcome) -> ActionReport {
        let targets = names.iter().map(|name| ActionTarget::without_row("b".into(), (*name).into())).collect();
        let intent = Intent::new(action, command, InstanceId::FIRST, targets);
        let before = Readback { status: "UP".into(), weight: Some(100), ..Readback::default() };
        let done = intent.steps.iter().map(|step| StepResult {
            before: Some(before.clone()),
            ..StepResult::new(step.clone(), step.command_text().unwrap(), outcome.clone())
        });
        ActionReport { results: done.collect(), intent }
    }

    #[test]
    fn undo_stack_returns_newest_action_first() {
        let (mut undo, good) = (UndoStack::default(), Outcome::Verified(String::new()));
        undo.record(&report(&MAINT, WriteCommand::State(TargetState::Maint), &["s1", "s2"], &good));
        undo.record(&report(&WEIGHT, WriteCommand::Weight(TargetWeight::Absolute(7)), &["s1"], &good));
        undo.record(&report(&END_SESSIONS, WriteCommand::ShutdownSessions, &["s1"], &good));
        assert_eq!(undo.not_undoable(InstanceId::FIRST), Some("shutdown of all sessions of b/s1"));
        let first = undo.next_undo(InstanceId::FIRST).unwrap().clone();
        assert_eq!(first.commands(), ["set server b/s1 weight 100"]);
        let undone = ActionReport { results: Vec::new(), intent: first.clone() };
        undo.record(&undone);
        assert_eq!(undo.next_undo(InstanceId::FIRST), Some(&first), "a failed undo stays on the stack");
        let done = report(&WEIGHT, first.steps[0].command, &["s1"], &good);
        undo.record(&ActionReport { intent: first, ..done });
        assert_eq!(
            undo.next_undo(InstanceId::FIRST).unwrap().commands(),
            ["set server b/s2 state ready", "set server b/s1 state ready"]
        );
        assert_eq!(InstanceId::first(2).last().and_then(|other| undo.next_undo(other)), None);
        undo.discard_next(InstanceId::FIRST);
        assert_eq!(undo.next_undo(InstanceId::FIRST), None);
    }

    #[test]
    fn undo_keeps_same_commands_of_other_instance() {
        let (mut undo, good) = (UndoStack::default(), Outcome::Verified(String::new()));
        let ids: Vec<InstanceId> = InstanceId::first(2).collect();
        let on = |instance, action, command| {
            let mut report = report(action, command, &["s1"], &good);
            report.intent.instance = instance;
            report
        };
        for id in &ids {
            undo.record(&on(*id, &MAINT, WriteCommand::State(TargetState::Maint)));
        }
        let first = undo.next_undo(ids[0]).unwrap().clone();
        undo.record(&ActionReport { intent: first, ..on(ids[0], &MAINT, WriteCommand::State(TargetState::Ready)) });
        assert!(undo.next_undo(ids[0]).is_none() && undo.next_undo(ids[1]).is_some());
        undo.record(&on(ids[0], &END_SESSIONS, WriteCommand::ShutdownSessions));
        assert_eq!(ids.iter().map(|id| undo.not_undoable(*id).is_some()).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn undo_stack_skips_actions_without_effect() {
        let mut undo = UndoStack::default();
        for outcome in [Outcome::Refused(SafeText::default()), Outcome::NotSent(String::new())] {
            undo.record(&report(&MAINT, WriteCommand::State(TargetState::Maint), &["s1"], &outcome));
        }
        undo.record(&report(
            &WEIGHT,
            WriteCommand::Weight(TargetWeight::Absolute(100)),
            &["s1"],
            &Outcome::Verified(String::new()),
        ));
        assert_eq!(undo.next_undo(InstanceId::FIRST), None, "an action that changed nothing is not added");
        undo.record(&report(
            &MAINT,
            WriteCommand::State(TargetState::Maint),
            &["s1"],
            &Outcome::Unknown { reason: String::new(), now: String::new() },
        ));
        assert!(undo.next_undo(InstanceId::FIRST).is_some(), "the command may have taken effect");
    }
}
