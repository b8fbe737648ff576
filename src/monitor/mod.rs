//! Floor 2: watching one HAProxy over time, and acting on it.
//!
//! The sampler polls; a [`watch::Watch`] takes each sample into history, rates and events; the operator
//! carries out what the guard has authorised and reads it back. No pane, no key and no terminal is known here.

pub mod acts;
pub mod audit;
pub mod authors;
pub mod care;
pub mod changes;
pub mod configured;
pub mod deadly;
pub mod deeds;
pub mod draining;
pub mod events;
pub mod guard;
pub mod hazards;
pub mod history;
pub mod intent;
pub mod latest;
pub mod ledger;
pub mod line;
pub mod link;
pub mod lost;
pub mod operator;
pub mod outcome;
pub mod pace;
pub mod past;
pub mod polls;
pub mod problems;
pub mod proof;
pub mod query;
pub mod read_line;
pub mod reads;
pub mod roster;
pub mod sample;
pub mod sampler;
pub mod seen;
pub mod stamp;
pub mod strength;
#[cfg(test)]
pub mod testing;
pub mod trend;
pub mod typed_line;
pub mod under_way;
pub mod watch;
pub mod what_if;
pub mod window;
