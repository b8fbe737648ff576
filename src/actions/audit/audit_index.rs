//! Who ordered the state that a server is in: the last one, by server, from the audit and from this run.
//!
//! Only what is known to have happened counts, and what may have: a command that was sent and whose end nobody
//! wrote down. The ledger knows nothing of other tools; a state that no entry explains came from elsewhere.

use std::collections::HashMap;
use std::path::Path;
use std::time::SystemTime;

use crate::actions::audit::audit_reader;
use crate::actions::audit::command_phrases::{beside_target, is_state, state_orders};
use crate::actions::audit::record::{Phase, Record};
use crate::haproxy::safe_text::SafeText;

/// More servers are not remembered: the longest untouched are forgotten.
const MOST_TARGETS: usize = 20_000;
/// How much of an audit's end tells who did what.
const PAST: u64 = 4 << 20;
/// More commands without an end are not remembered.
const MOST_UNFINISHED: usize = 1_000;

/// Who did what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: SystemTime,
    /// The person: who called sudo, else the user.
    pub who: SafeText,
    /// The command beside its target: `state maint`, `enable`.
    pub what: SafeText,
    /// Whether it was read back as ordered; absent where its end is not known.
    pub verified: Option<bool>,
    /// Why.
    pub reason: Option<SafeText>,
}

/// A command that was sent, and of whose end nothing is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Its id in the audit.
    pub id: SafeText,
    /// What it acts on, where that was said.
    pub target: Option<SafeText>,
    /// The whole command.
    pub command: SafeText,
    /// Who, when and why.
    pub entry: Entry,
    address: String,
}

/// The last one to order a state, by HAProxy and server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By the address of the socket, then by `backend/server`.
    last: HashMap<String, HashMap<String, Entry>>,
    count: usize,
    unfinished: Vec<Unfinished>,
}

impl Ledger {
    /// What the end of an audit says; nothing where there is none, or none that can be read.
    pub fn of_file(path: Option<&Path>) -> Self {
        let lines = path.and_then(|path| audit_reader::tail(path, PAST).ok());
        Self::from_records(lines.into_iter().flatten().filter_map(|line| Some(line.ok()?.record)))
    }

    /// What the records of an audit say, in the order they stand there.
    pub fn from_records(records: impl IntoIterator<Item = Record>) -> Self {
        let mut ledger = Self::default();
        let mut open: HashMap<(String, String), Record> = HashMap::new();
        for record in records {
            let key = (record.actor.host.clone(), record.id.clone());
            match record.phase {
                Phase::Sending => {
                    open.insert(key, record);
                    if open.len() > 2 * MOST_UNFINISHED {
                        forget_oldest(&mut open);
                    }
                }
                Phase::Done => {
                    open.remove(&key);
                    ledger.take(&record);
                }
            }
        }
        let mut open: Vec<Record> = open.into_values().collect();
        for record in &open {
            ledger.take(record);
        }
        // Both ends of the order are whole records, so it is the same every time.
        open.sort_by(|one, other| (one.at(), &one.id).cmp(&(other.at(), &other.id)));
        open.drain(..open.len().saturating_sub(MOST_UNFINISHED));
        ledger.unfinished = open.iter().filter_map(unfinished).collect();
        ledger
    }

    /// Takes in what was done in this run: `target` is `backend/server`. What orders no state, and what is known
    /// not to have happened, changes nothing.
    pub fn note(&mut self, address: &str, target: &str, entry: Entry) {
        if !is_state(entry.what.as_str()) || entry.verified == Some(false) {
            return;
        }
        let servers = self.last.entry(address.to_owned()).or_default();
        match servers.get_mut(target) {
            Some(known) if known.at > entry.at => {}
            Some(known) => *known = entry,
            None => {
                servers.insert(target.to_owned(), entry);
                self.count += 1;
                if self.count > MOST_TARGETS {
                    self.forget();
                }
            }
        }
    }

