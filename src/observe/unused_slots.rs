//! Unused slots: servers that stand ready for more addresses than there are.
//!
//! `server-template` makes a fixed number of servers. Those that DNS has no address for are `MAINT (resolution)`, and
//! those that a program fills over the Runtime API are disabled at a placeholder address until they are needed. Neither
//! is a server that is away.

use std::collections::{HashMap, HashSet};

use crate::haproxy::fields::TextField;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{StatRow, StatTable};
use crate::haproxy::status::RowState;
use crate::observe::configured_state::ConfiguredServers;
use crate::observe::row_ids::RowSet;

/// The unused slots of one sample.
#[derive(Debug, Default)]
pub(crate) struct UnusedSlots {
    /// For each row, true if it is an unused slot or a backend that has only such slots; empty without any.
    is_unused: Vec<bool>,
    count: usize,
}

impl UnusedSlots {
    /// Finds the unused slots of a sample. A server without an address is one if another server of the backend with the
    /// same DNS name has an address, which only the configured state shows. A disabled server is one if it has no
    /// address (`0.0.0.0`), or the same address as another disabled server of the backend.
    pub(crate) fn find(table: &StatTable, rows: &RowSet, configured: Option<&ConfiguredServers>) -> Self {
        let mut slots = Self::default();
        let stat_rows = table.rows();
        let is_maint = |server: &usize| stat_rows[*server].state() == RowState::Maint;
        for backend in rows.backends() {
            if !backend.servers.iter().any(is_maint) {
                continue;
            }
            let name_group = |server: usize| configured?.get(rows.ids()[server])?.name_group;
            let resolved = backend.servers.iter().filter(|server| !stat_rows[**server].is_unresolved());
            let resolved: HashSet<u32> = resolved.filter_map(|server| name_group(*server)).collect();
            let mut disabled: HashMap<&SafeText, u32> = HashMap::new();
            for address in backend.servers.iter().filter_map(|server| disabled_at(&stat_rows[*server])) {
                *disabled.entry(address).or_default() += 1;
            }
            for server in backend.servers.iter().copied().filter(|server| is_maint(server)) {
                let row = &stat_rows[server];
                let is_unused = if row.is_unresolved() {
                    name_group(server).is_some_and(|group| resolved.contains(&group))
                } else {
                    disabled_at(row).is_some_and(|address| is_unspecified(address) || disabled[address] > 1)
                };
                if is_unused {
                    slots.insert(server, stat_rows.len());
                    slots.count += 1;
                }
            }
            if backend.servers.iter().all(|server| slots.contains(*server)) {
                slots.insert(backend.row, stat_rows.len());
            }
        }
        slots
    }

    /// Returns whether the row at `index` is an unused slot, or a backend that has only unused slots.
    pub(crate) fn contains(&self, index: usize) -> bool {
        self.is_unused.get(index).copied().unwrap_or(false)
    }

    /// Returns the number of unused slots.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    fn insert(&mut self, index: usize, rows: usize) {
        self.is_unused.resize(rows, false);
        self.is_unused[index] = true;
    }
}

/// Returns the address of a server that is itself disabled; `None` for other servers and on sockets of level user, which
/// report no addresses.
fn disabled_at(row: &StatRow) -> Option<&SafeText> {
    row.text(TextField::Addr).filter(|_| row.state() == RowState::Maint && !row.status().contains('('))
}

/// Returns whether an address with its port names no host: `0.0.0.0:80`.
pub(crate) fn is_unspecified(address: &SafeText) -> bool {
    let address = address.as_str();
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    matches!(host, "0.0.0.0" | "::" | "[::]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::haproxy::servers_state;
    use crate::observe::test_samples::SampleBuilder;

    const HEADER: &str = "# pxname,svname,status,addr,type,\n";

    /// Returns the names of the unused slots among these rows. `states` are rows of `show servers state` with the name
    /// of the server, its DNS name, its port and its SRV record.
    fn unused(rows: &str, states: &[(&str, &str, &str, &str)]) -> Vec<String> {
        let stat = format!("{HEADER}{rows}b,BACKEND,UP,,1,\n");
        let mut builder = SampleBuilder::default();
        let sample = builder.build_at_millis(0, &stat);
        let mut text = "1\n# be_name srv_name srv_admin_state srv_fqdn srv_port srvrecord\n".to_owned();
        for (name, fqdn, port, record) in states {
            text.extend(["b ", name, " 32 ", fqdn, " ", port, " ", record, "\n"]);
        }
        let states = servers_state::iter(text.as_bytes());
        builder.configured = Some(Arc::new(ConfiguredServers::new(states, &sample.table, &sample.rows)));
        let sample = builder.build_at_millis(1000, &stat);
        let slots = sample.unused_slots();
        let rows = sample.table.rows().iter().enumerate();
        let names: Vec<String> =
            rows.filter(|(index, _)| slots.contains(*index)).map(|(_, row)| row.name.to_string()).collect();
        assert_eq!(slots.count(), names.len());
        names
    }

    #[test]
    fn find_takes_unresolved_servers_of_a_name_that_has_addresses() {
        let rows = "b,t1,UP,10.0.0.1:80,2,\nb,t2,MAINT (resolution),,2,\nb,t3,MAINT (resolution),,2,\n\
                    b,d1,MAINT (resolution),,2,\nb,p1,MAINT (resolution),,2,\n";
        let template = |name| (name, "app.example", "80", "-");
        let states = [
            template("t1"),
            template("t2"),
            template("t3"),
            ("d1", "other.example", "80", "-"),
            ("p1", "app.example", "81", "-"),
        ];
        assert_eq!(unused(rows, &states), ["t2", "t3"]);
        assert_eq!(unused(rows, &[]), [""; 0], "without names, none is known to be a slot");
        let record = |name, fqdn| (name, fqdn, "0", "_http._tcp.example");
        assert_eq!(unused(rows, &[record("t1", "a.example"), record("t2", "-"), record("t3", "-")]), ["t2", "t3"]);
    }

    #[test]
    fn find_takes_disabled_servers_at_placeholder_addresses() {
        let rows = "b,a,MAINT,0.0.0.0:80,2,\nb,c,MAINT,127.0.0.1:9,2,\nb,d,MAINT,127.0.0.1:9,2,\n\
                    b,e,MAINT,10.0.0.7:80,2,\nb,f,UP,10.0.0.8:80,2,\nb,g,MAINT (via b/e),10.0.0.7:80,2,\nb,h,MAINT,,2,\n";
        assert_eq!(unused(rows, &[]), ["a", "c", "d"]);
    }

    #[test]
    fn find_takes_backend_that_has_only_unused_slots() {
        let slots = "b,x1,MAINT,0.0.0.0:80,2,\nb,x2,MAINT,0.0.0.0:80,2,\nb,BACKEND,DOWN,,1,\n";
        let other = "c,y1,MAINT,0.0.0.0:80,2,\nc,y2,DOWN,10.0.0.1:80,2,\nc,BACKEND,DOWN,,1,\nd,BACKEND,DOWN,,1,\n";
        let sample = SampleBuilder::default().build_at_millis(0, &format!("{HEADER}{slots}{other}"));
        let unused: Vec<bool> = (0..7).map(|row| sample.unused_slots().contains(row)).collect();
        assert_eq!(unused, [true, true, true, true, false, false, false]);
        assert_eq!(sample.unused_slots().count(), 3, "slots only");
    }
}
