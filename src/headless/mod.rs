//! Floor 5: what hapulse does without a screen: it prints, and ends.

pub mod audit;
pub mod check;
pub mod config;
pub mod doctor;
pub mod exit_code;
pub mod manual;
pub mod poller;
pub mod pollers;
pub mod print;
pub mod report;
pub mod server;
pub mod signals;
pub mod suggest;
