//! hapulse, a terminal dashboard for HAProxy.
//!
//! A sampler polls HAProxy's stats socket and stores the samples in a bounded history, which the views show. Key
//! presses start actions that change servers; each action is confirmed first and verified afterwards. The layers, from
//! the bottom up: [`haproxy`] and [`config`], [`instance`], [`app`], [`ui`], then [`live`], [`term`] and [`headless`],
//! and [`cli`] on top. `docs/architecture.md` describes them in detail.
#![forbid(unsafe_code)]

/// Writes a line to standard error. Unlike the macro of the standard library, it does not panic if that fails.
macro_rules! eprintln {
    ($($text:tt)*) => {
        _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($text)*)))
    };
}

pub mod actions;
pub mod app;
pub mod ask;
pub mod cli;
pub mod config;
pub mod demo;
pub mod fleet;
pub mod haproxy;
pub mod headless;
pub mod history;
pub mod instance;
pub mod live;
pub mod logs;
pub mod observe;
pub mod problems;
pub mod recording;
pub mod table;
pub mod term;
pub mod ui;
pub mod units;
