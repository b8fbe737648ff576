//! Audit records for tests.

use proptest::option;
use proptest::prelude::*;

use crate::actions::audit::actor::Actor;
use crate::actions::audit::record::{AuditRecord, RecordPhase};
use crate::actions::audit::record_contents::RecordedState;

fn any_state() -> impl Strategy<Value = RecordedState> {
    let numbers = || option::of(any::<i64>());
    (any::<String>(), option::of(any::<u32>()), numbers(), numbers(), numbers(), numbers()).prop_map(
        |(status, admin, weight, sessions, queued, limit)| RecordedState {
            status,
            admin,
            weight,
            sessions,
            queued,
            limit,
        },
    )
}

fn any_actor() -> impl Strategy<Value = Actor> {
    let text = || option::of(any::<String>());
    (any::<String>(), any::<u32>(), text(), text(), any::<String>())
        .prop_map(|(user, uid, sudo_user, ssh_connection, host)| Actor { user, uid, sudo_user, ssh_connection, host })
}

/// Generates arbitrary records with arbitrary strings.
pub(crate) fn any_record() -> impl Strategy<Value = AuditRecord> {
    let text = || option::of(any::<String>());
    let identity = (0i64..4_000_000_000_000, any::<bool>(), any::<String>(), any::<String>(), any_actor());
    let content = (any::<String>(), any::<String>(), any::<i64>(), text(), any::<String>());
    let result = (text(), text(), option::of(any::<bool>()), option::of(any_state()), option::of(any_state()), text());
    (identity, content, result).prop_map(|(identity, content, result)| {
        let (millis, is_done, id, tool, actor) = identity;
        let (instance, address, pid, target, command) = content;
        let (reply, outcome, verified, before, after, reason) = result;
        let time = format!("{:.3}", jiff::Timestamp::from_millisecond(millis).unwrap_or_default());
        let phase = if is_done { RecordPhase::Done } else { RecordPhase::Sending };
        AuditRecord {
            time,
            phase,
            id,
            tool,
            actor,
            instance,
            address,
            pid,
            target,
            command,
            reply,
            outcome,
            verified,
            before,
            after,
            reason,
        }
    })
}

/// Creates a record of a command on `be/s1`, `seconds` after the Unix epoch.
pub(crate) fn record(id: &str, phase: RecordPhase, seconds: i64, command: &str) -> AuditRecord {
    AuditRecord {
        time: format!("{:.3}", jiff::Timestamp::from_second(seconds).unwrap_or_default()),
        phase,
        id: id.to_owned(),
        tool: "dashboard".to_owned(),
        actor: Actor { user: "ann".to_owned(), uid: 1000, host: "lb01".to_owned(), ..Actor::default() },
        instance: "lb01".to_owned(),
        address: "/run/a.sock".to_owned(),
        pid: 7,
        target: Some("be/s1".to_owned()),
        command: command.to_owned(),
        reply: None,
        outcome: (phase == RecordPhase::Done).then(|| "verified, MAINT".to_owned()),
        verified: (phase == RecordPhase::Done).then_some(true),
        before: None,
        after: None,
        reason: None,
    }
}
