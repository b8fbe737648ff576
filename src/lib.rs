//! hapulse, a terminal dashboard for HAProxy.
//!
//! A sampler polls HAProxy's stats socket into a bounded history; panes draw it; keys act on servers, and
//! every act is confirmed and read back. The floors, from the ground up: [`haproxy`] and [`config`],
//! [`instance`], [`app`], [`ui`], then [`live`], [`term`] and [`headless`], and [`cli`] on top.
//! `docs/architecture.md` tells the whole story.
#![forbid(unsafe_code)]

pub mod actions;
pub mod app;
pub mod ask;
pub mod cli;
pub mod config;
pub mod demo;
pub mod haproxy;
pub mod headless;
pub mod history;
pub mod instance;
pub mod live;
pub mod observe;
pub mod problems;
pub mod table;
pub mod term;
pub mod ui;
