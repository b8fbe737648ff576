//! TODO room head.

pub mod column;
pub mod column_sets;
pub mod column_table;
pub mod computed;
pub mod diff;
pub mod out_of_service;
pub mod row_view;
pub mod value;
