//! The actions that can be undone.
//!
//! Each finished action adds the commands that restore the state that was read right before the action. Undoing needs a
//! confirmation like any other action, which names the undone action and what changed since then; the entry is removed
//! once the undo has succeeded. An action is undone only in the HAProxy process in which it was done: a new process
//! starts with the configured states, and what it lost is suggested separately.

use std::time::{Duration, SystemTime};

use crate::actions::intent::{Intent, IntentPurpose, IntentStep};
use crate::actions::outcome::{ActionReport, Outcome, StepResult};
use crate::actions::verification;
use crate::app::server_effects::list_names;
use crate::app::undo_changes::{self, DoneStep};
use crate::instance::guard;
use crate::instance::refusal::Refusal;
use crate::instance::state::Instance;
use crate::observe::events::EventKind;
use crate::observe::instance_id::InstanceId;
use crate::observe::sample::Epoch;
use crate::observe::timestamp::Timestamp;
use crate::units::duration_words;

/// Maximum number of entries; older ones are dropped.
const MAX_ENTRIES: usize = 50;

/// A finished action: what was done, when, and in which process of HAProxy.
#[derive(Debug, Clone)]
struct FinishedAction {
    /// `maintenance of be/s1`.
    description: String,
    at: Timestamp,
    epoch: Option<Epoch>,
}

impl FinishedAction {
    /// Returns the time since the action: `3 min ago`.
    fn age(&self, now: Duration) -> String {
        format!("{} ago", duration_words(now.saturating_sub(self.at.monotonic)))
    }
}

/// An action that can be undone.
#[derive(Debug, Clone)]
pub(crate) struct UndoEntry {
    /// The commands that undo the action.
    intent: Intent,
    action: FinishedAction,
    done: Vec<DoneStep>,
    /// Number of the action on several balancers of which it is a part.
    group: Option<u64>,
}

impl UndoEntry {
    /// Returns the commands on the targets in their present state.
    ///
    /// # Errors
    /// Returns an error if a target no longer exists, or if the action was already reverted: undoing it would change
    /// nothing.
    pub(crate) fn present_intent(&self, instance: &Instance, now: Duration) -> Result<Intent, Refusal> {
        // An older sample does not show the action.
        let is_shown = instance.latest().is_some_and(|sample| sample.at.monotonic > self.action.at.monotonic);
        if is_shown && self.intent.steps.iter().all(|step| undo_changes::is_in_effect(step, instance)) {
            let FinishedAction { description, .. } = &self.action;
            let reverted = format!("the {description}, {}, was already reverted", self.action.age(now));
            return Err(Refusal::NothingToChange(reverted));
        }
        let mut intent = self.intent.clone();
        for step in &mut intent.steps {
            if let Some(target) = instance.target(step.target.id) {
                step.target = target;
            }
        }
        match guard::check_intent(&intent, instance) {
            Err(refusal @ Refusal::Gone(_)) => Err(refusal),
            // The guard checks all other conditions again before the question.
            _ => Ok(intent),
        }
    }

    /// Describes the action: `maintenance of be/s1 at 14:03:22 (3 min ago, pid 1234)`.
    pub(crate) fn describe(&self, now: Duration, format_time: fn(SystemTime) -> String) -> String {
        let FinishedAction { description, at, epoch } = &self.action;
        let pid = epoch.map_or(String::new(), |epoch| format!(", pid {}", epoch.pid));
        format!("{description} at {} ({}{pid})", format_time(at.wall), self.action.age(now))
    }

    fn has_target(&self, step: &IntentStep) -> bool {
        self.intent.steps.iter().any(|undo_step| undo_step.target.id == step.target.id)
    }

    /// Describes what others changed on the targets since the action, and states that are not those that the action
    /// left. Undoing the action overwrites these changes.
    pub(crate) fn describe_changes_since(
        &self,
        instance: &Instance,
        format_time: fn(SystemTime) -> String,
    ) -> Vec<String> {
        undo_changes::describe_changes(&self.done, &self.intent, self.action.at, instance, format_time)
    }
}

