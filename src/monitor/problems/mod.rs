//! What is wrong, in words, with the numbers behind it.
//!
//! [`rules`] is one table: what is measured, from which value it matters, and how long it must hold. The
//! [`tracker`] puts every rule to every row of each sample and remembers since when something is wrong.
//! [`verdict`] says in one line a backend what the problems come from. [`chronicle`] knows what was wrong earlier. Nothing
//! here acts, asks or reads a clock.

#[cfg(test)]
mod anything;
pub mod backend;
#[cfg(test)]
mod cases;
pub mod chronicle;
pub mod frontend;
pub mod held;
#[cfg(test)]
mod lab;
pub mod memory;
pub mod news;
pub mod outlier;
pub mod pool;
pub mod problem;
pub mod process;
pub mod reading;
pub mod rule;
pub mod rules;
pub mod server;
#[cfg(test)]
pub mod testing;
pub mod thresholds;
pub mod tracker;
pub mod verdict;
pub mod view;
pub mod words;
