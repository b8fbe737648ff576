//! Numbers of one row over a full block, packed column by column.
//!
//! A row log is easy to append to, but a complete log can be stored in fewer bytes. A column that never changes needs
//! only its first value, and the changes of the others are stored in the shortest encoding that
//! [`column_codes`](crate::history::column_codes) finds for them.

use crate::history::column_codes::ColumnWriter;
use crate::history::column_reader::ColumnReader;
use crate::history::row_log::{ABSENT, RowLogReader, read_byte, read_varint, unzigzag, write_varint, zigzag};

/// Values of all columns of one row over a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RowColumns {
    /// Values in the first sample.
    first: Vec<i64>,
    /// Columns that change, in ascending order.
    changing: Vec<usize>,
    /// Values of the changing columns from the second sample on, one column after the other.
    later: Vec<i64>,
    /// Number of these values in each column.
    later_count: usize,
}

/// The values of a column over a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnValues<'a> {
    first: i64,
    /// Values from the second sample on; `None` if they are all the same.
    later: Option<&'a [i64]>,
}

impl ColumnValues<'_> {
    /// Returns the value in the sample at position `step`, which may be [`ABSENT`].
    pub(crate) fn at(&self, step: usize) -> i64 {
        let later = step.checked_sub(1).zip(self.later);
        later.and_then(|(index, values)| values.get(index).copied()).unwrap_or(self.first)
    }
}

/// Unpacks rows one after the other, so that their memory is reused.
#[derive(Debug, Default)]
pub(crate) struct RowUnpacker {
    columns: RowColumns,
    reader: ColumnReader,
}

impl RowUnpacker {
    /// Unpacks the bytes of [`RowColumns::pack`] for a row with `width` numbers and `steps` samples. Damaged bytes result in
    /// wrong numbers but never in a panic.
    pub(crate) fn unpack(&mut self, bytes: &[u8], steps: usize, width: usize) -> &RowColumns {
        self.unpack_until(usize::MAX, bytes, steps, width)
    }

    /// Unpacks a row like [`Self::unpack`], but only the values of the samples up to the position `last`.
    pub(crate) fn unpack_until(&mut self, last: usize, mut bytes: &[u8], steps: usize, width: usize) -> &RowColumns {
        let RowColumns { first, changing, later, later_count } = &mut self.columns;
        read_first_values(&mut bytes, width, first);
        *later_count = steps.saturating_sub(1).min(last);
        changing.clear();
        later.clear();
        self.reader.start_row(steps.saturating_sub(1));
        for _ in 0..read_byte(&mut bytes).unwrap_or(0) {
            let column = read_varint(&mut bytes) as usize;
            let mut value = first.get(column).copied().unwrap_or(0);
            let changes = self.reader.read_column(&mut bytes, value);
            later.extend(changes.iter().take(*later_count).map(|change| {
                value = value.wrapping_add(*change);
                value
            }));
            changing.push(column);
        }
        &self.columns
    }
}

impl RowColumns {
    /// Reads a log of `steps` samples. Returns `None` if the row is missing in any of these samples.
    pub(crate) fn from_log(log: &[u8], steps: usize, width: usize) -> Option<Self> {
        let mut reader = RowLogReader::new(log, width);
        let mut first: Vec<i64> = Vec::new();
        let mut does_change = vec![false; width];
        let mut changing: Vec<(usize, Vec<i64>)> = Vec::new();
        for step in 0..steps {
            if step == 0 {
                first = reader.next_step()?.to_vec();
                continue;
            }
            reader.next_step()?;
            for column in reader.changed_slots() {
                if !std::mem::replace(&mut does_change[column], true) {
                    let mut past = Vec::with_capacity(steps - 1);
                    past.resize(step - 1, first[column]);
                    changing.push((column, past));
                }
            }
            for (column, past) in &mut changing {
                past.push(reader.values()[*column]);
            }
        }
        changing.sort_unstable_by_key(|(column, _)| *column);
        let (changing, later): (Vec<usize>, Vec<Vec<i64>>) = changing.into_iter().unzip();
        Some(Self { first, changing, later: later.concat(), later_count: steps.saturating_sub(1) })
    }

