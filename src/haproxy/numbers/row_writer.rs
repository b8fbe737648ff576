//! The writer that builds [`NumberRows`].

use std::cmp::Ordering;
use std::sync::Arc;

use crate::haproxy::numbers::column_set::{ColumnSet, MAX_WIDTH, SlotSet};
use crate::haproxy::numbers::number_rows::{ABSENT, NumberRows, OVERFLOW, find_overflow};
use crate::haproxy::numbers::storage::RowStart;
use crate::haproxy::numbers::stored_cells::StoredCells;

/// Writes rows of numbers, one row after the other. The numbers of a row may be set in any order.
#[derive(Debug)]
pub(crate) struct RowWriter {
    numbers: NumberRows,
    /// Cells of the row that is being written.
    row: Box<[u32; MAX_WIDTH]>,
    /// Numbers of the row that is being written that do not fit in a cell, by slot.
    overflow: Vec<(u16, i64)>,
}

impl RowWriter {
    /// Maximum number of distinct column sets. A configuration has about a dozen. Rows with further column sets share
    /// one set of all slots, so that irregular data does not take more memory for column sets than for numbers.
    const MAX_COLUMN_SETS: usize = 64;

    /// Creates a writer with capacity for `rows` rows of `width` numbers. A width above [`MAX_WIDTH`] is reduced to it.
    pub(crate) fn new(width: usize, rows: usize) -> Self {
        let mut numbers = NumberRows::default();
        numbers.width = width.min(MAX_WIDTH);
        numbers.storage.cells.reserve(numbers.width * rows);
        numbers.storage.rows.reserve(rows);
        Self { numbers, row: Box::new([ABSENT; MAX_WIDTH]), overflow: Vec::new() }
    }

    /// Creates a writer for the table that follows `before`. The writer uses a buffer from the pool of `before`.
    pub(crate) fn reusing(before: &NumberRows, width: usize) -> Self {
        let mut writer = Self::new(width, 0);
        writer.numbers.pool = Arc::clone(&before.pool);
        writer.numbers.storage = before.pool.acquire(&before.storage);
        writer
    }

    /// Sets a number of the current row. A slot that is out of range is ignored.
    #[inline]
    pub(crate) fn set(&mut self, slot: usize, value: i64) {
        if slot >= self.numbers.width {
            return;
        }
        match u32::try_from(value) {
            Ok(narrow) if narrow < ABSENT => self.row[slot] = narrow,
            _ => self.set_overflow(slot, value),
        }
    }

    #[cold]
    fn set_overflow(&mut self, slot: usize, value: i64) {
        self.row[slot] = OVERFLOW;
        self.overflow.retain(|(known, _)| usize::from(*known) != slot);
        let index = self.overflow.partition_point(|(known, _)| usize::from(*known) < slot);
        self.overflow.insert(index, (slot as u16, value));
    }

    /// Returns the number in a slot of the current row, or `None` if it has not been set.
    pub(crate) fn get(&self, slot: usize) -> Option<i64> {
        match *self.row.get(slot)? {
            ABSENT => None,
            OVERFLOW => find_overflow(&self.overflow, slot),
            narrow => Some(i64::from(narrow)),
        }
    }

    /// Completes the current row. Numbers that were not set stay absent.
    pub(crate) fn end_row(&mut self) {
        let width = self.numbers.width;
        let storage = &mut self.numbers.storage;
        let present = width - count_absent(&self.row[..width]);
        let before = storage.rows.last().map_or(0, |before| before.column_set as usize);
        let fits =
            |columns: &&ColumnSet| columns.len() == present && columns.iter().all(|slot| self.row[slot] != ABSENT);
        let column_set = match storage.column_sets.get(before).filter(fits) {
            Some(_) => before,
            None => Self::find_column_set(&mut storage.column_sets, &self.row[..width]),
        };
        let (start, cells) = storage.cells.start_row(width);
        let mut stored = StoredCells::default();
        let row = storage.column_sets[column_set].iter().map(|slot| self.row[slot]).enumerate();
        cells.extend(row.filter(|(position, cell)| stored.add(*position, *cell)).map(|(_, cell)| cell));
        storage.rows.push(RowStart {
            stored,
            cells: start,
            overflow: storage.overflow.len() as u32,
            column_set: column_set as u32,
        });
        // Drop overflow numbers of slots that were set again to a number that fits in a cell.
        let is_overflow = |(slot, _): &(u16, i64)| self.row[usize::from(*slot)] == OVERFLOW;
        storage.overflow.extend(self.overflow.drain(..).filter(is_overflow));
        self.row[..width].fill(ABSENT);
    }

