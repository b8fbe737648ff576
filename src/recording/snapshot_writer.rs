//! Writes a snapshot: one file with a span of the recordings of several instances.
//!
//! A snapshot has the form of a shard, and contains the shards of all its instances one after the other.

use std::io::{self, Write};
use std::sync::Arc;

use crate::observe::sample::Sample;
use crate::observe::timestamp::Timestamp;
use crate::recording::byte_codec::{Damaged, duration_nanos, wall_nanos};
use crate::recording::dictionary::DictionaryWriter;
use crate::recording::open_block::OpenBlock;
use crate::recording::record_frame::{
    RecordKind, SIGNATURE, SampleMark, SampleSpan, ShardOrigin, encode_lost_events, encode_record,
};
use crate::recording::recorded_events::RecordedEvent;

/// Size of the events from which a record of them is written, in bytes.
const EVENT_BYTES: usize = 1 << 20;
/// Maximum number of events in one record.
const EVENTS_PER_RECORD: usize = 1000;

/// Writes the shards of a snapshot.
#[derive(Debug)]
pub struct SnapshotWriter<W: Write> {
    out: W,
    /// Set after the beginning of the file was written.
    is_begun: bool,
    origin: ShardOrigin,
    /// The shard that is being written.
    shard: Option<SnapshotShard>,
    samples: u64,
}

/// State of one shard.
#[derive(Debug, Default)]
struct SnapshotShard {
    dictionary: DictionaryWriter,
    next_block: u32,
    open: Option<OpenBlock>,
}

impl<W: Write> SnapshotWriter<W> {
    /// Begins a snapshot. Nothing is written before the first sample.
    pub fn new(out: W) -> Self {
        Self { out, is_begun: false, origin: ShardOrigin::default(), shard: None, samples: 0 }
    }

    /// Begins the samples that one run of the recorder wrote about an instance. Names of instances must be different.
    pub fn start_run(&mut self, name: &str, address: &str) {
        self.origin = ShardOrigin {
            run: fastrand::u64(..),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: name.to_owned(),
            address: address.to_owned(),
        };
    }

    /// Adds the next sample of the run.
    ///
    /// # Errors
    /// Returns an error if the snapshot cannot be written.
    pub fn push(&mut self, sample: &Arc<Sample>) -> io::Result<()> {
        if self.open_block().is_some_and(|open| !open.accepts(sample)) {
            self.complete_block()?;
        }
        let shard = match self.shard.take() {
            Some(shard) => shard,
            None => self.start_shard()?,
        };
        let shard = self.shard.insert(shard);
        shard.open.get_or_insert_with(|| OpenBlock::new(sample, None)).push(sample);
        self.samples += 1;
        Ok(())
    }

    fn open_block(&self) -> Option<&OpenBlock> {
        self.shard.as_ref()?.open.as_ref()
    }

    fn start_shard(&mut self) -> io::Result<SnapshotShard> {
        if !std::mem::replace(&mut self.is_begun, true) {
            self.out.write_all(&SIGNATURE)?;
            self.write_edge()?;
        }
        write_record(&mut self.out, RecordKind::Shard, 0, SampleSpan::default(), &self.origin.encode())?;
        Ok(SnapshotShard::default())
    }

    /// Ends the run, of which these are the events in their order. A run without samples is left out.
    ///
    /// # Errors
    /// Returns an error if the snapshot cannot be written.
    pub fn finish_run(&mut self, events: &[RecordedEvent]) -> io::Result<()> {
        if self.samples > 0 && self.shard.is_none() {
            self.shard = Some(self.start_shard()?);
        }
        self.complete_block()?;
        if self.samples > 0 {
            self.write_events(events)?;
        }
        (self.shard, self.samples) = (None, 0);
        Ok(())
    }

    /// Marks the run that was finished last: events between these times could not be read. Readers report this.
    ///
    /// # Errors
    /// Returns an error if the snapshot cannot be written.
    pub fn mark_lost_events(&mut self, first: Timestamp, last: Timestamp) -> io::Result<()> {
        if !self.is_begun {
            return Ok(());
        }
        let mark = |at: Timestamp| SampleMark { seq: 0, at: duration_nanos(at.monotonic), wall: wall_nanos(at.wall) };
        let span = SampleSpan { first: mark(first), last: mark(last), ..SampleSpan::default() };
        self.out.write_all(&encode_lost_events(span))
    }

    fn complete_block(&mut self) -> io::Result<()> {
        let Some(shard) = &mut self.shard else { return Ok(()) };
        let Some(mut open) = shard.open.take() else { return Ok(()) };
        let (span, contents) = open.encode_packed(&mut shard.dictionary).map_err(invalid)?;
        if let Some((first, entries)) = shard.dictionary.pending() {
            write_record(&mut self.out, RecordKind::Dictionary, first, SampleSpan::default(), entries)?;
            shard.dictionary.mark_written();
        }
        write_record(&mut self.out, RecordKind::Block, shard.next_block, span, &contents)?;
        shard.next_block += 1;
        if shard.dictionary.is_large() {
            self.shard = None;
        }
        Ok(())
    }

    fn write_events(&mut self, events: &[RecordedEvent]) -> io::Result<()> {
        let mut rest = events;
        while let Some(first) = rest.first() {
            let (mut contents, mut count) = (Vec::new(), 0);
            for event in rest.iter().take(EVENTS_PER_RECORD) {
                event.encode(&mut contents);
                count += 1;
                if contents.len() >= EVENT_BYTES {
                    break;
                }
            }
            let (written, later) = rest.split_at(count);
            let span =
                SampleSpan { first: mark(first), last: mark(written.last().unwrap_or(first)), ..SampleSpan::default() };
            write_record(&mut self.out, RecordKind::Events, 0, span, &contents)?;
            rest = later;
        }
        Ok(())
    }

    /// Writes the mark by which readers know that the snapshot was not cut off.
    fn write_edge(&mut self) -> io::Result<()> {
        write_record(&mut self.out, RecordKind::SnapshotEdge, 0, SampleSpan::default(), &[])
    }

    /// Ends the snapshot, and returns what it was written to.
    ///
    /// # Errors
    /// Returns an error if the snapshot cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        if self.is_begun {
            self.write_edge()?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

fn mark(event: &RecordedEvent) -> SampleMark {
    SampleMark { seq: 0, at: duration_nanos(event.at.monotonic), wall: wall_nanos(event.at.wall) }
}

fn write_record(
    out: &mut impl Write,
    kind: RecordKind,
    number: u32,
    span: SampleSpan,
    contents: &[u8],
) -> io::Result<()> {
    out.write_all(&encode_record(kind, number, span, contents, true).map_err(invalid)?)
}

fn invalid(error: Damaged) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
