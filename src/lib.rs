//! hapulse, a terminal dashboard for HAProxy.
#![forbid(unsafe_code)]

pub mod demo;
pub mod haproxy;
pub mod monitor;
