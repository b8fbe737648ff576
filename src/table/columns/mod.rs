//! Columns: what can be shown of a row, sorted by and filtered by.
//!
//! A column is a row of the table in [`column_table`]; [`column_sets`] lists the columns of each view, and
//! [`column_use`] chooses those that fit on the screen. A
//! [`row_view::RowView`] gives a column access to one row; the column returns a cell for people, a sort key, or a
//! [`value::Value`] for programs. This module does not choose rows (`table::rows`) and does not draw.

pub mod column;
pub mod column_sets;
pub mod column_table;
pub mod column_use;
pub(crate) mod computed;
pub(crate) mod diff;
pub(crate) mod interval_time;
pub(crate) mod out_of_service;
pub(crate) mod outlook;
pub mod row_view;
pub(crate) mod spread;
pub(crate) mod time_split;
pub(crate) mod value;
