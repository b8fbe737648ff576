//! Audit records: the fields and the JSON text of one line.
//!
//! The JSON keys are a stable interface. New keys may be added; existing ones keep their meaning.

use std::fmt::Write as _;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::actions::audit::actor::Actor;
use crate::actions::audit::record_contents::{Attempt, AttemptResult, RecordedState};
use crate::haproxy::safe_text::{SafeText, is_visible};

/// Phase of a command; each phase has its own line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RecordPhase {
    /// The command is about to be sent.
    Sending,
    /// The command is finished: verified, failed, or not verifiable.
    Done,
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Time in RFC 3339, UTC, with milliseconds: `2026-11-20T03:12:41.123Z`.
    pub(crate) time: String,
    /// Phase of the command.
    pub(crate) phase: RecordPhase,
    /// Id shared by the two lines of one command: hapulse's pid, its start time in milliseconds, and a counter.
    pub(crate) id: String,
    /// Part of hapulse that sent the command: `dashboard`, `hapulse drain`.
    pub(crate) tool: String,
    /// Person and host; flattened into the record.
    #[serde(flatten)]
    pub(crate) actor: Actor,
    /// Name of the instance.
    pub(crate) instance: String,
    /// Address of the instance's stats socket.
    pub address: String,
    /// Process id of HAProxy: in the first record that of the process that was asked right before, in the second that
    /// of the process that executed the command.
    pub(crate) pid: i64,
    /// Target: `backend/server` or `frontend NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    /// Command text as sent.
    pub(crate) command: String,
    /// HAProxy's reply.
    #[serde(rename = "answer", default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply: Option<String>,
    /// Outcome in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<String>,
    /// The readback shows the commanded state; `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verified: Option<bool>,
    /// State of the row before the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<RecordedState>,
    /// State of the row after the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<RecordedState>,
    /// Reason entered by the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl AuditRecord {
    /// Creates the first record of a command.
    pub(crate) fn new_sending(at: SystemTime, id: String, tool: String, actor: Actor, attempt: Attempt) -> Self {
        let Attempt { instance, address, pid, target, command, before, reason } = attempt;
        Self {
            time: format_rfc3339(at),
            phase: RecordPhase::Sending,
            id,
            tool,
            actor,
            instance,
            address,
            pid,
            target,
            command,
            reply: None,
            outcome: None,
            verified: None,
            before,
            after: None,
            reason,
        }
    }

    /// Creates the second record of the same command. It repeats the fields of the first record, so that it can be
    /// understood alone.
    #[must_use]
    pub fn to_done(&self, at: SystemTime, result: AttemptResult) -> Self {
        let AttemptResult { pid, reply, outcome, verified, before, after } = result;
        let before = before.or_else(|| self.before.clone());
        Self {
            time: format_rfc3339(at),
            phase: RecordPhase::Done,
            pid: pid.unwrap_or(self.pid),
            reply,
            outcome,
            verified,
            before,
            after,
            ..self.clone()
        }
    }

    /// Returns the parsed time. Never `None` for records made by [`Self::new_sending`] or [`Self::parse`].
    pub fn parse_time(&self) -> Option<SystemTime> {
        self.time.parse::<jiff::Timestamp>().ok().map(SystemTime::from)
    }

    /// Returns the record as JSON without a newline. Control characters are escaped, so the line is safe to print.
    ///
    /// # Errors
    /// Returns an error if JSON serialization fails, which these types never cause.
    pub fn to_json_line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|json| escape_invisible(&json))
    }

    /// Parses a line. Ignores unknown keys.
    ///
    /// # Errors
    /// Returns the reason, safe to print, if the line is not a valid record.
    pub fn parse(line: &str) -> Result<Self, SafeText> {
        let record: Self = serde_json::from_str(line).map_err(|error| {
            // Drop the position: serde_json counts lines within this single line.
            let text = error.to_string();
            SafeText::from(text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what))
        })?;
        match record.parse_time() {
            Some(_) => Ok(record),
            None => Err(format!("\"{}\" is not a valid time", record.time).as_str().into()),
        }
    }
}