/// Actions that can be undone, and the newest action that cannot.
#[derive(Debug, Clone, Default)]
pub(crate) struct UndoStack {
    stack: Vec<UndoEntry>,
    /// The newest action with its instance, if it cannot be undone.
    not_undoable: Option<(InstanceId, FinishedAction)>,
}

impl UndoStack {
    /// Adds the commands that undo an action that finished at `at` and was sent in the process `epoch`; after a
    /// successful undo, removes its entry.
    pub(crate) fn record(&mut self, report: &ActionReport, epoch: Option<Epoch>, at: Timestamp) {
        let instance = report.intent.instance;
        if report.intent.purpose == IntentPurpose::Undo {
            let commands = report.intent.commands();
            if report.is_success() {
                // The next undo is not that of the action before it.
                self.not_undoable.take_if(|(id, _)| *id == instance);
                self.stack.retain(|entry| entry.intent.instance != instance || entry.intent.commands() != commands);
            }
            return;
        }
        // A command without a reply may have taken effect, so its undo command is kept.
        let is_possible = |result: &&StepResult| {
            !matches!(result.outcome, Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::Changed(_) | Outcome::Ended)
        };
        let undo_step = |result: &StepResult| {
            let (action, command) = verification::inverse_action(&result.step, result.before.as_ref()?)?;
            let step = IntentStep { action, command, target: result.step.target.clone() };
            (step.command_text() != result.step.command_text()).then_some(step)
        };
        let undoable: Vec<(&StepResult, IntentStep)> =
            report.results.iter().filter(is_possible).filter_map(|result| Some((result, undo_step(result)?))).collect();
        let mut names: Vec<String> = undoable.iter().map(|(result, _)| result.step.target_name()).collect();
        names.dedup();
        let targets = if names.is_empty() { report.intent.target_summary() } else { list_names(&names) };
        let action = FinishedAction { description: report.intent.describe(&targets), at, epoch };
        let has_success = report.results.iter().any(|result| result.outcome.is_success());
        if undoable.is_empty() && has_success {
            self.not_undoable = Some((instance, action));
        } else if !undoable.is_empty() {
            self.not_undoable = None;
            let done_step = |result: &StepResult| DoneStep { step: result.step.clone(), left: result.after.clone() };
            let done = undoable.iter().map(|(result, _)| done_step(result)).collect();
            // In reverse order of execution.
            let steps = undoable.into_iter().rev().map(|(_, step)| step).collect();
            let intent = Intent::with_steps(IntentPurpose::Undo, instance, steps);
            self.stack.push(UndoEntry { intent, action, done, group: None });
            let surplus = self.stack.len().saturating_sub(MAX_ENTRIES);
            self.stack.drain(..surplus);
        }
    }

    /// Returns the action that the next undo on an instance would undo. Actions in an earlier process are not undone.
    pub(crate) fn next_undo(&self, instance: &Instance) -> Option<&UndoEntry> {
        let entry = &self.stack[self.position_of_next(instance.id())?];
        (entry.action.epoch == current_epoch(instance)).then_some(entry)
    }

    /// Returns the place of the newest action on an instance among all actions.
    pub(crate) fn position_of_next(&self, instance: InstanceId) -> Option<usize> {
        self.stack.iter().rposition(|entry| entry.intent.instance == instance)
    }

    /// Returns the entry that an undo intent belongs to; `None` for other intents.
    pub(crate) fn entry_of(&self, intent: &Intent) -> Option<&UndoEntry> {
        let is_same = |entry: &&UndoEntry| {
            entry.intent.instance == intent.instance && entry.intent.steps.len() == intent.steps.len()
        };
        let entries = self.stack.iter().rev().filter(|_| intent.purpose == IntentPurpose::Undo).filter(is_same);
        entries.into_iter().find(|entry| entry.intent.commands() == intent.commands())
    }

    /// Makes the action that was just recorded a part of an action on several balancers.
    pub(crate) fn join_group(&mut self, instance: InstanceId, report: &ActionReport, group: u64) {
        let newest = self.stack.iter_mut().rev().find(|entry| entry.intent.instance == instance);
        let is_of_report = |entry: &&mut UndoEntry| {
            let done = entry.done.iter().map(|done| &done.step);
            done.eq(report.results.iter().map(|result| &result.step).filter(|step| entry.has_target(step)))
        };
        if let Some(entry) = newest.filter(is_of_report).filter(|_| report.intent.purpose != IntentPurpose::Undo) {
            entry.group = Some(group);
        }
    }

