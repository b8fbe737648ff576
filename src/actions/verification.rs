//! Verifies the effect of an action, and derives the action that undoes it.
//!
//! The status alone does not suffice: a draining server that is down reports `DOWN`. Each action therefore defines the
//! state that is read back to verify it ([`VerifyBy`]). The state before the action determines the action that undoes
//! it.

use crate::actions::action_table::{self, Action, TargetKind, VerifyBy};
use crate::actions::intent::IntentStep;
use crate::actions::readback::Readback;
use crate::haproxy::servers_state::OperationalState;
use crate::haproxy::status::RowState;
use crate::haproxy::version::Version;
use crate::haproxy::write_command::{ForcedHealth, TargetState, TargetWeight, WriteCommand};
use crate::units::pluralize;

/// Returns whether the readback `after` shows the commanded state, or `None` if HAProxy does not report that state.
pub fn is_applied(
    step: &IntentStep,
    before: Option<&Readback>,
    after: &Readback,
    version: Option<Version>,
) -> Option<bool> {
    let state = after.server_state.as_ref();
    match step.command {
        WriteCommand::State(admin) => Some(match state.map(|state| state.admin) {
            Some(bits) => match admin {
                TargetState::Ready => bits.is_ready(),
                TargetState::Drain => bits.is_drain() && !bits.is_maint(),
                TargetState::Maint => bits.is_maint(),
            },
            // HAProxy 1.5 reports only the status.
            None => match admin {
                TargetState::Maint => after.parsed_status() == RowState::Maint,
                TargetState::Drain => matches!(after.parsed_status(), RowState::Drain | RowState::NoLb),
                TargetState::Ready => {
                    !matches!(after.parsed_status(), RowState::Maint | RowState::Drain | RowState::Unknown)
                }
            },
        }),
        WriteCommand::Weight(weight) => {
            let target_weight = weight.resolve(state.and_then(|state| state.initial_weight))?;
            Some(after.current_weight()? == target_weight)
        }
        WriteCommand::Health(health) => {
            let operation = state?.operational?;
            Some(match health {
                ForcedHealth::Up => matches!(operation, OperationalState::Running | OperationalState::Starting),
                ForcedHealth::Stopping => operation == OperationalState::Stopping,
                ForcedHealth::Down => operation == OperationalState::Stopped,
            })
        }
        WriteCommand::Agent(up) => Some(after.agent_is_up? == up),
        WriteCommand::Checks(on) => Some(state?.checks?.is_enabled() == on),
        WriteCommand::AgentChecks(on) => Some(state?.agent?.is_enabled() == on),
        WriteCommand::ServerMaxconn(limit) | WriteCommand::FrontendMaxconn(limit) => {
            Some(after.session_limit.unwrap_or(0) == i64::from(limit))
        }
        WriteCommand::Frontend(on) => match (on, after.parsed_status()) {
            (true, RowState::Open | RowState::Full) | (false, RowState::Paused | RowState::Stopped) => Some(true),
            // HAProxy 2.4 reports OPEN even for a disabled frontend.
            (false, RowState::Open | RowState::Full) if version == Some(Version::new(2, 4)) => None,
            _ => Some(false),
        },
        WriteCommand::ShutdownSessions => Some(after.sessions? == 0),
        WriteCommand::ShutdownSession | WriteCommand::ClearTableEntry => Some(!after.exists?),
        WriteCommand::ClearCounters { all } => {
            let sessions = |readback: &Readback| if all { readback.total_sessions } else { readback.peak_sessions };
            (sessions(after) < sessions(before?)).then_some(true)
        }
    }
}

/// Returns true if a server whose sessions were ended still gets new ones, so that they may never become zero.
pub(crate) fn may_get_new_sessions(step: &IntentStep, after: &Readback) -> bool {
    step.action.verify_by == VerifyBy::NoSessions && after.parsed_status().is_usable()
}

/// Describes the current state: `MAINT, 7 sessions left`, `weight 50`.
pub(crate) fn describe_state(step: &IntentStep, after: &Readback) -> String {
    let status = &after.status;
    match step.action.verify_by {
        VerifyBy::AdminState | VerifyBy::OperationalState | VerifyBy::AgentHealth
            if action_table::blocks_new_sessions(step.command) =>
        {
            let left = after.sessions.map_or(String::new(), |left| format!(", {} left", pluralize(left, "session")));
            format!("{status}{left}")
        }
        VerifyBy::AdminState | VerifyBy::OperationalState | VerifyBy::FrontendStatus | VerifyBy::AgentHealth => {
            status.to_string()
        }
        VerifyBy::Weight => {
            after.current_weight().map_or_else(|| status.to_string(), |weight| format!("weight {weight}"))
        }
        VerifyBy::Checks | VerifyBy::AgentChecks => {
            let (WriteCommand::Checks(on) | WriteCommand::AgentChecks(on)) = step.command else {
                return status.to_string();
            };
            format!("checks {}, {status}", if on { "on" } else { "off" })
        }
        VerifyBy::Maxconn => {
            after.session_limit.map_or_else(|| "no limit".to_owned(), |limit| format!("limit {limit}"))
        }
        VerifyBy::NoSessions => match after.sessions {
            Some(1) => "1 session now".to_owned(),
            Some(count) => format!("{count} sessions now"),
            None => status.to_string(),
        },
        VerifyBy::Absence if after.exists == Some(true) => "present".to_owned(),
        VerifyBy::Absence if step.action.target_kind == TargetKind::Session => "ended".to_owned(),
        VerifyBy::Absence => "gone".to_owned(),
        VerifyBy::Counters => "counters were reset".to_owned(),
    }
}

