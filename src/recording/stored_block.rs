//! Decodes blocks, and the parts of an open block from the journal.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::level::Level;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::StatAnomalies;
use crate::history::block::{BLOCK_SAMPLES, Block, BlockParts, SampleHeader};
use crate::history::info_log::InfoLog;
use crate::history::older_blocks::DecodedBlock;
use crate::history::sample_context::{SampleContext, SampleContexts};
use crate::history::sealed_rows::{SealedRows, StoredRow};
use crate::history::text_log::TextLog;
use crate::observe::row_ids::RowId;
use crate::observe::sample::{Epoch, ReplyCost};
use crate::recording::byte_codec::{ByteReader, Damaged, duration_nanos, wall_nanos, wall_time};
use crate::recording::part::{ROW_LOG, ROW_PACKED};
use crate::recording::record_frame::{MAX_CONTENT_BYTES, SampleMark, SampleSpan};
use crate::recording::shifts::Shift;
use crate::recording::stored_dictionary::StoredDictionary;

/// Maximum number of rows of a block.
const MAX_ROWS: usize = 500_000;
/// Maximum size of the parts of a block together, in bytes.
const MAX_BLOCK_BYTES: usize = 2 * MAX_CONTENT_BYTES;
/// Maximum number of values of `show info` that contain escapes.
const MAX_ALTERED: usize = 512 * BLOCK_SAMPLES;

/// Texts of a row from the sample at a position on.
#[derive(Debug, Clone, Copy)]
struct StoredTexts {
    row: u32,
    step: usize,
    sets: [Option<u64>; 2],
}

/// A context, with the numbers of its rows and configured states.
#[derive(Debug)]
struct StoredContext {
    step: usize,
    epoch: Epoch,
    level: Option<Level>,
    interval: Duration,
    anomalies: StatAnomalies,
    rows: u32,
    configured: Option<u64>,
}

/// Number and tag of a row in a part, and the place of its bytes.
#[derive(Debug)]
struct PartRow {
    number: u32,
    tag: u8,
    /// Index of the part.
    part: usize,
    bytes: Range<usize>,
}

/// Contents of a record that contains a block or a part of it.
#[derive(Debug)]
struct StoredPart<'a> {
    schema: u32,
    info_keys: u32,
    first_step: usize,
    headers: Vec<SampleHeader>,
    contexts: Vec<StoredContext>,
    info: &'a [u8],
    altered: Vec<SafeText>,
    /// Rows, sorted by number.
    rows: Vec<PartRow>,
    texts: Vec<StoredTexts>,
}

impl<'a> StoredPart<'a> {
    /// Reads the contents of the part with this index.
    fn read(part: usize, contents: &'a [u8]) -> Result<Self, Damaged> {
        let reader = &mut ByteReader::new(contents);
        let (schema, info_keys) = (reader.small()?, reader.small()?);
        let first_step = reader.small()? as usize;
        let headers = read_headers(reader)?;
        let count = reader.count(BLOCK_SAMPLES)?;
        let contexts = (0..count).map(|_| read_context(reader)).collect::<Result<_, _>>()?;
        let info = reader.bytes()?;
        let count = reader.count(MAX_ALTERED)?;
        let altered = (0..count).map(|_| reader.text()).collect::<Result<_, _>>()?;
        let count = reader.count(MAX_ROWS)?;
        let mut rows = Vec::with_capacity(count);
        let mut numbers = RowNumbers::default();
        for _ in 0..count {
            let (number, tag, length) = (numbers.next(reader)?, reader.byte()?, reader.bytes()?.len());
            let end = contents.len() - reader.left();
            rows.push(PartRow { number, tag, part, bytes: end - length..end });
        }
        let count = reader.count(MAX_ROWS)?;
        let (mut texts, mut numbers) = (Vec::with_capacity(count), RowNumbers::default());
        for _ in 0..count {
            let row = numbers.next(reader)?;
            let mut earliest = 0;
            for _ in 0..reader.count(BLOCK_SAMPLES)? {
                let step = reader.small()? as usize;
                if step < earliest {
                    return Err(Damaged("has texts in disorder"));
                }
                earliest = step + 1;
                texts.push(StoredTexts { row, step, sets: [reader.optional()?, reader.optional()?] });
            }
        }
        reader.clone().finish()?;
        Ok(Self { schema, info_keys, first_step, headers, contexts, info, altered, rows, texts })
    }
}

