//! `hapulse audit`: prints the audit log.
//!
//! Owns the output for people and as JSON. Does not own the file format or the reader (`actions::audit`).
//!
//! Data flow: the audit reader yields records; [`listing`] joins the records of each action into one line and prints
//! invalid lines to standard error.

pub(crate) mod listing;
