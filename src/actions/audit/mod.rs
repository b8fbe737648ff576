//! The audit log: a file with two lines of JSON for each command, one written before the command is sent and one after
//! it is verified.
//!
//! This module owns the record format, writing, reading, joining the two lines of a command, and the index of the
//! last state change of each server. It does not decide whether a command may run without an audit record
//! (`instance::guard` does), and it does not print listings (`headless::audit` does).
//!
//! Data flow: an [`record_contents`] becomes a [`record`] that [`audit_writer`] appends; [`audit_reader`] reads the file
//! for [`joined_records`] (listing) and [`audit_index`] (attribution).

pub mod actor;
pub mod audit_index;
pub mod audit_reader;
pub mod audit_writer;
pub mod joined_records;
pub(crate) mod logged_commands;
pub mod record;
pub mod record_contents;
pub(crate) mod record_search;
#[cfg(test)]
pub(crate) mod test_records;
