//! Shifts of numbers and times, by which the samples of several runs of a recorder become one sequence.

use std::time::Duration;

use crate::history::block::SampleHeader;
use crate::observe::timestamp::Timestamp;
use crate::recording::byte_codec::wall_time;
use crate::recording::record_frame::{SampleMark, SampleSpan};
use crate::recording::recorded_events::RecordedEvent;

/// Time between the last sample of a run and the first of the next one, if the wall clock does not show a later time.
const MIN_PAUSE: i64 = 1_000_000;

/// Differences between the numbers and times of the reader and those of one run of the recorder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shift {
    seq: i64,
    /// Nanoseconds.
    at: i64,
    epoch: u32,
}

impl Shift {
    /// Returns the shift of a run whose first block is `next`; the last block of the run before is `last`, with `before` as
    /// its shift. The time between them is the one that the wall clock shows.
    pub(crate) fn after(before: Self, last: &SampleSpan, next: &SampleSpan) -> Self {
        let (last_seq, last_at) = (before.seq(last.last.seq), before.nanos(last.last.at));
        let pause = next.first.wall.saturating_sub(last.last.wall).max(MIN_PAUSE);
        let start = last_at.cast_signed().saturating_add(pause);
        Self {
            seq: last_seq.saturating_add(1).cast_signed().wrapping_sub(next.first.seq.cast_signed()),
            at: start.wrapping_sub(next.first.at.cast_signed()),
            epoch: before.epoch.saturating_add(last.last_epoch),
        }
    }

    /// Returns the shift to a clock that started earlier, by this many nanoseconds.
    pub(crate) fn to_earlier_clock(nanos: u64) -> Self {
        Self { at: nanos.cast_signed(), ..Self::default() }
    }

    /// Returns the nanoseconds by which the times of the reader are later than those of the recorder.
    pub(crate) fn nanos_later(self) -> i64 {
        self.at
    }

    /// Returns the epoch of the reader.
    pub(crate) fn epoch(self, epoch: u32) -> u32 {
        epoch.saturating_add(self.epoch)
    }

    /// Returns the sequence number of the reader.
    pub(crate) fn seq(self, seq: u64) -> u64 {
        seq.wrapping_add_signed(self.seq)
    }

    fn nanos(self, at: u64) -> u64 {
        at.saturating_add_signed(self.at)
    }

    fn monotonic(self, at: Duration) -> Duration {
        Duration::from_nanos(self.nanos(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Returns the time of the reader.
    pub(crate) fn timestamp(self, mark: SampleMark) -> Timestamp {
        Timestamp { monotonic: Duration::from_nanos(self.nanos(mark.at)), wall: wall_time(mark.wall) }
    }

    /// Returns a header with the numbers and times of the reader.
    pub(crate) fn header(self, header: &SampleHeader) -> SampleHeader {
        SampleHeader {
            seq: self.seq(header.seq),
            at: self.monotonic(header.at),
            epoch: self.epoch(header.epoch),
            ..*header
        }
    }

    /// Returns an event with the time of the reader.
    pub(crate) fn event(self, mut event: RecordedEvent) -> RecordedEvent {
        event.at.monotonic = self.monotonic(event.at.monotonic);
        event
    }
}
