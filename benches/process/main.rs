//! The whole program as a user has it: the real binary in a pseudo terminal against a real HAProxy, in turn with
//! `socat` and with HATop, where they are installed.
//!
//! `cargo bench --bench process -- [SECTION]... [--turns N] [--program PATH]`, all sections but the hour by default.
//! `--program` measures another binary than the one built for this, as one of another commit.
//!
//! - `cpu`     processor time per refresh, of the program and of HAProxy
//! - `first`   from the start to the first full screen
//! - `keys`    from a key to its frame
//! - `memory`  at the start and after a minute
//! - `bytes`   what goes to the terminal per refresh
//! - `idle`    a minute in which nothing happens
//! - `hour`    memory over an hour; only when it is named, and then `--turns` are minutes
//!
//! Programs run one after the other, several times round, so that what else the machine does falls on all of them;
//! compare what stands in one run. `docs/performance.md` says what the figures mean.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../shared/mod.rs"]
mod shared;
#[path = "../../tests/support/mod.rs"]
mod support;

mod bytes;
mod cpu;
mod first;
mod hour;
mod idle;
mod keys;
mod memory;
mod programs;
mod run;
#[path = "../shared/site.rs"]
mod site;

use std::path::PathBuf;

use programs::Programs;

type Section = fn(&Programs, usize);

/// The sections: name, how often round unless told otherwise, and what measures it.
const SECTIONS: [(&str, usize, Section); 7] = [
    ("cpu", 3, cpu::measure),
    ("first", 15, first::measure),
    ("keys", 5, keys::measure),
    ("memory", 1, memory::measure),
    ("bytes", 1, bytes::measure),
    ("idle", 1, idle::measure),
    ("hour", 60, hour::measure),
];

/// The section that has to be named.
const LONG: &str = "hour";

fn main() {
    let mut names = Vec::new();
    let (mut turns, mut program) = (None, None);
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--turns" => turns = args.next().and_then(|count| count.parse().ok()),
            "--program" => program = args.next().map(PathBuf::from),
            name if SECTIONS.iter().any(|(known, ..)| *known == name) => names.push(arg),
            other => {
                let known = SECTIONS.map(|(name, ..)| name).join(" ");
                eprintln!("there is no section {other}; there are: {known}");
                std::process::exit(2);
            }
        }
    }
    let programs = Programs::find(program);
    programs.introduce();
    for (name, usual, measure) in SECTIONS {
        if names.is_empty() && name != LONG || names.iter().any(|wanted| wanted == name) {
            println!("\n== {name}, load {}", shared::proc::load());
            measure(&programs, turns.unwrap_or(usual));
        }
    }
}
