//! Measures the whole program: the real binary in a pseudo terminal, connected to a real HAProxy, in turn with `socat`
//! and HATop if they are installed.
//!
//! Usage: `cargo bench --bench process -- [SECTION]... [--turns N] [--program PATH]`. Without a section, all sections
//! except `hour` and `fleet` run. `--turns` is the number of rounds. `--program` measures another binary, such as a build of
//! another commit.
//!
//! - `cpu`     CPU time per refresh of the program and of HAProxy
//! - `first`   time from the start to the first full screen
//! - `keys`    time from a key press to the frame that shows its effect
//! - `memory`  memory at the start and after a minute
//! - `bytes`   bytes written to the terminal per refresh
//! - `idle`    CPU time, wake-ups and bytes in a minute in which nothing happens
//! - `hour`    memory during an hour; runs only if named, and `--turns` is the number of minutes
//! - `fleet`   CPU time, memory and keys with 50 HAProxies; runs only if named, and `--turns` is the number of minutes
//!
//! Programs run one after the other in several rounds, so that other load on the machine affects all of them. Compare
//! only results of the same run. `docs/performance.md` explains the results.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../tests/support/faulty_relay.rs"]
mod faulty_relay;
#[path = "../shared/mod.rs"]
mod shared;
#[path = "../../tests/support/mod.rs"]
mod support;

mod bytes;
mod cpu;
mod first;
mod fleet;
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

type MeasureFn = fn(&Programs, usize);

/// The sections: name, default number of rounds, and function.
const SECTIONS: [(&str, usize, MeasureFn); 8] = [
    ("cpu", 3, cpu::measure),
    ("first", 15, first::measure),
    ("keys", 5, keys::measure),
    ("memory", 1, memory::measure),
    ("bytes", 1, bytes::measure),
    ("idle", 1, idle::measure),
    ("hour", 60, hour::measure),
    ("fleet", 60, fleet::measure),
];

/// Sections that run only if they are named on the command line.
const EXPLICIT_SECTIONS: [&str; 2] = ["hour", "fleet"];

fn main() {
    let mut names = Vec::new();
    let (mut rounds, mut program) = (None, None);
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--turns" => rounds = args.next().and_then(|count| count.parse().ok()),
            "--program" => program = args.next().map(PathBuf::from),
            name if SECTIONS.iter().any(|(known, ..)| *known == name) => names.push(arg),
            other => {
                let known = SECTIONS.map(|(name, ..)| name).join(" ");
                eprintln!("unknown section {other}; known sections: {known}");
                std::process::exit(2);
            }
        }
    }
    let programs = Programs::detect(program);
    programs.print_environment();
    for (name, default_rounds, measure) in SECTIONS {
        if names.is_empty() && !EXPLICIT_SECTIONS.contains(&name) || names.iter().any(|wanted| wanted == name) {
            println!("\n== {name}, load {}", shared::proc::load_average());
            measure(&programs, rounds.unwrap_or(default_rounds));
        }
    }
}
