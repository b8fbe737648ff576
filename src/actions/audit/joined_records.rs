//! Joins the two audit records of each command.

use std::collections::{HashMap, VecDeque};

use crate::actions::audit::record::{AuditRecord, RecordPhase};

/// One command, as recorded in the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedRecord {
    /// Time of the command's first record, as written in the record.
    pub(crate) started: String,
    /// The last record of the command, which contains everything known.
    pub(crate) record: AuditRecord,
}

impl JoinedRecord {
    /// Returns true if the command was sent and no result was recorded.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.record.phase == RecordPhase::Sending
    }
}

/// Maximum number of commands that wait for their second record.
const MAX_WAITING: usize = 1_000;
/// Maximum size of the lines of these commands, in bytes.
const MAX_WAITING_BYTES: usize = 16 << 20;

/// Joins records in the order in which their commands were started. The second record of a command is found as long as
/// no more than [`MAX_WAITING`] commands were started after it.
#[derive(Debug, Default)]
pub struct RecordJoiner {
    /// Commands with the sizes of their lines.
    waiting: VecDeque<(JoinedRecord, usize)>,
    waiting_bytes: usize,
    /// Position by host and id, counted from the first record ever pushed.
    positions: HashMap<(String, String), usize>,
    released: usize,
}

impl RecordJoiner {
    /// Adds a record with a line of `size` bytes, or joins it with the first record of the same command. Returns the
    /// oldest command if no further record is expected for it.
    pub fn push(&mut self, record: AuditRecord, size: usize) -> Option<JoinedRecord> {
        let key = (record.actor.host.clone(), record.id.clone());
        let known = self.positions.get(&key).and_then(|place| self.waiting.get_mut(place.checked_sub(self.released)?));
        match known {
            // The second record repeats the first one.
            Some((joined, joined_size)) if joined.is_unfinished() => {
                joined.record = record;
                self.waiting_bytes = self.waiting_bytes - *joined_size + size;
                *joined_size = size;
            }
            Some(_) => {}
            None => {
                self.positions.insert(key, self.released + self.waiting.len());
                self.waiting.push_back((JoinedRecord { started: record.time.clone(), record }, size));
                self.waiting_bytes += size;
            }
        }
        let is_full = self.waiting.len() > MAX_WAITING || self.waiting_bytes > MAX_WAITING_BYTES;
        is_full.then(|| self.pop()).flatten()
    }

    /// Removes and returns the oldest command, if any.
    pub fn pop(&mut self) -> Option<JoinedRecord> {
        let (joined, size) = self.waiting.pop_front()?;
        self.positions.remove(&(joined.record.actor.host.clone(), joined.record.id.clone()));
        self.released += 1;
        self.waiting_bytes -= size;
        Some(joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::test_records::record;

    fn joined(records: impl IntoIterator<Item = AuditRecord>) -> Vec<JoinedRecord> {
        let mut joiner = RecordJoiner::default();
        let mut all: Vec<JoinedRecord> = records.into_iter().filter_map(|record| joiner.push(record, 500)).collect();
        all.extend(std::iter::from_fn(|| joiner.pop()));
        all
    }

    #[test]
    fn record_joiner_keeps_start_order() {
        use RecordPhase::{Done, Sending};
        let records =
            [("a", Sending), ("b", Sending), ("b", Done), ("c", Sending), ("a", Done), ("d", Done), ("d", Done)];
        let records = records.iter().enumerate().map(|(second, (id, phase))| record(id, *phase, second as i64, "c"));
        let show =
            |joined: &JoinedRecord| format!("{}{}", joined.record.id, if joined.is_unfinished() { "?" } else { "" });
        assert_eq!(joined(records).iter().map(show).collect::<Vec<_>>(), ["a", "b", "c?", "d"]);
        let all = joined([record("a", Sending, 5, "c"), record("a", Done, 9, "c")]);
        assert_eq!(
            (all[0].started.as_str(), all[0].record.time.as_str()),
            ("1970-01-01T00:00:05.000Z", "1970-01-01T00:00:09.000Z")
        );
    }

    #[test]
    fn record_joiner_separates_hosts_with_same_id() {
        let mut other = record("a", RecordPhase::Done, 2, "c");
        other.actor.host = "lb02".to_owned();
        let all = joined([record("a", RecordPhase::Sending, 1, "c"), other]);
        assert_eq!(all.iter().map(JoinedRecord::is_unfinished).collect::<Vec<bool>>(), [true, false]);
    }

    #[test]
    fn record_joiner_holds_limited_number_of_records() {
        let mut joiner = RecordJoiner::default();
        let many = |joiner: &mut RecordJoiner, size: usize| {
            let ids = (0..5_000).map(|id| id.to_string());
            ids.filter_map(|id| joiner.push(record(&id, RecordPhase::Sending, 1, "c"), size)).count()
        };
        assert_eq!(many(&mut joiner, 500), 5_000 - MAX_WAITING);
        assert_eq!((joiner.waiting.len(), joiner.positions.len()), (MAX_WAITING, MAX_WAITING));
        let mut joiner = RecordJoiner::default();
        many(&mut joiner, 1 << 20);
        assert!(joiner.waiting.len() <= 16 && joiner.positions.len() <= 16, "{}", joiner.waiting.len());
    }
}
