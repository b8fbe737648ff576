//! Tables of rows, independent of where they are shown: views, columns, filters, sorting and number formats.
//!
//! This module owns the table of views, the table of columns, the charts of a row and the lines of a table. It reads
//! the sample that an `Instance` shows, and returns cells, each a string with a [`cell::Role`]. `ui` draws the cells,
//! and `headless::report` prints them. This module does not own cursors and selections (`app`), colors (`ui`) or any
//! I/O.

pub(crate) mod balancers;
pub(crate) mod bar;
pub mod cell;
pub(crate) mod chart_lines;
pub(crate) mod chart_marks;
pub(crate) mod chart_picture;
pub(crate) mod chart_scale;
pub(crate) mod chart_table;
#[cfg(test)]
pub(crate) mod chart_tests;
pub(crate) mod chart_values;
pub mod columns;
pub mod filter;
#[cfg(test)]
mod filter_tests;
pub(crate) mod heat_cells;
pub(crate) mod heat_map;
#[cfg(test)]
mod heat_map_tests;
pub(crate) mod heat_metric;
pub(crate) mod merged_lines;
#[cfg(test)]
mod merged_rows_tests;
pub(crate) mod process_trends;
pub(crate) mod requests;
pub mod rows;
pub mod text_filter;
pub mod view_table;
