//! One row's numbers over time, as a string of bytes.
//!
//! A log is a sequence of steps, one a sample. A step that changes nothing extends a run. A step that
//! changes some numbers names them by a bit mask, and then gives each difference as a variable-length integer.
//! Differences wrap, so every `i64` comes back exactly, the mark for "absent" too. A row changes in a few ways that
//! come again and again (a request comes, its rate falls back to zero), so a mask that is one of the last few is told
//! in one byte.

use crate::haproxy::numbers::column_set::Slots;
use crate::haproxy::numbers::number_rows::Row;

/// The mark of a number that was absent, in a log.
pub const ABSENT: i64 = i64::MIN;

/// A run of this many steps or fewer is one byte: the token itself.
const LONGEST_RUN: u8 = 0xf0;
/// The mask that was used last; each further token means the one before it.
const KNOWN_MASK: u8 = 0xf1;
const NEW_MASK: u8 = 0xfe;
const MISSING: u8 = 0xff;

/// How many masks are known.
const KNOWN: usize = 8;

/// Where the masks that were used last are written in a log, the last one first; nowhere is the front, where none is.
#[derive(Debug, Default)]
struct Known([u32; KNOWN]);

impl Known {
    /// The place of a mask, if it is one of these.
    fn find(&self, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        self.0.iter().take_while(|at| **at > 0).position(|at| is_it(*at as usize))
    }

    /// The mask at this place was used: it is the last one from now on.
    fn uses(&mut self, place: usize) -> Option<usize> {
        self.0.get_mut(..=place)?.rotate_right(1);
        Some(self.0[0] as usize).filter(|at| *at > 0)
    }

    /// A mask was written there, and used.
    fn learns(&mut self, at: usize) {
        self.0.rotate_right(1);
        self.0[0] = at as u32;
    }
}

/// Writes a log step by step.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    known: Known,
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
        let (mut mask, behind) = (Slots::default(), now[0].width());
        before[0].differing(now[0], |slot| mask.add(slot));
        before[1].differing(now[1], |slot| mask.add(behind + slot));
        self.write_mask(mask);
        for slot in mask.iter() {
            let value = |[first, second]: [Row<'_>; 2]| {
                slot.checked_sub(behind).map_or_else(|| first.get(slot), |slot| second.get(slot)).unwrap_or(ABSENT)
            };
            write_varint(&mut self.bytes, zigzag(beside_zero(value(now)).wrapping_sub(beside_zero(value(before)))));
        }
    }

    /// The mask as the bytes that are not zero, each with its place; one that is known as its place among those.
    fn write_mask(&mut self, mask: Slots) {
        let start = self.bytes.len();
        let bytes = || mask.bytes().enumerate().filter(|(_, byte)| *byte != 0);
        self.bytes.extend([NEW_MASK, bytes().count() as u8]);
        for (place, byte) in bytes() {
            self.bytes.extend([place as u8, byte]);
        }
        let (before, written) = self.bytes.split_at(start + 1);
        match self.known.find(|at| before[at..].starts_with(written)) {
            Some(place) => {
                self.known.uses(place);
                self.bytes.truncate(start);
                self.bytes.push(KNOWN_MASK + place as u8);
            }
            None => self.known.learns(start + 1),
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
    log: &'a [u8],
    /// What is not read yet.
    bytes: &'a [u8],
    known: Known,
    run: u8,
    mask: Slots,
    values: Vec<i64>,
    /// Whether the newest step changed what the mask says, and not nothing.
    is_change: bool,
}

impl<'a> Reader<'a> {
    /// A reader of rows with `width` numbers.
    pub fn new(bytes: &'a [u8], width: usize) -> Self {
        Self {
            log: bytes,
            bytes,
            known: Known::default(),
            run: 0,
            mask: Slots::default(),
            values: vec![0; width],
            is_change: false,
        }
    }

    /// Goes one sample on. The row's numbers; nothing when the row was not in that sample or the log ends.
    pub fn step(&mut self) -> Option<&[i64]> {
        self.is_change = false;
        if self.run > 0 {
            self.run -= 1;
            return Some(&self.values);
        }
        let token = take(&mut self.bytes)?;
        match token {
            MISSING => {
                // A row that comes back starts from nothing.
                self.values.fill(0);
                return None;
            }
            NEW_MASK => {
                self.known.learns(self.log.len() - self.bytes.len());
                self.mask = read_mask(&mut self.bytes);
                self.read_changes();
            }
            KNOWN_MASK.. => {
                let at = self.known.uses(usize::from(token - KNOWN_MASK))?;
                self.mask = read_mask(&mut &self.log[at..]);
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
        let changed = self.is_change.then(|| self.mask.iter()).into_iter().flatten();
        changed.filter(|slot| *slot < self.values.len())
    }

    fn read_changes(&mut self) {
        self.is_change = true;
        for slot in self.mask.iter() {
            let change = unzigzag(read_varint(&mut self.bytes));
            if let Some(value) = self.values.get_mut(slot) {
                *value = from_beside_zero(beside_zero(*value).wrapping_add(change));
            }
        }
    }
}

fn take(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

fn read_mask(bytes: &mut &[u8]) -> Slots {
    let mut mask = Slots::default();
    for _ in 0..take(bytes).unwrap_or(0) {
        let (place, byte) = (usize::from(take(bytes).unwrap_or(0)), take(bytes).unwrap_or(0));
        mask.add_byte(place, byte);
    }
    mask
}

/// A value in an order in which absent is -1, and what is negative stands below it. Each value has its own place, and
/// the first step of a log, which comes from zeros, has a byte for what is absent and not ten.
fn beside_zero(value: i64) -> i64 {
    match value {
        ABSENT => -1,
        0.. => value,
        _ => value - 1,
    }
}

/// Back from [`beside_zero`].
fn from_beside_zero(place: i64) -> i64 {
    match place {
        -1 => ABSENT,
        0.. => place,
        _ => place + 1,
    }
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
    use crate::haproxy::numbers::number_rows::Numbers;
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

    #[test]
    fn a_row_begins_with_a_byte_for_each_number_that_is_absent() {
        let mut writer = Writer::default();
        writer.step(parts(&numbers(&[0; 96])), parts(&numbers(&[ABSENT; 96])));
        assert_eq!(writer.bytes().len(), 2 + 12 * 2 + 96);
    }

    #[test]
    fn changes_that_take_turns_cost_one_byte_each_too() {
        let (quiet, busy) = (numbers(&[0; 97]), numbers(&(0..97).map(|slot| i64::from(slot < 3)).collect::<Vec<_>>()));
        let other = numbers(&(0..97).map(|slot| i64::from(slot == 90)).collect::<Vec<_>>());
        let mut writer = Writer::default();
        let mut grown = 0;
        for _ in 0..3 {
            let before = writer.bytes().len();
            for [from, to] in [[&quiet, &busy], [&busy, &quiet], [&quiet, &other], [&other, &quiet]] {
                writer.step(parts(from), parts(to));
            }
            grown = writer.bytes().len() - before;
        }
        assert_eq!(grown, 2 * 4 + 2 * 2);
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
