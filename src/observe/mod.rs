//! TODO room head.

pub mod changes;
pub mod configured_state;
pub mod events;
pub mod latest_slot;
pub mod link;
pub mod poll_schedule;
pub mod poll_stats;
pub mod row_ids;
pub mod sample;
pub mod sampler;
pub mod severity;
#[cfg(test)]
pub mod test_samples;
pub mod timestamp;
