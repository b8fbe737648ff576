//! Room for the numbers of tables that follow each other.
//!
//! A dump of ten thousand servers fills megabytes, and one is let go for each that comes. What held it is kept for the
//! next one: given back to the allocator and asked for again, it would leave holes among the small pieces of memory
//! between.

use std::sync::{Mutex, PoisonError};

use crate::haproxy::numbers::storage::Held;

/// What tables which are gone have left to those that follow.
#[derive(Debug, Default)]
pub(super) struct Room(Mutex<Vec<Held>>);

impl Room {
    /// More is let go: a few tables are there at once, and after a reload they may be small.
    const MOST: usize = 4;

    /// Empty, with room for what this one holds and not for much more.
    pub(super) fn take(&self, like: &Held) -> Held {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|held| held.suits(like));
        left.pop().unwrap_or_else(|| Held::like(like))
    }

    pub(super) fn leave(&self, mut held: Held) {
        held.clear();
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() < Self::MOST {
            left.push(held);
        }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
