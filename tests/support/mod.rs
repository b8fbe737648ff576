//! The lab: what the tests need of the outside world, made small and real.
//!
//! - [`haproxy`]: a real HAProxy with its sockets, backends and servers ([`Lab`]).
//! - [`traffic`]: requests through its frontends ([`Traffic`]).
//! - [`fake`]: a scripted stats socket, for what a real HAProxy cannot be made to do ([`Fake`]).
//! - [`stream`]: what a program wrote to its terminal, taken apart; [`svg`]: a picture of it.
//! - [`unread`]: a terminal that nobody reads ([`Unread`]).
//! - [`relay`]: passes a real stats socket on and keeps what was said to it ([`Relay`]).
//! - [`term`]: the real binary in a pseudo terminal ([`Term`]), [`panes`]: the tables it shows
//!   ([`Table`]), and [`grid`]: the table that fills a view ([`Grid`]).
//! - [`acts`]: questions and their answers, the audit, and what the second client sees; [`agent`]: a server's
//!   agent ([`Agent`]); [`sweep`]: every key in every view and layer.
//!
//! Nothing here uses a fixed port or a fixed path, so test files run next to each other, and nothing outlives
//! the value that started it. A wait is always for a condition and never for a time, and a wait that fails says
//! what it last saw.
//!
//! Each test binary compiles this module and uses its own part of it, hence the allowed dead code.
#![allow(dead_code, unused_imports, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::struct_excessive_bools)]

pub mod acts;
pub mod agent;
pub mod builder;
pub mod client;
pub mod fake;
pub mod grid;
pub mod haproxy;
pub mod keys;
pub mod launch;
pub mod panes;
pub mod process;
pub mod relay;
pub mod screen;
pub mod servers;
pub mod stream;
pub mod svg;
pub mod sweep;
pub mod term;
pub mod traffic;
pub mod unread;

pub use agent::Agent;
pub use builder::Builder;
pub use client::ask_at;
pub use fake::{Answers, Fake};
pub use grid::Grid;
pub use haproxy::Lab;
pub use panes::Table;
pub use relay::Relay;
pub use screen::Modes;
pub use servers::Answer;
pub use term::Term;
pub use traffic::{Counts, Traffic};
pub use unread::Unread;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a wait may take before it fails its test. Generous, because a busy machine is not a bug; it costs
/// nothing where the condition comes true.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `check` gives a value, or panics after [`DEADLINE`] with `what` was awaited.
pub fn wait_for<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(Instant::now() < end, "waited {DEADLINE:?} for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until `check` is true, or panics after [`DEADLINE`].
pub fn wait_until(what: &str, mut check: impl FnMut() -> bool) {
    wait_for(what, || check().then_some(()));
}

/// A lock that a panicking test does not spoil for the others.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
