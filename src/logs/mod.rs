//! HAProxy's log: the lines that describe requests and TCP sessions, and figures about them.
//!
//! HAProxy's counters know no percentiles, clients or URLs; its log does. A [`log_format::LogFormat`] is compiled from the
//! `log-format` of HAProxy's configuration and reads a [`request::Request`] from each line. [`groups::Groups`] counts
//! requests by any of their properties in bounded memory. [`follow`] reads a log that grows, and [`window`] keeps the requests of
//! the last minutes.

pub(crate) mod configured_formats;
pub(crate) mod default_formats;
pub(crate) mod follow;
pub(crate) mod framing;
pub(crate) mod group_key;
pub(crate) mod groups;
pub(crate) mod json_format;
pub(crate) mod line_reader;
#[cfg(test)]
mod line_reader_tests;
pub(crate) mod live_log;
pub(crate) mod log_date;
pub(crate) mod log_file;
pub(crate) mod log_format;
pub(crate) mod log_search;
pub(crate) mod request;
pub(crate) mod request_filter;
pub(crate) mod termination;
pub(crate) mod time_counts;
pub(crate) mod variable;
pub(crate) mod window;
