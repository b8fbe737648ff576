//! Servers that went down while they were drained.
//!
//! HAProxy reports only `DOWN` for such a server, also after the end of its drain. The ordered state is in `show servers
//! state`, which is queried every few seconds for the backends of these servers only.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::haproxy::command::{self, CommandWord};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state::ServerState;
use crate::haproxy::stat_table::StatRow;
use crate::haproxy::status::RowState;
use crate::observe::row_changes::ChangedField;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// Maximum time for which a server that went down while it was drained is not reported as down.
pub(crate) const MAX_DRAINED_TIME: Duration = Duration::from_mins(5);
/// Time between two queries.
const QUERY_INTERVAL: Duration = Duration::from_secs(3);
/// Maximum number of backends in one query.
const MAX_BACKENDS: usize = 10;

/// The servers of one instance that went down while they were drained, and are still down.
#[derive(Debug, Default)]
pub(crate) struct DrainedServers {
    /// Those whose drain goes on, as far as is known, with the time at which they went down.
    drained: BTreeMap<RowId, Duration>,
    /// Those whose drain has ended.
    ended: BTreeSet<RowId>,
    last_query: Option<Duration>,
}

impl DrainedServers {
    /// Updates the servers with the sample `now`, which follows `before`.
    pub(crate) fn update(&mut self, before: Option<&Sample>, now: &Sample) {
        let is_still_down = |id: &RowId| now.row(*id).is_some_and(is_down);
        self.ended.retain(is_still_down);
        self.drained.retain(|id, since| is_still_down(id) && now.at.elapsed_since(*since) < MAX_DRAINED_TIME);
        let Some(before) = before else { return };
        let changes = now.changes.iter().filter(|changes| changes.since == before.seq);
        for change in changes.flat_map(|changes| &changes.list).filter(|change| change.field == ChangedField::Status) {
            let (earlier, index) = (change.earlier as usize, change.index as usize);
            let was_drained = before.table.rows()[earlier].state() == RowState::Drain;
            if was_drained && is_down(&now.table.rows()[index]) {
                self.drained.insert(now.rows.ids()[index], now.at.monotonic);
            }
        }
    }

    /// Returns the commands that query the ordered state of drained servers, if a query is due. The next one is due
    /// [`QUERY_INTERVAL`] later.
    pub(crate) fn commands_if_due(&mut self, now: &Sample) -> Vec<String> {
        let is_early = self.last_query.is_some_and(|last| now.at.elapsed_since(last) < QUERY_INTERVAL);
        if self.drained.is_empty() || is_early {
            return Vec::new();
        }
        self.last_query = Some(now.at.monotonic);
        let backends: BTreeSet<&SafeText> =
            self.drained.keys().filter_map(|id| now.row(*id)).map(|row| &row.proxy).collect();
        let words = backends.into_iter().filter_map(|backend| CommandWord::from_value(backend).ok());
        words.take(MAX_BACKENDS).map(|backend| command::show_servers_state(&backend)).collect()
    }

    /// Notes the drains that have ended according to the replies.
    pub(crate) fn end_drains(&mut self, states: &[ServerState], now: &Sample) {
        for state in states.iter().filter(|state| !state.admin.is_in_drain()) {
            let is_meant =
                |id: &RowId| now.row(*id).is_some_and(|row| row.proxy == state.backend && row.name == state.server);
            self.ended.extend(self.drained.extract_if(.., |id, _| is_meant(id)).map(|(id, _)| id));
        }
    }

    /// Returns the servers that are down and whose drain has ended.
    pub(crate) fn ended(&self) -> &BTreeSet<RowId> {
        &self.ended
    }
}

fn is_down(row: &StatRow) -> bool {
    matches!(row.state(), RowState::Down | RowState::ComingUp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::servers_state;
    use crate::observe::changes;
    use crate::observe::test_samples::SampleBuilder;

    /// Feeds one status of a server per second, each with its `srv_admin_state`, and returns the number of queries and the
    /// seconds in which its drain was known to have ended.
    fn ended_in(states: &[(&str, u32)]) -> (usize, Vec<u64>) {
        let (mut builder, mut servers) = (SampleBuilder::default(), DrainedServers::default());
        let (mut before, mut queries, mut ended): (Option<std::sync::Arc<Sample>>, _, _) = (None, 0, Vec::new());
        for ((status, admin), second) in states.iter().zip(0..) {
            let stat = format!("# pxname,svname,status,type,\nb,s,{status},2,\nb,BACKEND,UP,1,\n");
            let mut now = std::sync::Arc::into_inner(builder.build_at_millis(second * 1000, &stat)).unwrap();
            now.changes = before.as_ref().map(|before| changes::find_row_changes(before, &now));
            servers.update(before.as_deref(), &now);
            let commands = servers.commands_if_due(&now);
            if !commands.is_empty() {
                assert_eq!(commands, ["show servers state b"]);
                queries += 1;
                let reply = format!("1\n# be_id be_name srv_id srv_name srv_admin_state\n1 b 1 s {admin}\n");
                servers.end_drains(&servers_state::parse(reply.as_bytes()), &now);
            }
            if !servers.ended().is_empty() {
                ended.push(second);
            }
            before = Some(std::sync::Arc::new(now));
        }
        (queries, ended)
    }

    #[test]
    fn end_of_a_drain_is_queried_while_the_server_is_down() {
        let (drained, down, ready) = (("DRAIN", 8), ("DOWN", 8), ("DOWN", 0));
        assert_eq!(ended_in(&[drained, down, down, down, ("UP", 8), ("UP", 8)]), (1, vec![]));
        assert_eq!(ended_in(&[drained, down, ready, ready, ready, ready, ("UP", 0)]), (2, vec![4, 5]));
        assert_eq!(ended_in(&[("UP", 0), ready, ready, ready, ready]), (0, vec![]), "it was not drained");
        assert_eq!(ended_in(&[("DRAIN", 16), ("DOWN", 16), ("DOWN", 16)]), (1, vec![]), "it tracks a drained server");
    }
}
