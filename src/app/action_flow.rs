//! From a key to an act: what it needs to be told, the question, the answer, and what came of it.

use std::time::Duration;

use crate::actions::action_table::{Action, Gives, Subject, WEIGHT};
use crate::actions::intent::{Intent, Target};
use crate::actions::outcome::{Progress, Report};
use crate::app::action_targets;
use crate::app::confirmation::{Answer, Confirm};
use crate::app::key::Key;
use crate::app::layers::{Layer, Number, Reason};
use crate::app::model::Model;
use crate::app::msg::Effect;
use crate::app::suggestions;
use crate::app::text_input::{Prompt, Purpose as Typing, Typed};
use crate::haproxy::fields::Field;
use crate::haproxy::write_command::{self, MAX_WEIGHT, WriteCommand, Weight};
use crate::instance::guard::{Consent, Guard, Refusal};
use crate::observe::timestamp::Stamp;
use crate::table::cell::Role;

/// Asks before acting on what is marked or selected, or says why it cannot be had.
pub fn ask(model: &mut Model, act: &'static Action, now: Duration) {
    match model.allows(act).and_then(|()| action_targets::of(model, act)) {
        Ok(targets) => ask_about(model, act, targets, now),
        Err(refusal) => model.refuse(&refusal, Role::Warn, now),
    }
}

/// The same for the server of that name in every backend.
pub fn ask_everywhere(model: &mut Model, act: &'static Action, now: Duration) {
    match model.allows(act).and_then(|()| action_targets::everywhere(model)) {
        Ok(targets) => ask_about(model, act, targets, now),
        Err(refusal) => model.refuse(&refusal, Role::Warn, now),
    }
}

fn ask_about(model: &mut Model, act: &'static Action, targets: Vec<Target>, now: Duration) {
    match act.gives {
        Gives::Order(order) => propose(model, Intent::new(act, order, model.current, targets), now),
        Gives::Weight | Gives::Limit => {
            let prompt = Prompt::new(Typing::Number, "");
            model.layers.push(Layer::Number(Number { act, targets, prompt }));
        }
    }
}

/// Asks about weights so much higher or lower.
pub fn ask_step(model: &mut Model, by: i32, now: Duration) {
    let targets = model.allows(&WEIGHT).and_then(|()| action_targets::of(model, &WEIGHT));
    let weights = targets.map(|targets| {
        let sample = model.instance().and_then(|instance| instance.watch.newest());
        let weight = |target: &Target| {
            let number = |field| sample?.number(target.id, field);
            number(Field::Uweight).or_else(|| number(Field::Weight))
        };
        let from: Option<Vec<i64>> = targets.iter().map(weight).collect();
        (targets, from)
    });
    let (targets, from) = match weights {
        Ok((targets, Some(from))) => (targets, from),
        Ok(_) => return model.say("its weight is not known", Role::Warn, now),
        Err(refusal) => return model.refuse(&refusal, Role::Warn, now),
    };
    let mut intent = Intent::new(&WEIGHT, WriteCommand::Weight(Weight::Absolute(0)), model.current, targets);
    for (step, weight) in intent.steps.iter_mut().zip(&from) {
        let weight = weight.saturating_add(i64::from(by)).clamp(0, i64::from(MAX_WEIGHT));
        step.order = WriteCommand::Weight(Weight::Absolute(weight as u16));
    }
    confirm(model, intent, Some(from), now);
}

/// Asks for the reason where one is wanted, then whether to do it.
pub fn propose(model: &mut Model, intent: Intent, now: Duration) {
    confirm(model, intent, None, now);
}

fn confirm(model: &mut Model, intent: Intent, from: Option<Vec<i64>>, now: Duration) {
    let Some(instance) = model.instances.get(intent.instance) else { return };
    match model.guard.check(&intent, &instance.watch) {
        // Weights are stepped first.
        Ok(_) if model.asks_reason && intent.reason.is_none() && from.is_none() => {
            model.layers.push(Layer::Reason(Reason { intent, prompt: Prompt::new(Typing::Reason, "") }));
        }
        Ok(danger) => model.layers.push(Layer::Confirm(match from {
            Some(from) => Confirm::stepping(intent, danger, from, now),
            None => Confirm::new(intent, danger, now),
        })),
        Err(refusal) => model.refuse(&refusal, Role::Warn, now),
    }
}

