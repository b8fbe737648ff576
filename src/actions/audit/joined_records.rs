//! The two lines of a command, joined to one act.

use std::collections::{HashMap, VecDeque};

use crate::actions::audit::record::{Phase, Record};

/// One act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// When it was begun, as the record has it.
    pub begun: String,
    /// Its last record, which says all that is known.
    pub record: Record,
}

impl Act {
    /// Whether it was sent and nothing is written of its end.
    pub fn is_unfinished(&self) -> bool {
        self.record.phase == Phase::Sending
    }
}

/// Acts in the order they were begun; with a limit, the last ones only.
#[derive(Debug, Default)]
pub struct Acts {
    kept: VecDeque<Act>,
    /// Where the act of an id stands, counted from the first that ever was.
    known: HashMap<(String, String), usize>,
    gone: usize,
    limit: Option<usize>,
}

impl Acts {
    /// None yet, and never more than `limit`.
    pub fn new(limit: Option<usize>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Takes one record in.
    pub fn take(&mut self, record: Record) {
        let key = (record.actor.host.clone(), record.id.clone());
        let known = self.known.get(&key).and_then(|place| self.kept.get_mut(place.checked_sub(self.gone)?));
        match known {
            // The end says all that the beginning did.
            Some(act) if act.is_unfinished() => act.record = record,
            Some(_) => {}
            None => {
                self.known.insert(key, self.gone + self.kept.len());
                self.kept.push_back(Act { begun: record.time.clone(), record });
                self.forget();
            }
        }
    }

    fn forget(&mut self) {
        while self.limit.is_some_and(|limit| self.kept.len() > limit) {
            if let Some(act) = self.kept.pop_front() {
                self.known.remove(&(act.record.actor.host, act.record.id));
                self.gone += 1;
            }
        }
    }

    /// The acts, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Act> {
        self.kept.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::test_records::record;

    fn shown(limit: Option<usize>, records: &[(&str, Phase)]) -> Vec<String> {
        let mut acts = Acts::new(limit);
        for (second, (id, phase)) in records.iter().enumerate() {
            acts.take(record(id, *phase, second as i64, "c"));
        }
        let show = |act: &Act| format!("{}{}", act.record.id, if act.is_unfinished() { "?" } else { "" });
        acts.iter().map(show).collect()
    }

    #[test]
    fn two_lines_make_an_act_in_the_order_they_were_begun() {
        use Phase::{Done, Sending};
        let records = [("a", Sending), ("b", Sending), ("b", Done), ("c", Sending), ("a", Done), ("d", Done)];
        assert_eq!(shown(None, &records), ["a", "b", "c?", "d"]);
        assert_eq!(shown(Some(3), &records[..5]), ["a", "b", "c?"]);
        assert_eq!(shown(Some(1), &records), ["d"]);
        let mut acts = Acts::new(None);
        acts.take(record("a", Sending, 5, "c"));
        acts.take(record("a", Done, 9, "c"));
        let act = acts.iter().next().unwrap();
        assert_eq!(
            (act.begun.as_str(), act.record.time.as_str()),
            ("1970-01-01T00:00:05.000Z", "1970-01-01T00:00:09.000Z")
        );
    }

    #[test]
    fn the_same_id_on_another_host_is_another_act() {
        let mut acts = Acts::new(None);
        let mut other = record("a", Phase::Done, 2, "c");
        other.actor.host = "lb02".to_owned();
        acts.take(record("a", Phase::Sending, 1, "c"));
        acts.take(other);
        assert_eq!(acts.iter().map(Act::is_unfinished).collect::<Vec<bool>>(), [true, false]);
    }
}
