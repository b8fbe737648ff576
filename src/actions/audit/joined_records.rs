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

/// Joined records in the order in which the commands were started; with a limit, only the last ones.
#[derive(Debug, Default)]
pub struct JoinedRecords {
    records: VecDeque<JoinedRecord>,
    /// Position by host and id, counted from the first record ever pushed.
    positions: HashMap<(String, String), usize>,
    evicted: usize,
    limit: Option<usize>,
}

impl JoinedRecords {
    /// Creates an empty list that keeps at most `limit` entries.
    pub fn new(limit: Option<usize>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Adds a record, or joins it with the first record of the same command.
    pub fn push(&mut self, record: AuditRecord) {
        let key = (record.actor.host.clone(), record.id.clone());
        let known = self.positions.get(&key).and_then(|place| self.records.get_mut(place.checked_sub(self.evicted)?));
        match known {
            // The second record repeats the first one.
            Some(joined) if joined.is_unfinished() => joined.record = record,
            Some(_) => {}
            None => {
                self.positions.insert(key, self.evicted + self.records.len());
                self.records.push_back(JoinedRecord { started: record.time.clone(), record });
                self.evict_excess();
            }
        }
    }

    fn evict_excess(&mut self) {
        while self.limit.is_some_and(|limit| self.records.len() > limit) {
            if let Some(joined) = self.records.pop_front() {
                self.positions.remove(&(joined.record.actor.host, joined.record.id));
                self.evicted += 1;
            }
        }
    }

    /// Returns the joined records, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &JoinedRecord> {
        self.records.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::test_records::record;

    fn shown(limit: Option<usize>, records: &[(&str, RecordPhase)]) -> Vec<String> {
        let mut joined_records = JoinedRecords::new(limit);
        for (second, (id, phase)) in records.iter().enumerate() {
            joined_records.push(record(id, *phase, second as i64, "c"));
        }
        let show =
            |joined: &JoinedRecord| format!("{}{}", joined.record.id, if joined.is_unfinished() { "?" } else { "" });
        joined_records.iter().map(show).collect()
    }

    #[test]
    fn joined_records_keep_start_order() {
        use RecordPhase::{Done, Sending};
        let records = [("a", Sending), ("b", Sending), ("b", Done), ("c", Sending), ("a", Done), ("d", Done)];
        assert_eq!(shown(None, &records), ["a", "b", "c?", "d"]);
        assert_eq!(shown(Some(3), &records[..5]), ["a", "b", "c?"]);
        assert_eq!(shown(Some(1), &records), ["d"]);
        let mut joined_records = JoinedRecords::new(None);
        joined_records.push(record("a", Sending, 5, "c"));
        joined_records.push(record("a", Done, 9, "c"));
        let joined = joined_records.iter().next().unwrap();
        assert_eq!(
            (joined.started.as_str(), joined.record.time.as_str()),
            ("1970-01-01T00:00:05.000Z", "1970-01-01T00:00:09.000Z")
        );
    }

    #[test]
    fn joined_records_separate_hosts_with_same_id() {
        let mut joined_records = JoinedRecords::new(None);
        let mut other = record("a", RecordPhase::Done, 2, "c");
        other.actor.host = "lb02".to_owned();
        joined_records.push(record("a", RecordPhase::Sending, 1, "c"));
        joined_records.push(other);
        assert_eq!(joined_records.iter().map(JoinedRecord::is_unfinished).collect::<Vec<bool>>(), [true, false]);
    }
}
