//! The terminal: setup and restoration, keyboard and paste input, frame output, and detection of a closed terminal.
//!
//! This module owns the terminal device and everything written to it, including escape sequences. It does not own the
//! meaning of keys (`app`) or the content of frames (`ui`).
//!
//! Data flow: `key_reader` reads bytes, and `input_parser` divides them into keys and pasted text for the event loop;
//! `key_sequences` is the table of the sequences that terminals send. The event loop draws a frame into a buffer of
//! `frame_writer`, which passes the changed cells to `encoder`. `encoder` produces the bytes, with styles from `sgr`,
//! and the thread of `output_thread` writes them. `terminal_mode` enters and leaves raw mode, `prompt_mode` does
//! so for a question of a command; `hangup_watchdog` reports a closed terminal; `terminal_restorer` restores it if the
//! program is killed.

pub(crate) mod encoder;
pub mod frame_writer;
pub(crate) mod hangup_watchdog;
pub mod input_parser;
pub(crate) mod key_reader;
mod key_sequences;
pub(crate) mod output_thread;
pub(crate) mod prompt_mode;
pub(crate) mod sgr;
pub mod terminal_mode;
pub(crate) mod terminal_restorer;
