//! The transition function of the dashboard: message in, effects out.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use crate::actions::drain_tracker;
use crate::app::action_flow;
use crate::app::answer_gate::AnswerGate;
use crate::app::balancers_view;
use crate::app::heat_view;
use crate::app::input;
use crate::app::layers::Layer;
use crate::app::message::{Effect, Message};
use crate::app::model::Model;
use crate::app::mouse;
use crate::app::navigation;
use crate::app::notice_subject::{self, NoticeSubject};
use crate::app::overhead;
use crate::app::playback;
use crate::app::queries;
use crate::app::query_refresh;
use crate::app::replay;
use crate::app::replay_state::Replay;
use crate::app::requests_view;
use crate::app::row_merging;
use crate::app::session_actions;
use crate::app::ui_commands::UiCommand;
use crate::ask::query::Query;
use crate::observe::changes;
use crate::observe::events;
use crate::observe::instance_id::InstanceId;
use crate::observe::sampler::PollResult;
use crate::observe::timestamp::Timestamp;
use crate::table::cell::Role;

/// Applies a message to the model and returns the effects to carry out.
pub fn update(model: &mut Model, msg: Message, now: Timestamp) -> Vec<Effect> {
    remove_expired(model, now.monotonic);
    model.started_at.get_or_insert(now.monotonic);
    let layer = model.layers.last().map(mem::discriminant);
    let is_input = matches!(msg, Message::Key(_) | Message::Mouse(..) | Message::Paste(_));
    let before = is_input.then(|| (model.notice.clone(), NoticeSubject::new(model)));
    let mut effects = match msg {
        Message::Key(press) => {
            session_actions::cancel_repeat(model);
            input::handle_key(model, press, now.monotonic)
        }
        Message::Mouse(button, target) => mouse::handle_report(model, button, target, now.monotonic),
        Message::InputPaused { is_after_key } => input::handle_pause(model, is_after_key, now.monotonic),
        Message::Paste(text) => {
            input::handle_paste(model, &text, now.monotonic);
            Vec::new()
        }
        Message::UnfinishedPaste => {
            if let Some(gate) = model.gate_mut() {
                gate.refuse_paste();
            }
            model.notify("waiting for the end of a paste; Esc or Ctrl-C ends it", Role::Warn, now.monotonic);
            Vec::new()
        }
        Message::Resize(width, height) => {
            model.terminal_size = (width, height);
            vec![Effect::Redraw]
        }
        Message::Polled(instance, result, missed) => {
            let mut effects = apply_poll(model, instance, result, missed, now.monotonic);
            effects.extend(queries_after_poll(model, instance, now));
            effects
        }
        Message::OldProcessesFound(instance, found) => {
            if let Some(view) = model.instance_by_id_mut(instance) {
                view.data.finish_old_process_search(*found);
            }
            Vec::new()
        }
        Message::HostFactsRead(instance, facts) => {
            balancers_view::record_facts(model, instance, facts.map(|facts| *facts), now);
            Vec::new()
        }
        Message::RequestsRead(instance, update) => {
            requests_view::record_update(model, instance, *update, now.monotonic);
            Vec::new()
        }
        Message::MemoryMeasured(memory) => {
            model.memory = Some(memory);
            Vec::new()
        }
        Message::ActionProgress(progress) => {
            action_flow::record_progress(model, progress, now.monotonic);
            Vec::new()
        }
        Message::ActionFinished(report) => action_flow::finish_action(model, &report, now),
        Message::QueryFinished(instance, query, result) => {
            session_actions::apply_reply(model, instance, &query, &result, now).unwrap_or_else(|| {
                queries::apply_reply(model, instance, &query, result.map(|answer| *answer), now);
                let is_list = matches!(*query, Query::Sessions(_));
                if is_list { session_actions::repeat_action(model, now.monotonic) } else { Vec::new() }
            })
        }
        Message::TypedCommandFinished(instance, result, summary) => {
            queries::apply_typed_command_reply(model, instance, result.map(|answer| *answer), summary, now.monotonic);
            vec![Effect::PollNow(instance)]
        }
        Message::AuditLoaded(ledger) => {
            for instance in &mut model.instances {
                instance.data.load_audit_index(&ledger, &instance.address, now);
            }
            Vec::new()
        }
        Message::Wake => {
            replay::advance(model, now.monotonic);
            Vec::new()
        }
        Message::ContinueDeferred => {
            model.instances.iter_mut().for_each(|instance| instance.data.continue_deferred());
            model.continue_comparisons();
            Vec::new()
        }
    };
    if let Some(before) = before {
        notice_subject::after_input(model, before);
    }
    if model.layers.last().map(mem::discriminant) != layer {
        // Another text, which was not drawn yet.
        model.record_text(None);
    }
    // The terminal is cleared and drawn again.
    if effects.iter().any(|effect| matches!(effect, Effect::Redraw | Effect::Suspend))
        && let Some(gate) = model.gate_mut()
    {
        gate.hide();
    }
    effects.extend(query_refresh::send_if_due(model, now.monotonic));
    effects.extend(requests_view::ask(model));
    navigation::update_rows_and_cursors(model, now.monotonic);
    effects
}

