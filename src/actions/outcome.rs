//! What became of an act.

use std::fmt;

use crate::actions::intent::{Intent, Step};
use crate::actions::readback::Seen;
use crate::haproxy::safe_text::SafeText;
use crate::observe::row_ids::RowId;

/// What became of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// What was read back is what was ordered: how it stands now.
    Verified(String),
    /// HAProxy accepted it, and does not tell more.
    Accepted(String),
    /// HAProxy accepted it, and what was read back is something else.
    NotSeen {
        /// How it stands; empty when it could not be read.
        now: String,
        /// How often it was looked at.
        samples: usize,
    },
    /// HAProxy refused it, in its own words.
    Refused(SafeText),
    /// Nothing was sent.
    NotSent(String),
    /// It was sent, and no answer came: it may have happened.
    Unknown(String),
}

impl Outcome {
    /// Whether the batch may go on.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Verified(_) | Self::Accepted(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified(now) => write!(f, "verified, {now}"),
            Self::Accepted(now) => write!(f, "accepted, {now}; HAProxy does not tell more"),
            Self::NotSeen { now, .. } if now.is_empty() => {
                f.write_str("accepted, but its effect could not be read back")
            }
            Self::NotSeen { now, samples: 1 } => write!(f, "accepted, but still {now}"),
            Self::NotSeen { now, samples } => write!(f, "accepted, but still {now} after {samples} samples"),
            Self::Refused(text) => write!(f, "refused by HAProxy: {text}"),
            Self::NotSent(why) => write!(f, "not sent: {why}"),
            Self::Unknown(why) => write!(f, "sent, but {why}: look at it before trying again"),
        }
    }
}

/// One command that was carried out, or tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// What was to be done.
    pub step: Step,
    /// The command as it was sent.
    pub command: String,
    /// How it stood right before; absent when that is not known.
    pub before: Option<Seen>,
    /// How it stood when it was looked at last.
    pub after: Option<Seen>,
    /// What became of it.
    pub outcome: Outcome,
    /// What went wrong beside it: it could not be written to the audit.
    pub remark: Option<String>,
}

/// All that was done for one intent.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was wanted.
    pub intent: Intent,
    /// In the order it was done. It ends at the first that failed, or where somebody wanted it to.
    pub done: Vec<Done>,
}

impl Report {
    /// Steps not touched because one before them failed, or somebody wanted it to end.
    pub fn left(&self) -> &[Step] {
        self.intent.steps.get(self.done.len()..).unwrap_or_default()
    }

    /// Whether everything was done.
    pub fn is_good(&self) -> bool {
        self.left().is_empty() && self.done.iter().all(|done| done.outcome.is_good())
    }
}

/// How far one command has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It is on its way.
    Sent,
    /// HAProxy took it; its effect is not seen yet.
    Accepted,
    /// Its effect was read back, or HAProxy tells no more.
    Good,
    /// It failed, or its effect was not seen.
    Bad,
}

/// News of a command under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The instance.
    pub instance: usize,
    /// The row; [`RowId::PROCESS`] where it is none.
    pub row: RowId,
    /// How far.
    pub stage: Stage,
}