/// Returns the action and command that restore the state `before` a step, or `None` if it cannot be restored.
pub(crate) fn inverse_action(step: &IntentStep, before: &Readback) -> Option<(&'static Action, WriteCommand)> {
    if !step.action.can_be_undone {
        return None;
    }
    let state = before.server_state.as_ref();
    let limit = |limit: Option<i64>| u32::try_from(limit.unwrap_or(0)).ok();
    Some(match step.action.verify_by {
        VerifyBy::AdminState => {
            let admin = match state.map(|state| state.admin) {
                Some(bits) if bits.is_maint() => TargetState::Maint,
                Some(bits) if bits.is_drain() => TargetState::Drain,
                Some(_) => TargetState::Ready,
                None => match before.parsed_status() {
                    RowState::Maint => TargetState::Maint,
                    RowState::Drain => TargetState::Drain,
                    _ => TargetState::Ready,
                },
            };
            (action_table::for_admin_state(admin), WriteCommand::State(admin))
        }
        VerifyBy::Weight => {
            let weight = u16::try_from(before.current_weight()?).ok()?;
            (&action_table::WEIGHT, WriteCommand::Weight(TargetWeight::Absolute(weight)))
        }
        VerifyBy::OperationalState => match state?.operational? {
            OperationalState::Stopped => (&action_table::HEALTH_DOWN, WriteCommand::Health(ForcedHealth::Down)),
            OperationalState::Stopping => {
                (&action_table::HEALTH_STOPPING, WriteCommand::Health(ForcedHealth::Stopping))
            }
            OperationalState::Starting | OperationalState::Running => {
                (&action_table::HEALTH_UP, WriteCommand::Health(ForcedHealth::Up))
            }
        },
        VerifyBy::AgentHealth if before.agent_is_up? => (&action_table::AGENT_UP, WriteCommand::Agent(true)),
        VerifyBy::AgentHealth => (&action_table::AGENT_DOWN, WriteCommand::Agent(false)),
        VerifyBy::Checks if state?.checks?.is_enabled() => (&action_table::CHECKS_ON, WriteCommand::Checks(true)),
        VerifyBy::Checks => (&action_table::CHECKS_OFF, WriteCommand::Checks(false)),
        VerifyBy::AgentChecks if state?.agent?.is_enabled() => {
            (&action_table::AGENT_ON, WriteCommand::AgentChecks(true))
        }
        VerifyBy::AgentChecks => (&action_table::AGENT_OFF, WriteCommand::AgentChecks(false)),
        VerifyBy::Maxconn if step.action.target_kind == TargetKind::Frontend => (
            &action_table::FRONTEND_MAXCONN,
            WriteCommand::FrontendMaxconn(limit(before.session_limit).filter(|limit| *limit > 0)?),
        ),
        VerifyBy::Maxconn => (&action_table::SERVER_MAXCONN, WriteCommand::ServerMaxconn(limit(before.session_limit)?)),
        VerifyBy::FrontendStatus => match before.parsed_status() {
            RowState::Paused | RowState::Stopped => (&action_table::FRONTEND_OFF, WriteCommand::Frontend(false)),
            _ => (&action_table::FRONTEND_ON, WriteCommand::Frontend(true)),
        },
        VerifyBy::NoSessions | VerifyBy::Absence | VerifyBy::Counters => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{ACTIONS, ActionCommand, MAINT, READY, WEIGHT};
    use crate::actions::intent::ActionTarget;
    use crate::haproxy::servers_state::{AdminState, CheckState, ServerState};

    fn step(action: &'static Action, command: WriteCommand) -> IntentStep {
        IntentStep { action, command, target: ActionTarget::without_row("b".into(), "s".into()) }
    }

    fn server(admin: u32, status: &str) -> Readback {
        let state = ServerState {
            backend: "b".into(),
            server: "s".into(),
            admin: AdminState(admin),
            weight: Some(50),
            initial_weight: Some(100),
            operational: Some(OperationalState::Running),
            checks: Some(CheckState(6)),
            agent: Some(CheckState(2)),
            has_failed_check: None,
            dns_name: None,
        };
        Readback { status: status.into(), sessions: Some(7), server_state: Some(state), ..Readback::default() }
    }

    fn verified(command: WriteCommand, admin: u32, status: &str) -> Option<bool> {
        is_applied(&step(&MAINT, command), None, &server(admin, status), None)
    }

    #[test]
    fn is_applied_checks_own_admin_state() {
        let [ready, drain, maint] =
            [TargetState::Ready, TargetState::Drain, TargetState::Maint].map(WriteCommand::State);
        assert_eq!(verified(maint, 1, "MAINT"), Some(true));
        assert_eq!(verified(maint, 2, "MAINT (via b/t)"), Some(false), "through the server it tracks");
        assert_eq!(verified(drain, 8, "DOWN"), Some(true), "a draining DOWN server reports DOWN");
        assert_eq!((verified(drain, 9, "MAINT"), verified(drain, 0, "DRAIN")), (Some(false), Some(false)));
        assert_eq!((verified(ready, 2, "MAINT (via b/t)"), verified(ready, 8, "UP")), (Some(true), Some(false)));
        let old = |status: &str| Readback { server_state: None, ..server(0, status) };
        assert_eq!(is_applied(&step(&MAINT, maint), None, &old("MAINT"), None), Some(true));
        assert_eq!(is_applied(&step(&MAINT, maint), None, &old("UP"), None), Some(false));
    }

    #[test]
    fn is_applied_checks_weight_and_checks() {
        assert_eq!(verified(WriteCommand::Weight(TargetWeight::Absolute(50)), 0, "UP"), Some(true));
        assert_eq!(verified(WriteCommand::Weight(TargetWeight::Percent(50)), 0, "UP"), Some(true));
        assert_eq!(verified(WriteCommand::Weight(TargetWeight::Percent(100)), 0, "UP"), Some(false));
        assert_eq!(
            (verified(WriteCommand::Checks(true), 0, "UP"), verified(WriteCommand::AgentChecks(true), 0, "UP")),
            (Some(true), Some(false))
        );
        assert_eq!(
            (verified(WriteCommand::ServerMaxconn(0), 0, "UP"), verified(WriteCommand::ServerMaxconn(5), 0, "UP")),
            (Some(true), Some(false))
        );
        assert_eq!(verified(WriteCommand::Health(ForcedHealth::Down), 0, "UP"), Some(false));
        assert_eq!(verified(WriteCommand::Agent(false), 0, "UP"), None, "without an agent the state is unknown");
    }

    #[test]
    fn is_applied_is_unknown_for_disabled_frontend_of_2_4() {
        let off = step(&action_table::FRONTEND_OFF, WriteCommand::Frontend(false));
        let outcome = |status: &str, minor| is_applied(&off, None, &server(0, status), Some(Version::new(2, minor)));
        assert_eq!((outcome("PAUSED", 6), outcome("OPEN", 6), outcome("OPEN", 4)), (Some(true), Some(false), None));
    }

    #[test]
    fn inverse_action_restores_previous_state() {
        let inverse_of = |action, command, admin| {
            inverse_action(&step(action, command), &server(admin, "UP")).map(|(action, command)| (action.id, command))
        };
        let maint = WriteCommand::State(TargetState::Maint);
        assert_eq!(inverse_of(&MAINT, maint, 0), Some(("server.ready", WriteCommand::State(TargetState::Ready))));
        assert_eq!(inverse_of(&MAINT, maint, 8), Some(("server.drain", WriteCommand::State(TargetState::Drain))));
        assert_eq!(inverse_of(&READY, WriteCommand::State(TargetState::Ready), 9), Some(("server.maint", maint)));
        let weight = WriteCommand::Weight(TargetWeight::Absolute(50));
        assert_eq!(
            inverse_of(&WEIGHT, WriteCommand::Weight(TargetWeight::Absolute(1)), 0),
            Some(("server.weight", weight))
        );
        assert_eq!(
            inverse_of(&action_table::FRONTEND_MAXCONN, WriteCommand::FrontendMaxconn(9), 0),
            None,
            "removing the limit is not possible"
        );
    }

    #[test]
    fn every_reversible_action_has_inverse_of_same_kind() {
        for action in ACTIONS.iter().filter(|action| action.can_be_undone) {
            let command = match action.command {
                ActionCommand::Fixed(command) => command,
                ActionCommand::AskWeight => WriteCommand::Weight(TargetWeight::Absolute(1)),
                ActionCommand::AskLimit => WriteCommand::ServerMaxconn(1),
            };
            let before = Readback { session_limit: Some(9), agent_is_up: Some(true), ..server(0, "UP") };
            let (inverse, _) =
                inverse_action(&step(action, command), &before).unwrap_or_else(|| panic!("{}", action.id));
            assert_eq!(
                (inverse.verify_by, inverse.target_kind),
                (action.verify_by, action.target_kind),
                "{}",
                action.id
            );
        }
    }
}
