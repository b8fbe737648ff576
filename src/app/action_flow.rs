//! The steps of an action from the key press to its result: number or reason prompt, confirmation, sending, report.

use std::time::Duration;

use crate::actions::action_table::{Action, ActionCommand, TargetKind, WEIGHT};
use crate::actions::intent::{ActionTarget, Intent, IntentPurpose};
use crate::actions::outcome::{ActionReport, Outcome, StepProgress, StepResult};
use crate::app::action_summary;
use crate::app::action_targets;
use crate::app::balancer_targets::BalancerTargets;
use crate::app::confirmation::{Confirmation, ConfirmationEvent};
use crate::app::group_action;
use crate::app::group_targets;
use crate::app::key::{Key, KeyPress};
use crate::app::layers::{Layer, NumberPrompt, ReasonPrompt};
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::prompt::{Prompt, PromptEvent, PromptPurpose};
use crate::app::suggested_actions;
use crate::haproxy::fields::Field;
use crate::haproxy::write_command::{self, MAX_WEIGHT, TargetWeight, WriteCommand};
use crate::instance::guard::{self, ConfirmationAnswer};
use crate::instance::refusal::Refusal;
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Timestamp;
use crate::table::cell::Role;

/// Starts an action on the marked rows or the row under the cursor, or shows why it is not possible.
pub(crate) fn start_action(model: &mut Model, action: &'static Action, now: Duration) {
    match model.check_allowed(action).and_then(|()| action_targets::find_targets(model, action)) {
        Ok(targets) => start_at_cursor(model, action, targets, now),
        Err(refusal) => model.notify_refusal(&refusal, Role::Warn, now),
    }
}

/// Starts an action on the rows of these names, or shows why it is not possible.
pub(crate) fn start_action_on_rows(model: &mut Model, action: &'static Action, names: &[String], now: Duration) {
    match model.check_allowed(action).and_then(|()| action_targets::find_named_targets(model, action, names)) {
        Ok(targets) => start_for_targets(model, action, targets, now),
        Err(refusal) => model.notify_refusal(&refusal, Role::Warn, now),
    }
}

/// Starts an action on the servers with the selected server's name in all backends.
pub(crate) fn start_action_everywhere(model: &mut Model, action: &'static Action, now: Duration) {
    match model.check_allowed(action).and_then(|()| action_targets::find_targets_everywhere(model)) {
        Ok(targets) => start_for_targets(model, action, targets, now),
        Err(refusal) => model.notify_refusal(&refusal, Role::Warn, now),
    }
}

/// Starts an action on these targets.
pub(crate) fn start_for_targets(model: &mut Model, action: &'static Action, targets: Vec<ActionTarget>, now: Duration) {
    start_resolved(model, action, group_targets::resolve(model, action, targets, false), now);
}

/// Starts an action on the targets under the cursor.
fn start_at_cursor(model: &mut Model, action: &'static Action, targets: Vec<ActionTarget>, now: Duration) {
    start_resolved(model, action, group_targets::resolve(model, action, targets, true), now);
}

fn start_resolved(
    model: &mut Model,
    action: &'static Action,
    resolved: Result<BalancerTargets, Refusal>,
    now: Duration,
) {
    let targets = match resolved {
        Ok(targets) => targets,
        Err(refusal) => return model.notify_refusal(&refusal, Role::Warn, now),
    };
    if model.refuse_without_room(now) {
        return;
    }
    match action.command {
        ActionCommand::Fixed(command) => propose_intent(model, new_intent(action, command, targets), now),
        ActionCommand::AskWeight | ActionCommand::AskLimit => {
            let prompt = Prompt::new(PromptPurpose::Number, "");
            model.layers.push(Layer::NumberPrompt(NumberPrompt { action, targets, prompt }));
        }
    }
}

fn new_intent(action: &'static Action, command: WriteCommand, targets: BalancerTargets) -> Intent {
    let BalancerTargets { instance, balancers, targets } = targets;
    Intent { requested_for: balancers, ..Intent::new(action, command, instance, targets) }
}