    /// Returns the entry of another instance that is a part of the same action on several balancers as an undo intent.
    pub(crate) fn in_same_group(&self, intent: &Intent, other: &Instance) -> Option<&UndoEntry> {
        let group = self.entry_of(intent)?.group?;
        let is_part = |entry: &&UndoEntry| {
            let is_current = entry.action.epoch == current_epoch(other);
            entry.group == Some(group) && entry.intent.instance == other.id() && is_current
        };
        self.stack.iter().rev().find(is_part)
    }

    /// Returns a description of the newest action if it changed this instance, in the current process, and cannot be
    /// undone. The next undo then does not undo that action but an earlier one.
    fn not_undoable(&self, instance: &Instance) -> Option<&str> {
        let (instance_id, action) = self.not_undoable.as_ref()?;
        (*instance_id == instance.id() && action.epoch == current_epoch(instance))
            .then_some(action.description.as_str())
    }

    /// Returns the warning that the newest action on an instance is not the one that is undone, or `None` if it is.
    pub(crate) fn skipped_warning(&self, instance: &Instance) -> Option<String> {
        self.not_undoable(instance).map(|last| format!("{last} cannot be undone; this is the action before it"))
    }

    /// Explains why there is nothing to undo on an instance.
    pub(crate) fn explain_nothing(&self, instance: &Instance, now: Duration) -> String {
        if let Some(description) = self.not_undoable(instance) {
            return format!("nothing to undo: {description} cannot be undone");
        }
        let newest = self.position_of_next(instance.id()).map(|place| &self.stack[place]);
        let Some(entry) = newest else { return "nothing to undo on this instance".to_owned() };
        let pids = entry.action.epoch.zip(current_epoch(instance));
        let pids = pids.map_or(String::new(), |(from, to)| format!(" (pid {} → {})", from.pid, to.pid));
        let is_process_start = |kind: &EventKind| match kind {
            EventKind::Reloaded { .. } => Some("reloaded"),
            EventKind::Restarted { .. } => Some("restarted"),
            _ => None,
        };
        let started = instance.all_events().newest_first().find_map(|event| is_process_start(&event.kind));
        let started = started.unwrap_or("restarted");
        let action = &entry.action;
        format!("nothing to undo: HAProxy was {started}{pids} after {}, {}", action.description, action.age(now))
    }

    /// Removes the action that the next undo on an instance would undo, because its targets no longer exist.
    pub(crate) fn discard_next(&mut self, instance: InstanceId) {
        if let Some(index) = self.position_of_next(instance) {
            self.stack.remove(index);
        }
    }
}

