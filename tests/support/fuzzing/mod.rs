//! The checks of the fuzz targets: one function per target, which takes bytes and panics if an invariant is violated.
//!
//! Two drivers share the checks: `tests/fuzz.rs` calls them with mutated recordings, a few hundred times in every test
//! run; the programs under `fuzz/` call them with inputs from libFuzzer, for hours. The checks do not depend on the
//! driver: input is bytes, time is simulated, and files are compiled in.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod answers;
pub mod dice;
pub mod feed;
pub mod files;
pub mod input;
pub mod keys;
pub mod recorded;
pub mod recording;
pub mod sessions_tables;
pub mod stat_info;
pub mod words;