/// A key while a number is typed.
pub fn type_number(model: &mut Model, mut number: Number, key: Key, now: Duration) {
    match number.prompt.key(key) {
        Typed::Left => model.say("nothing was sent", Role::Dim, now),
        Typed::Done => {
            let text = number.prompt.text();
            let order = match (number.act.gives, number.act.subject) {
                (Gives::Order(order), _) => Ok(order),
                (Gives::Weight, _) => Weight::parse(text).map(WriteCommand::Weight),
                // A frontend with a limit of 0 accepts nobody.
                (Gives::Limit, Subject::Frontend) => write_command::limit(text, 1).map(WriteCommand::FrontendMaxconn),
                (Gives::Limit, _) => write_command::limit(text, 0).map(WriteCommand::ServerMaxconn),
            };
            match order {
                Ok(order) => propose(model, Intent::new(number.act, order, model.current, number.targets), now),
                Err(bad) => {
                    number.prompt.complaint = Some(bad.to_string());
                    model.layers.push(Layer::Number(number));
                }
            }
        }
        _ => {
            number.prompt.complaint = None;
            model.layers.push(Layer::Number(number));
        }
    }
}

/// A key while a reason is typed.
pub fn type_reason(model: &mut Model, mut reason: Reason, key: Key, now: Duration) {
    match reason.prompt.key(key) {
        Typed::Left => model.say("nothing was sent", Role::Dim, now),
        Typed::Done if reason.prompt.text().trim().is_empty() => {
            reason.prompt.complaint = Some("a reason is wanted; Esc leaves it".to_owned());
            model.layers.push(Layer::Reason(reason));
        }
        Typed::Done => {
            let text = reason.prompt.text().trim().to_owned();
            propose(model, Intent { reason: Some(text), ..reason.intent }, now);
        }
        _ => {
            reason.prompt.complaint = None;
            model.layers.push(Layer::Reason(reason));
        }
    }
}

/// A key while the question is open; `step` is by how much the key would change a weight.
pub fn answer(model: &mut Model, mut question: Confirm, key: Key, step: Option<i32>, now: Duration) -> Vec<Effect> {
    if let Some(by) = step.filter(|_| question.can_step()) {
        return step_on(model, question, by, now);
    }
    match question.key(key, now) {
        Answer::Wait => {
            model.layers.push(Layer::Confirm(question));
            Vec::new()
        }
        Answer::No => {
            model.say("nothing was sent", Role::Dim, now);
            Vec::new()
        }
        Answer::Yes(_) if model.asks_reason && question.intent.reason.is_none() => {
            propose(model, question.intent, now);
            Vec::new()
        }
        Answer::Yes(consent) => send(model, question, &consent, now),
        Answer::Instead(act) => {
            let targets = question.intent.steps.into_iter().map(|step| step.target).collect();
            let reason = question.intent.reason;
            if let Gives::Order(order) = act.gives {
                propose(model, Intent { reason, ..Intent::new(act, order, question.intent.instance, targets) }, now);
            }
            Vec::new()
        }
    }
}

fn step_on(model: &mut Model, mut question: Confirm, by: i32, now: Duration) -> Vec<Effect> {
    if let Some(intent) = question.stepped(by)
        && let Some(instance) = model.instances.get(intent.instance)
    {
        match model.guard.check(&intent, &instance.watch) {
            Ok(danger) => question.step(intent, danger, now),
            Err(refusal) => {
                model.refuse(&refusal, Role::Bad, now);
                return Vec::new();
            }
        }
    }
    model.layers.push(Layer::Confirm(question));
    Vec::new()
}

fn send(model: &mut Model, question: Confirm, consent: &Consent, now: Duration) -> Vec<Effect> {
    let Some(instance) = model.instances.get_mut(question.intent.instance) else { return Vec::new() };
    match model.guard.authorise(question.intent.clone(), consent, &instance.watch) {
        Ok(authorised) => {
            instance.acting += 1;
            instance.marks.clear();
            let text = question.intent.commands().join("; ");
            model.say(format!("sent: {text}"), Role::Normal, now);
            vec![Effect::Act(authorised)]
        }
        Err(refusal @ (Refusal::Changed { .. } | Refusal::NotConfirmed)) => {
            ask_again(model, question, &refusal, now);
            Vec::new()
        }
        Err(refusal) => {
            model.refuse(&refusal, Role::Bad, now);
            Vec::new()
        }
    }
}

