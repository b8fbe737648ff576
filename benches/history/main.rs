//! What the history takes: bytes a number, and time to append a sample and to read a series.
//!
//! `cargo bench --bench history -- [OPTION]...`
//!
//! - `--seconds N`      of real traffic, one sample a second; 200 unless told otherwise, 3600 is an hour
//! - `--record FOLDER`  keeps the dumps of these, one file each
//! - `--replay FOLDER`  takes the dumps of a folder in place of a real HAProxy, as fast as it can
//! - `--made-only`      only the made-up dumps of 10,000 servers

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
            "--seconds" => seconds = value().parse().expect("a number of seconds"),
            "--record" => record = Some(PathBuf::from(value())),
            "--replay" => replay = Some(PathBuf::from(value())),
            "--made-only" => made_only = true,
            other => panic!("there is no option {other}"),
        }
    }
    println!("load {}", shared::proc::load());
    match replay {
        _ if made_only => {}
        Some(folder) => real::replay(&folder),
        None => real::sample(seconds, record.as_deref()),
    }
    made::measure();
}
