//! One row's numbers over time, as a string of bytes.
//!
//! A log is a sequence of steps, one a sample. A step that changes nothing extends a run. A step that
//! changes some numbers names them by a bit mask, which is left out when it is the one of the step before,
//! and then gives each difference as a variable-length integer. Differences wrap, so every `i64` comes back
//! exactly, the mark for "absent" too.

/// A run of this many steps or fewer is one byte: the token itself.
const LONGEST_RUN: u8 = 0xf0;
const SAME_MASK: u8 = 0xfd;
const NEW_MASK: u8 = 0xfe;
const MISSING: u8 = 0xff;

/// Writes a log step by step.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    mask: Vec<u8>,
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

    /// The row's numbers in this sample, and in the one before; all zero stands for none before.
    pub fn step(
        &mut self,
        before: impl Fn(usize) -> i64,
        now: impl Fn(usize) -> i64,
        width: usize,
        scratch: &mut Vec<u8>,
    ) {
        scratch.clear();
        scratch.resize(width.div_ceil(8), 0);
        let mut changed = false;
        for column in 0..width {
            if before(column) != now(column) {
                scratch[column / 8] |= 1 << (column % 8);
                changed = true;
            }
        }
        if !changed {
            match self.bytes.last_mut() {
                Some(run) if self.is_running && *run < LONGEST_RUN => *run += 1,
                _ => self.bytes.push(1),
            }
            self.is_running = true;
            return;
        }
        self.is_running = false;
        if self.mask == *scratch {
            self.bytes.push(SAME_MASK);
        } else {
            self.bytes.push(NEW_MASK);
            self.write_mask(scratch);
            self.mask.clone_from(scratch);
        }
        for column in set_bits(scratch) {
            write_varint(&mut self.bytes, zigzag(now(column).wrapping_sub(before(column))));
        }
    }

    /// The mask as the bytes that are not zero, each with its place.
    fn write_mask(&mut self, mask: &[u8]) {
        let used = mask.iter().filter(|byte| **byte != 0).count();
        self.bytes.push(used as u8);
        for (place, byte) in mask.iter().enumerate().filter(|(_, byte)| **byte != 0) {
            self.bytes.extend([place as u8, *byte]);
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
        self.bytes.capacity() + self.mask.capacity() + size_of::<Self>()
    }
}

/// Reads a log step by step; each step gives the row's numbers.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    run: u8,
    mask: Vec<u8>,
    values: Vec<i64>,
}

impl<'a> Reader<'a> {
    /// A reader of rows with `width` numbers.
    pub fn new(bytes: &'a [u8], width: usize) -> Self {
        Self { bytes, run: 0, mask: Vec::new(), values: vec![0; width] }
    }

    /// Goes one sample on. The row's numbers; nothing when the row was not in that sample or the log ends.
    pub fn step(&mut self) -> Option<&[i64]> {
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

    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn read_mask(&mut self) {
        self.mask.clear();
        self.mask.resize(self.values.len().div_ceil(8), 0);
        for _ in 0..self.take().unwrap_or(0) {
            let (place, byte) = (self.take().unwrap_or(0), self.take().unwrap_or(0));
            if let Some(slot) = self.mask.get_mut(usize::from(place)) {
                *slot = byte;
            }
        }
    }

    fn read_changes(&mut self) {
        let mask = std::mem::take(&mut self.mask);
        for column in set_bits(&mask) {
            let change = unzigzag(read_varint(&mut self.bytes));
            if let Some(value) = self.values.get_mut(column) {
                *value = value.wrapping_add(change);
            }
        }
        self.mask = mask;
    }
}

fn set_bits(mask: &[u8]) -> impl Iterator<Item = usize> {
    mask.iter()
        .enumerate()
        .flat_map(|(place, byte)| (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| place * 8 + bit))
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
    use proptest::prelude::*;

    /// Steps as the block writes them: `None` where the row is missing.
    fn round_trip(width: usize, steps: &[Option<Vec<i64>>]) -> Vec<Option<Vec<i64>>> {
        let (mut writer, mut scratch) = (Writer::default(), Vec::new());
        let mut before: Option<&Vec<i64>> = None;
        for step in steps {
            match step {
                None => writer.missing(),
                Some(now) => {
                    writer.step(
                        |column| before.map_or(0, |row| row[column]),
                        |column| now[column],
                        width,
                        &mut scratch,
                    );
                }
            }
            before = step.as_ref();
        }
        let bytes = writer.bytes().to_vec();
        let mut reader = Reader::new(&bytes, width);
        steps.iter().map(|_| reader.step().map(<[i64]>::to_vec)).collect()
    }

    #[test]
    fn a_row_that_does_not_change_costs_a_byte_in_240_samples() {
        let (mut writer, mut scratch) = (Writer::default(), Vec::new());
        for _ in 0..240 {
            writer.step(|_| 7, |_| 7, 97, &mut scratch);
        }
        assert_eq!(writer.bytes().len(), 1);
    }

    #[test]
    fn the_same_fields_changing_again_cost_one_byte_each() {
        let (mut writer, mut scratch) = (Writer::default(), Vec::new());
        writer.step(|_| 0, |column| i64::from(column < 3), 97, &mut scratch);
        let first = writer.bytes().len();
        writer.step(|column| i64::from(column < 3), |column| 2 * i64::from(column < 3), 97, &mut scratch);
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
