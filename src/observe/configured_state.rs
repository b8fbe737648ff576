//! What the configuration says of each server, as `show servers state` tells it once an epoch.
//!
//! `show stat` gives what is in force. Only together do they tell what somebody set at run time, and would be
//! lost by a reload.

use std::collections::HashMap;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state::{AdminState, ServerState};
use crate::haproxy::stat_table::RowKind;
use crate::observe::row_ids::{RowId, RowSet};

/// What one server was configured to be, and what was ordered when it was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin {
    /// `srv_iweight`.
    pub weight: Option<i64>,
    /// `srv_admin_state` when it was asked.
    pub admin: AdminState,
    /// Whether it has health checks; absent where that is not told.
    pub has_checks: Option<bool>,
    /// Whether it has agent checks; absent where that is not told.
    pub has_agent: Option<bool>,
}

/// The same of every server.
#[derive(Debug, Default)]
pub struct Configured {
    servers: HashMap<RowId, Origin>,
}

impl Configured {
    /// Joins the answer with the rows of a sample. It is not held as a whole: of ten thousand servers it is large.
    pub fn new(states: impl Iterator<Item = ServerState>, rows: &RowSet) -> Self {
        let mut ids: HashMap<(&SafeText, &SafeText), RowId> = HashMap::with_capacity(rows.ids().len());
        for (index, id) in rows.ids().iter().enumerate() {
            let key = rows.key(index);
            if key.kind == RowKind::Server && key.occurrence == 0 {
                ids.insert((&key.proxy, &key.name), *id);
            }
        }
        let origin = |state: ServerState| {
            let id = ids.get(&(&state.backend, &state.server))?;
            let [has_checks, has_agent] = [state.checks, state.agent].map(|check| Some(check?.is_configured()));
            Some((*id, Origin { weight: state.initial_weight, admin: state.admin, has_checks, has_agent }))
        };
        Self { servers: states.filter_map(origin).collect() }
    }

    /// Whether it told of no server.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        self.servers.capacity() * size_of::<(RowId, Origin)>()
    }

    /// Of one server; absent when HAProxy did not tell.
    pub fn of(&self, id: RowId) -> Option<Origin> {
        self.servers.get(&id).copied()
    }
}
