//! Log of one row's numbers over time, as a byte string.
//!
//! A log has one entry for each sample. An entry without changes extends a run. An entry with changes contains a bit
//! mask of the changed numbers, followed by the differences as variable-length integers. Differences wrap, so every
//! `i64` is restored exactly, including the marker for absent values. A row tends to change in a few recurring ways (a
//! request arrives, the request rate falls back to zero), so a recently used mask is written as a single byte.

use crate::haproxy::numbers::column_set::SlotSet;
use crate::haproxy::numbers::number_rows::NumberRow;

/// Marker for an absent number.
pub(crate) const ABSENT: i64 = i64::MIN;

/// Maximum length of a run of unchanged samples; the token of a run is its length.
const MAX_RUN: u8 = 0xf0;
/// Token for the most recently used mask. The tokens that follow select the masks used before, most recent first.
const RECENT_MASK: u8 = 0xf1;
const NEW_MASK: u8 = 0xfe;
const MISSING: u8 = 0xff;

/// Number of recent masks that are remembered.
const RECENT_MASK_COUNT: usize = 8;

/// Positions in the log of the recently used masks, most recent first; 0 marks an unused entry.
#[derive(Debug, Default)]
struct RecentMasks([u32; RECENT_MASK_COUNT]);

impl RecentMasks {
    /// Returns the index of the first mask whose position in the log satisfies `is_match`.
    fn position(&self, is_match: impl Fn(usize) -> bool) -> Option<usize> {
        self.0.iter().take_while(|at| **at > 0).position(|at| is_match(*at as usize))
    }

    /// Moves the mask at this index to the front and returns its position in the log, or `None` if the entry is unused.
    fn mark_used(&mut self, place: usize) -> Option<usize> {
        self.0.get_mut(..=place)?.rotate_right(1);
        Some(self.0[0] as usize).filter(|at| *at > 0)
    }

    /// Adds a mask that was written at position `at` of the log.
    fn insert(&mut self, at: usize) {
        self.0.rotate_right(1);
        self.0[0] = at as u32;
    }
}

/// Writes a log, one entry for each sample.
#[derive(Debug, Default)]
pub(crate) struct RowLogWriter {
    bytes: Vec<u8>,
    recent_masks: RecentMasks,
    is_running: bool,
}

impl RowLogWriter {
    /// Creates a log for a row that is absent from the first `missing` samples of the block.
    pub(crate) fn starting_after(missing: usize) -> Self {
        let mut writer = Self::default();
        (0..missing).for_each(|_| writer.push_missing());
        writer
    }

    /// Reserves capacity for an entry of `length` bytes.
    pub(crate) fn reserve(&mut self, length: usize) {
        self.bytes.reserve_exact(length);
    }

    /// Appends an entry for a sample that does not contain the row.
    pub(crate) fn push_missing(&mut self) {
        self.is_running = false;
        self.bytes.push(MISSING);
    }

    /// Appends an entry for a sample that contains the row. `now` are the row's numbers in this sample and `before`
    /// those in the previous sample, each in two parts. `before` must be zeros if the previous sample does not contain
    /// the row.
    pub(crate) fn push_step(&mut self, before: [NumberRow<'_>; 2], now: [NumberRow<'_>; 2]) {
        if before == now {
            match self.bytes.last_mut() {
                Some(run) if self.is_running && *run < MAX_RUN => *run += 1,
                _ => self.bytes.push(1),
            }
            self.is_running = true;
            return;
        }
        self.is_running = false;
        let (mut mask, first_width) = (SlotSet::default(), now[0].width());
        before[0].for_each_difference(now[0], |slot| mask.insert(slot));
        before[1].for_each_difference(now[1], |slot| mask.insert(first_width + slot));
        self.write_mask(mask);
        for slot in mask.iter() {
            let value = |[first, second]: [NumberRow<'_>; 2]| {
                slot.checked_sub(first_width).map_or_else(|| first.get(slot), |slot| second.get(slot)).unwrap_or(ABSENT)
            };
            write_varint(
                &mut self.bytes,
                zigzag(absent_to_minus_one(value(now)).wrapping_sub(absent_to_minus_one(value(before)))),
            );
        }
    }

