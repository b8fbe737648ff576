//! Encodings of the changes of one column in a packed row.
//!
//! The counters of a row grow together: with each request, HAProxy adds to sessions, bytes and responses. If the changes
//! of a column equal those of an earlier column, or are a multiple of them, a reference to that column is enough. Other
//! columns are stored in the shortest of several encodings: Rice codes of the changes, of the distances from the lowest
//! value, or of the rare changes and the steps between them. These can also be applied to the part of the changes that
//! does not follow from the counter that grows most often, which usually counts the requests.

use crate::history::rice_codes::{BitWriter, best_parameter};
use crate::history::row_log::{write_varint, zigzag};

/// The index of an earlier column with the same changes, of at least [`SHORT_REFERENCES`].
pub(super) const SAME_CHANGES: u8 = 0;
/// The index of an earlier column, and the factor by which its changes are multiplied.
pub(super) const MULTIPLE_OF_CHANGES: u8 = 1;
/// Rice codes of changes that are not negative.
pub(super) const RICE_GROWTH: u8 = 2;
/// Rice codes of the changes, zigzag-encoded.
pub(super) const RICE_CHANGES: u8 = 3;
/// The lowest value, and Rice codes of the distances from it.
pub(super) const RICE_LEVELS: u8 = 4;
/// The position and size of each change; only in recordings of version 1.
pub(super) const CHANGE_LIST: u8 = 5;
/// The number of changes, and for each of them Rice codes of the steps since the one before, and of the change.
pub(super) const RARE_CHANGES: u8 = 6;
/// The smallest change, and Rice codes of the distances from it.
pub(super) const RICE_DISTANCES: u8 = 7;
/// The index of an earlier column, the factor by which its changes are multiplied, and the encoding of what remains.
pub(super) const REMAINDER: u8 = 8;
/// As [`REMAINDER`], but nothing remains in the steps in which the earlier column does not change, and they are left out.
pub(super) const WHERE_CHANGED: u8 = 9;
/// This number plus the index of an earlier column with the same changes.
pub(super) const SAME_CHANGES_SHORT: u8 = 16;
/// Number of columns to which [`SAME_CHANGES_SHORT`] can refer.
pub(super) const SHORT_REFERENCES: u8 = u8::MAX - SAME_CHANGES_SHORT + 1;

/// As [`RARE_CHANGES`], but with the sum of each change and the one before, which is 0 if the column returns to a value.
pub(super) const RARE_RETURNS: u8 = 10;
/// The index of an earlier column, and the encoding of the differences between the values and the changes of that column.
pub(super) const LEVELS_OF_CHANGES: u8 = 11;
/// Number of bits of the parameter of [`RARE_CHANGES`] for the steps; the others are for the changes.
pub(super) const STEPS_PARAMETER_BITS: u32 = 3;
pub(super) const MAX_STEPS_PARAMETER: u32 = (1 << STEPS_PARAMETER_BITS) - 1;
const MAX_CHANGE_PARAMETER: u32 = (1 << (8 - STEPS_PARAMETER_BITS)) - 1;

/// An encoding that does not refer to other columns.
#[derive(Debug, Clone, Copy)]
enum PlainCode {
    /// [`RICE_GROWTH`] or [`RICE_CHANGES`].
    Changes { kind: u8, k: u32 },
    /// Lowest value.
    Levels { lowest: i64, k: u32 },
    /// Smallest change.
    Distances { smallest: i64, k: u32 },
    /// [`RARE_CHANGES`] or [`RARE_RETURNS`]: number of changes, and the parameters of the steps and the changes.
    Rare { kind: u8, count: usize, steps_k: u32, change_k: u32 },
}

/// Writes the changing columns of a row in their order.
#[derive(Debug)]
pub(super) struct ColumnWriter<'a> {
    /// Changes of all columns.
    changes: &'a [Vec<i64>],
    /// The first of the counters that grow most often.
    main: usize,
    bits: BitWriter,
}

impl<'a> ColumnWriter<'a> {
    /// Creates a writer for columns with these changes, which must be equally many.
    pub(super) fn new(changes: &'a [Vec<i64>]) -> Self {
        let main = (0..changes.len()).rev().max_by_key(|index| growth_count(&changes[*index])).unwrap_or(0);
        Self { changes, main, bits: BitWriter::default() }
    }

