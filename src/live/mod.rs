//! Floor 5: the live dashboard: one loop on the main thread, everything else on its own.
//!
//! ```text
//! keys ──────┐                                   ┌──▶ output (frames)
//! watchdog ──┼──▶ one bounded channel ──▶ loop ──┤
//! io ────────┘    (samples: newest wins)         └──▶ io (poll now, act)
//! ```

pub mod event_loop;
pub mod files;
pub mod io;
pub mod memory;
