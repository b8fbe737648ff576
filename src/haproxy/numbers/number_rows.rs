//! The numbers of many rows, each stored in four bytes if it fits.
//!
//! Ten thousand servers have half a million numbers, and a few tables exist at once. Nearly all numbers are small and
//! not negative; all other numbers are stored in a separate overflow list per row. A number may be absent, which
//! differs from zero: a row stores only the numbers that are present, and shares its [`ColumnSet`] with similar rows. Of
//! these, it stores a cell only for those that are not zero.

use std::sync::{Arc, LazyLock};

use crate::haproxy::numbers::buffer_pool::BufferPool;
use crate::haproxy::numbers::column_set::{ColumnSet, MAX_WIDTH};
use crate::haproxy::numbers::storage::NumberStorage;
use crate::haproxy::numbers::stored_cells::StoredCells;

/// Marks a number that is stored in the overflow list.
pub(super) const OVERFLOW: u32 = u32::MAX;
/// Marks an absent number, in a row that is being written or that uses the column set of all slots.
pub(super) const ABSENT: u32 = OVERFLOW - 1;

/// Rows of numbers, all of the same width.
#[derive(Debug, Default)]
pub(crate) struct NumberRows {
    pub(super) width: usize,
    pub(super) storage: NumberStorage,
    /// Receives `storage` when this value is dropped, and provides storage for later tables.
    pub(super) pool: Arc<BufferPool>,
}

impl NumberRows {
    /// Returns the allocated memory in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.storage.memory_bytes()
    }

    /// Returns the memory that the contents need, in bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.storage.memory_used()
    }

    /// Returns the numbers of a row, or `None` if `index` is out of range.
    pub(crate) fn row(&self, index: usize) -> Option<NumberRow<'_>> {
        let NumberStorage { rows, column_sets, cells, overflow } = &self.storage;
        let start = rows.get(index)?;
        let columns = column_sets.get(start.column_set as usize)?;
        let count = columns.len();
        let cells = cells.row(start.cells, start.stored.count(count))?;
        let overflow_end = rows.get(index + 1).map_or(overflow.len(), |next| next.overflow as usize);
        Some(NumberRow {
            width: self.width,
            columns,
            count,
            stored: start.stored,
            cells,
            overflow: overflow.get(start.overflow as usize..overflow_end)?,
        })
    }

    /// Returns the number in a slot of a row, or `None` if the number is absent or `index` is out of range.
    #[inline]
    pub(crate) fn get(&self, index: usize, slot: usize) -> Option<i64> {
        let start = self.storage.rows.get(index)?;
        let position = self.storage.column_sets.get(start.column_set as usize)?.position(slot)?;
        let Some(cell) = start.stored.index(position) else { return Some(0) };
        match self.storage.cells.get(start.cells as usize + cell)? {
            ABSENT => None,
            OVERFLOW => self.overflow_value(index, slot),
            narrow => Some(i64::from(narrow)),
        }
    }

    #[cold]
    fn overflow_value(&self, index: usize, slot: usize) -> Option<i64> {
        self.row(index)?.get(slot)
    }
}

impl Drop for NumberRows {
    fn drop(&mut self) {
        self.pool.release(std::mem::take(&mut self.storage));
    }
}

/// Returns the number stored for a slot in the overflow list of a row, or `None` if the list does not contain the slot.
pub(super) fn find_overflow(overflow: &[(u16, i64)], slot: usize) -> Option<i64> {
    overflow.iter().find(|(known, _)| usize::from(*known) == slot).map(|(_, value)| *value)
}

/// The numbers of one row. Two rows are equal if they have the same width and the same number in every slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NumberRow<'a> {
    width: usize,
    columns: &'a ColumnSet,
    /// Number of numbers, including zeros.
    count: usize,
    stored: StoredCells,
    cells: &'a [u32],
    overflow: &'a [(u16, i64)],
}

impl NumberRow<'_> {
    /// Returns a row of `width` zeros; a width above [`MAX_WIDTH`] is reduced to it.
    pub(crate) fn zeros(width: usize) -> NumberRow<'static> {
        static ALL: LazyLock<ColumnSet> = LazyLock::new(|| ColumnSet::new((0..MAX_WIDTH).collect()));
        static ZEROS: [u32; MAX_WIDTH] = [0; MAX_WIDTH];
        let stored = StoredCells::default();
        let cells = &ZEROS[..stored.count(MAX_WIDTH)];
        NumberRow { width: MAX_WIDTH, columns: &ALL, count: MAX_WIDTH, stored, cells, overflow: &[] }.prefix(width)
    }

    /// Returns a row with only the first `width` slots of this row.
    #[must_use]
    pub(crate) fn prefix(self, width: usize) -> Self {
        let width = width.min(self.width);
        let count = self.columns.count_below(width).min(self.count);
        let (stored, cells) = (self.stored.first(count), &self.cells[..self.stored.count(count)]);
        let overflow = self.overflow.partition_point(|(slot, _)| usize::from(*slot) < width);
        Self { width, count, stored, cells, overflow: &self.overflow[..overflow], ..self }
    }

    /// Returns the number of slots, including those without a number.
    pub(crate) fn width(self) -> usize {
        self.width
    }

    /// Returns the number in a slot, or `None` if the number is absent or the slot is out of range.
    #[inline]
    pub(crate) fn get(self, slot: usize) -> Option<i64> {
        // Slots from `width` on have no cell.
        match self.cell(self.columns.position(slot).filter(|position| *position < self.count)?) {
            ABSENT => None,
            OVERFLOW => find_overflow(self.overflow, slot),
            narrow => Some(i64::from(narrow)),
        }
    }

    #[inline]
    fn cell(self, position: usize) -> u32 {
        self.stored.index(position).map_or(0, |index| self.cells.get(index).copied().unwrap_or(ABSENT))
    }

    /// Calls `each` with every slot that has a number and with the number, in ascending order of the slots.
    pub(super) fn for_each_number(self, mut each: impl FnMut(usize, i64)) {
        for (position, slot) in self.columns.iter().take(self.count).enumerate() {
            match self.cell(position) {
                ABSENT => {}
                OVERFLOW => find_overflow(self.overflow, slot).into_iter().for_each(|value| each(slot, value)),
                narrow => each(slot, i64::from(narrow)),
            }
        }
    }

    /// Calls `on_slot` with every slot in which this row and `other` differ, in ascending order. Both rows must have
    /// the same width.
    pub(crate) fn for_each_difference(self, other: NumberRow<'_>, mut on_slot: impl FnMut(usize)) {
        if !self.has_same_slots(other) {
            return (0..self.width).filter(|slot| self.get(*slot) != other.get(*slot)).for_each(on_slot);
        }
        for (position, slot) in self.columns.iter().take(self.count).enumerate() {
            let (one, two) = (self.cell(position), other.cell(position));
            if one != two || one == OVERFLOW && self.get(slot) != other.get(slot) {
                on_slot(slot);
            }
        }
    }

    fn has_same_slots(self, other: NumberRow<'_>) -> bool {
        let (one, two) = (self.columns.slots(), other.columns.slots());
        let same_slots = || one == two || one.iter().take(self.count).eq(two.iter().take(self.count));
        self.width == other.width && self.count == other.count && same_slots()
    }
}

impl PartialEq for NumberRow<'_> {
    fn eq(&self, other: &Self) -> bool {
        if self.has_same_slots(*other) {
            return self.stored == other.stored && self.cells == other.cells && self.overflow == other.overflow;
        }
        self.width == other.width && (0..self.width).all(|slot| self.get(slot) == other.get(slot))
    }
}
