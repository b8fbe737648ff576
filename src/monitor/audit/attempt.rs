//! What is about to be done, and what became of it, as the audit wants to know it.

use serde::{Deserialize, Serialize};

use crate::haproxy::text::SafeText;
use crate::monitor::outcome::Outcome;

/// How a row stood. What HAProxy did not say is absent, and left out of the JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// Its status, as `show stat` has it; empty where it was not seen.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Its administrative state, the bits of `srv_admin_state`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<u32>,
    /// Its effective weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// Sessions present, `scur`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<i64>,
    /// Requests waiting, `qcur`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued: Option<i64>,
    /// Limit of sessions, `slim`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
}

/// What is about to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempt {
    /// What the HAProxy is called.
    pub instance: String,
    /// Where its socket is.
    pub address: String,
    /// HAProxy's own pid.
    pub pid: i64,
    /// What is acted on.
    pub target: Option<String>,
    /// The command as it is sent.
    pub command: String,
    /// How the row stands.
    pub before: Option<Standing>,
    /// Why.
    pub reason: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ending {
    /// What HAProxy said.
    pub answer: Option<String>,
    /// In words.
    pub outcome: Option<String>,
    /// Whether the state read back is the one ordered; absent where that is not known.
    pub verified: Option<bool>,
    /// How the row stands now.
    pub after: Option<Standing>,
}

impl Ending {
    /// An act's outcome. That nothing came back leaves open whether it happened.
    pub fn of(outcome: &Outcome) -> Self {
        let status = |status: &SafeText| Standing { status: status.to_string(), ..Standing::default() };
        let (answer, verified, after) = match outcome {
            Outcome::Verified { status: now, sessions } => {
                (None, Some(true), Some(Standing { sessions: *sessions, ..status(now) }))
            }
            Outcome::NotSeen { status: now } if now.is_empty() => (None, None, None),
            Outcome::NotSeen { status: now } => (None, Some(false), Some(status(now))),
            Outcome::Refused(text) => (Some(text.to_string()), Some(false), None),
            Outcome::NotSent(_) => (None, Some(false), None),
            Outcome::Unknown(_) => (None, None, None),
        };
        Self { answer, outcome: Some(outcome.to_string()), verified, after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_neither_yes_nor_no() {
        let verified = |outcome| Ending::of(&outcome).verified;
        assert_eq!(verified(Outcome::Unknown("no answer".into())), None);
        assert_eq!(verified(Outcome::NotSeen { status: "".into() }), None);
        assert_eq!(verified(Outcome::NotSeen { status: "UP".into() }), Some(false));
        assert_eq!(verified(Outcome::NotSent("no connection".into())), Some(false));
        let refused = Ending::of(&Outcome::Refused("No such server.".into()));
        assert_eq!((refused.verified, refused.answer.as_deref()), (Some(false), Some("No such server.")));
    }
}
