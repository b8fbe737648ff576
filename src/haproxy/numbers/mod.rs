//! Compact storage for the numbers of many rows, such as the rows of one `show stat` reply.

pub(crate) mod buffer_pool;
pub(crate) mod cell_segments;
pub(crate) mod column_set;
pub(crate) mod number_rows;
pub(crate) mod row_writer;
pub(crate) mod storage;
pub(crate) mod stored_cells;
