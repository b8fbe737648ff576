//! Numbers of many rows, as a dump has them: how they are held, written and read.

pub mod buffer_pool;
pub mod column_set;
pub mod number_rows;
pub mod row_writer;
pub mod storage;
