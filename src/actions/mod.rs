//! TODO room head.

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
