//! Texts of rows: status, checks, addresses. Texts rarely change, so each row has a list of entries, each with the
//! sequence number of the first sample to which it applies.
//!
//! Recurring texts are stored only once: a check that alternates between two results adds only list entries.

use std::ops::Range;
use std::sync::Arc;

use crate::haproxy::stat_table::StatRow;
use crate::observe::row_ids::{RowId, RowMap};
use crate::observe::sample::Sample;

/// Number of earlier entries of a row with which new texts are compared, so that equal texts are shared.
const COMPARED_ENTRIES: usize = 8;

/// Memory of a row's list besides its entries, in bytes: the allocator's own bookkeeping.
const LIST_BYTES: usize = 16;

/// Texts of a row, valid from sample `first_seq` until the next entry.
#[derive(Debug, Clone)]
struct TextEntry {
    first_seq: u64,
    row: StatRow,
    /// Memory counted for this entry's texts, in bytes; 0 if the texts are counted for another entry.
    owned_bytes: usize,
}

/// Texts of all rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct TextLog {
    entries: RowMap<Vec<TextEntry>>,
    bytes: usize,
}

impl TextLog {
    /// Returns whether all texts of the sample `now` are those of the sample `before`.
    pub(crate) fn are_unchanged(before: Option<&Sample>, now: &Sample) -> bool {
        before.is_some_and(|before| {
            Arc::ptr_eq(&before.rows, &now.rows) && Arc::ptr_eq(before.table.shared_rows(), now.table.shared_rows())
        })
    }

    /// Records those texts of some rows of the sample `now` that changed since the sample `before`.
    pub(crate) fn push_rows(&mut self, before: Option<&Sample>, now: &Sample, indexes: Range<usize>) {
        let same_rows = before.filter(|before| Arc::ptr_eq(&before.rows, &now.rows));
        for index in indexes {
            let (id, row) = (&now.rows.ids()[index], &now.table.rows()[index]);
            // Nearly always, the texts of a row do not change.
            if same_rows.is_some_and(|before| before.table.rows()[index].has_same_texts(row)) {
                continue;
            }
            let list = self.entries.entry(*id).or_default();
            if list.is_empty() {
                self.bytes += row.name.memory_bytes() + LIST_BYTES;
            }
            if list.last().is_some_and(|last| last.row.has_same_texts(row)) {
                continue;
            }
            let known = list
                .iter()
                .rev()
                .take(COMPARED_ENTRIES)
                .find(|entry| entry.row.has_same_texts(row))
                .map(|entry| entry.row.clone());
            // Most rows share their texts with the row above.
            let above = index.checked_sub(1).and_then(|above| now.table.rows().get(above));
            let own = if known.is_some() { 0 } else { row.text_memory(above) };
            if list.len() == list.capacity() {
                list.reserve_exact(1 + list.len() / 2);
            }
            list.push(TextEntry { first_seq: now.seq, row: known.unwrap_or_else(|| row.clone()), owned_bytes: own });
            self.bytes += own + size_of::<TextEntry>();
        }
    }

    /// Adds the names and texts of a row from sample `first_seq` on. Entries of one row must be added in ascending order.
    pub(crate) fn push_stored(&mut self, id: RowId, first_seq: u64, row: StatRow) {
        let own = row.text_memory(None);
        let list = self.entries.entry(id).or_default();
        if list.is_empty() {
            self.bytes += row.name.memory_bytes() + LIST_BYTES;
        }
        list.push(TextEntry { first_seq, row, owned_bytes: own });
        self.bytes += own + size_of::<TextEntry>();
    }

    /// Returns the texts of a row in the sample `seq`, or `None` if no stored sample up to `seq` contains the row. If
    /// the sample itself does not contain the row, the last texts before the gap are returned.
    pub(crate) fn get(&self, id: RowId, seq: u64) -> Option<&StatRow> {
        let list = self.entries.get(&id)?;
        let place = list.partition_point(|entry| entry.first_seq <= seq);
        list.get(place.checked_sub(1)?).map(|entry| &entry.row)
    }

