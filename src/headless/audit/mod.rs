//! TODO room head.

pub mod listing;
