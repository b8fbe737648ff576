//! The soak: a long life lived fast. What is held at one tenth of the way must be all that is held at its end.
//!
//! Three parts: [`week`], a week of samples in one process; [`process`], the real program in a terminal, with all that
//! can happen to it, over and over; [`slots`], the real program on a real HAProxy, whose places for such connections
//! are counted.
//!
//! ```text
//! cargo test --test soak                                            the short form, every part
//! HAPULSE_SOAK=long cargo test --release --test soak                the long one
//! HAPULSE_SOAK=long cargo test --release --test soak -- process     one part
//! ```
#![allow(missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

mod measure;
mod process;
mod site;
mod slots;
mod week;

use std::process::ExitCode;
use std::time::Duration;

/// How much of it.
struct Form {
    /// Of the week.
    samples: u64,
    /// The life of the real program.
    process: Duration,
    /// Memory for the history of each of its instances, in MiB.
    history: u32,
    /// Of the real HAProxy.
    reloads: usize,
    /// By how much memory may grow from one tenth of the way to its end: after a short time the allocator has not
    /// found its level yet.
    growth: f64,
}

const SHORT: Form = Form { samples: 2_000, process: Duration::from_secs(30), history: 1, reloads: 6, growth: 0.15 };
const LONG: Form =
    Form { samples: week::WEEK, process: Duration::from_mins(15), history: 4, reloads: 200, growth: 0.05 };

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // What the usual harness of tests is asked for, as far as it means something here.
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let form = match std::env::var("HAPULSE_SOAK").as_deref() {
        Ok("long") => LONG,
        Err(_) | Ok("" | "short") => SHORT,
        Ok(other) => {
            println!("HAPULSE_SOAK is {other:?}; it may be short or long");
            return ExitCode::from(2);
        }
    };
    let named: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |part: &str| named.is_empty() || named.iter().any(|name| part.contains(name.as_str()));
    let mut wrong = Vec::new();
    let mut run = |part: &str, outcome: &dyn Fn() -> Result<(), String>| {
        if is_wanted(part) {
            wrong.extend(outcome().err());
        }
    };
    run("soak::slots", &|| slots::run(form.reloads));
    run("soak::process", &|| process::run(form.process, form.history, form.growth));
    run("soak::week", &|| week::run(form.samples, form.growth));
    for why in &wrong {
        println!("soak: FAILED: {why}");
    }
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
