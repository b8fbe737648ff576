//! Numbers of one row over a full block, packed column by column.
//!
//! A row log is easy to append to, but a complete log can be stored in fewer bytes. A column that never changes needs
//! only its first value. The counters of a row often grow together: if the changes of a column equal those of an
//! earlier column, or are a multiple of them, a reference to that column is enough. Every other column is stored in the
//! shortest of three forms: Rice codes of its changes, Rice codes of the distances from its lowest value, or, if it
//! changes rarely, a list of its changes.

use crate::history::rice_codes::{BitReader, BitWriter, best_parameter};
use crate::history::row_log::{ABSENT, RowLogReader, read_byte, read_varint, unzigzag, write_varint, zigzag};

/// Encoding of a column: the index of an earlier column with the same changes.
const SAME_CHANGES: u8 = 0;
/// Encoding of a column: the index of an earlier column, and the factor by which its changes are multiplied.
const MULTIPLE_OF_CHANGES: u8 = 1;
/// Encoding of a column that never decreases: Rice codes of the changes.
const RICE_GROWTH: u8 = 2;
/// Encoding of a column: Rice codes of the changes, zigzag-encoded.
const RICE_CHANGES: u8 = 3;
/// Encoding of a column: the lowest value, and Rice codes of the distances from it.
const RICE_LEVELS: u8 = 4;
/// Encoding of a column that changes rarely: the position and size of each change.
const CHANGE_LIST: u8 = 5;

