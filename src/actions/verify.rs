//! What counts as proof that an act had its effect, and what would undo it.
//!
//! The status word alone proves little: a DOWN server that drains reads `DOWN`. Each act names what is looked
//! at ([`Proof`]); what was there before tells what brings it back.

use crate::actions::action_table::{self, Action, Proof, Subject};
use crate::actions::intent::Step;
use crate::actions::readback::Seen;
use crate::haproxy::servers_state::Operation;
use crate::haproxy::status::State;
use crate::haproxy::version::Version;
use crate::haproxy::write_command::{Admin, Health, WriteCommand, Weight};

/// Whether what was read back is what was ordered; nothing where HAProxy does not tell.
pub fn is_done(step: &Step, before: Option<&Seen>, after: &Seen, version: Option<Version>) -> Option<bool> {
    let state = after.state.as_ref();
    match step.order {
        WriteCommand::State(admin) => Some(match state.map(|state| state.admin) {
            Some(bits) => match admin {
                Admin::Ready => bits.is_ready(),
                Admin::Drain => bits.is_drain() && !bits.is_maint(),
                Admin::Maint => bits.is_maint(),
            },
            // 1.5 has no other proof than the status.
            None => match admin {
                Admin::Maint => after.meaning() == State::Maint,
                Admin::Drain => matches!(after.meaning(), State::Drain | State::NoLb),
                Admin::Ready => !matches!(after.meaning(), State::Maint | State::Drain | State::Unknown),
            },
        }),
        WriteCommand::Weight(weight) => {
            let wanted = weight.of(state.and_then(|state| state.initial_weight))?;
            Some(after.set_weight()? == wanted)
        }
        WriteCommand::Health(health) => {
            let operation = state?.operation?;
            Some(match health {
                Health::Up => matches!(operation, Operation::Running | Operation::Starting),
                Health::Stopping => operation == Operation::Stopping,
                Health::Down => operation == Operation::Stopped,
            })
        }
        WriteCommand::Agent(up) => Some(after.agent_is_up? == up),
        WriteCommand::Checks(on) => Some(state?.checks?.is_enabled() == on),
        WriteCommand::AgentChecks(on) => Some(state?.agent?.is_enabled() == on),
        WriteCommand::ServerMaxconn(limit) | WriteCommand::FrontendMaxconn(limit) => {
            Some(after.limit.unwrap_or(0) == i64::from(limit))
        }
        WriteCommand::Frontend(on) => match (on, after.meaning()) {
            (true, State::Open | State::Full) | (false, State::Paused | State::Stopped) => Some(true),
            // 2.4 goes on saying OPEN.
            (false, State::Open | State::Full) if version == Some(Version::new(2, 4)) => None,
            _ => Some(false),
        },
        // New ones may come at once, unless the server takes none.
        WriteCommand::EndSessions => match after.sessions? {
            0 => Some(true),
            _ if after.meaning().is_usable() => None,
            _ => Some(false),
        },
        WriteCommand::EndSession | WriteCommand::ClearEntry => Some(!after.is_there?),
        WriteCommand::ClearCounters { all } => {
            let of = |seen: &Seen| if all { seen.counted } else { seen.highest };
            (of(after) < of(before?)).then_some(true)
        }
    }
}

/// What is so now, in words: `MAINT, 7 sessions left`, `weight 50`.
pub fn words(step: &Step, after: &Seen) -> String {
    let status = &after.status;
    match step.act.proof {
        Proof::AdminState if action_table::takes_away(step.order) => match after.sessions {
            Some(1) => format!("{status}, 1 session left"),
            Some(left) => format!("{status}, {left} sessions left"),
            None => status.to_string(),
        },
        Proof::AdminState | Proof::Operation | Proof::Open | Proof::AgentHealth => status.to_string(),
        Proof::Weight => after.set_weight().map_or_else(|| status.to_string(), |weight| format!("weight {weight}")),
        Proof::Checks | Proof::AgentChecks => {
            let (WriteCommand::Checks(on) | WriteCommand::AgentChecks(on)) = step.order else { return status.to_string() };
            format!("checks {}, {status}", if on { "on" } else { "off" })
        }
        Proof::Limit => after.limit.map_or_else(|| "no limit".to_owned(), |limit| format!("limit {limit}")),
        Proof::NoSessions => match after.sessions {
            Some(1) => "1 session now".to_owned(),
            Some(count) => format!("{count} sessions now"),
            None => status.to_string(),
        },
        Proof::Gone if after.is_there == Some(true) => "there".to_owned(),
        Proof::Gone => "gone".to_owned(),
        Proof::Counters => "they count anew".to_owned(),
    }
}

