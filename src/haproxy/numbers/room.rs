//! Room for the numbers of tables that follow each other.
//!
//! A dump of ten thousand servers fills megabytes, and one is let go for each that comes. The room of its cells is kept
//! for the next one: given back to the allocator and asked for again, it would leave holes among the small pieces of
//! memory between.

use std::sync::{Mutex, PoisonError};

/// Room for cells that tables which are gone have left to those that follow.
#[derive(Debug, Default)]
pub(super) struct Room(pub(super) Mutex<Vec<Vec<u32>>>);

impl Room {
    /// More is let go: a few tables are there at once, and after a reload they may be small.
    const MOST: usize = 4;

    /// Empty, with room for so many cells and not for many more.
    pub(super) fn take(&self, count: usize) -> Vec<u32> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |cells: &Vec<u32>| (count..=count.saturating_mul(2)).contains(&cells.capacity());
        left.retain(fits);
        // A few servers more have numbers for which they had none.
        left.pop().unwrap_or_else(|| Vec::with_capacity(count + count / 8))
    }

    pub(super) fn leave(&self, mut cells: Vec<u32>) {
        cells.clear();
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() < Self::MOST {
            left.push(cells);
        }
    }
}
