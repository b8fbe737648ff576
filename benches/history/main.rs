//! Measures the history: bytes per stored number, time to append a sample, and time to read a series.
//!
//! Usage: `cargo bench --bench history -- [OPTION]...`
//!
//! - `--seconds N`      measures N seconds of real traffic, with one sample per second (default 200)
//! - `--record FOLDER`  also stores the dumps in a folder, one file per dump
//! - `--replay FOLDER`  reads recorded dumps from a folder, as fast as possible, instead of starting a real HAProxy
//! - `--made-only`      measures only generated dumps of 10,000 servers

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../shared/mod.rs"]
mod shared;
#[path = "../shared/site.rs"]
#[allow(dead_code)]
mod site;
#[path = "../../tests/support/mod.rs"]
mod support;

mod made;
mod real;
mod report;

use std::path::PathBuf;

fn main() {
    let (mut seconds, mut record, mut replay, mut made_only) = (200, None, None, false);
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{arg} needs a value"));
        match arg.as_str() {
            "--seconds" => seconds = value().parse().expect("--seconds needs a number"),
            "--record" => record = Some(PathBuf::from(value())),
            "--replay" => replay = Some(PathBuf::from(value())),
            "--made-only" => made_only = true,
            other => panic!("unknown option {other}"),
        }
    }
    println!("load {}", shared::proc::load_average());
    match replay {
        _ if made_only => {}
        Some(folder) => real::replay(&folder),
        None => real::measure_live(seconds, record.as_deref()),
    }
    made::measure();
}
