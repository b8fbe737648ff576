//! TODO room head.

pub mod arguments;
pub mod confirm;
pub mod console;
pub mod initial_state;
pub mod progress;
pub mod prompt;
pub mod server_command;
pub mod server_name;
pub mod session;
pub mod wait;