    /// Appends all rows of a table of the same width. The current row must be empty.
    pub(crate) fn append(&mut self, other: &NumberRows) {
        for index in 0..other.storage.rows.len() {
            let Some(row) = other.row(index) else { continue };
            row.for_each_number(|slot, value| self.set(slot, value));
            self.end_row();
        }
    }

    /// Returns the memory that the completed rows need, in bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.numbers.storage.memory_used()
    }

    /// Discards the current row.
    pub(crate) fn discard_row(&mut self) {
        self.row[..self.numbers.width].fill(ABSENT);
        self.overflow.clear();
    }

    /// Returns the index of the column set for `row`. If no existing set matches, a new set is added, or the set of all
    /// slots is used once [`Self::MAX_COLUMN_SETS`] is reached.
    #[cold]
    fn find_column_set(column_sets: &mut Vec<ColumnSet>, row: &[u32]) -> usize {
        let present = row.iter().enumerate().filter(|(_, cell)| **cell != ABSENT);
        let slots: SlotSet = present.map(|(slot, _)| slot).collect();
        if let Some(known) = column_sets.iter().position(|columns| columns.slots() == slots) {
            return known;
        }
        match column_sets.len().cmp(&Self::MAX_COLUMN_SETS) {
            Ordering::Less => column_sets.push(ColumnSet::new(slots)),
            Ordering::Equal => column_sets.push(ColumnSet::new((0..row.len()).collect())),
            Ordering::Greater => {}
        }
        column_sets.len() - 1
    }

    /// Returns all completed rows and frees unused capacity if it is large.
    pub(crate) fn finish(self) -> NumberRows {
        let mut numbers = self.numbers;
        numbers.storage.cells.shrink();
        numbers
    }
}

/// Counts the absent cells. The sum has the type of a cell, so that the compiler can vectorize the loop.
fn count_absent(cells: &[u32]) -> usize {
    cells.iter().map(|cell| u32::from(*cell == ABSENT)).sum::<u32>() as usize
}

