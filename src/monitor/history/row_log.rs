//! One row's numbers over time, as a string of bytes.
//!
//! A log is a sequence of steps, one a sample. A step that changes nothing extends a run. A step that
//! changes some numbers names them by a bit mask, which is left out when it is the one of the step before,
//! and then gives each difference as a variable-length integer. Differences wrap, so every `i64` comes back
//! exactly, the mark for "absent" too.

use crate::haproxy::numbers::Row;

/// The mark of a number that was absent, in a log.
pub const ABSENT: i64 = i64::MIN;

/// A run of this many steps or fewer is one byte: the token itself.
const LONGEST_RUN: u8 = 0xf0;
const SAME_MASK: u8 = 0xfd;
const NEW_MASK: u8 = 0xfe;
const MISSING: u8 = 0xff;

/// Which numbers of a row, one bit each.
type Mask = [u64; Row::MAX_WIDTH / 64];

/// Writes a log step by step.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    mask: Mask,
    is_running: bool,
}

impl Writer {
    /// A log whose first `missing` steps have no row.
    pub fn starting_after(missing: usize) -> Self {
        let mut writer = Self::default();
        (0..missing).for_each(|_| writer.missing());
        writer
    }

    /// The row is not in this sample.
    pub fn missing(&mut self) {
        self.is_running = false;
        self.bytes.push(MISSING);
    }

    /// The row's numbers in this sample, in two parts, and those in the one before; zeros where it was not there.
    pub fn step(&mut self, before: [Row<'_>; 2], now: [Row<'_>; 2]) {
        if before == now {
            match self.bytes.last_mut() {
                Some(run) if self.is_running && *run < LONGEST_RUN => *run += 1,
                _ => self.bytes.push(1),
            }
            self.is_running = true;
            return;
        }
        self.is_running = false;
        let mut mask = Mask::default();
        let behind = now[0].width();
        let differing = before[1].differing(now[1]).map(|slot| behind + slot);
        for slot in before[0].differing(now[0]).chain(differing) {
            mask[slot / 64] |= 1 << (slot % 64);
        }
        if self.mask == mask {
            self.bytes.push(SAME_MASK);
        } else {
            self.bytes.push(NEW_MASK);
            self.write_mask(&mask);
            self.mask = mask;
        }
        for slot in set_bits(&mask) {
            let value = |[first, second]: [Row<'_>; 2]| {
                slot.checked_sub(behind).map_or_else(|| first.get(slot), |slot| second.get(slot)).unwrap_or(ABSENT)
            };
            write_varint(&mut self.bytes, zigzag(value(now).wrapping_sub(value(before))));
        }
    }

    /// The mask as the bytes that are not zero, each with its place.
    fn write_mask(&mut self, mask: &Mask) {
        let bytes = || mask.iter().flat_map(|word| word.to_le_bytes()).enumerate().filter(|(_, byte)| *byte != 0);
        self.bytes.push(bytes().count() as u8);
        for (place, byte) in bytes() {
            self.bytes.extend([place as u8, byte]);
        }
    }

    /// The log so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The log, done.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + size_of::<Self>()
    }
}

/// Reads a log step by step; each step gives the row's numbers.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    run: u8,
    mask: Mask,
    values: Vec<i64>,
    /// Whether the newest step changed what the mask says, and not nothing.
    is_change: bool,
}

impl<'a> Reader<'a> {
    /// A reader of rows with `width` numbers.
    pub fn new(bytes: &'a [u8], width: usize) -> Self {
        Self { bytes, run: 0, mask: Mask::default(), values: vec![0; width], is_change: false }
    }

    /// Goes one sample on. The row's numbers; nothing when the row was not in that sample or the log ends.
    pub fn step(&mut self) -> Option<&[i64]> {
        self.is_change = false;
        if self.run > 0 {
            self.run -= 1;
            return Some(&self.values);
        }
        let token = self.take()?;
        match token {
            MISSING => {
                // A row that comes back starts from nothing.
                self.values.fill(0);
                return None;
            }
            SAME_MASK => self.read_changes(),
            NEW_MASK => {
                self.read_mask();
                self.read_changes();
            }
            run => self.run = run.saturating_sub(1),
        }
        Some(&self.values)
    }

