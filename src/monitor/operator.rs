//! Carries out what the guard let through, and reads it back.
//!
//! One connection for one server's act: the command, and behind it on the same line the questions that tell
//! what became of it. HAProxy answers a command that changes something with silence, an error with a line of
//! text; only the administrative state read back afterwards counts as proof.

use crate::haproxy::address::Address;
use crate::haproxy::command::{self, Order, Word};
use crate::haproxy::connection::{self, AskError, Limits};
use crate::haproxy::fields::Field;
use crate::haproxy::plain::Lines;
use crate::haproxy::reply::{self, Reply};
use crate::haproxy::servers_state;
use crate::haproxy::stat::{Row, Table};
use crate::haproxy::status::State;
use crate::haproxy::text::SafeText;
use crate::monitor::acts::{Act, Intent, Target};
use crate::monitor::guard::Authorised;
use crate::monitor::outcome::{Done, Outcome, Report};
use crate::monitor::query::{Answer, QueryError, Told};
use crate::monitor::sample::Cost;
use crate::monitor::typed_line::TypedLine;

/// Carries an intent out, one server after the other, and stops at the first failure.
pub async fn carry_out(address: &Address, limits: &Limits, intent: &Authorised<Intent>) -> Report {
    let intent = intent.get();
    let mut done = Vec::with_capacity(intent.targets.len());
    for target in &intent.targets {
        let Some((command, outcome)) = act_on(address, limits, intent.act, target).await else { break };
        let stop = !outcome.is_verified();
        done.push(Done { target: target.clone(), command, outcome });
        if stop {
            break;
        }
    }
    let left = intent.targets.len() - done.len();
    Report { instance: intent.instance, done, left }
}

/// Sends a typed line; its answer comes as HAProxy gave it.
///
/// # Errors
/// When no answer came: the line may then have been carried out.
pub async fn send_line(address: &Address, limits: &Limits, line: &Authorised<TypedLine>) -> Result<Answer, QueryError> {
    let line = line.get();
    let mut bytes = Vec::new();
    let timing = connection::ask(address, line.as_str(), line.parts().len(), limits, &mut bytes)
        .await
        .map_err(|error| QueryError::Ask { hint: error.hint(address), error })?;
    let replies = reply::split(&bytes, 1);
    let is_whole = replies.first().is_some_and(Reply::is_whole);
    let cost = Cost { bytes: bytes.len(), answer: timing.answer };
    Ok(Answer { told: Told::Lines(Lines::parse(&bytes)), is_whole, cost })
}

/// Nothing when the names make no command, which the guard has ruled out before.
async fn act_on(address: &Address, limits: &Limits, act: &Act, target: &Target) -> Option<(String, Outcome)> {
    let backend = Word::new(&target.backend).ok()?;
    let command = act.command(target).ok()?;
    let state = command::show_servers_state(&backend);
    let stat = target.iid.map_or_else(|| "show stat".to_owned(), command::show_backend_servers);
    let line = [command.as_str(), &state, &stat].join(";");
    let mut answer = Vec::new();
    let outcome = match connection::ask(address, &line, 3, limits, &mut answer).await {
        Ok(_) => read_back(&answer, act, target),
        Err(error @ (AskError::Connect(_) | AskError::ConnectTimeout(_))) => Outcome::NotSent(error.to_string()),
        // The order was answered even though what follows was cut: judge by what is there.
        Err(_) if reply::is_complete(&answer, 1) || answer.starts_with(b"\n") => read_back(&answer, act, target),
        Err(error) => Outcome::Unknown(error.to_string()),
    };
    Some((command, outcome))
}

