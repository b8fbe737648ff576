//! What is about to be done, and what became of it, as the audit wants to know it.

use serde::{Deserialize, Serialize};

use crate::actions::outcome::{Done, Outcome};
use crate::actions::readback::Seen;

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
    /// Whether what was read back is what was ordered; absent where that is not known.
    pub verified: Option<bool>,
    /// How the row stood right before the command, read on the same line.
    pub before: Option<Standing>,
    /// How the row stands now.
    pub after: Option<Standing>,
}

impl From<&Seen> for Standing {
    fn from(seen: &Seen) -> Self {
        Self {
            status: seen.status.to_string(),
            admin: seen.state.as_ref().map(|state| state.admin.0),
            weight: seen.set_weight(),
            sessions: seen.sessions,
            queued: seen.queued,
            limit: seen.limit,
        }
    }
}

impl Ending {
    /// An act's end. That nothing came back leaves open whether it happened.
    pub fn of(done: &Done) -> Self {
        let (answer, verified) = match &done.outcome {
            Outcome::Verified(_) => (None, Some(true)),
            Outcome::NotSeen { now, .. } if now.is_empty() => (None, None),
            Outcome::NotSeen { .. } | Outcome::NotSent(_) => (None, Some(false)),
            Outcome::Refused(text) => (Some(text.to_string()), Some(false)),
            Outcome::Accepted(_) | Outcome::Unknown(_) => (None, None),
        };
        let [before, after] = [&done.before, &done.after].map(|seen| seen.as_ref().map(Standing::from));
        Self { answer, outcome: Some(done.outcome.to_string()), verified, before, after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::MAINT;
    use crate::actions::intent::{Step, Target};
    use crate::haproxy::write_command::{Admin, WriteCommand};

    fn ending(outcome: Outcome) -> Ending {
        let target = Target::beside_rows("b".into(), "s".into());
        let step = Step { act: &MAINT, order: WriteCommand::State(Admin::Maint), target };
        let before = Some(Seen { status: "UP".into(), sessions: Some(3), ..Seen::default() });
        Ending::of(&Done { step, command: String::new(), before, after: None, outcome, remark: None })
    }

    #[test]
    fn what_is_not_known_is_neither_yes_nor_no() {
        assert_eq!(ending(Outcome::Unknown("no answer".into())).verified, None);
        assert_eq!(ending(Outcome::Accepted("OPEN".into())).verified, None);
        assert_eq!(ending(Outcome::NotSeen { now: String::new(), samples: 3 }).verified, None);
        assert_eq!(ending(Outcome::NotSeen { now: "UP".into(), samples: 3 }).verified, Some(false));
        assert_eq!(ending(Outcome::NotSent("no connection".into())).verified, Some(false));
        let refused = ending(Outcome::Refused("No such server.".into()));
        assert_eq!((refused.verified, refused.answer.as_deref()), (Some(false), Some("No such server.")));
        assert_eq!(refused.before.map(|before| (before.status, before.sessions)), Some(("UP".into(), Some(3))));
    }
}
