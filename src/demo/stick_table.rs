//! Stick tables: what a proxy remembers of each client.
//!
//! An entry is made when a client comes and goes when it stayed away for the table's expiry. Rates decay as
//! time passes, so an entry is only right together with the moment it is read at.

use std::collections::BTreeMap;

/// What can be stored, as `data.NAME` calls it; in the order in which a dump prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// A counter free to use; here, refused log-ins.
    Gpc0,
    /// Requests ever.
    RequestCount,
    /// Requests in the last 10 seconds.
    RequestRate,
    /// Requests now at work.
    Current,
}

impl Data {
    /// The name without `data.`, when a table can store it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "gpc0" => Self::Gpc0,
            "http_req_cnt" => Self::RequestCount,
            "http_req_rate" => Self::RequestRate,
            "conn_cur" => Self::Current,
            _ => return None,
        })
    }

    /// The label in a dump.
    fn label(self) -> &'static str {
        match self {
            Self::Gpc0 => "gpc0",
            Self::RequestCount => "http_req_cnt",
            Self::RequestRate => "http_req_rate(10000)",
            Self::Current => "conn_cur",
        }
    }
}

/// The period of `http_req_rate`, in milliseconds.
const PERIOD: f64 = 10_000.0;

/// What is known of one client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    seen: u64,
    gpc0: u64,
    requests: u64,
    rate: f64,
    current: u64,
}

impl Entry {
    /// One stored value, at this moment.
    pub(crate) fn value(&self, data: Data, now: u64) -> u64 {
        match data {
            Data::Gpc0 => self.gpc0,
            Data::RequestCount => self.requests,
            Data::RequestRate => self.rate_at(now).round() as u64,
            Data::Current => self.current,
        }
    }

    fn rate_at(&self, now: u64) -> f64 {
        self.rate * (-(now.saturating_sub(self.seen) as f64) / PERIOD).exp()
    }
}

/// One stick table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// `ip` or `string`.
    pub kind: &'static str,
    /// The most entries it can hold.
    pub size: u32,
    /// Milliseconds until an entry that is not used goes.
    pub expire: u64,
    /// What it stores, in the order of a dump.
    pub stored: &'static [Data],
    entries: BTreeMap<String, Entry>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(kind: &'static str, size: u32, expire: u64, stored: &'static [Data]) -> Self {
        Self { kind, size, expire, stored, entries: BTreeMap::new() }
    }

    /// A request of this client begins.
    pub(crate) fn begin(&mut self, key: &str, now: u64) {
        if !self.entries.contains_key(key) {
            self.entries.insert(key.to_owned(), Entry::default());
        }
        if let Some(entry) = self.entries.get_mut(key) {
            entry.rate = entry.rate_at(now) + 1.0;
            entry.requests += 1;
            entry.current += 1;
            entry.seen = now;
        }
    }

    /// A request of this client ends, well or refused.
    pub(crate) fn end(&mut self, key: &str, refused: bool) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.current = entry.current.saturating_sub(1);
            entry.gpc0 += u64::from(refused);
        }
    }

    /// Lets go what stayed away too long.
    pub(crate) fn expire(&mut self, now: u64) {
        let expire = self.expire;
        self.entries.retain(|_, entry| entry.current > 0 || entry.seen + expire > now);
    }

    /// Removes what `gone` chooses.
    pub(crate) fn clear(&mut self, gone: impl Fn(&str, &Entry) -> bool) {
        self.entries.retain(|key, entry| !gone(key, entry));
    }

    /// How many entries there are.
    pub(crate) fn used(&self) -> usize {
        self.entries.len()
    }

    /// The lines of a dump, with their keys and entries for a filter.
    pub(crate) fn lines(&self, now: u64) -> impl Iterator<Item = (&str, &Entry, String)> {
        self.entries.iter().enumerate().map(move |(i, (key, entry))| {
            let left = (entry.seen + self.expire).saturating_sub(now);
            let in_use = u64::from(entry.current > 0);
            let data: Vec<String> =
                self.stored.iter().map(|&data| format!("{}={}", data.label(), entry.value(data, now))).collect();
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
    fn an_entry_counts_decays_and_expires() {
        let mut table = Table::new("ip", 1024, 60_000, &[Data::RequestCount, Data::RequestRate]);
        for now in 0..10 {
            table.begin("192.0.2.1", now * 100);
            table.end("192.0.2.1", false);
        }
        let lines: Vec<String> = table.lines(1000).map(|(_, _, line)| line).collect();
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].ends_with("key=192.0.2.1 use=0 exp=59900 http_req_cnt=10 http_req_rate(10000)=9"),
            "{lines:?}"
        );
        table.expire(61_000);
        assert_eq!(table.used(), 0);
    }
}
