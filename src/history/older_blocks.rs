//! Blocks of samples before those in memory, such as those of a recording.
//!
//! Only the times of these blocks are known; a block is decoded when a sample in it is read. The blocks that were decoded
//! last are kept, within a limit of memory.

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

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
    /// Longest time between two of them.
    pub(crate) longest_pause: Duration,
}

/// A decoded block. The texts of its rows are decoded when they are read, because charts do not need them.
pub(crate) struct DecodedBlock {
    pub(crate) block: Block,
    texts: OnceLock<TextLog>,
    decode_texts: Box<dyn Fn(&Block) -> TextLog + Send + Sync>,
}

impl Debug for DecodedBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodedBlock").field("block", &self.block).field("texts", &self.texts).finish_non_exhaustive()
    }
}

impl DecodedBlock {
    /// Creates a block whose texts `decode_texts` returns.
    pub(crate) fn new(block: Block, decode_texts: impl Fn(&Block) -> TextLog + Send + Sync + 'static) -> Self {
        Self { block, texts: OnceLock::new(), decode_texts: Box::new(decode_texts) }
    }

    /// Returns the texts of the rows.
    pub(crate) fn texts(&self) -> &TextLog {
        self.texts.get_or_init(|| (self.decode_texts)(&self.block))
    }

    /// Returns the memory used, in bytes.
    fn memory(&self) -> usize {
        self.block.memory() + self.texts.get().map_or(0, TextLog::memory)
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

    /// Returns whether what was stored about a monotonic time besides samples can be read.
    fn are_events_known(&self, at: Duration) -> bool;

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
}

impl KeptBlocks {
    fn memory(&self) -> usize {
        self.kept.iter().map(|(_, block)| block.memory()).sum()
    }
}

impl OlderSamples {
    /// Creates a reader of these blocks.
    pub(super) fn new(source: Box<dyn OlderBlocks>) -> Self {
        let spans = source.spans();
        Self { spans, reader: Mutex::new(KeptBlocks { source, kept: Vec::new() }) }
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
        if let Some(place) = reader.kept.iter().rposition(|(seq, _)| *seq == last) {
            reader.kept[place..].rotate_left(1);
        } else {
            let block = reader.source.decode(index)?;
            reader.kept.push((last, block));
            let mut bytes = reader.memory();
            while bytes > MAX_KEPT_BYTES && reader.kept.len() > 1 {
                bytes = bytes.saturating_sub(reader.kept.remove(0).1.memory());
            }
        }
        reader.kept.last().map(|(_, block)| Arc::clone(block))
    }

    /// Returns the memory of the decoded blocks, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).memory()
    }

    /// Returns whether what was stored about a monotonic time besides samples can be read.
    pub(super) fn are_events_known(&self, at: Duration) -> bool {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).source.are_events_known(at)
    }

    /// Returns a message about what could not be read so far, or `None` if everything could.
    pub(super) fn failure(&self) -> Option<String> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).source.failure()
    }
}
