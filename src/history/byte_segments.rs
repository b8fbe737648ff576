//! Bytes of many rows, one behind the other, in pieces of one size.
//!
//! Blocks of the history come and go as long as the program runs. One string of bytes for each would grow by being
//! copied, and leave a hole of another size each time; pieces of one size fit into the holes of those before them.

/// Bytes in a piece, of which the first ones have fewer: few rows take little. Far below what the allocator asks the
/// system for by itself.
const PIECE: usize = 64 << 10;
const FIRST: usize = 256;

/// Bytes that are appended to, and read by where they stand. What is appended at once is never cut.
#[derive(Debug, Default)]
pub struct Segments {
    /// Each with the number of bytes before it.
    pieces: Vec<(usize, Vec<u8>)>,
    length: usize,
}

impl Segments {
    /// Appends bytes; gives where they end.
    pub fn push(&mut self, parts: [&[u8]; 2]) -> usize {
        let more: usize = parts.iter().map(|part| part.len()).sum();
        let fits = |piece: &Vec<u8>| piece.capacity() - piece.len() >= more;
        if !self.pieces.last().is_some_and(|(_, piece)| fits(piece)) {
            let room = more.max(self.length.clamp(FIRST, PIECE));
            self.pieces.push((self.length, Vec::with_capacity(room)));
        }
        if let Some((_, piece)) = self.pieces.last_mut() {
            for part in parts {
                piece.extend_from_slice(part);
            }
        }
        self.length += more;
        self.length
    }

    /// What was appended there at once, from its start to its end.
    pub fn get(&self, start: usize, end: usize) -> Option<&[u8]> {
        let place = self.pieces.partition_point(|(before, _)| *before <= start).checked_sub(1)?;
        let (before, piece) = self.pieces.get(place)?;
        piece.get(start - before..end.checked_sub(*before)?)
    }

    /// Nothing more is appended: gives back what was kept ready.
    pub fn end(&mut self) {
        if let Some((_, piece)) = self.pieces.last_mut() {
            piece.shrink_to_fit();
        }
        self.pieces.shrink_to_fit();
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        let held = |(_, piece): &(usize, Vec<u8>)| piece.capacity();
        self.pieces.iter().map(held).sum::<usize>() + self.pieces.capacity() * size_of::<(usize, Vec<u8>)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_comes_back_whole_wherever_it_stands() {
        let (mut segments, mut ends) = (Segments::default(), vec![0]);
        let rows: Vec<Vec<u8>> = (0..600_usize).map(|row| vec![row as u8; row * row % 3000]).collect();
        let huge = vec![7; PIECE * 2];
        let all: Vec<&[u8]> = rows.iter().map(Vec::as_slice).chain([&huge[..], &[9]]).collect();
        for row in &all {
            ends.push(segments.push([&row[..row.len() / 2], &row[row.len() / 2..]]));
        }
        segments.end();
        for (place, row) in all.iter().enumerate().filter(|(_, row)| !row.is_empty()) {
            assert_eq!(segments.get(ends[place], ends[place + 1]), Some(*row), "{place}");
        }
        let bytes: usize = all.iter().map(|row| row.len()).sum();
        assert!((bytes..bytes * 11 / 10).contains(&segments.memory()), "{} of {bytes}", segments.memory());
        assert_eq!(segments.get(bytes, bytes + 1), None);
    }
}