    /// Writes a mask as its nonzero bytes with their positions, or as a reference to a recent mask.
    fn write_mask(&mut self, mask: SlotSet) {
        let start = self.bytes.len();
        let bytes = || mask.bytes().enumerate().filter(|(_, byte)| *byte != 0);
        self.bytes.extend([NEW_MASK, bytes().count() as u8]);
        for (place, byte) in bytes() {
            self.bytes.extend([place as u8, byte]);
        }
        let (before, written) = self.bytes.split_at(start + 1);
        match self.recent_masks.position(|at| before[at..].starts_with(written)) {
            Some(place) => {
                self.recent_masks.mark_used(place);
                self.bytes.truncate(start);
                self.bytes.push(RECENT_MASK + place as u8);
            }
            None => self.recent_masks.insert(start + 1),
        }
    }

    /// Ends a run of unchanged samples, so that the bytes written so far no longer change.
    pub(crate) fn end_run(&mut self) {
        self.is_running = false;
    }

    /// Returns the log so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the finished log.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Returns the memory allocated for the log, in bytes.
    pub(crate) fn memory(&self) -> usize {
        // 16 bytes are the allocator's own bookkeeping.
        self.bytes.capacity() + 16
    }
}

/// Reads a log, one entry for each sample.
#[derive(Debug)]
pub(crate) struct RowLogReader<'a> {
    log: &'a [u8],
    /// Bytes not read yet.
    unread: &'a [u8],
    recent_masks: RecentMasks,
    run: u8,
    mask: SlotSet,
    values: Vec<i64>,
    /// True if the last entry changed the numbers in the mask.
    has_changes: bool,
}

impl<'a> RowLogReader<'a> {
    /// Creates a reader for the log of a row with `width` numbers.
    pub(crate) fn new(bytes: &'a [u8], width: usize) -> Self {
        Self {
            log: bytes,
            unread: bytes,
            recent_masks: RecentMasks::default(),
            run: 0,
            mask: SlotSet::default(),
            values: vec![0; width],
            has_changes: false,
        }
    }

    /// Advances by one sample. Returns the row's numbers, or `None` if the sample does not contain the row or the log
    /// ends.
    pub(crate) fn next_step(&mut self) -> Option<&[i64]> {
        self.has_changes = false;
        if self.run > 0 {
            self.run -= 1;
            return Some(&self.values);
        }
        let token = read_byte(&mut self.unread)?;
        match token {
            MISSING => {
                // A row that reappears starts from zeros.
                self.values.fill(0);
                return None;
            }
            NEW_MASK => {
                self.recent_masks.insert(self.log.len() - self.unread.len());
                self.mask = read_mask(&mut self.unread);
                self.read_changes();
            }
            RECENT_MASK.. => {
                let at = self.recent_masks.mark_used(usize::from(token - RECENT_MASK))?;
                self.mask = read_mask(&mut &self.log[at..]);
                self.read_changes();
            }
            run => self.run = run.saturating_sub(1),
        }
        Some(&self.values)
    }

    /// Returns the row's numbers after the last call of [`Self::next_step`]; zeros if the row was missing.
    pub(crate) fn values(&self) -> &[i64] {
        &self.values
    }

    /// Returns the slots that the last call of [`Self::next_step`] changed.
    pub(crate) fn changed_slots(&self) -> impl Iterator<Item = usize> {
        let changed = self.has_changes.then(|| self.mask.iter()).into_iter().flatten();
        changed.filter(|slot| *slot < self.values.len())
    }

    fn read_changes(&mut self) {
        self.has_changes = true;
        for slot in self.mask.iter() {
            let change = unzigzag(read_varint(&mut self.unread));
            if let Some(value) = self.values.get_mut(slot) {
                *value = minus_one_to_absent(absent_to_minus_one(*value).wrapping_add(change));
            }
        }
    }
}

/// Reads one byte. Returns `None` at the end.
pub(super) fn read_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

fn read_mask(bytes: &mut &[u8]) -> SlotSet {
    let mut mask = SlotSet::default();
    for _ in 0..read_byte(bytes).unwrap_or(0) {
        let (place, byte) = (usize::from(read_byte(bytes).unwrap_or(0)), read_byte(bytes).unwrap_or(0));
        mask.insert_byte(place, byte);
    }
    mask
}

/// Maps [`ABSENT`] to -1 and each negative value to the value minus one. The first entry of a log, which contains the
/// differences from zero, then needs one byte for an absent number instead of ten.
fn absent_to_minus_one(value: i64) -> i64 {
    match value {
        ABSENT => -1,
        0.. => value,
        _ => value - 1,
    }
}

