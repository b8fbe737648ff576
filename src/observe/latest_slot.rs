//! A place for one value: whoever is slow gets the newest and learns how many it missed.
//!
//! The sampler must neither wait for the screen nor pile up samples in front of it.

use std::sync::{Mutex, PoisonError};

/// One slot between a fast writer and a reader that may be slow.
#[derive(Debug)]
pub struct LatestSlot<T> {
    slot: Mutex<(Option<T>, u64)>,
}

impl<T> Default for LatestSlot<T> {
    fn default() -> Self {
        Self { slot: Mutex::new((None, 0)) }
    }
}

impl<T> LatestSlot<T> {
    /// Puts the newest value in. Returns whether the slot was empty, so that the reader must be woken.
    pub fn put(&self, value: T) -> bool {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = slot.0.replace(value).is_none();
        slot.1 += u64::from(!was_empty);
        was_empty
    }

    /// Takes the newest value out, with how many before it were never seen.
    pub fn take(&self) -> Option<(T, u64)> {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let value = slot.0.take()?;
        Some((value, std::mem::take(&mut slot.1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wins_and_the_missed_are_counted() {
        let latest = LatestSlot::default();
        assert!(latest.put(1));
        assert!(!latest.put(2));
        assert!(!latest.put(3));
        assert_eq!(latest.take(), Some((3, 2)));
        assert_eq!(latest.take(), None);
        assert!(latest.put(4));
        assert_eq!(latest.take(), Some((4, 0)));
    }
}
