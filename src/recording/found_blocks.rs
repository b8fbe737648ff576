//! Finds the blocks of all shards, and joins them to one sequence of samples.

use std::time::Duration;

use crate::history::block::SampleTime;
use crate::history::older_blocks::BlockSpan;
use crate::observe::timestamp::Timestamp;
use crate::recording::byte_codec::Damaged;
use crate::recording::folder::ShardPart;
use crate::recording::record_frame::SampleSpan;
use crate::recording::shard::{Damage, RecordEntry, StoredShard};
use crate::recording::shifts::Shift;

/// Where a block is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockPlace {
    /// A record of the shard.
    Shard(RecordEntry),
    /// The parts in the journal.
    Journal,
}

impl BlockPlace {
    /// Returns the file and the position of the block in it.
    pub(crate) fn position(self) -> (ShardPart, u64) {
        match self {
            Self::Shard(entry) => (ShardPart::Shard, entry.offset),
            Self::Journal => (ShardPart::Journal, 0),
        }
    }
}

/// A block that was found, and is not decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoundBlock {
    /// Index of the shard.
    pub(crate) shard: usize,
    pub(crate) place: BlockPlace,
    /// Samples, with the recorder's numbers and times.
    pub(crate) span: SampleSpan,
    pub(crate) shift: Shift,
    /// True if the block cannot be decoded.
    pub(crate) is_damaged: bool,
}

impl FoundBlock {
    /// Returns the time of the first sample.
    pub(crate) fn first(&self) -> Timestamp {
        self.shift.timestamp(self.span.first)
    }

    /// Returns the time of the last sample.
    pub(crate) fn last(&self) -> Timestamp {
        self.shift.timestamp(self.span.last)
    }

    /// Returns the samples.
    pub(crate) fn block_span(&self) -> BlockSpan {
        BlockSpan {
            first: SampleTime { seq: self.first_seq(), at: self.first() },
            last: SampleTime { seq: self.last_seq(), at: self.last() },
            count: self.span.count as usize,
            longest_pause: Duration::from_millis(u64::from(self.span.longest_pause)),
        }
    }

    /// Returns the sequence number of the first sample.
    pub(crate) fn first_seq(&self) -> u64 {
        self.shift.seq(self.span.first.seq)
    }

    /// Returns the sequence number of the last sample.
    pub(crate) fn last_seq(&self) -> u64 {
        self.shift.seq(self.span.last.seq)
    }
}

/// Returns the blocks of all shards in their order. `before` are those that were found the last time, of which damaged ones
/// stay damaged. `base` is the shift of the first run. Blocks that are not in order are left out and added to `damage`.
pub(crate) fn find_blocks(
    shards: &[StoredShard],
    base: Shift,
    before: &[FoundBlock],
    damage: &mut Vec<Damage>,
) -> Vec<FoundBlock> {
    // A damaged journal may have been replaced by a block that is intact.
    let is_final = |block: &&FoundBlock| block.is_damaged && block.place != BlockPlace::Journal;
    let damaged: Vec<(usize, BlockPlace)> =
        before.iter().filter(is_final).map(|block| (block.shard, block.place)).collect();
    let mut blocks: Vec<FoundBlock> = Vec::new();
    let mut run = None;
    let mut shift = base;
    for (index, shard) in shards.iter().enumerate() {
        let in_journal = joined_span(shard.journal.records.iter().map(|part| part.header.span));
        let stored = shard.blocks().map(|entry| (BlockPlace::Shard(*entry), entry.header.span));
        // Without its origin, a shard counts as a run of its own.
        let this_run = shard.origin.as_ref().map_or(Err(index), |origin| Ok(origin.run));
        for (place, span) in stored.chain(in_journal.map(|span| (BlockPlace::Journal, span))) {
            let last = blocks.last();
            if let Some(last) = last.filter(|_| run != Some(this_run)) {
                shift = Shift::after(last.shift, &last.span, &span);
            }
            run = Some(this_run);
            let is_damaged = damaged.contains(&(index, place));
            let block = FoundBlock { shard: index, place, span, shift, is_damaged };
            let continues = last.is_none_or(|last| {
                last.last_seq() < block.first_seq() && last.last().monotonic <= block.first().monotonic
            });
            if continues && span.first.seq <= span.last.seq && span.first.at <= span.last.at && span.count > 0 {
                blocks.push(block);
            } else {
                let (part, offset) = place.position();
                add_damage(damage, Damage { file: shard.path(part), offset, reason: Damaged("is not in order") });
            }
        }
    }
    blocks
}

/// Returns the span of consecutive parts, or `None` without parts.
fn joined_span(parts: impl Iterator<Item = SampleSpan>) -> Option<SampleSpan> {
    parts.reduce(|all, part| {
        let pause = part.first.at.saturating_sub(all.last.at) / 1_000_000;
        let pause = u32::try_from(pause).unwrap_or(u32::MAX);
        SampleSpan {
            count: all.count.saturating_add(part.count),
            first: all.first,
            last: part.last,
            last_epoch: part.last_epoch,
            longest_pause: all.longest_pause.max(part.longest_pause).max(pause),
        }
    })
}

/// Maximum number of damaged records that are remembered.
const MAX_DAMAGE: usize = 1000;

/// Remembers a damaged record once.
pub(crate) fn add_damage(damage: &mut Vec<Damage>, new: Damage) {
    if damage.len() < MAX_DAMAGE && !damage.contains(&new) {
        damage.push(new);
    }
}
