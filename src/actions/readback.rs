//! How something stands right before and right after an act: the questions, and what their answers say.
//!
//! The same questions are asked twice on the line that carries the command, so nothing can come between. They
//! cover one backend or one frontend only, which costs HAProxy next to nothing.

use crate::actions::action_table::Subject;
use crate::actions::intent::Step;
use crate::haproxy::command::{self, BadName, Word};
use crate::haproxy::fields::Field;
use crate::haproxy::reply::Reply;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state::{self, ServerState};
use crate::haproxy::stat_table::{RowKind, Table};
use crate::haproxy::status::State;

/// How a row, a session or an entry stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its status in HAProxy's words; empty where it has none.
    pub status: SafeText,
    /// Sessions now.
    pub sessions: Option<i64>,
    /// Requests that wait for it.
    pub queued: Option<i64>,
    /// Its limit of sessions; absent for none.
    pub limit: Option<i64>,
    /// Its weight as `show stat` gives it.
    pub weight: Option<i64>,
    /// Whether its agent finds it well; absent without an agent.
    pub agent_is_up: Option<bool>,
    /// Its line of `show servers state`; absent before 1.6.
    pub state: Option<ServerState>,
    /// Whether it is there at all; absent when the answer does not tell.
    pub is_there: Option<bool>,
    /// Sessions counted since the start, over all frontends and backends.
    pub counted: i64,
    /// The highest numbers of sessions, summed up over the same.
    pub highest: i64,
}

/// What to ask about a step's target, command by command.
///
/// # Errors
/// When a name would not be one word of a command.
pub fn questions(step: &Step) -> Result<Vec<String>, BadName> {
    let target = &step.target;
    let stat = |of: fn(i64) -> String| target.iid.map_or_else(|| "show stat".to_owned(), of);
    Ok(match step.act.subject {
        Subject::Server => {
            vec![command::show_servers_state(&Word::new(&target.proxy)?), stat(command::show_backend_servers)]
        }
        Subject::Frontend => vec![stat(command::show_frontend)],
        Subject::Session => vec![command::show_session(&Word::value(&target.name)?)],
        Subject::Entry => vec![command::show_table_entry(&Word::new(&target.proxy)?, &Word::value(&target.name)?)],
        Subject::Process => vec![command::SHOW_PROXIES.to_owned()],
    })
}

