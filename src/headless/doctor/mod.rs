//! `hapulse doctor`: diagnoses connection problems and prints the configuration line that fixes each.
//!
//! Owns the checks of configuration files, terminal and HAProxy, and their output. Does not own the discovery of
//! sockets or the reading of configuration files (`config`). Never changes anything.
//!
//! Data flow: `cli::doctor_command` calls one check per topic; each returns [`finding::Finding`]s, which
//! [`finding::print_findings`] prints by section.

mod address_checks;
pub(crate) mod discovery_checks;
pub(crate) mod file_checks;
pub(crate) mod finding;
pub(crate) mod haproxy_checks;
pub(crate) mod name_mask;
pub(crate) mod report;
pub(crate) mod terminal_checks;
