//! The Runtime API that HAProxy offers on its stats socket.
//!
//! This module owns socket addresses, the connection, the commands and the parsers of their replies. It does not own
//! policy (when to poll, which commands may be sent), state that outlives one reply, or display; these belong to the
//! modules above it.
//!
//! Data flow: [`command`] and [`write_command`] build the text of a command and [`cli_request`] completes the line to
//! send. [`connection`] sends the line over one short connection and collects the bytes, and [`reply`] splits them into
//! one reply per command. Each reply then goes to its parser: [`info`], [`stat_table`], [`servers_state`],
//! [`sessions`], [`stick_tables`], [`certificates`], [`resolver_counters`], [`command_list`], [`level`] or [`reply_lines`]. [`safe_text`] is the only place
//! where bytes from the socket become text, so unsafe bytes never leave this module. [`master_cli`] sends commands to the
//! master process, whose list of workers [`process_list`] parses. [`resolver`] looks up the host names of addresses, and
//! [`ssh`] connects to sockets of other machines.
//!
//! Facts about versions come from HAProxy's `management.txt` and from real processes of 1.8 to 3.2. If a fact applies
//! only to some versions, the comment names them.

pub mod address;
pub mod certificates;
pub mod cli_request;
pub mod command;
pub mod command_list;
pub(crate) mod compact_duration;
pub mod connection;
pub(crate) mod connection_hints;
pub mod connection_stage;
pub(crate) mod csv_record;
pub mod fields;
pub mod info;
pub mod level;
pub(crate) mod master_cli;
pub(crate) mod numbers;
pub mod process_list;
pub mod reply;
pub mod reply_lines;
pub(crate) mod reply_words;
pub(crate) mod resolver;
pub mod resolver_counters;
pub mod safe_text;
pub(crate) mod secret_arguments;
pub mod servers_state;
pub mod sessions;
pub mod socket_permissions;
pub mod ssh;
pub(crate) mod stat_header;
pub(crate) mod stat_reader;
pub(crate) mod stat_row;
pub(crate) mod stat_row_reader;
pub mod stat_table;
pub mod status;
pub mod stick_tables;
pub mod version;
pub mod write_command;
