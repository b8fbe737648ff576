//! From a key to an act: the question, the answer, and what came of it.

use std::time::Duration;

use crate::app::cells::Role;
use crate::app::confirm::{Answer, Confirm};
use crate::app::key::Key;
use crate::app::model::{Layer, Model};
use crate::app::msg::Effect;
use crate::monitor::acts::Act;
use crate::monitor::guard::{Consent, Refusal};
use crate::monitor::outcome::Report;
use crate::monitor::stamp::Stamp;

/// Asks before acting on the selected row, or says why it cannot be had.
pub fn ask(model: &mut Model, act: &'static Act, now: Duration) {
    let asked = model.intend(act).and_then(|intent| {
        let instance = model.instance().ok_or(Refusal::NoLink)?;
        let danger = model.guard.check(&intent, &instance.watch)?;
        Ok(Confirm::new(intent, danger, now))
    });
    match asked {
        Ok(confirm) => model.layers.push(Layer::Confirm(confirm)),
        Err(refusal) => model.say(refusal.to_string(), Role::Warn, now),
    }
}

/// A key while the question is open.
pub fn answer(model: &mut Model, mut confirm: Confirm, key: Key, now: Duration) -> Vec<Effect> {
    match confirm.key(key, now) {
        Answer::Wait => {
            model.layers.push(Layer::Confirm(confirm));
            Vec::new()
        }
        Answer::No => {
            model.say("nothing was sent", Role::Dim, now);
            Vec::new()
        }
        Answer::Yes(consent) => send(model, confirm, &consent, now),
    }
}

fn send(model: &mut Model, confirm: Confirm, consent: &Consent, now: Duration) -> Vec<Effect> {
    let Some(instance) = model.instances.get_mut(confirm.intent.instance) else { return Vec::new() };
    match model.guard.authorise(confirm.intent.clone(), consent, &instance.watch) {
        Ok(authorised) => {
            instance.acting += 1;
            let text = confirm.commands().join("; ");
            model.say(format!("sent: {text}"), Role::Normal, now);
            vec![Effect::Act(authorised)]
        }
        Err(refusal @ (Refusal::Changed { .. } | Refusal::NotConfirmed)) => {
            ask_again(model, confirm, &refusal, now);
            Vec::new()
        }
        Err(refusal) => {
            model.say(refusal.to_string(), Role::Bad, now);
            Vec::new()
        }
    }
}

/// The server is not what it was when the question was asked, or less would be left: the answer does not count.
fn ask_again(model: &mut Model, confirm: Confirm, refusal: &Refusal, now: Duration) {
    let mut intent = confirm.intent.clone();
    let Some(instance) = model.instances.get(intent.instance) else { return };
    for target in &mut intent.targets {
        if let Some(status) = instance.watch.status(target.id) {
            target.seen = status;
        }
    }
    match model.guard.check(&intent, &instance.watch) {
        Ok(danger) => {
            let again = confirm.again(intent, danger, format!("{refusal}; asked again"), now);
            model.layers.push(Layer::Confirm(again));
        }
        Err(refusal) => model.say(refusal.to_string(), Role::Bad, now),
    }
}

/// An act was carried out.
pub fn acted(model: &mut Model, report: &Report, now: Stamp) -> Vec<Effect> {
    let Some(instance) = model.instances.get_mut(report.instance) else { return Vec::new() };
    instance.acting = instance.acting.saturating_sub(1);
    instance.watch.acted(report, now);
    if let Some(last) = report.done.last() {
        let role = if last.outcome.is_verified() { Role::Good } else { Role::Bad };
        let left = if report.left > 0 { format!("; {} more not touched", report.left) } else { String::new() };
        let name = format!("{}/{}", last.target.backend, last.target.server);
        model.say(format!("{name}: {}{left}", last.outcome), role, now.mono);
    }
    vec![Effect::PollNow(report.instance)]
}
