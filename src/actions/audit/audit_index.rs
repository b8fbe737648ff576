//! Index of the audit log: the last state change of each server, and unfinished commands.
//!
//! The index contains commands that succeeded, and commands whose result was not recorded, since they may have taken
//! effect. Changes by other tools are not in the audit log, so the index may have no entry for a server's state.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::actions::audit::audit_reader;
use crate::actions::audit::logged_commands::{is_state_change, state_changes, without_target};
use crate::actions::audit::record::{AuditRecord, RecordPhase};
use crate::config::own_file;
use crate::haproxy::safe_text::SafeText;

/// Maximum number of servers; if it is exceeded, the oldest quarter is dropped.
const MAX_INDEXED_SERVERS: usize = 20_000;
/// Longest time between two records of the same change of which either may be its cause.
const SIMULTANEOUS: Duration = Duration::from_secs(1);
/// Maximum number of bytes read from the end of an audit file.
pub(crate) const MAX_TAIL_BYTES: u64 = 4 << 20;
/// Maximum number of unfinished commands.
const MAX_UNFINISHED: usize = 1_000;

/// Author, time and content of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Time of the record.
    pub(crate) at: SystemTime,
    /// Person who made the change: the caller of sudo, or else the user.
    pub(crate) author: SafeText,
    /// Command without its target: `state maint`, `enable`.
    pub(crate) change: SafeText,
    /// The readback showed the commanded state; `None` if unknown.
    pub(crate) verified: Option<bool>,
    /// Reason entered by the operator.
    pub(crate) reason: Option<SafeText>,
}

/// A command whose result was not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedCommand {
    /// Record id.
    pub(crate) id: SafeText,
    /// Target, if recorded.
    pub(crate) target: Option<SafeText>,
    /// Complete command text.
    pub(crate) command: SafeText,
    /// Author, time and reason.
    pub(crate) entry: IndexEntry,
    address: String,
}

/// Last state change of each server of each HAProxy, and unfinished commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditIndex {
    /// By socket address, then by `backend/server`.
    last_changes: HashMap<String, HashMap<String, IndexEntry>>,
    server_count: usize,
    unfinished: Vec<UnfinishedCommand>,
}

impl AuditIndex {
    /// Loads the last 4 MiB of an audit file. Returns an empty index if the file is missing or unreadable.
    pub(crate) fn load(path: Option<&Path>) -> Self {
        let file = path.and_then(|path| {
            let opened = own_file::open_to_read(path);
            opened.inspect_err(|error| tracing::debug!(%error, "the audit log cannot be read")).ok()
        });
        let lines = file.as_ref().and_then(|file| audit_reader::read_tail(file, MAX_TAIL_BYTES).ok());
        Self::from_records(lines.into_iter().flatten().filter_map(|line| Some(line.ok()?.record)))
    }

    /// Builds an index from records in file order.
    pub fn from_records(records: impl IntoIterator<Item = AuditRecord>) -> Self {
        let mut index = Self::default();
        let mut open: HashMap<(String, String), AuditRecord> = HashMap::new();
        for record in records {
            let key = (record.actor.host.clone(), record.id.clone());
            match record.phase {
                RecordPhase::Sending => {
                    open.insert(key, record);
                    if open.len() > 2 * MAX_UNFINISHED {
                        drop_oldest_open(&mut open);
                    }
                }
                RecordPhase::Done => {
                    open.remove(&key);
                    index.add_record(&record);
                }
            }
        }
        let mut open: Vec<AuditRecord> = open.into_values().collect();
        for record in &open {
            index.add_record(record);
        }
        // Sorting by time and id makes the order deterministic.
        open.sort_by(|one, other| (one.parse_time(), &one.id).cmp(&(other.parse_time(), &other.id)));
        open.drain(..open.len().saturating_sub(MAX_UNFINISHED));
        index.unfinished = open.iter().filter_map(unfinished_command).collect();
        index
    }

    /// Inserts a change to `target` (`backend/server`). Ignores a change that does not set an administrative state,
    /// that failed, or that is older than the known change.
    pub(crate) fn insert(&mut self, address: &str, target: &str, entry: IndexEntry) {
        if !is_state_change(entry.change.as_str()) || entry.verified == Some(false) {
            return;
        }
        let servers = self.last_changes.entry(address.to_owned()).or_default();
        match servers.get_mut(target) {
            Some(known) if is_simultaneous(known, &entry) => {
                // The records do not show whose command took effect.
                let both = format!("{} or {}", known.author, entry.author);
                *known = IndexEntry { author: both.as_str().into(), at: known.at.max(entry.at), ..entry };
            }
            Some(known) if known.at > entry.at => {}
            Some(known) => *known = entry,
            None => {
                servers.insert(target.to_owned(), entry);
                self.server_count += 1;
                if self.server_count > MAX_INDEXED_SERVERS {
                    self.evict_oldest();
                }
            }
        }
    }