/// Reads the answers to [`questions`]; nothing when the last of them was cut.
pub fn read(step: &Step, replies: &[Reply<'_>]) -> Option<Seen> {
    let last = replies.last().filter(|reply| reply.is_whole())?;
    let target = &step.target;
    match step.act.subject {
        Subject::Server => {
            let states = replies.first().map(|reply| servers_state::parse(reply.text())).unwrap_or_default();
            let is_it = |state: &ServerState| state.backend == target.proxy && state.server == target.name;
            let state = states.into_iter().find(is_it);
            Some(Seen { state, ..row(step, last, RowKind::Server)? })
        }
        Subject::Frontend => row(step, last, RowKind::Frontend),
        Subject::Session | Subject::Entry => {
            // A session's or an entry's line begins with its pointer.
            let lines = last.text().split(|byte| *byte == b'\n');
            let is_there = lines.filter(|line| line.starts_with(b"0x")).count() > 0;
            Some(Seen { is_there: Some(is_there), ..Seen::default() })
        }
        Subject::Process => {
            let table = Table::parse(last.text(), None).ok()?;
            let rows = table.rows().len();
            let sum = |field| (0..rows).filter_map(|index| table.number(index, field)).fold(0, i64::saturating_add);
            Some(Seen { counted: sum(Field::Stot), highest: sum(Field::Smax), ..Seen::default() })
        }
    }
}

fn row(step: &Step, reply: &Reply<'_>, kind: RowKind) -> Option<Seen> {
    let table = Table::parse(reply.text(), None).ok()?;
    let target = &step.target;
    let index = table.rows().iter().position(|row| {
        row.kind == kind && row.proxy == target.proxy && (kind == RowKind::Frontend || row.name == target.name)
    });
    let Some(index) = index else { return Some(Seen { is_there: Some(false), ..Seen::default() }) };
    let number = |field| table.number(index, field);
    let agent = number(Field::AgentHealth);
    Some(Seen {
        status: SafeText::from(table.rows()[index].status()),
        sessions: number(Field::Scur),
        queued: number(Field::Qcur),
        limit: number(Field::Slim).filter(|limit| *limit > 0),
        weight: number(Field::Uweight).or_else(|| number(Field::Weight)),
        agent_is_up: agent.map(|health| health >= number(Field::AgentRise).unwrap_or(1).max(1)),
        state: None,
        is_there: Some(true),
        counted: 0,
        highest: 0,
    })
}

impl Seen {
    /// What its status means.
    pub fn meaning(&self) -> State {
        State::parse(self.status.as_str())
    }

    /// The weight somebody set, or the configuration.
    pub fn set_weight(&self) -> Option<i64> {
        self.state.as_ref().and_then(|state| state.weight).or(self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{CLEAR_COUNTERS, CLEAR_ENTRY, END_SESSION, FRONTEND_OFF, MAINT};
    use crate::actions::intent::Target;
    use crate::haproxy::reply;
    use crate::haproxy::write_command::{Admin, WriteCommand};

    fn step(act: &'static crate::actions::action_table::Action, proxy: &str, name: &str) -> Step {
        let target = Target { iid: Some(5), ..Target::beside_rows(proxy.into(), name.into()) };
        Step { act, order: WriteCommand::State(Admin::Maint), target }
    }

    #[test]
    fn questions_are_about_one_backend_only() {
        assert_eq!(questions(&step(&MAINT, "b", "s")).unwrap(), ["show servers state b", "show stat 5 4 -1"]);
        assert_eq!(questions(&step(&FRONTEND_OFF, "f", "FRONTEND")).unwrap(), ["show stat 5 1 -1"]);
        assert_eq!(questions(&step(&CLEAR_ENTRY, "t", "/a")).unwrap(), ["show table t key /a"]);
        assert!(questions(&step(&MAINT, "b;x", "s")).is_err());
    }

    #[test]
    fn a_server_is_found_in_both_answers() {
        let text = b"1\n# be_name srv_name srv_admin_state srv_uweight srv_iweight srv_op_state srv_check_state\n\
            b s 8 50 100 2 6\n\n# pxname,svname,scur,qcur,slim,status,weight,type,\nb,t,1,0,,UP,1,2,\nb,s,7,2,,DRAIN,50,2,\n\n";
        let seen = read(&step(&MAINT, "b", "s"), &reply::split(text, 2)).unwrap();
        assert_eq!((seen.sessions, seen.queued, seen.limit, seen.set_weight()), (Some(7), Some(2), None, Some(50)));
        let state = seen.state.unwrap();
        assert!(state.admin.is_drain() && state.checks.unwrap().is_enabled());
        assert_eq!(read(&step(&MAINT, "b", "gone"), &reply::split(text, 2)).unwrap().is_there, Some(false));
        assert_eq!(read(&step(&MAINT, "b", "s"), &reply::split(&text[..text.len() - 1], 2)), None, "cut");
    }

    #[test]
    fn totals_at_the_end_of_63_bits_do_not_overflow() {
        let text = b"# pxname,svname,stot,smax,type,\na,FRONTEND,9223372036854775807,1,0,\nb,FRONTEND,5,2,0,\n\n";
        let seen = read(&step(&CLEAR_COUNTERS, "", ""), &reply::split(text, 1)).unwrap();
        assert_eq!((seen.counted, seen.highest), (i64::MAX, 3));
    }

    #[test]
    fn what_has_a_pointer_is_there() {
        let there = |act, text: &str| read(&step(act, "t", "k"), &reply::split(text.as_bytes(), 1)).unwrap().is_there;
        assert_eq!(there(&END_SESSION, "0x7f: [now] id=1\n  x\n\n"), Some(true));
        assert_eq!(there(&END_SESSION, "Session not found.\n\n"), Some(false));
        assert_eq!(there(&CLEAR_ENTRY, "# table: t, type: ip\n0x55: key=k use=0\n\n"), Some(true));
        assert_eq!(there(&CLEAR_ENTRY, "# table: t, type: ip\n\n"), Some(false));
    }
}