/// Reverses [`absent_to_minus_one`].
fn minus_one_to_absent(place: i64) -> i64 {
    match place {
        -1 => ABSENT,
        0.. => place,
        _ => place + 1,
    }
}

/// Maps a signed number near zero to a small unsigned one.
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Reverses [`zigzag`].
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Writes a number in as few bytes as possible.
pub(crate) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a number that [`write_varint`] wrote. Missing bytes count as zero.
pub(crate) fn read_varint(bytes: &mut &[u8]) -> u64 {
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
    use crate::haproxy::numbers::number_rows::NumberRows;
    use proptest::prelude::*;

    /// Splits a row into two parts.
    fn numbers(values: &[i64]) -> [NumberRows; 2] {
        let (first, second) = values.split_at(values.len() * 2 / 3);
        [first, second]
            .map(|part| NumberRows::from_values(part.iter().map(|value| Some(*value).filter(|value| *value != ABSENT))))
    }

    fn parts(numbers: &[NumberRows; 2]) -> [NumberRow<'_>; 2] {
        numbers.each_ref().map(|part| part.row(0).unwrap())
    }

    /// Writes and reads entries as a block does; `None` where the row is missing.
    fn round_trip(width: usize, steps: &[Option<Vec<i64>>]) -> Vec<Option<Vec<i64>>> {
        let mut writer = RowLogWriter::default();
        let nothing = numbers(&vec![0; width]);
        let mut before: Option<[NumberRows; 2]> = None;
        for step in steps {
            let now = step.as_deref().map(numbers);
            match &now {
                None => writer.push_missing(),
                Some(now) => writer.push_step(parts(before.as_ref().unwrap_or(&nothing)), parts(now)),
            }
            before = now;
        }
        let bytes = writer.bytes().to_vec();
        let mut reader = RowLogReader::new(&bytes, width);
        steps.iter().map(|_| reader.next_step().map(<[i64]>::to_vec)).collect()
    }

    #[test]
    fn unchanged_row_costs_one_byte_in_240_samples() {
        let mut writer = RowLogWriter::default();
        let row = numbers(&[7; 97]);
        for _ in 0..240 {
            writer.push_step(parts(&row), parts(&row));
        }
        assert_eq!(writer.bytes().len(), 1);
    }

    #[test]
    fn recurring_mask_costs_one_byte() {
        let mut writer = RowLogWriter::default();
        let rows = [1, 2].map(|step| numbers(&(0..97).map(|slot| i64::from(slot < 3) * step).collect::<Vec<_>>()));
        let [one, two] = &rows;
        writer.push_step(parts(&numbers(&[0; 97])), parts(one));
        let first = writer.bytes().len();
        writer.push_step(parts(one), parts(two));
        assert_eq!(writer.bytes().len() - first, 4);
    }

    #[test]
    fn first_step_writes_one_byte_per_absent_number() {
        let mut writer = RowLogWriter::default();
        writer.push_step(parts(&numbers(&[0; 96])), parts(&numbers(&[ABSENT; 96])));
        assert_eq!(writer.bytes().len(), 2 + 12 * 2 + 96);
    }

    #[test]
    fn alternating_masks_cost_one_byte_each() {
        let (quiet, busy) = (numbers(&[0; 97]), numbers(&(0..97).map(|slot| i64::from(slot < 3)).collect::<Vec<_>>()));
        let other = numbers(&(0..97).map(|slot| i64::from(slot == 90)).collect::<Vec<_>>());
        let mut writer = RowLogWriter::default();
        let mut grown = 0;
        for _ in 0..3 {
            let before = writer.bytes().len();
            for [from, to] in [[&quiet, &busy], [&busy, &quiet], [&quiet, &other], [&other, &quiet]] {
                writer.push_step(parts(from), parts(to));
            }
            grown = writer.bytes().len() - before;
        }
        assert_eq!(grown, 2 * 4 + 2 * 2);
    }

    proptest! {
        #[test]
        fn written_rows_read_back_unchanged(steps in proptest::collection::vec(
            proptest::option::weighted(0.9, proptest::collection::vec(
                prop_oneof![3 => Just(5_i64), 2 => 0_i64..300, 1 => any::<i64>(), 1 => Just(i64::MIN)], 11)), 0..300)) {
            prop_assert_eq!(round_trip(11, &steps), steps);
        }

        #[test]
        fn next_step_never_panics_on_damaged_log(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = RowLogReader::new(&bytes, 11);
            for _ in 0..300 {
                let _ = reader.next_step();
            }
        }
    }
}
