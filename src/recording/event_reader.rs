//! Reads the events of a recording, and checks its records.

use std::io;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use crate::recording::byte_codec::wall_time;
use crate::recording::folder::ShardPart;
use crate::recording::found_blocks::{BlockPlace, FoundBlock, add_damage};
use crate::recording::lost_events::LostEvents;
use crate::recording::reader::Recording;
use crate::recording::record_frame::{RecordKind, SIGNATURE, SampleMark};
use crate::recording::recorded_events::{RecordedEvent, decode_events};
use crate::recording::shard::{Damage, RecordEntry};
use crate::recording::shifts::Shift;

impl Recording {
    /// Returns the causes, actions and failed polls within a range of wall clock time, in the order in which they were
    /// recorded.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn events(&mut self, time: &RangeInclusive<SystemTime>) -> io::Result<Vec<RecordedEvent>> {
        let mut found = Vec::new();
        for index in 0..self.shards.len() {
            let shard = &self.shards[index];
            let within = |entry: &&RecordEntry| {
                let (first, last) = (entry.header.span.first.wall, entry.header.span.last.wall);
                wall_time(first.min(last)) <= *time.end() && wall_time(first.max(last)) >= *time.start()
            };
            let entries: Vec<RecordEntry> = shard.records(RecordKind::Events).filter(within).copied().collect();
            let shift = self.shift_of(index);
            let Some(file) = shard.open_part(ShardPart::Shard)?.filter(|_| !entries.is_empty()) else { continue };
            let path = shard.path(ShardPart::Shard);
            for entry in entries {
                match entry.read(&file)?.and_then(|contents| decode_events(&contents)) {
                    Ok(events) => {
                        let events = events.into_iter().filter(|event| time.contains(&event.at.wall));
                        found.extend(events.map(|event| shift.event(event)));
                    }
                    Err(reason) => {
                        add_damage(&mut self.damage, Damage { file: path.clone(), offset: entry.offset, reason });
                        let lost = LostEvents::Record { shard: index, at: entry.header.span.first.at };
                        if !self.lost_events.contains(&lost) {
                            self.lost_events.push(lost);
                        }
                    }
                }
            }
        }
        Ok(found)
    }

    /// Returns the shift of a shard.
    fn shift_of(&self, shard: usize) -> Shift {
        let in_shard = self.blocks.iter().find(|block| block.shard >= shard).or(self.blocks.last());
        in_shard.map_or(Shift::default(), |block| block.shift)
    }

    /// Returns whether the events up to a monotonic time are known, as far as they were read: no damaged record may have
    /// contained some. A run of the recorder begins with the causes that are open.
    pub(crate) fn are_events_known(&self, at: Duration) -> bool {
        let lost_records = self.lost_events.iter().map(|lost| match lost {
            LostEvents::Record { shard, at } => {
                let shift = self.shift_of(*shard);
                Some((shift, shift.timestamp(SampleMark { at: *at, ..SampleMark::default() }).monotonic))
            }
            LostEvents::Any => None,
        });
        let run_at = || self.blocks.iter().rev().find(|block| block.first().monotonic <= at).map(|block| block.shift);
        // `None` is a record of any time.
        let mut lost = lost_records.chain(self.unknown_records().map(Some));
        !lost.any(|lost| lost.is_none_or(|(shift, from)| from <= at && run_at().is_none_or(|run| run == shift)))
    }

    /// Returns the damaged places of the shards that may have been records of events: their runs, and the times of the last
    /// blocks before them.
    fn unknown_records(&self) -> impl Iterator<Item = (Shift, Duration)> {
        self.shards.iter().enumerate().flat_map(move |(index, shard)| {
            let is_known = |offset: u64| shard.list.records.iter().any(|entry| entry.offset == offset);
            let places = shard.list.damage.iter().map(|(offset, _)| *offset);
            let unknown = places.filter(move |offset| *offset >= SIGNATURE.len() as u64 && !is_known(*offset));
            unknown.map(move |offset| {
                let is_before = |block: &&FoundBlock| match block.place {
                    BlockPlace::Shard(entry) => (block.shard, entry.offset) < (index, offset),
                    BlockPlace::Journal => block.shard < index,
                };
                let before = self.blocks.iter().rev().find(is_before).filter(|block| block.shard == index);
                let start =
                    || self.blocks.iter().find(|block| block.shard >= index).map(|block| block.first().monotonic);
                let from = before.map(|block| block.last().monotonic).or_else(start);
                (self.shift_of(index), from.unwrap_or(Duration::ZERO))
            })
        })
    }

    /// Checks the contents of all records, so that [`Self::damage`] has all damaged places. This reads all files.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub(crate) fn verify(&mut self) -> io::Result<()> {
        for shard in &self.shards {
            for (part, list) in [(ShardPart::Shard, &shard.list), (ShardPart::Journal, &shard.journal)] {
                let Some(file) = shard.open_part(part)?.filter(|_| !list.records.is_empty()) else { continue };
                for entry in &list.records {
                    if let Err(reason) = entry.read(&file)? {
                        add_damage(&mut self.damage, Damage { file: shard.path(part), offset: entry.offset, reason });
                    }
                }
            }
        }
        Ok(())
    }
}
