//! `hapulse show`, `get` and `watch`: samples as table, JSON, CSV or single values.
//!
//! Owns the selection of views, rows and columns for printing, and the output formats. Does not own columns, filters
//! and sorting (`table`), rates (`observe`) or problems (`problems`).
//!
//! Data flow: [`contents::Report`] describes what to print. A command ([`show`], [`get`], [`watch`]) polls until it
//! has the data for the report; [`table`], [`json`] or [`csv`] renders it from the `Instance`, and [`balancer_report`] compares
//! several of them. [`past`] takes the instance from a recording
//! instead.

pub(crate) mod balancer_report;
pub(crate) mod contents;
pub(crate) mod csv;
pub(crate) mod get;
pub(crate) mod json;
pub(crate) mod metric_path;
pub(crate) mod past;
pub(crate) mod show;
pub(crate) mod table;
pub(crate) mod watch;
