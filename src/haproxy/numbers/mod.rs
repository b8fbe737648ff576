//! Compact storage for the numbers of many rows, such as the rows of one `show stat` reply.

pub mod buffer_pool;
pub mod column_set;
pub mod number_rows;
pub mod row_writer;
pub mod storage;
