//! Floor 1: the Runtime API, as HAProxy speaks it on its stats socket.
//!
//! This floor knows addresses, one connection, commands, replies and their parsers. It has no policy
//! (when to poll, what may be sent) and draws nothing. Bytes from the socket become text in one place,
//! [`text`], so that nothing hostile travels further up.
//!
//! Facts about versions come from HAProxy's `management.txt` and from real processes of 1.8 to 3.2; a fact
//! that holds for some versions only names them.

pub mod address;
pub mod cli_request;
pub mod command;
pub mod command_list;
pub mod compact_duration;
pub mod connection;
pub mod connection_stage;
pub mod fields;
pub mod info;
pub mod key_values;
pub mod level;
pub mod numbers;
pub mod reply;
pub mod reply_lines;
pub mod row_reader;
pub mod safe_text;
pub mod servers_state;
pub mod sessions;
pub mod socket_permissions;
pub mod stat_header;
pub mod stat_reader;
pub mod stat_row;
pub mod stat_table;
pub mod status;
pub mod stick_tables;
pub mod version;
pub mod write_command;
