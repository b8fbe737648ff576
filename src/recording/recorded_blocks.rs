//! A recording as the older blocks of a history.

use std::sync::Arc;
use std::time::Duration;

use crate::history::older_blocks::{BlockSpan, DecodedBlock, OlderBlocks};
use crate::recording::reader::Recording;
use crate::units::pluralize;

/// The blocks of a recording. What cannot be read is left out and reported.
#[derive(Debug)]
pub(crate) struct RecordedBlocks {
    recording: Recording,
    /// The first error of a file.
    error: Option<String>,
}

impl RecordedBlocks {
    /// Takes over a recording.
    pub(crate) fn new(recording: Recording) -> Self {
        Self { recording, error: None }
    }

    fn note_error<T>(&mut self, result: std::io::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.error.get_or_insert_with(|| format!("cannot read the recording: {error}"));
                None
            }
        }
    }
}

/// Describes what is damaged in a recording and was left out; `None` without damage.
pub(crate) fn damage_words(recording: &Recording) -> Option<String> {
    let damage = recording.damage();
    let first = damage.first()?;
    let count = pluralize(damage.len() as i64, "damaged record");
    Some(format!("recording: {count} left out: {first}"))
}

impl OlderBlocks for RecordedBlocks {
    fn spans(&self) -> Vec<BlockSpan> {
        self.recording.block_spans()
    }

    fn decode(&mut self, index: usize) -> Option<Arc<DecodedBlock>> {
        let decoded = self.recording.decode(index);
        self.note_error(decoded).flatten()
    }

    fn refresh(&mut self) {
        let refreshed = self.recording.refresh();
        self.note_error(refreshed);
    }

    fn are_events_known(&self, at: Duration) -> bool {
        self.error.is_none() && self.recording.are_events_known(at)
    }

    fn failure(&self) -> Option<String> {
        self.error.clone().or_else(|| damage_words(&self.recording))
    }
}