/// Judges the three answers: to the order, to `show servers state`, to `show stat`.
fn read_back(answer: &[u8], act: &Act, target: &Target) -> Outcome {
    let replies = reply::split(answer, 3);
    let Some(first) = replies.first().filter(|first| first.is_whole()) else {
        return Outcome::Unknown("HAProxy closed the connection in the middle of its answer".to_owned());
    };
    if !first.is_silent() {
        let line = first.text().split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
        return Outcome::Refused(SafeText::new(line.unwrap_or_default().trim_ascii()));
    }
    let states = replies.get(1).map(|reply| servers_state::parse(reply.text())).unwrap_or_default();
    let admin = states.iter().find(|state| state.backend == target.backend && state.server == target.server);
    let table = replies.get(2).filter(|reply| reply.is_whole()).and_then(|reply| Table::parse(reply.text(), None).ok());
    let row = table.as_ref().and_then(|table| {
        let is_it = |row: &Row| row.proxy == target.backend && row.name == target.server;
        let index = table.rows().iter().position(is_it)?;
        Some((&table.rows()[index], table.number(index, Field::Scur)))
    });
    let now = row.map(|(row, _)| SafeText::from(row.status())).unwrap_or_default();
    let is_done = match admin {
        Some(state) => act.is_done(state.admin),
        // 1.5 has no other proof than the status.
        None => row.is_some_and(|(row, _)| shows(row.state(), act.order)),
    };
    if is_done {
        let sessions = row.and_then(|(_, sessions)| sessions).filter(|_| act.takes_away);
        Outcome::Verified { status: now, sessions }
    } else {
        Outcome::NotSeen { status: now }
    }
}

fn shows(state: State, order: Order) -> bool {
    match order {
        Order::Maint => state == State::Maint,
        Order::Drain => matches!(state, State::Drain | State::NoLb),
        Order::Ready => !matches!(state, State::Maint | State::Drain | State::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::acts::{DRAIN, MAINT, READY};
    use crate::monitor::roster::RowId;

    const STATE: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n";
    const STAT: &str = "# pxname,svname,scur,status,type,\n";

    fn judge(act: &Act, order: &str, admin: u32, status: &str) -> String {
        let target =
            Target { id: RowId::PROCESS, backend: "b".into(), server: "s".into(), iid: None, seen: "UP".into() };
        let answer = format!("{order}\n{STATE}5 b 1 s 127.0.0.1 2 {admin} 100\n\n{STAT}b,s,7,{status},2,\n\n");
        read_back(answer.as_bytes(), act, &target).to_string()
    }

    #[test]
    fn only_the_admin_state_is_proof() {
        assert_eq!(judge(&MAINT, "", 1, "MAINT"), "verified, MAINT, 7 sessions left");
        assert_eq!(judge(&DRAIN, "", 8, "DOWN"), "verified, DOWN, 7 sessions left");
        assert_eq!(judge(&READY, "", 2, "MAINT (via b/t)"), "verified, MAINT (via b/t)");
        assert_eq!(judge(&MAINT, "", 0, "UP"), "accepted, but the server still is UP");
    }

    #[test]
    fn errors_come_in_haproxys_own_words() {
        assert_eq!(judge(&MAINT, "No such server.\n", 0, "UP"), "refused by HAProxy: No such server.");
        assert_eq!(judge(&MAINT, "Permission denied\n", 0, "UP"), "refused by HAProxy: Permission denied");
    }

    #[test]
    fn without_servers_state_the_status_must_do() {
        let target =
            Target { id: RowId::PROCESS, backend: "b".into(), server: "s".into(), iid: None, seen: "UP".into() };
        let judge = |status| {
            let answer = format!("\nUnknown command. Please enter\n  help\n\n{STAT}b,s,0,{status},2,\n\n");
            read_back(answer.as_bytes(), &MAINT, &target)
        };
        assert!(judge("MAINT").is_verified());
        assert!(!judge("UP").is_verified());
    }

    #[test]
    fn a_cut_answer_is_unknown_or_unread() {
        let target =
            Target { id: RowId::PROCESS, backend: "b".into(), server: "s".into(), iid: None, seen: "UP".into() };
        assert!(matches!(read_back(b"", &MAINT, &target), Outcome::Unknown(_)));
        assert!(matches!(read_back(b"No such", &MAINT, &target), Outcome::Unknown(_)));
        assert!(matches!(read_back(b"\n1\n# be", &MAINT, &target), Outcome::NotSeen { .. }));
    }
}
