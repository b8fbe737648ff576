//! An embedded, simulated `HAProxy` behind the same socket protocol as a real one.
//!
//! `hapulse demo` shows it, pictures and tests use it, and no other module knows of it: it is reached through
//! its socket, like any `HAProxy`. It speaks as a real 2.6.12 does.
//!
//! From the ground up, each file importing only from files above it:
//!
//! - `level`, `meter`, `session`, `check`, `table`, `calendar`: small parts that know nothing of the whole.
//! - `server`, `proxy`, `bare`, `site`, `world`: what there is.
//! - `balance`, `flow`, `story`, `traffic`, `birth`: how it moves.
//! - `row`, `stat`, `info`, `sess`, `state`, `tables`, `errors`, `help`: what it tells.
//! - `act`, `cli`: what it does when asked.
//! - `listener`: the socket and the threads.

mod client_session;
mod counters;
mod csv_row;
mod date;
mod defaults;
mod health_check;
mod help_text;
pub mod interpreter;
mod load_balancing;
mod permission;
mod proxy;
mod scenario;
mod server;
mod session_flow;
mod show_errors;
mod show_info;
mod show_servers_state;
mod show_sess;
mod show_stat;
mod show_table;
mod simulation;
mod site;
mod socket_server;
mod stick_table;
mod warm_up;
mod world;
mod write_commands;

pub use permission::Level;
pub use socket_server::{Demo, Options, start};
pub use world::World;
