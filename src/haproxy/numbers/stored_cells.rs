//! The cells of a row that are stored: those that are not zero.
//!
//! Most numbers of a server are zero, so a row stores a bit for each of its numbers and a cell only for the others.

/// Number of positions that have a bit. Cells at later positions are always stored.
const BITS: usize = u128::BITS as usize;

/// The positions in a column set whose cells are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StoredCells {
    /// Bits in two halves, so that the alignment of `u128` does not enlarge the rows.
    halves: [u64; 2],
}

impl StoredCells {
    fn bits(self) -> u128 {
        u128::from(self.halves[0]) | u128::from(self.halves[1]) << 64
    }

    /// Adds the cell at `position`. Returns whether it must be stored.
    #[inline]
    pub(super) fn add(&mut self, position: usize, cell: u32) -> bool {
        match self.halves.get_mut(position / 64) {
            Some(half) => {
                *half |= u64::from(cell != 0) << (position % 64);
                cell != 0
            }
            None => true,
        }
    }

    /// Returns the index of a position among the stored cells, or `None` if its cell is zero.
    #[inline]
    pub(super) fn index(self, position: usize) -> Option<usize> {
        match position {
            0..64 => self.index_in_half(0, position),
            64..BITS => Some(self.halves[0].count_ones() as usize + self.index_in_half(1, position - 64)?),
            _ => Some(self.bits().count_ones() as usize + position - BITS),
        }
    }

    #[inline]
    fn index_in_half(self, half: usize, position: usize) -> Option<usize> {
        let bits = self.halves[half];
        (bits >> position & 1 == 1).then(|| (bits & ((1 << position) - 1)).count_ones() as usize)
    }

    /// Returns the number of stored cells of the first `count` positions.
    pub(super) fn count(self, count: usize) -> usize {
        self.first(count).bits().count_ones() as usize + count.saturating_sub(BITS)
    }

    /// Returns the stored cells of the first `count` positions.
    pub(super) fn first(self, count: usize) -> Self {
        let mask = if count >= BITS { u128::MAX } else { (1 << count) - 1 };
        let bits = self.bits() & mask;
        Self { halves: [bits as u64, (bits >> 64) as u64] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn index_counts_the_stored_cells_before(cells in proptest::collection::vec(prop_oneof![Just(0_u32), Just(7)], 0..200), first in 0_usize..220) {
            let mut stored = StoredCells::default();
            let mut expected = Vec::new();
            for (position, cell) in cells.iter().enumerate() {
                let is_stored = *cell != 0 || position >= BITS;
                prop_assert_eq!(stored.add(position, *cell), is_stored);
                expected.push(is_stored);
            }
            let before = |position: usize| expected[..position].iter().filter(|is_stored| **is_stored).count();
            for (position, is_stored) in expected.iter().enumerate() {
                prop_assert_eq!(stored.index(position), is_stored.then(|| before(position)));
            }
            let first = first.min(cells.len());
            prop_assert_eq!(stored.count(first), before(first));
            prop_assert_eq!(stored.first(first).count(first), before(first));
        }
    }
}