    /// Writes the column at `index`, which has these values, in the shortest encoding.
    pub(super) fn write_column(&mut self, out: &mut Vec<u8>, index: usize, values: &[i64]) {
        let changes = &self.changes[index];
        let known = &self.changes[..index];
        if write_reference(out, known, changes) {
            return;
        }
        let (plain, bits) = best_code(changes, values);
        // The encodings with a reference take two bytes more.
        let Some(main) = known.get(self.main).filter(|_| bits > 32) else {
            return self.write_plain(out, plain, changes, values);
        };
        let place = self.main as u8;
        let mean = mean_factor(main, changes).unwrap_or(0);
        // A counter of some of the requests is often what remains after the counter of the others.
        let factor = if mean == 0 { 1 } else { mean };
        let rest = remainder(changes, main, factor, false);
        let start = out.len();
        write_remainder(out, REMAINDER, place, factor);
        if write_reference(out, known, &rest) {
            return;
        }
        out.truncate(start);
        if matches!(plain, PlainCode::Levels { .. } | PlainCode::Changes { kind: RICE_CHANGES, .. }) {
            let rest = remainder(values, main, 1, false);
            let (code, rest_bits) = best_code(&rest, &[]);
            if rest_bits + 16 < bits {
                out.extend([LEVELS_OF_CHANGES, place]);
                return self.write_plain(out, code, &rest, &[]);
            }
        }
        let follows = changes.iter().zip(main).all(|(change, one)| *change == 0 || *one != 0);
        let kind = if follows { WHERE_CHANGED } else { REMAINDER };
        let is_dense = matches!(plain, PlainCode::Changes { .. } | PlainCode::Distances { .. });
        let uses_steps = is_dense && follows && main.iter().filter(|one| **one == 0).count() > main.len() / 16;
        let uses_mean = mean != 0 && size(&rest) < size(changes) / 4 * 3;
        let mut best: Option<(u64, i64, PlainCode, Vec<i64>)> = None;
        for factor in uses_steps.then_some(0).into_iter().chain(uses_mean.then_some(mean)) {
            let rest = remainder(changes, main, factor, follows);
            let (code, rest_bits) = best_code(&rest, &[]);
            if rest_bits + 24 < best.as_ref().map_or(bits, |best| best.0) {
                best = Some((rest_bits + 24, factor, code, rest));
            }
        }
        match best {
            Some((_, factor, code, rest)) => {
                write_remainder(out, kind, place, factor);
                self.write_plain(out, code, &rest, &[]);
            }
            None => self.write_plain(out, plain, changes, values),
        }
    }

    fn write_plain(&mut self, out: &mut Vec<u8>, code: PlainCode, changes: &[i64], values: &[i64]) {
        let bits = &mut self.bits;
        match code {
            PlainCode::Changes { kind, k } => {
                out.extend([kind, k as u8]);
                for change in changes {
                    bits.push_rice(to_unsigned(kind, *change), k);
                }
            }
            PlainCode::Levels { lowest, k } => {
                out.extend([RICE_LEVELS, k as u8]);
                write_varint(out, zigzag(lowest));
                for value in values {
                    bits.push_rice(value.wrapping_sub(lowest) as u64, k);
                }
            }
            PlainCode::Distances { smallest, k } => {
                out.extend([RICE_DISTANCES, k as u8]);
                write_varint(out, zigzag(smallest));
                for change in changes {
                    bits.push_rice(change.wrapping_sub(smallest) as u64, k);
                }
            }
            PlainCode::Rare { kind, count, steps_k, change_k } => {
                out.extend([kind, (steps_k | change_k << STEPS_PARAMETER_BITS) as u8]);
                write_varint(out, count as u64);
                for (steps, change) in rare_changes(kind, changes) {
                    bits.push_rice(steps, steps_k);
                    bits.push_rice(change, change_k);
                }
            }
        }
        out.extend(bits.finish());
    }
}

/// Returns how often a counter grows, which may be reset once. Returns 0 for other columns.
fn growth_count(changes: &[i64]) -> usize {
    let count = |is_so: fn(i64) -> bool| changes.iter().filter(|change| is_so(**change)).count();
    if count(|change| change < 0) > 1 { 0 } else { count(|change| change > 0) }
}

/// Writes a reference to an earlier column with the same changes, or with changes of which these are a multiple. Returns
/// false if no such column exists.
fn write_reference(out: &mut Vec<u8>, known: &[Vec<i64>], changes: &[i64]) -> bool {
    if let Some(place) = known.iter().position(|other| other == changes) {
        match place as u8 {
            place if place < SHORT_REFERENCES => out.push(SAME_CHANGES_SHORT + place),
            place => out.extend([SAME_CHANGES, place]),
        }
        return true;
    }
    let factor = |(place, other): (usize, &Vec<i64>)| Some((place, common_factor(other, changes)?));
    let Some((place, factor)) = known.iter().enumerate().find_map(factor) else { return false };
    out.extend([MULTIPLE_OF_CHANGES, place as u8]);
    write_varint(out, zigzag(factor));
    true
}

