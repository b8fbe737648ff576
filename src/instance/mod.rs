//! TODO room head.

pub mod guard;
pub mod instance;
pub mod operator;
pub mod past_moment;
#[cfg(test)]
mod problem_event_tests;
