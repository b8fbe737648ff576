//! A pool of buffers for the numbers of successive tables.
//!
//! The numbers of ten thousand servers take megabytes, and each new table replaces an old table. The buffers of a
//! dropped table are reused for a later table, because freeing and allocating buffers each time would fragment the
//! heap.

use std::sync::{Mutex, PoisonError};

use crate::haproxy::numbers::storage::NumberStorage;

/// The buffers that dropped tables have released.
#[derive(Debug, Default)]
pub(super) struct BufferPool(Mutex<Vec<NumberStorage>>);

impl BufferPool {
    /// Maximum number of buffers kept; further buffers are freed. Only a few tables exist at once, and tables may be
    /// small after a reload.
    const MAX_BUFFERS: usize = 4;

    /// Returns an empty buffer whose capacity suits the contents of `like`. Buffers with an unsuitable capacity are
    /// freed.
    pub(super) fn acquire(&self, like: &NumberStorage) -> NumberStorage {
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.retain(|storage| storage.is_suitable_for(like));
        buffers.pop().unwrap_or_else(|| NumberStorage::with_capacity_of(like))
    }

    /// Clears a buffer and returns it to the pool.
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
