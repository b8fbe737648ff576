//! Texts that many requests share, each stored once while requests refer to it.

use std::collections::HashMap;
use std::sync::Arc;

/// Bytes that a text takes besides its own: its entry in the index, its slot and its allocation.
const OVERHEAD: usize = 96;

/// A text and the number of its uses.
#[derive(Debug)]
struct TextSlot {
    text: Arc<[u8]>,
    uses: u32,
}

/// Texts by their ids. An id is reused when no request refers to its text any more.
#[derive(Debug, Default)]
pub(crate) struct TextStore {
    ids: HashMap<Arc<[u8]>, u32>,
    slots: Vec<TextSlot>,
    free: Vec<u32>,
    bytes: usize,
}

impl TextStore {
    /// Adds a use of a text, and returns its id.
    pub(crate) fn acquire(&mut self, text: &[u8]) -> u32 {
        if let Some(id) = self.ids.get(text) {
            self.slots[*id as usize].uses += 1;
            return *id;
        }
        let text: Arc<[u8]> = text.into();
        self.bytes += text.len() + OVERHEAD;
        let slot = TextSlot { text: Arc::clone(&text), uses: 1 };
        let id = if let Some(id) = self.free.pop() {
            self.slots[id as usize] = slot;
            id
        } else {
            self.slots.push(slot);
            self.slots.len() as u32 - 1
        };
        self.ids.insert(text, id);
        id
    }

    /// Ends a use of a text.
    pub(crate) fn release(&mut self, id: u32) {
        let slot = &mut self.slots[id as usize];
        slot.uses -= 1;
        if slot.uses == 0 {
            let text = std::mem::replace(&mut slot.text, Arc::from([]));
            self.bytes -= text.len() + OVERHEAD;
            self.ids.remove(&text);
            self.free.push(id);
        }
    }

    /// Returns the text of an id.
    pub(crate) fn text(&self, id: u32) -> &[u8] {
        &self.slots[id as usize].text
    }

    /// Returns the number of ids, of which some may be free.
    pub(crate) fn id_count(&self) -> usize {
        self.slots.len()
    }

    /// Returns the memory that the texts in use take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_stored_once_and_freed() {
        let mut store = TextStore::default();
        let [one, two, again] = [b"one", b"two", b"one"].map(|text| store.acquire(text));
        assert_eq!((one, store.text(two), store.bytes()), (again, &b"two"[..], 2 * (3 + OVERHEAD)));
        store.release(one);
        store.release(two);
        assert_eq!((store.text(one), store.bytes()), (&b"one"[..], 3 + OVERHEAD));
        assert_eq!((store.acquire(b"three"), store.id_count()), (two, 2), "the id is reused");
        store.release(again);
        store.release(two);
        assert_eq!((store.bytes(), store.ids.len()), (0, 0));
    }
}