/// Returns the next time at which the screen changes without input, or `None` if there is no such time.
pub fn next_wake(model: &Model, now: Duration) -> Option<Duration> {
    let notice = model.notice.as_ref().map(|notice| notice.expires_at);
    let dialog = model.layers.iter().find_map(expiry).map(|at| next_second(now).min(at));
    // The keys of a question light up when they can confirm.
    let opening = model.layers.iter().filter_map(Layer::gate).find_map(AnswerGate::opens_at).filter(|at| *at > now);
    let age = model.instance().and_then(|instance| instance.data.link().next_change(now));
    let query = query_refresh::due_at(model);
    // The time until a query may be sent counts down.
    let query = if queries::is_scheduled(model) { query.map(|at| at.min(next_second(now))) } else { query };
    let replay = model.replay.as_ref().and_then(Replay::due_at);
    // The ages of all balancers count up.
    let ages = model.shows_balancers().then(|| next_second(now));
    let merge = row_merging::wake_at(model, now);
    [notice, dialog, opening, age, ages, merge, query, replay].into_iter().flatten().min()
}

/// Returns whether work on samples or on the heat map was deferred. Each [`Message::ContinueDeferred`] carries out a part
/// of it.
pub(crate) fn has_deferred_work(model: &Model) -> bool {
    let merged = model.group.iter().map(|group| &group.view);
    model.instances.iter().any(|instance| instance.data.has_deferred())
        || model.instances.iter().chain(merged).any(|instance| instance.data.is_comparing())
        || heat_view::is_incomplete(model)
}

/// Returns the time at which a dialog closes; `None` for other layers.
fn expiry(layer: &Layer) -> Option<Duration> {
    match layer {
        Layer::Confirmation(dialog) => Some(dialog.expires_at()),
        Layer::TypedCommandConfirmation(dialog) => Some(dialog.expires_at()),
        _ => None,
    }
}

fn next_second(now: Duration) -> Duration {
    Duration::from_secs(now.as_secs() + 1)
}

fn remove_expired(model: &mut Model, now: Duration) {
    if model.notice.as_ref().is_some_and(|notice| notice.expires_at <= now) {
        model.notice = None;
    }
    let count = model.layers.len();
    model.layers.retain(|layer| expiry(layer).is_none_or(|at| at > now));
    if model.layers.len() < count {
        model.notify("nothing was sent: the dialog was open for too long", Role::Warn, now);
    }
}

/// Returns the effects that read what a sample alone does not show.
fn queries_after_poll(model: &mut Model, instance: InstanceId, now: Timestamp) -> Vec<Effect> {
    let mut effects: Vec<Effect> = overhead::measure_if_open(model).into_iter().collect();
    let search = model.instance_by_id_mut(instance).and_then(|view| view.data.start_old_process_search(now.monotonic));
    effects.extend(search.map(|query| Effect::FindOldProcesses(instance, query)));
    balancers_view::update_roles(model, now);
    effects.extend(balancers_view::read_facts(model, instance, now.monotonic));
    effects.extend(requests_view::find_log(model, instance));
    effects
}

fn apply_poll(model: &mut Model, instance: InstanceId, result: PollResult, missed: u64, now: Duration) -> Vec<Effect> {
    let Some(view) = model.instance_by_id_mut(instance) else { return Vec::new() };
    let (was_up, is_past) = (view.data.link().is_up(), view.data.past_moment().is_some());
    let before = view.data.latest().map(Arc::clone);
    let sample = match result {
        PollResult::Sample(sample) => sample,
        PollResult::Failed(failure, at) => {
            // During playback, the screen does not show that the link is lost.
            let message = format!("connection lost: {}; still showing the past", failure.reason);
            view.data.record_failure(failure, at);
            if was_up && is_past {
                model.notify(message, Role::Bad, now);
            }
            return Vec::new();
        }
    };
    let before_reload = before.filter(|before| before.epoch != sample.epoch);
    let are_reset = before_reload.map(|before| changes::have_counters_fallen(&before, &sample));
    let pid = sample.epoch.pid;
    let events = view.data.add_sample_deferred(sample, missed);
    let lost = view.data.all_reload_losses().len();
    let name = view.name.clone();
    let has_slid = playback::leave_forgotten_moment(model, instance, now);
    // The operator waits for drained servers and may be watching something else: ring the bell.
    let empty = events.iter().filter(|event| matches!(event, drain_tracker::DrainEvent::Empty(_))).count();
    if has_slid {
        model.notify("this sample has left the history; showing the oldest one", Role::Warn, now);
    }
    if is_past && !was_up {
        model.notify(format!("{name}: connection restored; still showing the past"), Role::Good, now);
    }
    if is_past && empty > 0 {
        let live = model.keymap.key_or_command(UiCommand::TogglePause);
        let text = format!("{name}: servers drained in the meantime: {empty}; {live} shows the present");
        model.notify(text, Role::Good, now);
    }
    if let Some(are_reset) = are_reset {
        let lost = lost_states_text(lost);
        let back = if is_past && !was_up { "connection restored; " } else { "" };
        let reset = events::reset_text(are_reset);
        let text = format!("{name}: {back}new HAProxy process, pid {pid}{reset}{lost}");
        model.notify(text, Role::Warn, now);
    }
    action_flow::confirm_again(model, instance, now);
    if empty > 0 { vec![Effect::RingBell] } else { Vec::new() }
}

/// Returns the end of a message about a new process: `; 1 runtime state or weight was lost`; empty without losses.
fn lost_states_text(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "; 1 runtime state or weight was lost".to_owned(),
        count => format!("; {count} runtime states and weights were lost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_states_are_counted_in_singular_and_plural() {
        assert_eq!(
            [0, 1, 2].map(lost_states_text),
            ["", "; 1 runtime state or weight was lost", "; 2 runtime states and weights were lost"]
        );
    }
}
