//! Configured state of each server, from `show servers state`, which is queried once per epoch.
//!
//! `show stat` reports the current state. Comparing the current with the configured state shows what was set at run
//! time and would be lost in a reload.

use std::collections::HashMap;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state::{AdminState, ServerState};
use crate::haproxy::stat_table::{RowKind, StatTable};
use crate::observe::row_ids::{RowId, RowMap, RowSet};

/// Configured values of one server, and its administrative state at the time of the query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ConfiguredServer {
    /// Configured weight (`srv_iweight`).
    pub(crate) weight: Option<i64>,
    /// Administrative state (`srv_admin_state`) at the time of the query.
    pub(crate) admin_state: AdminState,
    /// True if the server has health checks; `None` if HAProxy does not report it.
    pub(crate) has_checks: Option<bool>,
    /// True if the server has agent checks; `None` if HAProxy does not report it.
    pub(crate) has_agent: Option<bool>,
    /// True if the last health check before the query failed, false if it passed; `None` if unknown.
    pub(crate) has_failed_check: Option<bool>,
    /// Number that the servers of a backend share that get their addresses from the same DNS name; `None` for a server
    /// with a fixed address.
    pub(crate) name_group: Option<u32>,
}

/// Configured state of all servers of one instance.
#[derive(Debug, Default)]
pub struct ConfiguredServers {
    servers: RowMap<ConfiguredServer>,
}

impl ConfiguredServers {
    /// Matches the servers of the reply with the rows of a sample; servers without a row are skipped. `states` is an
    /// iterator because the reply is large for a site with ten thousand servers.
    pub fn new(states: impl Iterator<Item = ServerState>, table: &StatTable, rows: &RowSet) -> Self {
        let mut ids: HashMap<(&SafeText, &SafeText), RowId> = HashMap::with_capacity(rows.ids().len());
        for (id, row) in rows.ids().iter().zip(table.rows()).filter(|(_, row)| row.kind == RowKind::Server) {
            // Of rows with the same names, the first one counts.
            ids.entry((&row.proxy, &row.name)).or_insert(*id);
        }
        let mut groups: HashMap<(SafeText, SafeText, i64), u32> = HashMap::new();
        let configured_server = |state: ServerState| {
            let name_group = state.dns_name.map(|(name, port)| {
                let next = groups.len() as u32;
                *groups.entry((state.backend.clone(), name, port)).or_insert(next)
            });
            let id = ids.get(&(&state.backend, &state.server))?;
            let [has_checks, has_agent] = [state.checks, state.agent].map(|check| Some(check?.is_configured()));
            Some((
                *id,
                ConfiguredServer {
                    weight: state.initial_weight,
                    admin_state: state.admin,
                    has_checks,
                    has_agent,
                    has_failed_check: state.has_failed_check,
                    name_group,
                },
            ))
        };
        Self { servers: states.filter_map(configured_server).collect() }
    }

    /// Restores the configured state from a file.
    pub(crate) fn from_stored(servers: impl Iterator<Item = (RowId, ConfiguredServer)>) -> Self {
        Self { servers: servers.collect() }
    }

    /// Iterates over the servers, in no particular order.
    pub(crate) fn servers(&self) -> impl Iterator<Item = (RowId, &ConfiguredServer)> {
        self.servers.iter().map(|(id, server)| (*id, server))
    }

    /// Returns whether no server of the reply matched a row.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// Returns the memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.servers.capacity() * size_of::<(RowId, ConfiguredServer)>()
    }

    /// Returns the configured state of one server, or `None` if the reply did not contain the server.
    pub(crate) fn get(&self, id: RowId) -> Option<ConfiguredServer> {
        self.servers.get(&id).copied()
    }
}
