//! Floor 5: the terminal: entering and leaving it, what is typed, what is drawn, and noticing when it is gone.

pub mod encoder;
pub mod frame_writer;
pub mod hangup_watchdog;
pub mod key_reader;
pub mod output;
pub mod sgr;
pub mod terminal_mode;
