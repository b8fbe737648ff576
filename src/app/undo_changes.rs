//! Changes of the targets of an action since the action that undoing it would overwrite.

use std::time::{Duration, SystemTime};

use crate::actions::action_table::VerifyBy;
use crate::actions::attribution::{CLOCK_TOLERANCE, changed_at};
use crate::actions::intent::{Intent, IntentStep};
use crate::actions::readback::Readback;
use crate::haproxy::fields::Field;
use crate::haproxy::servers_state::AdminState;
use crate::haproxy::status::RowState;
use crate::haproxy::write_command::{TargetState, TargetWeight, WriteCommand};
use crate::instance::state::Instance;
use crate::observe::events::EventKind;
use crate::observe::sample::Sample;
use crate::observe::state_cause::{StateCause, has_agent};
use crate::observe::timestamp::Timestamp;

/// A step of a finished action, with the state that it left.
#[derive(Debug, Clone)]
pub(crate) struct DoneStep {
    /// The step.
    pub(crate) step: IntentStep,
    /// State in the readback after the command; `None` if it could not be read.
    pub(crate) left: Option<Readback>,
}

/// Returns whether the newest sample shows the state that a step sets, so that its command would change nothing. If the
/// sample does not show it for certain, returns false.
pub(crate) fn is_in_effect(step: &IntentStep, instance: &Instance) -> bool {
    let id = step.target.id;
    let Some((sample, target)) = instance.latest().zip(instance.target(id)) else { return false };
    let Some(row) = sample.row(id) else { return false };
    let (state, admin) = (row.state(), target.identity.admin);
    let is_inherited = row.status().contains('(');
    match step.command {
        WriteCommand::State(TargetState::Ready) => match state {
            RowState::Up | RowState::GoingDown | RowState::NoCheck => admin.is_none_or(AdminState::is_ready),
            // A status such as DOWN hides a drain.
            state => !state.is_maint_or_drain() && admin.is_some_and(AdminState::is_ready),
        },
        WriteCommand::State(TargetState::Drain) => state == RowState::Drain && !is_inherited,
        WriteCommand::State(TargetState::Maint) => state == RowState::Maint && !is_inherited,
        WriteCommand::Weight(TargetWeight::Absolute(weight)) => {
            let now = sample.number(id, Field::Uweight).or_else(|| sample.number(id, Field::Weight));
            now == Some(i64::from(weight))
        }
        WriteCommand::ServerMaxconn(limit) | WriteCommand::FrontendMaxconn(limit) => {
            sample.number(id, Field::Slim).unwrap_or(0) == i64::from(limit)
        }
        _ => false,
    }
}

/// Describes what others changed on the targets since the action, and states that are not those that the action left.
/// `undo` has the commands that undo the action.
pub(crate) fn describe_changes(
    done: &[DoneStep],
    undo: &Intent,
    since: Timestamp,
    instance: &Instance,
    format_time: fn(SystemTime) -> String,
) -> Vec<String> {
    let Some(sample) = instance.latest() else { return Vec::new() };
    let mut lines = Vec::new();
    for DoneStep { step, left } in done {
        let id = step.target.id;
        let Some(row) = sample.row(id) else { continue };
        let name = step.target_name();
        let drift = left.as_ref().and_then(|left| describe_drift(step, left, sample));
        let change = newest_foreign_change(step, left.as_ref(), since.monotonic, instance, format_time);
        let mut undo_steps = undo.steps.iter().filter(|undo_step| undo_step.target.id == id);
        let is_undone = undo_steps.all(|undo_step| is_in_effect(undo_step, instance));
        match (change, drift) {
            (Some(change), _) if is_undone => lines.push(format!("since then: {change}: undo changes nothing there")),
            (Some(change), _) => lines.push(format!("since then: {change}: undo overwrites that")),
            (None, Some(drift)) => lines.push(format!("since then: {name} changed: {drift} after the action")),
            (None, None) => {
                // A change and its reversal between two samples, such as by another operator.
                let is_out = row.state().is_maint_or_drain() && step.action.verify_by == VerifyBy::AdminState;
                let again = changed_at(sample, id).filter(|at| *at > since.wall + CLOCK_TOLERANCE);
                lines.extend(again.filter(|_| is_out).map(|at| {
                    let status = status_word(row.status());
                    format!("since then: {name} entered {status} again at {}", format_time(at))
                }));
            }
        }
    }
    lines.dedup();
    lines
}

