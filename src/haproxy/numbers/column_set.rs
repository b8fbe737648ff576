//! Which of its numbers a row has.
//!
//! HAProxy leaves half the cells of a server empty, and the same ones in every row of a kind. So a table remembers the
//! few shapes its rows have, and each row only the numbers it has.

/// No row has more places for numbers.
pub const MAX_WIDTH: usize = 256;

/// Some of the slots of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slots([u64; MAX_WIDTH / 64]);

impl Slots {
    /// Adds a slot; one that no row has is left out.
    pub fn add(&mut self, slot: usize) {
        if let Some(word) = self.0.get_mut(slot / 64) {
            *word |= 1 << (slot % 64);
        }
    }

    /// Whether it is among these.
    pub fn has(self, slot: usize) -> bool {
        self.0.get(slot / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// All of them in order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(place, word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                (left != 0).then(|| {
                    left &= left - 1;
                    place * 64 + bit
                })
            })
        })
    }

    /// Eight slots a byte.
    pub fn bytes(self) -> impl Iterator<Item = u8> {
        self.0.into_iter().flat_map(u64::to_le_bytes)
    }

    /// Adds those of one such byte.
    pub fn add_byte(&mut self, place: usize, byte: u8) {
        if let Some(word) = self.0.get_mut(place / 8) {
            *word |= u64::from(byte) << (place % 8 * 8);
        }
    }
}

impl FromIterator<usize> for Slots {
    fn from_iter<T: IntoIterator<Item = usize>>(slots: T) -> Self {
        slots.into_iter().fold(Self::default(), |mut all, slot| {
            all.add(slot);
            all
        })
    }
}

/// The slots that the numbers of a row stand in.
#[derive(Debug)]
pub struct Shape {
    slots: Slots,
    /// The same in order.
    order: Vec<u8>,
    /// Where the number of each slot stands, or [`NOWHERE`].
    places: [u16; MAX_WIDTH],
    /// How many of them are below each slot.
    below: [u16; MAX_WIDTH + 1],
}

const NOWHERE: u16 = u16::MAX;

impl Shape {
    /// Of a row with numbers in these slots.
    pub fn new(slots: Slots) -> Self {
        let order: Vec<u8> = slots.iter().map(|slot| slot as u8).collect();
        let (mut places, mut below) = ([NOWHERE; MAX_WIDTH], [0; MAX_WIDTH + 1]);
        for slot in 0..MAX_WIDTH {
            let has = slots.has(slot);
            if has {
                places[slot] = below[slot];
            }
            below[slot + 1] = below[slot] + u16::from(has);
        }
        Self { slots, order, places, below }
    }

    /// The slots.
    pub fn slots(&self) -> Slots {
        self.slots
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.order.len()
    }

    /// The slots, in order.
    pub fn order(&self) -> impl ExactSizeIterator<Item = usize> {
        self.order.iter().map(|slot| usize::from(*slot))
    }

    /// Where the number of a slot stands; nowhere when it is absent.
    #[inline]
    pub fn place(&self, slot: usize) -> Option<usize> {
        self.places.get(slot).filter(|place| **place != NOWHERE).map(|place| usize::from(*place))
    }

    /// How many numbers stand in the slots below this one.
    #[inline]
    pub fn below(&self, slot: usize) -> usize {
        usize::from(self.below[slot.min(MAX_WIDTH)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slots_are_found_in_order_and_by_bytes(chosen in proptest::collection::btree_set(0..MAX_WIDTH, 0..40)) {
            // In any order.
            let (slots, mut by_bytes) = (chosen.iter().rev().copied().collect::<Slots>(), Slots::default());
            slots.bytes().enumerate().for_each(|(place, byte)| by_bytes.add_byte(place, byte));
            prop_assert_eq!(slots, by_bytes);
            prop_assert!(slots.iter().eq(chosen.iter().copied()));
            let shape = Shape::new(slots);
            prop_assert!(shape.order().eq(chosen.iter().copied()));
            for slot in 0..MAX_WIDTH + 2 {
                prop_assert_eq!(shape.place(slot), chosen.iter().position(|known| *known == slot));
                prop_assert_eq!(shape.below(slot), chosen.iter().filter(|known| **known < slot).count());
            }
        }
    }

    #[test]
    fn what_no_row_has_is_left_out() {
        let mut slots = Slots::default();
        slots.add(MAX_WIDTH);
        slots.add_byte(MAX_WIDTH / 8, 1);
        assert_eq!((slots, slots.has(MAX_WIDTH)), (Slots::default(), false));
    }
}
