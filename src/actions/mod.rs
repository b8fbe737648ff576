//! Actions: the changes that hapulse can make to HAProxy, with the checks before and after them.
//!
//! This module owns the table of actions, the checks and warnings before an action (capacity, impact, known
//! crashes), the readback and verification after it, drain tracking, attribution, reload losses and the audit log.
//! It sends nothing: `instance::guard` decides whether an action may run and `instance::operator` sends it.
//!
//! Data flow: a key press creates an [`intent`] from a row of [`action_table`]; [`impact`] and [`instance_warnings`]
//! determine how the intent must be confirmed; right before sending, the [`present_state`] must have the same
//! [`target_identity`] and impact; `instance::operator` sends each step between two [`readback`]s; [`verification`] checks
//! whether they show the effect; the resulting [`outcome`] is stored in [`audit`] and
//! [`recent_actions`].

pub mod action_table;
pub(crate) mod attribution;
pub mod audit;
pub mod capacity;
pub(crate) mod drain_tracker;
pub mod impact;
pub(crate) mod instance_warnings;
pub mod intent;
pub(crate) mod last_checks;
pub mod outcome;
pub(crate) mod present_state;
pub(crate) mod process_identity;
pub mod readback;
pub(crate) mod recent_actions;
pub(crate) mod reload_loss;
pub(crate) mod row_stages;
pub(crate) mod shown_impact;
pub(crate) mod target_identity;
pub mod verification;
