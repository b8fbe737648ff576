//! Rows of a full block. The rows are packed a few at a time, so that storing a new sample never takes long.

use crate::history::byte_segments::ByteSegments;
use crate::history::packed_row::RowColumns;
use crate::observe::row_ids::RowId;

/// Rows of a full block.
#[derive(Debug, Default)]
pub(crate) struct SealedRows {
    /// Stored rows, each preceded by a byte that identifies its encoding.
    bytes: ByteSegments,
    /// End position of each stored row, sorted by id.
    ends: Vec<(RowId, u32)>,
    /// Logs that are not packed yet, sorted by descending id; the next one to pack is last.
    unpacked: Vec<(RowId, Box<[u8]>)>,
    unpacked_bytes: usize,
}

/// Encoding of a stored row as a log, for a row that some samples do not contain or that packing would not make
/// shorter.
const LOG: u8 = 0;
/// Encoding of a stored row as packed columns.
const PACKED: u8 = 1;

/// Stored bytes of one row over a block.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StoredRow<'a> {
    /// Row log; see [`crate::history::row_log`].
    Log(&'a [u8]),
    /// Packed columns; see [`RowColumns::pack`].
    Packed(&'a [u8]),
}

impl SealedRows {
    /// Creates the rows of a sealed block from complete logs. The rows are not packed yet.
    pub(crate) fn from_logs(logs: impl Iterator<Item = (RowId, Box<[u8]>)>) -> Self {
        let mut waiting: Vec<_> = logs.collect();
        waiting.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(*id));
        let waiting_bytes = waiting.iter().map(|(_, log)| log.len()).sum();
        Self {
            ends: Vec::with_capacity(waiting.len()),
            unpacked: waiting,
            unpacked_bytes: waiting_bytes,
            bytes: ByteSegments::default(),
        }
    }

    /// Restores the rows of a sealed block from a file; `rows` must be sorted by id, without repetitions.
    pub(crate) fn from_stored<'a>(rows: impl Iterator<Item = (RowId, StoredRow<'a>)>) -> Self {
        let mut sealed = Self::default();
        for (id, row) in rows {
            let end = match row {
                StoredRow::Packed(bytes) => sealed.bytes.push([&[PACKED], bytes]),
                StoredRow::Log(bytes) => sealed.bytes.push([&[LOG], bytes]),
            };
            sealed.ends.push((id, end as u32));
        }
        sealed.bytes.finish();
        sealed
    }

    /// Returns the ids of all rows.
    pub(crate) fn ids(&self) -> impl Iterator<Item = RowId> {
        self.ends.iter().map(|(id, _)| *id).chain(self.unpacked.iter().map(|(id, _)| *id))
    }

    /// Returns whether some rows are not packed yet.
    pub(crate) fn has_unpacked_rows(&self) -> bool {
        !self.unpacked.is_empty()
    }

    /// Returns the number of rows.
    pub(crate) fn row_count(&self) -> usize {
        self.ends.len() + self.unpacked.len()
    }

    /// Packs the next `count` rows. `steps` is the number of samples in the block, and `width` returns the number of
    /// columns of a row.
    pub(crate) fn pack_some(&mut self, count: usize, steps: usize, width: impl Fn(RowId) -> usize) {
        for _ in 0..count {
            let Some((id, log)) = self.unpacked.pop() else { break };
            self.unpacked_bytes -= log.len();
            let end = match RowColumns::from_log(&log, steps, width(id)).map(|columns| columns.pack()) {
                Some(packed) if packed.len() < log.len() => self.bytes.push([&[PACKED], &packed]),
                _ => self.bytes.push([&[LOG], &log]),
            };
            self.ends.push((id, end as u32));
        }
        if self.unpacked.is_empty() && self.unpacked.capacity() > 0 {
            self.unpacked = Vec::new();
            self.bytes.finish();
        }
    }

    /// Returns the stored bytes of a row, or `None` if no sample of the block contains it.
    pub(crate) fn get(&self, id: RowId) -> Option<StoredRow<'_>> {
        if let Ok(index) = self.ends.binary_search_by_key(&id, |(known, _)| *known) {
            let start = index.checked_sub(1).map_or(0, |before| self.ends[before].1 as usize);
            let (encoding, bytes) = self.bytes.get(start, self.ends[index].1 as usize)?.split_first()?;
            return Some(if *encoding == PACKED { StoredRow::Packed(bytes) } else { StoredRow::Log(bytes) });
        }
        let index = self.unpacked.binary_search_by(|(known, _)| id.cmp(known)).ok()?;
        Some(StoredRow::Log(&self.unpacked[index].1))
    }

    /// Returns the memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let list = self.unpacked.capacity() * size_of::<(RowId, Box<[u8]>)>();
        self.bytes.memory() + self.ends.capacity() * size_of::<(RowId, u32)>() + self.unpacked_bytes + list
    }
}