/// Opens the confirmation dialog for a change of the weights by `by`.
pub(crate) fn start_weight_change(model: &mut Model, by: i32, now: Duration) {
    let targets = model.check_allowed(&WEIGHT).and_then(|()| action_targets::find_targets(model, &WEIGHT));
    let targets = targets.and_then(|targets| group_targets::resolve(model, &WEIGHT, targets, true));
    let weights = targets.map(|found| {
        let sample = model.instance_by_id(found.instance).and_then(|instance| instance.data.latest());
        let weight = |target: &ActionTarget| {
            let number = |field| sample?.number(target.id, field);
            number(Field::Uweight).or_else(|| number(Field::Weight))
        };
        let current_weights: Option<Vec<i64>> = found.targets.iter().map(weight).collect();
        (found, current_weights)
    });
    let (targets, current_weights) = match weights {
        Ok((targets, Some(current_weights))) => (targets, current_weights),
        Ok(_) => return model.notify("the current weight is unknown", Role::Warn, now),
        Err(refusal) => return model.notify_refusal(&refusal, Role::Warn, now),
    };
    let mut intent = new_intent(&WEIGHT, WriteCommand::Weight(TargetWeight::Absolute(0)), targets);
    for (step, weight) in intent.steps.iter_mut().zip(&current_weights) {
        let weight = weight.saturating_add(i64::from(by)).clamp(0, i64::from(MAX_WEIGHT));
        step.command = WriteCommand::Weight(TargetWeight::Absolute(weight as u16));
    }
    open_confirmation(model, intent, Some(current_weights), now);
}

/// Asks for a reason if one is required, then for confirmation.
pub(crate) fn propose_intent(model: &mut Model, intent: Intent, now: Duration) {
    open_confirmation(model, intent, None, now);
}

fn open_confirmation(model: &mut Model, intent: Intent, current_weights: Option<Vec<i64>>, now: Duration) {
    if model.refuse_without_room(now) {
        return;
    }
    let Some(instance) = model.instance_by_id(intent.instance) else { return };
    match guard::prepare_question(intent, &instance.data) {
        // The weights can still be changed in the dialog, so the reason is asked for only after the dialog.
        Ok((intent, _)) if model.requires_reason && intent.reason.is_none() && current_weights.is_none() => {
            model
                .layers
                .push(Layer::ReasonPrompt(ReasonPrompt { intent, prompt: Prompt::new(PromptPurpose::Reason, "") }));
        }
        Ok((intent, danger)) => {
            let others = group_action::find_others(model, &intent, now);
            let is_for_all = intent.purpose == IntentPurpose::Undo || !intent.requested_for.is_empty();
            let confirmation = match current_weights {
                Some(current_weights) => Confirmation::with_weight_steps(intent, danger, current_weights, now),
                None => Confirmation::new(intent, danger, now),
            };
            model.layers.push(Layer::Confirmation(confirmation.with_others(others, is_for_all)));
        }
        Err(refusal) => model.notify_refusal(&refusal, Role::Warn, now),
    }
}

/// Handles a key in the number prompt.
pub(crate) fn handle_number_key(model: &mut Model, mut number: NumberPrompt, press: KeyPress, now: Duration) {
    let event = number.prompt.handle_key(press.key);
    let is_complete = event == PromptEvent::Edited && completes_weight(&number, press);
    match event {
        PromptEvent::Canceled => model.notify("nothing was sent", Role::Dim, now),
        _ if is_complete || event == PromptEvent::Submitted => {
            let text = number.prompt.text();
            let command = match (number.action.command, number.action.target_kind) {
                (ActionCommand::Fixed(command), _) => Ok(command),
                (ActionCommand::AskWeight, _) => TargetWeight::parse(text).map(WriteCommand::Weight),
                // A frontend with a limit of 0 would accept no connections.
                (ActionCommand::AskLimit, TargetKind::Frontend) => {
                    write_command::parse_limit(text, 1).map(WriteCommand::FrontendMaxconn)
                }
                (ActionCommand::AskLimit, _) => write_command::parse_limit(text, 0).map(WriteCommand::ServerMaxconn),
            };
            match command {
                Ok(command) => {
                    propose_intent(model, new_intent(number.action, command, number.targets), now);
                    if let Some(gate) = model.gate_mut().filter(|_| is_complete) {
                        gate.ignore_next_enter();
                    }
                }
                Err(error) => {
                    number.prompt.error = Some(error.to_string());
                    model.layers.push(Layer::NumberPrompt(number));
                }
            }
        }
        _ => {
            number.prompt.error = None;
            model.layers.push(Layer::NumberPrompt(number));
        }
    }
}

