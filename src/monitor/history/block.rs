//! A stretch of samples: one log per row, and when each sample was taken.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField, Kind};
use crate::haproxy::schema::Schema;
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

/// All logs of a full block, one behind the other, and where each ends.
#[derive(Debug)]
struct Sealed {
    bytes: Box<[u8]>,
    ends: Vec<(RowId, u32)>,
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

    /// Packs the logs together; nothing can be appended afterwards.
    pub fn seal(&mut self) {
        let mut logs: Vec<(RowId, Writer)> = self.open.drain().collect();
        logs.sort_unstable_by_key(|(id, _)| *id);
        let mut bytes = Vec::with_capacity(logs.iter().map(|(_, log)| log.bytes().len()).sum());
        let mut ends = Vec::with_capacity(logs.len());
        for (id, log) in logs {
            bytes.extend_from_slice(log.bytes());
            ends.push((id, bytes.len() as u32));
        }
        self.open = HashMap::new();
        self.last = None;
        self.open_bytes = 0;
        self.sealed = Some(Sealed { bytes: bytes.into(), ends });
    }

    /// When each sample was taken.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        let sealed = self
            .sealed
            .as_ref()
            .map_or(0, |Sealed { bytes, ends }| bytes.len() + ends.capacity() * size_of::<(RowId, u32)>());
        sealed
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
        let mut reader = Reader::new(self.log(id), width);
        let mut values = vec![None; series.len()];
        for mark in &self.marks {
            let row = reader.step();
            for (value, place) in values.iter_mut().zip(&places) {
                *value = row.and_then(|row| Some(row[(*place)?])).filter(|value| *value != ABSENT);
            }
            each(*mark, &values);
        }
    }

    fn log(&self, id: RowId) -> &[u8] {
        match &self.sealed {
            None => self.open.get(&id).map_or(&[], Writer::bytes),
            Some(Sealed { bytes, ends }) => match ends.binary_search_by_key(&id, |(known, _)| *known) {
                Ok(place) => {
                    let start = place.checked_sub(1).map_or(0, |before| ends[before].1 as usize);
                    &bytes[start..ends[place].1 as usize]
                }
                Err(_) => &[],
            },
        }
    }
}