fn current_epoch(instance: &Instance) -> Option<Epoch> {
    instance.latest().map(|sample| sample.epoch)
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
    use crate::history::store::DEFAULT_BUDGET;
    use crate::instance::source::StatsSocket;
    use crate::observe::test_samples::{SampleBuilder, stat_with_server, timestamp_at};

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

    /// An instance whose sample shows `b/s1` and `b/s2` with this status, in the first process or after a reload.
    fn instance(id: InstanceId, status: &str, is_reloaded: bool) -> Instance {
        let mut instance = Instance::new(id, StatsSocket::default(), DEFAULT_BUDGET);
        let mut builder = SampleBuilder::default();
        let stat = |status: &str| format!("# pxname,svname,status,type,\nb,s1,{status},2,\nb,s2,UP,2,\n");
        instance.add_sample(builder.build_at_millis(0, &stat("UP")), 0);
        if is_reloaded {
            builder.reload();
        }
        instance.add_sample(builder.build_at_millis(90_000, &stat(status)), 0);
        instance
    }

    fn first_instance() -> Instance {
        instance(InstanceId::FIRST, "UP", false)
    }

    const EPOCH: Option<Epoch> = Some(Epoch { number: 1, pid: 100 });

    fn record(undo: &mut UndoStack, report: &ActionReport) {
        undo.record(report, EPOCH, timestamp_at(30_000));
    }

    fn next(undo: &UndoStack, instance: &Instance) -> Option<Intent> {
        undo.next_undo(instance).map(|entry| entry.intent.clone())
    }

    #[test]
    fn undo_stack_returns_newest_action_first() {
        let (mut undo, good) = (UndoStack::default(), Outcome::Verified(String::new()));
        record(&mut undo, &report(&MAINT, WriteCommand::State(TargetState::Maint), &["s1", "s2"], &good));
        record(&mut undo, &report(&WEIGHT, WriteCommand::Weight(TargetWeight::Absolute(7)), &["s1"], &good));
        record(&mut undo, &report(&END_SESSIONS, WriteCommand::ShutdownSessions, &["s1"], &good));
        let here = first_instance();
        assert_eq!(
            undo.skipped_warning(&here).unwrap(),
            "shutdown of all sessions of b/s1 cannot be undone; this is the action before it"
        );
        let first = next(&undo, &here).unwrap();
        assert_eq!(first.commands(), ["set server b/s1 weight 100"]);
        let undone = ActionReport { results: Vec::new(), intent: first.clone() };
        record(&mut undo, &undone);
        assert_eq!(next(&undo, &here), Some(first.clone()), "a failed undo stays on the stack");
        let done = report(&WEIGHT, first.steps[0].command, &["s1"], &good);
        record(&mut undo, &ActionReport { intent: first, ..done });
        assert_eq!(
            next(&undo, &here).unwrap().commands(),
            ["set server b/s2 state ready", "set server b/s1 state ready"]
        );
        let other = instance(InstanceId::first(2).last().unwrap(), "UP", false);
        assert_eq!(next(&undo, &other), None);
        undo.discard_next(InstanceId::FIRST);
        assert_eq!(next(&undo, &here), None);
    }

    #[test]
    fn present_intent_is_refused_if_target_is_gone() {
        let mut here = Instance::new(InstanceId::FIRST, StatsSocket::default(), DEFAULT_BUDGET);
        let mut builder = SampleBuilder::default();
        here.add_sample(builder.build_at_millis(0, &stat_with_server("b", "s1", 1)), 0);
        let target = here.target(here.latest().unwrap().rows.ids()[0]).unwrap();
        let good = Outcome::Verified(String::new());
        let mut done = report(&MAINT, WriteCommand::State(TargetState::Maint), &["s1"], &good);
        done.intent.steps[0].target = target.clone();
        done.results[0].step.target = target;
        let mut undo = UndoStack::default();
        record(&mut undo, &done);
        let now = Duration::from_mins(1);
        let intent = undo.next_undo(&here).unwrap().present_intent(&here, now).unwrap();
        assert_eq!(intent.commands(), ["set server b/s1 state ready"]);
        here.add_sample(builder.build_at_millis(1000, &stat_with_server("b", "s2", 1)), 0);
        let refused = undo.next_undo(&here).unwrap().present_intent(&here, now);
        assert!(matches!(refused, Err(Refusal::Gone(_))), "{refused:?}");
        here.add_sample(builder.build_at_millis(50_000, &stat_with_server("b", "s1", 1)), 0);
        let refused = undo.next_undo(&here).unwrap().present_intent(&here, now).unwrap_err();
        assert_eq!(refused.to_string(), "the maintenance of b/s1, 30 s ago, was already reverted");
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
            record(&mut undo, &on(*id, &MAINT, WriteCommand::State(TargetState::Maint)));
        }
        let views: Vec<Instance> = ids.iter().map(|id| instance(*id, "UP", false)).collect();
        let first = next(&undo, &views[0]).unwrap();
        record(
            &mut undo,
            &ActionReport { intent: first, ..on(ids[0], &MAINT, WriteCommand::State(TargetState::Ready)) },
        );
        assert!(next(&undo, &views[0]).is_none() && next(&undo, &views[1]).is_some());
        record(&mut undo, &on(ids[0], &END_SESSIONS, WriteCommand::ShutdownSessions));
        assert_eq!(views.iter().map(|view| undo.not_undoable(view).is_some()).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn in_same_group_finds_other_balancers_of_one_action() {
        let (mut undo, good) = (UndoStack::default(), Outcome::Verified(String::new()));
        let ids: Vec<InstanceId> = InstanceId::first(3).collect();
        let views: Vec<Instance> = ids.iter().map(|id| instance(*id, "UP", false)).collect();
        for (id, group) in ids.iter().zip([Some(1), Some(1), None]) {
            let mut done = report(&MAINT, WriteCommand::State(TargetState::Maint), &["s1"], &good);
            done.intent.instance = *id;
            record(&mut undo, &done);
            if let Some(group) = group {
                undo.join_group(*id, &done, group);
            }
        }
        let here = next(&undo, &views[0]).unwrap();
        let others = views.iter().map(|view| undo.in_same_group(&here, view).map(|entry| entry.intent.instance));
        assert_eq!(others.collect::<Vec<_>>(), [Some(ids[0]), Some(ids[1]), None]);
        let alone = next(&undo, &views[2]).unwrap();
        assert!(views.iter().all(|view| undo.in_same_group(&alone, view).is_none()));
    }

    #[test]
    fn undo_stack_skips_actions_without_effect() {
        let mut undo = UndoStack::default();
        for outcome in [Outcome::Refused(SafeText::default()), Outcome::NotSent(String::new())] {
            record(&mut undo, &report(&MAINT, WriteCommand::State(TargetState::Maint), &["s1"], &outcome));
        }
        record(
            &mut undo,
            &report(
                &WEIGHT,
                WriteCommand::Weight(TargetWeight::Absolute(100)),
                &["s1"],
                &Outcome::Verified(String::new()),
            ),
        );
        let here = first_instance();
        assert_eq!(next(&undo, &here), None, "an action that changed nothing is not added");
        record(
            &mut undo,
            &report(
                &MAINT,
                WriteCommand::State(TargetState::Maint),
                &["s1"],
                &Outcome::Unknown { reason: String::new(), now: String::new() },
            ),
        );
        assert!(next(&undo, &here).is_some(), "the command may have taken effect");
    }

    #[test]
    fn undo_ends_with_process_and_names_action() {
        let (mut undo, good) = (UndoStack::default(), Outcome::Verified(String::new()));
        record(&mut undo, &report(&MAINT, WriteCommand::State(TargetState::Maint), &["s1", "s2"], &good));
        let now = Duration::from_secs(210);
        let entry = undo.next_undo(&first_instance()).unwrap();
        let described = entry.describe(now, |_| "14:03:22".to_owned());
        assert_eq!(described, "maintenance of b/s1, b/s2 at 14:03:22 (3 min ago, pid 100)");
        let reloaded = instance(InstanceId::FIRST, "UP", true);
        assert!(undo.next_undo(&reloaded).is_none());
        assert_eq!(
            undo.explain_nothing(&reloaded, now),
            "nothing to undo: HAProxy was reloaded (pid 100 → 101) after maintenance of b/s1, b/s2, \
             3 min ago"
        );
        assert_eq!(UndoStack::default().explain_nothing(&reloaded, now), "nothing to undo on this instance");
    }

    #[test]
    fn describe_changes_since_names_changer_or_drift() {
        let changes = |status: &str, left: &str| {
            let (mut undo, good) = (UndoStack::default(), Outcome::Verified(String::new()));
            let here = instance(InstanceId::FIRST, status, false);
            let mut done = report(&MAINT, WriteCommand::State(TargetState::Maint), &["s1"], &good);
            done.results[0].after = Some(Readback { status: left.into(), ..Readback::default() });
            done.results[0].step.target.id = here.latest().unwrap().rows.ids()[0];
            record(&mut undo, &done);
            undo.next_undo(&here).unwrap().describe_changes_since(&here, |_| "14:05:10".to_owned())
        };
        assert_eq!(changes("DRAIN", "MAINT"), ["since then: b/s1 was set to DRAIN at 14:05:10: undo overwrites that"]);
        assert_eq!(changes("UP", "MAINT"), ["since then: b/s1 changed: it is UP now, and was MAINT after the action"]);
        assert_eq!(changes("UP", "UP 1/3"), [""; 0]);
    }
}
