//! State of the connection to one HAProxy instance.

use std::time::Duration;

/// Failure of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollFailure {
    /// Cause of the failure, as shown to the operator.
    pub reason: String,
    /// Configuration line or other step that fixes the failure, if known.
    pub hint: Option<String>,
    /// True if access to the socket was denied, so that retrying does not help.
    pub is_denied: bool,
    /// Monotonic time of the next attempt.
    pub retry_at: Duration,
}

/// State of the link to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Link {
    /// No poll has succeeded or failed yet.
    #[default]
    Connecting,
    /// The last poll succeeded.
    Up,
    /// Polls fail, and the data on the screen is out of date.
    Lost {
        /// Monotonic time of the last sample; zero, the start of the program, if every poll failed.
        since: Duration,
        /// Most recent failure.
        failure: PollFailure,
    },
}

impl Link {
    /// Returns whether the last poll succeeded.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self, Self::Up)
    }
}
