//! Recordings of HAProxy instances in files: written by a recorder, read while it runs and afterwards.
//!
//! This module owns the format ([`docs/recording.md`](../../docs/recording.md)), the files of a recording folder, and their
//! retention. It does not own polling ([`crate::observe`]), the compression of samples ([`crate::history`]), which it
//! reuses, or the commands that record and replay. It reads no clock: time comes with the samples.
//!
//! Data flow: [`writer`] collects samples in an [`open_block`], which is a block of the history. Every few seconds, [`part`]
//! encodes what is new, and [`shard_writer`] appends it to the journal; a full block is packed and appended to the shard of
//! the hour. [`dictionary`] gives numbers to names, columns and texts, which the shard stores before the blocks that use them. [`record_frame`] frames
//! everything with lengths and checksums, [`recorded_events`] encodes causes, actions and, with [`recorded_changes`], changes between samples, and [`byte_codec`] encodes numbers and texts.
//! For reading, [`shard`] finds the records of a shard and its journal, and [`found_blocks`] the blocks of all shards, which
//! [`shifts`] joins to one sequence. [`stored_dictionary`] and [`stored_block`] decode them, [`block_decoder`] keeps the last
//! few, and [`reader`] offers samples and series, [`event_reader`] events and, with [`lost_events`], what damage may have hidden. [`recorded_blocks`] makes a recording the past of a history. Nothing that is read from a file is trusted.
//! [`search`] finds the recordings of given HAProxies. [`folder`] names, opens and locks the files; [`retention`] removes old shards.
//! [`snapshot_writer`] writes a span of several instances to one file, which has the form of a shard; [`snapshot_reader`] opens it,
//! and recording folders.
//!
//! [`anonymize`] replaces the names and texts of a site, so that a recording can be given to others: [`replacements`] assigns
//! the names, [`known_texts`] lists the texts that stay, and [`anonymize_records`] applies both to events and audit records.

pub mod anonymize;
pub(crate) mod anonymize_records;
#[cfg(test)]
mod anonymize_tests;
pub(crate) mod block_decoder;
pub(crate) mod byte_codec;
#[cfg(test)]
pub(crate) mod crash_tests;
pub(crate) mod dictionary;
pub(crate) mod event_reader;
pub mod folder;
pub(crate) mod found_blocks;
#[cfg(test)]
mod history_tests;
pub(crate) mod known_texts;
pub(crate) mod lost_events;
pub(crate) mod open_block;
pub(crate) mod part;
#[cfg(test)]
pub(crate) mod proptests;
pub mod reader;
pub mod record_frame;
pub(crate) mod recorded_blocks;
pub mod recorded_changes;
pub mod recorded_events;
pub(crate) mod replacements;
pub mod retention;
pub(crate) mod search;
pub(crate) mod shard;
pub(crate) mod shard_writer;
pub(crate) mod shifts;
pub mod snapshot_reader;
#[cfg(test)]
mod snapshot_tests;
pub mod snapshot_writer;
pub(crate) mod stored_block;
pub(crate) mod stored_dictionary;
#[cfg(test)]
mod version_tests;
pub mod writer;
