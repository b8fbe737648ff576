//! The block that a recorder fills.

use std::sync::Arc;

use crate::history::block::{Block, SampleHeader};
use crate::history::text_log::TextLog;
use crate::observe::sample::Sample;
use crate::recording::byte_codec::Damaged;
use crate::recording::dictionary::DictionaryWriter;
use crate::recording::part::{PartStart, encode_part};
use crate::recording::record_frame::SampleSpan;

/// Memory from which a block is complete although it could take further samples, in bytes.
const FULL_BYTES: usize = 12 << 20;

/// The block that new samples are added to, with the texts of its rows.
#[derive(Debug)]
pub(crate) struct OpenBlock {
    block: Block,
    texts: TextLog,
    /// The newest sample.
    newest: Option<Arc<Sample>>,
    /// End of the last part in the journal.
    written: PartStart,
}

impl OpenBlock {
    /// Creates a block for the columns of this sample, which is not added yet. The block shares keys with the block `before`.
    pub(crate) fn new(sample: &Sample, before: Option<&Self>) -> Self {
        Self {
            block: Block::new(sample, before.map(|before| &before.block)),
            texts: TextLog::default(),
            newest: None,
            written: PartStart::default(),
        }
    }

    /// Returns whether the sample can be added: the block is not full, the columns are the same, and time goes on.
    pub(crate) fn accepts(&self, sample: &Sample) -> bool {
        let is_later =
            self.block.headers().last().is_none_or(|last| last.seq < sample.seq && last.at <= sample.at.monotonic);
        is_later && self.block.accepts(sample) && (self.newest.is_none() || self.memory() < FULL_BYTES)
    }

    /// Adds a sample that the block accepts.
    pub(crate) fn push(&mut self, sample: &Arc<Sample>) {
        let before = self.newest.as_deref();
        if !TextLog::are_unchanged(before, sample) {
            self.texts.push_rows(before, sample, 0..sample.rows.ids().len());
        }
        let mut step = self.block.start_step(sample);
        while let Some(partial) = step {
            step = self.block.continue_step(sample, partial, None, usize::MAX);
        }
        self.newest = Some(Arc::clone(sample));
    }

    /// Returns the samples in this block.
    pub(crate) fn headers(&self) -> &[SampleHeader] {
        self.block.headers()
    }

    /// Returns the headers of the samples that the journal does not contain.
    pub(crate) fn unwritten(&self) -> &[SampleHeader] {
        &self.block.headers()[self.written.steps..]
    }

    /// Encodes the samples that the journal does not contain. Call [`Self::mark_written`] with the returned end once they
    /// are written.
    ///
    /// # Errors
    /// Returns an error if the samples cannot be encoded.
    pub(crate) fn encode_unwritten(
        &mut self,
        dictionary: &mut DictionaryWriter,
    ) -> Result<(SampleSpan, Vec<u8>, PartStart), Damaged> {
        self.block.end_runs();
        let span = SampleSpan::from_headers(self.unwritten());
        let (contents, end) = encode_part(&self.block, &self.texts, &self.written, dictionary)?;
        Ok((span, contents, end))
    }

    /// Records that the journal contains the samples up to this end.
    pub(crate) fn mark_written(&mut self, end: PartStart) {
        self.written = end;
    }

    /// Records that the journal contains no samples of this block, because a new journal was started.
    pub(crate) fn mark_unwritten(&mut self) {
        self.written = PartStart::default();
    }

    /// Packs the block and encodes it as a whole. No sample can be added afterwards.
    ///
    /// # Errors
    /// Returns an error if the block cannot be encoded.
    pub(crate) fn encode_packed(
        &mut self,
        dictionary: &mut DictionaryWriter,
    ) -> Result<(SampleSpan, Vec<u8>), Damaged> {
        self.block.seal();
        while self.block.has_unpacked_rows() {
            self.block.pack_some_rows();
        }
        let span = SampleSpan::from_headers(self.headers());
        let (contents, _) = encode_part(&self.block, &self.texts, &PartStart::default(), dictionary)?;
        Ok((span, contents))
    }

    /// Returns the memory used, in bytes, without the newest sample.
    pub(crate) fn memory(&self) -> usize {
        self.block.memory() + self.texts.memory()
    }
}
