//! One HAProxy instance: its state in memory, and the only way to change it.
//!
//! This module owns [`state::Instance`], which combines everything known about an instance, the shown past moment,
//! the guard and the operator. It does not own the parts that it combines (samples, history, problems, actions), does
//! not poll HAProxy, and does not contain screen state.
//!
//! Samples, poll failures and action reports are passed to the [`state::Instance`], which updates rates, history,
//! problems and events; screens and reports read from it. While a [`past_moment::PastMoment`] is shown, they read that
//! moment. An intent goes through the [`guard`], which authorises it, to the [`operator`], which sends it, verifies its
//! effect and writes the audit log.

pub mod access;
pub mod guard;
#[cfg(test)]
mod instance_tests;
pub mod operator;
pub mod past_moment;
#[cfg(test)]
mod problem_event_tests;
pub mod state;
