//! The table of balancers: its columns, its filter, and its rows in order.

pub(crate) mod balancer_columns;
pub(crate) mod balancer_filter;
pub(crate) mod balancer_table;
