//! TODO room head.

pub mod actor;
pub mod attempt;
pub mod audit_index;
pub mod audit_reader;
pub mod audit_writer;
pub mod command_phrases;
pub mod joined_records;
pub mod record;
#[cfg(test)]
pub mod test_records;
