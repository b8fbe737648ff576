//! What must hold of any input at all: one function a target, from bytes to a panic or nothing.
//!
//! The same functions serve two drivers. `tests/fuzz.rs` calls them with mutated recordings, a few hundred times at
//! every run of the tests; the programs under `fuzz/` call them with what libFuzzer finds, for hours. So nothing here
//! depends on either: bytes come in, the clock is counted, and what is read from disk is compiled in.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod answers;
pub mod dice;
pub mod feed;
pub mod files;
pub mod keys;
pub mod recorded;
pub mod sessions_tables;
pub mod stat_info;
pub mod words;