/// Returns whether a key has completed a weight: nothing can follow the percent sign, so it needs no Enter.
fn completes_weight(number: &NumberPrompt, press: KeyPress) -> bool {
    let text = number.prompt.text();
    let is_percentage = text.ends_with('%') && TargetWeight::parse(text).is_ok();
    number.action.command == ActionCommand::AskWeight
        && press.key == Key::char('%')
        && !press.is_in_burst()
        && is_percentage
}

/// Handles a key in the reason prompt.
pub(crate) fn handle_reason_key(model: &mut Model, mut reason: ReasonPrompt, key: Key, now: Duration) {
    match reason.prompt.handle_key(key) {
        PromptEvent::Canceled => model.notify("nothing was sent", Role::Dim, now),
        PromptEvent::Submitted if reason.prompt.text().trim().is_empty() => {
            reason.prompt.error = Some("a reason is required; Esc cancels".to_owned());
            model.layers.push(Layer::ReasonPrompt(reason));
        }
        PromptEvent::Submitted => {
            let text = reason.prompt.text().trim().to_owned();
            propose_intent(model, Intent { reason: Some(text), ..reason.intent }, now);
        }
        _ => {
            reason.prompt.error = None;
            model.layers.push(Layer::ReasonPrompt(reason));
        }
    }
}

/// Handles a key in the confirmation dialog; `step` is the weight change bound to the key, if any.
pub(crate) fn handle_confirmation_key(
    model: &mut Model,
    mut confirmation: Confirmation,
    press: KeyPress,
    step: Option<i32>,
    now: Duration,
) {
    if let Some(by) = step.filter(|_| confirmation.can_change_weight() && !press.key.alt) {
        return change_proposed_weight(model, confirmation, by, now);
    }
    match confirmation.handle_key(press) {
        ConfirmationEvent::Pending => model.layers.push(Layer::Confirmation(confirmation)),
        ConfirmationEvent::No => model.notify("nothing was sent", Role::Dim, now),
        ConfirmationEvent::RunInstead(action) => {
            let targets = confirmation.intent.steps.into_iter().map(|step| step.target).collect();
            let (reason, requested_for) = (confirmation.intent.reason, confirmation.intent.requested_for);
            if let ActionCommand::Fixed(command) = action.command {
                propose_intent(
                    model,
                    Intent {
                        reason,
                        requested_for,
                        ..Intent::new(action, command, confirmation.intent.instance, targets)
                    },
                    now,
                );
            }
        }
    }
}

fn change_proposed_weight(model: &mut Model, mut confirmation: Confirmation, by: i32, now: Duration) {
    if let Some(intent) = confirmation.intent_with_weight_change(by)
        && let Some(instance) = model.instance_by_id(intent.instance)
    {
        match guard::prepare_question(intent, &instance.data) {
            Ok((intent, danger)) => {
                let (others, is_for_all) = (group_action::find_others(model, &intent, now), confirmation.is_for_all);
                confirmation.replace_intent(intent, danger, now);
                confirmation = confirmation.with_others(others, is_for_all);
            }
            Err(refusal) => return model.notify_refusal(&refusal, Role::Bad, now),
        }
    }
    model.layers.push(Layer::Confirmation(confirmation));
}

