//! Property tests: the history restores every stored sample unchanged, except that ages may differ by one second.

use std::sync::Arc;

use proptest::prelude::*;

use crate::haproxy::fields::{Field, FieldKind};
use crate::history::block::BLOCK_SAMPLES;
use crate::history::store::History;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::test_samples::SampleBuilder;

/// Random content of one sample.
#[derive(Debug, Clone)]
pub(crate) struct GeneratedSample {
    /// Milliseconds since the previous sample.
    pause: u64,
    /// Bit mask of the rows that are present.
    present_rows: u8,
    /// True if the rows are in reverse order.
    is_reversed: bool,
    is_reload: bool,
    /// True if the columns change, as after an upgrade.
    is_upgrade: bool,
    numbers: [Option<i64>; 4],
    age: Option<i64>,
    text: u8,
    info: Option<String>,
}

/// Generates the content of one sample.
pub(crate) fn generated_sample() -> impl Strategy<Value = GeneratedSample> {
    let number =
        prop_oneof![4 => 0..40_i64, 1 => any::<i64>().prop_filter("the marker for absent", |value| *value != i64::MIN)];
    let number = proptest::option::weighted(0.8, number);
    let rare = |often: u32| (0..often).prop_map(|chance| chance == 0);
    (
        prop_oneof![3 => Just(1000_u64), 1 => 1..90_000_u64],
        prop_oneof![6 => Just(0b1111_u8), 1 => any::<u8>()],
        (rare(40), rare(60), rare(200)),
        proptest::array::uniform4(number),
        proptest::option::weighted(0.8, 0..5000_i64),
        prop_oneof![5 => Just(0_u8), 1 => 0..6_u8],
        proptest::option::weighted(0.2, "[a-z0-9\u{1}]{0,6}"),
    )
        .prop_map(|(pause, there, (turned, reload, upgrade), numbers, age, text, info)| GeneratedSample {
            pause,
            present_rows: there,
            is_reversed: turned,
            is_reload: reload,
            is_upgrade: upgrade,
            numbers,
            age,
            text,
            info,
        })
}

const STATUSES: [&str; 6] = ["UP", "UP 1/3", "DOWN", "MAINT", "DRAIN", "\u{1b}[31m"];

/// Builds consecutive samples of this content.
pub(crate) fn build_samples(steps: Vec<GeneratedSample>) -> Vec<Arc<Sample>> {
    let (mut builder, mut at, mut extra) = (SampleBuilder::default(), 5_000_000, false);
    let text = |number: Option<i64>| number.map_or(String::new(), |number| number.to_string());
    let each = steps.into_iter().map(|step| {
        if step.is_reload {
            builder.reload();
        }
        at += step.pause;
        extra ^= step.is_upgrade;
        let column = if extra { "new_column," } else { "" };
        let mut rows: Vec<String> = (0..4)
            .filter(|row| step.present_rows >> row & 1 == 1)
            .map(|row| {
                let [stot, scur, qcur, new] =
                    step.numbers.map(|number| text(number.map(|number| number.saturating_add(row))));
                let new = if extra { format!("{new},") } else { String::new() };
                let status = STATUSES[usize::from(step.text)];
                let age = text(step.age.filter(|_| row != 2));
                format!("be,s{row},2,{stot},{scur},{qcur},{age},7,{status},{new}\n")
            })
            .collect();
        if step.is_reversed {
            rows.reverse();
        }
        builder.info = step.info.as_ref().map_or(String::new(), |value| format!("CumReq: {value}\n"));
        let header = format!("# pxname,svname,type,stot,scur,qcur,lastchg,iid,status,{column}\n");
        builder.build_at_millis(at, &(header + &rows.concat()))
    });
    each.collect()
}

/// Asserts that two samples are equal, except that ages may differ by one second.
fn assert_same_sample(one: &Sample, other: &Sample) -> Result<(), TestCaseError> {
    prop_assert!(Arc::ptr_eq(&one.rows, &other.rows));
    assert_same_values(one, other)
}

