//! TODO room head.

pub mod cell;
pub mod chart_table;
pub mod columns;
pub mod filter;
pub mod number_format;
pub mod rows;
pub mod text_filter;
pub mod view_table;
