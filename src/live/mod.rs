//! The live dashboard: an event loop on the main thread, and one thread each for every blocking task.
//!
//! This module owns the event loop, the thread that communicates with HAProxy, the thread that writes files, and the
//! order in which they start and stop. It does not own the state of the screen (`app`), the drawing (`ui`) or the
//! terminal (`term`).
//!
//! Data flow: all threads send a [`loop_event`] through one bounded channel to the loop. It passes the messages to `app::update`,
//! executes the returned effects and draws at most one frame per batch of events.
//!
//! ```text
//! keys ──────┐                                   ┌──▶ output (frames)
//! watchdog ──┼──▶ one bounded channel ──▶ loop ──┼──▶ files (event log, command history)
//! io ────────┘    (samples: newest wins)         └──▶ io (polls, queries, actions)
//! ```

pub mod event_loop;
pub mod file_writer;
pub mod io_thread;
pub mod loop_event;
pub mod process_memory;
