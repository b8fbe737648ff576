//! TODO room head.

pub mod age_encoding;
pub mod block;
pub mod byte_segments;
pub mod info_log;
pub mod open_block;
pub mod packed_row;
#[cfg(test)]
pub mod proptests;
pub mod rates;
pub mod rice_codes;
pub mod row_log;
pub mod sample_context;
pub mod sealed_block;
pub mod store;
pub mod text_log;
pub mod trend;