/// Reads ascending numbers of rows.
#[derive(Debug, Default)]
struct RowNumbers(Option<u32>);

impl RowNumbers {
    fn next(&mut self, reader: &mut ByteReader<'_>) -> Result<u32, Damaged> {
        let (distance, unsorted) = (reader.small()?, Damaged("has unsorted rows"));
        let number = match self.0 {
            None => distance,
            Some(before) if distance > 0 => before.checked_add(distance).ok_or(unsorted)?,
            Some(_) => return Err(unsorted),
        };
        self.0 = Some(number);
        Ok(number)
    }
}

fn read_headers(reader: &mut ByteReader<'_>) -> Result<Vec<SampleHeader>, Damaged> {
    let count = reader.count(BLOCK_SAMPLES)?;
    let mut headers = Vec::with_capacity(count);
    let (mut seq, mut at, mut offset) = (0_u64, 0_i64, 0_i64);
    for _ in 0..count {
        seq = seq.wrapping_add(reader.number()?);
        at = at.wrapping_add(reader.signed()?);
        offset = offset.wrapping_add(reader.signed()?);
        let bytes = usize::try_from(reader.number()?).map_err(|_| Damaged("has an impossible size of a reply"))?;
        headers.push(SampleHeader {
            seq,
            at: Duration::from_nanos(at.cast_unsigned()),
            // The context of the sample has the epoch.
            epoch: 0,
            wall: wall_time(offset.wrapping_add(at)),
            cost: ReplyCost { bytes, reply_time: Duration::from_nanos(reader.number()?) },
        });
    }
    Ok(headers)
}

fn read_context(reader: &mut ByteReader<'_>) -> Result<StoredContext, Damaged> {
    let step = reader.small()? as usize;
    let epoch = Epoch { number: reader.small()?, pid: reader.signed()? };
    let level = match reader.byte()? {
        0 => None,
        number => Some(
            [Level::User, Level::Operator, Level::Admin]
                .into_iter()
                .find(|level| *level as u8 + 1 == number)
                .ok_or(Damaged("has an unknown level"))?,
        ),
    };
    let interval = Duration::from_nanos(reader.number()?);
    let mut counts = [0; 4];
    for count in &mut counts {
        *count = reader.small()? as usize;
    }
    let anomalies = StatAnomalies::from_counts(counts);
    Ok(StoredContext { step, epoch, level, interval, anomalies, rows: reader.small()?, configured: reader.optional()? })
}

/// Puts the parts of a block together.
#[derive(Debug)]
pub(crate) struct BlockAssembler {
    dictionary: Arc<StoredDictionary>,
    /// Numbers of the columns and keys; `None` before the first part.
    columns: Option<(u32, u32)>,
    headers: Vec<SampleHeader>,
    contexts: Vec<(usize, SampleContext)>,
    info: Vec<u8>,
    altered: Vec<SafeText>,
    /// Contents of all parts.
    parts: Vec<Vec<u8>>,
    rows: Vec<PartRow>,
    texts: Vec<StoredTexts>,
    /// Size of all parts, in bytes.
    bytes: usize,
}

impl BlockAssembler {
    /// Creates an empty block, whose parts refer to this dictionary.
    pub(crate) fn new(dictionary: &Arc<StoredDictionary>) -> Self {
        Self {
            dictionary: Arc::clone(dictionary),
            columns: None,
            headers: Vec::new(),
            contexts: Vec::new(),
            info: Vec::new(),
            altered: Vec::new(),
            parts: Vec::new(),
            rows: Vec::new(),
            texts: Vec::new(),
            bytes: 0,
        }
    }

