//! Test support: real HAProxy processes, web servers, terminals and faulty sockets for the integration tests.
//!
//! - [`haproxy`]: a lab, that is, one real HAProxy with its own sockets, backends and servers ([`Lab`]).
//! - [`shared_servers`]: three labs that share their servers.
//! - [`client`]: a second client of its sockets, independent of hapulse.
//! - [`traffic`]: a load generator ([`Traffic`]).
//! - [`dns`]: a name server for `resolvers` sections ([`NameServer`]).
//! - [`syslog`]: a syslog daemon that writes the log of a HAProxy to a file ([`Syslog`]).
//! - [`fake`]: a scripted stats socket for replies that a real HAProxy cannot produce ([`FakeSocket`]).
//! - [`flood`]: replies with very many rows ([`flood::Flood`]).
//! - [`relay`]: forwards to a real stats socket and records the requests ([`Relay`]).
//! - [`term`]: the hapulse binary in a pseudo terminal ([`Term`]); [`screen`]: its screen; [`panes`] and [`grid`]: the
//!   tables on the dashboard and in the views ([`PaneTable`], [`Grid`]).
//! - [`unread_terminal`]: a terminal whose output is never read ([`UnreadTerminal`]).
//! - [`faketime`]: the wall clock of a process, and [`small_disk`]: a disk that can be filled.
//! - [`machine`]: a machine that runs only chosen HAProxies ([`Machine`]).
//! - [`terminal_bytes`]: finds unexpected control sequences in the output; [`svg`]: draws a screen as a picture.
//! - [`actions`]: helpers for tests of actions: confirmations, audit records, server states; [`agent`]: a server's
//!   agent ([`Agent`]); [`dns`]: a name server ([`NameServer`]); [`queried_lines`]: sessions and stick table entries; [`sweep`]: presses every key in every view and layer; [`questions`]: every kind of question.
//!
//! No port or path is fixed, so tests can run in parallel, and every process ends when the value that started it is
//! dropped. Helpers wait for conditions, never for a fixed time, and a failed wait reports the last state.
//!
//! Each test binary compiles this module and uses a part of it, hence the allowed dead code.
#![allow(dead_code, unused_imports, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::struct_excessive_bools)]

pub mod actions;
pub mod agent;
pub mod builder;
pub mod client;
pub mod dns;
pub mod fake;
pub mod faketime;
pub mod flood;
pub mod grid;
pub mod haproxy;
pub mod keys;
pub mod launch;
pub mod machine;
pub mod panes;
pub mod process;
pub mod queried_lines;
pub mod questions;
pub mod relay;
pub mod screen;
pub mod servers;
pub mod shared_servers;
pub mod small_disk;
pub mod sshd;
pub mod svg;
pub mod sweep;
pub mod syslog;
pub mod term;
pub mod terminal_bytes;
pub mod traffic;
pub mod unread_terminal;

pub use agent::Agent;
pub use builder::LabBuilder;
pub use client::{send_command_to, stat_field};
pub use dns::NameServer;
pub use fake::{CannedReplies, FakeSocket};
pub use grid::Grid;
pub use haproxy::Lab;
pub use machine::Machine;
pub use panes::PaneTable;
pub use queried_lines::CLIENTS_TABLE;
pub use relay::Relay;
pub use screen::TerminalModes;
pub use servers::ServerBehavior;
pub use syslog::Syslog;
pub use term::Term;
pub use traffic::{RequestCounts, Traffic};
pub use unread_terminal::UnreadTerminal;

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Time after which a wait fails its test. Long, because a busy machine is not a bug; a successful wait ends early.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// Returns the first value from `check`; panics after [`DEADLINE`] with the description `what`.
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

/// Waits until a file contains the text.
pub fn wait_for_text(path: &Path, text: &str) {
    wait_until(&format!("{text} in {}", path.display()), || {
        fs::read_to_string(path).is_ok_and(|all| all.contains(text))
    });
}

/// Locks the mutex, even if another test panicked while it held the lock.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
