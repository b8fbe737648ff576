//! Samples of one HAProxy instance, and the events found by comparing them.
//!
//! This module owns polling (when and how `show info` and `show stat` are requested), stable row identities across
//! samples, epochs, the state of the link and the event log. It does not own the socket protocol and its parsers
//! ([`crate::haproxy`]), past samples ([`crate::history`]), the rules for problems ([`crate::problems`]) or the
//! commands that change HAProxy ([`crate::instance`]).
//!
//! Data flow: a [`sampler`] polls when [`poll_schedule`] says so. A [`poll_reply`] parses the reply
//! while it arrives. A [`sample_parser`], which does no I/O either, identifies its rows with [`row_ids`], finds the
//! [`row_changes`] and builds a [`sample`]. The result passes through a [`latest_slot`] to the event
//! loop, which always gets the newest result. The event loop updates [`poll_stats`] and the [`link`]; [`changes`]
//! compares the sample with the previous one, with the [`state_cause`] of each change, and appends to the log of
//! [`events`]. While a drain is followed, [`old_process_finder`] finds processes from before a reload with
//! [`process_family`] and the master socket, and counts their sessions ([`old_processes`]). Only the sampler and the event loop
//! read the clock; all other code receives a [`timestamp`]. An [`instance_id`] names the instance that a value belongs
//! to.

pub(crate) mod changes;
pub mod configured_state;
pub(crate) mod drained_servers;
pub(crate) mod events;
pub(crate) mod failover;
pub mod instance_id;
pub(crate) mod latest_slot;
pub mod link;
pub mod old_process_finder;
pub mod old_processes;
pub(crate) mod past_samples;
pub(crate) mod poll_reply;
pub(crate) mod poll_schedule;
pub(crate) mod poll_stats;
pub(crate) mod process_family;
pub(crate) mod process_turns;
pub(crate) mod row_changes;
pub mod row_ids;
pub mod sample;
pub(crate) mod sample_parser;
pub mod sampler;
pub(crate) mod severity;
pub mod slow_facts;
pub(crate) mod slow_round;
pub(crate) mod state_cause;
#[cfg(test)]
pub(crate) mod test_samples;
pub mod timestamp;
pub(crate) mod unused_slots;
