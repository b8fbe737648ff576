//! Property tests: recorded samples are restored as the history restores them, and damaged contents never panic.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_row::RowKind;
use crate::history::block::BLOCK_SAMPLES;
use crate::history::proptests::{assert_same_values, build_samples, generated_sample};
use crate::observe::events::{EventKind, RowNames};
use crate::observe::row_ids::KnownRows;
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::observe::state_cause::StateCause;
use crate::observe::timestamp::Timestamp;
use crate::recording::dictionary::DictionaryWriter;
use crate::recording::open_block::OpenBlock;
use crate::recording::record_frame::SampleSpan;
use crate::recording::recorded_changes::{RecordedChange, RecordedRow};
use crate::recording::recorded_events::{
    CauseState, CauseStep, EventContents, RecordedCause, RecordedEvent, decode_events,
};
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

    fn stored_dictionary(&self, names: &KnownRows) -> Arc<StoredDictionary> {
        let mut dictionary = StoredDictionary::default();
        for (first, contents) in &self.dictionary {
            dictionary.add_record(*first, contents, names).unwrap();
        }
        Arc::new(dictionary)
    }
}

fn restore<'a>(dictionary: &Arc<StoredDictionary>, parts: impl Iterator<Item = &'a SpanAndContents>) -> Vec<Sample> {
    let mut assembler = BlockAssembler::new(dictionary);
    for (span, contents) in parts {
        assembler.add_part(contents.clone(), span).unwrap();
    }
    let stored = assembler.finish(Shift::default()).unwrap();
    let steps: Vec<usize> = (0..stored.block.headers().len()).collect();
    stored.block.restore_samples(&steps, stored.texts()).unwrap()
}

/// Decodes contents that may be damaged, and restores whatever they contain.
fn try_restore(dictionary: &Arc<StoredDictionary>, span: &SampleSpan, contents: &[u8]) -> Option<Vec<Sample>> {
    let mut assembler = BlockAssembler::new(dictionary);
    assembler.add_part(contents.to_vec(), span).ok()?;
    let stored = assembler.finish(Shift::default()).ok()?;
    let steps: Vec<usize> = (0..stored.block.headers().len()).collect();
    stored.block.restore_samples(&steps, stored.texts())
}

fn generated_text() -> impl Strategy<Value = SafeText> {
    ".{0,40}".prop_map(|text| SafeText::from(text.as_str()))
}

fn generated_string() -> impl Strategy<Value = String> {
    generated_text().prop_map(|text| text.to_string())
}

fn generated_row() -> impl Strategy<Value = Option<RecordedRow>> {
    let kinds =
        prop_oneof![Just(RowKind::Frontend), Just(RowKind::Backend), Just(RowKind::Server), Just(RowKind::Listener)];
    proptest::option::of((kinds, generated_text(), generated_text()))
}

fn generated_state_cause() -> impl Strategy<Value = StateCause> {
    prop_oneof![
        Just(StateCause::Us),
        Just(StateCause::NewProcess),
        generated_string().prop_map(StateCause::Agent),
        Just(StateCause::AgentOrOperator),
        generated_string().prop_map(StateCause::Tracking),
        Just(StateCause::Resolution),
        Just(StateCause::Check),
        Just(StateCause::Operator),
    ]
}

fn generated_names() -> impl Strategy<Value = RowNames> {
    (proptest::collection::vec(generated_string(), 0..4), 0..9_usize)
        .prop_map(|(first, more)| RowNames { count: first.len() + more, first })
}

