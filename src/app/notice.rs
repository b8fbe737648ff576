//! The message in the bottom line.

use std::time::Duration;

use crate::table::cell::Role;

/// A message in the bottom line, shown for a few seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Message text.
    pub text: String,
    /// Meaning, which selects the color.
    pub(crate) role: Role,
    /// Time at which the message disappears.
    pub expires_at: Duration,
    /// True if it answers a key, and not something that happened without one, such as the result of an action.
    pub(crate) is_reply: bool,
}
