//! Encodes the changes between two samples that the event log lists: states, weights, limits, rows, and processes.

use std::time::Duration;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_row::RowKind;
use crate::observe::events::{EventKind, MAX_NAMES, RowNames};
use crate::observe::state_cause::StateCause;
use crate::recording::byte_codec::{ByteReader, Damaged, duration_nanos, write_number, write_signed, write_text};

const STATUS: u8 = 0;
const WEIGHT: u8 = 1;
const LIMIT: u8 = 2;
const ROWS_ADDED: u8 = 3;
const ROWS_REMOVED: u8 = 4;
const MORE_CHANGES: u8 = 5;
const RELOADED: u8 = 6;
const RESTARTED: u8 = 7;
const LINK_RESTORED: u8 = 8;
const LOST_BY_RELOAD: u8 = 9;

/// Kind and names of a row.
pub(crate) type RecordedRow = (RowKind, SafeText, SafeText);

/// A change between two samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedChange {
    /// The row that changed; `None` for the process.
    pub(crate) row: Option<RecordedRow>,
    /// The change.
    pub(crate) kind: EventKind,
}

impl RecordedChange {
    /// Returns whether an event of this kind is recorded as a change. Causes, actions and failed polls have events of their
    /// own, drains are followed by the dashboard that ordered them, and roles are found by comparing balancers.
    pub(crate) fn is_change(kind: &EventKind) -> bool {
        tag_of(kind).is_some()
    }

    /// Appends the change. One of another kind is left out.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        write_row(out, self.row.as_ref());
        let Some(tag) = tag_of(&self.kind) else { return };
        out.push(tag);
        match &self.kind {
            EventKind::Status { from, to, reason, cause } => {
                for text in [from, to, reason] {
                    write_string(out, text);
                }
                write_state_cause(out, cause);
            }
            EventKind::Weight { from, to, .. } | EventKind::Limit { from, to, .. } => {
                write_signed(out, *from);
                write_signed(out, *to);
            }
            EventKind::RowsAdded(names) | EventKind::RowsRemoved(names) => {
                write_number(out, names.count as u64);
                write_number(out, names.first.len() as u64);
                names.first.iter().for_each(|name| write_string(out, name));
            }
            EventKind::MoreChanges(count) => write_number(out, *count as u64),
            EventKind::Reloaded { from, to, are_reset } | EventKind::Restarted { from, to, are_reset } => {
                write_signed(out, *from);
                write_signed(out, *to);
                out.push(u8::from(*are_reset));
            }
            EventKind::LinkRestored(after) => write_number(out, duration_nanos(*after)),
            EventKind::LostByReload(state) => write_string(out, state),
            EventKind::LinkLost(_)
            | EventKind::Action { .. }
            | EventKind::UnfinishedAction { .. }
            | EventKind::DrainResult { .. }
            | EventKind::Role { .. }
            | EventKind::Cause { .. } => {}
        }
    }

    /// Reads a change. Returns `None` for a kind that this version does not know.
    pub(crate) fn decode(reader: &mut ByteReader<'_>) -> Result<Option<Self>, Damaged> {
        let row = read_row(reader)?;
        let kind = match reader.byte()? {
            STATUS => EventKind::Status {
                from: reader.text()?.to_string(),
                to: reader.text()?.to_string(),
                reason: reader.text()?.to_string(),
                cause: read_state_cause(reader)?,
            },
            WEIGHT => EventKind::Weight { from: reader.signed()?, to: reader.signed()?, is_own: false },
            LIMIT => EventKind::Limit { from: reader.signed()?, to: reader.signed()?, is_own: false },
            ROWS_ADDED => EventKind::RowsAdded(read_names(reader)?),
            ROWS_REMOVED => EventKind::RowsRemoved(read_names(reader)?),
            MORE_CHANGES => EventKind::MoreChanges(reader.small()? as usize),
            RELOADED => {
                let (from, to, are_reset) = (reader.signed()?, reader.signed()?, reader.byte()? == 1);
                EventKind::Reloaded { from, to, are_reset }
            }
            RESTARTED => {
                let (from, to, are_reset) = (reader.signed()?, reader.signed()?, reader.byte()? == 1);
                EventKind::Restarted { from, to, are_reset }
            }
            LINK_RESTORED => EventKind::LinkRestored(Duration::from_nanos(reader.number()?)),
            LOST_BY_RELOAD => EventKind::LostByReload(reader.text()?.to_string()),
            _ => return Ok(None),
        };
        Ok(Some(Self { row, kind }))
    }
}

fn tag_of(kind: &EventKind) -> Option<u8> {
    match kind {
        EventKind::Status { .. } => Some(STATUS),
        EventKind::Weight { .. } => Some(WEIGHT),
        EventKind::Limit { .. } => Some(LIMIT),
        EventKind::RowsAdded(_) => Some(ROWS_ADDED),
        EventKind::RowsRemoved(_) => Some(ROWS_REMOVED),
        EventKind::MoreChanges(_) => Some(MORE_CHANGES),
        EventKind::Reloaded { .. } => Some(RELOADED),
        EventKind::Restarted { .. } => Some(RESTARTED),
        EventKind::LinkRestored(_) => Some(LINK_RESTORED),
        EventKind::LostByReload(_) => Some(LOST_BY_RELOAD),
        EventKind::LinkLost(_)
        | EventKind::Action { .. }
        | EventKind::UnfinishedAction { .. }
        | EventKind::DrainResult { .. }
        | EventKind::Role { .. }
        | EventKind::Cause { .. } => None,
    }
}

