//! The audit: every act is written down before it is sent, and again when its effect was read back.
//!
//! One JSON object a line, only ever appended to. A record says who, from where, with what, on which HAProxy,
//! the command to the letter, how the row stood before and after, and why. `docs/audit.md` holds the fields.
//! What is written here is the user's own file: it tells what was done, and cannot stop who wants to hide it.

pub mod actor;
pub mod attempt;
pub mod joined;
pub mod reader;
pub mod record;
#[cfg(test)]
pub mod testing;
pub mod words;
pub mod writer;