/// Values of all columns of one row over a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RowColumns {
    /// Values in the first sample.
    pub(crate) first: Vec<i64>,
    /// Columns that change, in ascending order, with their values from the second sample on.
    pub(crate) changing: Vec<(usize, Vec<i64>)>,
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
        Some(Self { first, changing })
    }

    /// Returns the value of a column in the sample at position `step`, or `None` if the column or the position does not
    /// exist. The value may be [`ABSENT`].
    pub(crate) fn value(&self, column: usize, step: usize) -> Option<i64> {
        let first = self.first.get(column).copied()?;
        let Some(later) = step.checked_sub(1) else { return Some(first) };
        match self.changing.binary_search_by_key(&column, |(known, _)| *known) {
            Ok(slot) => self.changing[slot].1.get(later).copied(),
            Err(_) => Some(first),
        }
    }

    /// Copies all values of the sample at position `step` to `row`.
    pub(crate) fn copy_step(&self, step: usize, row: &mut Vec<i64>) {
        row.clone_from(&self.first);
        let Some(later) = step.checked_sub(1) else { return };
        for (column, values) in &self.changing {
            if let (Some(slot), Some(value)) = (row.get_mut(*column), values.get(later)) {
                *slot = *value;
            }
        }
    }

    /// Returns the differences between consecutive samples in a changing column. `slot` is its index in `changing`.
    fn changes_of(&self, slot: usize) -> Vec<i64> {
        let (column, values) = &self.changing[slot];
        let mut before = self.first[*column];
        let change = |value: &i64| value.wrapping_sub(std::mem::replace(&mut before, *value));
        values.iter().map(change).collect()
    }

    /// Packs the columns into bytes.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        write_first_values(&mut out, &self.first);
        out.push(self.changing.len() as u8);
        let mut known: Vec<Vec<i64>> = Vec::with_capacity(self.changing.len());
        let mut bits = BitWriter::default();
        for (slot, (column, values)) in self.changing.iter().enumerate() {
            write_varint(&mut out, *column as u64);
            let changes = self.changes_of(slot);
            write_column(&mut out, &mut bits, &known, &changes, values);
            known.push(changes);
        }
        out
    }

    /// Unpacks the bytes of [`Self::pack`] for a row with `width` numbers and `steps` samples. Damaged bytes result in
    /// wrong numbers but never in a panic.
    pub(crate) fn unpack(mut bytes: &[u8], steps: usize, width: usize) -> Self {
        let first = read_first_values(&mut bytes, width);
        let count = read_byte(&mut bytes).unwrap_or(0);
        let later = steps.saturating_sub(1);
        let mut known: Vec<Vec<i64>> = Vec::new();
        let mut changing = Vec::new();
        for _ in 0..count {
            let column = read_varint(&mut bytes) as usize;
            let before = first.get(column).copied().unwrap_or(0);
            let changes = read_column(&mut bytes, &known, before, later);
            let mut value = before;
            let add = |change: &i64| {
                value = value.wrapping_add(*change);
                value
            };
            changing.push((column, changes.iter().map(add).collect()));
            known.push(changes);
        }
        Self { first, changing }
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

fn read_first_values(bytes: &mut &[u8], width: usize) -> Vec<i64> {
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
    (0..width).map(value).collect()
}

/// Writes one column in the shortest encoding. `known` contains the changes of each column written before.
fn write_column(out: &mut Vec<u8>, bits: &mut BitWriter, known: &[Vec<i64>], changes: &[i64], values: &[i64]) {
    if let Some(place) = known.iter().position(|other| other == changes) {
        out.extend([SAME_CHANGES, place as u8]);
        return;
    }
    if let Some((place, factor)) =
        known.iter().enumerate().find_map(|(place, other)| Some((place, common_factor(other, changes)?)))
    {
        out.extend([MULTIPLE_OF_CHANGES, place as u8]);
        write_varint(out, zigzag(factor));
        return;
    }
    let lowest = values.iter().copied().min().unwrap_or(0);
    let only_grows = changes.iter().all(|change| *change >= 0);
    let change = |change: &i64| if only_grows { *change as u64 } else { zigzag(*change) };
    let level = |value: &i64| value.wrapping_sub(lowest) as u64;
    let (by_change, change_bits) = best_parameter(&changes.iter().map(change));
    let (by_level, level_bits) = best_parameter(&values.iter().map(level));
    let few = changes.iter().filter(|change| **change != 0).count();
    // An entry of the list takes at least two bytes and typically about 20 bits.
    let few_bits = few as u64 * 20;
    if few_bits < change_bits.min(level_bits) {
        out.extend([CHANGE_LIST, few as u8]);
        for (step, change) in changes.iter().enumerate().filter(|(_, change)| **change != 0) {
            out.push(step as u8);
            write_varint(out, zigzag(*change));
        }
    } else if level_bits + 24 < change_bits {
        out.extend([RICE_LEVELS, by_level as u8]);
        write_varint(out, zigzag(lowest));
        for value in values {
            bits.push_rice(level(value), by_level);
        }
        out.extend(bits.finish());
    } else {
        out.extend([if only_grows { RICE_GROWTH } else { RICE_CHANGES }, by_change as u8]);
        for one in changes {
            bits.push_rice(change(one), by_change);
        }
        out.extend(bits.finish());
    }
}

/// Returns the factor by which every number in `other` must be multiplied to get `changes`, or `None` if no such factor
/// exists.
fn common_factor(other: &[i64], changes: &[i64]) -> Option<i64> {
    let (one, change) = other.iter().zip(changes).find(|(one, change)| **one != 0 || **change != 0)?;
    let factor = change.checked_div(*one).filter(|factor| factor.checked_mul(*one) == Some(*change))?;
    let is_so = |(one, change): (&i64, &i64)| one.checked_mul(factor) == Some(*change);
    other.iter().zip(changes).all(is_so).then_some(factor)
}

fn read_column(bytes: &mut &[u8], known: &[Vec<i64>], before: i64, later: usize) -> Vec<i64> {
    let (kind, parameter) = (read_byte(bytes).unwrap_or(0), read_byte(bytes).unwrap_or(0));
    let other = |place: u8| known.get(usize::from(place)).cloned().unwrap_or_else(|| vec![0; later]);
    let k = u32::from(parameter.min(63));
    match kind {
        SAME_CHANGES => other(parameter),
        MULTIPLE_OF_CHANGES => {
            let factor = unzigzag(read_varint(bytes));
            other(parameter).into_iter().map(|change| change.wrapping_mul(factor)).collect()
        }
        RICE_LEVELS => {
            let lowest = unzigzag(read_varint(bytes));
            let mut before = before;
            let change = |level: u64| {
                let value = lowest.wrapping_add(level as i64);
                value.wrapping_sub(std::mem::replace(&mut before, value))
            };
            read_rice_codes(bytes, k, later).into_iter().map(change).collect()
        }
        CHANGE_LIST => {
            let mut changes = vec![0; later];
            for _ in 0..parameter {
                let (step, change) = (usize::from(read_byte(bytes).unwrap_or(0)), unzigzag(read_varint(bytes)));
                if let Some(slot) = changes.get_mut(step) {
                    *slot = change;
                }
            }
            changes
        }
        RICE_GROWTH => read_rice_codes(bytes, k, later).into_iter().map(|change| change as i64).collect(),
        _ => read_rice_codes(bytes, k, later).into_iter().map(unzigzag).collect(),
    }
}

fn read_rice_codes(bytes: &mut &[u8], k: u32, count: usize) -> Vec<u64> {
    let mut reader = BitReader::new(bytes);
    let values = (0..count).map(|_| reader.read_rice(k)).collect();
    *bytes = &bytes[reader.bytes_read()..];
    values
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
        assert_eq!(RowColumns::unpack(&bytes, 128, 97), columns);
        assert!(bytes.len() < 128 * 3, "{} bytes for 128 samples of 97 numbers", bytes.len());
        assert!(bytes.len() * 4 < log(&rows).len(), "{} of {}", bytes.len(), log(&rows).len());
    }

    #[test]
    fn value_returns_number_by_column_and_step() {
        let (_, columns) = packed(&[vec![5, 0, 7], vec![5, 1, 7], vec![5, 3, 6]]);
        let all: Vec<_> =
            (0..3).map(|step| (0..3).map(|column| columns.value(column, step).unwrap()).collect::<Vec<_>>()).collect();
        assert_eq!(all, [[5, 0, 7], [5, 1, 7], [5, 3, 6]]);
        assert_eq!((columns.value(3, 0), columns.value(1, 3)), (None, None));
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
            let (back, mut filled) = (RowColumns::unpack(&bytes, rows.len(), 13), Vec::new());
            for (step, row) in rows.iter().enumerate() {
                for (column, value) in row.iter().enumerate() {
                    prop_assert_eq!(back.value(column, step), Some(*value));
                }
                back.copy_step(step, &mut filled);
                prop_assert_eq!(&filled, row);
            }
            prop_assert_eq!(back, columns);
        }

        #[test]
        fn unpack_never_panics_on_damaged_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = RowColumns::unpack(&bytes, 128, 97);
        }
    }
}
