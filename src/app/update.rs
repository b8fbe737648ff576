//! From one message to the next.

use std::time::Duration;

use crate::actions::drain_tracker;
use crate::app::action_flow;
use crate::app::commands::UiCommand;
use crate::app::input;
use crate::app::layers::Layer;
use crate::app::model::Model;
use crate::app::msg::{Effect, Msg};
use crate::app::navigation;
use crate::app::overhead;
use crate::app::playback;
use crate::app::queries;
use crate::observe::link::Link;
use crate::observe::sampler::News;
use crate::observe::timestamp::Stamp;
use crate::table::cell::Role;

/// Takes a message in, and says what is to be done outside.
pub fn update(model: &mut Model, msg: Msg, now: Stamp) -> Vec<Effect> {
    expire(model, now.mono);
    let effects = match msg {
        Msg::Key(key) => input::press(model, key, now.mono),
        Msg::Resize(width, height) => {
            model.size = (width, height);
            vec![Effect::Redraw]
        }
        Msg::News(instance, news, missed) => {
            let mut effects = hear(model, instance, news, missed, now.mono);
            effects.extend(overhead::with_sample(model));
            effects
        }
        Msg::Memory(memory) => {
            model.memory = Some(memory);
            Vec::new()
        }
        Msg::Progress(progress) => {
            action_flow::progress(model, progress, now.mono);
            Vec::new()
        }
        Msg::Acted(report) => action_flow::acted(model, &report, now),
        Msg::Told(instance, query, result) => {
            queries::told(model, instance, &query, result.map(|answer| *answer), now);
            Vec::new()
        }
        Msg::Sent(instance, result) => {
            queries::sent(model, instance, result.map(|answer| *answer), now.mono);
            vec![Effect::PollNow(instance)]
        }
        Msg::Past(ledger) => {
            for instance in &mut model.instances {
                instance.watch.remember(&ledger, &instance.address, now);
            }
            Vec::new()
        }
        Msg::Wake => Vec::new(),
    };
    navigation::settle(model, now.mono);
    effects
}

/// When something on the screen will change though nothing comes in; nothing when it stays as it is.
pub fn next_wake(model: &Model, now: Duration) -> Option<Duration> {
    let notice = model.notice.as_ref().map(|notice| notice.until);
    let question = model.layers.iter().find_map(expires_at).map(|at| next_second(now).min(at));
    // The age of old data counts up.
    let age = model
        .instance()
        .filter(|instance| matches!(instance.watch.link(), Link::Lost { .. }))
        .map(|_| next_second(now));
    // So does how long ago the past was.
    let ago = playback::is_past(model).then(|| next_second(now));
    [notice, question, age, ago].into_iter().flatten().min()
}

/// When a question is withdrawn.
fn expires_at(layer: &Layer) -> Option<Duration> {
    match layer {
        Layer::Confirm(confirm) => Some(confirm.expires_at()),
        Layer::Sure(sure) => Some(sure.expires_at()),
        _ => None,
    }
}

fn next_second(now: Duration) -> Duration {
    Duration::from_secs(now.as_secs() + 1)
}

fn expire(model: &mut Model, now: Duration) {
    if model.notice.as_ref().is_some_and(|notice| notice.until <= now) {
        model.notice = None;
    }
    let count = model.layers.len();
    model.layers.retain(|layer| expires_at(layer).is_none_or(|at| at > now));
    if model.layers.len() < count {
        model.say("nothing was sent: the question was open for too long", Role::Warn, now);
    }
}

fn hear(model: &mut Model, instance: usize, news: News, missed: u64, now: Duration) -> Vec<Effect> {
    let Some(heard) = model.instances.get_mut(instance) else { return Vec::new() };
    let (was_up, is_past) = (heard.watch.link().is_up(), heard.watch.past().is_some());
    let epoch = heard.watch.live().map(|sample| sample.epoch);
    let sample = match news {
        News::Sample(sample) => sample,
        News::Failed(failure, at) => {
            // The screen is not of now, so it does not show what is missing.
            let words = format!("the link is lost: {}; what is shown is the past", failure.why);
            heard.watch.fail(failure, at);
            if was_up && is_past {
                model.say(words, Role::Bad, now);
            }
            return Vec::new();
        }
    };
    let reloaded = epoch.is_some_and(|epoch| epoch != sample.epoch);
    let pid = sample.epoch.pid;
    let drained = heard.watch.take(sample, missed);
    let slid = heard.watch.keep_up();
    let lost = heard.watch.all_lost().len();
    let name = heard.name.clone();
    // Somebody waits for this, and may be looking elsewhere.
    let empty = drained.iter().filter(|news| matches!(news, drain_tracker::News::Empty(_))).count();
    if slid {
        model.say("the moment has left the history: this is the oldest one kept", Role::Warn, now);
    }
    if is_past && !was_up {
        model.say(format!("{name}: the link is back; what is shown is the past"), Role::Good, now);
    }
    if is_past && empty > 0 {
        let live = model.keymap.way(UiCommand::Pause);
        let text = format!("{name}: drained meanwhile: {empty} of its servers; {live} goes back to live");
        model.say(text, Role::Good, now);
    }
    if reloaded {
        let lost = if lost > 0 { format!("; {lost} states and weights are lost") } else { String::new() };
        let back = if is_past && !was_up { "the link is back; " } else { "" };
        let text = format!("{name}: {back}another process answers, pid {pid}; its counters start anew{lost}");
        model.say(text, Role::Warn, now);
    }
    if empty > 0 { vec![Effect::Bell] } else { Vec::new() }
}
