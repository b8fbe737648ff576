//! The present state of an action's targets, read right before and right after its command.
//!
//! Each command uses its own connection, so the reply ends where the connection ends. Text that a server or a client
//! supplies, such as the text of a health check, then cannot pass for another reply.

use std::time::Duration;

use crate::actions::action_table::TargetKind;
use crate::actions::capacity::Capacity;
use crate::actions::intent::{ActionTarget, IntentStep};
use crate::actions::process_identity::ProcessIdentity;
use crate::actions::readback::Readback;
use crate::actions::target_identity::{SessionIdentity, TargetIdentity};
use crate::haproxy::command::{self, CommandWord, WordError};
use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state::ServerState;
use crate::haproxy::sessions::SessionDetail;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::stick_tables::TableEntries;
use crate::haproxy::version::Version;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// Part of the rows that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ReadScope {
    /// All rows, because an action may affect servers of other backends, which track its targets.
    All,
    /// The rows of one step's proxy, which cost HAProxy almost nothing.
    Proxy,
}

/// Returns the command that reads the rows of steps, or `None` if they have no rows.
pub(crate) fn rows_command(steps: &[IntentStep], scope: ReadScope) -> Option<String> {
    let step = steps.first()?;
    let scoped = |build: fn(i64) -> String| match (scope, step.target.iid) {
        (ReadScope::Proxy, Some(iid)) => build(iid),
        _ => command::SHOW_STAT.to_owned(),
    };
    match step.action.target_kind {
        TargetKind::Server => Some(scoped(command::show_backend)),
        TargetKind::Frontend => Some(scoped(command::show_frontend)),
        TargetKind::Process => Some(command::SHOW_PROXIES.to_owned()),
        TargetKind::Session | TargetKind::TableEntry => None,
    }
}

/// Returns the command that reads the session or the stick table entry of a step, or `None` for other targets.
///
/// # Errors
/// Returns an error if a name is not valid as a single word of a command.
pub(crate) fn lookup_command(step: &IntentStep) -> Result<Option<String>, WordError> {
    let target = &step.target;
    Ok(match step.action.target_kind {
        TargetKind::Session => Some(command::show_session(&CommandWord::from_value(&target.name)?)),
        TargetKind::TableEntry => Some(command::show_table_entry(
            &CommandWord::from_table_name(&target.proxy)?,
            &CommandWord::from_value(&target.name)?,
        )),
        TargetKind::Server | TargetKind::Frontend | TargetKind::Process => None,
    })
}

/// Result of looking up a session or a stick table entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// The target does not exist.
    Absent,
    /// The entry exists.
    Entry,
    /// The session that has this number now.
    Session(Box<SessionIdentity>),
}

/// State of the targets at one time.
#[derive(Debug)]
pub(crate) struct PresentState {
    /// The process that answered.
    pub(crate) process: ProcessIdentity,
    /// The rows that were read; `None` if the targets are not rows.
    pub(crate) sample: Option<Sample>,
    /// The administrative states of the targets' backends; empty before 1.6.
    pub(crate) server_states: Vec<ServerState>,
    /// Result of [`lookup_command`]; `None` if the targets are rows or the reply was not understood.
    pub(crate) lookup: Option<Lookup>,
}

impl PresentState {
    /// Returns the target of a step as it is now, or `None` if it no longer exists.
    pub(crate) fn target(&self, step: &IntentStep) -> Option<ActionTarget> {
        let target = &step.target;
        match step.action.target_kind {
            TargetKind::Server | TargetKind::Frontend => {
                let sample = self.sample.as_ref()?;
                let mut now = ActionTarget::from_row(sample, self.row_id(step)?)?;
                now.identity.process = Some(self.process);
                now.identity.admin = self.server_state(step).map(|state| state.admin);
                // Row ids are valid only for this sample.
                Some(ActionTarget { id: target.id, ..now })
            }
            TargetKind::Session | TargetKind::TableEntry => {
                let session = match self.lookup.as_ref()? {
                    Lookup::Absent => return None,
                    Lookup::Entry => None,
                    Lookup::Session(session) => Some(session.as_ref().clone()),
                };
                let identity = TargetIdentity { process: Some(self.process), session, ..TargetIdentity::default() };
                Some(ActionTarget { identity, ..target.clone() })
            }
            TargetKind::Process => {
                let identity = TargetIdentity { process: Some(self.process), ..TargetIdentity::default() };
                Some(ActionTarget { identity, ..target.clone() })
            }
        }
    }

    /// Returns the steps with the row ids of this sample, without the steps whose proxy was not read.
    pub(crate) fn steps_by_row(&self, steps: &[IntentStep]) -> Vec<IntentStep> {
        let by_row = |step: &IntentStep| {
            let target = ActionTarget { id: self.row_id(step)?, ..step.target.clone() };
            Some(IntentStep { target, ..step.clone() })
        };
        steps.iter().filter_map(by_row).collect()
    }

