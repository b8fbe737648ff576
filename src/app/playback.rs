//! Looking at the past: staying at a moment, going from one to the next, marking one.
//!
//! All instances go together: whichever is shown, it shows the same time. Only one of them is read from the history
//! at a time.

use std::time::Duration;

use crate::app::commands::UiCommand;
use crate::app::model::Model;
use crate::instance::past_moment::Travel;
use crate::table::cell::Role;
use crate::table::number_format;
use crate::table::view_table::SINCE;

/// Whether the past is shown.
pub fn is_past(model: &Model) -> bool {
    model.instance().is_some_and(|instance| instance.watch.past().is_some())
}

/// Stays at the moment that is shown, or goes back to the present.
pub fn pause(model: &mut Model, now: Duration) {
    if is_past(model) {
        return resume(model, now);
    }
    let Some(instance) = model.instance_mut() else { return };
    instance.watch.travel(Travel::Newest);
    if instance.watch.past().is_some() {
        // What was said of the present would hide the keys that are of use now.
        model.notice = None;
    } else {
        model.say("there is no moment to stay at yet", Role::Dim, now);
    }
}

/// Back to the present.
pub fn resume(model: &mut Model, now: Duration) {
    model.instances.iter_mut().for_each(|instance| instance.watch.resume());
    model.say("live again", Role::Good, now);
}

/// Goes to another moment.
pub fn go(model: &mut Model, travel: Travel, now: Duration) {
    let Some(instance) = model.instance_mut() else { return };
    if instance.watch.past().is_none() {
        let pause = model.keymap.way(UiCommand::Pause);
        return model.say(format!("{pause} first: then the past is shown"), Role::Dim, now);
    }
    let is_back = matches!(travel, Travel::Samples(..0) | Travel::Minutes(..0) | Travel::Oldest);
    if instance.watch.travel(travel) {
        model.notice = None;
        return;
    }
    let words = if is_back {
        "this is the oldest moment that is kept".to_owned()
    } else {
        format!("this is the newest moment; {} goes on live", model.keymap.way(UiCommand::Pause))
    };
    model.say(words, Role::Dim, now);
}

/// Another instance is shown now: it shows the time that was shown before.
pub fn follow(model: &mut Model, before: usize) {
    let time = model.instances.get(before).and_then(|instance| Some(instance.watch.past()?.sample().at.mono));
    let Some(instance) = model.instance_mut() else { return };
    match time {
        Some(time) => _ = instance.watch.travel(Travel::To(time)),
        None => instance.watch.resume(),
    }
}

/// Marks the moment that is shown.
pub fn mark(model: &mut Model, now: Duration) {
    let [shows, forgets] = [UiCommand::View(SINCE), UiCommand::ForgetMoment].map(|run| model.keymap.way(run));
    let Some(instance) = model.instance_mut() else { return };
    let before = instance.watch.set_mark();
    let words = match (instance.watch.mark(), before) {
        (None, _) => return model.say("there is no moment to mark yet", Role::Dim, now),
        (Some(_), None) => format!("marked: {shows} shows what changes from here; {forgets} forgets the mark"),
        (Some(mark), Some(before)) => {
            let apart = number_format::span(mark.at.mono.abs_diff(before.at.mono));
            let side = if mark.at.mono < before.at.mono { "before" } else { "after" };
            format!("marked anew, {apart} {side} the mark there was; {shows} shows what changes from here")
        }
    };
    model.say(words, Role::Normal, now);
    model.settings.iter_mut().for_each(crate::table::rows::Settings::touch);
}

/// Forgets the marked moment.
pub fn forget(model: &mut Model, now: Duration) {
    let was = model.instance_mut().and_then(|instance| instance.watch.forget_mark());
    model.say(if was.is_some() { "the mark is forgotten" } else { "no moment is marked" }, Role::Dim, now);
    model.settings.iter_mut().for_each(crate::table::rows::Settings::touch);
}