    /// Returns the last state change of a server; `None` if unknown.
    pub fn last_change(&self, address: &str, target: &str) -> Option<&IndexEntry> {
        self.last_changes.get(address)?.get(target)
    }

    /// Returns the last state changes of all servers of one HAProxy, by `backend/server`.
    pub fn changes_by_server(&self, address: &str) -> HashMap<String, IndexEntry> {
        self.last_changes.get(address).cloned().unwrap_or_default()
    }

    /// Returns the unfinished commands of one HAProxy, oldest first.
    pub fn unfinished(&self, address: &str) -> Vec<&UnfinishedCommand> {
        self.unfinished.iter().filter(|unfinished| unfinished.address == address).collect()
    }

    /// Adds a record, unless the state was already as ordered before the command: then another operator or tool made the change.
    fn add_record(&mut self, record: &AuditRecord) {
        let states = record.before.as_ref().zip(record.after.as_ref());
        if states.is_some_and(|(before, after)| (&before.status, before.admin) == (&after.status, after.admin)) {
            return;
        }
        for (target, change) in state_changes(&record.command) {
            if let Some(entry) = index_entry(record, &change) {
                self.insert(&record.address, target, entry);
            }
        }
    }

    /// Drops the oldest quarter of the entries, so that evictions are rare.
    fn evict_oldest(&mut self) {
        let all = self.last_changes.iter().flat_map(|(address, servers)| {
            servers.iter().map(move |(target, entry)| (entry.at, address.clone(), target.clone()))
        });
        let mut all: Vec<(SystemTime, String, String)> = all.collect();
        all.sort_unstable();
        for (_, address, target) in all.into_iter().take(MAX_INDEXED_SERVERS / 4) {
            let gone = self.last_changes.get_mut(&address).and_then(|servers| servers.remove(&target));
            self.server_count -= usize::from(gone.is_some());
        }
        self.last_changes.retain(|_, servers| !servers.is_empty());
    }
}

/// Returns whether two persons ordered the same change at the same time.
fn is_simultaneous(one: &IndexEntry, other: &IndexEntry) -> bool {
    let apart = one.at.duration_since(other.at).or_else(|_| other.at.duration_since(one.at)).unwrap_or_default();
    let is_named = one.author.as_str().split(" or ").any(|name| name == other.author.as_str());
    one.change == other.change && !is_named && apart <= SIMULTANEOUS
}

/// Drops the older half of the records without a result.
fn drop_oldest_open(open: &mut HashMap<(String, String), AuditRecord>) {
    let mut all: Vec<(Option<SystemTime>, (String, String))> =
        open.iter().map(|(key, record)| (record.parse_time(), key.clone())).collect();
    all.sort_unstable();
    for (_, key) in all.into_iter().take(MAX_UNFINISHED) {
        open.remove(&key);
    }
}

fn index_entry(record: &AuditRecord, change: &str) -> Option<IndexEntry> {
    Some(IndexEntry {
        at: record.parse_time()?,
        author: record.actor.person_name(),
        change: change.into(),
        verified: record.verified,
        reason: record.reason.as_deref().map(SafeText::from),
    })
}