    /// Returns the values of a column, or `None` if it does not exist.
    pub(crate) fn column(&self, column: usize) -> Option<ColumnValues<'_>> {
        let first = self.first.get(column).copied()?;
        let later = self.changing.binary_search(&column).ok().map(|slot| self.later_values(slot));
        Some(ColumnValues { first, later })
    }

    /// Returns whether the row has some number in the sample at position `step`.
    pub(crate) fn is_present(&self, step: usize) -> bool {
        let is_present = |column| self.column(column).is_some_and(|values| values.at(step) != ABSENT);
        (0..self.first.len()).any(is_present)
    }

    /// Returns whether the row has the same number in all samples, in at least one column.
    pub(crate) fn has_constant(&self) -> bool {
        let mut changing = self.changing.iter().peekable();
        let mut is_constant = |column: usize| changing.next_if_eq(&&column).is_none();
        (0..self.first.len()).filter(|column| is_constant(*column)).any(|column| self.first[column] != ABSENT)
    }

    /// Returns the values of a changing column from the second sample on.
    fn later_values(&self, slot: usize) -> &[i64] {
        let start = slot * self.later_count;
        self.later.get(start..start + self.later_count).unwrap_or(&[])
    }

    /// Copies all values of the sample at position `step` to `row`.
    pub(crate) fn copy_step(&self, step: usize, row: &mut Vec<i64>) {
        row.clone_from(&self.first);
        let Some(later) = step.checked_sub(1) else { return };
        for (column, values) in self.changing.iter().zip(self.later.chunks_exact(self.later_count.max(1))) {
            if let (Some(slot), Some(value)) = (row.get_mut(*column), values.get(later)) {
                *slot = *value;
            }
        }
    }

    /// Returns the differences between consecutive samples in a changing column. `slot` is its index in `changing`.
    fn changes_of(&self, slot: usize) -> Vec<i64> {
        let mut before = self.first[self.changing[slot]];
        let change = |value: &i64| value.wrapping_sub(std::mem::replace(&mut before, *value));
        self.later_values(slot).iter().map(change).collect()
    }

    /// Packs the columns into bytes.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        write_first_values(&mut out, &self.first);
        out.push(self.changing.len() as u8);
        let changes: Vec<Vec<i64>> = (0..self.changing.len()).map(|slot| self.changes_of(slot)).collect();
        let mut writer = ColumnWriter::new(&changes);
        for (slot, column) in self.changing.iter().enumerate() {
            write_varint(&mut out, *column as u64);
            writer.write_column(&mut out, slot, self.later_values(slot));
        }
        out
    }
}

/// Writes a mask of the absent numbers, a mask of the nonzero numbers, and the nonzero numbers themselves.
fn write_first_values(out: &mut Vec<u8>, first: &[i64]) {
    let mask = |is_set: fn(i64) -> bool| {
        let mut mask = vec![0_u8; first.len().div_ceil(8)];
        for (column, _) in first.iter().enumerate().filter(|(_, value)| is_set(**value)) {
            mask[column / 8] |= 1 << (column % 8);
        }
        mask
    };
    out.extend(mask(|value| value == ABSENT));
    out.extend(mask(|value| value != ABSENT && value != 0));
    for value in first.iter().filter(|value| **value != ABSENT && **value != 0) {
        write_varint(out, zigzag(*value));
    }
}

