//! `hapulse doctor`: what stands between the user and a live screen, each with the line that mends it.
//!
//! Every file judges one thing and gives [`finding::Finding`]s; nothing here changes anything.

pub mod file_checks;
pub mod finding;
pub mod haproxy_checks;
pub mod terminal_checks;
