//! From one message to the next.

use std::time::Duration;

use crate::app::actions::{Action, Do, Step};
use crate::app::cells::Role;
use crate::app::confirm::{Answer, Confirm};
use crate::app::key::Key;
use crate::app::layout::Pane;
use crate::app::model::{Layer, Model};
use crate::app::msg::{Effect, Msg};
use crate::monitor::acts::{Act, Danger};
use crate::monitor::guard::{Consent, Refusal};
use crate::monitor::link::Link;
use crate::monitor::outcome::Report;
use crate::monitor::sampler::News;
use crate::monitor::stamp::Stamp;

/// Takes a message in, and says what is to be done outside.
pub fn update(model: &mut Model, msg: Msg, now: Stamp) -> Vec<Effect> {
    expire(model, now.mono);
    let effects = match msg {
        Msg::Key(key) => press(model, key, now.mono),
        Msg::Resize(width, height) => {
            model.size = (width, height);
            vec![Effect::Redraw]
        }
        Msg::News(instance, news, missed) => {
            hear(model, instance, news, missed, now.mono);
            Vec::new()
        }
        Msg::Acted(report) => acted(model, &report, now),
        Msg::Wake => Vec::new(),
    };
    settle(model);
    effects
}

/// When something on the screen will change though nothing comes in; nothing when it stays as it is.
pub fn next_wake(model: &Model, now: Duration) -> Option<Duration> {
    let notice = model.notice.as_ref().map(|notice| notice.until);
    let question = model.layers.iter().find_map(|layer| match layer {
        Layer::Confirm(confirm) => Some(next_second(now).min(confirm.expires_at())),
        Layer::Help(_) => None,
    });
    // The age of old data counts up.
    let age = model
        .instance()
        .filter(|instance| matches!(instance.watch.link(), Link::Lost { .. }))
        .map(|_| next_second(now));
    [notice, question, age].into_iter().flatten().min()
}

fn next_second(now: Duration) -> Duration {
    Duration::from_secs(now.as_secs() + 1)
}

fn expire(model: &mut Model, now: Duration) {
    if model.notice.as_ref().is_some_and(|notice| notice.until <= now) {
        model.notice = None;
    }
    let count = model.layers.len();
    model.layers.retain(|layer| !matches!(layer, Layer::Confirm(confirm) if confirm.expires_at() <= now));
    if model.layers.len() < count {
        model.say("nothing was sent: the question was open for too long", Role::Warn, now);
    }
}

fn hear(model: &mut Model, instance: usize, news: News, missed: u64, now: Duration) {
    let Some(heard) = model.instances.get_mut(instance) else { return };
    let epoch = heard.watch.newest().map(|sample| sample.epoch);
    match news {
        News::Sample(sample) => {
            let reloaded = epoch.is_some_and(|epoch| epoch != sample.epoch);
            let pid = sample.epoch.pid;
            heard.watch.take(sample, missed);
            if reloaded {
                let text = format!("{}: another process answers, pid {pid}; its counters start anew", heard.name);
                model.say(text, Role::Warn, now);
            }
        }
        News::Failed(failure, at) => heard.watch.fail(failure, at),
    }
}

