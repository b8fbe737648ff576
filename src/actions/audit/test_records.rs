//! Records for tests.

use proptest::option;
use proptest::prelude::*;

use crate::actions::audit::actor::Actor;
use crate::actions::audit::attempt::Standing;
use crate::actions::audit::record::{Phase, Record};

fn standing() -> impl Strategy<Value = Standing> {
    let numbers = || option::of(any::<i64>());
    (any::<String>(), option::of(any::<u32>()), numbers(), numbers(), numbers(), numbers()).prop_map(
        |(status, admin, weight, sessions, queued, limit)| Standing { status, admin, weight, sessions, queued, limit },
    )
}

fn actor() -> impl Strategy<Value = Actor> {
    let text = || option::of(any::<String>());
    (any::<String>(), any::<u32>(), text(), text(), any::<String>())
        .prop_map(|(user, uid, sudo_user, ssh_connection, host)| Actor { user, uid, sudo_user, ssh_connection, host })
}

/// Any record that can be; its texts hold anything.
pub fn any_record() -> impl Strategy<Value = Record> {
    let text = || option::of(any::<String>());
    let which = (0i64..4_000_000_000_000, any::<bool>(), any::<String>(), any::<String>(), actor());
    let what = (any::<String>(), any::<String>(), any::<i64>(), text(), any::<String>());
    let ended = (text(), text(), option::of(any::<bool>()), option::of(standing()), option::of(standing()), text());
    (which, what, ended).prop_map(|(which, what, ended)| {
        let (millis, is_done, id, tool, actor) = which;
        let (instance, address, pid, target, command) = what;
        let (answer, outcome, verified, before, after, reason) = ended;
        let time = format!("{:.3}", jiff::Timestamp::from_millisecond(millis).unwrap_or_default());
        let phase = if is_done { Phase::Done } else { Phase::Sending };
        Record {
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
            answer,
            outcome,
            verified,
            before,
            after,
            reason,
        }
    })
}

/// A record of a command on `be/s1`, `seconds` after 1970.
pub fn record(id: &str, phase: Phase, seconds: i64, command: &str) -> Record {
    Record {
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
        answer: None,
        outcome: (phase == Phase::Done).then(|| "verified, MAINT".to_owned()),
        verified: (phase == Phase::Done).then_some(true),
        before: None,
        after: None,
        reason: None,
    }
}
