//! Code that several benchmarks share: summaries and their output, process statistics from `/proc`, and dumps as
//! samples. Only benchmarks that include the tests' support also include `site.rs`, a real HAProxy under load.
//!
//! Each benchmark compiles this module and uses a part of it, therefore dead code is allowed.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod dump;
pub mod figures;
pub mod proc;
