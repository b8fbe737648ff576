//! Reads the [encodings](crate::history::column_codes) of the columns of a packed row.

use crate::history::column_codes::{
    CHANGE_LIST, LEVELS_OF_CHANGES, MAX_STEPS_PARAMETER, MULTIPLE_OF_CHANGES, RARE_CHANGES, RARE_RETURNS, REMAINDER,
    RICE_DISTANCES, RICE_GROWTH, RICE_LEVELS, SAME_CHANGES, SAME_CHANGES_SHORT, STEPS_PARAMETER_BITS, WHERE_CHANGED,
};
use crate::history::rice_codes::{BitReader, MAX_PARAMETER};
use crate::history::row_log::{read_byte, read_varint, unzigzag};

/// Reads the changes of a row's columns, one column after the other. Its memory is reused for the next row.
#[derive(Debug, Default)]
pub(super) struct ColumnReader {
    /// Number of changes of a column.
    steps: usize,
    /// As many zeros, then the changes of all columns that were read.
    known: Vec<i64>,
    /// Changes of the column that is read.
    changes: Vec<i64>,
    /// Changes of an encoding within another one.
    inner: Vec<i64>,
}

/// Changes of the columns that were read before.
#[derive(Debug, Clone, Copy)]
struct KnownColumns<'a> {
    steps: usize,
    changes: &'a [i64],
}

impl KnownColumns<'_> {
    /// Returns the changes of a column, or zeros if it was not read.
    fn column(&self, place: u8) -> &[i64] {
        let start = (usize::from(place) + 1) * self.steps;
        self.changes.get(start..start + self.steps).unwrap_or(&self.changes[..self.steps])
    }
}

impl ColumnReader {
    /// Starts a row with this number of changes in each column.
    pub(super) fn start_row(&mut self, steps: usize) {
        self.steps = steps;
        self.known.clear();
        self.known.resize(steps, 0);
    }

    /// Reads the changes of the next column; `before` is its first value. Damaged bytes result in wrong changes but never
    /// in a panic.
    pub(super) fn read_column(&mut self, bytes: &mut &[u8], before: i64) -> &[i64] {
        let known = KnownColumns { steps: self.steps, changes: &self.known };
        self.changes.clear();
        read_code(bytes, known, before, &mut self.changes, Some(&mut self.inner));
        self.known.extend_from_slice(&self.changes);
        &self.changes
    }
}

/// Reads an encoding into `changes`, which is empty. Only one that has a place for `inner` changes contains another one.
fn read_code(
    bytes: &mut &[u8],
    known: KnownColumns<'_>,
    mut before: i64,
    changes: &mut Vec<i64>,
    inner: Option<&mut Vec<i64>>,
) {
    let kind = read_byte(bytes).unwrap_or(0);
    if kind >= SAME_CHANGES_SHORT {
        return changes.extend_from_slice(known.column(kind - SAME_CHANGES_SHORT));
    }
    let parameter = read_byte(bytes).unwrap_or(0);
    match kind {
        SAME_CHANGES => changes.extend_from_slice(known.column(parameter)),
        MULTIPLE_OF_CHANGES => {
            let factor = unzigzag(read_varint(bytes));
            changes.extend(known.column(parameter).iter().map(|change| change.wrapping_mul(factor)));
        }
        CHANGE_LIST => {
            changes.resize(known.steps, 0);
            for _ in 0..parameter {
                let (step, change) = (usize::from(read_byte(bytes).unwrap_or(0)), unzigzag(read_varint(bytes)));
                if let Some(slot) = changes.get_mut(step) {
                    *slot = change;
                }
            }
        }
        RARE_CHANGES | RARE_RETURNS => {
            changes.resize(known.steps, 0);
            read_rare_changes(bytes, kind, parameter, changes);
        }
        RICE_LEVELS => {
            let lowest = unzigzag(read_varint(bytes));
            let change = |level: u64| change_to(&mut before, lowest.wrapping_add(level as i64));
            read_rice_codes(bytes, parameter, known.steps, change, changes);
        }
        RICE_DISTANCES => {
            let smallest = unzigzag(read_varint(bytes));
            let change = |distance: u64| smallest.wrapping_add(distance as i64);
            read_rice_codes(bytes, parameter, known.steps, change, changes);
        }
        REMAINDER | WHERE_CHANGED | LEVELS_OF_CHANGES => {
            let factor = if kind == LEVELS_OF_CHANGES { 1 } else { unzigzag(read_varint(bytes)) };
            let one = known.column(parameter);
            let used = KnownColumns {
                steps: one.iter().filter(|one| **one != 0).count(),
                changes: &known.changes[..known.steps],
            };
            let Some(rest) = inner else { return changes.resize(known.steps, 0) };
            rest.clear();
            read_code(bytes, if kind == WHERE_CHANGED { used } else { known }, 0, rest, None);
            let sums = one.iter().zip(&*rest).map(|(one, rest)| one.wrapping_mul(factor).wrapping_add(*rest));
            match kind {
                REMAINDER => changes.extend(sums),
                LEVELS_OF_CHANGES => changes.extend(sums.map(|value| change_to(&mut before, value))),
                _ => {
                    let mut rest = rest.iter();
                    let change = |one: &i64| match one {
                        0 => 0,
                        one => one.wrapping_mul(factor).wrapping_add(rest.next().copied().unwrap_or(0)),
                    };
                    changes.extend(one.iter().map(change));
                }
            }
        }
        RICE_GROWTH => read_rice_codes(bytes, parameter, known.steps, |change| change as i64, changes),
        _ => read_rice_codes(bytes, parameter, known.steps, unzigzag, changes),
    }
}

/// Returns the change from the value before, which `value` replaces.
fn change_to(before: &mut i64, value: i64) -> i64 {
    value.wrapping_sub(std::mem::replace(before, value))
}

fn read_rice_codes(bytes: &mut &[u8], k: u8, count: usize, change: impl FnMut(u64) -> i64, changes: &mut Vec<i64>) {
    let (mut reader, k) = (BitReader::new(bytes), u32::from(k).min(MAX_PARAMETER));
    changes.extend((0..count).map(|_| reader.read_rice(k)).map(change));
    *bytes = &bytes[reader.bytes_read()..];
}

fn read_rare_changes(bytes: &mut &[u8], kind: u8, parameters: u8, changes: &mut [i64]) {
    let parameters = u32::from(parameters);
    let (steps_k, change_k) = (parameters & MAX_STEPS_PARAMETER, parameters >> STEPS_PARAMETER_BITS);
    let count = read_varint(bytes).min(changes.len() as u64);
    let (mut reader, mut next, mut before) = (BitReader::new(bytes), 0_usize, 0_i64);
    for _ in 0..count {
        next = next.saturating_add(usize::try_from(reader.read_rice(steps_k)).unwrap_or(usize::MAX));
        let number = reader.read_rice(change_k);
        let change = match kind {
            RARE_RETURNS => unzigzag(number).wrapping_sub(before),
            _ => unzigzag(number.wrapping_add(1)),
        };
        before = change;
        if let Some(slot) = changes.get_mut(next) {
            *slot = change;
        }
        next = next.saturating_add(1);
    }
    *bytes = &bytes[reader.bytes_read()..];
}