fn acted(model: &mut Model, report: &Report, now: Stamp) -> Vec<Effect> {
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

fn press(model: &mut Model, key: Key, now: Duration) -> Vec<Effect> {
    match model.layers.pop() {
        Some(Layer::Confirm(confirm)) => answer(model, confirm, key, now),
        Some(Layer::Help(top)) => {
            if let Some(top) = scroll_help(model, key, top) {
                model.layers.push(Layer::Help(top));
            }
            Vec::new()
        }
        None => match model.keymap.get(key) {
            Some(action) => run(model, action, now),
            None => Vec::new(),
        },
    }
}

/// Where the help goes on; nothing when it is closed.
fn scroll_help(model: &Model, key: Key, top: usize) -> Option<usize> {
    match model.keymap.get(key).map(|action| action.run) {
        Some(Do::Back | Do::Help | Do::Quit | Do::Open) => None,
        Some(Do::Move(step)) => {
            let page = usize::from(model.size.1 / 2).max(1) as isize;
            Some(match step {
                Step::Rows(count) => top.saturating_add_signed(count as isize),
                Step::HalfPages(count) => top.saturating_add_signed(count as isize * page),
                Step::First => 0,
                Step::Last => usize::MAX / 2,
            })
        }
        _ => Some(top),
    }
}

fn answer(model: &mut Model, mut confirm: Confirm, key: Key, now: Duration) -> Vec<Effect> {
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
        if let Some(row) = instance.watch.newest().and_then(|sample| sample.row(target.id)) {
            target.seen = row.status().into();
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

fn run(model: &mut Model, action: &Action, now: Duration) -> Vec<Effect> {
    match action.run {
        Do::Move(step) => {
            let height = model.layout().list_rows(model.focus);
            let current = model.current;
            if let (Some(list), Some(instance)) = (model.focus.list(), model.instances.get_mut(current)) {
                let before = instance.selected(Pane::Backends);
                let ids = instance.ids(model.focus);
                instance.lists[list].step(step, &ids, height);
                if instance.selected(Pane::Backends) != before
                    && let Some(servers) = Pane::Servers.list()
                {
                    instance.lists[servers].reset();
                }
            }
        }
        Do::Open => open(model),
        Do::Back => back(model),
        Do::Focus(by) => {
            let place = model.focus.list().unwrap_or_default() as i32 + by;
            model.focus = Pane::LISTS[place.rem_euclid(Pane::LISTS.len() as i32) as usize];
        }
        Do::Zoom => model.zoom = !model.zoom,
        Do::Span(by) => model.change_span(by),
        Do::Instance(by) => {
            let count = model.instances.len() as i32;
            if count < 2 {
                model.say("only one HAProxy is watched: name several on the command line", Role::Dim, now);
            } else {
                model.current = (model.current as i32 + by).rem_euclid(count) as usize;
            }
        }
        Do::Act(act) => ask(model, act, now),
        Do::PollNow => return vec![Effect::PollNow(model.current)],
        Do::Redraw => return vec![Effect::Redraw],
        Do::Help => model.layers.push(Layer::Help(0)),
        Do::Suspend => return vec![Effect::Suspend],
        Do::Quit => return vec![Effect::Quit],
    }
    Vec::new()
}

/// A backend's servers are one step further in; a frontend leads to the backend of the same name.
fn open(model: &mut Model) {
    let current = model.current;
    let Some(instance) = model.instances.get_mut(current) else { return };
    match model.focus {
        Pane::Backends if !instance.ids(Pane::Servers).is_empty() => model.focus = Pane::Servers,
        Pane::Frontends => model.focus = Pane::Backends,
        _ => {}
    }
}

fn back(model: &mut Model) {
    if model.zoom {
        model.zoom = false;
        return;
    }
    model.focus = match model.focus {
        Pane::Servers => Pane::Backends,
        _ => model.focus,
    };
}

fn ask(model: &mut Model, act: &'static Act, now: Duration) {
    let asked = model.intend(act).and_then(|intent| {
        let instance = model.instance().ok_or(Refusal::NoLink)?;
        let danger: Danger = model.guard.check(&intent, &instance.watch)?;
        Ok(Confirm::new(intent, danger, now))
    });
    match asked {
        Ok(confirm) => model.layers.push(Layer::Confirm(confirm)),
        Err(refusal) => model.say(refusal.to_string(), Role::Warn, now),
    }
}

/// After every message: selections hold on to their rows and stay visible.
fn settle(model: &mut Model) {
    let current = model.current;
    for (place, pane) in Pane::LISTS.into_iter().enumerate() {
        // The layout depends on how many servers the backend that was just settled has.
        let height = model.layout().list_rows(pane);
        if let Some(instance) = model.instances.get_mut(current) {
            let ids = instance.ids(pane);
            instance.lists[place].settle(&ids, height);
        }
    }
    let is_empty = |model: &Model, pane| model.instance().is_some_and(|instance| instance.ids(pane).is_empty());
    if model.focus == Pane::Servers && is_empty(model, Pane::Servers) && !is_empty(model, Pane::Backends) {
        model.focus = Pane::Backends;
    }
}
