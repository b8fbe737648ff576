//! The commands that run without the dashboard: they print their result and exit.
//!
//! Owns the output of every subcommand (table, JSON, CSV, Nagios line, manual page), the lines of `hapulse --plain`, the
//! exit codes, signal handling and the dialog of `hapulse drain`, `maint` and `ready`. Does not own argument parsing
//! (`cli`), polling and rates (`observe`), problem rules (`problems`) or the decision whether an action may run
//! (`instance::guard`).
//!
//! Data flow: `cli` resolves targets and settings and builds one [`poller::Poller`] per HAProxy, or one
//! [`server::controller::Controller`] for a command that changes servers. The samples update an `Instance`; a submodule
//! formats the instance and writes to the given output. The result is a [`exit_code::CommandExit`] or a Nagios state.

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod exit_code;
pub(crate) mod join;
pub(crate) mod local_time;
pub(crate) mod logs;
pub(crate) mod manual;
pub(crate) mod plain;
pub(crate) mod poller;
pub(crate) mod pollers;
pub(crate) mod print;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod server;
pub(crate) mod signals;
pub(crate) mod snapshot;
