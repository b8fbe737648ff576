//! Actions: everything that changes HAProxy, and what follows from it.
//!
//! This module owns the table of actions, the checks and warnings before an action (capacity, impact, version
//! problems), the readback and verification after it, drain tracking, attribution, reload losses and the audit log.
//! It sends nothing: `instance::guard` decides whether an action may run and `instance::operator` sends it.
//!
//! Data flow: a key press fixes an [`intent`] from an [`action_table`] row; [`impact`] and [`action_warnings`]
//! decide how it must be confirmed; the operator sends each step between two [`readback`]s; [`verify`] judges them;
//! the resulting [`outcome`] goes into [`audit`] and [`recent_actions`].

pub mod action_table;
pub mod action_warnings;
pub mod attribution;
pub mod audit;
pub mod capacity;
pub mod drain_tracker;
pub mod impact;
pub mod in_flight;
pub mod intent;
pub mod outcome;
pub mod readback;
pub mod recent_actions;
pub mod reload_loss;
pub mod verify;
