//! The set of columns in which a row has numbers.
//!
//! HAProxy leaves about half of a server's cells empty, and in all rows of the same kind the same cells are empty. A
//! table therefore stores its few distinct column sets once, and each row stores only its numbers.

/// Maximum number of slots of a row.
pub(crate) const MAX_WIDTH: usize = 256;

/// A set of slots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SlotSet([u64; MAX_WIDTH / 64]);

impl SlotSet {
    /// Adds a slot. A slot of [`MAX_WIDTH`] or more is ignored.
    pub(crate) fn insert(&mut self, slot: usize) {
        if let Some(word) = self.0.get_mut(slot / 64) {
            *word |= 1 << (slot % 64);
        }
    }

    /// Returns true if the set contains the slot.
    pub(crate) fn contains(self, slot: usize) -> bool {
        self.0.get(slot / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// Returns an iterator over the slots in ascending order.
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(index, word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                (left != 0).then(|| {
                    left &= left - 1;
                    index * 64 + bit
                })
            })
        })
    }

    /// Returns the set as a bitmap with eight slots per byte.
    pub(crate) fn bytes(self) -> impl Iterator<Item = u8> {
        self.0.into_iter().flat_map(u64::to_le_bytes)
    }

    /// Adds the slots that are set in `byte`, the byte at `index` of a bitmap as returned by [`Self::bytes`].
    pub(crate) fn insert_byte(&mut self, index: usize, byte: u8) {
        if let Some(word) = self.0.get_mut(index / 8) {
            *word |= u64::from(byte) << (index % 8 * 8);
        }
    }
}

impl FromIterator<usize> for SlotSet {
    fn from_iter<T: IntoIterator<Item = usize>>(slots: T) -> Self {
        slots.into_iter().fold(Self::default(), |mut all, slot| {
            all.insert(slot);
            all
        })
    }
}

/// The slots in which a row has numbers, with lookup tables.
#[derive(Debug)]
pub(crate) struct ColumnSet {
    slots: SlotSet,
    /// The slots in ascending order.
    order: Vec<u8>,
    /// Position of each slot among the stored numbers, or [`NO_POSITION`] for a slot that is not in the set.
    positions: [u16; MAX_WIDTH],
    /// For each slot, the number of lower slots in the set.
    counts_below: [u16; MAX_WIDTH + 1],
}

const NO_POSITION: u16 = u16::MAX;

impl ColumnSet {
    /// Builds the column set of a row with numbers in these slots.
    pub(crate) fn new(slots: SlotSet) -> Self {
        let order: Vec<u8> = slots.iter().map(|slot| slot as u8).collect();
        let (mut positions, mut counts_below) = ([NO_POSITION; MAX_WIDTH], [0; MAX_WIDTH + 1]);
        for slot in 0..MAX_WIDTH {
            let has = slots.contains(slot);
            if has {
                positions[slot] = counts_below[slot];
            }
            counts_below[slot + 1] = counts_below[slot] + u16::from(has);
        }
        Self { slots, order, positions, counts_below }
    }

    /// Returns the slots as a set.
    pub(crate) fn slots(&self) -> SlotSet {
        self.slots
    }

    /// Returns the number of slots that are in the set.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Returns an iterator over the slots in ascending order.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = usize> {
        self.order.iter().map(|slot| usize::from(*slot))
    }

    /// Returns the position of a slot among the stored numbers of the row, or `None` if the slot is not in the set.
    #[inline]
    pub(crate) fn position(&self, slot: usize) -> Option<usize> {
        self.positions.get(slot).filter(|index| **index != NO_POSITION).map(|index| usize::from(*index))
    }

    /// Returns the number of slots in the set that are lower than `slot`.
    #[inline]
    pub(crate) fn count_below(&self, slot: usize) -> usize {
        usize::from(self.counts_below[slot.min(MAX_WIDTH)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slot_set_iterates_in_order_and_round_trips_bytes(chosen in proptest::collection::btree_set(0..MAX_WIDTH, 0..40)) {
            // Set the numbers in any order.
            let (slots, mut by_bytes) = (chosen.iter().rev().copied().collect::<SlotSet>(), SlotSet::default());
            slots.bytes().enumerate().for_each(|(index, byte)| by_bytes.insert_byte(index, byte));
            prop_assert_eq!(slots, by_bytes);
            prop_assert!(slots.iter().eq(chosen.iter().copied()));
            let columns = ColumnSet::new(slots);
            prop_assert!(columns.iter().eq(chosen.iter().copied()));
            for slot in 0..MAX_WIDTH + 2 {
                prop_assert_eq!(columns.position(slot), chosen.iter().position(|known| *known == slot));
                prop_assert_eq!(columns.count_below(slot), chosen.iter().filter(|known| **known < slot).count());
            }
        }
    }

    #[test]
    fn insert_ignores_slots_beyond_the_maximum() {
        let mut slots = SlotSet::default();
        slots.insert(MAX_WIDTH);
        slots.insert_byte(MAX_WIDTH / 8, 1);
        assert_eq!((slots, slots.contains(MAX_WIDTH)), (SlotSet::default(), false));
    }
}
