//! A stretch of samples: one log per row, and when each sample was taken.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField, Kind};
use crate::haproxy::schema::Schema;
use crate::monitor::history::packed::Columns;
use crate::monitor::history::row_log::{Reader, Writer};
use crate::monitor::roster::RowId;
use crate::monitor::sample::Sample;

/// Samples in a block. Longer blocks start fewer rows anew; shorter ones make a shorter step when the oldest goes.
pub const LENGTH: usize = 128;

/// The mark of a number that was absent, in logs.
const ABSENT: i64 = i64::MIN;

/// When a sample was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its number.
    pub seq: u64,
    /// Monotonic time.
    pub at: Duration,
    /// Number of its epoch.
    pub epoch: u32,
}

/// What one series holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Series {
    /// A column of `show stat`.
    Stat(Field),
    /// A key of `show info`.
    Info(InfoField),
}

/// The columns kept of a header: their slots, in order.
#[derive(Debug)]
struct Kept {
    schema: Arc<Schema>,
    slots: Vec<usize>,
}

impl Kept {
    fn of(schema: &Arc<Schema>) -> Self {
        let dropped: Vec<usize> = Field::ALL
            .iter()
            .filter(|field| matches!(field.info().kind, Kind::Age | Kind::Id))
            .filter_map(|field| schema.slot(*field))
            .collect();
        let slots = (0..schema.width()).filter(|slot| !dropped.contains(slot)).collect();
        Self { schema: Arc::clone(schema), slots }
    }

    fn place(&self, field: Field) -> Option<usize> {
        let slot = self.schema.slot(field)?;
        self.slots.iter().position(|kept| *kept == slot)
    }
}

/// The logs of a full block. They are packed a few at a time, so that no sample has to wait for all of them.
#[derive(Debug, Default)]
struct Sealed {
    /// Packed rows one behind the other, each behind a byte that says how.
    bytes: Vec<u8>,
    /// Where each of them ends, by id.
    ends: Vec<(RowId, u32)>,
    /// Logs that are not packed yet, the next one last.
    waiting: Vec<(RowId, Box<[u8]>)>,
    waiting_bytes: usize,
}

/// How a row of a full block is written: as a log still, because it has gaps, or column by column.
const LOG: u8 = 0;
const PACKED: u8 = 1;

/// A row of a block, ready to be read.
enum Row<'a> {
    Log(&'a [u8]),
    Packed(&'a [u8]),
}

impl Sealed {
    fn of(open: HashMap<RowId, Writer>) -> Self {
        let mut waiting: Vec<(RowId, Box<[u8]>)> =
            open.into_iter().map(|(id, log)| (id, log.into_bytes().into_boxed_slice())).collect();
        waiting.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(*id));
        let waiting_bytes = waiting.iter().map(|(_, log)| log.len()).sum();
        Self { ends: Vec::with_capacity(waiting.len()), waiting, waiting_bytes, bytes: Vec::new() }
    }

    /// Packs some more rows.
    fn pack(&mut self, count: usize, steps: usize, width: impl Fn(RowId) -> usize) {
        for _ in 0..count {
            let Some((id, log)) = self.waiting.pop() else { break };
            self.waiting_bytes -= log.len();
            match Columns::of_log(&log, steps, width(id)).map(|columns| columns.pack()) {
                Some(packed) if packed.len() < log.len() => {
                    self.bytes.push(PACKED);
                    self.bytes.extend(packed);
                }
                _ => {
                    self.bytes.push(LOG);
                    self.bytes.extend_from_slice(&log);
                }
            }
            self.ends.push((id, self.bytes.len() as u32));
        }
        if self.waiting.is_empty() && self.waiting.capacity() > 0 {
            self.waiting = Vec::new();
            self.bytes.shrink_to_fit();
        }
    }

    fn row(&self, id: RowId) -> Option<Row<'_>> {
        if let Ok(place) = self.ends.binary_search_by_key(&id, |(known, _)| *known) {
            let start = place.checked_sub(1).map_or(0, |before| self.ends[before].1 as usize);
            let (how, bytes) = self.bytes.get(start..self.ends[place].1 as usize)?.split_first()?;
            return Some(if *how == PACKED { Row::Packed(bytes) } else { Row::Log(bytes) });
        }
        let place = self.waiting.binary_search_by(|(known, _)| id.cmp(known)).ok()?;
        Some(Row::Log(&self.waiting[place].1))
    }

    fn memory(&self) -> usize {
        let list = self.waiting.capacity() * size_of::<(RowId, Box<[u8]>)>();
        self.bytes.capacity() + self.ends.capacity() * size_of::<(RowId, u32)>() + self.waiting_bytes + list
    }
}

/// One stretch of samples with the same columns. Grows until it is full; then only read.
#[derive(Debug)]
pub struct Block {
    marks: Vec<Mark>,
    kept: Kept,
    open: HashMap<RowId, Writer>,
    /// Once the block is full.
    sealed: Option<Sealed>,
    last: Option<Arc<Sample>>,
    open_bytes: usize,
}

impl Block {
    /// An empty block for samples with these columns.
    pub fn new(schema: &Arc<Schema>) -> Self {
        Self {
            marks: Vec::with_capacity(LENGTH),
            kept: Kept::of(schema),
            open: HashMap::new(),
            sealed: None,
            last: None,
            open_bytes: 0,
        }
    }

