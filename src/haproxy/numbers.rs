//! Numbers of many rows, in four bytes each where they fit.
//!
//! Ten thousand servers have a million numbers, and a few dumps are held at once. Nearly all of them are small and
//! none is negative; those that do not fit stand aside, by row. A number may be absent, which is not zero.
//!
//! A dump of ten thousand servers fills more than four megabytes, and one is let go for each that comes. The room of
//! its cells is kept for the next one: given back to the allocator and asked for again, it would leave holes among the
//! small pieces of memory between.

use std::sync::{Arc, Mutex, PoisonError};

/// The mark of a number that is absent.
const ABSENT: u32 = u32::MAX;
/// The mark of a number that stands aside.
const WIDE: u32 = u32::MAX - 1;

/// Room for cells that tables which are gone have left to those that follow.
#[derive(Debug, Default)]
struct Room(Mutex<Vec<Vec<u32>>>);

impl Room {
    /// More is let go: a few tables are there at once, and after a reload they may be small.
    const MOST: usize = 4;

    /// Empty, with room for so many cells and not for many more.
    fn take(&self, count: usize) -> Vec<u32> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |cells: &Vec<u32>| (count..=count.saturating_mul(2)).contains(&cells.capacity());
        left.retain(fits);
        left.pop().unwrap_or_else(|| Vec::with_capacity(count))
    }

    fn leave(&self, mut cells: Vec<u32>) {
        cells.clear();
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() < Self::MOST {
            left.push(cells);
        }
    }
}

/// Rows of numbers, all of the same width.
#[derive(Debug)]
pub struct Numbers {
    width: usize,
    /// Where the cells go in the end, and where those of the next table come from.
    room: Arc<Room>,
    cells: Vec<u32>,
    /// Numbers that do not fit, row by row, by slot.
    wide: Vec<(u16, i64)>,
    /// Where those of each row end.
    wide_ends: Vec<u32>,
}

impl Numbers {
    /// None yet, with room for so many rows.
    pub fn new(width: usize, rows: usize) -> Self {
        let (cells, wide_ends) = (Vec::with_capacity(width * rows), Vec::with_capacity(rows));
        Self { width, room: Arc::default(), cells, wide: Vec::new(), wide_ends }
    }

    /// The same for the table that follows this one: in what others before it have left.
    #[must_use]
    pub fn following(&self, width: usize, rows: usize) -> Self {
        let cells = self.room.take(width * rows);
        Self { width, room: Arc::clone(&self.room), cells, wide: Vec::new(), wide_ends: Vec::with_capacity(rows) }
    }

    /// Gives back the room that was taken for rows which never came, but for one more.
    pub fn fit(&mut self) {
        let needed = self.cells.len() + self.width;
        if self.cells.capacity() / 5 * 4 > needed {
            self.cells.shrink_to(needed);
        }
    }

    /// One row.
    pub fn of_row(values: impl ExactSizeIterator<Item = Option<i64>>) -> Self {
        let mut numbers = Self::new(values.len(), 1);
        numbers.push_absent();
        for (slot, value) in values.enumerate() {
            if let Some(value) = value {
                numbers.set(slot, value);
            }
        }
        numbers
    }

    /// Appends a row in which every number is absent.
    pub fn push_absent(&mut self) {
        self.cells.resize(self.cells.len() + self.width, ABSENT);
        self.wide_ends.push(self.wide.len() as u32);
    }

    /// Gives a number of the last row, which was absent.
    #[inline]
    pub fn set(&mut self, slot: usize, value: i64) {
        let start = self.cells.len() - self.width;
        let narrow = u32::try_from(value).ok().filter(|value| *value < WIDE);
        self.cells[start + slot] = narrow.unwrap_or(WIDE);
        if narrow.is_none() {
            self.set_aside(slot, value);
        }
    }

    #[cold]
    fn set_aside(&mut self, slot: usize, value: i64) {
        let slot = slot as u16;
        let start = self.wide_start(self.wide_ends.len() - 1);
        let place = start + self.wide[start..].partition_point(|(known, _)| *known < slot);
        self.wide.insert(place, (slot, value));
        if let Some(end) = self.wide_ends.last_mut() {
            *end += 1;
        }
    }

    /// Takes the last row away.
    pub fn pop(&mut self) {
        self.cells.truncate(self.cells.len().saturating_sub(self.width));
        self.wide_ends.pop();
        self.wide.truncate(self.wide_ends.last().map_or(0, |end| *end as usize));
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        let aside = self.wide.capacity() * size_of::<(u16, i64)>();
        (self.cells.capacity() + self.wide_ends.capacity()) * size_of::<u32>() + aside
    }

    fn wide_start(&self, row: usize) -> usize {
        row.checked_sub(1).map_or(0, |before| self.wide_ends[before] as usize)
    }

    /// The numbers of a row; nothing behind the last one.
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        let end = *self.wide_ends.get(index)? as usize;
        let cells = self.cells.get(index * self.width..(index + 1) * self.width)?;
        Some(Row { cells, wide: &self.wide[self.wide_start(index)..end] })
    }

    /// A number of the last row.
    pub fn last(&self, slot: usize) -> Option<i64> {
        self.get(self.wide_ends.len().checked_sub(1)?, slot)
    }

    /// A number; absent where it is none, and behind the last row or slot.
    #[inline]
    pub fn get(&self, index: usize, slot: usize) -> Option<i64> {
        if slot >= self.width {
            return None;
        }
        match *self.cells.get(index * self.width + slot)? {
            ABSENT => None,
            WIDE => self.aside(index, slot),
            narrow => Some(i64::from(narrow)),
        }
    }

    #[cold]
    fn aside(&self, index: usize, slot: usize) -> Option<i64> {
        self.row(index)?.get(slot)
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        self.room.leave(std::mem::take(&mut self.cells));
    }
}

