//! Encodes a block, or what was added to the open block since the last part, as the contents of a record.

use crate::haproxy::stat_row::StatRow;
use crate::history::block::{Block, SampleHeader};
use crate::history::sample_context::SampleContext;
use crate::history::sealed_rows::StoredRow;
use crate::history::text_log::TextLog;
use crate::observe::row_ids::RowId;
use crate::recording::byte_codec::{
    Damaged, duration_nanos, wall_nanos, write_bytes, write_number, write_optional, write_signed, write_text,
};
use crate::recording::dictionary::DictionaryWriter;

/// Tag of a row that is stored as a log.
pub(crate) const ROW_LOG: u8 = 0;
/// Tag of a row that is stored as packed columns.
pub(crate) const ROW_PACKED: u8 = 1;

/// End of the earlier parts of the open block.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartStart {
    /// Number of samples.
    pub(crate) steps: usize,
    contexts: usize,
    info_bytes: usize,
    altered_values: usize,
    /// Length of each row's log, in the order in which the logs were created.
    logs: Vec<usize>,
}

/// Encodes everything in a block that `start` does not contain. Returns the contents and the end of the part.
///
/// For an open block, [`Block::end_runs`] must have been called since the last sample. A sealed block must start from the
/// beginning.
///
/// # Errors
/// Returns an error if a row of a sample has no names, which cannot happen.
pub(crate) fn encode_part(
    block: &Block,
    texts: &TextLog,
    start: &PartStart,
    dictionary: &mut DictionaryWriter,
) -> Result<(Vec<u8>, PartStart), Damaged> {
    let mut out = Vec::with_capacity(4096);
    let (rows, logs) = new_row_bytes(block, texts, start, dictionary)?;
    let (schema, ages) = block.columns();
    write_number(&mut out, u64::from(dictionary.schema(schema, ages)));
    write_number(&mut out, u64::from(dictionary.info_keys(block.info().keys())));
    write_number(&mut out, start.steps as u64);
    encode_headers(&mut out, &block.headers()[start.steps..]);
    let contexts = block.contexts().list();
    write_number(&mut out, (contexts.len() - start.contexts) as u64);
    for (step, context) in &contexts[start.contexts..] {
        write_number(&mut out, *step as u64);
        encode_context(&mut out, context, dictionary)?;
    }
    let (values, altered) = block.info().values();
    write_bytes(&mut out, &values[start.info_bytes..]);
    write_number(&mut out, (altered.len() - start.altered_values) as u64);
    altered[start.altered_values..].iter().for_each(|text| write_text(&mut out, text));
    encode_rows(&mut out, &rows);
    encode_texts(&mut out, block, texts, start.steps, dictionary);
    let end = PartStart {
        steps: block.headers().len(),
        contexts: contexts.len(),
        info_bytes: values.len(),
        altered_values: altered.len(),
        logs,
    };
    Ok((out, end))
}

/// The number of a row, its id, and its new bytes.
type NewRow<'a> = (u32, StoredRow<'a>);

/// Returns the rows with new bytes, sorted by number, and the length of each log.
fn new_row_bytes<'a>(
    block: &'a Block,
    texts: &TextLog,
    start: &PartStart,
    dictionary: &mut DictionaryWriter,
) -> Result<(Vec<NewRow<'a>>, Vec<usize>), Damaged> {
    let stored = block.stored_rows();
    let (mut rows, mut logs) = (Vec::with_capacity(stored.len()), Vec::with_capacity(stored.len()));
    for (index, (id, row)) in stored.into_iter().enumerate() {
        let known = start.logs.get(index).copied().unwrap_or(0);
        let new = match row {
            StoredRow::Log(log) => {
                logs.push(log.len());
                StoredRow::Log(&log[known..])
            }
            StoredRow::Packed(_) => row,
        };
        // The numbers of the process follow from the values of `show info`.
        if id != RowId::PROCESS {
            let number = match dictionary.known_row(id) {
                Some(number) => number,
                None => dictionary.row(id, names_of(texts, id)?),
            };
            rows.push((number, new));
        }
    }
    rows.sort_unstable_by_key(|(number, _)| *number);
    Ok((rows, logs))
}

