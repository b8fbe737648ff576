//! Outcomes of actions: the result of each command and the report of a whole intent.

use std::fmt;

use crate::actions::action_table::{self, VerifyBy};
use crate::actions::capacity::Capacity;
use crate::actions::intent::{Intent, IntentStep};
use crate::actions::readback::Readback;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::write_command::WriteCommand;
use crate::observe::instance_id::RowRef;
use crate::units::pluralize;

/// Outcome of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The readback shows the commanded state. Holds a description of the current state.
    Verified(String),
    /// HAProxy accepted the command, and its effect cannot be read back. Holds a description of the current state.
    Accepted(String),
    /// HAProxy accepted the command, but the readback shows another state.
    NotVerified {
        /// Description of the current state; empty if it could not be read.
        now: String,
        /// Number of readbacks.
        samples: usize,
    },
    /// HAProxy refused the command. Holds HAProxy's reply.
    Refused(SafeText),
    /// Nothing was sent. Holds the reason.
    NotSent(String),
    /// Nothing was sent, because the target or the impact is not the one that was confirmed. Holds the differences.
    Changed(String),
    /// Nothing was sent, because the session had ended before: what the action would do is done.
    Ended,
    /// Sent, but no reply came: the command may have taken effect.
    Unknown {
        /// Reason why the reply is missing.
        reason: String,
        /// Description of the state read afterwards; empty if it could not be read.
        now: String,
    },
}

impl Outcome {
    /// Returns true if the command succeeded.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Verified(_) | Self::Accepted(_))
    }

    /// Returns true if the next step may be sent: the command succeeded, or its session had ended before.
    pub(crate) fn allows_next(&self) -> bool {
        self.is_success() || *self == Self::Ended
    }

    /// Returns true if a command was sent and neither HAProxy's reply nor a readback shows its effect.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. }) || matches!(self, Self::NotVerified { now, .. } if now.is_empty())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified(now) => write!(f, "verified, {now}"),
            Self::Accepted(now) => write!(f, "accepted, not verifiable: {now}"),
            Self::NotVerified { now, .. } if now.is_empty() => {
                f.write_str("accepted, but its effect could not be read back")
            }
            Self::NotVerified { now, samples: 1 } => write!(f, "accepted, but still {now}"),
            Self::NotVerified { now, samples } => {
                write!(f, "accepted, but still {now} after {}", pluralize(*samples as i64, "sample"))
            }
            Self::Refused(text) => write!(f, "refused by HAProxy: {text}"),
            Self::NotSent(reason) => write!(f, "not sent: {reason}"),
            Self::Changed(differences) => write!(f, "not sent: {differences}"),
            Self::Ended => f.write_str("had ended before"),
            Self::Unknown { reason, now } if now.is_empty() => {
                write!(f, "sent, but {reason}: check the state before retrying")
            }
            Self::Unknown { reason, now } => write!(f, "sent, but {reason}; state now: {now}"),
        }
    }
}

/// Result of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepResult {
    /// The step.
    pub step: IntentStep,
    /// Command text as sent.
    pub command: String,
    /// State right before the command; `None` if unknown.
    pub before: Option<Readback>,
    /// State in the last readback; `None` if unknown.
    pub after: Option<Readback>,
    /// Outcome of the command.
    pub outcome: Outcome,
    /// Process id of the HAProxy that executed the command; `None` if unknown.
    pub pid: Option<i64>,
    /// Error from writing the audit record; `None` if it was written.
    pub audit_warning: Option<String>,
}

impl StepResult {
    /// Creates the result of a step without readbacks.
    pub fn new(step: IntentStep, command: String, outcome: Outcome) -> Self {
        Self { step, command, before: None, after: None, outcome, pid: None, audit_warning: None }
    }

    /// Returns whether the state was already as ordered right before the command, so that the command changed nothing, and
    /// another operator or tool made the change.
    pub(crate) fn found_state(&self) -> bool {
        let state = |readback: &Readback| {
            let admin = readback.server_state.as_ref().map(|state| state.admin);
            (readback.status.clone(), admin, readback.current_weight(), readback.session_limit)
        };
        let is_state =
            matches!(self.step.action.verify_by, VerifyBy::AdminState | VerifyBy::Weight | VerifyBy::Maxconn);
        is_state
            && self
                .before
                .as_ref()
                .zip(self.after.as_ref())
                .is_some_and(|(before, after)| state(before) == state(after))
    }

    /// Describes what is left of the backend after a server was taken out of service: `2 of 3 servers of be_app usable`.
    /// Returns `None` for other actions.
    pub(crate) fn remaining_capacity(&self) -> Option<String> {
        let (backend, capacity) = (&self.step.target.proxy, self.after.as_ref()?.capacity?);
        let is_out_of_service = self.outcome.is_success() && action_table::blocks_new_sessions(self.step.command);
        is_out_of_service.then(|| match capacity {
            _ if !capacity.is_available() => format!("no server of {backend} is usable now"),
            Capacity { usable: 0, backup, .. } => {
                format!("only {} of {backend} usable now", pluralize(backup as i64, "backup server"))
            }
            capacity => format!("{} of {backend} usable", capacity.describe_usable()),
        })
    }
}

/// Results of one intent.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionReport {
    /// The intent.
    pub intent: Intent,
    /// Results of the attempted steps, in order. After a failed step, or when the operator stops the batch, no further
    /// step is attempted.
    pub results: Vec<StepResult>,
}

impl ActionReport {
    /// Returns the steps not attempted because an earlier one failed or the operator stopped the batch.
    pub(crate) fn unattempted_steps(&self) -> &[IntentStep] {
        self.intent.steps.get(self.results.len()..).unwrap_or_default()
    }

    /// Returns the steps to ask about again: the first one was not sent because its target or impact had changed.
    pub(crate) fn steps_to_confirm_again(&self) -> Vec<IntentStep> {
        match self.results.last() {
            Some(StepResult { outcome: Outcome::Changed(_), step, .. }) => {
                std::iter::once(step).chain(self.unattempted_steps()).cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns true if every step succeeded, or its session had ended before.
    pub(crate) fn is_success(&self) -> bool {
        self.unattempted_steps().is_empty() && self.results.iter().all(|done| done.outcome.allows_next())
    }
}

/// Stage of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepStage {
    /// Sent, no reply yet.
    Sent,
    /// Accepted by HAProxy; effect not verified yet.
    Accepted,
    /// Verified, or accepted if HAProxy does not report the effect.
    Succeeded,
    /// Failed, or the effect was not verified.
    Failed,
}

/// Progress report of a command in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepProgress {
    /// Row; that of the process if the target is not a row.
    pub row: RowRef,
    /// The command.
    pub command: WriteCommand,
    /// Stage reached.
    pub stage: StepStage,
}