/// Asserts that two samples are equal except for the ids of their rows, and that ages differ by one second at most.
pub(crate) fn assert_same_values(one: &Sample, other: &Sample) -> Result<(), TestCaseError> {
    prop_assert_eq!((one.seq, one.at, one.epoch, one.level), (other.seq, other.at, other.epoch, other.level));
    prop_assert_eq!((one.cost, one.interval), (other.cost, other.interval));
    prop_assert_eq!(&one.info, &other.info);
    prop_assert_eq!(one.table.schema(), other.table.schema());
    prop_assert_eq!(one.table.anomalies(), other.table.anomalies());
    prop_assert_eq!(one.table.rows().len(), other.table.rows().len());
    let ages: Vec<Option<usize>> = Field::ALL
        .iter()
        .filter(|field| field.info().kind == FieldKind::Age)
        .map(|field| one.table.schema().slot(*field))
        .collect();
    for (index, (row, back)) in one.table.rows().iter().zip(other.table.rows()).enumerate() {
        prop_assert_eq!((row.kind, &row.proxy, &row.name), (back.kind, &back.proxy, &back.name));
        prop_assert!(row.has_same_texts(back), "{:?} {:?}", row, back);
        for slot in 0..one.table.schema().width() {
            let (number, back) = (one.table.slot_number(index, slot), other.table.slot_number(index, slot));
            if ages.contains(&Some(slot)) {
                prop_assert_eq!(number.is_some(), back.is_some());
                prop_assert!(number.zip(back).is_none_or(|(number, back)| number.abs_diff(back) <= 1));
            } else {
                prop_assert_eq!(number, back);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn history_restores_every_sample(steps in proptest::collection::vec(generated_sample(), 1..BLOCK_SAMPLES * 2 + 40), budget in prop_oneof![Just(1_usize << 24), Just(90_000)]) {
        let (samples, mut history) = (build_samples(steps), History::new(budget));
        for (done, sample) in samples.iter().enumerate() {
            history.push(sample);
            // Check while blocks are open, while they are being packed, and afterwards.
            let near = done.saturating_sub(done % 50);
            if let Some(back) = (done % 9 == 0).then(|| history.restore_sample(samples[near].seq)).flatten() {
                assert_same_sample(&samples[near], &back)?;
            }
        }
        let kept: Vec<u64> = history.headers().map(|header| header.seq).collect();
        prop_assert_eq!(kept.last(), samples.last().map(|sample| &sample.seq));
        prop_assert!(budget < 1_000_000 || kept.len() == samples.len());
        let together = history.restore_samples(&kept);
        prop_assert_eq!(together.len(), kept.len());
        for back in together {
            let sample = &samples[back.seq as usize - 1];
            assert_same_sample(sample, &back)?;
            prop_assert_eq!(history.header_at(sample.at.monotonic).map(|header| header.seq), Some(sample.seq));
            prop_assert_eq!(history.header_after(sample.seq).map(|header| header.seq), samples.get(back.seq as usize).map(|next| next.seq));
        }
        let last = samples.len() as u64;
        prop_assert_eq!(history.headers_back_from(last).map(|header| header.seq).collect::<Vec<_>>(), kept.iter().rev().copied().collect::<Vec<_>>());
        prop_assert!(history.restore_sample(last + 1).is_none());
        prop_assert_eq!(history.restore_sample(0).is_none(), true);
    }
}

#[test]
fn changing_texts_and_rows_stay_within_budget() {
    let budget = 300_000;
    let (mut history, mut builder) = (History::new(budget), SampleBuilder::default());
    for step in 0..3000_u64 {
        let rows: Vec<String> = (step..step + 5).map(|row| format!("be,s{row},2,said {step}\n")).collect();
        history
            .push(&builder.build_at_millis(step * 1000, &format!("# pxname,svname,type,last_chk,\n{}", rows.concat())));
        assert!(history.memory() <= budget, "{step}: {}", history.memory());
    }
    let oldest = history.oldest().map(|oldest| oldest.seq).unwrap();
    assert!(oldest > 1000, "{oldest}");
    let sample = history.restore_sample(oldest).unwrap();
    assert_eq!(sample.table.rows()[4].name.as_str(), format!("s{}", oldest + 3));
    assert_ne!(sample.rows.ids()[0], RowId::PROCESS);
}