/// Something is not what it was when the question was asked, or less would be left: the answer does not count.
fn ask_again(model: &mut Model, question: Confirm, refusal: &Refusal, now: Duration) {
    let Some(instance) = model.instances.get(question.intent.instance) else { return };
    let mut intent = question.intent.clone();
    for step in &mut intent.steps {
        if let Some(status) = instance.watch.status(step.target.id) {
            step.target.seen = status;
        }
    }
    match model.guard.check(&intent, &instance.watch) {
        Ok(danger) => {
            let again = question.again(intent, danger, format!("{refusal}; asked again"), now);
            model.layers.push(Layer::Confirm(again));
        }
        Err(refusal) => model.refuse(&refusal, Role::Bad, now),
    }
}

/// Asks whether to take the last act back.
pub fn undo(model: &mut Model, now: Duration) {
    let Some(mut intent) = model.undo.next(model.current).cloned() else {
        return model.say("nothing to undo: nothing was done here, or it cannot be taken back", Role::Dim, now);
    };
    let remark = model.undo.lasting().map(|last| format!("{last} cannot be taken back; this is the act before it"));
    let Some(instance) = model.instance() else { return };
    for step in &mut intent.steps {
        step.target.seen = instance.watch.status(step.target.id).unwrap_or_default();
    }
    if let Err(refusal @ Refusal::Gone(_)) = model.guard.check(&intent, &instance.watch) {
        model.undo.drop_next(model.current);
        return model.say(format!("cannot be undone: {refusal}"), Role::Warn, now);
    }
    propose(model, intent, now);
    if let Some(Layer::Confirm(question)) = model.layers.last_mut() {
        question.remark = remark;
    }
}

/// Takes the offer that is shown.
pub fn take_offer(model: &mut Model, now: Duration) {
    let current = model.current;
    match model.instance().and_then(|instance| suggestions::current(instance, current)) {
        Some(offer) => propose(model, offer.intent, now),
        // What is offered in the present is not shown in the past.
        None => match model.instance().map(|instance| Guard::is_live(&instance.watch)) {
            Some(Err(refusal)) => model.refuse(&refusal, Role::Warn, now),
            _ => model.say("nothing is offered now", Role::Dim, now),
        },
    }
}

/// Lets the offer that is shown go.
pub fn decline_offer(model: &mut Model, now: Duration) {
    let current = model.current;
    match model.instance_mut().and_then(|instance| suggestions::decline(instance, current)) {
        Some(words) => model.say(format!("let go: {words}"), Role::Dim, now),
        None => model.say("nothing is offered now", Role::Dim, now),
    }
}

/// A command under way has come this far.
pub fn progress(model: &mut Model, progress: Progress, now: Duration) {
    if let Some(instance) = model.instances.get_mut(progress.instance) {
        instance.watch.progress(progress.row, progress.stage, now);
    }
}

/// An act was carried out.
pub fn acted(model: &mut Model, report: &Report, now: Stamp) -> Vec<Effect> {
    let place = report.intent.instance;
    let Some(instance) = model.instances.get_mut(place) else { return Vec::new() };
    instance.acting = instance.acting.saturating_sub(1);
    instance.watch.acted(report, now);
    for done in report.done.iter().filter(|done| done.outcome.is_good()) {
        instance.asked.forget(&done.step);
    }
    instance.declined.retain(|id| !report.done.iter().any(|done| done.step.target.id == *id));
    let role = if report.is_good() { Role::Good } else { Role::Bad };
    model.undo.remember(report);
    model.say(summary(report), role, now.mono);
    vec![Effect::PollNow(place)]
}

/// What became of it, in a line.
fn summary(report: &Report) -> String {
    let remark = report.done.iter().find_map(|done| done.remark.as_ref());
    let remark = remark.map_or(String::new(), |remark| format!("; {remark}"));
    let Some(last) = report.done.last() else { return String::new() };
    let name = last.step.name();
    match (report.done.len(), report.left().len()) {
        (1, 0) => format!("{name}: {}{remark}", last.outcome),
        (count @ 2..=3, 0) if report.is_good() => {
            let each: Vec<String> =
                report.done.iter().map(|done| format!("{}: {}", done.step.name(), done.outcome)).collect();
            format!("{count} acts: {}{remark}", each.join("; "))
        }
        (count, 0) if report.is_good() => format!("{count} acts done; the last, {name}: {}{remark}", last.outcome),
        (count, left) => {
            let done = count - usize::from(!last.outcome.is_good());
            let untouched = if left > 0 { format!(", {left} not touched") } else { String::new() };
            // HAProxy's words may be long: what the line has no room for must not be this count.
            format!("{done} done{untouched}; {name}: {}{remark}", last.outcome)
        }
    }
}
