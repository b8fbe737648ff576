//! TODO room head.

pub mod csv;
pub mod get;
pub mod json;
pub mod metric_path;
pub mod report;
pub mod show;
pub mod table;
pub mod watch;
