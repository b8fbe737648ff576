//! Numbers of many rows, in four bytes each where they fit.
//!
//! Ten thousand servers have half a million numbers, and a few dumps are held at once. Nearly all of them are small and
//! none is negative; those that do not fit stand aside, by row. A number may be absent, which is not zero: a row holds
//! those it has, and shares with others where they stand ([`Shape`]).

use std::sync::{Arc, LazyLock};

use crate::haproxy::numbers::buffer_pool::Room;
use crate::haproxy::numbers::column_set::{MAX_WIDTH, Shape};
use crate::haproxy::numbers::storage::Held;

/// The mark of a number that stands aside.
pub(super) const WIDE: u32 = u32::MAX;
/// The mark of one that is absent, in a row that is not done or like no other.
pub(super) const ABSENT: u32 = WIDE - 1;

/// Rows of numbers, all of the same width.
#[derive(Debug, Default)]
pub struct Numbers {
    pub(super) width: usize,
    pub(super) held: Held,
    /// Where that goes in the end, and where what holds the next table comes from.
    pub(super) room: Arc<Room>,
}

impl Numbers {
    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        self.held.memory()
    }

    /// The numbers of a row; nothing behind the last one.
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        let Held { rows, shapes, cells, wide } = &self.held;
        let start = rows.get(index)?;
        let shape = shapes.get(start.shape as usize)?;
        let cells = cells.get(start.cells as usize..)?.get(..shape.count())?;
        let wide_end = rows.get(index + 1).map_or(wide.len(), |next| next.wide as usize);
        Some(Row { width: self.width, shape, cells, wide: wide.get(start.wide as usize..wide_end)? })
    }

    /// A number; absent where it is none, and behind the last row or slot.
    #[inline]
    pub fn get(&self, index: usize, slot: usize) -> Option<i64> {
        let start = self.held.rows.get(index)?;
        let place = self.held.shapes.get(start.shape as usize)?.place(slot)?;
        match *self.held.cells.get(start.cells as usize + place)? {
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
        self.room.leave(std::mem::take(&mut self.held));
    }
}

/// A number of a row that stands aside.
pub(super) fn aside(wide: &[(u16, i64)], slot: usize) -> Option<i64> {
    wide.iter().find(|(known, _)| usize::from(*known) == slot).map(|(_, value)| *value)
}

/// The numbers of one row. Two are equal exactly where all their numbers are.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    width: usize,
    shape: &'a Shape,
    cells: &'a [u32],
    wide: &'a [(u16, i64)],
}

impl Row<'_> {
    /// A row of zeros, `width` of them, [`MAX_WIDTH`] at the most.
    pub fn zeros(width: usize) -> Row<'static> {
        static ALL: LazyLock<Shape> = LazyLock::new(|| Shape::new((0..MAX_WIDTH).collect()));
        static ZEROS: [u32; MAX_WIDTH] = [0; MAX_WIDTH];
        Row { width: MAX_WIDTH, shape: &ALL, cells: &ZEROS, wide: &[] }.first(width)
    }

    /// The first `width` numbers.
    #[must_use]
    pub fn first(self, width: usize) -> Self {
        let width = width.min(self.width);
        let cells = self.shape.below(width).min(self.cells.len());
        let wide = self.wide.partition_point(|(slot, _)| usize::from(*slot) < width);
        Self { width, cells: &self.cells[..cells], wide: &self.wide[..wide], ..self }
    }

    /// How many there are, those that are absent too.
    pub fn width(self) -> usize {
        self.width
    }

    /// A number; absent where it is none, and behind the last one.
    #[inline]
    pub fn get(self, slot: usize) -> Option<i64> {
        // Those behind the width have no cell.
        match *self.cells.get(self.shape.place(slot)?)? {
            ABSENT => None,
            WIDE => aside(self.wide, slot),
            narrow => Some(i64::from(narrow)),
        }
    }

    /// Calls `each` with every slot in which this row and another one of the same width differ, in order.
    pub fn differing(self, other: Row<'_>, mut each: impl FnMut(usize)) {
        if !self.has_slots_of(other) {
            return (0..self.width).filter(|slot| self.get(*slot) != other.get(*slot)).for_each(each);
        }
        for (slot, (one, two)) in self.shape.order().zip(self.cells.iter().zip(other.cells)) {
            if one != two || *one == WIDE && self.get(slot) != other.get(slot) {
                each(slot);
            }
        }
    }

    fn has_slots_of(self, other: Row<'_>) -> bool {
        let (one, two) = (self.shape.slots(), other.shape.slots());
        let count = self.cells.len();
        let have_the_same = || one == two || one.iter().take(count).eq(two.iter().take(count));
        self.width == other.width && count == other.cells.len() && have_the_same()
    }
}

impl PartialEq for Row<'_> {
    fn eq(&self, other: &Self) -> bool {
        if self.has_slots_of(*other) {
            return self.cells == other.cells && self.wide == other.wide;
        }
        self.width == other.width && (0..self.width).all(|slot| self.get(slot) == other.get(slot))
    }
}