    /// Returns whether no part was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// Adds the next part; `span` is the one in the header of its record. The block is unchanged if the part is damaged.
    ///
    /// # Errors
    /// Returns an error if the part is damaged or does not continue the block.
    pub(crate) fn add_part(&mut self, contents: Vec<u8>, span: &SampleSpan) -> Result<(), Damaged> {
        let bytes = self.bytes + contents.len();
        if bytes > MAX_BLOCK_BYTES {
            return Err(Damaged("is larger than a block"));
        }
        let mut part = StoredPart::read(self.parts.len(), &contents)?;
        let columns = (part.schema, part.info_keys);
        let steps = self.headers.len() + part.headers.len();
        let continues = part.first_step == self.headers.len()
            && steps <= BLOCK_SAMPLES
            && !part.headers.is_empty()
            && self.columns.is_none_or(|known| known == columns);
        if !continues {
            return Err(Damaged("does not continue its block"));
        }
        let contexts = self.read_contexts(&part, steps)?;
        set_epochs(&mut part.headers, self.headers.len(), &self.contexts, &contexts);
        check_headers(self.headers.last(), &part.headers, span)?;
        for text in &part.texts {
            self.dictionary.row(text.row)?;
            self.dictionary.texts(text.sets[0])?;
            self.dictionary.texts(text.sets[1])?;
            if !(part.first_step..steps).contains(&text.step) {
                return Err(Damaged("has texts of another sample"));
            }
        }
        for PartRow { number, tag, .. } in &part.rows {
            self.dictionary.row(*number)?;
            let is_first = self.headers.is_empty();
            if !(*tag == ROW_LOG || *tag == ROW_PACKED && is_first && part.headers.len() == steps) {
                return Err(Damaged("has an unknown kind of row"));
            }
        }
        (self.columns, self.bytes) = (Some(columns), bytes);
        self.headers.append(&mut part.headers);
        self.contexts.extend(contexts);
        self.info.extend_from_slice(part.info);
        self.altered.append(&mut part.altered);
        self.rows.append(&mut part.rows);
        self.texts.append(&mut part.texts);
        self.parts.push(contents);
        Ok(())
    }

    fn read_contexts(&self, part: &StoredPart<'_>, steps: usize) -> Result<Vec<(usize, SampleContext)>, Damaged> {
        let mut contexts = Vec::with_capacity(part.contexts.len());
        let mut earliest = if self.contexts.is_empty() { 0 } else { part.first_step };
        for context in &part.contexts {
            let is_first = self.contexts.is_empty() && contexts.is_empty();
            if context.step < earliest || context.step >= steps || is_first && context.step != 0 {
                return Err(Damaged("has a context of another sample"));
            }
            earliest = context.step + 1;
            let rows = self.dictionary.row_set(context.rows)?;
            let configured = context.configured.map(|number| self.dictionary.configured(number)).transpose()?;
            contexts.push((
                context.step,
                SampleContext {
                    epoch: context.epoch,
                    level: context.level,
                    interval: context.interval,
                    anomalies: context.anomalies,
                    rows,
                    configured,
                },
            ));
        }
        if contexts.is_empty() && self.contexts.is_empty() {
            return Err(Damaged("has no context"));
        }
        Ok(contexts)
    }