/// The numbers of one row. Two are equal exactly where all their numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    cells: &'a [u32],
    wide: &'a [(u16, i64)],
}

impl<'a> Row<'a> {
    /// A row of zeros, `width` of them, 256 at the most.
    pub fn zeros(width: usize) -> Row<'static> {
        static ZEROS: [u32; Row::MAX_WIDTH] = [0; Row::MAX_WIDTH];
        Row { cells: &ZEROS[..width.min(Row::MAX_WIDTH)], wide: &[] }
    }

    /// No row is wider.
    pub const MAX_WIDTH: usize = 256;

    /// The first `width` numbers.
    #[must_use]
    pub fn first(self, width: usize) -> Self {
        let wide = self.wide.partition_point(|(slot, _)| usize::from(*slot) < width);
        Self { cells: &self.cells[..width.min(self.cells.len())], wide: &self.wide[..wide] }
    }

    /// How many there are.
    pub fn width(self) -> usize {
        self.cells.len()
    }

    /// A number; absent where it is none, and behind the last one.
    pub fn get(self, slot: usize) -> Option<i64> {
        match *self.cells.get(slot)? {
            ABSENT => None,
            WIDE => self.wide.iter().find(|(known, _)| usize::from(*known) == slot).map(|(_, value)| *value),
            narrow => Some(i64::from(narrow)),
        }
    }

    /// The slots in which this row and another one of the same width differ, in order.
    pub fn differing(self, other: Row<'a>) -> impl Iterator<Item = usize> {
        let pairs = self.cells.iter().zip(other.cells).enumerate();
        pairs
            .filter(move |(slot, (one, two))| one != two || **one == WIDE && self.get(*slot) != other.get(*slot))
            .map(|(slot, _)| slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn absent_is_not_zero_and_a_row_can_be_taken_away() {
        let mut numbers = Numbers::new(3, 0);
        numbers.push_absent();
        numbers.set(0, 0);
        numbers.push_absent();
        numbers.set(2, i64::MAX);
        numbers.pop();
        numbers.push_absent();
        numbers.set(1, -1);
        assert_eq!(
            (numbers.get(0, 0), numbers.get(0, 1), numbers.get(1, 1), numbers.get(1, 2)),
            (Some(0), None, Some(-1), None)
        );
        assert_eq!((numbers.get(2, 0), numbers.get(0, 3)), (None, None));
    }

    #[test]
    fn what_a_table_leaves_serves_the_next_one_of_its_size() {
        let first = Numbers::new(50, 100);
        let at = first.cells.as_ptr();
        let second = first.following(50, 100);
        drop(first);
        let third = second.following(50, 90);
        assert_eq!((third.cells.as_ptr(), third.cells.len()), (at, 0));
        drop(third);
        let small = second.following(50, 3);
        assert!(small.cells.capacity() < 1000, "a small one does not hold a large one's room");
        assert!(second.room.0.lock().unwrap().is_empty(), "which is given back");
    }

    fn any_row() -> impl Strategy<Value = Vec<Option<i64>>> {
        let value = prop_oneof![
            2 => Just(None),
            4 => (0_i64..3).prop_map(Some),
            2 => prop_oneof![Just(i64::from(ABSENT)), Just(i64::from(WIDE)), Just(i64::from(WIDE) - 1), Just(-1)].prop_map(Some),
            1 => any::<i64>().prop_map(Some)
        ];
        proptest::collection::vec(value, 9)
    }

    proptest! {
        #[test]
        fn what_went_in_comes_out(rows in proptest::collection::vec(any_row(), 1..9)) {
            let mut numbers = Numbers::new(9, rows.len());
            for row in &rows {
                numbers.push_absent();
                // In any order.
                for (slot, value) in row.iter().enumerate().rev() {
                    if let Some(value) = value {
                        numbers.set(slot, *value);
                    }
                }
            }
            for (index, row) in rows.iter().enumerate() {
                let read = numbers.row(index).unwrap();
                for (slot, value) in row.iter().enumerate() {
                    prop_assert_eq!(numbers.get(index, slot), *value);
                    prop_assert_eq!(read.get(slot), *value);
                }
                let alone = Numbers::of_row(row.iter().copied());
                prop_assert_eq!(alone.row(0).unwrap(), read);
                prop_assert_eq!(alone.row(0).unwrap().first(4), read.first(4));
            }
        }

        #[test]
        fn differences_are_found((one, two) in (any_row(), any_row())) {
            let (a, b) = (Numbers::of_row(one.iter().copied()), Numbers::of_row(two.iter().copied()));
            let (a, b) = (a.row(0).unwrap(), b.row(0).unwrap());
            let differing: Vec<usize> = (0..9).filter(|slot| one[*slot] != two[*slot]).collect();
            prop_assert_eq!(a.differing(b).collect::<Vec<_>>(), differing.clone());
            prop_assert_eq!(a == b, differing.is_empty());
        }
    }
}
