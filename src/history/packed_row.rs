//! One row's numbers over a full block, column by column.
//!
//! A row log is good to append to; once nothing more comes, most of it can be said in fewer bytes. Columns that never
//! change cost nothing beyond their first value. Counters of one row move together: where the differences of a column
//! are those of one before it, or a multiple of them, that is all there is to say. What is left is Rice codes, of the
//! differences or of the distance from the lowest value, whichever is shorter, or a short list where changes are few.

use crate::history::rice_codes::{BitReader, BitWriter, best_rice};
use crate::history::row_log::{ABSENT, Reader, read_varint, unzigzag, write_varint, zigzag};

/// How a column's values are written.
const SAME: u8 = 0;
const MULTIPLE: u8 = 1;
const GROWTH: u8 = 2;
const CHANGE: u8 = 3;
const LEVEL: u8 = 4;
const FEW: u8 = 5;

/// One row over a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// The values of the first sample.
    pub first: Vec<i64>,
    /// The columns that change, in order, with their values from the second sample on.
    pub changing: Vec<(usize, Vec<i64>)>,
}

impl Columns {
    /// What a log of so many steps says; nothing where the row was missing in one of them.
    pub fn of_log(log: &[u8], steps: usize, width: usize) -> Option<Self> {
        let mut reader = Reader::new(log, width);
        let mut first: Vec<i64> = Vec::new();
        let mut does_change = vec![false; width];
        let mut changing: Vec<(usize, Vec<i64>)> = Vec::new();
        for step in 0..steps {
            if step == 0 {
                first = reader.step()?.to_vec();
                continue;
            }
            reader.step()?;
            for column in reader.changed() {
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

    /// The value of a column in the sample at `step`.
    pub fn value(&self, column: usize, step: usize) -> Option<i64> {
        let first = self.first.get(column).copied()?;
        let Some(later) = step.checked_sub(1) else { return Some(first) };
        match self.changing.binary_search_by_key(&column, |(known, _)| *known) {
            Ok(slot) => self.changing[slot].1.get(later).copied(),
            Err(_) => Some(first),
        }
    }

    /// All values of the sample at `step`.
    pub fn fill(&self, step: usize, row: &mut Vec<i64>) {
        row.clone_from(&self.first);
        let Some(later) = step.checked_sub(1) else { return };
        for (column, values) in &self.changing {
            if let (Some(slot), Some(value)) = (row.get_mut(*column), values.get(later)) {
                *slot = *value;
            }
        }
    }

    /// Differences from one sample to the next of a changing column.
    fn changes(&self, slot: usize) -> Vec<i64> {
        let (column, values) = &self.changing[slot];
        let mut before = self.first[*column];
        let change = |value: &i64| value.wrapping_sub(std::mem::replace(&mut before, *value));
        values.iter().map(change).collect()
    }

    /// Writes it.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        write_first(&mut out, &self.first);
        out.push(self.changing.len() as u8);
        let mut known: Vec<Vec<i64>> = Vec::with_capacity(self.changing.len());
        let mut bits = BitWriter::default();
        for (slot, (column, values)) in self.changing.iter().enumerate() {
            write_varint(&mut out, *column as u64);
            let changes = self.changes(slot);
            write_column(&mut out, &mut bits, &known, &changes, values);
            known.push(changes);
        }
        out
    }

    /// Reads what [`Self::pack`] wrote of a row with `width` numbers over so many steps. Damaged bytes give other numbers,
    /// and no panic.
    pub fn unpack(mut bytes: &[u8], steps: usize, width: usize) -> Self {
        let first = read_first(&mut bytes, width);
        let count = take(&mut bytes);
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

/// Which numbers are there, which of them are not zero, and those.
fn write_first(out: &mut Vec<u8>, first: &[i64]) {
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

fn read_first(bytes: &mut &[u8], width: usize) -> Vec<i64> {
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

/// Writes one column in the shortest of the ways; `known` are the changes of the columns before it.
fn write_column(out: &mut Vec<u8>, bits: &mut BitWriter, known: &[Vec<i64>], changes: &[i64], values: &[i64]) {
    if let Some(place) = known.iter().position(|other| other == changes) {
        out.extend([SAME, place as u8]);
        return;
    }
    if let Some((place, factor)) =
        known.iter().enumerate().find_map(|(place, other)| Some((place, multiple(other, changes)?)))
    {
        out.extend([MULTIPLE, place as u8]);
        write_varint(out, zigzag(factor));
        return;
    }
    let lowest = values.iter().copied().min().unwrap_or(0);
    let only_grows = changes.iter().all(|change| *change >= 0);
    let change = |change: &i64| if only_grows { *change as u64 } else { zigzag(*change) };
    let level = |value: &i64| value.wrapping_sub(lowest) as u64;
    let (by_change, change_bits) = best_rice(&changes.iter().map(change));
    let (by_level, level_bits) = best_rice(&values.iter().map(level));
    let few = changes.iter().filter(|change| **change != 0).count();
    // Two bytes each, at the least.
    let few_bits = few as u64 * 20;
    if few_bits < change_bits.min(level_bits) {
        out.extend([FEW, few as u8]);
        for (step, change) in changes.iter().enumerate().filter(|(_, change)| **change != 0) {
            out.push(step as u8);
            write_varint(out, zigzag(*change));
        }
    } else if level_bits + 24 < change_bits {
        out.extend([LEVEL, by_level as u8]);
        write_varint(out, zigzag(lowest));
        for value in values {
            bits.rice(level(value), by_level);
        }
        out.extend(bits.finish());
    } else {
        out.extend([if only_grows { GROWTH } else { CHANGE }, by_change as u8]);
        for one in changes {
            bits.rice(change(one), by_change);
        }
        out.extend(bits.finish());
    }
}

/// The number that makes all of `changes` of all of `other`.
fn multiple(other: &[i64], changes: &[i64]) -> Option<i64> {
    let (one, change) = other.iter().zip(changes).find(|(one, change)| **one != 0 || **change != 0)?;
    let factor = change.checked_div(*one).filter(|factor| factor.checked_mul(*one) == Some(*change))?;
    let is_so = |(one, change): (&i64, &i64)| one.checked_mul(factor) == Some(*change);
    other.iter().zip(changes).all(is_so).then_some(factor)
}

fn read_column(bytes: &mut &[u8], known: &[Vec<i64>], before: i64, later: usize) -> Vec<i64> {
    let (kind, parameter) = (take(bytes), take(bytes));
    let other = |place: u8| known.get(usize::from(place)).cloned().unwrap_or_else(|| vec![0; later]);
    let k = u32::from(parameter.min(63));
    match kind {
        SAME => other(parameter),
        MULTIPLE => {
            let factor = unzigzag(read_varint(bytes));
            other(parameter).into_iter().map(|change| change.wrapping_mul(factor)).collect()
        }
        LEVEL => {
            let lowest = unzigzag(read_varint(bytes));
            let mut before = before;
            let change = |level: u64| {
                let value = lowest.wrapping_add(level as i64);
                value.wrapping_sub(std::mem::replace(&mut before, value))
            };
            read_rice(bytes, k, later).into_iter().map(change).collect()
        }
        FEW => {
            let mut changes = vec![0; later];
            for _ in 0..parameter {
                let (step, change) = (usize::from(take(bytes)), unzigzag(read_varint(bytes)));
                if let Some(slot) = changes.get_mut(step) {
                    *slot = change;
                }
            }
            changes
        }
        GROWTH => read_rice(bytes, k, later).into_iter().map(|change| change as i64).collect(),
        _ => read_rice(bytes, k, later).into_iter().map(unzigzag).collect(),
    }
}

fn read_rice(bytes: &mut &[u8], k: u32, count: usize) -> Vec<u64> {
    let mut reader = BitReader::new(bytes);
    let values = (0..count).map(|_| reader.rice(k)).collect();
    *bytes = &bytes[reader.used()..];
    values
}

fn take(bytes: &mut &[u8]) -> u8 {
    let Some((first, rest)) = bytes.split_first() else { return 0 };
    *bytes = rest;
    *first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::numbers::number_rows::{Numbers, Row};
    use crate::history::row_log::Writer;
    use proptest::prelude::*;

    fn log(rows: &[Vec<i64>]) -> Vec<u8> {
        let numbers =
            |row: &Vec<i64>| Numbers::of_row(row.iter().map(|value| Some(*value).filter(|value| *value != ABSENT)));
        let numbers: Vec<Numbers> = rows.iter().map(numbers).collect();
        let mut writer = Writer::default();
        let mut before = Row::zeros(rows[0].len());
        for now in numbers.iter().map(|numbers| numbers.row(0).unwrap()) {
            writer.step([before, Row::zeros(0)], [now, Row::zeros(0)]);
            before = now;
        }
        writer.into_bytes()
    }

    fn packed(rows: &[Vec<i64>]) -> (Vec<u8>, Columns) {
        let columns = Columns::of_log(&log(rows), rows.len(), rows[0].len()).unwrap();
        (columns.pack(), columns)
    }

    /// A server under 2 or 3 requests a second: six counters that move together, bytes by the request, three gauges.
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
    fn a_busy_server_takes_a_few_bytes_a_sample() {
        let rows = busy(128);
        let (bytes, columns) = packed(&rows);
        assert_eq!(Columns::unpack(&bytes, 128, 97), columns);
        assert!(bytes.len() < 128 * 3, "{} bytes for 128 samples of 97 numbers", bytes.len());
        assert!(bytes.len() * 4 < log(&rows).len(), "{} of {}", bytes.len(), log(&rows).len());
    }

    #[test]
    fn values_are_found_by_column_and_step() {
        let (_, columns) = packed(&[vec![5, 0, 7], vec![5, 1, 7], vec![5, 3, 6]]);
        let all: Vec<_> =
            (0..3).map(|step| (0..3).map(|column| columns.value(column, step).unwrap()).collect::<Vec<_>>()).collect();
        assert_eq!(all, [[5, 0, 7], [5, 1, 7], [5, 3, 6]]);
        assert_eq!((columns.value(3, 0), columns.value(1, 3)), (None, None));
    }

    #[test]
    fn a_row_with_gaps_stays_a_log() {
        let mut writer = Writer::starting_after(1);
        let ones = Numbers::of_row([Some(1); 2].into_iter());
        writer.step([Row::zeros(2); 2], [ones.row(0).unwrap(); 2]);
        assert_eq!(Columns::of_log(writer.bytes(), 2, 4), None);
    }

    proptest! {
        #[test]
        fn what_went_in_comes_out(rows in proptest::collection::vec(proptest::collection::vec(
            prop_oneof![4 => Just(5_i64), 3 => 0_i64..300, 1 => any::<i64>(), 1 => Just(i64::MIN), 1 => -3_i64..3], 13), 1..128)) {
            let (bytes, columns) = packed(&rows);
            let (back, mut filled) = (Columns::unpack(&bytes, rows.len(), 13), Vec::new());
            for (step, row) in rows.iter().enumerate() {
                for (column, value) in row.iter().enumerate() {
                    prop_assert_eq!(back.value(column, step), Some(*value));
                }
                back.fill(step, &mut filled);
                prop_assert_eq!(&filled, row);
            }
            prop_assert_eq!(back, columns);
        }

        #[test]
        fn damaged_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Columns::unpack(&bytes, 128, 97);
        }
    }
}