/// Describes the newest change of a target since a monotonic time that was not made by this run and that undoing the step
/// would overwrite. Whether another operator or another program of this user made it is not known.
fn newest_foreign_change(
    step: &IntentStep,
    left: Option<&Readback>,
    since: Duration,
    instance: &Instance,
    format_time: fn(SystemTime) -> String,
) -> Option<String> {
    let (id, name) = (step.target.id, step.target_name());
    let mut events = instance.all_events().newest_first().take_while(|event| event.at.monotonic > since);
    let verify_by = step.action.verify_by;
    let has_agent = instance.latest().and_then(|sample| sample.row(id)).is_some_and(has_agent);
    events.find_map(|event| {
        if event.row != Some(id) {
            return None;
        }
        let at = format_time(event.at.wall);
        match &event.kind {
            EventKind::Status { from, to, cause, .. } if is_overwritten(verify_by, from, to) => {
                let to = status_word(to);
                match cause {
                    StateCause::Agent(_) | StateCause::AgentOrOperator => {
                        Some(format!("{cause} set {name} to {to} at {at}"))
                    }
                    StateCause::Operator => Some(format!("{name} was set to {to} at {at}")),
                    StateCause::Tracking(_) | StateCause::Resolution => {
                        Some(format!("{name} became {to} by {cause} at {at}"))
                    }
                    StateCause::Us | StateCause::NewProcess | StateCause::Check => None,
                }
            }
            EventKind::Weight { to, is_own: false, .. }
                if verify_by == VerifyBy::Weight
                    && left.and_then(Readback::current_weight).is_some_and(|left| left != *to) =>
            {
                Some(if has_agent {
                    format!("{} set the weight of {name} to {to} at {at}", StateCause::AgentOrOperator)
                } else {
                    format!("the weight of {name} was set to {to} at {at}")
                })
            }
            EventKind::Limit { to, is_own: false, .. }
                if verify_by == VerifyBy::Maxconn
                    && left.is_some_and(|left| left.session_limit.unwrap_or(0) != *to) =>
            {
                Some(format!("the session limit of {name} was set to {to} at {at}"))
            }
            _ => None,
        }
    })
}

/// Returns whether undoing an action would overwrite a change of the status.
fn is_overwritten(verify_by: VerifyBy, from: &str, to: &str) -> bool {
    let is_ordered = [from, to].iter().any(|status| RowState::parse(status).is_maint_or_drain());
    match verify_by {
        VerifyBy::AdminState => is_ordered,
        VerifyBy::OperationalState | VerifyBy::AgentHealth => !is_ordered,
        VerifyBy::FrontendStatus => true,
        VerifyBy::Weight
        | VerifyBy::Checks
        | VerifyBy::AgentChecks
        | VerifyBy::Maxconn
        | VerifyBy::NoSessions
        | VerifyBy::Absence
        | VerifyBy::Counters => false,
    }
}

/// Returns a status without the number of checks: `UP` of `UP 1/3`.
fn status_word(status: &str) -> &str {
    match status.split_once(' ') {
        Some((word, checks)) if checks.contains('/') && !checks.contains('(') => word,
        _ => status,
    }
}

/// Describes how the current state differs from the state that an action left: `it is MAINT now, and was DRAIN`.
fn describe_drift(step: &IntentStep, left: &Readback, sample: &Sample) -> Option<String> {
    let id = step.target.id;
    let row = sample.row(id)?;
    let number = |field| sample.number(id, field);
    match step.action.verify_by {
        VerifyBy::Weight => {
            let now = number(Field::Uweight).or_else(|| number(Field::Weight))?;
            let left = left.current_weight().filter(|left| *left != now)?;
            Some(format!("its weight is {now} now, and was {left}"))
        }
        VerifyBy::Maxconn => {
            let now = number(Field::Slim).filter(|limit| *limit > 0);
            let limit = |limit: Option<i64>| limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
            (now != left.session_limit)
                .then(|| format!("its session limit is {} now, and was {}", limit(now), limit(left.session_limit)))
        }
        _ => {
            let is_different = state_class(row.state(), step) != state_class(left.parsed_status(), step);
            // A server that is down in drain reports only DOWN.
            let is_hidden = left.parsed_status() == RowState::Drain && row.state() == RowState::Down;
            (is_different && !is_hidden).then(|| format!("it is {} now, and was {}", row.status(), left.status))
        }
    }
}

/// Returns the state of a row, reduced to what the action of a step sets.
fn state_class(state: RowState, step: &IntentStep) -> RowState {
    match step.action.verify_by {
        VerifyBy::AdminState if !state.is_maint_or_drain() => RowState::Up,
        VerifyBy::OperationalState | VerifyBy::AgentHealth if state.is_usable() => RowState::Up,
        VerifyBy::OperationalState | VerifyBy::AgentHealth if state == RowState::ComingUp => RowState::Down,
        VerifyBy::Checks | VerifyBy::AgentChecks => RowState::Unknown,
        _ => state,
    }
}