    /// Whether the sample can be appended.
    pub fn takes(&self, sample: &Sample) -> bool {
        let schema = sample.table.schema();
        let same_columns = Arc::ptr_eq(&self.kept.schema, schema) || self.kept.schema == *schema;
        self.sealed.is_none() && self.marks.len() < LENGTH && same_columns
    }

    /// Appends a sample.
    pub fn push(&mut self, sample: &Arc<Sample>, scratch: &mut Vec<u8>) {
        let step = self.marks.len();
        let before = self.last.replace(Arc::clone(sample));
        let before = before.as_deref();
        self.marks.push(Mark { seq: sample.seq, at: sample.at.mono, epoch: sample.epoch.number });
        let log = self.open.entry(RowId::PROCESS).or_insert_with(|| Writer::starting_after(step));
        let value = |sample: Option<&Sample>, column: usize| {
            sample.map_or(0, |sample| sample.info.numbers()[column].unwrap_or(ABSENT))
        };
        log.step(|column| value(before, column), |column| value(Some(sample), column), InfoField::COUNT, scratch);
        let mut open_bytes = log.memory();
        let same_rows = before.is_some_and(|before| Arc::ptr_eq(&before.rows, &sample.rows));
        for (index, id) in sample.rows.ids().iter().enumerate() {
            let log = self.open.entry(*id).or_insert_with(|| Writer::starting_after(step));
            let row_before = |before: &Sample| if same_rows { Some(index) } else { before.rows.index(*id) };
            let earlier = before.and_then(|before| Some((before, row_before(before)?)));
            let slots = &self.kept.slots;
            let value = |sample: &Sample, row: usize, column: usize| {
                sample.table.slot_number(row, slots[column]).unwrap_or(ABSENT)
            };
            log.step(
                |column| earlier.map_or(0, |(before, row)| value(before, row, column)),
                |column| value(sample, index, column),
                slots.len(),
                scratch,
            );
            open_bytes += log.memory();
        }
        // Rows that are gone.
        for (id, log) in &mut self.open {
            if *id != RowId::PROCESS && sample.rows.index(*id).is_none() {
                log.missing();
                open_bytes += log.memory();
            }
        }
        self.open_bytes = open_bytes;
    }

    /// Ends the block; nothing can be appended afterwards.
    pub fn seal(&mut self) {
        self.sealed = Some(Sealed::of(std::mem::take(&mut self.open)));
        self.last = None;
        self.open_bytes = 0;
        self.marks.shrink_to_fit();
    }

    /// Whether it has ended and some of its rows are not packed yet.
    pub fn is_waiting(&self) -> bool {
        self.sealed.as_ref().is_some_and(|sealed| !sealed.waiting.is_empty())
    }

    /// Packs some rows of a block that has ended.
    pub fn pack(&mut self) {
        let (steps, columns) = (self.marks.len(), self.kept.slots.len());
        let Some(sealed) = &mut self.sealed else { return };
        // All of them within half of the next block.
        let count = (sealed.ends.len() + sealed.waiting.len()) / (LENGTH / 2) + 1;
        sealed.pack(count, steps, |id| if id == RowId::PROCESS { InfoField::COUNT } else { columns });
    }

    /// When each sample was taken.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        self.sealed.as_ref().map_or(0, Sealed::memory)
            + self.open_bytes
            + self.open.capacity() * size_of::<RowId>()
            + self.marks.capacity() * size_of::<Mark>()
            + self.kept.slots.capacity() * size_of::<usize>()
    }

    /// Reads some series of one row; `each` is given the mark and the values, absent where there is none.
    pub fn read(&self, id: RowId, series: &[Series], mut each: impl FnMut(Mark, &[Option<i64>])) {
        let (width, places): (usize, Vec<Option<usize>>) = if id == RowId::PROCESS {
            let place = |series: &Series| match series {
                Series::Info(field) => Some(*field as usize),
                Series::Stat(_) => None,
            };
            (InfoField::COUNT, series.iter().map(place).collect())
        } else {
            let place = |series: &Series| match series {
                Series::Stat(field) => self.kept.place(*field),
                Series::Info(_) => None,
            };
            (self.kept.slots.len(), series.iter().map(place).collect())
        };
        let mut values = vec![None; series.len()];
        let known = |value: &i64| *value != ABSENT;
        match self.row(id) {
            Some(Row::Packed(bytes)) => {
                let columns = Columns::unpack(bytes, self.marks.len(), width);
                for (step, mark) in self.marks.iter().enumerate() {
                    for (value, place) in values.iter_mut().zip(&places) {
                        *value = place.and_then(|place| columns.value(place, step)).filter(known);
                    }
                    each(*mark, &values);
                }
            }
            row => {
                let log = if let Some(Row::Log(log)) = row { log } else { &[] };
                let mut reader = Reader::new(log, width);
                for mark in &self.marks {
                    let row = reader.step();
                    for (value, place) in values.iter_mut().zip(&places) {
                        *value = row.and_then(|row| Some(row[(*place)?])).filter(known);
                    }
                    each(*mark, &values);
                }
            }
        }
    }

    fn row(&self, id: RowId) -> Option<Row<'_>> {
        match &self.sealed {
            None => self.open.get(&id).map(|log| Row::Log(log.bytes())),
            Some(sealed) => sealed.row(id),
        }
    }
}
