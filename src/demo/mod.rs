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

mod act;
mod balance;
mod bare;
mod birth;
mod calendar;
mod check;
pub mod cli;
mod errors;
mod flow;
mod help;
mod info;
mod level;
mod listener;
mod meter;
mod proxy;
mod row;
mod server;
mod sess;
mod session;
mod site;
mod stat;
mod state;
mod story;
mod table;
mod tables;
mod traffic;
mod world;

pub use level::Level;
pub use listener::{Demo, Options, start};
pub use world::World;