/// Appends kind and names of a row, or that an event is about the process.
pub(crate) fn write_row(out: &mut Vec<u8>, row: Option<&RecordedRow>) {
    out.push(u8::from(row.is_some()));
    if let Some((kind, proxy, name)) = row {
        out.push(kind.type_number());
        write_text(out, proxy);
        write_text(out, name);
    }
}

/// Reverses [`write_row`].
pub(crate) fn read_row(reader: &mut ByteReader<'_>) -> Result<Option<RecordedRow>, Damaged> {
    if reader.byte()? == 0 {
        return Ok(None);
    }
    let kind =
        RowKind::from_type(i64::from(reader.byte()?)).ok_or(Damaged("has an event of an unknown kind of row"))?;
    Ok(Some((kind, reader.text()?, reader.text()?)))
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    write_text(out, &SafeText::from(text));
}

fn read_names(reader: &mut ByteReader<'_>) -> Result<RowNames, Damaged> {
    let count = reader.small()? as usize;
    let first =
        (0..reader.count(MAX_NAMES)?).map(|_| Ok(reader.text()?.to_string())).collect::<Result<_, Damaged>>()?;
    Ok(RowNames { first, count })
}

fn write_state_cause(out: &mut Vec<u8>, cause: &StateCause) {
    let (tag, text) = match cause {
        StateCause::Us => (0, None),
        StateCause::NewProcess => (1, None),
        StateCause::Agent(explanation) => (2, Some(explanation)),
        StateCause::AgentOrOperator => (3, None),
        StateCause::Tracking(tracked) => (4, Some(tracked)),
        StateCause::Resolution => (5, None),
        StateCause::Check => (6, None),
        StateCause::Operator => (7, None),
    };
    out.push(tag);
    if let Some(text) = text {
        write_string(out, text);
    }
}

fn read_state_cause(reader: &mut ByteReader<'_>) -> Result<StateCause, Damaged> {
    Ok(match reader.byte()? {
        0 => StateCause::Us,
        1 => StateCause::NewProcess,
        2 => StateCause::Agent(reader.text()?.to_string()),
        3 => StateCause::AgentOrOperator,
        4 => StateCause::Tracking(reader.text()?.to_string()),
        5 => StateCause::Resolution,
        6 => StateCause::Check,
        7 => StateCause::Operator,
        _ => return Err(Damaged("has a change of state with an unknown cause")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes() -> Vec<RecordedChange> {
        let row = || Some((RowKind::Server, SafeText::from("api"), SafeText::from("s1")));
        let causes = [
            StateCause::Us,
            StateCause::NewProcess,
            StateCause::Agent("deploy until 5".to_owned()),
            StateCause::AgentOrOperator,
            StateCause::Tracking("c/t".to_owned()),
            StateCause::Resolution,
            StateCause::Check,
            StateCause::Operator,
        ];
        let status = |cause| EventKind::Status {
            from: "UP".to_owned(),
            to: "DOWN".to_owned(),
            reason: "L4CON refused".to_owned(),
            cause,
        };
        let names = RowNames { first: vec!["api/s3".to_owned(), "backend web".to_owned()], count: 7 };
        let rows = causes.map(status).into_iter().chain([
            EventKind::Weight { from: 1, to: -2, is_own: false },
            EventKind::Limit { from: 100, to: 200, is_own: false },
        ]);
        let process = [
            EventKind::RowsAdded(names.clone()),
            EventKind::RowsRemoved(names),
            EventKind::MoreChanges(12),
            EventKind::Reloaded { from: 1, to: 2, are_reset: true },
            EventKind::Restarted { from: 2, to: 3, are_reset: false },
            EventKind::LinkRestored(Duration::from_millis(1500)),
            EventKind::LostByReload("weight 7".to_owned()),
        ];
        let rows = rows.map(|kind| RecordedChange { row: row(), kind });
        rows.chain(process.into_iter().map(|kind| RecordedChange { row: None, kind })).collect()
    }

    #[test]
    fn encoded_changes_are_decoded_back() {
        for change in changes() {
            let mut bytes = Vec::new();
            change.encode(&mut bytes);
            let mut reader = ByteReader::new(&bytes);
            assert_eq!(RecordedChange::decode(&mut reader), Ok(Some(change.clone())));
            reader.finish().unwrap();
            for end in 0..bytes.len() {
                let mut reader = ByteReader::new(&bytes[..end]);
                assert!(RecordedChange::decode(&mut reader).is_err(), "{change:?}");
            }
        }
    }

    #[test]
    fn decode_skips_unknown_changes_and_rejects_unknown_causes() {
        assert_eq!(RecordedChange::decode(&mut ByteReader::new(&[0, 99, 1])), Ok(None));
        assert!(RecordedChange::decode(&mut ByteReader::new(&[0, STATUS, 0, 0, 0, 99])).is_err());
        assert!(RecordedChange::decode(&mut ByteReader::new(&[1, 99, 0, 0, STATUS])).is_err());
    }

    #[test]
    fn is_change_excludes_kinds_with_events_of_their_own() {
        assert!(changes().iter().all(|change| RecordedChange::is_change(&change.kind)));
        assert!(!RecordedChange::is_change(&EventKind::LinkLost("refused".to_owned())));
    }
}
