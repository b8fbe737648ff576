//! Blocks of samples before those in memory, such as those of a recording.
//!
//! Only the times of these blocks are known; a block is decoded when a sample in it is read. The blocks that were decoded
//! last are kept, within a limit of memory.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use crate::history::block::{Block, SampleTime};
use crate::history::text_log::TextLog;

/// Maximum memory of the decoded blocks that are kept, in bytes. The one that was read last is kept in any case.
const MAX_KEPT_BYTES: usize = 24 << 20;

/// Samples of a block that need not be decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockSpan {
    pub(crate) first: SampleTime,
    pub(crate) last: SampleTime,
    /// Number of samples.
    pub(crate) count: usize,
}

/// A decoded block with the texts of its rows.
#[derive(Debug)]
pub(crate) struct DecodedBlock {
    pub(crate) block: Block,
    pub(crate) texts: TextLog,
}

impl DecodedBlock {
    /// Returns the memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.block.memory() + self.texts.memory()
    }
}

/// Blocks that are stored elsewhere. Their sequence numbers and monotonic times increase from block to block.
pub(crate) trait OlderBlocks: Debug + Send {
    /// Returns the samples of each block, oldest first.
    fn spans(&self) -> Vec<BlockSpan>;

    /// Decodes a block, given by its index in [`Self::spans`]. Returns `None` if it cannot be read.
    fn decode(&mut self, index: usize) -> Option<Arc<DecodedBlock>>;

    /// Finds the blocks that were added since. The samples of the others stay the same.
    fn refresh(&mut self);

    /// Returns a message about what could not be read so far, or `None` if everything could.
    fn failure(&self) -> Option<String>;
}

/// Older blocks, with those that were decoded last.
#[derive(Debug)]
pub(super) struct OlderSamples {
    spans: Vec<BlockSpan>,
    reader: Mutex<KeptBlocks>,
}

#[derive(Debug)]
struct KeptBlocks {
    source: Box<dyn OlderBlocks>,
    /// Decoded blocks, with the number of their last sample; the one used last is last.
    kept: Vec<(u64, Arc<DecodedBlock>)>,
    bytes: usize,
}

impl OlderSamples {
    /// Creates a reader of these blocks.
    pub(super) fn new(source: Box<dyn OlderBlocks>) -> Self {
        let spans = source.spans();
        Self { spans, reader: Mutex::new(KeptBlocks { source, kept: Vec::new(), bytes: 0 }) }
    }

    /// Returns the samples of each block, oldest first.
    pub(super) fn spans(&self) -> &[BlockSpan] {
        &self.spans
    }

    /// Finds the blocks that were added since.
    pub(super) fn refresh(&mut self) {
        let reader = self.reader.get_mut().unwrap_or_else(PoisonError::into_inner);
        reader.source.refresh();
        self.spans = reader.source.spans();
    }

    /// Returns a block, or `None` if it cannot be read.
    pub(super) fn decode(&self, index: usize) -> Option<Arc<DecodedBlock>> {
        // The last block of a recorder that runs grows, and has another last sample then.
        let last = self.spans.get(index)?.last.seq;
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let KeptBlocks { source, kept, bytes } = &mut *reader;
        if let Some(place) = kept.iter().rposition(|(seq, _)| *seq == last) {
            kept[place..].rotate_left(1);
        } else {
            let block = source.decode(index)?;
            *bytes += block.memory();
            kept.push((last, block));
            while *bytes > MAX_KEPT_BYTES && kept.len() > 1 {
                *bytes = bytes.saturating_sub(kept.remove(0).1.memory());
            }
        }
        kept.last().map(|(_, block)| Arc::clone(block))
    }

    /// Returns the memory of the decoded blocks, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// Returns a message about what could not be read so far, or `None` if everything could.
    pub(super) fn failure(&self) -> Option<String> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).source.failure()
    }
}
