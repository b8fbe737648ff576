//! Playback: pausing at a sample, moving through the history, marking a sample.
//!
//! Playback applies to all instances: after switching to another instance, the same time is shown. Only the history of
//! the instance shown is read, or those of all balancers while their rows are merged.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::model::Model;
use crate::app::replay;
use crate::app::replay_state::Replay;
use crate::app::ui_commands::UiCommand;
use crate::config::past_time::PastTime;
use crate::instance::past_moment::{self, PlaybackStep};
use crate::observe::events::Event;
use crate::observe::instance_id::InstanceId;
use crate::table::cell::Role;
use crate::table::view_table::ViewId;
use crate::units;

/// Returns whether an earlier sample is shown.
pub(crate) fn is_showing_past(model: &Model) -> bool {
    model.past_time().is_some()
}

/// Pauses a replay, because the operator chooses the moment. Returns whether a recording is replayed.
fn pause_replay(model: &mut Model) -> bool {
    model.replay.iter_mut().for_each(Replay::pause);
    model.replay.is_some()
}

/// Starts playback at the sample shown, or ends playback.
pub(crate) fn toggle_pause(model: &mut Model, now: Duration) {
    if model.replay.is_some() {
        return replay::toggle(model, now);
    }
    if is_showing_past(model) {
        return resume_live(model, now);
    }
    model.show_moment(PlaybackStep::Newest, now);
    if is_showing_past(model) {
        // An earlier message would hide the playback keys in the bottom line.
        model.notice = None;
    } else {
        model.notify("there are no samples yet", Role::Dim, now);
    }
}

/// Ends playback for all instances.
pub(crate) fn resume_live(model: &mut Model, now: Duration) {
    // A replay has no present.
    if model.replay.is_some() {
        return;
    }
    model.show_present();
    model.notify("live data again", Role::Good, now);
}

/// Shows the oldest moment if the histories no longer have the moment shown. Returns whether that was the case. `instance` has
/// a new sample.
pub(crate) fn leave_forgotten_moment(model: &mut Model, instance: InstanceId, now: Duration) -> bool {
    let is_forgotten = model.instance_by_id_mut(instance).is_some_and(|view| view.data.leave_forgotten_moment());
    let Some(group) = &model.group else { return is_forgotten };
    let oldest = model.past().oldest().map_or(Duration::ZERO, |oldest| oldest.monotonic);
    group.moment.is_some_and(|moment| moment.monotonic < oldest) && model.show_moment(PlaybackStep::Oldest, now)
}

/// Moves to another sample, or shows why that is not possible.
pub(crate) fn move_to(model: &mut Model, step: PlaybackStep, now: Duration) {
    let is_replay = pause_replay(model);
    let Some(from) = model.past_time() else {
        let pause = model.keymap.key_or_command(UiCommand::TogglePause);
        return model.notify(format!("press {pause} first to show the past"), Role::Dim, now);
    };
    let is_back = matches!(step, PlaybackStep::Samples(..0) | PlaybackStep::Minutes(..0) | PlaybackStep::Oldest);
    if model.show_moment(step, now) {
        let is_near = matches!(step, PlaybackStep::Samples(_) | PlaybackStep::Minutes(_));
        let is_cut = is_near && model.past().is_unreadable_between(from, model.past_time().unwrap_or(from));
        model.notice = None;
        if is_cut {
            model.notify("samples in between cannot be read: the recording is damaged", Role::Warn, now);
        }
        return;
    }
    let message = if is_back {
        "this is the oldest sample in the history".to_owned()
    } else if is_replay {
        replay::end_words(model).to_owned()
    } else {
        format!("this is the newest sample; {} shows the present", model.keymap.key_or_command(UiCommand::TogglePause))
    };
    let failure = model.past().reading_failure();
    let message = failure.map_or(message.clone(), |failure| format!("{message}; {failure}"));
    model.notify(message, Role::Dim, now);
}

/// Goes to the next sample with an event, or to the previous one if `by` is negative, and shows the event.
pub(crate) fn move_to_event(model: &mut Model, by: i32, now: Duration) {
    let is_replay = pause_replay(model);
    let pause = model.keymap.key_or_command(UiCommand::TogglePause);
    let (Some(instance), Some(shown)) = (model.instance(), model.past_time()) else { return };
    let past = model.past();
    let oldest = past.oldest().map_or(Duration::ZERO, |oldest| oldest.monotonic);
    let is_known = |event: &&Event| event.at.monotonic >= oldest;
    let mut events: Vec<&Event> = instance.data.all_events().newest_first().filter(is_known).collect();
    events.sort_by_key(|event| Reverse(event.at.monotonic));
    // The first sample that shows the event. Only the samples of the nearest events are read.
    let sample = |event: &&Event| past.moment_of_event(event.at.monotonic);
    let target = if by > 0 {
        let later = events.iter().rev().filter(|event| event.at.monotonic > shown);
        later.filter_map(sample).find(|sample| sample.monotonic > shown)
    } else {
        let earlier = events.iter().filter(|event| event.at.monotonic < shown);
        earlier.filter_map(sample).find(|sample| sample.monotonic < shown)
    };
    let Some(target) = target else {
        let message = match by {
            ..=0 => "no earlier event".to_owned(),
            _ if is_replay => "no later event".to_owned(),
            _ => format!("no later event; {pause} shows the present"),
        };
        return model.notify(message, Role::Dim, now);
    };
    let times = past.event_times(target.monotonic);
    let mut here: Vec<&Event> = events.into_iter().filter(|event| times.contains(&event.at.monotonic)).collect();
    here.sort_by_key(|event| Reverse(event.importance()));
    let more = here.len().saturating_sub(1);
    let line = here.first().map(|event| event.line()).unwrap_or_default();
    let text = if more > 0 { format!("{line}  (and {more} more)") } else { line };
    model.show_moment(PlaybackStep::Time(target.monotonic), now);
    model.notify(text, Role::Normal, now);
}

