//! Recordings of samples, events and actions.
//!
//! This module owns the anonymizer, which replaces the names and texts of a site so that a recording can be given to others.
//! It does not own samples, events and audit records themselves.
//!
//! Data flow: [`anonymize::Anonymizer`] returns a copy of each sample, event and audit record. [`replacements`] assigns the
//! names; [`known_texts`] lists the texts that stay.

pub mod anonymize;
pub(crate) mod anonymize_records;
#[cfg(test)]
mod anonymize_tests;
pub(crate) mod known_texts;
pub(crate) mod replacements;
