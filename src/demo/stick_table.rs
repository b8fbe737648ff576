//! Stick tables: counters per client.
//!
//! The first request of a client creates an entry, which is removed when it has not been used for the table's expiry
//! time. Rates decay over time, so values are computed for a given time.

use std::collections::BTreeMap;

/// The data types (`data.NAME`) that a table can store, in the order in which a dump shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataType {
    /// General-purpose counter, which here counts rejected log-ins.
    Gpc0,
    /// Total number of requests.
    RequestCount,
    /// Number of requests in the last 10 seconds.
    RequestRate,
    /// Number of requests in progress.
    CurrentConnections,
}

impl DataType {
    /// Returns the data type with this name (without `data.`), or `None` if the name is unknown.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "gpc0" => Self::Gpc0,
            "http_req_cnt" => Self::RequestCount,
            "http_req_rate" => Self::RequestRate,
            "conn_cur" => Self::CurrentConnections,
            _ => return None,
        })
    }

    /// Returns the label that a dump shows.
    fn label(self) -> &'static str {
        match self {
            Self::Gpc0 => "gpc0",
            Self::RequestCount => "http_req_cnt",
            Self::RequestRate => "http_req_rate(10000)",
            Self::CurrentConnections => "conn_cur",
        }
    }
}

/// Period of `http_req_rate` in milliseconds.
const RATE_PERIOD_MS: f64 = 10_000.0;

/// The values stored for one client.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimTableEntry {
    last_seen: u64,
    gpc0: u64,
    requests: u64,
    request_rate: f64,
    current_connections: u64,
}

impl SimTableEntry {
    /// Returns the stored value of a data type at the time `now`.
    pub(crate) fn value(&self, data: DataType, now: u64) -> u64 {
        match data {
            DataType::Gpc0 => self.gpc0,
            DataType::RequestCount => self.requests,
            DataType::RequestRate => self.request_rate_at(now).round() as u64,
            DataType::CurrentConnections => self.current_connections,
        }
    }

    fn request_rate_at(&self, now: u64) -> f64 {
        self.request_rate * (-(now.saturating_sub(self.last_seen) as f64) / RATE_PERIOD_MS).exp()
    }
}

/// A stick table.
#[derive(Clone, Debug)]
pub(crate) struct SimStickTable {
    /// Key type: `ip` or `string`.
    pub(crate) kind: &'static str,
    /// Maximum number of entries.
    pub(crate) size: u32,
    /// Milliseconds until an unused entry is removed.
    pub(crate) expiry_ms: u64,
    /// Data types that the table stores, in the order in which a dump shows them.
    pub(crate) data_types: &'static [DataType],
    entries: BTreeMap<String, SimTableEntry>,
}

impl SimStickTable {
    /// Creates an empty table.
    pub(crate) fn new(kind: &'static str, size: u32, expiry_ms: u64, data_types: &'static [DataType]) -> Self {
        Self { kind, size, expiry_ms, data_types, entries: BTreeMap::new() }
    }

    /// Counts the start of a client's request.
    pub(crate) fn request_started(&mut self, key: &str, now: u64) {
        if !self.entries.contains_key(key) {
            self.entries.insert(key.to_owned(), SimTableEntry::default());
        }
        if let Some(entry) = self.entries.get_mut(key) {
            entry.request_rate = entry.request_rate_at(now) + 1.0;
            entry.requests += 1;
            entry.current_connections += 1;
            entry.last_seen = now;
        }
    }

    /// Counts the end of a client's request.
    pub(crate) fn request_ended(&mut self, key: &str, is_refused: bool) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.current_connections = entry.current_connections.saturating_sub(1);
            entry.gpc0 += u64::from(is_refused);
        }
    }

    /// Removes the entries that have expired.
    pub(crate) fn remove_expired(&mut self, now: u64) {
        let expiry_ms = self.expiry_ms;
        self.entries.retain(|_, entry| entry.current_connections > 0 || entry.last_seen + expiry_ms > now);
    }

    /// Removes the entries for which `should_remove` returns true.
    pub(crate) fn remove_if(&mut self, should_remove: impl Fn(&str, &SimTableEntry) -> bool) {
        self.entries.retain(|key, entry| !should_remove(key, entry));
    }

    /// Returns the number of entries.
    pub(crate) fn entry_count(&self) -> usize {
        self.entries.len()
    }

    /// Iterates over the entries, each with its key and its formatted line in a dump.
    pub(crate) fn dump_lines(&self, now: u64) -> impl Iterator<Item = (&str, &SimTableEntry, String)> {
        self.entries.iter().enumerate().map(move |(i, (key, entry))| {
            let left = (entry.last_seen + self.expiry_ms).saturating_sub(now);
            let in_use = u64::from(entry.current_connections > 0);
            let data: Vec<String> =
                self.data_types.iter().map(|&data| format!("{}={}", data.label(), entry.value(data, now))).collect();
            let address = 0x7f39_1c00_0000_u64 + i as u64 * 0x110;
            let line = format!("0x{address:012x}: key={key} use={in_use} exp={left} {}", data.join(" "));
            (key.as_str(), entry, line)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_entry_counts_decays_and_expires() {
        let mut table = SimStickTable::new("ip", 1024, 60_000, &[DataType::RequestCount, DataType::RequestRate]);
        for now in 0..10 {
            table.request_started("192.0.2.1", now * 100);
            table.request_ended("192.0.2.1", false);
        }
        let lines: Vec<String> = table.dump_lines(1000).map(|(_, _, line)| line).collect();
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].ends_with("key=192.0.2.1 use=0 exp=59900 http_req_cnt=10 http_req_rate(10000)=9"),
            "{lines:?}"
        );
        table.remove_expired(61_000);
        assert_eq!(table.entry_count(), 0);
    }
}