/// Returns the factor by which every number in `other` must be multiplied to get `changes`, or `None` if no such factor
/// exists.
fn common_factor(other: &[i64], changes: &[i64]) -> Option<i64> {
    let (one, change) = other.iter().zip(changes).find(|(one, change)| **one != 0 || **change != 0)?;
    let factor = change.checked_div(*one).filter(|factor| factor.checked_mul(*one) == Some(*change))?;
    let is_so = |(one, change): (&i64, &i64)| one.checked_mul(factor) == Some(*change);
    other.iter().zip(changes).all(is_so).then_some(factor)
}

/// Returns the rounded ratio of the sums of two columns, or `None` if it is unknown.
fn mean_factor(other: &[i64], changes: &[i64]) -> Option<i64> {
    let sum = |values: &[i64]| values.iter().try_fold(0_i64, |sum, value| sum.checked_add(*value));
    let (one, change) = (sum(other)?, sum(changes)?);
    let half = one.checked_abs()? / 2 * change.signum();
    change.checked_add(half)?.checked_div(one)
}

fn write_remainder(out: &mut Vec<u8>, kind: u8, place: u8, factor: i64) {
    out.extend([kind, place]);
    write_varint(out, zigzag(factor));
}

/// Subtracts the changes of the column `main`, multiplied by a factor. If `only_changed`, steps in which that column does not
/// change are left out.
fn remainder(numbers: &[i64], main: &[i64], factor: i64, only_changed: bool) -> Vec<i64> {
    let steps = numbers.iter().zip(main).filter(|(_, one)| !only_changed || **one != 0);
    steps.map(|(number, one)| number.wrapping_sub(one.wrapping_mul(factor))).collect()
}

/// Returns the sum of the absolute values.
fn size(changes: &[i64]) -> u64 {
    changes.iter().fold(0, |sum: u64, change| sum.saturating_add(change.unsigned_abs()))
}

/// Returns the shortest encoding that does not refer to other columns, and its length in bits. Without `values`, levels are
/// not considered.
fn best_code(changes: &[i64], values: &[i64]) -> (PlainCode, u64) {
    let smallest = changes.iter().copied().min().unwrap_or(0);
    let count = changes.iter().filter(|change| **change != 0).count();
    let kind = if smallest >= 0 { RICE_GROWTH } else { RICE_CHANGES };
    let (k, bits) = best_parameter(&changes.iter().map(|change| to_unsigned(kind, *change)));
    let mut best = (PlainCode::Changes { kind, k }, bits + 16);
    let mut consider = |code: PlainCode, bits: u64| {
        if bits < best.1 {
            best = (code, bits);
        }
    };
    if count <= changes.len() / 2 {
        let (steps, sizes): (Vec<u64>, Vec<u64>) = rare_changes(RARE_CHANGES, changes).unzip();
        let (steps_k, steps_bits) = best_parameter(&steps.iter().copied());
        let mut consider_sizes = |kind: u8, sizes: &[u64]| {
            let (change_k, change_bits) = best_parameter(&sizes.iter().copied());
            if steps_k <= MAX_STEPS_PARAMETER && change_k <= MAX_CHANGE_PARAMETER {
                consider(PlainCode::Rare { kind, count, steps_k, change_k }, steps_bits + change_bits + 24);
            }
        };
        consider_sizes(RARE_CHANGES, &sizes);
        if count > 2 {
            let sizes: Vec<u64> = rare_changes(RARE_RETURNS, changes).map(|(_, change)| change).collect();
            consider_sizes(RARE_RETURNS, &sizes);
        }
    }
    if smallest > 0 {
        let (k, bits) = best_parameter(&changes.iter().map(|change| change.wrapping_sub(smallest) as u64));
        consider(PlainCode::Distances { smallest, k }, bits + 24);
    }
    if let (Some(lowest), true) = (values.iter().copied().min(), smallest < 0 && count > changes.len() / 8) {
        let (k, bits) = best_parameter(&values.iter().map(|value| value.wrapping_sub(lowest) as u64));
        consider(PlainCode::Levels { lowest, k }, bits + 24);
    }
    best
}

/// Returns each change with the number of steps since the one before, as numbers that are not negative.
fn rare_changes(kind: u8, changes: &[i64]) -> impl Iterator<Item = (u64, u64)> {
    let (mut next, mut last) = (0, 0_i64);
    changes.iter().enumerate().filter(|(_, change)| **change != 0).map(move |(step, change)| {
        let steps = step - std::mem::replace(&mut next, step + 1);
        let before = std::mem::replace(&mut last, *change);
        let number = if kind == RARE_RETURNS { zigzag(change.wrapping_add(before)) } else { zigzag(*change) - 1 };
        (steps as u64, number)
    })
}

fn to_unsigned(kind: u8, change: i64) -> u64 {
    if kind == RICE_GROWTH { change as u64 } else { zigzag(change) }
}
