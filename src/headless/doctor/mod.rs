//! `hapulse doctor`: diagnoses connection problems, with the configuration line that fixes each.
//!
//! Owns the checks of configuration files, terminal and HAProxy, and their output. Does not own finding sockets or
//! reading configuration (`config`). Never changes anything.
//!
//! Data flow: `cli::doctor_command` calls one check per topic; each returns [`finding::Finding`]s, which
//! [`finding::print_findings`] prints by section.

pub mod file_checks;
pub mod finding;
pub mod haproxy_checks;
pub mod terminal_checks;