fn names_of(texts: &TextLog, id: RowId) -> Result<&StatRow, Damaged> {
    texts.entries_from(id, 0).next().map(|(_, row)| row).ok_or(Damaged("has a row without names"))
}

fn encode_headers(out: &mut Vec<u8>, headers: &[SampleHeader]) {
    write_number(out, headers.len() as u64);
    let (mut seq, mut at, mut offset) = (0, 0_i64, 0_i64);
    for header in headers {
        let now = duration_nanos(header.at).cast_signed();
        // The wall clock minus the monotonic clock hardly changes.
        let distance = wall_nanos(header.wall).wrapping_sub(now);
        write_number(out, header.seq.wrapping_sub(seq));
        write_signed(out, now.wrapping_sub(at));
        write_signed(out, distance.wrapping_sub(offset));
        write_number(out, header.cost.bytes as u64);
        write_number(out, duration_nanos(header.cost.reply_time));
        (seq, at, offset) = (header.seq, now, distance);
    }
}

fn encode_context(
    out: &mut Vec<u8>,
    context: &SampleContext,
    dictionary: &mut DictionaryWriter,
) -> Result<(), Damaged> {
    let SampleContext { epoch, level, interval, anomalies, rows, configured } = context;
    write_number(out, u64::from(epoch.number));
    write_signed(out, epoch.pid);
    out.push(level.map_or(0, |level| 1 + level as u8));
    write_number(out, duration_nanos(*interval));
    for count in anomalies.counts() {
        write_number(out, count as u64);
    }
    let rows = dictionary.row_set(rows).ok_or(Damaged("has a row without names"))?;
    write_number(out, u64::from(rows));
    write_optional(out, configured.as_ref().map(|configured| u64::from(dictionary.configured(configured))));
    Ok(())
}

fn encode_rows(out: &mut Vec<u8>, rows: &[NewRow<'_>]) {
    write_number(out, rows.len() as u64);
    let mut before = 0;
    for (number, row) in rows {
        write_number(out, u64::from(number - before));
        before = *number;
        let (tag, bytes) = match row {
            StoredRow::Log(bytes) => (ROW_LOG, bytes),
            StoredRow::Packed(bytes) => (ROW_PACKED, bytes),
        };
        out.push(tag);
        write_bytes(out, bytes);
    }
}

/// Writes the texts that apply from one of the samples at the position `first` and later.
fn encode_texts(out: &mut Vec<u8>, block: &Block, texts: &TextLog, first: usize, dictionary: &mut DictionaryWriter) {
    let headers = block.headers();
    let Some(first_seq) = headers.get(first).map(|header| header.seq) else { return write_number(out, 0) };
    let mut changed: Vec<(u32, Vec<(u64, &StatRow)>)> = Vec::new();
    for (id, _) in block.stored_rows() {
        let entries: Vec<(u64, &StatRow)> =
            texts.entries_from(id, first_seq).filter(|(since, _)| *since >= first_seq).collect();
        if let Some(number) = dictionary.known_row(id).filter(|_| !entries.is_empty()) {
            changed.push((number, entries));
        }
    }
    changed.sort_unstable_by_key(|(number, _)| *number);
    write_number(out, changed.len() as u64);
    let mut before = 0;
    for (number, entries) in changed {
        write_number(out, u64::from(number - before));
        before = number;
        write_number(out, entries.len() as u64);
        for (since, row) in entries {
            write_number(out, headers.partition_point(|header| header.seq < since) as u64);
            for set in row.text_sets() {
                write_optional(out, set.map(|set| u64::from(dictionary.texts(set))));
            }
        }
    }
}
