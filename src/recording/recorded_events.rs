//! Events of a recording: changes of causes, actions, failed polls, and changes between samples.

use crate::haproxy::safe_text::SafeText;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Timestamp;
use crate::recording::byte_codec::{
    ByteReader, Damaged, duration_nanos, wall_nanos, wall_time, write_bytes, write_number, write_optional, write_text,
};
use crate::recording::recorded_changes::{RecordedChange, RecordedRow, read_row, write_row};
use std::time::Duration;

const CAUSE: u8 = 1;
const ACTION: u8 = 2;
const POLL_FAILURE: u8 = 3;
const CHANGE: u8 = 4;
const CAUSE_STATE: u8 = 5;

/// Maximum number of events in a record.
pub(crate) const MAX_EVENTS: usize = 10_000;
/// Maximum length of an audit record, in bytes.
const MAX_ACTION_BYTES: usize = 64 << 10;

/// Kind of a change of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CauseStep {
    /// It appeared.
    Opened,
    /// The severity changed.
    Changed,
    /// It is resolved.
    Resolved,
    /// Only its description changed.
    Updated,
}

impl CauseStep {
    const ALL: [Self; 4] = [Self::Opened, Self::Changed, Self::Resolved, Self::Updated];
}

/// The age and the impact of a cause.
#[derive(Debug, Clone, PartialEq)]
pub struct CauseState {
    /// Time since its first sample.
    pub age: Duration,
    /// Time for which HAProxy had reported the state before that sample.
    pub before: Duration,
    /// True if it may be older.
    pub may_be_older: bool,
    /// Development of its value: 0 worse, 1 steady, 2 better.
    pub trend: u8,
    /// Share of the requests or connections that fail or are late, from 0 to 1; `None` if unknown.
    pub impact: Option<f64>,
    /// Words about the time before it; empty without any.
    pub earlier: SafeText,
}

/// Steps of the share of an impact.
const IMPACT_STEPS: f64 = 1e9;
/// Highest value of [`CauseState::trend`].
const MAX_TREND: u8 = 2;

impl CauseState {
    fn encode(&self, out: &mut Vec<u8>) {
        write_number(out, duration_nanos(self.age));
        write_number(out, duration_nanos(self.before));
        out.extend([u8::from(self.may_be_older), self.trend]);
        let impact = self.impact.map(|share| (share.clamp(0.0, 1.0) * IMPACT_STEPS).round() as u64);
        write_optional(out, impact);
        write_text(out, &self.earlier);
    }

    fn read(reader: &mut ByteReader<'_>) -> Result<Self, Damaged> {
        let (age, before) = (Duration::from_nanos(reader.number()?), Duration::from_nanos(reader.number()?));
        let unknown = Damaged("has an unknown state of a cause");
        let may_be_older = match reader.byte()? {
            0 => false,
            1 => true,
            _ => return Err(unknown),
        };
        let trend = Some(reader.byte()?).filter(|trend| *trend <= MAX_TREND).ok_or(unknown)?;
        let impact = reader.optional()?.map(|steps| (steps as f64 / IMPACT_STEPS).min(1.0));
        Ok(Self { age, before, may_be_older, trend, impact, earlier: reader.text()? })
    }
}

/// A change of a cause, as it was computed while recording.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedCause {
    /// Kind of the change.
    pub step: CauseStep,
    /// Severity.
    pub severity: Severity,
    /// Name of the kind of cause.
    pub kind: SafeText,
    /// Kind and names of the row; `None` for the process.
    pub row: Option<RecordedRow>,
    /// Description, without the row's name.
    pub sentence: SafeText,
    /// Age and impact; `None` in a recording before they were recorded.
    pub state: Option<CauseState>,
}

/// Contents of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum EventContents {
    /// A cause changed.
    Cause(RecordedCause),
    /// A record was added to the audit log: one line of JSON.
    Action(String),
    /// A poll failed after polls that did not, for this reason.
    PollFailure(SafeText),
    /// Two samples differ.
    Change(RecordedChange),
}

/// An event with its time.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// Time of the event.
    pub at: Timestamp,
    /// Contents.
    pub contents: EventContents,
}