    /// Who last ordered a state of this server.
    pub fn last_state(&self, address: &str, target: &str) -> Option<&Entry> {
        self.last.get(address)?.get(target)
    }

    /// Everybody who last ordered a state of a server of this HAProxy, by `backend/server`.
    pub fn states(&self, address: &str) -> HashMap<String, Entry> {
        self.last.get(address).cloned().unwrap_or_default()
    }

    /// What was sent to this HAProxy and has no end in the audit, the oldest first.
    pub fn unfinished(&self, address: &str) -> Vec<&Unfinished> {
        self.unfinished.iter().filter(|unfinished| unfinished.address == address).collect()
    }

    fn take(&mut self, record: &Record) {
        for (target, what) in state_orders(&record.command) {
            if let Some(entry) = entry(record, &what) {
                self.note(&record.address, target, entry);
            }
        }
    }

    /// Forgets the longest untouched quarter, so that this is not needed often.
    fn forget(&mut self) {
        let all = self.last.iter().flat_map(|(address, servers)| {
            servers.iter().map(move |(target, entry)| (entry.at, address.clone(), target.clone()))
        });
        let mut all: Vec<(SystemTime, String, String)> = all.collect();
        all.sort_unstable();
        for (_, address, target) in all.into_iter().take(MOST_TARGETS / 4) {
            let gone = self.last.get_mut(&address).and_then(|servers| servers.remove(&target));
            self.count -= usize::from(gone.is_some());
        }
        self.last.retain(|_, servers| !servers.is_empty());
    }
}

/// Forgets the older half of what is open.
fn forget_oldest(open: &mut HashMap<(String, String), Record>) {
    let mut all: Vec<(Option<SystemTime>, (String, String))> =
        open.iter().map(|(key, record)| (record.at(), key.clone())).collect();
    all.sort_unstable();
    for (_, key) in all.into_iter().take(MOST_UNFINISHED) {
        open.remove(&key);
    }
}

fn entry(record: &Record, what: &str) -> Option<Entry> {
    Some(Entry {
        at: record.at()?,
        who: record.actor.who(),
        what: what.into(),
        verified: record.verified,
        reason: record.reason.as_deref().map(SafeText::from),
    })
}

