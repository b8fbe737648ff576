//! Floor 1: what the user wants, gathered from where it may stand.

pub mod discover;
pub mod looks;
pub mod state;
pub mod target;
