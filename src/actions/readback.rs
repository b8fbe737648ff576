//! Readback: the state of a target right before and right after an action.
//!
//! The same read-only commands precede and follow the action's command on one command line, so that nothing else can
//! happen in between. The commands read only one backend or one frontend, which costs HAProxy almost nothing.

use crate::actions::action_table::TargetKind;
use crate::actions::intent::IntentStep;
use crate::haproxy::command::{self, CommandWord, WordError};
use crate::haproxy::fields::Field;
use crate::haproxy::reply::Reply;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state::{self, ServerState};
use crate::haproxy::stat_table::{RowKind, StatTable};
use crate::haproxy::status::RowState;

/// State of a row, a session or a stick table entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readback {
    /// Status in HAProxy's words; empty if the target has none.
    pub status: SafeText,
    /// Number of current sessions.
    pub sessions: Option<i64>,
    /// Number of queued requests.
    pub queued: Option<i64>,
    /// Session limit; `None` if unlimited.
    pub session_limit: Option<i64>,
    /// Weight from `show stat`.
    pub weight: Option<i64>,
    /// The agent reports the server as up; `None` without an agent.
    pub agent_is_up: Option<bool>,
    /// The server's line of `show servers state`; always `None` on versions before 1.6.
    pub server_state: Option<ServerState>,
    /// The target exists; `None` if unknown.
    pub exists: Option<bool>,
    /// Number of sessions since the start of the process, summed over all frontends and backends.
    pub total_sessions: i64,
    /// Peak number of sessions, summed over all frontends and backends.
    pub peak_sessions: i64,
}

/// Returns the read-only commands that read the state of a step's target.
///
/// # Errors
/// Returns an error if a name is not valid as a single word of a command.
pub(crate) fn readback_commands(step: &IntentStep) -> Result<Vec<String>, WordError> {
    let target = &step.target;
    let stat = |scoped_command: fn(i64) -> String| target.iid.map_or_else(|| "show stat".to_owned(), scoped_command);
    Ok(match step.action.target_kind {
        TargetKind::Server => {
            vec![command::show_servers_state(&CommandWord::new(&target.proxy)?), stat(command::show_backend_servers)]
        }
        TargetKind::Frontend => vec![stat(command::show_frontend)],
        TargetKind::Session => vec![command::show_session(&CommandWord::from_value(&target.name)?)],
        TargetKind::TableEntry => {
            vec![command::show_table_entry(&CommandWord::new(&target.proxy)?, &CommandWord::from_value(&target.name)?)]
        }
        TargetKind::Process => vec![command::SHOW_PROXIES.to_owned()],
    })
}

