//! TODO room head.

pub mod check;
pub mod perfdata;
