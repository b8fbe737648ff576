//! The cells of a table in segments of equal size.
//!
//! A large table has megabytes of cells. A single buffer would be copied whenever it grows, and freeing and allocating
//! such buffers would fragment the heap. Segments fit into the holes that earlier segments left.

/// Number of cells in a segment; 64 KiB, far below the size at which the allocator requests memory from the system. The
/// first segment grows up to this size, so that a small table uses little memory.
const SEGMENT_CELLS: usize = 1 << SEGMENT_BITS;
const SEGMENT_BITS: u32 = 14;

/// Append-only cells, read by position. A row is never split between two segments.
#[derive(Debug, Default)]
pub(super) struct CellSegments {
    /// Segments with cells, followed by empty ones that can be reused.
    segments: Vec<Vec<u32>>,
    /// Number of segments with cells.
    used: usize,
}

impl CellSegments {
    /// Reserves capacity for `cells` cells, but not for more than one segment.
    pub(super) fn reserve(&mut self, cells: usize) {
        if cells > 0 && self.segments.is_empty() {
            self.segments.push(Vec::with_capacity(cells.min(SEGMENT_CELLS)));
        }
    }

    /// Starts a row of at most `width` cells. Returns its position and the segment to which its cells must be appended.
    pub(super) fn start_row(&mut self, width: usize) -> (u32, &mut Vec<u32>) {
        let is_full = |segment: &Vec<u32>| segment.len() + width > SEGMENT_CELLS;
        if self.used == 0 || is_full(&self.segments[self.used - 1]) {
            if self.used == self.segments.len() {
                self.segments.push(Vec::with_capacity(if self.used == 0 { 0 } else { SEGMENT_CELLS }));
            }
            self.used += 1;
        }
        let last = self.used - 1;
        let segment = &mut self.segments[last];
        ((last << SEGMENT_BITS | segment.len()) as u32, segment)
    }

    /// Returns the cell at a position, or `None` beyond the last cell.
    #[inline]
    pub(super) fn get(&self, position: usize) -> Option<u32> {
        self.segments.get(position >> SEGMENT_BITS)?.get(position & (SEGMENT_CELLS - 1)).copied()
    }

    /// Returns `count` cells of a row from its position, or `None` if there are fewer.
    pub(super) fn row(&self, position: u32, count: usize) -> Option<&[u32]> {
        let position = position as usize;
        self.segments.get(position >> SEGMENT_BITS)?.get(position & (SEGMENT_CELLS - 1)..)?.get(..count)
    }

    /// Returns the number of cells.
    pub(super) fn len(&self) -> usize {
        self.segments.iter().map(Vec::len).sum()
    }

    /// Returns the number of cells for which memory is allocated.
    pub(super) fn capacity(&self) -> usize {
        self.segments.iter().map(Vec::capacity).sum()
    }

    /// Removes all cells and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.segments.iter_mut().for_each(Vec::clear);
        self.used = 0;
    }

    /// Frees segments without cells, and unused capacity of the last one if it is large.
    pub(super) fn shrink(&mut self) {
        self.segments.truncate(self.used);
        if let Some(last) = self.segments.last_mut().filter(|last| last.capacity() / 5 * 4 > last.len()) {
            last.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_back_from_every_segment() {
        let mut cells = CellSegments::default();
        for round in 0..2 {
            let rows: Vec<(u32, Vec<u32>)> = (0..3000_u32)
                .map(|row| {
                    let values: Vec<u32> = (0..row % 40).map(|cell| row + cell + round).collect();
                    let (position, segment) = cells.start_row(40);
                    segment.extend(&values);
                    (position, values)
                })
                .collect();
            for (position, values) in &rows {
                assert_eq!(cells.row(*position, values.len()), Some(&values[..]));
                let last = values.len().checked_sub(1).and_then(|last| cells.get(*position as usize + last));
                assert_eq!(last, values.last().copied());
            }
            assert_eq!(cells.len(), rows.iter().map(|(_, values)| values.len()).sum::<usize>());
            assert!(cells.used > 2 && cells.used == cells.segments.len(), "segments are reused");
            cells.shrink();
            cells.clear();
        }
        cells.shrink();
        assert_eq!((cells.len(), cells.capacity(), cells.get(0)), (0, 0, None));
    }
}