/// Sends the action of a confirmation that was answered with Yes.
pub(crate) fn send_confirmed(
    model: &mut Model,
    confirmation: Confirmation,
    answer: &ConfirmationAnswer,
    now: Duration,
) -> Vec<Effect> {
    if model.requires_reason && confirmation.intent.reason.is_none() {
        propose_intent(model, confirmation.intent, now);
        return Vec::new();
    }
    if confirmation.is_for_all {
        return match group_action::send_confirmed(model, &confirmation, answer, now) {
            Ok(effects) => effects,
            Err((id, refusal)) => {
                let why = format!("{}: {refusal}", group_action::name_of(model, id));
                reopen_confirmation(model, confirmation, &refusal, Some(why), now);
                Vec::new()
            }
        };
    }
    let Some(instance) = model.instance_by_id_mut(confirmation.intent.instance) else { return Vec::new() };
    match guard::authorise(confirmation.intent.clone(), answer, &instance.data) {
        Ok(authorised) => {
            instance.start_action();
            let text = confirmation.intent.commands().join("; ");
            model.notify(format!("sent: {text}"), Role::Normal, now);
            vec![Effect::RunAction(authorised)]
        }
        Err(
            refusal @ (Refusal::Changed { .. } | Refusal::WorseImpact(_) | Refusal::NotConfirmed | Refusal::Gone(_)),
        ) => {
            reopen_confirmation(model, confirmation, &refusal, None, now);
            Vec::new()
        }
        Err(refusal) => {
            model.notify_refusal(&refusal, Role::Bad, now);
            Vec::new()
        }
    }
}

/// Opens the dialog again with the current state of the targets that still exist. The answer was discarded, because a
/// target changed or is gone, or the action became more dangerous. `elsewhere` says so of another balancer of the question.
fn reopen_confirmation(
    model: &mut Model,
    confirmation: Confirmation,
    refusal: &Refusal,
    elsewhere: Option<String>,
    now: Duration,
) {
    let Some(instance) = model.instance_by_id(confirmation.intent.instance) else { return };
    let changes = guard::describe_target_changes(&confirmation.intent, &instance.data);
    let mut intent = guard::with_present_targets(confirmation.intent.clone(), &instance.data);
    if matches!(refusal, Refusal::Gone(_)) {
        intent.steps.retain(|step| instance.data.target(step.target.id).is_some());
        if intent.steps.is_empty() {
            return model.notify_refusal(refusal, Role::Bad, now);
        }
    }
    let left = match confirmation.intent.steps.len() - intent.steps.len() {
        0 => String::new(),
        _ => "; the question is about the others now".to_owned(),
    };
    let changes = if changes.is_empty() { refusal.to_string() } else { changes.join("; ") };
    let why = elsewhere.unwrap_or(changes);
    match guard::prepare_question(intent, &instance.data) {
        Ok((intent, danger)) => {
            let (others, is_for_all) = (group_action::find_others(model, &intent, now), confirmation.is_for_all);
            let mut again = confirmation.reopen(intent, danger, now).with_others(others, is_for_all);
            again.gate.set_remark(format!("please confirm again: {why}{left}"));
            model.layers.push(Layer::Confirmation(again));
        }
        Err(refusal) => model.notify_refusal(&refusal, Role::Bad, now),
    }
}

/// Asks again about the steps that were not sent, because a target or the impact had changed since the confirmation. Called
/// with the first sample after that, which shows the change.
pub(crate) fn confirm_again(model: &mut Model, id: InstanceId, now: Duration) {
    if model.instance_by_id(id).is_none_or(|instance| instance.unconfirmed.is_none()) || model.refuse_without_room(now)
    {
        return;
    }
    let Some(instance) = model.instance_by_id_mut(id) else { return };
    let Some((intent, differences)) = instance.unconfirmed.take() else { return };
    let intent = guard::with_present_targets(intent, &instance.data);
    match guard::prepare_question(intent, &instance.data) {
        // Another layer may have been opened in the meantime; a question must not interrupt it.
        Ok((intent, danger)) if model.layers.is_empty() => {
            let mut confirmation = Confirmation::new(intent, danger, now);
            confirmation.gate.set_remark(format!("please confirm again: {differences}"));
            model.layers.push(Layer::Confirmation(confirmation));
        }
        Ok(_) => {}
        Err(refusal) => model.notify(format!("nothing was sent: {refusal}"), Role::Bad, now),
    }
}

