//! Properties that must hold for any input, checked with mutated recordings of real replies: changed bytes, removed and
//! duplicated pieces, cells replaced by invalid values.
//!
//! The fuzz targets in `fuzz/` check the same properties for any length of time; see `fuzz/README.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/fuzzing/mod.rs"]
mod fuzzing;
#[path = "support/mutation.rs"]
mod mutation;

use fuzzing::{answers, files, input, keys, recording, sessions_tables, stat_info, words};
use mutation::{AUDIT, CONFIGURATION, SAMPLE_SERIES, TYPED_LINES, mutated, recordings};
use proptest::prelude::*;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() }
}

/// Generates random bytes, mostly short.
fn random_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 0..600)]
}

/// Generates a sequence of mutated replies of one instance over time.
fn reply_sequence() -> impl Strategy<Value = Vec<u8>> {
    let time = prop::sample::select(vec!["", "@2000\n\n", "@d\n\n", "@x\n\n", "@600000\n\n", "@r\n\n"]);
    let timed_reply =
        (time, mutated(recordings(&["show-info", "show-stat", "after-", "show-servers-state", "batch-stat"])));
    prop::collection::vec(timed_reply, 1..5).prop_map(|replies| {
        replies
            .into_iter()
            .flat_map(|(time, mut bytes)| {
                while bytes.ends_with(b"\n") {
                    bytes.pop();
                }
                [time.as_bytes(), &bytes, b"\n\n"].concat()
            })
            .collect()
    })
}

/// Returns the shard of each version, followed by its journal.
fn recorded_files() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let of_version = |version: std::path::PathBuf| {
        let paths: Vec<_> = std::fs::read_dir(version).unwrap().map(|entry| entry.unwrap().path()).collect();
        let with_end =
            |end: &str| paths.iter().find(|path| path.extension().is_some_and(|known| known == end)).unwrap();
        [with_end("shard"), with_end("journal")].map(|path| std::fs::read(path).unwrap()).concat()
    };
    std::fs::read_dir(folder).unwrap().map(|entry| of_version(entry.unwrap().path())).collect()
}

#[test]
fn key_sequences_reach_action_query_and_typed_line() {
    // The numbers after a 5 are indices of `keys::KEY_SEQUENCES`: move to a server, maintenance, yes; query the
    // sessions; type a line, confirm it.
    let decisions: [&[u8]; 8] = [
        &[0, 0],
        &[5, 0, 0],
        &[5, 1, 0],
        &[16, 0, 0, 0, 0, 0, 0, 0, 0],
        &[5, 14, 0],
        &[16, 0, 0, 0],
        &[5, 11, 0],
        &[18, 0, 20, 0],
    ];
    let reached = keys::play(&decisions.concat());
    assert_eq!((reached.actions, reached.queries, reached.typed_lines, reached.frames), (1, 1, 1, 2), "{reached:?}");
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn mutated_reply_sequences_are_accepted(bytes in prop_oneof![
        8 => reply_sequence(),
        2 => mutated(vec![SAMPLE_SERIES.into()]),
        1 => random_bytes(),
    ]) {
        stat_info::check(&bytes);
    }

    #[test]
    fn random_keys_and_replies_are_drawn(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        keys::check(&bytes);
    }
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn mutated_query_replies_are_parsed(bytes in prop_oneof![
        8 => mutated(recordings(&["show-sess", "show-table", "help", "show-servers-state"])),
        1 => random_bytes(),
    ]) {
        sessions_tables::check(&bytes);
    }

    #[test]
    fn reply_is_independent_of_chunk_sizes(
        plan in prop::collection::vec(any::<u8>(), 54),
        bytes in prop_oneof![4 => mutated(recordings(&["batch-", "show-info", "refused"])), 1 => random_bytes()],
    ) {
        answers::check(&[plan, bytes].concat());
    }

    #[test]
    fn recordings_are_read_or_rejected(bytes in prop_oneof![4 => mutated(recorded_files()), 1 => random_bytes()]) {
        recording::check(&bytes);
    }

    #[test]
    fn files_are_parsed_or_rejected(bytes in prop_oneof![
        4 => mutated(vec![AUDIT.into(), CONFIGURATION.into()]),
        1 => random_bytes(),
    ]) {
        files::check(&bytes);
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn terminal_input_is_parsed_or_dropped(pauses in prop::collection::vec(any::<u8>(), 0..12), bytes in prop_oneof![
        4 => prop::collection::vec(prop::sample::select(input::FRAGMENTS.to_vec()), 0..8).prop_map(|all| all.concat()),
        1 => random_bytes(),
    ]) {
        let header = [&[pauses.len() as u8], pauses.as_slice()].concat();
        input::check(&[header, bytes].concat());
    }

    #[test]
    fn typed_text_is_parsed_or_rejected(bytes in prop_oneof![
        4 => mutated(TYPED_LINES.iter().map(|line| line.as_bytes().to_vec()).collect()),
        2 => ".{0,30}".prop_map(String::into_bytes),
        1 => random_bytes(),
    ]) {
        words::check(&bytes);
    }
}
