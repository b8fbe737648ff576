//! Slot for a single value, between a fast writer and a slow reader.
//!
//! A new value replaces an unread one, so the sampler never waits for the screen and samples never pile up. The reader
//! also receives the number of values that were replaced.

use std::sync::{Mutex, PoisonError};

/// Slot that keeps only the newest value and counts the replaced ones.
#[derive(Debug)]
pub(crate) struct LatestSlot<T> {
    slot: Mutex<(Option<T>, u64)>,
}

impl<T> Default for LatestSlot<T> {
    fn default() -> Self {
        Self { slot: Mutex::new((None, 0)) }
    }
}

impl<T> LatestSlot<T> {
    /// Stores a value; an unread value is replaced. Returns true if the slot was empty, in which case the reader must
    /// be woken.
    pub(crate) fn publish(&self, value: T) -> bool {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = slot.0.replace(value).is_none();
        slot.1 += u64::from(!was_empty);
        was_empty
    }

    /// Returns whether the value has not been read yet.
    pub(crate) fn is_unread(&self) -> bool {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).0.is_some()
    }

    /// Removes the value and returns it with the number of unread values that it replaced, or `None` if the slot is
    /// empty.
    pub(crate) fn take_latest(&self) -> Option<(T, u64)> {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let value = slot.0.take()?;
        Some((value, std::mem::take(&mut slot.1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_keeps_newest_value_and_counts_dropped() {
        let latest = LatestSlot::default();
        assert!(latest.publish(1));
        assert!(!latest.publish(2));
        assert!(!latest.publish(3));
        assert!(latest.is_unread());
        assert_eq!(latest.take_latest(), Some((3, 2)));
        assert!(!latest.is_unread());
        assert_eq!(latest.take_latest(), None);
        assert!(latest.publish(4));
        assert_eq!(latest.take_latest(), Some((4, 0)));
    }
}
