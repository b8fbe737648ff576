//! One HAProxy instance: the state in memory, and the only way to change HAProxy.
//!
//! This module owns [`state::Instance`], which combines everything known about an instance, the earlier sample shown
//! during playback, the guard and the operator. The module does not own the parts that [`state::Instance`] combines
//! (samples, history, problems, actions), does not poll HAProxy, and does not contain screen state.
//!
//! Samples, poll failures and action reports are passed to [`state::Instance`], which updates rates, history, problems
//! and events. Screens and reports read from [`state::Instance`], or from the [`past_moment::PastMoment`] that is
//! shown. An intent, or a [`typed_change`], goes through the [`guard`], which authorises it, to the [`operator`], which checks it again with
//! the [`state_reader`] right before sending, sends the commands, verifies their effect and writes the audit log.
//!
//! A [`comparison::Comparison`] of two windows of time ([`compared_windows`]) is computed from the history on request; the
//! numbers that it compares are in [`compared_metrics::METRICS`]. [`time_spans`] has the lengths of time that views and charts
//! cover. [`memory_copy`] copies what memory holds, to write it to a file.

mod action_state;
pub(crate) mod compared_metrics;
pub(crate) mod compared_samples;
pub(crate) mod compared_windows;
pub(crate) mod comparison;
mod comparison_state;
#[cfg(test)]
mod comparison_tests;
pub(crate) mod confirmed_state;
pub(crate) mod display_name;
pub mod guard;
#[cfg(test)]
mod instance_tests;
pub(crate) mod memory_copy;
pub(crate) mod merged_rows;
mod merged_state;
pub(crate) mod old_process_watch;
pub(crate) mod operator;
pub mod past_moment;
#[cfg(test)]
mod problem_event_tests;
pub(crate) mod process_summary;
pub(crate) mod recorded_causes;
pub(crate) mod recorded_past;
#[cfg(test)]
mod recorded_past_tests;
pub mod refusal;
pub(crate) mod role_changes;
pub(crate) mod shared_past;
pub mod source;
pub mod state;
pub(crate) mod state_reader;
pub(crate) mod time_spans;
pub mod typed_change;
pub(crate) mod verdict;
