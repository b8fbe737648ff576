//! What rows said besides numbers: status, checks, addresses. They rarely change, so each row has a list of them,
//! with the sample from which on they stood there.
//!
//! A text that comes again is not kept twice: a check that runs in every other sample costs no more than the places
//! where it was seen to run.

use std::collections::HashMap;
use std::sync::Arc;

use crate::haproxy::stat_table::Row;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// Earlier texts of a row that a new one is compared with.
const COMPARED: usize = 8;

/// What a row said from a sample on.
#[derive(Debug)]
struct Said {
    from: u64,
    row: Row,
    /// Memory that nothing else holds.
    own: usize,
}

/// What all rows said.
#[derive(Debug, Default)]
pub struct Texts {
    rows: HashMap<RowId, Vec<Said>>,
    bytes: usize,
}

impl Texts {
    /// Takes a sample in, and the one before it.
    pub fn push(&mut self, before: Option<&Sample>, now: &Sample) {
        let same_rows = before.filter(|before| Arc::ptr_eq(&before.rows, &now.rows));
        if same_rows.is_some_and(|before| Arc::ptr_eq(before.table.shared_rows(), now.table.shared_rows())) {
            return;
        }
        for (index, (id, row)) in now.rows.ids().iter().zip(now.table.rows()).enumerate() {
            // Nearly always the very same text.
            if same_rows.is_some_and(|before| before.table.rows()[index].says_as(row)) {
                continue;
            }
            let list = self.rows.entry(*id).or_default();
            if list.last().is_some_and(|last| last.row.says_as(row)) {
                continue;
            }
            let known =
                list.iter().rev().take(COMPARED).find(|said| said.row.says_as(row)).map(|said| said.row.clone());
            let own = if known.is_some() { 0 } else { row.memory() };
            if list.len() == list.capacity() {
                list.reserve_exact(1 + list.len() / 2);
            }
            list.push(Said { from: now.seq, row: known.unwrap_or_else(|| row.clone()), own });
            self.bytes += own + size_of::<Said>();
        }
    }

    /// What a row said in a sample; absent when it was never there up to then.
    pub fn of(&self, id: RowId, seq: u64) -> Option<&Row> {
        let list = self.rows.get(&id)?;
        let place = list.partition_point(|said| said.from <= seq);
        list.get(place.checked_sub(1)?).map(|said| &said.row)
    }

    /// Forgets what no sample from `oldest` on needs, and rows that are in none of them.
    pub fn forget(&mut self, oldest: u64, is_kept: impl Fn(RowId) -> bool) {
        self.rows.retain(|id, list| {
            let is_kept = is_kept(*id);
            let stays =
                if is_kept { list.partition_point(|said| said.from <= oldest).saturating_sub(1) } else { list.len() };
            // What is forgotten may be said again later: it is then that one's own.
            let gone: Vec<Said> = list.drain(..stays).collect();
            self.bytes -= gone.iter().map(|said| said.own + size_of::<Said>()).sum::<usize>();
            for said in gone.iter().filter(|said| said.own > 0) {
                if let Some(heir) = list.iter_mut().find(|heir| heir.own == 0 && heir.row.says_as(&said.row)) {
                    heir.own = said.own;
                    self.bytes += said.own;
                }
            }
            is_kept
        });
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        self.bytes + self.rows.capacity() * size_of::<(RowId, Vec<Said>)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleMaker;

    fn stat(statuses: &[(&str, &str)]) -> String {
        let rows = statuses.iter().map(|(name, status)| format!("b,{name},{status},2,\n"));
        format!("# pxname,svname,status,type,\n{}", rows.collect::<String>())
    }

    #[test]
    fn each_moment_has_its_texts_and_those_that_come_again_are_shared() {
        let (mut texts, mut maker) = (Texts::default(), SampleMaker::default());
        let all = [
            [("s", "UP"), ("t", "UP")].as_slice(),
            &[("s", "DOWN"), ("t", "UP")],
            &[("t", "UP")],
            &[("t", "UP"), ("s", "DOWN")],
            &[("t", "MAINT"), ("s", "UP")],
        ];
        let samples: Vec<_> =
            all.iter().zip(1..).map(|(rows, step)| maker.at_millis(step * 1000, &stat(rows))).collect();
        for (place, sample) in samples.iter().enumerate() {
            texts.push(place.checked_sub(1).map(|before| &*samples[before]), sample);
        }
        let (s, t) = (samples[0].rows.ids()[0], samples[0].rows.ids()[1]);
        let told = |texts: &Texts, id| {
            (1..=5).map(|seq| texts.of(id, seq).map_or("", Row::status).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(told(&texts, s), ["UP", "DOWN", "DOWN", "DOWN", "UP"], "a gap is told by who was there");
        assert_eq!(told(&texts, t), ["UP", "UP", "UP", "UP", "MAINT"]);
        assert_eq!(texts.of(s, 0).map(Row::status), None);
        let owners = |texts: &Texts| texts.rows[&s].iter().map(|said| said.own > 0).collect::<Vec<_>>();
        assert_eq!(owners(&texts), [true, true, false], "UP came again");
        let before = texts.memory();
        texts.forget(4, |id| id == s);
        assert_eq!(told(&texts, s)[3..], ["DOWN", "UP"]);
        assert_eq!(owners(&texts), [true, true], "now it is its own");
        assert_eq!(told(&texts, t), [""; 5]);
        assert!(texts.memory() < before);
        texts.forget(9, |_| false);
        assert_eq!(texts.bytes, 0);
    }
}
