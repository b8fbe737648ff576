//! Numbers of many rows, as a dump has them: how they are held, written and read.

pub mod rows;
pub mod shape;
pub mod writer;

mod held;
mod room;
