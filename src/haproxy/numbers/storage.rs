//! What holds the numbers of a table.

use crate::haproxy::numbers::column_set::Shape;

/// Where the numbers of a row begin, and what it looks like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) cells: u32,
    pub(super) wide: u32,
    pub(super) shape: u32,
}

/// The numbers of a table, one row behind the other.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) rows: Vec<Start>,
    pub(super) shapes: Vec<Shape>,
    pub(super) cells: Vec<u32>,
    /// Numbers that do not fit, row by row, by slot.
    pub(super) wide: Vec<(u16, i64)>,
}

impl Held {
    /// Empty, with room for as much.
    pub(super) fn like(other: &Self) -> Self {
        // A few servers more have numbers for which they had none.
        let more = |count: usize| count + count / 8;
        Self {
            rows: Vec::with_capacity(more(other.rows.len())),
            shapes: Vec::with_capacity(other.shapes.len()),
            cells: Vec::with_capacity(more(other.cells.len())),
            wide: Vec::with_capacity(more(other.wide.len())),
        }
    }

    /// Whether it has the room for as much, and not for more than twice that.
    pub(super) fn suits(&self, other: &Self) -> bool {
        (other.cells.len()..=other.cells.len().saturating_mul(2)).contains(&self.cells.capacity())
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.shapes.clear();
        self.cells.clear();
        self.wide.clear();
    }

    /// Gives back the room that is for much more than there is.
    pub(super) fn fit(&mut self) {
        if self.cells.capacity() / 5 * 4 > self.cells.len() {
            self.cells.shrink_to_fit();
        }
    }

    /// Memory, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.cells.capacity() * size_of::<u32>()
            + self.wide.capacity() * size_of::<(u16, i64)>()
            + self.rows.capacity() * size_of::<Start>()
            + self.shapes.capacity() * size_of::<Shape>()
    }
}
