//! Actions on a session. Before the question, the session's details are read: HAProxy gives the number of a session that
//! has ended to another one, and only the details identify a session exactly.

use std::time::Duration;

use crate::actions::action_table::Action;
use crate::actions::intent::ActionTarget;
use crate::actions::target_identity::SessionIdentity;
use crate::app::action_flow;
use crate::app::action_targets;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::ask::query::{Query, QueryData, QueryError, QueryReply};
use crate::haproxy::sessions::Session;
use crate::observe::instance_id::InstanceId;
use crate::observe::timestamp::Timestamp;
use crate::table::cell::Role;

/// Reads the details of the session under the cursor for an action on it, or shows why the action is not possible.
pub(crate) fn start_action(model: &mut Model, action: &'static Action, now: Duration) -> Vec<Effect> {
    let targets = model.check_allowed(action).and_then(|()| action_targets::find_targets(model, action));
    let target = match targets.map(|targets| targets.into_iter().next()) {
        Ok(Some(target)) => target,
        Ok(None) => return Vec::new(),
        Err(refusal) => {
            model.notify_refusal(&refusal, Role::Warn, now);
            return Vec::new();
        }
    };
    let Some(instance) = model.instance_mut() else { return Vec::new() };
    let version = instance.data.latest().and_then(|sample| sample.info.version());
    let query = Query::SessionDetail(target.name.clone());
    instance.queries.session_action = Some((action, target));
    vec![Effect::SendQuery(instance.id(), version, query)]
}

/// Opens the question when the details of its session arrive. Returns whether the reply belonged to such a question.
pub(crate) fn apply_reply(
    model: &mut Model,
    instance: InstanceId,
    query: &Query,
    result: &Result<Box<QueryReply>, QueryError>,
    now: Timestamp,
) -> bool {
    let Some(view) = model.instance_by_id_mut(instance) else { return false };
    let is_awaited = |(_, target): &mut (&'static Action, ActionTarget)| matches!(query, Query::SessionDetail(id) if *id == target.name);
    let Some((action, target)) = view.queries.session_action.take_if(is_awaited) else { return false };
    match result {
        Ok(reply) => {
            if let QueryData::SessionDetail(detail) = &reply.data {
                open_question(model, action, target, &detail.session, now);
            }
        }
        Err(error) => {
            let message = format!("nothing was sent; session {}: {error}", target.name);
            model.notify(message, Role::Warn, now.monotonic);
        }
    }
    true
}

/// Opens the question, unless the number belongs to another session than the list shows.
fn open_question(
    model: &mut Model,
    action: &'static Action,
    mut target: ActionTarget,
    session: &Session,
    now: Timestamp,
) {
    let identity = SessionIdentity::new(session, now.monotonic);
    if target.identity.session.as_ref().is_some_and(|listed| !listed.is_same(&identity)) {
        let text = format!("session {} has ended; its number belongs to another one now", target.name);
        return model.notify(text, Role::Warn, now.monotonic);
    }
    target.identity.session = Some(identity);
    // A question must not interrupt another layer.
    if model.layers.is_empty() {
        action_flow::start_for_targets(model, action, vec![target], now.monotonic);
    }
}
