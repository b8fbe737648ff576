//! A pool of buffers for the numbers of successive tables.
//!
//! The numbers of ten thousand servers take megabytes, and each new table replaces an old one. The buffers of a dropped
//! table are reused for a later one. Freeing and allocating them each time would fragment the heap.

use std::sync::{Mutex, PoisonError};

use crate::haproxy::numbers::storage::NumberStorage;

/// The released buffers of dropped tables.
#[derive(Debug, Default)]
pub(super) struct BufferPool(Mutex<Vec<NumberStorage>>);

impl BufferPool {
    /// Number of buffers kept; further ones are freed. Only a few tables exist at once, and after a reload they may be
    /// small.
    const MAX_BUFFERS: usize = 4;

    /// Returns an empty buffer whose capacity suits the contents of `like`, and frees those that do not suit it.
    pub(super) fn acquire(&self, like: &NumberStorage) -> NumberStorage {
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.retain(|storage| storage.is_suitable_for(like));
        buffers.pop().unwrap_or_else(|| NumberStorage::with_capacity_of(like))
    }

    /// Puts a buffer back into the pool.
    pub(super) fn release(&self, mut storage: NumberStorage) {
        storage.clear();
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buffers.len() < Self::MAX_BUFFERS {
            buffers.push(storage);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