fn unfinished(record: &Record) -> Option<Unfinished> {
    Some(Unfinished {
        id: record.id.as_str().into(),
        target: record.target.as_deref().map(SafeText::from),
        command: record.command.as_str().into(),
        entry: entry(record, &beside_target(&record.command, record.target.as_deref()))?,
        address: record.address.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::test_records::{any_record, record};
    use proptest::prelude::*;
    use std::time::Duration;

    const SOCKET: &str = "/run/a.sock";

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn noted(seconds: u64, what: &str, verified: Option<bool>) -> Entry {
        Entry { at: at(seconds), who: "bob".into(), what: what.into(), verified, reason: None }
    }

    fn done(id: &str, seconds: i64, command: &str, verified: Option<bool>) -> Record {
        Record { verified, ..record(id, Phase::Done, seconds, command) }
    }

    fn last(ledger: &Ledger, target: &str) -> Option<(String, Option<bool>)> {
        ledger.last_state(SOCKET, target).map(|entry| (entry.what.to_string(), entry.verified))
    }

    #[test]
    fn the_last_order_that_happened_or_may_have_counts() {
        let maint = "set server be/s1 state maint";
        let records = [
            record("a", Phase::Sending, 1, maint),
            done("a", 2, maint, Some(true)),
            record("b", Phase::Sending, 3, "enable server be/s1"),
            done("b", 4, "enable server be/s1", Some(false)),
            done("c", 5, "set server be/s1 weight 5", Some(true)),
        ];
        let ledger = Ledger::from_records(records.clone());
        assert_eq!(last(&ledger, "be/s1"), Some(("state maint".to_owned(), Some(true))));
        let entry = ledger.last_state(SOCKET, "be/s1").unwrap();
        assert_eq!((entry.at, entry.who.as_str()), (at(2), "ann"));
        assert_eq!(ledger.last_state("/run/b.sock", "be/s1"), None);
        assert!(ledger.unfinished(SOCKET).is_empty());

        let open = record("d", Phase::Sending, 6, "disable server be/s1");
        let ledger = Ledger::from_records(records.into_iter().chain([open]));
        assert_eq!(last(&ledger, "be/s1"), Some(("disable".to_owned(), None)));
        let unfinished = ledger.unfinished(SOCKET);
        assert_eq!(unfinished.len(), 1);
        assert_eq!((unfinished[0].command.as_str(), unfinished[0].entry.at), ("disable server be/s1", at(6)));
        assert_eq!(ledger.unfinished("/run/b.sock").len(), 0);
    }

    #[test]
    fn a_line_typed_by_hand_counts_for_each_server_in_it() {
        let line = "disable server be/s1; set server be/s2 state drain; show info";
        let ledger = Ledger::from_records([Record { target: None, ..done("a", 1, line, None) }]);
        assert_eq!(last(&ledger, "be/s1"), Some(("disable".to_owned(), None)));
        assert_eq!(last(&ledger, "be/s2"), Some(("state drain".to_owned(), None)));
    }

    #[test]
    fn what_is_noted_takes_its_place_by_its_time() {
        let mut ledger = Ledger::default();
        ledger.note(SOCKET, "be/s1", noted(5, "state maint", Some(true)));
        ledger.note(SOCKET, "be/s1", noted(4, "state ready", Some(true)));
        ledger.note(SOCKET, "be/s1", noted(6, "state drain", Some(false)));
        ledger.note(SOCKET, "be/s1", noted(6, "weight 5", Some(true)));
        assert_eq!(last(&ledger, "be/s1"), Some(("state maint".to_owned(), Some(true))));
        ledger.note(SOCKET, "be/s1", noted(5, "enable", None));
        assert_eq!(last(&ledger, "be/s1"), Some(("enable".to_owned(), None)));
    }

    #[test]
    fn the_longest_untouched_are_forgotten() {
        let mut ledger = Ledger::default();
        for second in 0..=MOST_TARGETS {
            let address = if second % 2 == 0 { SOCKET } else { "lb02:9999" };
            ledger.note(address, &format!("be/s{second}"), noted(second as u64, "enable", Some(true)));
        }
        assert_eq!(ledger.count, MOST_TARGETS + 1 - MOST_TARGETS / 4);
        assert_eq!(last(&ledger, "be/s0"), None);
        assert!(last(&ledger, &format!("be/s{MOST_TARGETS}")).is_some());
        let many = (0..5_000).map(|id| record(&id.to_string(), Phase::Sending, id, "enable server be/s1"));
        let ledger = Ledger::from_records(many);
        let unfinished = ledger.unfinished(SOCKET);
        assert_eq!((unfinished.len(), unfinished.last().map(|last| last.entry.at)), (MOST_UNFINISHED, Some(at(4_999))));
    }

    #[test]
    fn what_others_wrote_is_shown_safely() {
        let reason = Some("a\u{1b}[31m".to_owned());
        let ledger = Ledger::from_records([Record { reason, ..done("a", 1, "enable server be/s1", Some(true)) }]);
        let entry = ledger.last_state(SOCKET, "be/s1").unwrap();
        assert_eq!(entry.reason.as_ref().map(SafeText::as_str), Some(r"a\x1b[31m"));
    }

    proptest! {
        #[test]
        fn no_record_breaks_it(records in proptest::collection::vec(any_record(), 0..20)) {
            let open = records.iter().filter(|record| record.phase == Phase::Sending).count();
            prop_assert!(Ledger::from_records(records).unfinished.len() <= open);
        }
    }
}
