//! Contents of the two audit records of a command: the attempt, recorded before the command is sent, and the result,
//! recorded after it.

use serde::{Deserialize, Serialize};

use crate::actions::outcome::{Outcome, StepResult};
use crate::actions::readback::Readback;

/// State of a row in an audit record. Values that HAProxy did not report are omitted from the JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedState {
    /// Status from `show stat`; empty if unknown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) status: String,
    /// Administrative state: the bits of `srv_admin_state`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admin: Option<u32>,
    /// Effective weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<i64>,
    /// Current sessions, `scur`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sessions: Option<i64>,
    /// Queued requests, `qcur`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queued: Option<i64>,
    /// Session limit, `slim`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<i64>,
}

/// A command that is about to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempt {
    /// Name of the instance.
    pub instance: String,
    /// Address of the instance's stats socket.
    pub address: String,
    /// Process id of HAProxy.
    pub pid: i64,
    /// Target of the action.
    pub target: Option<String>,
    /// Command text as sent.
    pub command: String,
    /// State of the row before the command.
    pub before: Option<RecordedState>,
    /// Reason entered by the operator.
    pub reason: Option<String>,
}

/// Result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttemptResult {
    /// Process id of the HAProxy that executed the command; `None` if unknown.
    pub pid: Option<i64>,
    /// HAProxy's reply.
    pub reply: Option<String>,
    /// Outcome in words.
    pub outcome: Option<String>,
    /// The readback shows the commanded state; `None` if unknown.
    pub verified: Option<bool>,
    /// State of the row right before the command, read on the same command line.
    pub before: Option<RecordedState>,
    /// State of the row in the last readback.
    pub after: Option<RecordedState>,
}

impl From<&Readback> for RecordedState {
    fn from(readback: &Readback) -> Self {
        Self {
            status: readback.status.to_string(),
            admin: readback.server_state.as_ref().map(|state| state.admin.0),
            weight: readback.current_weight(),
            sessions: readback.sessions,
            queued: readback.queued,
            limit: readback.session_limit,
        }
    }
}

impl AttemptResult {
    /// Builds the result of a step. Without a reply or readback, `verified` is `None`, because the command may
    /// have taken effect.
    pub(crate) fn from_step_result(result: &StepResult) -> Self {
        let (answer, verified) = match &result.outcome {
            Outcome::Verified(_) => (None, Some(true)),
            Outcome::NotVerified { now, .. } if now.is_empty() => (None, None),
            Outcome::NotVerified { .. } | Outcome::NotSent(_) | Outcome::Changed(_) | Outcome::Ended => {
                (None, Some(false))
            }
            Outcome::Refused(text) => (Some(text.to_string()), Some(false)),
            Outcome::Accepted(_) | Outcome::Unknown { .. } => (None, None),
        };
        let [before, after] =
            [&result.before, &result.after].map(|readback| readback.as_ref().map(RecordedState::from));
        Self { pid: result.pid, reply: answer, outcome: Some(result.outcome.to_string()), verified, before, after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::MAINT;
    use crate::actions::intent::{ActionTarget, IntentStep};
    use crate::haproxy::write_command::{TargetState, WriteCommand};

    fn result_of(outcome: Outcome) -> AttemptResult {
        let target = ActionTarget::without_row("b".into(), "s".into());
        let step = IntentStep { action: &MAINT, command: WriteCommand::State(TargetState::Maint), target };
        let before = Some(Readback { status: "UP".into(), sessions: Some(3), ..Readback::default() });
        AttemptResult::from_step_result(&StepResult { before, ..StepResult::new(step, String::new(), outcome) })
    }

    #[test]
    fn attempt_result_leaves_unknown_verification_open() {
        assert_eq!(result_of(Outcome::Unknown { reason: "no answer".into(), now: String::new() }).verified, None);
        assert_eq!(result_of(Outcome::Accepted("OPEN".into())).verified, None);
        assert_eq!(result_of(Outcome::NotVerified { now: String::new(), samples: 3 }).verified, None);
        assert_eq!(result_of(Outcome::NotVerified { now: "UP".into(), samples: 3 }).verified, Some(false));
        assert_eq!(result_of(Outcome::NotSent("no connection".into())).verified, Some(false));
        let refused = result_of(Outcome::Refused("No such server.".into()));
        assert_eq!((refused.verified, refused.reply.as_deref()), (Some(false), Some("No such server.")));
        assert_eq!(refused.before.map(|before| (before.status, before.sessions)), Some(("UP".into(), Some(3))));
    }
}
