//! Suggestions for the next action, shown in the header: maintenance for a drained server, ending sessions that remain
//! after a drain, restoring states lost by a reload. A key accepts the suggestion; the action then needs a confirmation
//! like any other action.

use crate::actions::action_table::{END_SESSIONS, MAINT};
use crate::actions::drain_tracker::DrainProgress;
use crate::actions::intent::{Intent, IntentPurpose, IntentStep};
use crate::app::action_targets;
use crate::app::instance_view::InstanceView;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::write_command::{TargetState, WriteCommand};
use crate::observe::old_processes::OldSessions;
use crate::observe::row_ids::RowId;
use crate::table::columns::out_of_service;
use crate::units::{self, pluralize};

/// A suggested action.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Suggestion {
    /// Text in the header, a question such as "be/s1 is drained: start maintenance?"
    pub(crate) question: String,
    /// The suggested action.
    pub(crate) intent: Intent,
}

/// Returns the most important suggestion, or `None` if nothing is suggested. Only one suggestion is shown at a time.
pub(crate) fn current_suggestion(instance: &InstanceView) -> Option<Suggestion> {
    maintenance_for_drained(instance)
        .or_else(|| end_overdue_sessions(instance))
        .or_else(|| restore_after_reload(instance))
}

fn server_targets(
    instance: &InstanceView,
    rows: impl Iterator<Item = RowId>,
) -> Vec<crate::actions::intent::ActionTarget> {
    let rows = rows.filter(|id| !instance.dismissed.contains(id));
    rows.filter_map(|id| action_targets::row_target(instance, id, RowKind::Server)).collect()
}

fn maintenance_for_drained(instance: &InstanceView) -> Option<Suggestion> {
    let targets = server_targets(instance, instance.data.draining().emptied());
    let intent = Intent::new(&MAINT, WriteCommand::State(TargetState::Maint), instance.id(), targets);
    let is = if intent.steps.len() == 1 { "is" } else { "are" };
    let question = format!("{} {is} drained: start maintenance?", intent.target_summary());
    (!intent.steps.is_empty()).then_some(Suggestion { question, intent })
}

fn end_overdue_sessions(instance: &InstanceView) -> Option<Suggestion> {
    let target = server_targets(instance, instance.data.draining().overdue()).into_iter().next()?;
    let left = instance.data.draining().progress(target.id)?;
    let why = left.stall_reason.map_or(String::new(), |why| format!(" ({why})"));
    let sessions = pluralize(left.sessions, "session");
    let intent = Intent::new(&END_SESSIONS, WriteCommand::ShutdownSessions, instance.id(), vec![target]);
    Some(Suggestion { question: format!("{} still has {sessions}{why}: end them?", intent.target_summary()), intent })
}

fn restore_after_reload(instance: &InstanceView) -> Option<Suggestion> {
    let sample = instance.data.latest()?;
    let status = |id| instance.data.last_status(id).unwrap_or_default();
    let steps: Vec<IntentStep> =
        instance.data.reload_losses().iter().filter_map(|lost| lost.restore_step(sample, status(lost.id))).collect();
    let question = match (steps.as_slice(), instance.data.reload_losses()) {
        ([], _) => return None,
        ([step], [lost]) => format!("the reload lost {} of {}: restore it?", lost.label(), step.target_name()),
        (steps, _) => format!("the reload lost {} states and weights: restore them?", steps.len()),
    };
    Some(Suggestion { question, intent: Intent::with_steps(IntentPurpose::Reapply, instance.id(), steps) })
}

/// Describes the drains in progress, the numbers first because the end may be cut off, or returns `None` if no server is draining.
pub(crate) fn drain_status(instance: &InstanceView) -> Option<String> {
    let sample = instance.data.latest()?;
    let drains: Vec<_> = instance.data.draining().in_progress().collect();
    match drains.as_slice() {
        [] => None,
        [(id, left)] => {
            let row = sample.row(*id)?;
            if let Some(old) = left.held_by_old() {
                return Some(format!("{old}: {}/{}", row.proxy, row.name));
            }
            let why = left.stall_reason.map_or(String::new(), |why| format!(", {why}"));
            Some(format!("{} {}/{}{why}", out_of_service::short_drain_status(left), row.proxy, row.name))
        }
        drains => {
            let sum = |count: fn(&DrainProgress) -> i64| {
                drains.iter().map(|(_, left)| count(left)).fold(0, i64::saturating_add)
            };
            let sessions = pluralize(sum(|left| left.sessions), "session");
            let old = match sum(|left| left.old_sessions.as_ref().map_or(0, OldSessions::counted)) {
                0 if drains.iter().any(|(_, left)| left.held_by_old().is_some()) => {
                    ", an old process may hold more".to_owned()
                }
                0 => String::new(),
                count => format!(", {} in old workers", units::count(count)),
            };
            Some(format!("{} servers drain, {sessions} left{old}", drains.len()))
        }
    }
}

/// Dismisses the current suggestion and returns its question, or `None` if nothing is suggested.
pub(crate) fn dismiss_current(instance: &mut InstanceView) -> Option<String> {
    let suggestion = current_suggestion(instance)?;
    if suggestion.intent.purpose == IntentPurpose::Reapply {
        instance.data.dismiss_reload_losses();
    } else {
        instance.dismissed.extend(suggestion.intent.steps.iter().map(|step| step.target.id));
    }
    Some(SafeText::from(suggestion.question.as_str()).to_string())
}
