//! Compact storage for the numbers of many rows, such as those of one `show stat`.

pub mod buffer_pool;
pub mod column_set;
pub mod number_rows;
pub mod row_writer;
pub mod storage;