/// Opens the confirmation for undoing the last action.
pub(crate) fn start_undo(model: &mut Model, now: Duration) {
    let newest = || {
        let all = model.instances.iter().filter(|one| model.is_merged() && model.undo.next_undo(&one.data).is_some());
        all.max_by_key(|one| model.undo.position_of_next(one.id()))
    };
    let Some(instance) = newest().or_else(|| model.single_instance()) else { return };
    let Some(entry) = model.undo.next_undo(&instance.data) else {
        return model.notify(model.undo.explain_nothing(&instance.data, now), Role::Dim, now);
    };
    let id = instance.id();
    match entry.present_intent(&instance.data, now) {
        Ok(intent) => propose_intent(model, intent, now),
        Err(refusal) => {
            model.undo.discard_next(id);
            let beginning =
                if matches!(refusal, Refusal::NothingToChange(_)) { "nothing to undo" } else { "cannot be undone" };
            model.notify(format!("{beginning}: {refusal}"), Role::Warn, now);
        }
    }
}

/// Opens the confirmation for the suggestion shown in the header.
pub(crate) fn accept_suggestion(model: &mut Model, now: Duration) {
    match model.instance().and_then(suggested_actions::current_suggestion) {
        Some(suggestion) => propose_intent(model, suggestion.intent, now),
        // No suggestions are shown during playback.
        None => match model.instance().map(|instance| guard::check_query_allowed(&instance.data)) {
            Some(Err(refusal)) => model.notify_refusal(&refusal, Role::Warn, now),
            _ => model.notify("no suggestion at the moment", Role::Dim, now),
        },
    }
}

/// Dismisses the suggestion shown in the header.
pub(crate) fn dismiss_suggestion(model: &mut Model, now: Duration) {
    match model.instance_mut().and_then(suggested_actions::dismiss_current) {
        Some(question) => model.notify(format!("dismissed: {question}"), Role::Dim, now),
        None => model.notify("no suggestion at the moment", Role::Dim, now),
    }
}

/// Records the stage that a running command has reached.
pub(crate) fn record_progress(model: &mut Model, progress: StepProgress, now: Duration) {
    if let Some(instance) = model.instance_by_id_mut(progress.row.instance) {
        instance.data.record_progress(progress, now);
    }
}

/// Records a finished action and shows its result.
pub(crate) fn finish_action(model: &mut Model, report: &ActionReport, now: Timestamp) -> Vec<Effect> {
    let id = report.intent.instance;
    let Some(instance) = model.instance_by_id_mut(id) else { return Vec::new() };
    let epoch = instance.finish_action(report, now);
    let steps = report.steps_to_confirm_again();
    let are_rows = steps.iter().all(|step| step.target.id != RowId::PROCESS);
    if let Some(StepResult { outcome: Outcome::Changed(differences), .. }) = report.results.last()
        && are_rows
    {
        instance.unconfirmed = Some((Intent { steps, ..report.intent.clone() }, differences.clone()));
    }
    let is_left_empty = |result: &StepResult| {
        let capacity = result.after.as_ref().and_then(|after| after.capacity);
        result.remaining_capacity().is_some() && capacity.is_some_and(|capacity| !capacity.is_available())
    };
    let role = match report.is_success() {
        true if report.results.iter().any(is_left_empty) => Role::Warn,
        true => Role::Good,
        false => Role::Bad,
    };
    model.undo.record(report, epoch, now);
    model.notify(action_summary::summarize_report(report), role, now.monotonic);
    let next = group_action::continue_run(model, report, now.monotonic).unwrap_or_default();
    std::iter::once(Effect::PollNow(id)).chain(next).collect()
}