/// Parses the replies to [`readback_commands`]. Returns `None` if the last reply was cut off or is invalid.
pub(crate) fn parse_replies(step: &IntentStep, replies: &[Reply<'_>]) -> Option<Readback> {
    let last = replies.last().filter(|reply| reply.is_complete())?;
    let target = &step.target;
    match step.action.target_kind {
        TargetKind::Server => {
            let states = replies.first().map(|reply| servers_state::parse(reply.text())).unwrap_or_default();
            let is_target = |state: &ServerState| state.backend == target.proxy && state.server == target.name;
            let state = states.into_iter().find(is_target);
            Some(Readback { server_state: state, ..parse_row(step, last, RowKind::Server)? })
        }
        TargetKind::Frontend => parse_row(step, last, RowKind::Frontend),
        TargetKind::Session | TargetKind::TableEntry => {
            // The line of a session or an entry begins with a pointer.
            let lines = last.text().split(|byte| *byte == b'\n');
            let is_there = lines.filter(|line| line.starts_with(b"0x")).count() > 0;
            Some(Readback { exists: Some(is_there), ..Readback::default() })
        }
        TargetKind::Process => {
            let table = StatTable::parse(last.text(), None).ok()?;
            let rows = table.rows().len();
            let sum = |field| (0..rows).filter_map(|index| table.number(index, field)).fold(0, i64::saturating_add);
            Some(Readback { total_sessions: sum(Field::Stot), peak_sessions: sum(Field::Smax), ..Readback::default() })
        }
    }
}

fn parse_row(step: &IntentStep, reply: &Reply<'_>, kind: RowKind) -> Option<Readback> {
    let table = StatTable::parse(reply.text(), None).ok()?;
    let target = &step.target;
    let index = table.rows().iter().position(|row| {
        row.kind == kind && row.proxy == target.proxy && (kind == RowKind::Frontend || row.name == target.name)
    });
    let Some(index) = index else { return Some(Readback { exists: Some(false), ..Readback::default() }) };
    let number = |field| table.number(index, field);
    let agent = number(Field::AgentHealth);
    Some(Readback {
        status: SafeText::from(table.rows()[index].status()),
        sessions: number(Field::Scur),
        queued: number(Field::Qcur),
        session_limit: number(Field::Slim).filter(|limit| *limit > 0),
        weight: number(Field::Uweight).or_else(|| number(Field::Weight)),
        agent_is_up: agent.map(|health| health >= number(Field::AgentRise).unwrap_or(1).max(1)),
        server_state: None,
        exists: Some(true),
        total_sessions: 0,
        peak_sessions: 0,
    })
}

impl Readback {
    /// Returns the parsed status.
    pub(crate) fn parsed_status(&self) -> RowState {
        RowState::parse(self.status.as_str())
    }

    /// Returns the weight that was set, at run time or by the configuration; `None` if HAProxy does not report it.
    pub(crate) fn current_weight(&self) -> Option<i64> {
        self.server_state.as_ref().and_then(|state| state.weight).or(self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{CLEAR_COUNTERS, CLEAR_ENTRY, END_SESSION, FRONTEND_OFF, MAINT};
    use crate::actions::intent::ActionTarget;
    use crate::haproxy::reply;
    use crate::haproxy::write_command::{TargetState, WriteCommand};

    fn step(action: &'static crate::actions::action_table::Action, proxy: &str, name: &str) -> IntentStep {
        let target = ActionTarget { iid: Some(5), ..ActionTarget::without_row(proxy.into(), name.into()) };
        IntentStep { action, command: WriteCommand::State(TargetState::Maint), target }
    }

    #[test]
    fn readback_commands_cover_one_proxy_only() {
        assert_eq!(readback_commands(&step(&MAINT, "b", "s")).unwrap(), ["show servers state b", "show stat 5 4 -1"]);
        assert_eq!(readback_commands(&step(&FRONTEND_OFF, "f", "FRONTEND")).unwrap(), ["show stat 5 1 -1"]);
        assert_eq!(readback_commands(&step(&CLEAR_ENTRY, "t", "/a")).unwrap(), ["show table t key /a"]);
        assert!(readback_commands(&step(&MAINT, "b;x", "s")).is_err());
    }

    #[test]
    fn parse_replies_finds_server_in_both_replies() {
        let text = b"1\n# be_name srv_name srv_admin_state srv_uweight srv_iweight srv_op_state srv_check_state\n\
            b s 8 50 100 2 6\n\n# pxname,svname,scur,qcur,slim,status,weight,type,\nb,t,1,0,,UP,1,2,\nb,s,7,2,,DRAIN,50,2,\n\n";
        let readback = parse_replies(&step(&MAINT, "b", "s"), &reply::split(text, 2)).unwrap();
        assert_eq!(
            (readback.sessions, readback.queued, readback.session_limit, readback.current_weight()),
            (Some(7), Some(2), None, Some(50))
        );
        let state = readback.server_state.unwrap();
        assert!(state.admin.is_drain() && state.checks.unwrap().is_enabled());
        assert_eq!(parse_replies(&step(&MAINT, "b", "gone"), &reply::split(text, 2)).unwrap().exists, Some(false));
        assert_eq!(parse_replies(&step(&MAINT, "b", "s"), &reply::split(&text[..text.len() - 1], 2)), None, "cut");
    }

    #[test]
    fn parse_replies_saturates_large_totals() {
        let text = b"# pxname,svname,stot,smax,type,\na,FRONTEND,9223372036854775807,1,0,\nb,FRONTEND,5,2,0,\n\n";
        let readback = parse_replies(&step(&CLEAR_COUNTERS, "", ""), &reply::split(text, 1)).unwrap();
        assert_eq!((readback.total_sessions, readback.peak_sessions), (i64::MAX, 3));
    }

    #[test]
    fn parse_replies_detects_existing_session_and_entry() {
        let exists = |action, text: &str| {
            parse_replies(&step(action, "t", "k"), &reply::split(text.as_bytes(), 1)).unwrap().exists
        };
        assert_eq!(exists(&END_SESSION, "0x7f: [now] id=1\n  x\n\n"), Some(true));
        assert_eq!(exists(&END_SESSION, "Session not found.\n\n"), Some(false));
        assert_eq!(exists(&CLEAR_ENTRY, "# table: t, type: ip\n0x55: key=k use=0\n\n"), Some(true));
        assert_eq!(exists(&CLEAR_ENTRY, "# table: t, type: ip\n\n"), Some(false));
    }
}
