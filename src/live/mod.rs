//! The live dashboard: an event loop on the main thread, and a separate thread for each blocking task.
//!
//! This module owns the event loop, the thread that communicates with HAProxy, the thread that writes files, and the
//! order in which they start and stop. It does not own the state of the screen (`app`), the drawing (`ui`) or the
//! terminal (`term`).
//!
//! Data flow: all threads send a [`loop_event`] through one bounded channel to the loop. The loop passes the messages
//! to `app::update`, executes the returned effects and draws at most one frame per batch of events. Confirmed commands
//! are [`pending_commands`] until their result was on the screen; what is left at the end is printed.
//!
//! ```text
//! keys ──────┐                                   ┌──▶ output (frames)
//! watchdog ──┼──▶ one bounded channel ──▶ loop ──┼──▶ files (event log, command history, snapshots)
//! io ────────┘    (samples: newest wins)         └──▶ io (polls, queries, actions)
//! ```

pub(crate) mod dashboard_config;
pub(crate) mod event_loop;
pub(crate) mod file_writer;
pub(crate) mod initial_model;
pub(crate) mod instance_feed;
pub(crate) mod io_thread;
pub(crate) mod log_thread;
pub(crate) mod loop_event;
pub(crate) mod pending_commands;
pub(crate) mod process_memory;
pub(crate) mod reload;
pub(crate) mod snapshot_thread;
pub(crate) mod started_instance;
pub(crate) mod terminal_session;
