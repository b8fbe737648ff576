//! Floor 1: the Runtime API, as HAProxy speaks it on its stats socket.
//!
//! This floor knows addresses, one connection, commands, replies and their parsers. It has no policy
//! (when to poll, what may be sent) and draws nothing. Bytes from the socket become text in one place,
//! [`text`], so that nothing hostile travels further up.
//!
//! Facts about versions come from HAProxy's `management.txt` and from real processes of 1.8 to 3.2; a fact
//! that holds for some versions only names them.

pub mod access;
pub mod address;
pub mod age;
mod cells;
pub mod command;
pub mod command_list;
pub mod connection;
pub mod fields;
mod gather;
pub mod info;
pub mod level;
pub mod numbers;
pub mod order;
pub mod pieces;
pub mod plain;
pub mod reply;
pub mod row;
pub mod schema;
pub mod servers_state;
pub mod sessions;
pub mod stage;
pub mod stat;
pub mod status;
pub mod stick_tables;
pub mod text;
pub mod version;