    /// Returns the state of a step's target, or `None` if it is unknown.
    pub(crate) fn readback(&self, step: &IntentStep) -> Option<Readback> {
        match step.action.target_kind {
            TargetKind::Server | TargetKind::Frontend => self.row_readback(step),
            TargetKind::Session | TargetKind::TableEntry => {
                let exists = match self.lookup.as_ref()? {
                    Lookup::Absent => false,
                    Lookup::Entry => true,
                    // A session with another client or start has got the number of the one that ended.
                    Lookup::Session(now) => {
                        step.target.identity.session.as_ref().is_none_or(|session| session.is_same(now))
                    }
                };
                Some(Readback { exists: Some(exists), ..Readback::default() })
            }
            TargetKind::Process => {
                let table = &self.sample.as_ref()?.table;
                let numbers = |field| (0..table.rows().len()).filter_map(move |index| table.number(index, field));
                let sum = |field| numbers(field).fold(0, i64::saturating_add);
                let (total_sessions, peak_sessions) = (sum(Field::Stot), sum(Field::Smax));
                Some(Readback { total_sessions, peak_sessions, ..Readback::default() })
            }
        }
    }

    fn row_readback(&self, step: &IntentStep) -> Option<Readback> {
        let sample = self.sample.as_ref()?;
        let Some(index) = self.row_id(step).and_then(|id| sample.rows.index_of(id)) else {
            return Some(Readback { exists: Some(false), ..Readback::default() });
        };
        let number = |field| sample.table.number(index, field);
        let agent = number(Field::AgentHealth);
        let backend = sample.rows.backend_of(index);
        Some(Readback {
            status: SafeText::from(sample.table.rows()[index].status()),
            sessions: number(Field::Scur),
            queued: number(Field::Qcur),
            session_limit: number(Field::Slim).filter(|limit| *limit > 0),
            weight: number(Field::Uweight).or_else(|| number(Field::Weight)),
            agent_is_up: agent.map(|health| health >= number(Field::AgentRise).unwrap_or(1).max(1)),
            server_state: self.server_state(step).cloned(),
            exists: Some(true),
            capacity: backend.map(|backend| Capacity::from_servers(sample, &backend.servers)),
            total_sessions: 0,
            peak_sessions: 0,
        })
    }

    fn server_state(&self, step: &IntentStep) -> Option<&ServerState> {
        let target = &step.target;
        self.server_states.iter().find(|state| state.backend == target.proxy && state.server == target.name)
    }

    /// Returns the id of a step's row in this sample.
    fn row_id(&self, step: &IntentStep) -> Option<RowId> {
        let sample = self.sample.as_ref()?;
        let (target, is_server) = (&step.target, step.action.target_kind == TargetKind::Server);
        let kind = if is_server { RowKind::Server } else { RowKind::Frontend };
        let is_target = |index: &usize| {
            let key = &sample.table.rows()[*index];
            key.kind == kind && key.proxy == target.proxy && (!is_server || key.name == target.name)
        };
        (0..sample.rows.ids().len()).find(is_target).map(|index| sample.rows.ids()[index])
    }
}