fn read_first_values(bytes: &mut &[u8], width: usize, values: &mut Vec<i64>) {
    let length = width.div_ceil(8);
    let (absent, rest) = bytes.split_at(length.min(bytes.len()));
    let (set, rest) = rest.split_at(length.min(rest.len()));
    *bytes = rest;
    let has = |mask: &[u8], column: usize| mask.get(column / 8).is_some_and(|byte| byte >> (column % 8) & 1 == 1);
    let value = |column| match () {
        () if has(absent, column) => ABSENT,
        () if has(set, column) => unzigzag(read_varint(bytes)),
        () => 0,
    };
    values.clear();
    values.extend((0..width).map(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::numbers::number_rows::{NumberRow, NumberRows};
    use crate::history::row_log::RowLogWriter;
    use proptest::prelude::*;

    fn log(rows: &[Vec<i64>]) -> Vec<u8> {
        let numbers = |row: &Vec<i64>| {
            NumberRows::from_values(row.iter().map(|value| Some(*value).filter(|value| *value != ABSENT)))
        };
        let numbers: Vec<NumberRows> = rows.iter().map(numbers).collect();
        let mut writer = RowLogWriter::default();
        let mut before = NumberRow::zeros(rows[0].len());
        for now in numbers.iter().map(|numbers| numbers.row(0).unwrap()) {
            writer.push_step([before, NumberRow::zeros(0)], [now, NumberRow::zeros(0)]);
            before = now;
        }
        writer.into_bytes()
    }

    fn packed(rows: &[Vec<i64>]) -> (Vec<u8>, RowColumns) {
        let columns = RowColumns::from_log(&log(rows), rows.len(), rows[0].len()).unwrap();
        (columns.pack(), columns)
    }

    /// A server with 2 or 3 requests per second: six counters that grow together, counters of bytes, and three gauges.
    fn busy(steps: usize) -> Vec<Vec<i64>> {
        let mut random = fastrand::Rng::with_seed(3);
        let mut row = vec![0_i64; 97];
        let row_at = |_| {
            let requests = (0..5).map(|_| random.i64(0..=1)).sum::<i64>();
            for counter in &mut row[..6] {
                *counter += requests;
            }
            (row[6], row[7]) = (row[6] + 311 * requests, row[7] + 4177 * requests);
            (row[8], row[9], row[10]) = (random.i64(0..5), random.i64(0..2), random.i64(20..24));
            row.clone()
        };
        (0..steps).map(row_at).collect()
    }

    #[test]
    fn pack_stores_busy_server_in_few_bytes_per_sample() {
        let rows = busy(128);
        let (bytes, columns) = packed(&rows);
        assert_eq!(*RowUnpacker::default().unpack(&bytes, 128, 97), columns);
        assert!(bytes.len() < 128 * 3, "{} bytes for 128 samples of 97 numbers", bytes.len());
        assert!(bytes.len() * 4 < log(&rows).len(), "{} of {}", bytes.len(), log(&rows).len());
    }

    #[test]
    fn column_returns_numbers_of_each_step() {
        let (_, columns) = packed(&[vec![5, 0, 7], vec![5, 1, 7], vec![5, 3, 6]]);
        let all: Vec<_> = (0..3)
            .map(|step| (0..3).map(|column| columns.column(column).unwrap().at(step)).collect::<Vec<_>>())
            .collect();
        assert_eq!(all, [[5, 0, 7], [5, 1, 7], [5, 3, 6]]);
        assert!(columns.column(3).is_none());
    }

    #[test]
    fn from_log_returns_none_for_row_with_gaps() {
        let mut writer = RowLogWriter::starting_after(1);
        let ones = NumberRows::from_values([Some(1); 2].into_iter());
        writer.push_step([NumberRow::zeros(2); 2], [ones.row(0).unwrap(); 2]);
        assert_eq!(RowColumns::from_log(writer.bytes(), 2, 4), None);
    }

    proptest! {
        #[test]
        fn written_rows_read_back_unchanged(rows in proptest::collection::vec(proptest::collection::vec(
            prop_oneof![4 => Just(5_i64), 3 => 0_i64..300, 1 => any::<i64>(), 1 => Just(i64::MIN), 1 => -3_i64..3], 13), 1..128)) {
            let (bytes, columns) = packed(&rows);
            let (mut unpacker, mut filled) = (RowUnpacker::default(), Vec::new());
            // What was unpacked before has no effect.
            unpacker.unpack(&bytes, 90, 5);
            let back = unpacker.unpack(&bytes, rows.len(), 13);
            for (step, row) in rows.iter().enumerate() {
                for (column, value) in row.iter().enumerate() {
                    prop_assert_eq!(back.column(column).map(|values| values.at(step)), Some(*value));
                }
                back.copy_step(step, &mut filled);
                prop_assert_eq!(&filled, row);
            }
            prop_assert_eq!(back, &columns);
        }

        #[test]
        fn unpack_never_panics_on_damaged_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            RowUnpacker::default().unpack(&bytes, 128, 97);
        }
    }
}
