//! Readback: the state of a target right before and right after an action.

use crate::actions::capacity::Capacity;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state::ServerState;
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
    /// Servers that take traffic in the server's backend.
    pub capacity: Option<Capacity>,
    /// Number of sessions since the start of the process, summed over all frontends and backends.
    pub total_sessions: i64,
    /// Peak number of sessions, summed over all frontends and backends.
    pub peak_sessions: i64,
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
