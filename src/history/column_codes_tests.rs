//! Tests of the encodings of columns.

use crate::history::column_codes::*;
use crate::history::column_reader::ColumnReader;
use proptest::prelude::*;

const STEPS: usize = 127;

/// Writes the columns, and returns their encodings.
fn write(columns: &[Vec<i64>]) -> Vec<Vec<u8>> {
    let mut writer = ColumnWriter::new(columns);
    let write_one = |(index, changes): (usize, &Vec<i64>)| {
        let (mut out, mut value) = (Vec::new(), 7_i64);
        let values: Vec<i64> = changes
            .iter()
            .map(|change| {
                value = value.wrapping_add(*change);
                value
            })
            .collect();
        writer.write_column(&mut out, index, &values);
        out
    };
    columns.iter().enumerate().map(write_one).collect()
}

/// Reads encodings that belong to columns with the first value 7.
fn read(written: &[Vec<u8>], steps: usize) -> Vec<Vec<i64>> {
    let mut reader = ColumnReader::default();
    reader.start_row(steps);
    let read_one = |column: &Vec<u8>| {
        let mut bytes = column.as_slice();
        let changes = reader.read_column(&mut bytes, 7).to_vec();
        assert!(bytes.is_empty(), "{column:?}");
        changes
    };
    written.iter().map(read_one).collect()
}

/// Reads the bytes of a column after these columns.
fn read_after(known: &[Vec<i64>], bytes: &[u8], steps: usize) -> Vec<i64> {
    let mut reader = ColumnReader::default();
    reader.start_row(steps);
    for column in write(known) {
        reader.read_column(&mut column.as_slice(), 7);
    }
    reader.read_column(&mut &*bytes, 0).to_vec()
}

/// Columns of a server, of which the first counts its requests.
fn counters() -> Vec<Vec<i64>> {
    let mut random = fastrand::Rng::with_seed(6);
    let requests: Vec<i64> = (0..STEPS).map(|step| if step % 4 == 0 { 0 } else { random.i64(1..4) }).collect();
    let failed: Vec<i64> = requests.iter().map(|count| random.i64(0..=*count)).collect();
    let ended = (0..STEPS).map(|step| requests[step] * 9 - i64::from(step % 16 == 0)).collect();
    let bytes: Vec<i64> = requests.iter().map(|count| (0..*count).map(|_| random.i64(0..9000)).sum()).collect();
    let correct = requests.iter().zip(&failed).map(|(all, failed)| all - failed).collect();
    let double = requests.iter().map(|count| count * 2).collect();
    let mut rate = 7;
    let rates = requests.iter().map(|count| count - std::mem::replace(&mut rate, *count)).collect();
    let gauge = (0..STEPS).map(|step| [0, 3, -3][step % 3]).collect();
    let growing = (0..STEPS).map(|step| i64::from(step % 40 == 3) * (step as i64 + 9)).collect();
    let flipping = (0..STEPS).map(|step| [0, 900, 0, 0, 0, 0, 0, 0, -900, 0][step % 10]).collect();
    vec![requests.clone(), failed, ended, bytes, correct, double, rates, gauge, growing, flipping, requests]
}

#[test]
fn write_column_chooses_shortest_encoding() {
    let written = write(&counters());
    let kinds: Vec<u8> = written.iter().map(|bytes| bytes[0]).collect();
    let expected = [
        RICE_GROWTH,
        WHERE_CHANGED,
        REMAINDER,
        WHERE_CHANGED,
        REMAINDER,
        MULTIPLE_OF_CHANGES,
        LEVELS_OF_CHANGES,
        RICE_LEVELS,
        RARE_CHANGES,
        RARE_RETURNS,
        SAME_CHANGES_SHORT,
    ];
    assert_eq!(kinds, expected);
    // All requests minus the failed ones: two references, each with its factor.
    assert_eq!(written[4], [REMAINDER, 0, 2, MULTIPLE_OF_CHANGES, 1, 1]);
    assert_eq!(read(&written, STEPS), counters());
}

#[test]
fn write_column_subtracts_smallest_change() {
    let changes: Vec<i64> = (0..STEPS).map(|step| 1000 + [1, 0, 2][step % 3]).collect();
    let written = write(std::slice::from_ref(&changes));
    assert_eq!((written[0][0], written[0].len()), (RICE_DISTANCES, 4 + STEPS * 2 / 8 + 1));
    assert_eq!(read(&written, STEPS), [changes]);
}

#[test]
fn read_column_reads_change_list_of_version_1() {
    assert_eq!(read_after(&[], &[CHANGE_LIST, 2, 1, 14, 3, 1], 5), [0, 7, 0, -1, 0]);
}

#[test]
fn read_column_ignores_encoding_within_inner_encoding() {
    let deep = [REMAINDER, 0, 2].repeat(100_000);
    assert_eq!(read_after(&[vec![5; 3]], &deep, 3), [5; 3]);
}

proptest! {
    #[test]
    fn written_columns_read_back_unchanged(
        requests in proptest::collection::vec(prop_oneof![3 => 0_i64..4, 1 => -9_i64..9, 1 => any::<i64>()], 0..STEPS),
        columns in proptest::collection::vec((-2_i64..400, 0_u8..6, any::<u64>()), 0..12),
    ) {
        let other = |(factor, kind, seed): &(i64, u8, u64)| {
            let mut random = fastrand::Rng::with_seed(*seed);
            let change = |one: &i64| match kind {
                0 => one.wrapping_mul(*factor),
                1 => one.wrapping_mul(*factor).wrapping_add(random.i64(-2..3)),
                2 if *one == 0 => 0,
                2 => random.i64(..),
                3 => i64::from(random.u8(..) < 9).wrapping_mul(*factor),
                4 => random.i64(-3..30),
                _ => one.wrapping_sub(requests[random.usize(..requests.len())]),
            };
            requests.iter().map(change).collect::<Vec<i64>>()
        };
        let columns: Vec<Vec<i64>> = std::iter::once(requests.clone()).chain(columns.iter().map(other)).collect();
        prop_assert_eq!(read(&write(&columns), requests.len()), columns);
    }

    #[test]
    fn read_column_never_panics_on_damaged_bytes(
        bytes in proptest::collection::vec(prop_oneof![0_u8..18, any::<u8>()], 0..80),
        known in proptest::collection::vec(proptest::collection::vec(any::<i64>(), 9), 0..3),
    ) {
        prop_assert_eq!(read_after(&known, &bytes, 9).len(), 9);
    }
}
