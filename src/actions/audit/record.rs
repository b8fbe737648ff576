//! One line of the audit, as fields and as text.
//!
//! The names of the JSON keys are a promise: programs read them. New ones may come; none changes its meaning.

use std::fmt::Write as _;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::actions::audit::actor::Actor;
use crate::actions::audit::attempt::{Attempt, Ending, Standing};
use crate::haproxy::safe_text::{SafeText, is_visible};

/// Which of the two lines of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The command is about to be sent.
    Sending,
    /// Its effect was read back, or it is known that this could not be done.
    Done,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When, in RFC 3339, UTC, with milliseconds: `2026-11-20T03:12:41.123Z`.
    pub time: String,
    /// Which of the two lines.
    pub phase: Phase,
    /// Joins the two lines of one command: hapulse's pid, the milliseconds of its start, and a counter.
    pub id: String,
    /// What was used: `dashboard`, `hapulse drain`.
    pub tool: String,
    /// Who; its fields stand beside the others.
    #[serde(flatten)]
    pub actor: Actor,
    /// What the HAProxy is called.
    pub instance: String,
    /// Where its socket is.
    pub address: String,
    /// HAProxy's own pid.
    pub pid: i64,
    /// What is acted on: `backend/server`, or `frontend NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The command as it is sent.
    pub command: String,
    /// What HAProxy said to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// What became of it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Whether the state read back is the one ordered; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// How the row stood before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Standing>,
    /// How it stood after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Standing>,
    /// Why, in the words of who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Record {
    /// The first line of a command.
    pub fn sending(at: SystemTime, id: String, tool: String, actor: Actor, attempt: Attempt) -> Self {
        let Attempt { instance, address, pid, target, command, before, reason } = attempt;
        Self {
            time: rfc3339(at),
            phase: Phase::Sending,
            id,
            tool,
            actor,
            instance,
            address,
            pid,
            target,
            command,
            answer: None,
            outcome: None,
            verified: None,
            before,
            after: None,
            reason,
        }
    }

    /// The second line of the same command. It repeats what the first one said, so that each can stand alone.
    #[must_use]
    pub fn done(&self, at: SystemTime, ending: Ending) -> Self {
        let Ending { answer, outcome, verified, before, after } = ending;
        let before = before.or_else(|| self.before.clone());
        Self { time: rfc3339(at), phase: Phase::Done, answer, outcome, verified, before, after, ..self.clone() }
    }

    /// When; nothing where the time is none, which [`Self::parse`] lets through no more than [`Self::sending`].
    pub fn at(&self) -> Option<SystemTime> {
        self.time.parse::<jiff::Timestamp>().ok().map(SystemTime::from)
    }

    /// The line, without its end. Nothing in it is obeyed by a terminal that shows the file.
    ///
    /// # Errors
    /// Never, by the types; the writer of JSON cannot know that.
    pub fn line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|json| visible(&json))
    }

    /// Reads a line. Keys it does not know are passed over.
    ///
    /// # Errors
    /// Why it is no record, safe to print.
    pub fn parse(line: &str) -> Result<Self, SafeText> {
        let record: Self = serde_json::from_str(line).map_err(|error| {
            // It counts lines within the text that it is given, which is one line here.
            let text = error.to_string();
            SafeText::from(text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what))
        })?;
        match record.at() {
            Some(_) => Ok(record),
            None => Err(format!("\"{}\" is no time", record.time).as_str().into()),
        }
    }
}

/// A line of JSON that says the same, and in which every character is visible.
pub fn visible(json: &str) -> String {
    if json.chars().all(is_visible) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + 16);
    for ch in json.chars() {
        match ch {
            ch if is_visible(ch) => out.push(ch),
            // In JSON these stand between the values only.
            '\0'..=' ' => out.push(' '),
            // The others stand in texts only, where any character may be written by its number.
            ch => {
                for unit in ch.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out
}

fn rfc3339(at: SystemTime) -> String {
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

    fn sending() -> Record {
        let before = Standing { status: "UP".into(), admin: Some(0), sessions: Some(3), ..Standing::default() };
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
        Record::sending(at, "12-1795000000000-1".into(), "dashboard".into(), actor(), attempt)
    }

    #[test]
    fn a_line_has_plain_keys_and_nothing_that_is_not_known() {
        assert_eq!(
            sending().line().unwrap(),
            "{\"time\":\"2026-11-18T11:06:40.120Z\",\"phase\":\"sending\",\"id\":\"12-1795000000000-1\",\
             \"tool\":\"dashboard\",\"user\":\"root\",\"uid\":0,\"sudo_user\":\"ann\",\"host\":\"lb01\",\
             \"instance\":\"lb01\",\"address\":\"/run/a.sock\",\"pid\":7,\"target\":\"be/s1\",\
             \"command\":\"set server be/s1 state maint\",\
             \"before\":{\"status\":\"UP\",\"admin\":0,\"sessions\":3}}"
        );
    }

    #[test]
    fn the_second_line_repeats_the_first_and_says_what_became_of_it() {
        let (first, later) = (sending(), SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_000_000_500));
        let after = Some(Standing { status: "MAINT".into(), sessions: Some(2), ..Standing::default() });
        let outcome = Some("verified, MAINT, 2 sessions left".to_owned());
        let ending = Ending { outcome, verified: Some(true), after, ..Ending::default() };
        let done = first.done(later, ending);
        assert_eq!((done.phase, &done.id, &done.before), (Phase::Done, &first.id, &first.before));
        assert_eq!((done.verified, done.outcome.as_deref()), (Some(true), Some("verified, MAINT, 2 sessions left")));
        assert_eq!(done.after.as_ref().map(|after| (after.status.as_str(), after.sessions)), Some(("MAINT", Some(2))));
        assert_eq!(done.at(), Some(later));
    }

    #[test]
    fn other_lines_are_told_from_records() {
        let line = sending().line().unwrap();
        let more = line.replacen('{', "{\"later_key\":[1,{}],", 1);
        assert_eq!(Record::parse(&more), Ok(sending()), "a key of a newer version");
        let why = |line: &str| Record::parse(line).unwrap_err().to_string();
        assert_eq!(why("{\"time\":\"x\"}"), "missing field `phase`");
        assert_eq!(why(&line[..40]), "EOF while parsing a string");
        assert_eq!(why(&line.replace("2026-11-18T", "some\\u001bday")), r#""some\x1bday11:06:40.120Z" is no time"#);
        assert_eq!(why(&line.replace("\"pid\":7", "\"pid\":\"7\"")), "invalid type: string \"7\", expected i64");
    }

    #[test]
    fn a_line_can_be_shown_and_says_the_same() {
        let json = "{\t\"a\":\"\u{7f}\u{9b}31m \u{202e}x \u{e0041} grün\"}";
        let shown = visible(json);
        assert_eq!(shown, r#"{ "a":"\u007f\u009b31m \u202ex \udb40\udc41 grün"}"#);
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(read(&shown), read(json));
    }

    proptest! {
        #[test]
        fn a_record_is_the_same_when_it_is_read_back(record in any_record()) {
            let line = record.line().unwrap();
            prop_assert!(line.chars().all(is_visible), "{line:?}");
            prop_assert_eq!(Record::parse(&line), Ok(record));
        }

        #[test]
        fn no_line_breaks_the_reader(text in any::<String>()) {
            if let Err(why) = Record::parse(&text) {
                prop_assert!(!why.is_empty());
            }
        }
    }
}