/// What brings back how it stood before; nothing where that cannot be.
pub fn inverse(step: &Step, before: &Seen) -> Option<(&'static Action, WriteCommand)> {
    if !step.act.can_be_undone {
        return None;
    }
    let state = before.state.as_ref();
    let limit = |limit: Option<i64>| u32::try_from(limit.unwrap_or(0)).ok();
    Some(match step.act.proof {
        Proof::AdminState => {
            let admin = match state.map(|state| state.admin) {
                Some(bits) if bits.is_maint() => Admin::Maint,
                Some(bits) if bits.is_drain() => Admin::Drain,
                Some(_) => Admin::Ready,
                None => match before.meaning() {
                    State::Maint => Admin::Maint,
                    State::Drain => Admin::Drain,
                    _ => Admin::Ready,
                },
            };
            (action_table::of_state(admin), WriteCommand::State(admin))
        }
        Proof::Weight => {
            let weight = u16::try_from(before.set_weight()?).ok()?;
            (&action_table::WEIGHT, WriteCommand::Weight(Weight::Absolute(weight)))
        }
        Proof::Operation => match state?.operation? {
            Operation::Stopped => (&action_table::HEALTH_DOWN, WriteCommand::Health(Health::Down)),
            Operation::Stopping => (&action_table::HEALTH_STOPPING, WriteCommand::Health(Health::Stopping)),
            Operation::Starting | Operation::Running => (&action_table::HEALTH_UP, WriteCommand::Health(Health::Up)),
        },
        Proof::AgentHealth if before.agent_is_up? => (&action_table::AGENT_UP, WriteCommand::Agent(true)),
        Proof::AgentHealth => (&action_table::AGENT_DOWN, WriteCommand::Agent(false)),
        Proof::Checks if state?.checks?.is_enabled() => (&action_table::CHECKS_ON, WriteCommand::Checks(true)),
        Proof::Checks => (&action_table::CHECKS_OFF, WriteCommand::Checks(false)),
        Proof::AgentChecks if state?.agent?.is_enabled() => (&action_table::AGENT_ON, WriteCommand::AgentChecks(true)),
        Proof::AgentChecks => (&action_table::AGENT_OFF, WriteCommand::AgentChecks(false)),
        Proof::Limit if step.act.subject == Subject::Frontend => {
            (&action_table::FRONTEND_MAXCONN, WriteCommand::FrontendMaxconn(limit(before.limit).filter(|limit| *limit > 0)?))
        }
        Proof::Limit => (&action_table::SERVER_MAXCONN, WriteCommand::ServerMaxconn(limit(before.limit)?)),
        Proof::Open => match before.meaning() {
            State::Paused | State::Stopped => (&action_table::FRONTEND_OFF, WriteCommand::Frontend(false)),
            _ => (&action_table::FRONTEND_ON, WriteCommand::Frontend(true)),
        },
        Proof::NoSessions | Proof::Gone | Proof::Counters => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{ACTIONS, Gives, MAINT, READY, WEIGHT};
    use crate::actions::intent::Target;
    use crate::haproxy::servers_state::{AdminState, CheckState, ServerState};

    fn step(act: &'static Action, order: WriteCommand) -> Step {
        Step { act, order, target: Target::beside_rows("b".into(), "s".into()) }
    }

    fn server(admin: u32, status: &str) -> Seen {
        let state = ServerState {
            backend: "b".into(),
            server: "s".into(),
            admin: AdminState(admin),
            weight: Some(50),
            initial_weight: Some(100),
            operation: Some(Operation::Running),
            checks: Some(CheckState(6)),
            agent: Some(CheckState(2)),
        };
        Seen { status: status.into(), sessions: Some(7), state: Some(state), ..Seen::default() }
    }

    fn proven(order: WriteCommand, admin: u32, status: &str) -> Option<bool> {
        is_done(&step(&MAINT, order), None, &server(admin, status), None)
    }

    #[test]
    fn only_the_admin_state_is_proof() {
        let [ready, drain, maint] = [Admin::Ready, Admin::Drain, Admin::Maint].map(WriteCommand::State);
        assert_eq!(proven(maint, 1, "MAINT"), Some(true));
        assert_eq!(proven(maint, 2, "MAINT (via b/t)"), Some(false), "through the one it tracks");
        assert_eq!(proven(drain, 8, "DOWN"), Some(true), "a DOWN server that drains reads DOWN");
        assert_eq!((proven(drain, 9, "MAINT"), proven(drain, 0, "DRAIN")), (Some(false), Some(false)));
        assert_eq!((proven(ready, 2, "MAINT (via b/t)"), proven(ready, 8, "UP")), (Some(true), Some(false)));
        let old = |status: &str| Seen { state: None, ..server(0, status) };
        assert_eq!(is_done(&step(&MAINT, maint), None, &old("MAINT"), None), Some(true));
        assert_eq!(is_done(&step(&MAINT, maint), None, &old("UP"), None), Some(false));
    }

    #[test]
    fn weights_and_checks_are_read_back() {
        assert_eq!(proven(WriteCommand::Weight(Weight::Absolute(50)), 0, "UP"), Some(true));
        assert_eq!(proven(WriteCommand::Weight(Weight::Percent(50)), 0, "UP"), Some(true));
        assert_eq!(proven(WriteCommand::Weight(Weight::Percent(100)), 0, "UP"), Some(false));
        assert_eq!(
            (proven(WriteCommand::Checks(true), 0, "UP"), proven(WriteCommand::AgentChecks(true), 0, "UP")),
            (Some(true), Some(false))
        );
        assert_eq!(
            (proven(WriteCommand::ServerMaxconn(0), 0, "UP"), proven(WriteCommand::ServerMaxconn(5), 0, "UP")),
            (Some(true), Some(false))
        );
        assert_eq!(proven(WriteCommand::Health(Health::Down), 0, "UP"), Some(false));
        assert_eq!(proven(WriteCommand::Agent(false), 0, "UP"), None, "there is no agent to tell");
    }

    #[test]
    fn a_frontend_of_2_4_does_not_tell() {
        let off = step(&action_table::FRONTEND_OFF, WriteCommand::Frontend(false));
        let seen = |status: &str, minor| is_done(&off, None, &server(0, status), Some(Version::new(2, minor)));
        assert_eq!((seen("PAUSED", 6), seen("OPEN", 6), seen("OPEN", 4)), (Some(true), Some(false), None));
    }

    #[test]
    fn the_inverse_is_what_was_there_before() {
        let of =
            |act, order, admin| inverse(&step(act, order), &server(admin, "UP")).map(|(act, order)| (act.id, order));
        let maint = WriteCommand::State(Admin::Maint);
        assert_eq!(of(&MAINT, maint, 0), Some(("server.ready", WriteCommand::State(Admin::Ready))));
        assert_eq!(of(&MAINT, maint, 8), Some(("server.drain", WriteCommand::State(Admin::Drain))));
        assert_eq!(of(&READY, WriteCommand::State(Admin::Ready), 9), Some(("server.maint", maint)));
        let weight = WriteCommand::Weight(Weight::Absolute(50));
        assert_eq!(of(&WEIGHT, WriteCommand::Weight(Weight::Absolute(1)), 0), Some(("server.weight", weight)));
        assert_eq!(
            of(&action_table::FRONTEND_MAXCONN, WriteCommand::FrontendMaxconn(9), 0),
            None,
            "no limit cannot be ordered"
        );
    }

    #[test]
    fn whatever_can_be_undone_has_an_inverse_of_its_own_kind() {
        for act in ACTIONS.iter().filter(|act| act.can_be_undone) {
            let order = match act.gives {
                Gives::Order(order) => order,
                Gives::Weight => WriteCommand::Weight(Weight::Absolute(1)),
                Gives::Limit => WriteCommand::ServerMaxconn(1),
            };
            let before = Seen { limit: Some(9), agent_is_up: Some(true), ..server(0, "UP") };
            let (back, _) = inverse(&step(act, order), &before).unwrap_or_else(|| panic!("{}", act.id));
            assert_eq!((back.proof, back.subject), (act.proof, act.subject), "{}", act.id);
        }
    }
}
