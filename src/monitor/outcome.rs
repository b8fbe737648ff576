//! What became of an act.

use std::fmt;

use crate::haproxy::text::SafeText;
use crate::monitor::acts::Target;

/// What became of an act on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The state read back is the one ordered.
    Verified {
        /// The status now.
        status: SafeText,
        /// Sessions still there.
        sessions: Option<i64>,
    },
    /// HAProxy accepted it, and the state read back is another.
    NotSeen {
        /// The status now; empty when it could not be read.
        status: SafeText,
    },
    /// HAProxy refused it, in its own words.
    Refused(SafeText),
    /// Nothing was sent: no connection.
    NotSent(String),
    /// It was sent, and no answer came: it may have happened.
    Unknown(String),
}

impl Outcome {
    /// Whether the batch may go on.
    pub fn is_verified(&self) -> bool {
        matches!(self, Self::Verified { .. })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified { status, sessions: Some(1) } => write!(f, "verified, {status}, 1 session left"),
            Self::Verified { status, sessions: Some(left) } => write!(f, "verified, {status}, {left} sessions left"),
            Self::Verified { status, sessions: None } => write!(f, "verified, {status}"),
            Self::NotSeen { status } if status.is_empty() => {
                f.write_str("accepted, but its effect could not be read back")
            }
            Self::NotSeen { status } => write!(f, "accepted, but the server still is {status}"),
            Self::Refused(text) => write!(f, "refused by HAProxy: {text}"),
            Self::NotSent(why) => write!(f, "not sent: {why}"),
            Self::Unknown(why) => write!(f, "sent, but {why}: look at the server before trying again"),
        }
    }
}

/// One server's act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The server.
    pub target: Target,
    /// The command as it was sent.
    pub command: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// All that was done for one intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The instance.
    pub instance: usize,
    /// In the order it was done. It ends at the first that was not verified.
    pub done: Vec<Done>,
    /// Servers not touched because of that.
    pub left: usize,
}
