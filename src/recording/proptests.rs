//! Property tests: recorded samples are restored as the history restores them, and damaged contents never panic.

use std::sync::Arc;

use proptest::prelude::*;

use crate::history::block::BLOCK_SAMPLES;
use crate::history::proptests::{assert_same_values, build_samples, generated_sample};
use crate::observe::row_ids::KnownRows;
use crate::observe::sample::Sample;
use crate::recording::dictionary::DictionaryWriter;
use crate::recording::open_block::OpenBlock;
use crate::recording::record_frame::SampleSpan;
use crate::recording::shifts::Shift;
use crate::recording::stored_block::BlockAssembler;
use crate::recording::stored_dictionary::StoredDictionary;

/// Contents of a record, with the samples in them.
type SpanAndContents = (SampleSpan, Vec<u8>);

/// The contents of the records of one shard.
#[derive(Debug, Default)]
struct EncodedShard {
    dictionary: Vec<(u32, Vec<u8>)>,
    /// Blocks, each as parts and packed.
    blocks: Vec<(Vec<SpanAndContents>, SpanAndContents)>,
}

impl EncodedShard {
    /// Encodes the samples; every `part_length` samples, the new ones become a part.
    fn new(samples: &[Arc<Sample>], part_length: usize) -> Self {
        let (mut shard, mut dictionary) = (Self::default(), DictionaryWriter::default());
        let (mut open, mut parts) = (OpenBlock::new(&samples[0], None), Vec::new());
        for (index, sample) in samples.iter().enumerate() {
            if !open.accepts(sample) {
                shard.complete(&mut open, std::mem::take(&mut parts), &mut dictionary);
                open = OpenBlock::new(sample, Some(&open));
            }
            open.push(sample);
            if index % part_length == 0 {
                shard.add_part(&mut open, &mut parts, &mut dictionary);
            }
        }
        shard.complete(&mut open, parts, &mut dictionary);
        shard
    }

    fn add_part(&mut self, open: &mut OpenBlock, parts: &mut Vec<SpanAndContents>, dictionary: &mut DictionaryWriter) {
        if open.unwritten().is_empty() {
            return;
        }
        let (span, contents, end) = open.encode_unwritten(dictionary).unwrap();
        open.mark_written(end);
        parts.push((span, contents));
        self.store_pending(dictionary);
    }

    fn complete(&mut self, open: &mut OpenBlock, mut parts: Vec<SpanAndContents>, dictionary: &mut DictionaryWriter) {
        self.add_part(open, &mut parts, dictionary);
        let packed = open.encode_packed(dictionary).unwrap();
        self.store_pending(dictionary);
        self.blocks.push((parts, packed));
    }

    fn store_pending(&mut self, dictionary: &mut DictionaryWriter) {
        if let Some((first, contents)) = dictionary.pending() {
            self.dictionary.push((first, contents.to_vec()));
            dictionary.mark_written();
        }
    }

    fn stored_dictionary(&self, names: &KnownRows) -> StoredDictionary {
        let mut dictionary = StoredDictionary::default();
        for (first, contents) in &self.dictionary {
            dictionary.add_record(*first, contents, names).unwrap();
        }
        dictionary
    }
}

fn restore<'a>(dictionary: &StoredDictionary, parts: impl Iterator<Item = &'a SpanAndContents>) -> Vec<Sample> {
    let mut assembler = BlockAssembler::new(dictionary);
    for (span, contents) in parts {
        assembler.add_part(contents, span).unwrap();
    }
    let stored = assembler.finish(Shift::default()).unwrap();
    let steps: Vec<usize> = (0..stored.block.headers().len()).collect();
    stored.block.restore_samples(&steps, &stored.texts).unwrap()
}

/// Decodes contents that may be damaged, and restores whatever they contain.
fn try_restore(dictionary: &StoredDictionary, span: &SampleSpan, contents: &[u8]) -> Option<Vec<Sample>> {
    let mut assembler = BlockAssembler::new(dictionary);
    assembler.add_part(contents, span).ok()?;
    let stored = assembler.finish(Shift::default()).ok()?;
    let steps: Vec<usize> = (0..stored.block.headers().len()).collect();
    stored.block.restore_samples(&steps, &stored.texts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn recorded_samples_are_restored(steps in proptest::collection::vec(generated_sample(), 1..BLOCK_SAMPLES + 60), part_length in 1..30_usize) {
        let samples = build_samples(steps);
        let shard = EncodedShard::new(&samples, part_length);
        let names = KnownRows::default();
        let dictionary = shard.stored_dictionary(&names);
        let (mut packed, mut from_parts) = (Vec::new(), Vec::new());
        for (parts, block) in &shard.blocks {
            packed.extend(restore(&dictionary, std::iter::once(block)));
            from_parts.extend(restore(&dictionary, parts.iter()));
        }
        for restored in [packed, from_parts] {
            prop_assert_eq!(restored.len(), samples.len());
            for (sample, back) in samples.iter().zip(&restored) {
                assert_same_values(sample, back)?;
                prop_assert_eq!(sample.rows.backends(), back.rows.backends());
                for (id, row) in back.rows.ids().iter().zip(back.table.rows()) {
                    prop_assert_eq!(names.find(row.kind, &row.proxy, &row.name), Some(*id));
                }
            }
        }
    }

    #[test]
    fn damaged_contents_never_panic(steps in proptest::collection::vec(generated_sample(), 1..40), changes in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..4), cut in proptest::option::of(any::<u32>())) {
        let shard = EncodedShard::new(&build_samples(steps), 50);
        let damage = |contents: &[u8]| {
            let mut damaged = contents.to_vec();
            for (place, value) in &changes {
                let place = *place as usize % damaged.len().max(1);
                if let Some(byte) = damaged.get_mut(place) {
                    *byte = *value;
                }
            }
            damaged.truncate(cut.map_or(usize::MAX, |cut| cut as usize % (contents.len() + 1)));
            damaged
        };
        let dictionary = shard.stored_dictionary(&KnownRows::default());
        for (parts, (span, packed)) in &shard.blocks {
            let _ = try_restore(&dictionary, span, &damage(packed));
            for (span, contents) in parts {
                let _ = try_restore(&dictionary, span, &damage(contents));
            }
        }
        let mut damaged = StoredDictionary::default();
        for (first, contents) in &shard.dictionary {
            let _ = damaged.add_record(*first, &damage(contents), &KnownRows::default());
        }
        for (_, (span, packed)) in &shard.blocks {
            let _ = try_restore(&damaged, span, packed);
        }
    }
}
