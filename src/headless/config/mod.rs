//! TODO room head.

pub mod effective;
