//! The buffers that store the numbers of a table.

use crate::haproxy::numbers::cell_segments::CellSegments;
use crate::haproxy::numbers::column_set::ColumnSet;
use crate::haproxy::numbers::stored_cells::StoredCells;

/// The start of a row, as indexes into the vectors of [`NumberStorage`].
#[derive(Debug, Clone, Copy)]
pub(super) struct RowStart {
    pub(super) stored: StoredCells,
    pub(super) cells: u32,
    pub(super) overflow: u32,
    pub(super) column_set: u32,
}

/// The numbers of a table, row by row.
#[derive(Debug, Default)]
pub(super) struct NumberStorage {
    pub(super) rows: Vec<RowStart>,
    pub(super) column_sets: Vec<ColumnSet>,
    pub(super) cells: CellSegments,
    /// Slot and value of each number that does not fit in a cell: row by row, in ascending order of slots.
    pub(super) overflow: Vec<(u16, i64)>,
}

impl NumberStorage {
    /// Creates an empty storage with capacity for the contents of `other` except its cells.
    pub(super) fn with_capacity_of(other: &Self) -> Self {
        // Allow for some more rows and large numbers.
        let more = |count: usize| count + count / 8;
        Self {
            rows: Vec::with_capacity(more(other.rows.len())),
            column_sets: Vec::with_capacity(other.column_sets.len()),
            cells: CellSegments::default(),
            overflow: Vec::with_capacity(more(other.overflow.len())),
        }
    }

    /// Returns true if the capacity for cells is at most twice the number of cells in `other`, or small.
    pub(super) fn is_suitable_for(&self, other: &Self) -> bool {
        self.cells.capacity() <= other.cells.len().saturating_mul(2)
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.column_sets.clear();
        self.cells.clear();
        self.overflow.clear();
    }

    /// Returns the memory that the contents need, in bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.cells.len() * size_of::<u32>()
            + self.overflow.len() * size_of::<(u16, i64)>()
            + self.rows.len() * size_of::<RowStart>()
            + self.column_sets.len() * size_of::<ColumnSet>()
    }

    /// Returns the allocated memory in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.cells.capacity() * size_of::<u32>()
            + self.overflow.capacity() * size_of::<(u16, i64)>()
            + self.rows.capacity() * size_of::<RowStart>()
            + self.column_sets.capacity() * size_of::<ColumnSet>()
    }
}
