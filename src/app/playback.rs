//! Playback: pausing at a sample, moving through the history, marking a sample.
//!
//! Playback applies to all instances: after switching to another instance, the same time is shown. Only the history of
//! the instance shown is read.

use std::time::Duration;

use crate::app::model::Model;
use crate::app::ui_commands::UiCommand;
use crate::instance::past_moment::PlaybackStep;
use crate::observe::instance_id::InstanceId;
use crate::table::cell::Role;
use crate::table::view_table::ViewId;
use crate::units;

/// Returns whether an earlier sample is shown.
pub(crate) fn is_showing_past(model: &Model) -> bool {
    model.instance().is_some_and(|instance| instance.data.past_moment().is_some())
}

/// Starts playback at the sample shown, or ends playback.
pub(crate) fn toggle_pause(model: &mut Model, now: Duration) {
    if is_showing_past(model) {
        return resume_live(model, now);
    }
    let Some(instance) = model.instance_mut() else { return };
    instance.data.show_moment(PlaybackStep::Newest);
    if instance.data.past_moment().is_some() {
        // An earlier message would hide the playback keys in the bottom line.
        model.notice = None;
    } else {
        model.notify("there are no samples yet", Role::Dim, now);
    }
}

/// Ends playback for all instances.
pub(crate) fn resume_live(model: &mut Model, now: Duration) {
    model.instances.iter_mut().for_each(|instance| instance.data.show_latest());
    model.notify("live data again", Role::Good, now);
}

/// Moves to another sample, or shows why that is not possible.
pub(crate) fn move_to(model: &mut Model, step: PlaybackStep, now: Duration) {
    let Some(instance) = model.instance_mut() else { return };
    if instance.data.past_moment().is_none() {
        let pause = model.keymap.key_or_command(UiCommand::TogglePause);
        return model.notify(format!("press {pause} first to show the past"), Role::Dim, now);
    }
    let is_back = matches!(step, PlaybackStep::Samples(..0) | PlaybackStep::Minutes(..0) | PlaybackStep::Oldest);
    if instance.data.show_moment(step) {
        model.notice = None;
        return;
    }
    let message = if is_back {
        "this is the oldest sample in the history".to_owned()
    } else {
        format!("this is the newest sample; {} shows the present", model.keymap.key_or_command(UiCommand::TogglePause))
    };
    model.notify(message, Role::Dim, now);
}

/// Shows the time that was shown for the instance `before`, after switching to another instance.
pub(crate) fn follow_instance_switch(model: &mut Model, before: InstanceId) {
    let time =
        model.instance_by_id(before).and_then(|instance| Some(instance.data.past_moment()?.sample().at.monotonic));
    let Some(instance) = model.instance_mut() else { return };
    match time {
        Some(time) => _ = instance.data.show_moment(PlaybackStep::Time(time)),
        None => instance.data.show_latest(),
    }
}

/// Marks the sample shown.
pub(crate) fn mark_moment(model: &mut Model, now: Duration) {
    let [diff_key, clear_key] =
        [UiCommand::ShowView(ViewId::Diff), UiCommand::ClearMarkedMoment].map(|run| model.keymap.key_or_command(run));
    let Some(instance) = model.instance_mut() else { return };
    let before = instance.data.mark_shown_moment();
    let message = match (instance.data.marked_moment(), before) {
        (None, _) => return model.notify("there are no samples to mark yet", Role::Dim, now),
        (Some(_), None) => format!("moment marked; {diff_key} compares before and after, {clear_key} clears the mark"),
        (Some(mark), Some(before)) => {
            let apart = units::exact_duration(mark.at.monotonic.abs_diff(before.at.monotonic));
            let side = if mark.at.monotonic < before.at.monotonic { "before" } else { "after" };
            format!("moment marked, {apart} {side} the previous mark; {diff_key} compares before and after")
        }
    };
    model.notify(message, Role::Normal, now);
    model.chosen_span = None;
}

/// Clears the marked moment.
pub(crate) fn clear_marked_moment(model: &mut Model, now: Duration) {
    let previous = model.instance_mut().and_then(|instance| instance.data.clear_marked_moment());
    model.notify(if previous.is_some() { "marked moment cleared" } else { "no moment is marked" }, Role::Dim, now);
}
