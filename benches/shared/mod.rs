//! Code that several benchmarks share: summaries and their output, process statistics from `/proc`, and samples from
//! dumps. Benchmarks that include the support code of the tests also include `site.rs`, which runs a real HAProxy under
//! load.
//!
//! Each benchmark compiles this module but uses only part of it, therefore dead code is allowed.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod dump;
pub mod figures;
pub mod heat_map;
pub mod proc;
