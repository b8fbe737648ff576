//! Writes rows of numbers.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::haproxy::numbers::column_set::{MAX_WIDTH, Shape, Slots};
use crate::haproxy::numbers::number_rows::{ABSENT, Numbers, WIDE, aside};
use crate::haproxy::numbers::storage::Start;

/// Writes rows of numbers, each in any order.
#[derive(Debug)]
pub struct Writer {
    numbers: Numbers,
    /// The row that is written now.
    row: Box<[u32; MAX_WIDTH]>,
    aside: Vec<(u16, i64)>,
}

impl Writer {
    /// A site has a dozen shapes. Behind so many, rows are like no others and hold all their slots: one that is nothing
    /// but noise shall not take more for its shapes than for its numbers.
    const MOST_SHAPES: usize = 64;

    /// No row yet, with room for so many; a row has [`MAX_WIDTH`] numbers at the most.
    pub fn new(width: usize, rows: usize) -> Self {
        let mut numbers = Numbers::default();
        numbers.width = width.min(MAX_WIDTH);
        numbers.held.cells.reserve(numbers.width * rows);
        numbers.held.rows.reserve(rows);
        Self { numbers, row: Box::new([ABSENT; MAX_WIDTH]), aside: Vec::new() }
    }

    /// The same for the table that follows: in what others before it have left.
    pub fn following(before: &Numbers, width: usize) -> Self {
        let mut writer = Self::new(width, 0);
        writer.numbers.room = Arc::clone(&before.room);
        writer.numbers.held = before.room.take(&before.held);
        writer
    }

    /// Gives a number of this row.
    #[inline]
    pub fn set(&mut self, slot: usize, value: i64) {
        if slot >= self.numbers.width {
            return;
        }
        match u32::try_from(value) {
            Ok(narrow) if narrow < ABSENT => self.row[slot] = narrow,
            _ => self.set_aside(slot, value),
        }
    }

    #[cold]
    fn set_aside(&mut self, slot: usize, value: i64) {
        self.row[slot] = WIDE;
        self.aside.retain(|(known, _)| usize::from(*known) != slot);
        let place = self.aside.partition_point(|(known, _)| usize::from(*known) < slot);
        self.aside.insert(place, (slot as u16, value));
    }

    /// A number of this row.
    pub fn get(&self, slot: usize) -> Option<i64> {
        match *self.row.get(slot)? {
            ABSENT => None,
            WIDE => aside(&self.aside, slot),
            narrow => Some(i64::from(narrow)),
        }
    }

    /// The row is done; what is absent in it stays so.
    pub fn end_row(&mut self) {
        let width = self.numbers.width;
        let held = &mut self.numbers.held;
        let start = held.cells.len();
        let present = width - absent(&self.row[..width]);
        let mut shape = held.rows.last().map_or(0, |before| before.shape as usize);
        let mut fits = false;
        if let Some(likely) = held.shapes.get(shape).filter(|likely| likely.count() == present) {
            held.cells.extend(likely.order().map(|slot| self.row[slot]));
            fits = absent(&held.cells[start..]) == 0;
        }
        if !fits {
            held.cells.truncate(start);
            shape = Self::find_shape(&mut held.shapes, &self.row[..width]);
            held.cells.extend(held.shapes[shape].order().map(|slot| self.row[slot]));
        }
        held.rows.push(Start { cells: start as u32, wide: held.wide.len() as u32, shape: shape as u32 });
        // What was given twice may have fitted in the end.
        let is_wide = |(slot, _): &(u16, i64)| self.row[usize::from(*slot)] == WIDE;
        held.wide.extend(self.aside.drain(..).filter(is_wide));
        self.row[..width].fill(ABSENT);
    }

    /// The row is none.
    pub fn drop_row(&mut self) {
        self.row[..self.numbers.width].fill(ABSENT);
        self.aside.clear();
    }

