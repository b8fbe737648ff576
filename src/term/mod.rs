//! The terminal: setup and restoration, keyboard and paste input, frame output, and detection of a closed terminal.
//!
//! This module owns the terminal device and everything written to it, including escape sequences. It does not own the
//! meaning of keys (`app`) or the content of frames (`ui`).
//!
//! Data flow: `key_reader` reads bytes, and `input_parser` divides them into keys and pasted text for the event loop;
//! `key_sequences` is the table of the sequences that terminals send. The event loop draws a frame into a buffer of
//! `frame_writer`, which moves the lines of charts with `line_shift` and passes the changed cells to `encoder`. `encoder`
//! produces the bytes, in the order of `run_order`, with movements from `cursor_move` and styles from `sgr`, and the thread of
//! `output_thread` writes them with a `waiting_writer`. `terminal_device` opens and measures the terminal. `terminal_mode` sets it up and restores it, `prompt_mode` does so for a question of a command, both with
//! `line_modes`. `job_control` stops the program for a shell, and `process_stat` reads the job that it is in;
//! `hangup_watchdog` reports
//! a closed terminal, and `terminal_restorer` restores it if the program is killed.
//! `ending_signals` lists the signals on which the program must restore the terminal. `clipboard` copies through the
//! terminal.

pub(crate) mod clipboard;
mod cursor_move;
pub(crate) mod encoder;
pub(crate) mod ending_signals;
pub mod frame_writer;
pub(crate) mod hangup_watchdog;
pub mod input_parser;
pub(crate) mod job_control;
pub(crate) mod key_reader;
mod key_sequences;
mod line_modes;
mod line_shift;
pub(crate) mod output_thread;
mod process_stat;
pub(crate) mod prompt_mode;
mod run_order;
pub(crate) mod sgr;
pub(crate) mod terminal_device;
pub mod terminal_mode;
pub(crate) mod terminal_restorer;
pub(crate) mod waiting_writer;
