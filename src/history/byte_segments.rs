//! Byte buffer made of segments of equal size.
//!
//! Blocks of the history are created and dropped for as long as the program runs. A single buffer per block would be
//! copied whenever it grows, and each copy would leave a hole of a different size in the heap. Segments of equal size
//! fit into the holes that earlier segments left.

/// Size of a segment in bytes, except that the first segments are smaller so that few rows use little memory. The size
/// is far below the one at which the allocator requests memory directly from the system.
const SEGMENT_BYTES: usize = 64 << 10;
const FIRST_SEGMENT_BYTES: usize = 256;

/// Append-only bytes, read by position. An item is never split between two segments.
#[derive(Debug, Default)]
pub(crate) struct ByteSegments {
    /// Segments, each with the number of bytes in all earlier segments.
    segments: Vec<(usize, Vec<u8>)>,
    length: usize,
}

impl ByteSegments {
    /// Appends the two parts as one item and returns the position of the item's end.
    pub(crate) fn push(&mut self, parts: [&[u8]; 2]) -> usize {
        let more: usize = parts.iter().map(|part| part.len()).sum();
        let fits = |segment: &Vec<u8>| segment.capacity() - segment.len() >= more;
        if !self.segments.last().is_some_and(|(_, segment)| fits(segment)) {
            let capacity = more.max(self.length.clamp(FIRST_SEGMENT_BYTES, SEGMENT_BYTES));
            self.segments.push((self.length, Vec::with_capacity(capacity)));
        }
        if let Some((_, segment)) = self.segments.last_mut() {
            for part in parts {
                segment.extend_from_slice(part);
            }
        }
        self.length += more;
        self.length
    }

    /// Returns the item between two positions, or `None` if no segment contains all of it.
    pub(crate) fn get(&self, start: usize, end: usize) -> Option<&[u8]> {
        let place = self.segments.partition_point(|(before, _)| *before <= start).checked_sub(1)?;
        let (before, segment) = self.segments.get(place)?;
        segment.get(start - before..end.checked_sub(*before)?)
    }

    /// Releases unused capacity. Call it after the last append.
    pub(crate) fn finish(&mut self) {
        if let Some((_, segment)) = self.segments.last_mut() {
            segment.shrink_to_fit();
        }
        self.segments.shrink_to_fit();
    }

    /// Returns the memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let held = |(_, segment): &(usize, Vec<u8>)| segment.capacity();
        self.segments.iter().map(held).sum::<usize>() + self.segments.capacity() * size_of::<(usize, Vec<u8>)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_returns_every_appended_item() {
        let (mut segments, mut ends) = (ByteSegments::default(), vec![0]);
        let rows: Vec<Vec<u8>> = (0..600_usize).map(|row| vec![row as u8; row * row % 3000]).collect();
        let huge = vec![7; SEGMENT_BYTES * 2];
        let all: Vec<&[u8]> = rows.iter().map(Vec::as_slice).chain([&huge[..], &[9]]).collect();
        for row in &all {
            ends.push(segments.push([&row[..row.len() / 2], &row[row.len() / 2..]]));
        }
        segments.finish();
        for (place, row) in all.iter().enumerate().filter(|(_, row)| !row.is_empty()) {
            assert_eq!(segments.get(ends[place], ends[place + 1]), Some(*row), "{place}");
        }
        let bytes: usize = all.iter().map(|row| row.len()).sum();
        assert!((bytes..bytes * 11 / 10).contains(&segments.memory()), "{} of {bytes}", segments.memory());
        assert_eq!(segments.get(bytes, bytes + 1), None);
    }
}
