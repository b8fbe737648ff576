//! Decodes blocks when they are needed, and keeps the last few.

use std::io;
use std::sync::Arc;

use crate::history::older_blocks::DecodedBlock;
use crate::observe::row_ids::KnownRows;
use crate::recording::byte_codec::Damaged;
use crate::recording::folder::ShardPart;
use crate::recording::found_blocks::{BlockPlace, FoundBlock, add_damage};
use crate::recording::record_frame::RecordKind;
use crate::recording::shard::{Damage, StoredShard};
use crate::recording::stored_block::BlockAssembler;
use crate::recording::stored_dictionary::StoredDictionary;

/// Number of decoded blocks that are kept.
const KEPT_BLOCKS: usize = 2;
/// Number of dictionaries that are kept.
const KEPT_DICTIONARIES: usize = 2;

/// Decoded blocks and dictionaries.
#[derive(Debug, Default)]
pub(crate) struct BlockDecoder {
    /// Ids of all rows in the dictionaries that were read.
    pub(crate) rows: KnownRows,
    /// Dictionaries by shard, with the number of records that were read; the one used last is last.
    dictionaries: Vec<(usize, usize, Arc<StoredDictionary>)>,
    /// Decoded blocks by shard, place and number of samples; the one used last is last.
    blocks: Vec<((usize, BlockPlace, u32), Arc<DecodedBlock>)>,
}

impl BlockDecoder {
    /// Forgets the decoded blocks, because their times change.
    pub(crate) fn forget_blocks(&mut self) {
        self.blocks.clear();
    }

    /// Decodes a block. Damaged dictionary records, and the damaged end of a journal, are added to `damage`.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read, and an inner error if the block is damaged.
    pub(crate) fn decode(
        &mut self,
        shards: &[StoredShard],
        found: &FoundBlock,
        damage: &mut Vec<Damage>,
    ) -> io::Result<Result<Arc<DecodedBlock>, Damaged>> {
        let key = (found.shard, found.place, found.span.count);
        if let Some(index) = self.blocks.iter().position(|(known, _)| *known == key) {
            let kept = self.blocks.remove(index);
            let block = Arc::clone(&kept.1);
            self.blocks.push(kept);
            return Ok(Ok(block));
        }
        let Some(shard) = shards.get(found.shard) else { return Ok(Err(Damaged("is in an unknown shard"))) };
        let dictionary = self.dictionary(shard, found.shard, damage)?;
        Ok(read_block(shard, found, dictionary, damage)?.map(|block| {
            let block = Arc::new(block);
            if self.blocks.len() == KEPT_BLOCKS {
                self.blocks.remove(0);
            }
            self.blocks.push((key, Arc::clone(&block)));
            block
        }))
    }

    /// Returns the dictionary of a shard. Reads it if it is not kept, or if the shard has further records.
    fn dictionary(
        &mut self,
        shard: &StoredShard,
        index: usize,
        damage: &mut Vec<Damage>,
    ) -> io::Result<&Arc<StoredDictionary>> {
        let count = shard.records(RecordKind::Dictionary).count();
        let kept = self.dictionaries.iter().position(|(known, read, _)| *known == index && *read == count);
        let entry = if let Some(place) = kept {
            self.dictionaries.remove(place)
        } else {
            self.dictionaries.retain(|(known, ..)| *known != index);
            if self.dictionaries.len() == KEPT_DICTIONARIES {
                self.dictionaries.remove(0);
            }
            (index, count, Arc::new(read_dictionary(shard, &self.rows, damage)?))
        };
        self.dictionaries.push(entry);
        let last = self.dictionaries.len() - 1;
        Ok(&self.dictionaries[last].2)
    }
}

fn read_dictionary(shard: &StoredShard, rows: &KnownRows, damage: &mut Vec<Damage>) -> io::Result<StoredDictionary> {
    let mut dictionary = StoredDictionary::default();
    let Some(file) = shard.open_part(ShardPart::Shard)? else { return Ok(dictionary) };
    for entry in shard.records(RecordKind::Dictionary) {
        let contents = entry.read(&file)?;
        let added = contents.and_then(|contents| dictionary.add_record(entry.header.number, &contents, rows));
        if let Err(reason) = added {
            add_damage(damage, Damage { file: shard.path(ShardPart::Shard), offset: entry.offset, reason });
        }
    }
    Ok(dictionary)
}

fn read_block(
    shard: &StoredShard,
    found: &FoundBlock,
    dictionary: &Arc<StoredDictionary>,
    damage: &mut Vec<Damage>,
) -> io::Result<Result<DecodedBlock, Damaged>> {
    let mut assembler = BlockAssembler::new(dictionary);
    let (part, entries) = match &found.place {
        BlockPlace::Shard(entry) => (ShardPart::Shard, std::slice::from_ref(entry)),
        BlockPlace::Journal => (ShardPart::Journal, shard.journal.records.as_slice()),
    };
    let Some(file) = shard.open_part(part)? else { return Ok(Err(Damaged("is in a file that was removed"))) };
    for entry in entries {
        let contents = entry.read(&file)?;
        let added = contents.and_then(|contents| assembler.add_part(contents, &entry.header.span));
        // Later parts refer to the damaged one. The parts before it form a block of their own.
        if let Err(reason) = added {
            if assembler.is_empty() {
                return Ok(Err(reason));
            }
            add_damage(damage, Damage { file: shard.path(part), offset: entry.offset, reason });
            break;
        }
    }
    Ok(assembler.finish(found.shift))
}