fn unfinished_command(record: &AuditRecord) -> Option<UnfinishedCommand> {
    Some(UnfinishedCommand {
        id: record.id.as_str().into(),
        target: record.target.as_deref().map(SafeText::from),
        command: record.command.as_str().into(),
        entry: index_entry(record, &without_target(&record.command, record.target.as_deref()))?,
        address: record.address.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::record_contents::RecordedState;
    use crate::actions::audit::test_records::{any_record, record};
    use proptest::prelude::*;

    const SOCKET: &str = "/run/a.sock";

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn change_at(seconds: u64, change: &str, verified: Option<bool>) -> IndexEntry {
        IndexEntry { at: at(seconds), author: "bob".into(), change: change.into(), verified, reason: None }
    }

    fn done(id: &str, seconds: i64, command: &str, verified: Option<bool>) -> AuditRecord {
        AuditRecord { verified, ..record(id, RecordPhase::Done, seconds, command) }
    }

    fn last(index: &AuditIndex, target: &str) -> Option<(String, Option<bool>)> {
        index.last_change(SOCKET, target).map(|entry| (entry.change.to_string(), entry.verified))
    }

    #[test]
    fn last_change_is_latest_successful_or_unfinished_command() {
        let maint = "set server be/s1 state maint";
        let records = [
            record("a", RecordPhase::Sending, 1, maint),
            done("a", 2, maint, Some(true)),
            record("b", RecordPhase::Sending, 3, "enable server be/s1"),
            done("b", 4, "enable server be/s1", Some(false)),
            done("c", 5, "set server be/s1 weight 5", Some(true)),
        ];
        let index = AuditIndex::from_records(records.clone());
        assert_eq!(last(&index, "be/s1"), Some(("state maint".to_owned(), Some(true))));
        let entry = index.last_change(SOCKET, "be/s1").unwrap();
        assert_eq!((entry.at, entry.author.as_str()), (at(2), "ann"));
        assert_eq!(index.last_change("/run/b.sock", "be/s1"), None);
        assert!(index.unfinished(SOCKET).is_empty());

        let open = record("d", RecordPhase::Sending, 6, "disable server be/s1");
        let index = AuditIndex::from_records(records.into_iter().chain([open]));
        assert_eq!(last(&index, "be/s1"), Some(("disable".to_owned(), None)));
        let unfinished = index.unfinished(SOCKET);
        assert_eq!(unfinished.len(), 1);
        assert_eq!((unfinished[0].command.as_str(), unfinished[0].entry.at), ("disable server be/s1", at(6)));
        assert_eq!(index.unfinished("/run/b.sock").len(), 0);
    }

    #[test]
    fn audit_index_records_every_server_of_typed_line() {
        let line = "disable server be/s1; set server be/s2 state drain; show info";
        let index = AuditIndex::from_records([AuditRecord { target: None, ..done("a", 1, line, None) }]);
        assert_eq!(last(&index, "be/s1"), Some(("disable".to_owned(), None)));
        assert_eq!(last(&index, "be/s2"), Some(("state drain".to_owned(), None)));
    }

    #[test]
    fn audit_index_names_both_authors_of_simultaneous_changes() {
        let maint = "set server be/s1 state maint";
        let by = |id: &str, user: &str, seconds, before: &str| {
            let state = |status: &str| Some(RecordedState { status: status.to_owned(), ..RecordedState::default() });
            let mut record = done(id, seconds, maint, Some(true));
            record.actor.user = user.to_owned();
            AuditRecord { before: state(before), after: state("MAINT"), ..record }
        };
        let author = |records: Vec<AuditRecord>| {
            let index = AuditIndex::from_records(records);
            index.last_change(SOCKET, "be/s1").map(|entry| entry.author.to_string())
        };
        let first = by("a", "ann", 10, "UP");
        assert_eq!(author(vec![first.clone(), by("b", "bob", 11, "UP")]).as_deref(), Some("ann or bob"));
        assert_eq!(author(vec![first.clone(), by("b", "ann", 11, "UP")]).as_deref(), Some("ann"));
        assert_eq!(author(vec![first.clone(), by("b", "bob", 20, "UP")]).as_deref(), Some("bob"));
        let found = by("b", "bob", 11, "MAINT");
        assert_eq!(author(vec![first, found.clone()]).as_deref(), Some("ann"), "the second command changed nothing");
        assert_eq!(author(vec![found]), None);
    }

    #[test]
    fn insert_keeps_latest_change_by_time() {
        let mut index = AuditIndex::default();
        index.insert(SOCKET, "be/s1", change_at(5, "state maint", Some(true)));
        index.insert(SOCKET, "be/s1", change_at(4, "state ready", Some(true)));
        index.insert(SOCKET, "be/s1", change_at(6, "state drain", Some(false)));
        index.insert(SOCKET, "be/s1", change_at(6, "weight 5", Some(true)));
        assert_eq!(last(&index, "be/s1"), Some(("state maint".to_owned(), Some(true))));
        index.insert(SOCKET, "be/s1", change_at(5, "enable", None));
        assert_eq!(last(&index, "be/s1"), Some(("enable".to_owned(), None)));
    }

    #[test]
    fn audit_index_drops_oldest_servers_and_unfinished_commands() {
        let mut index = AuditIndex::default();
        for second in 0..=MAX_INDEXED_SERVERS {
            let address = if second % 2 == 0 { SOCKET } else { "lb02:9999" };
            index.insert(address, &format!("be/s{second}"), change_at(second as u64, "enable", Some(true)));
        }
        assert_eq!(index.server_count, MAX_INDEXED_SERVERS + 1 - MAX_INDEXED_SERVERS / 4);
        assert_eq!(last(&index, "be/s0"), None);
        assert!(last(&index, &format!("be/s{MAX_INDEXED_SERVERS}")).is_some());
        let many = (0..5_000).map(|id| record(&id.to_string(), RecordPhase::Sending, id, "enable server be/s1"));
        let index = AuditIndex::from_records(many);
        let unfinished = index.unfinished(SOCKET);
        assert_eq!((unfinished.len(), unfinished.last().map(|last| last.entry.at)), (MAX_UNFINISHED, Some(at(4_999))));
    }

    #[test]
    fn audit_index_escapes_control_characters() {
        let reason = Some("a\u{1b}[31m".to_owned());
        let index =
            AuditIndex::from_records([AuditRecord { reason, ..done("a", 1, "enable server be/s1", Some(true)) }]);
        let entry = index.last_change(SOCKET, "be/s1").unwrap();
        assert_eq!(entry.reason.as_ref().map(SafeText::as_str), Some(r"a\x1b[31m"));
    }

    proptest! {
        #[test]
        fn audit_index_accepts_any_records(records in proptest::collection::vec(any_record(), 0..20)) {
            let open = records.iter().filter(|record| record.phase == RecordPhase::Sending).count();
            prop_assert!(AuditIndex::from_records(records).unfinished.len() <= open);
        }
    }
}
