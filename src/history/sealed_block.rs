//! The rows of a block that is full.
//!
//! They are packed a few at a time, so that no sample has to wait for all of them.

use crate::history::byte_segments::Segments;
use crate::history::packed_row::Columns;
use crate::observe::row_ids::RowId;

/// The rows of a full block.
#[derive(Debug, Default)]
pub struct Sealed {
    /// Packed rows one behind the other, each behind a byte that says how.
    bytes: Segments,
    /// Where each of them ends, by id.
    ends: Vec<(RowId, u32)>,
    /// Logs that are not packed yet, the next one last.
    waiting: Vec<(RowId, Box<[u8]>)>,
    waiting_bytes: usize,
}

/// How a row of a full block is written: as a log still, because it has gaps, or column by column.
const LOG: u8 = 0;
const PACKED: u8 = 1;

/// What is written of a row over a block.
#[derive(Debug, Clone, Copy)]
pub enum Written<'a> {
    /// A log.
    Log(&'a [u8]),
    /// Column by column.
    Packed(&'a [u8]),
}

impl Sealed {
    /// Logs to which nothing is appended any more.
    pub fn of(logs: impl Iterator<Item = (RowId, Box<[u8]>)>) -> Self {
        let mut waiting: Vec<_> = logs.collect();
        waiting.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(*id));
        let waiting_bytes = waiting.iter().map(|(_, log)| log.len()).sum();
        Self { ends: Vec::with_capacity(waiting.len()), waiting, waiting_bytes, bytes: Segments::default() }
    }

    /// Whether some rows are not packed yet.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.ends.len() + self.waiting.len()
    }

    /// Packs some more rows, over so many steps and each of its width.
    pub fn pack(&mut self, count: usize, steps: usize, width: impl Fn(RowId) -> usize) {
        for _ in 0..count {
            let Some((id, log)) = self.waiting.pop() else { break };
            self.waiting_bytes -= log.len();
            let end = match Columns::of_log(&log, steps, width(id)).map(|columns| columns.pack()) {
                Some(packed) if packed.len() < log.len() => self.bytes.push([&[PACKED], &packed]),
                _ => self.bytes.push([&[LOG], &log]),
            };
            self.ends.push((id, end as u32));
        }
        if self.waiting.is_empty() && self.waiting.capacity() > 0 {
            self.waiting = Vec::new();
            self.bytes.end();
        }
    }

    /// What is written of a row; nothing when it was in no sample.
    pub fn row(&self, id: RowId) -> Option<Written<'_>> {
        if let Ok(place) = self.ends.binary_search_by_key(&id, |(known, _)| *known) {
            let start = place.checked_sub(1).map_or(0, |before| self.ends[before].1 as usize);
            let (how, bytes) = self.bytes.get(start, self.ends[place].1 as usize)?.split_first()?;
            return Some(if *how == PACKED { Written::Packed(bytes) } else { Written::Log(bytes) });
        }
        let place = self.waiting.binary_search_by(|(known, _)| id.cmp(known)).ok()?;
        Some(Written::Log(&self.waiting[place].1))
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        let list = self.waiting.capacity() * size_of::<(RowId, Box<[u8]>)>();
        self.bytes.memory() + self.ends.capacity() * size_of::<(RowId, u32)>() + self.waiting_bytes + list
    }
}
