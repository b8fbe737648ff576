//! Property test: a history with a recording before it is the same as one that saw all samples.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::stat_table::StatRow;
use crate::history::block::{BLOCK_SAMPLES, SampleHeader, Series};
use crate::history::proptests::{assert_same_values, build_samples, generated_sample};
use crate::history::store::History;
use crate::observe::row_ids::{RowId, RowIds};
use crate::observe::sample::Sample;
use crate::recording::folder::list_instances;
use crate::recording::reader::Recording;
use crate::recording::recorded_blocks::RecordedBlocks;
use crate::recording::writer::Recorder;

const SERIES: [Series; 4] = [
    Series::Stat(Field::Stot),
    Series::Stat(Field::Qcur),
    Series::Info(InfoField::CumReq),
    Series::Info(InfoField::Pid),
];

/// Values of a row in each sample, with its texts.
type RowValues = Vec<(SampleHeader, Vec<Option<i64>>, Option<StatRow>)>;

/// Records samples in a new folder, and opens the recording.
fn record(folder: &std::path::Path, samples: &[Arc<Sample>]) -> Recording {
    let mut recorder = Recorder::create(folder, "lb", "/run/lb.sock").unwrap();
    for sample in samples {
        recorder.push(sample).unwrap();
    }
    if let Some(last) = samples.last() {
        recorder.flush(last.at).unwrap();
    }
    Recording::open(&list_instances(folder).unwrap()[0]).unwrap()
}

fn read_row(history: &History, id: RowId, time: RangeInclusive<Duration>) -> RowValues {
    let mut read: RowValues = Vec::new();
    history.read_series(id, &SERIES, time.clone(), |header, values| read.push((header, values.to_vec(), None)));
    let mut place = 0;
    history.read_texts(id, &time, |header, texts| {
        assert_eq!(read[place].0, header);
        read[place].2 = texts.cloned();
        place += 1;
    });
    assert_eq!(place, read.len());
    read
}

fn assert_same_rows(one: &RowValues, other: &RowValues) -> Result<(), TestCaseError> {
    prop_assert_eq!(one.len(), other.len());
    for ((header, values, texts), (other, other_values, other_texts)) in one.iter().zip(other) {
        prop_assert_eq!((header, values), (other, other_values));
        prop_assert_eq!(texts.is_some(), other_texts.is_some());
        prop_assert!(texts.as_ref().zip(other_texts.as_ref()).is_none_or(|(one, other)| one.has_same_texts(other)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn history_with_recording_equals_history_of_all_samples(steps in proptest::collection::vec(generated_sample(), 20..BLOCK_SAMPLES * 2 + 40), cut in 1..=100_usize, overlap in 0..200_usize) {
        let samples = build_samples(steps.clone());
        let live = 1 + (samples.len() - 2) * cut / 100;
        let folder = tempfile::tempdir().unwrap();
        // The recorder still runs while the samples from `live` on are in memory.
        let recording = record(folder.path(), &samples[..(live + overlap).min(samples.len())]);
        let mut row_ids = RowIds::with_known(recording.known_rows());
        let (mut all, mut joined) = (History::new(1 << 24), History::new(1 << 24));
        joined.set_older(Box::new(RecordedBlocks::new(recording)));
        for sample in &samples {
            all.push(sample);
        }
        for sample in build_samples(steps).into_iter().skip(live) {
            let sample = Arc::into_inner(sample).unwrap();
            joined.push(&Arc::new(Sample { rows: row_ids.identify(&sample.table), ..sample }));
        }
        prop_assert_eq!(joined.sample_count() >= samples.len(), true);
        prop_assert_eq!((joined.oldest(), joined.newest_time(), joined.span()), (all.oldest(), all.newest_time(), all.span()));
        let headers: Vec<SampleHeader> = all.headers().collect();
        prop_assert_eq!(&joined.headers().collect::<Vec<_>>(), &headers);
        prop_assert_eq!(joined.headers_back_from(u64::MAX).count(), headers.len());
        let seqs: Vec<u64> = headers.iter().map(|header| header.seq).collect();
        let restored = joined.restore_samples(&seqs);
        prop_assert_eq!(restored.len(), samples.len());
        for (sample, back) in samples.iter().zip(&restored) {
            assert_same_values(sample, back)?;
        }
        for header in headers.iter().step_by(7) {
            for at in [header.at, header.at + Duration::from_micros(1)] {
                prop_assert_eq!(joined.header_at(at), all.header_at(at));
            }
            prop_assert_eq!(joined.header_after(header.seq), all.header_after(header.seq));
            prop_assert_eq!(joined.header_at_wall(header.wall), all.header_at_wall(header.wall));
            prop_assert_eq!(joined.is_older(header.seq), header.seq < samples[live].seq);
            let rows = joined.rows_of(header.seq).unwrap();
            let sample = &samples[seqs.binary_search(&header.seq).unwrap()];
            for (id, row) in rows.ids().iter().zip(sample.table.rows()) {
                prop_assert!(joined.row_texts(*id, header.seq).unwrap().has_same_texts(row));
            }
        }
        let (middle, last) = (headers[headers.len() / 2].at, headers[headers.len() - 1].at);
        let times = [Duration::ZERO..=Duration::MAX, middle..=last, Duration::ZERO..=middle, middle..=middle];
        for time in times {
            prop_assert_eq!(joined.headers_within(&time), all.headers_within(&time));
            assert_same_rows(&read_row(&joined, RowId::PROCESS, time.clone()), &read_row(&all, RowId::PROCESS, time.clone()))?;
            for (sample, back) in samples.iter().zip(&restored).step_by(50) {
                for (id, other) in sample.rows.ids().iter().zip(back.rows.ids()) {
                    assert_same_rows(&read_row(&all, *id, time.clone()), &read_row(&joined, *other, time.clone()))?;
                }
            }
        }
    }
}
