//! The steps of an action from the key press to its result: number or reason prompt, confirmation, sending, report.

use std::time::Duration;

use crate::actions::action_table::{Action, ActionCommand, TargetKind, WEIGHT};
use crate::actions::intent::{ActionTarget, Intent};
use crate::actions::outcome::{ActionReport, StepProgress};
use crate::app::action_targets;
use crate::app::confirmation::{Confirmation, ConfirmationEvent};
use crate::app::instance_view::InstanceView;
use crate::app::key::{Key, KeyPress};
use crate::app::layers::{Layer, NumberPrompt, ReasonPrompt};
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::prompt::{Prompt, PromptEvent, PromptPurpose};
use crate::app::suggested_actions;
use crate::haproxy::fields::Field;
use crate::haproxy::write_command::{self, MAX_WEIGHT, TargetWeight, WriteCommand};
use crate::instance::guard::{self, ConfirmationAnswer, Refusal};
use crate::observe::timestamp::Timestamp;
use crate::table::cell::Role;

/// Starts an action on the marked rows or the row under the cursor, or shows why it is not possible.
pub(crate) fn start_action(model: &mut Model, action: &'static Action, now: Duration) {
    match model.check_allowed(action).and_then(|()| action_targets::find_targets(model, action)) {
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

fn start_for_targets(model: &mut Model, action: &'static Action, targets: Vec<ActionTarget>, now: Duration) {
    let Some(instance) = model.instance().map(InstanceView::id) else { return };
    if model.refuse_without_room(now) {
        return;
    }
    match action.command {
        ActionCommand::Fixed(command) => {
            propose_intent(model, Intent::new(action, command, instance, targets), now);
        }
        ActionCommand::AskWeight | ActionCommand::AskLimit => {
            let prompt = Prompt::new(PromptPurpose::Number, "");
            model.layers.push(Layer::NumberPrompt(NumberPrompt { action, instance, targets, prompt }));
        }
    }
}

/// Opens the confirmation dialog for a change of the weights by `by`.
pub(crate) fn start_weight_change(model: &mut Model, by: i32, now: Duration) {
    let Some(instance) = model.instance() else { return };
    let targets = model.check_allowed(&WEIGHT).and_then(|()| action_targets::find_targets(model, &WEIGHT));
    let weights = targets.map(|targets| {
        let sample = instance.data.latest();
        let weight = |target: &ActionTarget| {
            let number = |field| sample?.number(target.id, field);
            number(Field::Uweight).or_else(|| number(Field::Weight))
        };
        let current_weights: Option<Vec<i64>> = targets.iter().map(weight).collect();
        (targets, current_weights)
    });
    let (targets, current_weights) = match weights {
        Ok((targets, Some(current_weights))) => (targets, current_weights),
        Ok(_) => return model.notify("the current weight is unknown", Role::Warn, now),
        Err(refusal) => return model.notify_refusal(&refusal, Role::Warn, now),
    };
    let mut intent = Intent::new(&WEIGHT, WriteCommand::Weight(TargetWeight::Absolute(0)), instance.id(), targets);
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
    match guard::check_intent(&intent, &instance.data) {
        // The weights can still be changed in the dialog, so the reason is asked for only after the dialog.
        Ok(_) if model.requires_reason && intent.reason.is_none() && current_weights.is_none() => {
            model
                .layers
                .push(Layer::ReasonPrompt(ReasonPrompt { intent, prompt: Prompt::new(PromptPurpose::Reason, "") }));
        }
        Ok(danger) => model.layers.push(Layer::Confirmation(match current_weights {
            Some(current_weights) => Confirmation::with_weight_steps(intent, danger, current_weights, now),
            None => Confirmation::new(intent, danger, now),
        })),
        Err(refusal) => model.notify_refusal(&refusal, Role::Warn, now),
    }
}

/// Handles a key in the number prompt.
pub(crate) fn handle_number_key(model: &mut Model, mut number: NumberPrompt, key: Key, now: Duration) {
    match number.prompt.handle_key(key) {
        PromptEvent::Canceled => model.notify("nothing was sent", Role::Dim, now),
        PromptEvent::Submitted => {
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
                    let intent = Intent::new(number.action, command, number.instance, number.targets);
                    propose_intent(model, intent, now);
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
            let reason = confirmation.intent.reason;
            if let ActionCommand::Fixed(command) = action.command {
                propose_intent(
                    model,
                    Intent { reason, ..Intent::new(action, command, confirmation.intent.instance, targets) },
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
        match guard::check_intent(&intent, &instance.data) {
            Ok(danger) => confirmation.replace_intent(intent, danger, now),
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
    let Some(instance) = model.instance_by_id_mut(confirmation.intent.instance) else { return Vec::new() };
    match guard::authorise(confirmation.intent.clone(), answer, &instance.data) {
        Ok(authorised) => {
            instance.start_action();
            let text = confirmation.intent.commands().join("; ");
            model.notify(format!("sent: {text}"), Role::Normal, now);
            vec![Effect::RunAction(authorised)]
        }
        Err(refusal @ (Refusal::Changed { .. } | Refusal::NotConfirmed)) => {
            reopen_confirmation(model, confirmation, &refusal, now);
            Vec::new()
        }
        Err(refusal) => {
            model.notify_refusal(&refusal, Role::Bad, now);
            Vec::new()
        }
    }
}

/// Opens the dialog again with the current state of the targets. The answer was discarded, because a target changed or
/// the action became more dangerous.
fn reopen_confirmation(model: &mut Model, confirmation: Confirmation, refusal: &Refusal, now: Duration) {
    let Some(instance) = model.instance_by_id(confirmation.intent.instance) else { return };
    let mut intent = confirmation.intent.clone();
    for step in &mut intent.steps {
        if let Some(status) = instance.data.last_status(step.target.id) {
            step.target.seen_status = status;
        }
    }
    match guard::check_intent(&intent, &instance.data) {
        Ok(danger) => {
            let again = confirmation.reopen(intent, danger, format!("{refusal}; please confirm again"), now);
            model.layers.push(Layer::Confirmation(again));
        }
        Err(refusal) => model.notify_refusal(&refusal, Role::Bad, now),
    }
}

/// Opens the confirmation for undoing the last action.
pub(crate) fn start_undo(model: &mut Model, now: Duration) {
    let Some(instance) = model.instance() else { return };
    let id = instance.id();
    let Some(mut intent) = model.undo.next_undo(id).cloned() else {
        return model.notify("nothing to undo on this instance", Role::Dim, now);
    };
    let not_undoable = model.undo.not_undoable(id);
    let remark = not_undoable.map(|last| format!("{last} cannot be undone; this is the action before it"));
    for step in &mut intent.steps {
        step.target.seen_status = instance.data.last_status(step.target.id).unwrap_or_default();
    }
    if let Err(refusal @ Refusal::Gone(_)) = guard::check_intent(&intent, &instance.data) {
        model.undo.discard_next(id);
        return model.notify(format!("cannot be undone: {refusal}"), Role::Warn, now);
    }
    propose_intent(model, intent, now);
    if let (Some(remark), Some(gate)) = (remark, model.gate_mut()) {
        gate.set_remark(remark);
    }
}

/// Opens the confirmation for the suggestion shown in the header.
pub(crate) fn accept_suggestion(model: &mut Model, now: Duration) {
    match model.instance().and_then(suggested_actions::current_suggestion) {
        Some(suggestion) => propose_intent(model, suggestion.intent, now),
        // No suggestions are shown during playback.
        None => match model.instance().map(|instance| guard::check_not_past(&instance.data)) {
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
        instance.data.record_progress(progress.row.row, progress.stage, now);
    }
}

/// Records a finished action and shows its result.
pub(crate) fn finish_action(model: &mut Model, report: &ActionReport, now: Timestamp) -> Vec<Effect> {
    let id = report.intent.instance;
    let Some(instance) = model.instance_by_id_mut(id) else { return Vec::new() };
    instance.finish_action(report, now);
    let role = if report.is_success() { Role::Good } else { Role::Bad };
    model.undo.record(report);
    model.notify(summarize_report(report), role, now.monotonic);
    vec![Effect::PollNow(id)]
}

/// Summarizes the results of an action in one line.
fn summarize_report(report: &ActionReport) -> String {
    let remark = report.results.iter().find_map(|result| result.audit_warning.as_ref());
    let remark = remark.map_or(String::new(), |remark| format!("; {remark}"));
    let Some(last) = report.results.last() else { return String::new() };
    let name = last.step.target_name();
    match (report.results.len(), report.unattempted_steps().len()) {
        (1, 0) => format!("{name}: {}{remark}", last.outcome),
        (count @ 2..=3, 0) if report.is_success() => {
            let each: Vec<String> = report
                .results
                .iter()
                .map(|result| format!("{}: {}", result.step.target_name(), result.outcome))
                .collect();
            format!("{count} actions: {}{remark}", each.join("; "))
        }
        (count, 0) if report.is_success() => {
            format!("{count} actions done; the last one, {name}: {}{remark}", last.outcome)
        }
        (count, left) => {
            let done = count - usize::from(!last.outcome.is_success());
            let not_started = if left > 0 { format!(", {left} not started") } else { String::new() };
            // The counts come first, because a long reply of HAProxy may be cut off at the end.
            format!("{done} done{not_started}; {name}: {}{remark}", last.outcome)
        }
    }
}
