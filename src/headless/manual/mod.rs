//! TODO room head.

pub mod key_list;
pub mod man;