impl Lookup {
    /// Parses the reply to [`lookup_command`], received at the monotonic time `at`. Returns `None` if the reply is neither
    /// the target nor HAProxy's message that it does not exist.
    pub(crate) fn parse(step: &IntentStep, body: &[u8], version: Option<Version>, at: Duration) -> Option<Self> {
        match step.action.target_kind {
            TargetKind::Session => match SessionDetail::parse(body, version) {
                Some(detail) if detail.session.id == step.target.name => {
                    Some(Self::Session(Box::new(SessionIdentity::new(&detail.session, at))))
                }
                Some(_) => None,
                None => body.starts_with(b"Session not found").then_some(Self::Absent),
            },
            TargetKind::TableEntry => {
                let entries = TableEntries::parse(body, None);
                // HAProxy replies nothing, or only the header, if there is no entry with this key.
                let is_understood = entries.unrecognized_lines == 0 && !entries.is_denied;
                is_understood.then_some(if entries.list.is_empty() { Self::Absent } else { Self::Entry })
            }
            TargetKind::Server | TargetKind::Frontend | TargetKind::Process => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{CLEAR_COUNTERS, CLEAR_ENTRY, END_SESSION, FRONTEND_OFF, MAINT};
    use crate::haproxy::servers_state;
    use crate::haproxy::write_command::{TargetState, WriteCommand};
    use crate::observe::test_samples::SampleBuilder;

    fn step(action: &'static crate::actions::action_table::Action, proxy: &str, name: &str) -> IntentStep {
        let target = ActionTarget { iid: Some(5), ..ActionTarget::without_row(proxy.into(), name.into()) };
        IntentStep { action, command: WriteCommand::State(TargetState::Maint), target }
    }

    fn state(stat: &str, server_states: &[u8]) -> PresentState {
        let sample = std::sync::Arc::into_inner(SampleBuilder::default().build_at_millis(0, stat)).unwrap();
        let process = ProcessIdentity::from_sample(&sample);
        let server_states = servers_state::iter(server_states).collect();
        PresentState { process, sample: Some(sample), server_states, lookup: None }
    }

    #[test]
    fn commands_read_only_one_proxy_after_the_first_step() {
        let rows = |action, scope| rows_command(&[step(action, "b", "s")], scope);
        assert_eq!(rows(&MAINT, ReadScope::All).as_deref(), Some("show stat"));
        assert_eq!(rows(&MAINT, ReadScope::Proxy).as_deref(), Some("show stat 5 7 -1"));
        assert_eq!(rows(&FRONTEND_OFF, ReadScope::Proxy).as_deref(), Some("show stat 5 1 -1"));
        assert_eq!(rows(&CLEAR_ENTRY, ReadScope::All), None);
        assert_eq!(lookup_command(&step(&CLEAR_ENTRY, "t", "/a")).unwrap().as_deref(), Some("show table t key /a"));
        assert!(lookup_command(&step(&END_SESSION, "", "0x1;quit")).is_err());
    }

    #[test]
    fn readback_combines_row_and_server_state() {
        let states = b"1\n# be_name srv_name srv_admin_state srv_uweight srv_iweight srv_op_state srv_check_state\n\
            b s 8 50 100 2 6\n";
        let stat = "# pxname,svname,scur,qcur,slim,status,weight,type,act,bck,\n\
            b,t,1,0,,UP,1,2,1,0,\nb,s,7,2,,DRAIN,50,2,1,0,\nb,BACKEND,8,2,,UP,1,1,1,0,\n";
        let now = state(stat, states);
        let readback = now.readback(&step(&MAINT, "b", "s")).unwrap();
        assert_eq!(
            (readback.sessions, readback.queued, readback.session_limit, readback.current_weight()),
            (Some(7), Some(2), None, Some(50))
        );
        assert_eq!(readback.capacity.map(|capacity| (capacity.usable, capacity.active)), Some((1, 2)));
        let server = readback.server_state.unwrap();
        assert!(server.admin.is_drain() && server.checks.unwrap().is_enabled());
        assert_eq!(now.readback(&step(&MAINT, "b", "gone")).unwrap().exists, Some(false));
        assert_eq!(now.target(&step(&MAINT, "b", "gone")), None);
        assert_eq!(now.target(&step(&MAINT, "b", "s")).unwrap().identity.admin.map(|admin| admin.0), Some(8));
    }

    #[test]
    fn readback_saturates_large_totals() {
        let stat = "# pxname,svname,stot,smax,type,\na,FRONTEND,9223372036854775807,1,0,\nb,FRONTEND,5,2,0,\n";
        let readback = state(stat, b"").readback(&step(&CLEAR_COUNTERS, "", "")).unwrap();
        assert_eq!((readback.total_sessions, readback.peak_sessions), (i64::MAX, 3));
    }

    #[test]
    fn lookup_parse_recognizes_only_the_target_and_its_absence() {
        let parse = |action, name: &str, text: &str| {
            Lookup::parse(&step(action, "t", name), text.as_bytes(), None, Duration::ZERO)
        };
        let session = "0x7f: [29/Nov/2026:10:00:00.000000] id=1 proto=tcpv4 source=10.0.0.1:5\n  flags=0x0\n";
        assert!(matches!(parse(&END_SESSION, "0x7f", session), Some(Lookup::Session(_))));
        assert_eq!(parse(&END_SESSION, "0x80", session), None);
        assert_eq!(parse(&END_SESSION, "0x7f", "Session not found.\n"), Some(Lookup::Absent));
        assert_eq!(parse(&END_SESSION, "0x7f", "Permission denied\n"), None);
        assert_eq!(parse(&CLEAR_ENTRY, "k", "# table: t, type: ip\n0x55: key=k use=0\n"), Some(Lookup::Entry));
        assert_eq!(parse(&CLEAR_ENTRY, "k", "# table: t, type: ip\n"), Some(Lookup::Absent));
        assert_eq!(parse(&CLEAR_ENTRY, "k", ""), Some(Lookup::Absent));
        assert_eq!(parse(&CLEAR_ENTRY, "k", "No such table\n"), None);
    }
}