    /// Which shape a row has, where it is not that of the row before: one that is known, or a new one.
    #[cold]
    fn find_shape(shapes: &mut Vec<Shape>, row: &[u32]) -> usize {
        let present = row.iter().enumerate().filter(|(_, cell)| **cell != ABSENT);
        let slots: Slots = present.map(|(slot, _)| slot).collect();
        if let Some(known) = shapes.iter().position(|shape| shape.slots() == slots) {
            return known;
        }
        match shapes.len().cmp(&Self::MOST_SHAPES) {
            Ordering::Less => shapes.push(Shape::new(slots)),
            Ordering::Equal => shapes.push(Shape::new((0..row.len()).collect())),
            Ordering::Greater => {}
        }
        shapes.len() - 1
    }

    /// All rows that are done. Room for rows which never came is given back, but for some more.
    pub fn finish(self) -> Numbers {
        let mut numbers = self.numbers;
        numbers.held.fit();
        numbers
    }
}

/// How many of these are absent: in the size of a cell, so that several are looked at in one step.
fn absent(cells: &[u32]) -> usize {
    cells.iter().map(|cell| u32::from(*cell == ABSENT)).sum::<u32>() as usize
}

impl Numbers {
    /// One row.
    pub fn of_row(values: impl ExactSizeIterator<Item = Option<i64>>) -> Self {
        let mut writer = Writer::new(values.len(), 1);
        for (slot, value) in values.enumerate() {
            if let Some(value) = value {
                writer.set(slot, value);
            }
        }
        writer.end_row();
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::numbers::number_rows::Row;
    use proptest::prelude::*;

    fn address(numbers: &Numbers) -> *const u32 {
        numbers.held.cells.as_ptr()
    }

    fn filled(mut writer: Writer, rows: usize) -> Numbers {
        for _ in 0..rows {
            (0..50).for_each(|slot| writer.set(slot, 7));
            writer.end_row();
        }
        writer.finish()
    }

    #[test]
    fn absent_is_not_zero_and_a_row_can_be_dropped() {
        let mut writer = Writer::new(3, 0);
        writer.set(0, 0);
        writer.end_row();
        writer.set(2, i64::MAX);
        assert_eq!((writer.get(2), writer.get(0), writer.get(3)), (Some(i64::MAX), None, None));
        writer.drop_row();
        writer.set(1, -1);
        writer.set(3, 5);
        writer.end_row();
        let numbers = writer.finish();
        assert_eq!(
            (numbers.get(0, 0), numbers.get(0, 1), numbers.get(1, 1), numbers.get(1, 2), numbers.get(1, 3)),
            (Some(0), None, Some(-1), None, None)
        );
        assert_eq!((numbers.get(2, 0), numbers.row(2)), (None, None));
        assert_eq!(Row::zeros(3).get(2), Some(0));
        assert_eq!(Row::zeros(3).get(3), None);
    }

    #[test]
    fn what_is_given_twice_is_what_it_was_given_last() {
        for values in [[1, i64::MAX], [i64::MAX, 1], [i64::MAX, i64::MIN]] {
            let mut writer = Writer::new(2, 1);
            for value in values {
                writer.set(1, value);
            }
            writer.end_row();
            let numbers = writer.finish();
            assert_eq!(numbers.get(0, 1), Some(values[1]));
            assert_eq!(numbers.row(0), Numbers::of_row([None, Some(values[1])].into_iter()).row(0));
        }
    }

    #[test]
    fn what_a_table_leaves_serves_the_next_one_of_its_size() {
        let first = filled(Writer::new(50, 0), 100);
        let second = filled(Writer::following(&first, 50), 100);
        let at = address(&first);
        drop(first);
        let third = filled(Writer::following(&second, 50), 90);
        assert_eq!(address(&third), at);
        drop(third);
        let small = filled(Writer::new(50, 0), 3);
        assert!(second.room.take(&small.held).cells.capacity() < 1000, "a small one does not hold a large one's room");
        assert!(second.room.count() == 0, "which is given back");
    }

    #[test]
    fn rows_hold_what_they_have() {
        let mut writer = Writer::new(200, 0);
        for row in 0..1000 {
            (0..200).filter(|slot| slot % 4 == row % 2).for_each(|slot| writer.set(slot, 7));
            writer.end_row();
        }
        let numbers = writer.finish();
        assert_eq!((numbers.held.cells.len(), numbers.held.shapes.len()), (50_000, 2));
    }

    #[test]
    fn rows_that_are_like_no_others_come_back_too() {
        let mut writer = Writer::new(20, 0);
        let rows: Vec<Vec<Option<i64>>> = (0..1000_i64)
            .map(|row| (0..20).map(|slot| (row >> (slot % 10) & 1 == 1).then_some(row << slot)).collect())
            .collect();
        for row in &rows {
            row.iter().enumerate().for_each(|(slot, value)| value.iter().for_each(|value| writer.set(slot, *value)));
            writer.end_row();
        }
        let numbers = writer.finish();
        assert_eq!(numbers.held.shapes.len(), Writer::MOST_SHAPES + 1);
        for (index, row) in rows.iter().enumerate() {
            let read = numbers.row(index).unwrap();
            assert!(
                (0..20).all(|slot| read.get(slot) == row[slot] && numbers.get(index, slot) == row[slot]),
                "{index}"
            );
            assert_eq!(Some(read), Numbers::of_row(row.iter().copied()).row(0));
            assert!(index == 0 || numbers.row(index - 1) != Some(read));
        }
    }

    fn any_row() -> impl Strategy<Value = Vec<Option<i64>>> {
        let value = prop_oneof![
            2 => Just(None),
            4 => (0_i64..3).prop_map(Some),
            2 => prop_oneof![Just(i64::from(WIDE)), Just(i64::from(WIDE) - 1), Just(-1)].prop_map(Some),
            1 => any::<i64>().prop_map(Some)
        ];
        proptest::collection::vec(value, 9)
    }

    proptest! {
        #[test]
        fn what_went_in_comes_out(all in proptest::collection::vec((any_row(), proptest::bool::weighted(0.8)), 1..40)) {
            let mut writer = Writer::new(9, 0);
            for (row, is_kept) in &all {
                // In any order.
                for (slot, value) in row.iter().enumerate().rev() {
                    if let Some(value) = value {
                        writer.set(slot, *value);
                    }
                }
                prop_assert!((0..10).all(|slot| writer.get(slot) == row.get(slot).copied().flatten()));
                if *is_kept { writer.end_row() } else { writer.drop_row() }
            }
            let rows: Vec<Vec<Option<i64>>> = all.into_iter().filter(|(_, is_kept)| *is_kept).map(|(row, _)| row).collect();
            let numbers = writer.finish();
            for (index, row) in rows.iter().enumerate() {
                let read = numbers.row(index).unwrap();
                for (slot, value) in row.iter().enumerate() {
                    prop_assert_eq!(numbers.get(index, slot), *value);
                    prop_assert_eq!(read.get(slot), *value);
                    prop_assert_eq!(read.first(4).get(slot), value.filter(|_| slot < 4));
                }
                let alone = Numbers::of_row(row.iter().copied());
                prop_assert_eq!(alone.row(0).unwrap(), read);
                prop_assert_eq!(alone.row(0).unwrap().first(4), read.first(4));
            }
        }

        #[test]
        fn differences_are_found(one in any_row(), two in any_row(), width in 0_usize..10) {
            let (first, second) = (Numbers::of_row(one.iter().copied()), Numbers::of_row(two.iter().copied()));
            let (a, b) = (first.row(0).unwrap().first(width), second.row(0).unwrap().first(width));
            let expected: Vec<usize> = (0..width.min(9)).filter(|slot| one[*slot] != two[*slot]).collect();
            let mut found = Vec::new();
            a.differing(b, |slot| found.push(slot));
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(a == b, expected.is_empty());
        }
    }
}
