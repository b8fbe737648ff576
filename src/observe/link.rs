//! How the connection to one HAProxy is doing, in words.

use std::time::Duration;

/// A poll that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub why: String,
    /// The line that mends it, where one is known.
    pub hint: Option<String>,
    /// Time and patience will not mend it: permission is missing.
    pub is_denied: bool,
    /// When the next try is due (monotonic).
    pub retry_at: Duration,
}

/// The state of the link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Link {
    /// No answer yet, and none failed.
    #[default]
    Connecting,
    /// The last poll was answered.
    Up,
    /// Polls fail; what is on the screen is old.
    Lost {
        /// When the last good sample was taken; since the start, when there was none (monotonic).
        since: Duration,
        /// The last failure.
        failure: Failure,
    },
}

impl Link {
    /// Whether the newest sample may be relied on.
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Up)
    }
}