impl RecordedEvent {
    /// Appends the event, preceded by its length, so that readers can skip kinds that they do not know.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        let tag = match &self.contents {
            EventContents::Cause(cause) if cause.state.is_none() => CAUSE,
            EventContents::Cause(_) => CAUSE_STATE,
            EventContents::Action(_) => ACTION,
            EventContents::PollFailure(_) => POLL_FAILURE,
            EventContents::Change(_) => CHANGE,
        };
        body.push(tag);
        body.extend(duration_nanos(self.at.monotonic).to_le_bytes());
        body.extend(wall_nanos(self.at.wall).to_le_bytes());
        match &self.contents {
            EventContents::Cause(RecordedCause { step, severity, kind, row, sentence, state }) => {
                body.push(*step as u8);
                body.push(*severity as u8);
                write_text(&mut body, kind);
                write_row(&mut body, row.as_ref());
                write_text(&mut body, sentence);
                if let Some(state) = state {
                    state.encode(&mut body);
                }
            }
            EventContents::Action(line) => write_bytes(&mut body, line.as_bytes()),
            EventContents::PollFailure(reason) => write_text(&mut body, reason),
            EventContents::Change(change) => change.encode(&mut body),
        }
        write_bytes(out, &body);
    }

    /// Reads the body of an event. Returns `None` for a kind that this version does not know.
    fn decode(body: &[u8]) -> Result<Option<Self>, Damaged> {
        let mut reader = ByteReader::new(body);
        let tag = reader.byte()?;
        let mut long = || -> Result<u64, Damaged> {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(reader.take(8)?);
            Ok(u64::from_le_bytes(bytes))
        };
        let monotonic = Duration::from_nanos(long()?);
        let at = Timestamp { monotonic, wall: wall_time(long()?.cast_signed()) };
        let contents = match tag {
            CAUSE | CAUSE_STATE => EventContents::Cause(read_cause(&mut reader, tag == CAUSE_STATE)?),
            ACTION => {
                let line = reader.bytes()?;
                let text = std::str::from_utf8(line).ok().filter(|text| !text.chars().any(char::is_control));
                let text = text.filter(|text| text.len() <= MAX_ACTION_BYTES);
                EventContents::Action(text.ok_or(Damaged("has an action that is not a line of text"))?.to_owned())
            }
            POLL_FAILURE => EventContents::PollFailure(reader.text()?),
            CHANGE => match RecordedChange::decode(&mut reader)? {
                Some(change) => EventContents::Change(change),
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        reader.finish()?;
        Ok(Some(Self { at, contents }))
    }
}

fn read_cause(reader: &mut ByteReader<'_>, has_state: bool) -> Result<RecordedCause, Damaged> {
    let unknown = Damaged("has an unknown change of a cause");
    let step = *CauseStep::ALL.get(usize::from(reader.byte()?)).ok_or(unknown)?;
    let severity = *[Severity::Warn, Severity::Crit].get(usize::from(reader.byte()?)).ok_or(unknown)?;
    let kind = reader.text()?;
    let (row, sentence) = (read_row(reader)?, reader.text()?);
    let state = has_state.then(|| CauseState::read(reader)).transpose()?;
    Ok(RecordedCause { step, severity, kind, row, sentence, state })
}

/// Reads the events of a record. Kinds that this version does not know are skipped.
///
/// # Errors
/// Returns an error if an event is damaged.
pub(crate) fn decode_events(contents: &[u8]) -> Result<Vec<RecordedEvent>, Damaged> {
    let mut reader = ByteReader::new(contents);
    let mut events = Vec::new();
    while reader.left() > 0 {
        if events.len() == MAX_EVENTS {
            return Err(Damaged("has too many events"));
        }
        events.extend(RecordedEvent::decode(reader.bytes()?)?);
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::stat_row::RowKind;
    use crate::observe::test_samples::timestamp_at;

    fn events() -> Vec<RecordedEvent> {
        let cause = |row, state| {
            EventContents::Cause(RecordedCause {
                step: CauseStep::Opened,
                severity: Severity::Crit,
                kind: SafeText::from("no-server"),
                row,
                sentence: SafeText::new(b"no server \x1b[31m"),
                state,
            })
        };
        let row = Some((RowKind::Backend, SafeText::from("api"), SafeText::from("BACKEND")));
        let state = CauseState {
            age: Duration::from_millis(1500),
            before: Duration::from_hours(1),
            may_be_older: true,
            trend: 2,
            impact: Some(0.25),
            earlier: SafeText::from("3 times in 4 min"),
        };
        let all = [
            cause(row, None),
            cause(None, Some(state)),
            EventContents::Action("{\"id\":1}".to_owned()),
            EventContents::PollFailure(SafeText::from("connection refused")),
        ];
        all.into_iter().zip(1..).map(|(contents, at)| RecordedEvent { at: timestamp_at(at * 100), contents }).collect()
    }

    #[test]
    fn encoded_events_are_decoded_back() {
        let mut bytes = Vec::new();
        for event in events() {
            event.encode(&mut bytes);
        }
        assert_eq!(decode_events(&bytes), Ok(events()));
        let mut longer = vec![3, 99, 1, 2];
        longer.splice(0..1, [18]);
        longer.resize(19, 0);
        longer.extend(&bytes);
        assert_eq!(decode_events(&longer), Ok(events()), "an unknown kind is skipped");
    }

    #[test]
    fn decode_events_never_panics_on_truncated_bytes() {
        let mut bytes = Vec::new();
        for event in events() {
            event.encode(&mut bytes);
        }
        for end in 0..bytes.len() {
            let decoded = decode_events(&bytes[..end]);
            assert!(decoded.is_err() || decoded.is_ok_and(|events| events.len() < 4), "{end}");
        }
    }

    #[test]
    fn decode_events_rejects_action_with_control_characters() {
        let mut bytes = Vec::new();
        let contents = EventContents::Action("{}\u{1b}[31m".to_owned());
        RecordedEvent { at: timestamp_at(0), contents }.encode(&mut bytes);
        assert!(decode_events(&bytes).is_err());
    }
}
