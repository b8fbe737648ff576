//! Queries and command lines that a user requests, and the limits that keep them harmless.
//!
//! This module owns the queries sent on a key press, the parsing of lines typed by hand, the list of read-only
//! commands, the cost of expensive queries and the known crashes of HAProxy versions. It does not own periodic polling
//! ([`crate::observe`]), actions that change HAProxy ([`crate::actions`]) or the display of replies ([`crate::app`]).
//!
//! Data flow: the app builds a [`query::Query`], from a key or from a line that passed [`read_only_line`] and
//! [`typed_line`]. The app then waits until the pause required by [`query_limits`] is over. [`query::run`] rejects
//! commands listed in [`known_crashes`], sends the command over a separate connection and returns a parsed
//! [`query::QueryReply`].

pub mod known_crashes;
pub mod query;
pub(crate) mod query_limits;
pub mod read_only_commands;
pub mod read_only_line;
pub mod typed_line;
