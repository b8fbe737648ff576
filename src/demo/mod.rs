//! An embedded, simulated `HAProxy` 2.6.12 that listens on a Unix socket.
//!
//! This module owns the simulation (proxies, servers, traffic, health checks, incidents) and the part of the Runtime
//! API that the simulation supports. It does not depend on the rest of the program, and is reached only through its
//! socket; `hapulse demo`, the screenshots and the tests use it like any other `HAProxy`. The simulation does not read
//! a configuration file and does not handle real client traffic.
//!
//! Data flow: `socket_server` reads a line from a connection, moves the `World` forward to the current time and passes
//! the line to `interpreter`, which runs a `show_*` or write command on the world and returns the reply text.
//!
//! The files in layers; each file imports only from the layers listed before its own, or from the same layer:
//!
//! - `permission`, `counters`, `client_session`, `health_check`, `stick_table`, `log_lines`, `date`: independent parts.
//! - `server`, `proxy`, `default_proxies`, `site`, `world`: the state.
//! - `request_log`, `load_balancing`, `session_flow`, `scenario`, `simulation`, `coarse_flow`, `warm_up`: changes to the state over
//!   time.
//! - `csv_row`, `show_*`, `help_text`: the replies.
//! - `write_commands`, `interpreter`: the commands; `past_hour`: the hour before the start.
//! - `socket_directory`, `log_writer`, `socket_server`: the socket, the log and the threads.

mod client_session;
mod coarse_flow;
mod counters;
mod csv_row;
mod date;
mod default_proxies;
mod health_check;
mod help_text;
pub mod interpreter;
mod load_balancing;
mod log_lines;
mod log_writer;
mod past_hour;
mod permission;
mod proxy;
mod request_log;
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
mod socket_directory;
mod socket_server;
mod stick_table;
mod warm_up;
mod world;
mod write_commands;

pub use past_hour::{PAST, PastReply};
pub use permission::CliLevel;
pub use socket_server::{Demo, DemoOptions, start, start_with_past};
pub use world::World;
