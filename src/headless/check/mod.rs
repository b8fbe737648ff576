//! `hapulse check`: a plugin for Nagios, Icinga and compatible monitoring systems.
//!
//! Owns the plugin output: state, summary line, problem lines and performance data, or the same as OpenMetrics text
//! ([`open_metrics`]). Does not own the rules
//! (`problems`) or polling (`poller`).
//!
//! Data flow: the pollers sample for the given time; [`nagios`] takes the worst severity of all instances as the state
//! and appends the values from [`perfdata`] to the summary line.

pub(crate) mod nagios;
pub(crate) mod open_metrics;
pub(crate) mod perfdata;
