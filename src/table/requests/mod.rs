//! The table of groups of requests, as the log describes them: tabs, columns, order, and the filter of a row.

pub(crate) mod request_columns;
pub(crate) mod request_detail;
pub(crate) mod request_row_filter;
pub(crate) mod request_table;
pub(crate) mod request_tabs;
