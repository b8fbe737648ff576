//! Replay of a recording: its samples are shown one after the other, at a chosen multiple of the speed at which they were
//! recorded.

use std::time::Duration;

use crate::app::model::Model;
use crate::app::replay_state::{Playing, Replay, SPEEDS};
use crate::app::ui_commands::UiCommand;
use crate::instance::past_moment::PlaybackStep;
use crate::table::cell::Role;

/// Minimum time between two samples that are shown.
const MIN_FRAME: Duration = Duration::from_millis(100);
/// Longest time without a sample that is waited for, at normal speed. Longer gaps are skipped.
const MAX_GAP: Duration = Duration::from_secs(15);

/// Plays on from the moment shown, or pauses.
pub(crate) fn toggle(model: &mut Model, now: Duration) {
    let from = model.past_time();
    let Some(replay) = &mut model.replay else { return };
    if replay.playing.take().is_none() {
        replay.playing = from.map(|from| Playing { from, started: now, due: now });
        advance(model, now);
    }
}

/// Chooses the next higher speed, or the next lower one if `by` is negative.
pub(crate) fn change_speed(model: &mut Model, by: i32, now: Duration) {
    let from = model.past_time();
    let key = model.keymap.key_or_command(UiCommand::TogglePause);
    let Some(replay) = &mut model.replay else { return };
    let highest = SPEEDS.len() - 1;
    replay.speed = replay.speed.saturating_add_signed(by as isize).min(highest);
    let (speed, is_paused) = (SPEEDS[replay.speed], replay.playing.is_none());
    if let Some((playing, from)) = replay.playing.as_mut().zip(from) {
        *playing = Playing { from, started: now, due: now };
    }
    let hint = if is_paused { format!("; {key} plays") } else { String::new() };
    model.notify(format!("speed x{speed}{hint}"), Role::Dim, now);
    advance(model, now);
}

/// Shows the sample that is due, and plans the next one. The replay pauses at the end of the recording.
pub(crate) fn advance(model: &mut Model, now: Duration) {
    let Some((playing, speed)) = model.replay.as_ref().and_then(|replay| Some((replay.playing?, SPEEDS[replay.speed])))
    else {
        return;
    };
    if playing.due > now {
        return;
    }
    let at = playing.from + now.saturating_sub(playing.started) * speed;
    model.show_moment(PlaybackStep::Time(at), now);
    let next = model.past_time().and_then(|shown| model.past().next(shown));
    let next = next.map(|next| {
        let missing = next.monotonic.saturating_sub(at);
        let is_gap = missing > MAX_GAP;
        let from = if is_gap { next.monotonic } else { playing.from };
        let started = if is_gap { now } else { playing.started };
        let due = if is_gap { now } else { now + missing / speed };
        Playing { from, started, due: due.max(now + MIN_FRAME) }
    });
    if let Some(replay) = &mut model.replay {
        replay.playing = next;
    }
    if next.is_none() {
        model.notify(end_words(model), Role::Normal, now);
    }
}

/// Returns the message at the last sample.
pub(crate) fn end_words(model: &Model) -> &'static str {
    if model.instance().is_some_and(|instance| instance.data.source().is_growing()) {
        "this was the end of the recording when it was opened; open it again for what was recorded since"
    } else {
        "this is the end of the recording"
    }
}

/// Starts a replay at the beginning of all recordings.
pub(crate) fn start(model: &mut Model) {
    model.replay = Some(Replay::default());
    for instance in &mut model.instances {
        instance.data.show_moment(PlaybackStep::Oldest);
    }
}
