//! The soak test: simulates a long runtime in a short time, and checks that resource usage does not grow after the
//! first tenth of the run.
//!
//! It has five parts: [`week`] processes the samples of a week in one process; [`process`] runs the real program in a
//! terminal with link failures, reloads, resizes, keys and actions; [`slots`] runs the real program on a real HAProxy
//! and counts the CLI connections that it occupies; [`flood`] sends 100,000 rows, which stay or come and go; [`recorder`]
//! records a real HAProxy through reloads, pauses, a full disk and jumps of the clock.
//!
//! ```text
//! cargo test --test soak                                            short form, all parts except `recorder`
//! HAPULSE_SOAK=long cargo test --release --test soak                long form
//! HAPULSE_SOAK=long cargo test --release --test soak -- process     one part
//! HAPULSE_SOAK=20 cargo test --release --test soak -- recorder      20 minutes of one part
//! ```
#![allow(missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

mod flood;
mod measure;
mod process;
mod recorder;
mod site;
mod slots;
mod week;

use std::process::ExitCode;
use std::time::Duration;

/// Size of a run.
struct SoakSize {
    /// Number of samples of the part `week`.
    samples: u64,
    /// Duration of the part `process`.
    process: Duration,
    /// Memory for the history of each instance of the part `process`, in MiB.
    history_mib: u32,
    /// Duration of each case of the part `flood`.
    flood: Duration,
    /// Minimum duration of the part `recorder`; zero leaves it out: `tests/real_record.rs` has the short form of its
    /// interruptions.
    recorder: Duration,
    /// Number of reloads of the part `slots`.
    reloads: usize,
    /// Allowed growth of memory from the first to the last tenth, as a ratio. The short form needs more, because the
    /// allocator has not reached a stable level after the first tenth.
    max_growth: f64,
}

const SHORT: SoakSize = SoakSize {
    samples: 2_000,
    process: Duration::from_secs(30),
    flood: Duration::from_secs(15),
    recorder: Duration::ZERO,
    history_mib: 1,
    reloads: 6,
    max_growth: 0.15,
};
const LONG: SoakSize = SoakSize {
    samples: week::SAMPLES_PER_WEEK,
    process: Duration::from_mins(15),
    flood: Duration::from_mins(5),
    recorder: Duration::from_hours(1),
    history_mib: 4,
    reloads: 200,
    max_growth: 0.05,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Accept the option of the standard test harness that test runners pass.
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let size = match std::env::var("HAPULSE_SOAK").as_deref() {
        Ok("long") => LONG,
        Err(_) | Ok("" | "short") => SHORT,
        Ok(other) => {
            let Ok(minutes) = other.parse() else {
                println!("invalid HAPULSE_SOAK={other:?}; use short, long or a number of minutes");
                return ExitCode::from(2);
            };
            let time = Duration::from_mins(minutes);
            SoakSize { process: time, recorder: time, flood: time / 3, ..LONG }
        }
    };
    let requested: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |part: &str| requested.is_empty() || requested.iter().any(|name| part.contains(name.as_str()));
    let mut failures = Vec::new();
    let mut run = |part: &str, outcome: &dyn Fn() -> Result<(), String>| {
        if is_wanted(part) {
            failures.extend(outcome().err());
        }
    };
    run("soak::slots", &|| slots::run(size.reloads));
    if !size.recorder.is_zero() {
        run("soak::recorder", &|| recorder::run(size.recorder));
    }
    run("soak::flood", &|| flood::run(size.flood));
    run("soak::process", &|| process::run(size.process, size.history_mib, size.max_growth));
    run("soak::week", &|| week::run(size.samples, size.max_growth));
    for reason in &failures {
        println!("soak: FAILED: {reason}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
