//! TODO room head.

pub mod known_crashes;
pub mod query;
pub mod query_cost;
pub mod read_only_command;
pub mod read_only_commands;
pub mod typed_command;