    /// Iterates over the texts of a row from the sample `seq` on, oldest first, each with the sequence number of the first
    /// sample to which they apply. The first ones may apply to earlier samples, too.
    pub(crate) fn entries_from(&self, id: RowId, seq: u64) -> impl Iterator<Item = (u64, &StatRow)> {
        let list = self.entries.get(&id).map_or(&[][..], Vec::as_slice);
        let place = list.partition_point(|entry| entry.first_seq <= seq).saturating_sub(1);
        list[place..].iter().map(|entry| (entry.first_seq, &entry.row))
    }

    /// Discards entries that are not needed for sample `oldest` and later samples, and all entries of rows for which
    /// `is_kept` returns false.
    pub(crate) fn discard_before(&mut self, oldest: u64, is_kept: impl Fn(RowId) -> bool) {
        self.entries.retain(|id, list| {
            let is_kept = is_kept(*id);
            let stays = if is_kept {
                list.partition_point(|entry| entry.first_seq <= oldest).saturating_sub(1)
            } else {
                list.len()
            };
            // If a later entry shares discarded texts, their memory is now counted for that entry.
            let gone: Vec<TextEntry> = list.drain(..stays).collect();
            if !is_kept && let Some(last) = gone.last() {
                self.bytes -= last.row.name.memory_bytes() + LIST_BYTES;
            }
            self.bytes -= gone.iter().map(|entry| entry.owned_bytes + size_of::<TextEntry>()).sum::<usize>();
            for entry in gone.iter().filter(|entry| entry.owned_bytes > 0) {
                if let Some(sharer) =
                    list.iter_mut().find(|sharer| sharer.owned_bytes == 0 && sharer.row.has_same_texts(&entry.row))
                {
                    sharer.owned_bytes = entry.owned_bytes;
                    self.bytes += entry.owned_bytes;
                }
            }
            is_kept
        });
        // Removed entries leave their places in the map.
        if self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to_fit();
        }
    }

    /// Returns the memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.bytes + self.entries.capacity() * size_of::<(RowId, Vec<TextEntry>)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    fn stat(statuses: &[(&str, &str)]) -> String {
        let rows = statuses.iter().map(|(name, status)| format!("b,{name},{status},2,\n"));
        format!("# pxname,svname,status,type,\n{}", rows.collect::<String>())
    }

    #[test]
    fn get_returns_texts_of_each_sample_and_shares_recurring_ones() {
        let (mut texts, mut builder) = (TextLog::default(), SampleBuilder::default());
        let all = [
            [("s", "UP"), ("t", "UP")].as_slice(),
            &[("s", "DOWN"), ("t", "UP")],
            &[("t", "UP")],
            &[("t", "UP"), ("s", "DOWN")],
            &[("t", "MAINT"), ("s", "UP")],
        ];
        let samples: Vec<_> =
            all.iter().zip(1..).map(|(rows, step)| builder.build_at_millis(step * 1000, &stat(rows))).collect();
        for (place, sample) in samples.iter().enumerate() {
            texts.push_rows(place.checked_sub(1).map(|before| &*samples[before]), sample, 0..sample.rows.ids().len());
        }
        let (s, t) = (samples[0].rows.ids()[0], samples[0].rows.ids()[1]);
        let statuses = |texts: &TextLog, id| {
            (1..=5).map(|seq| texts.get(id, seq).map_or("", StatRow::status).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(statuses(&texts, s), ["UP", "DOWN", "DOWN", "DOWN", "UP"], "a gap has the texts before the gap");
        assert_eq!(statuses(&texts, t), ["UP", "UP", "UP", "UP", "MAINT"]);
        assert_eq!(texts.get(s, 0).map(StatRow::status), None);
        let owners = |texts: &TextLog| texts.entries[&s].iter().map(|entry| entry.owned_bytes > 0).collect::<Vec<_>>();
        assert_eq!(owners(&texts), [true, true, false], "the recurring UP is shared");
        let before = texts.memory();
        texts.discard_before(4, |id| id == s);
        assert_eq!(statuses(&texts, s)[3..], ["DOWN", "UP"]);
        assert_eq!(owners(&texts), [true, true], "the texts are counted for the remaining entry");
        assert_eq!(statuses(&texts, t), [""; 5]);
        assert!(texts.memory() < before);
        texts.discard_before(9, |_| false);
        assert_eq!(texts.bytes, 0);
    }
}