fn generated_change() -> impl Strategy<Value = EventKind> {
    let status = (generated_string(), generated_string(), generated_string(), generated_state_cause());
    prop_oneof![
        status.prop_map(|(from, to, reason, cause)| EventKind::Status { from, to, reason, cause }),
        (any::<i64>(), any::<i64>()).prop_map(|(from, to)| EventKind::Weight { from, to, is_own: false }),
        (any::<i64>(), any::<i64>()).prop_map(|(from, to)| EventKind::Limit { from, to, is_own: false }),
        generated_names().prop_map(EventKind::RowsAdded),
        generated_names().prop_map(EventKind::RowsRemoved),
        (0..u32::MAX as usize).prop_map(EventKind::MoreChanges),
        (any::<i64>(), any::<i64>(), any::<bool>()).prop_map(|(from, to, is)| EventKind::Reloaded {
            from,
            to,
            are_reset: is
        }),
        (any::<i64>(), any::<i64>(), any::<bool>()).prop_map(|(from, to, is)| EventKind::Restarted {
            from,
            to,
            are_reset: is
        }),
        (0..u64::MAX / 2).prop_map(|nanos| EventKind::LinkRestored(Duration::from_nanos(nanos))),
        generated_string().prop_map(EventKind::LostByReload),
    ]
}

fn generated_cause() -> impl Strategy<Value = RecordedCause> {
    let steps = prop_oneof![
        Just(CauseStep::Opened),
        Just(CauseStep::Changed),
        Just(CauseStep::Resolved),
        Just(CauseStep::Updated)
    ];
    let nanos = || (0..u64::MAX / 2).prop_map(Duration::from_nanos);
    // Shares are stored in billionths.
    let impact = proptest::option::of((0..=1000_u32).prop_map(|share| f64::from(share) / 1000.0));
    let state = (nanos(), nanos(), any::<bool>(), 0..=2_u8, impact, generated_text()).prop_map(
        |(age, before, may_be_older, trend, impact, earlier)| CauseState {
            age,
            before,
            may_be_older,
            trend,
            impact,
            earlier,
        },
    );
    let severity = any::<bool>().prop_map(|is_crit| if is_crit { Severity::Crit } else { Severity::Warn });
    let texts = (generated_text(), generated_text());
    (steps, severity, texts, generated_row(), proptest::option::of(state)).prop_map(
        |(step, severity, (kind, sentence), row, state)| RecordedCause { step, severity, kind, row, sentence, state },
    )
}

fn generated_event() -> impl Strategy<Value = RecordedEvent> {
    let change = (generated_row(), generated_change());
    let contents = prop_oneof![
        generated_cause().prop_map(EventContents::Cause),
        "[ -~]{0,60}".prop_map(EventContents::Action),
        generated_text().prop_map(EventContents::PollFailure),
        change.prop_map(|(row, kind)| EventContents::Change(RecordedChange { row, kind })),
    ];
    (0..u64::MAX / 2, 0..4_000_000_000_u64, contents).prop_map(|(nanos, seconds, contents)| {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        RecordedEvent { at: Timestamp { monotonic: Duration::from_nanos(nanos), wall }, contents }
    })
}

proptest! {
    #[test]
    fn recorded_events_are_decoded_back(events in proptest::collection::vec(generated_event(), 0..12)) {
        let mut bytes = Vec::new();
        for event in &events {
            event.encode(&mut bytes);
        }
        prop_assert_eq!(decode_events(&bytes), Ok(events));
    }

    #[test]
    fn damaged_events_never_panic(events in proptest::collection::vec(generated_event(), 1..6), changes in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..4), cut in proptest::option::of(any::<u32>())) {
        let mut bytes = Vec::new();
        for event in &events {
            event.encode(&mut bytes);
        }
        for (place, value) in &changes {
            let place = *place as usize % bytes.len();
            bytes[place] = *value;
        }
        bytes.truncate(cut.map_or(usize::MAX, |cut| cut as usize % (bytes.len() + 1)));
        // Whatever is decoded can be written again.
        for event in decode_events(&bytes).unwrap_or_default() {
            let mut again = Vec::new();
            event.encode(&mut again);
            prop_assert_eq!(decode_events(&again), Ok(vec![event]));
        }
    }
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
        let damaged = Arc::new(damaged);
        for (_, (span, packed)) in &shard.blocks {
            let _ = try_restore(&damaged, span, packed);
        }
    }
}