impl NumberRows {
    /// Builds a table with a single row, which has one slot per value.
    pub(crate) fn from_values(values: impl ExactSizeIterator<Item = Option<i64>>) -> Self {
        let mut writer = RowWriter::new(values.len(), 1);
        for (slot, value) in values.enumerate() {
            if let Some(value) = value {
                writer.set(slot, value);
            }
        }
        writer.end_row();
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::numbers::number_rows::NumberRow;
    use proptest::prelude::*;

    fn address(numbers: &NumberRows) -> *const u32 {
        numbers.storage.cells.row(0, 1).unwrap().as_ptr()
    }

    fn filled(mut writer: RowWriter, rows: usize) -> NumberRows {
        for _ in 0..rows {
            (0..50).for_each(|slot| writer.set(slot, 7));
            writer.end_row();
        }
        writer.finish()
    }

    #[test]
    fn absent_differs_from_zero_and_rows_can_be_discarded() {
        let mut writer = RowWriter::new(3, 0);
        writer.set(0, 0);
        writer.end_row();
        writer.set(2, i64::MAX);
        assert_eq!((writer.get(2), writer.get(0), writer.get(3)), (Some(i64::MAX), None, None));
        writer.discard_row();
        writer.set(1, -1);
        writer.set(3, 5);
        writer.end_row();
        let numbers = writer.finish();
        assert_eq!(
            (numbers.get(0, 0), numbers.get(0, 1), numbers.get(1, 1), numbers.get(1, 2), numbers.get(1, 3)),
            (Some(0), None, Some(-1), None, None)
        );
        assert_eq!((numbers.get(2, 0), numbers.row(2)), (None, None));
        assert_eq!(NumberRow::zeros(3).get(2), Some(0));
        assert_eq!(NumberRow::zeros(3).get(3), None);
    }

    #[test]
    fn set_overwrites_an_earlier_value() {
        for values in [[1, i64::MAX], [i64::MAX, 1], [i64::MAX, i64::MIN]] {
            let mut writer = RowWriter::new(2, 1);
            for value in values {
                writer.set(1, value);
            }
            writer.end_row();
            let numbers = writer.finish();
            assert_eq!(numbers.get(0, 1), Some(values[1]));
            assert_eq!(numbers.row(0), NumberRows::from_values([None, Some(values[1])].into_iter()).row(0));
        }
    }

    #[test]
    fn buffers_are_reused_by_tables_of_similar_size() {
        let first = filled(RowWriter::new(50, 0), 100);
        let second = filled(RowWriter::reusing(&first, 50), 100);
        let first_address = address(&first);
        drop(first);
        let third = filled(RowWriter::reusing(&second, 50), 90);
        assert_eq!(address(&third), first_address);
        drop(third);
        let small = filled(RowWriter::new(50, 0), 3);
        assert!(
            second.pool.acquire(&small.storage).cells.capacity() < 1000,
            "a small table does not keep the buffer of a large one"
        );
        assert!(second.pool.len() == 0, "the large buffer was freed");
    }

    #[test]
    fn rows_store_only_present_numbers() {
        let mut writer = RowWriter::new(200, 0);
        for row in 0..1000 {
            (0..200).filter(|slot| slot % 4 == row % 2).for_each(|slot| writer.set(slot, 7));
            writer.end_row();
        }
        let numbers = writer.finish();
        assert_eq!((numbers.storage.cells.len(), numbers.storage.column_sets.len()), (50_000, 2));
    }

    #[test]
    fn rows_beyond_the_column_set_limit_are_preserved() {
        let mut writer = RowWriter::new(20, 0);
        let rows: Vec<Vec<Option<i64>>> = (0..1000_i64)
            .map(|row| (0..20).map(|slot| (row >> (slot % 10) & 1 == 1).then_some(row << slot)).collect())
            .collect();
        for row in &rows {
            row.iter().enumerate().for_each(|(slot, value)| value.iter().for_each(|value| writer.set(slot, *value)));
            writer.end_row();
        }
        let numbers = writer.finish();
        assert_eq!(numbers.storage.column_sets.len(), RowWriter::MAX_COLUMN_SETS + 1);
        for (index, row) in rows.iter().enumerate() {
            let read = numbers.row(index).unwrap();
            assert!(
                (0..20).all(|slot| read.get(slot) == row[slot] && numbers.get(index, slot) == row[slot]),
                "{index}"
            );
            assert_eq!(Some(read), NumberRows::from_values(row.iter().copied()).row(0));
            assert!(index == 0 || numbers.row(index - 1) != Some(read));
        }
    }

    fn any_row() -> impl Strategy<Value = Vec<Option<i64>>> {
        let value = prop_oneof![
            2 => Just(None),
            4 => (0_i64..3).prop_map(Some),
            2 => prop_oneof![Just(i64::from(OVERFLOW)), Just(i64::from(OVERFLOW) - 1), Just(-1)].prop_map(Some),
            1 => any::<i64>().prop_map(Some)
        ];
        proptest::collection::vec(value, 9)
    }

    proptest! {
        #[test]
        fn written_rows_read_back_unchanged(all in proptest::collection::vec((any_row(), proptest::bool::weighted(0.8)), 1..40)) {
            let mut writer = RowWriter::new(9, 0);
            for (row, is_kept) in &all {
                // Set the numbers in an order that is not ascending.
                for (slot, value) in row.iter().enumerate().rev() {
                    if let Some(value) = value {
                        writer.set(slot, *value);
                    }
                }
                prop_assert!((0..10).all(|slot| writer.get(slot) == row.get(slot).copied().flatten()));
                if *is_kept { writer.end_row() } else { writer.discard_row() }
            }
            let rows: Vec<Vec<Option<i64>>> = all.into_iter().filter(|(_, is_kept)| *is_kept).map(|(row, _)| row).collect();
            let numbers = writer.finish();
            for (index, row) in rows.iter().enumerate() {
                let read = numbers.row(index).unwrap();
                for (slot, value) in row.iter().enumerate() {
                    prop_assert_eq!(numbers.get(index, slot), *value);
                    prop_assert_eq!(read.get(slot), *value);
                    prop_assert_eq!(read.prefix(4).get(slot), value.filter(|_| slot < 4));
                }
                let alone = NumberRows::from_values(row.iter().copied());
                prop_assert_eq!(alone.row(0).unwrap(), read);
                prop_assert_eq!(alone.row(0).unwrap().prefix(4), read.prefix(4));
            }
        }

        #[test]
        fn for_each_difference_finds_every_difference(one in any_row(), two in any_row(), width in 0_usize..10) {
            let (first, second) = (NumberRows::from_values(one.iter().copied()), NumberRows::from_values(two.iter().copied()));
            let (a, b) = (first.row(0).unwrap().prefix(width), second.row(0).unwrap().prefix(width));
            let expected: Vec<usize> = (0..width.min(9)).filter(|slot| one[*slot] != two[*slot]).collect();
            let mut found = Vec::new();
            a.for_each_difference(b, |slot| found.push(slot));
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(a == b, expected.is_empty());
        }
    }
}
