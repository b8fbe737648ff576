//! Actions on sessions. Before the question, the details of each session are read: HAProxy gives the number of a session
//! that has ended to another one, and only the details identify a session exactly.

use std::time::Duration;

use crate::actions::action_table::Action;
use crate::actions::intent::ActionTarget;
use crate::actions::target_identity::SessionIdentity;
use crate::app::action_flow;
use crate::app::action_summary::SHORT_SESSIONS;
use crate::app::action_targets;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::query_lines;
use crate::app::query_state::SessionActionRequest;
use crate::ask::query::{Query, QueryData, QueryError, QueryReply};
use crate::observe::instance_id::InstanceId;
use crate::observe::timestamp::Timestamp;
use crate::table::cell::Role;
use crate::table::view_table::Content;
use crate::units::pluralize;

/// Maximum number of sessions of one action. The details of each are read before the question, before its command and
/// after it.
const MAX_SESSIONS: usize = 200;

/// Beginning of HAProxy's reply to `show sess` with the number of a session that has ended.
const UNKNOWN_SESSION: &str = "Session not found";

/// Reads the details of the selected sessions for an action on them, or shows why the action is not possible.
pub(crate) fn start_action(model: &mut Model, action: &'static Action, now: Duration) -> Vec<Effect> {
    let targets = model.check_allowed(action).and_then(|()| action_targets::find_targets(model, action));
    let targets = match targets {
        Ok(targets) if targets.len() > MAX_SESSIONS => {
            let count = targets.len();
            let text =
                format!("{count} sessions are selected; at most {MAX_SESSIONS} are ended at once: filter or mark");
            model.notify(text, Role::Warn, now);
            return Vec::new();
        }
        Ok(targets) => targets,
        Err(refusal) => {
            model.notify_refusal(&refusal, Role::Warn, now);
            return Vec::new();
        }
    };
    let Some(instance) = model.instance_mut() else { return Vec::new() };
    if instance.queries.session_action.is_some() {
        model.notify("the selected sessions are being read", Role::Dim, now);
        return Vec::new();
    }
    // The last one is read first, so the list is reversed.
    let unread = targets.into_iter().rev().collect();
    instance.queries.session_action =
        Some(SessionActionRequest { action, unread, read: Vec::new(), ended: 0, is_repeated: false });
    let id = instance.id();
    read_next(model, id)
}

/// Sends the query for the details of the next session.
fn read_next(model: &mut Model, id: InstanceId) -> Vec<Effect> {
    let Some(instance) = model.instance_by_id_mut(id) else { return Vec::new() };
    let version = instance.data.latest().and_then(|sample| sample.info.version());
    let next = instance.queries.session_action.as_ref().and_then(|request| request.unread.last());
    next.map(|target| Effect::SendQuery(id, version, Query::SessionDetail(target.name.clone()))).into_iter().collect()
}

/// Stores the details of a session for the action that waits for them, and reads the next one or opens the question.
/// Returns `None` if no action waits for the reply.
pub(crate) fn apply_reply(
    model: &mut Model,
    instance: InstanceId,
    query: &Query,
    result: &Result<Box<QueryReply>, QueryError>,
    now: Timestamp,
) -> Option<Vec<Effect>> {
    let queries = &mut model.instance_by_id_mut(instance)?.queries;
    let mut request = queries.session_action.take()?;
    let is_awaited = |target: &ActionTarget| matches!(query, Query::SessionDetail(id) if *id == target.name);
    if !request.unread.last().is_some_and(is_awaited) {
        queries.session_action = Some(request);
        return None;
    }
    let mut target = request.unread.pop()?;
    match result {
        Ok(reply) => {
            let QueryData::SessionDetail(detail) = &reply.data else { return Some(Vec::new()) };
            let identity = SessionIdentity::new(&detail.session, now.monotonic);
            // HAProxy has given the number of a session that has ended to another one.
            if target.identity.session.as_ref().is_some_and(|listed| !listed.is_same(&identity)) {
                request.ended += 1;
            } else {
                target.identity.session = Some(identity);
                request.read.push(target);
            }
        }
        Err(QueryError::Unexpected(words)) if words.as_str().starts_with(UNKNOWN_SESSION) => {
            request.ended += 1;
        }
        Err(error) => {
            let message = format!("nothing was sent; session {}: {error}", target.name);
            model.notify(message, Role::Warn, now.monotonic);
            return Some(Vec::new());
        }
    }
    if request.unread.is_empty() {
        // A question must not interrupt another layer, and its targets must be on the screen.
        let is_shown = model.instance().is_some_and(|shown| shown.id() == instance)
            && matches!(model.current_view().content, Content::Sessions);
        if !is_shown || !model.layers.is_empty() {
            return Some(Vec::new());
        }
        return Some(if request.read.is_empty() {
            read_list_again(model, &request, now.monotonic)
        } else {
            open_question(model, request, now);
            Vec::new()
        });
    }
    model.instance_by_id_mut(instance)?.queries.session_action = Some(request);
    Some(read_next(model, instance))
}

