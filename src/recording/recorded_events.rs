//! Events of a recording: changes of causes, actions, and failed polls.

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_row::RowKind;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Timestamp;
use crate::recording::byte_codec::{
    ByteReader, Damaged, duration_nanos, wall_nanos, wall_time, write_bytes, write_text,
};
use std::time::Duration;

const CAUSE: u8 = 1;
const ACTION: u8 = 2;
const POLL_FAILURE: u8 = 3;

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
}

impl CauseStep {
    const ALL: [Self; 3] = [Self::Opened, Self::Changed, Self::Resolved];
}

/// A change of a cause, as it was computed while recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCause {
    /// Kind of the change.
    pub step: CauseStep,
    /// Severity.
    pub severity: Severity,
    /// Name of the kind of cause.
    pub kind: SafeText,
    /// Kind and names of the row; `None` for the process.
    pub row: Option<(RowKind, SafeText, SafeText)>,
    /// Description, without the row's name.
    pub sentence: SafeText,
}

/// Contents of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventContents {
    /// A cause changed.
    Cause(RecordedCause),
    /// A record was added to the audit log: one line of JSON.
    Action(String),
    /// A poll failed after polls that did not, for this reason.
    PollFailure(SafeText),
}

/// An event with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
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
            EventContents::Cause(_) => CAUSE,
            EventContents::Action(_) => ACTION,
            EventContents::PollFailure(_) => POLL_FAILURE,
        };
        body.push(tag);
        body.extend(duration_nanos(self.at.monotonic).to_le_bytes());
        body.extend(wall_nanos(self.at.wall).to_le_bytes());
        match &self.contents {
            EventContents::Cause(RecordedCause { step, severity, kind, row, sentence }) => {
                body.push(*step as u8);
                body.push(*severity as u8);
                write_text(&mut body, kind);
                body.push(u8::from(row.is_some()));
                if let Some((kind, proxy, name)) = row {
                    body.push(kind.type_number());
                    write_text(&mut body, proxy);
                    write_text(&mut body, name);
                }
                write_text(&mut body, sentence);
            }
            EventContents::Action(line) => write_bytes(&mut body, line.as_bytes()),
            EventContents::PollFailure(reason) => write_text(&mut body, reason),
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
            CAUSE => EventContents::Cause(read_cause(&mut reader)?),
            ACTION => {
                let line = reader.bytes()?;
                let text = std::str::from_utf8(line).ok().filter(|text| !text.chars().any(char::is_control));
                let text = text.filter(|text| text.len() <= MAX_ACTION_BYTES);
                EventContents::Action(text.ok_or(Damaged("has an action that is not a line of text"))?.to_owned())
            }
            POLL_FAILURE => EventContents::PollFailure(reader.text()?),
            _ => return Ok(None),
        };
        reader.finish()?;
        Ok(Some(Self { at, contents }))
    }
}

fn read_cause(reader: &mut ByteReader<'_>) -> Result<RecordedCause, Damaged> {
    let unknown = Damaged("has an unknown change of a cause");
    let step = *CauseStep::ALL.get(usize::from(reader.byte()?)).ok_or(unknown)?;
    let severity = *[Severity::Warn, Severity::Crit].get(usize::from(reader.byte()?)).ok_or(unknown)?;
    let kind = reader.text()?;
    let row = if reader.byte()? == 0 {
        None
    } else {
        let kind = RowKind::from_type(i64::from(reader.byte()?)).ok_or(unknown)?;
        Some((kind, reader.text()?, reader.text()?))
    };
    Ok(RecordedCause { step, severity, kind, row, sentence: reader.text()? })
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
    use crate::observe::test_samples::timestamp_at;

    fn events() -> Vec<RecordedEvent> {
        let cause = |row| {
            EventContents::Cause(RecordedCause {
                step: CauseStep::Opened,
                severity: Severity::Crit,
                kind: SafeText::from("no-server"),
                row,
                sentence: SafeText::new(b"no server \x1b[31m"),
            })
        };
        let row = Some((RowKind::Backend, SafeText::from("api"), SafeText::from("BACKEND")));
        let all = [
            cause(row),
            cause(None),
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
