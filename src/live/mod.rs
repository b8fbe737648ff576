//! Floor 5: the live dashboard: one loop on the main thread, everything else on its own.
//!
//! ```text
//! keys ──────┐                                   ┌──▶ output (frames)
//! watchdog ──┼──▶ one bounded channel ──▶ loop ──┤
//! io ────────┘    (samples: newest wins)         └──▶ io (poll now, act)
//! ```

pub mod event_loop;
pub mod file_writer;
pub mod io_thread;
pub mod process_memory;