    /// The numbers after the newest step.
    pub fn values(&self) -> &[i64] {
        &self.values
    }

    /// The slots that the newest step changed.
    pub fn changed(&self) -> impl Iterator<Item = usize> {
        let changed = self.is_change.then(|| set_bits(&self.mask)).into_iter().flatten();
        changed.filter(|slot| *slot < self.values.len())
    }

    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn read_mask(&mut self) {
        self.mask = Mask::default();
        for _ in 0..self.take().unwrap_or(0) {
            let (place, byte) = (usize::from(self.take().unwrap_or(0)), self.take().unwrap_or(0));
            if let Some(word) = self.mask.get_mut(place / 8) {
                *word |= u64::from(byte) << (place % 8 * 8);
            }
        }
    }

    fn read_changes(&mut self) {
        self.is_change = true;
        for slot in set_bits(&self.mask) {
            let change = unzigzag(read_varint(&mut self.bytes));
            if let Some(value) = self.values.get_mut(slot) {
                *value = value.wrapping_add(change);
            }
        }
    }
}

fn set_bits(mask: &Mask) -> impl Iterator<Item = usize> {
    mask.iter().enumerate().flat_map(|(place, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros() as usize;
            (left != 0).then(|| {
                left &= left - 1;
                place * 64 + bit
            })
        })
    })
}

/// A signed number as one that is small when the other is near zero.
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Back from [`zigzag`].
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Writes a number in as few bytes as it needs.
pub fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads what [`write_varint`] wrote.
pub fn read_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let Some((byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::numbers::Numbers;
    use proptest::prelude::*;

    /// A row in two parts.
    fn numbers(values: &[i64]) -> [Numbers; 2] {
        let (first, second) = values.split_at(values.len() * 2 / 3);
        [first, second]
            .map(|part| Numbers::of_row(part.iter().map(|value| Some(*value).filter(|value| *value != ABSENT))))
    }

    fn parts(numbers: &[Numbers; 2]) -> [Row<'_>; 2] {
        numbers.each_ref().map(|part| part.row(0).unwrap())
    }

    /// Steps as the block writes them: `None` where the row is missing.
    fn round_trip(width: usize, steps: &[Option<Vec<i64>>]) -> Vec<Option<Vec<i64>>> {
        let mut writer = Writer::default();
        let nothing = numbers(&vec![0; width]);
        let mut before: Option<[Numbers; 2]> = None;
        for step in steps {
            let now = step.as_deref().map(numbers);
            match &now {
                None => writer.missing(),
                Some(now) => writer.step(parts(before.as_ref().unwrap_or(&nothing)), parts(now)),
            }
            before = now;
        }
        let bytes = writer.bytes().to_vec();
        let mut reader = Reader::new(&bytes, width);
        steps.iter().map(|_| reader.step().map(<[i64]>::to_vec)).collect()
    }

    #[test]
    fn a_row_that_does_not_change_costs_a_byte_in_240_samples() {
        let mut writer = Writer::default();
        let row = numbers(&[7; 97]);
        for _ in 0..240 {
            writer.step(parts(&row), parts(&row));
        }
        assert_eq!(writer.bytes().len(), 1);
    }

    #[test]
    fn the_same_fields_changing_again_cost_one_byte_each() {
        let mut writer = Writer::default();
        let rows = [1, 2].map(|step| numbers(&(0..97).map(|slot| i64::from(slot < 3) * step).collect::<Vec<_>>()));
        let [one, two] = &rows;
        writer.step(parts(&numbers(&[0; 97])), parts(one));
        let first = writer.bytes().len();
        writer.step(parts(one), parts(two));
        assert_eq!(writer.bytes().len() - first, 4);
    }

    proptest! {
        #[test]
        fn what_went_in_comes_out(steps in proptest::collection::vec(
            proptest::option::weighted(0.9, proptest::collection::vec(
                prop_oneof![3 => Just(5_i64), 2 => 0_i64..300, 1 => any::<i64>(), 1 => Just(i64::MIN)], 11)), 0..300)) {
            prop_assert_eq!(round_trip(11, &steps), steps);
        }

        #[test]
        fn a_damaged_log_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes, 11);
            for _ in 0..300 {
                let _ = reader.step();
            }
        }
    }
}
