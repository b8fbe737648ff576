//! Automatic refresh of views 7 and 8 while they are shown.
//!
//! The first query of a view needs a key. After that, the view is refreshed at the pace that
//! [`query_limits::refresh_pause`] allows, as long as it is visible: not in the past, not below a dialog, not without a
//! connection. A query that must wait for its minimum pause is scheduled and sent when the pause is over.

use std::time::Duration;

use crate::app::layout::SizeClass;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::queries;
use crate::app::query_state::Fetched;
use crate::app::ui_commands::UiCommand;
use crate::ask::query_limits::{self, NoRefresh};
use crate::table::cell::Role;
use crate::table::view_table::Content;
use crate::units;

/// The reply that the view shows.
struct ShownReply {
    received_at: Duration,
    reply_time: Duration,
    lines: u64,
    /// Set if a query is on its way.
    is_waiting: bool,
    /// Time at which the last query failed; `None` if it did not.
    failed_at: Option<Duration>,
}

impl ShownReply {
    fn new<T>(fetched: &Fetched<T>, lines: impl Fn(&T) -> u64) -> Option<Self> {
        let (data, at) = fetched.latest.as_ref()?;
        Some(Self {
            received_at: at.monotonic,
            reply_time: fetched.reply_time,
            lines: lines(data),
            is_waiting: fetched.is_waiting,
            failed_at: fetched.failed_at,
        })
    }
}

/// Returns the reply that the view shows, or `None` if nothing was read yet or the view shows no reply.
fn shown_reply(model: &Model) -> Option<ShownReply> {
    let queries = &model.instance()?.queries;
    match (model.current_view().content, &queries.open_table) {
        (Content::Sessions, _) => ShownReply::new(&queries.sessions, |sessions| sessions.total as u64),
        (Content::StickTables, None) => ShownReply::new(&queries.tables, |tables| tables.list.len() as u64),
        (Content::StickTables, Some(open)) => ShownReply::new(&open.entries, |entries| {
            let used = entries.table.as_ref().and_then(|table| table.used);
            used.unwrap_or_default().max((entries.list.len() + entries.dropped) as u64)
        }),
        _ => None,
    }
}

/// Returns the pause between two automatic queries of the view, or the reason why the view is not queried
/// automatically. Returns `None` if nothing was read yet.
fn pause(model: &Model) -> Option<Result<Duration, NoRefresh>> {
    let (reply, choice) = (shown_reply(model)?, model.instance()?.queries.refresh_choice);
    Some(query_limits::refresh_pause(reply.reply_time, reply.lines, choice))
}

/// Returns whether the operator can see the view and HAProxy can be asked.
fn is_visible(model: &Model) -> bool {
    let (width, height) = model.terminal_size;
    let is_present = |data: &crate::instance::state::Instance| data.past_moment().is_none() && data.link().is_up();
    model.layers.is_empty()
        && SizeClass::for_size(width, height) != SizeClass::Tiny
        && model.instance().is_some_and(|instance| is_present(&instance.data))
}

/// Returns the time at which the next query of the view is sent without a key, or `None` if no query is due.
pub(crate) fn due_at(model: &Model) -> Option<Duration> {
    let queries = &model.instance().filter(|_| is_visible(model))?.queries;
    let query = queries::view_query(model)?;
    let free_at = queries.pauses.free_at(&query.costs());
    if queries::is_scheduled(model) {
        return Some(free_at);
    }
    let reply = shown_reply(model).filter(|reply| !reply.is_waiting)?;
    let pause = pause(model)?.ok()?;
    // A query that failed is repeated less often.
    let due_at = reply.failed_at.map_or(reply.received_at + pause, |failed_at| failed_at + pause * 2);
    Some(free_at.max(due_at))
}

/// Sends the query of the view if it is due.
pub(crate) fn send_if_due(model: &mut Model, now: Duration) -> Vec<Effect> {
    if due_at(model).is_none_or(|at| at > now) {
        return Vec::new();
    }
    let effects = queries::refresh(model, now).unwrap_or_default();
    if effects.is_empty()
        && let Some(instance) = model.instance_mut()
    {
        // The query was refused, and the reason is shown; it would be refused again.
        instance.queries.refresh_choice = Some(false);
        queries::cancel_scheduled(model);
    }
    effects
}

/// Turns the automatic refresh of views 7 and 8 on or off.
pub(crate) fn toggle(model: &mut Model, now: Duration) {
    if !matches!(model.current_view().content, Content::Sessions | Content::StickTables) {
        return model.notify("only views 7 and 8 are refreshed by queries", Role::Dim, now);
    }
    let is_on = pause(model).map_or_else(
        || model.instance().is_some_and(|instance| instance.queries.refresh_choice != Some(false)),
        |pause| pause.is_ok(),
    );
    if let Some(instance) = model.instance_mut() {
        instance.queries.refresh_choice = Some(!is_on);
    }
    let poll = model.keymap.key_or_command(UiCommand::PollNow);
    let text = match pause(model) {
        Some(Ok(pause)) => format!("refreshed every {}", units::duration_words(pause)),
        Some(Err(NoRefresh::Large)) => format!("{}; {poll} reads again", explain(NoRefresh::Large)),
        Some(Err(_)) => format!("no longer refreshed; {poll} reads again"),
        None => format!("refreshed after the first reading: {}", if is_on { "no" } else { "yes" }),
    };
    model.notify(text, Role::Dim, now);
}

fn explain(reason: NoRefresh) -> String {
    match reason {
        NoRefresh::TurnedOff => "not refreshed".to_owned(),
        NoRefresh::Slow(reply_time) => format!("not refreshed: the reply took {}", units::reply_time(reply_time)),
        NoRefresh::Large => "not refreshed: more than 100,000 lines".to_owned(),
    }
}

/// Describes the age of the reply that the view shows, and when it is read again: `12s old, every 10s`.
pub(crate) fn describe(model: &Model, now: Duration) -> String {
    let Some(reply) = shown_reply(model) else { return String::new() };
    let age = format!("{} old", units::duration(now.saturating_sub(reply.received_at)));
    let is_past = model.instance().is_some_and(|instance| instance.data.past_moment().is_some());
    match pause(model) {
        _ if reply.is_waiting => format!("{age}, reading"),
        _ if reply.failed_at.is_some() => format!("{age}, last reading failed"),
        _ if is_past => format!("{age}, not refreshed in the past"),
        Some(Ok(pause)) => format!("{age}, every {}", units::duration(pause)),
        Some(Err(reason)) => format!("{age}, {}", explain(reason)),
        None => age,
    }
}