    /// Returns the block, with the numbers and times that follow from `shift`.
    ///
    /// # Errors
    /// Returns an error if the parts do not contain everything that is needed to restore each sample.
    pub(crate) fn finish(mut self, shift: Shift) -> Result<DecodedBlock, Damaged> {
        for header in &mut self.headers {
            *header = shift.header(header);
        }
        for (_, context) in &mut self.contexts {
            context.epoch.number = shift.epoch(context.epoch.number);
        }
        let (schema, info_keys) = self.columns.ok_or(Damaged("has no samples"))?;
        let (schema, ages) = self.dictionary.schema(schema)?;
        let info = InfoLog::from_parts(Arc::clone(self.dictionary.info_keys(info_keys)?), self.info, self.altered);
        if info.count_steps(self.headers.len()) != self.headers.len() {
            return Err(Damaged("has too few values of show info"));
        }
        // Parts are in the order of their samples.
        self.rows.sort_by_key(|row| row.number);
        let bytes_of = |row: &PartRow| &self.parts[row.part][row.bytes.clone()];
        let mut rows = Vec::with_capacity(self.rows.len());
        for row in self.rows.chunk_by(|one, other| one.number == other.number) {
            let number = row[0].number;
            let bytes: Cow<'_, [u8]> = match row {
                [one] => bytes_of(one).into(),
                parts => parts.iter().map(bytes_of).collect::<Vec<_>>().concat().into(),
            };
            rows.push((self.dictionary.row(number)?.id, number, row[0].tag, bytes));
        }
        rows.sort_unstable_by_key(|(id, ..)| *id);
        if rows.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Damaged("has the same row twice"));
        }
        let mut first_texts: Vec<(u32, usize)> = self.texts.iter().map(|text| (text.row, text.step)).collect();
        first_texts.sort_unstable();
        first_texts.dedup_by_key(|(row, _)| *row);
        let is_stored = |id: &RowId, step: usize| {
            let row = rows.binary_search_by_key(id, |(known, ..)| *known).ok();
            let number = row.map(|index| rows[index].1);
            let text = number.and_then(|number| first_texts.binary_search_by_key(&number, |(known, _)| *known).ok());
            text.is_some_and(|index| first_texts[index].1 <= step)
        };
        if !self.contexts.iter().all(|(step, context)| context.rows.ids().iter().all(|id| is_stored(id, *step))) {
            return Err(Damaged("lacks a row of its samples"));
        }
        let rows = rows.iter().map(|(id, _, tag, bytes)| match *tag {
            ROW_PACKED => (*id, StoredRow::Packed(bytes)),
            _ => (*id, StoredRow::Log(bytes)),
        });
        let block = Block::from_parts(BlockParts {
            headers: self.headers,
            schema: Arc::clone(schema),
            ages,
            age_shift: shift.nanos_later(),
            contexts: SampleContexts::from_list(self.contexts),
            info,
            rows: SealedRows::from_stored(rows),
        });
        let (dictionary, texts) = (self.dictionary, self.texts);
        Ok(DecodedBlock::new(block, move |block| read_texts(&dictionary, &texts, block)))
    }
}

/// Decodes texts whose numbers were checked before.
fn read_texts(dictionary: &StoredDictionary, stored: &[StoredTexts], block: &Block) -> TextLog {
    let mut texts = TextLog::default();
    for StoredTexts { row, step, sets } in stored {
        let sets = sets.map(|set| dictionary.texts(set));
        if let (Ok(names), [Ok(first), Ok(second)], Some(header)) =
            (dictionary.row(*row), sets, block.headers().get(*step))
        {
            texts.push_stored(names.id, header.seq, names.with_texts([first, second]));
        }
    }
    texts
}

/// Sets the epochs of the headers from the contexts. `first` is the position of the first header.
fn set_epochs(
    headers: &mut [SampleHeader],
    first: usize,
    before: &[(usize, SampleContext)],
    contexts: &[(usize, SampleContext)],
) {
    let mut epoch = before.last().map_or(0, |(_, context)| context.epoch.number);
    let mut next = contexts.iter().peekable();
    for (step, header) in (first..).zip(headers) {
        while let Some((_, context)) = next.next_if(|(from, _)| *from <= step) {
            epoch = context.epoch.number;
        }
        header.epoch = epoch;
    }
}

/// Checks that samples are in order, and that they are those of the record's header.
fn check_headers(before: Option<&SampleHeader>, headers: &[SampleHeader], span: &SampleSpan) -> Result<(), Damaged> {
    let in_order = |earlier: &SampleHeader, later: &SampleHeader| earlier.seq < later.seq && earlier.at <= later.at;
    let is_ordered = headers.windows(2).all(|pair| in_order(&pair[0], &pair[1]))
        && before.zip(headers.first()).is_none_or(|(before, first)| in_order(before, first));
    if !is_ordered {
        return Err(Damaged("has samples in disorder"));
    }
    let (Some(first), Some(last)) = (headers.first(), headers.last()) else { return Err(Damaged("has no samples")) };
    let is_mark = |header: &SampleHeader, mark: &SampleMark| {
        (header.seq, duration_nanos(header.at), wall_nanos(header.wall)) == (mark.seq, mark.at, mark.wall)
    };
    let is_span = is_mark(first, &span.first)
        && is_mark(last, &span.last)
        && span.count as usize == headers.len()
        && span.last_epoch == last.epoch;
    if is_span { Ok(()) } else { Err(Damaged("contains other samples than its header says")) }
}
