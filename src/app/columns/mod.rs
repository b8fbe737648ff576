//! COLUMNS: everything a table can show of a row.
//!
//! One entry serves every view, the sort menu, the filter and the documents. Beyond the table every numeric
//! field of `show stat` is a column under HAProxy's own name, and every counter one more, per second.

pub mod away;
pub mod column;
pub mod datum;
pub mod row_view;
pub mod sets;
pub mod since;
pub mod table;
pub mod values;
