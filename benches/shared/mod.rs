//! What several benchmarks use: figures and how they are printed, processes as `/proc` shows them, and dumps as
//! samples. `site` beside them, a real HAProxy under load, is for those that have the tests' lab.
//!
//! Each benchmark compiles this module and uses its own part of it, hence the allowed dead code.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod dump;
pub mod figures;
pub mod proc;