/// Returns equivalent JSON in which every character is visible.
pub(crate) fn escape_invisible(json: &str) -> String {
    if json.chars().all(is_visible) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + 16);
    for ch in json.chars() {
        match ch {
            ch if is_visible(ch) => out.push(ch),
            // In JSON these occur only between values.
            '\0'..=' ' => out.push(' '),
            // The others occur only in strings, where any character can be escaped.
            ch => {
                for unit in ch.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out
}

fn format_rfc3339(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map(|at| format!("{at:.3}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::test_records::any_record;
    use proptest::prelude::*;
    use std::time::Duration;

    fn actor() -> Actor {
        Actor { user: "root".into(), sudo_user: Some("ann".into()), host: "lb01".into(), ..Actor::default() }
    }

    fn sending() -> AuditRecord {
        let before =
            RecordedState { status: "UP".into(), admin: Some(0), sessions: Some(3), ..RecordedState::default() };
        let attempt = Attempt {
            instance: "lb01".into(),
            address: "/run/a.sock".into(),
            pid: 7,
            target: Some("be/s1".into()),
            command: "set server be/s1 state maint".into(),
            before: Some(before),
            reason: None,
        };
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_000_000_120);
        AuditRecord::new_sending(at, "12-1795000000000-1".into(), "dashboard".into(), actor(), attempt)
    }

    #[test]
    fn to_json_line_omits_unknown_values() {
        assert_eq!(
            sending().to_json_line().unwrap(),
            "{\"time\":\"2026-11-18T11:06:40.120Z\",\"phase\":\"sending\",\"id\":\"12-1795000000000-1\",\
             \"tool\":\"dashboard\",\"user\":\"root\",\"uid\":0,\"sudo_user\":\"ann\",\"host\":\"lb01\",\
             \"instance\":\"lb01\",\"address\":\"/run/a.sock\",\"pid\":7,\"target\":\"be/s1\",\
             \"command\":\"set server be/s1 state maint\",\
             \"before\":{\"status\":\"UP\",\"admin\":0,\"sessions\":3}}"
        );
    }

    #[test]
    fn to_done_repeats_first_record_and_adds_result() {
        let (first, later) = (sending(), SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_000_000_500));
        let after = Some(RecordedState { status: "MAINT".into(), sessions: Some(2), ..RecordedState::default() });
        let outcome = Some("verified, MAINT, 2 sessions left".to_owned());
        let result = AttemptResult { outcome, verified: Some(true), after, ..AttemptResult::default() };
        let done = first.to_done(later, result);
        assert_eq!((done.phase, &done.id, &done.before), (RecordPhase::Done, &first.id, &first.before));
        assert_eq!((done.verified, done.outcome.as_deref()), (Some(true), Some("verified, MAINT, 2 sessions left")));
        assert_eq!(done.after.as_ref().map(|after| (after.status.as_str(), after.sessions)), Some(("MAINT", Some(2))));
        assert_eq!(done.parse_time(), Some(later));
    }

    #[test]
    fn parse_rejects_invalid_lines_with_reason() {
        let line = sending().to_json_line().unwrap();
        let more = line.replacen('{', "{\"later_key\":[1,{}],", 1);
        assert_eq!(AuditRecord::parse(&more), Ok(sending()), "a key of a newer version");
        let reason = |line: &str| AuditRecord::parse(line).unwrap_err().to_string();
        assert_eq!(reason("{\"time\":\"x\"}"), "missing field `phase`");
        assert_eq!(reason(&line[..40]), "EOF while parsing a string");
        assert_eq!(
            reason(&line.replace("2026-11-18T", "some\\u001bday")),
            r#""some\x1bday11:06:40.120Z" is not a valid time"#
        );
        assert_eq!(reason(&line.replace("\"pid\":7", "\"pid\":\"7\"")), "invalid type: string \"7\", expected i64");
    }

    #[test]
    fn escape_invisible_keeps_json_value() {
        let json = "{\t\"a\":\"\u{7f}\u{9b}31m \u{202e}x \u{e0041} grün\"}";
        let shown = escape_invisible(json);
        assert_eq!(shown, r#"{ "a":"\u007f\u009b31m \u202ex \udb40\udc41 grün"}"#);
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(read(&shown), read(json));
    }

    proptest! {
        #[test]
        fn parse_restores_any_record_from_json_line(record in any_record()) {
            let line = record.to_json_line().unwrap();
            prop_assert!(line.chars().all(is_visible), "{line:?}");
            prop_assert_eq!(AuditRecord::parse(&line), Ok(record));
        }

        #[test]
        fn parse_never_panics_on_any_line(text in any::<String>()) {
            if let Err(reason) = AuditRecord::parse(&text) {
                prop_assert!(!reason.is_empty());
            }
        }
    }
}