/// Reads the list again because all selected sessions have ended since it was read, as soon as the pause between two
/// readings allows. A group whose client opens short sessions then has others, about which the action asks. This
/// happens once for a key press.
fn read_list_again(model: &mut Model, request: &SessionActionRequest, now: Duration) -> Vec<Effect> {
    let ended = request.ended as i64;
    let also = if request.is_repeated { "again, " } else { "" };
    let have_ended = match ended {
        1 if !request.is_repeated => "the session has already ended".to_owned(),
        _ => format!("{also}all {} have already ended", pluralize(ended, "session")),
    };
    let is_group = query_lines::shown_grouping(model).is_some();
    let Some(instance) = model.instance_mut() else { return Vec::new() };
    let queries = &mut instance.queries;
    let is_refreshed = queries.refresh_choice != Some(false) && !request.is_repeated;
    queries.sessions.is_scheduled |= is_refreshed;
    queries.repeated_action = (is_refreshed && is_group && queries.marks.count() == 0).then_some(request.action);
    let rest = match (is_refreshed, queries.repeated_action) {
        (true, Some(_)) => "; reading the list again before the question".to_owned(),
        (true, None) => "; reading the list again".to_owned(),
        (false, _) if request.is_repeated => "; ".to_owned() + SHORT_SESSIONS,
        (false, _) => String::new(),
    };
    model.notify(format!("{have_ended}{rest}"), Role::Good, now);
    Vec::new()
}

/// Cancels the action that waits for the list: after another key, a question must not open.
pub(crate) fn cancel_repeat(model: &mut Model) {
    if let Some(instance) = model.instance_mut() {
        instance.queries.repeated_action = None;
    }
}

/// Starts the action again for which the list was read again, if it still has a group to act on and nothing else is open.
pub(crate) fn repeat_action(model: &mut Model, now: Duration) -> Vec<Effect> {
    let Some(action) = model.instance_mut().and_then(|instance| instance.queries.repeated_action.take()) else {
        return Vec::new();
    };
    let is_shown = matches!(model.current_view().content, Content::Sessions) && model.layers.is_empty();
    if !is_shown || query_lines::shown_grouping(model).is_none() {
        return Vec::new();
    }
    if query_lines::line_count(model) == 0 {
        model.notify(format!("no session is left: nothing to end; {SHORT_SESSIONS}"), Role::Good, now);
        return Vec::new();
    }
    let effects = start_action(model, action, now);
    if let Some(request) = model.instance_mut().and_then(|instance| instance.queries.session_action.as_mut()) {
        request.is_repeated = true;
    }
    effects
}

/// Opens the question about the sessions that are still open, with their number if some have ended.
fn open_question(model: &mut Model, request: SessionActionRequest, now: Timestamp) {
    let SessionActionRequest { action, read, ended, .. } = request;
    let (open, all) = (read.len(), read.len() + ended);
    action_flow::start_for_targets(model, action, read, now.monotonic);
    if let Some(gate) = model.gate_mut().filter(|_| ended > 0) {
        gate.set_remark(format!("{open} of {all} still exist; {ended} ended since the list was read"));
    }
}