/// Tolerance for times before the history: the oldest sample is close enough, and the message says that it is shown.
const NEAR: Duration = Duration::from_mins(1);

/// Shows the past at a typed time. A duration longer than the history shows the oldest sample; a clock time that the history
/// does not have shows nothing.
pub(crate) fn jump(model: &mut Model, text: &str, now: Duration) {
    pause_replay(model);
    let zone = model.time_zone.clone();
    let past = model.past();
    let (Some(latest), Some(oldest)) = (past.present(), past.oldest()) else {
        return model.notify("there are no samples yet", Role::Dim, now);
    };
    let wall_now = latest.wall + now.saturating_sub(latest.monotonic);
    let (newest, today) = (latest.wall, clock_text(wall_now, &zone, "%Y-%m-%d"));
    let clock = |at: SystemTime| {
        let is_today = clock_text(at, &zone, "%Y-%m-%d") == today;
        clock_text(at, &zone, if is_today { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" })
    };
    let parsed = PastTime::parse(text, &Timestamp::try_from(wall_now).unwrap_or_default().to_zoned(zone.clone()));
    let begins = || format!("the history begins at {}: this is its oldest sample", clock(oldest.wall));
    let (asked, target, notice) = match parsed {
        Err(error) => return model.notify(error.to_string(), Role::Warn, now),
        Ok(PastTime::Ago(ago)) => {
            let target = now.saturating_sub(ago);
            // A sign could also mean a step from the moment shown.
            let is_signed = text.trim_start().starts_with('-');
            let counted = || format!("{text} counts from now: {} ago", units::duration_words(ago));
            let is_before = target < oldest.monotonic;
            let asked = wall_now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH);
            (asked, target, is_before.then(begins).or_else(|| is_signed.then(counted)))
        }
        Ok(time @ PastTime::At(at)) => {
            let wall = SystemTime::from(at);
            if wall + NEAR < oldest.wall {
                let covered = format!("{} to {}", clock(oldest.wall), clock(newest));
                let message = format!("the history does not reach back to {}: it covers {covered}", clock(wall));
                return model.notify(message, Role::Warn, now);
            }
            let end = time.end_of_printed_unit(at).map_or(wall, SystemTime::from);
            match past.at_wall(end) {
                Some(sample) => (wall, sample.monotonic, None),
                None => (wall, oldest.monotonic, Some(begins())),
            }
        }
    };
    model.show_moment(PlaybackStep::Time(target), now);
    let failure = model.past().reading_failure();
    let in_gap =
        model.instance().and_then(|instance| Some((instance, instance.data.shown()?))).and_then(|(instance, shown)| {
            let is_gap = past_moment::is_gap(shown, asked.duration_since(shown.at.wall).unwrap_or_default());
            let (missing, sample) = (clock(asked), clock(shown.at.wall));
            let lost = instance.data.link_loss_after(shown, asked).map_or(String::new(), |lost| format!(" ({lost})"));
            is_gap.then(|| match failure {
                Some(failure) => {
                    format!("no sample of {missing} can be read: this is the one from {sample}; {failure}")
                }
                None => format!("nothing was sampled at {missing}{lost}: this is the sample from {sample}"),
            })
        });
    let notices: Vec<String> = notice.into_iter().chain(in_gap).collect();
    model.notice = None;
    if !notices.is_empty() {
        model.notify(notices.join("; "), Role::Dim, now);
    }
}

fn clock_text(at: SystemTime, zone: &TimeZone, format: &str) -> String {
    let zoned = Timestamp::try_from(at).map(|at| at.to_zoned(zone.clone()));
    zoned.map(|at| at.strftime(format).to_string()).unwrap_or_default()
}

/// Shows the time that was shown for the instance `before`, after switching to another instance.
pub(crate) fn follow_instance_switch(model: &mut Model, before: InstanceId) {
    let time =
        model.instance_by_id(before).and_then(|instance| Some(instance.data.past_moment()?.sample().at.monotonic));
    let Some(instance) = model.single_instance_mut() else { return };
    match time {
        Some(time) => _ = instance.data.show_moment(PlaybackStep::Time(time)),
        None => instance.data.show_latest(),
    }
}

/// Marks the sample shown.
pub(crate) fn mark_moment(model: &mut Model, now: Duration) {
    let [diff_key, clear_key] =
        [UiCommand::ShowView(ViewId::Diff), UiCommand::ClearMarkedMoment].map(|run| model.keymap.key_or_command(run));
    let before = model.mark_shown_moment();
    let message = match (model.marked_moment(), before) {
        (None, _) => return model.notify("there are no samples to mark yet", Role::Dim, now),
        (Some(_), None) => format!("moment marked; {diff_key} compares before and after, {clear_key} clears the mark"),
        (Some(mark), Some(before)) => {
            let apart = units::exact_duration(mark.monotonic.abs_diff(before.monotonic));
            let side = if mark.monotonic < before.monotonic { "before" } else { "after" };
            format!("moment marked, {apart} {side} the previous mark; {diff_key} compares before and after")
        }
    };
    model.notify(message, Role::Normal, now);
    model.chosen_span = None;
}

/// Clears the marked moment.
pub(crate) fn clear_marked_moment(model: &mut Model, now: Duration) {
    let previous = model.marked_moment();
    model.clear_marked_moment();
    model.notify(if previous.is_some() { "marked moment cleared" } else { "no moment is marked" }, Role::Dim, now);
}
