//! A stretch of samples: one log per row, and when each sample was taken.

use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::schema::Schema;
use crate::monitor::history::open::Open;
use crate::monitor::history::packed::Columns;
use crate::monitor::history::row_log::{ABSENT, Reader};
use crate::monitor::history::sealed::{Sealed, Written};
use crate::monitor::roster::RowId;
use crate::monitor::sample::Sample;

/// Samples in a block. Longer blocks start fewer rows anew; shorter ones make a shorter step when the oldest goes.
pub const LENGTH: usize = 128;

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

/// The rows of a block.
#[derive(Debug)]
enum Rows {
    Open(Open),
    Sealed(Sealed),
}

/// One stretch of samples with the same columns. Grows until it is full; then only read.
#[derive(Debug)]
pub struct Block {
    marks: Vec<Mark>,
    schema: Arc<Schema>,
    rows: Rows,
}

impl Block {
    /// An empty block for samples with these columns.
    pub fn new(schema: &Arc<Schema>) -> Self {
        Self { marks: Vec::with_capacity(LENGTH), schema: Arc::clone(schema), rows: Rows::Open(Open::default()) }
    }

    /// Whether the sample can be appended.
    pub fn takes(&self, sample: &Sample) -> bool {
        let schema = sample.table.schema();
        let same_columns = Arc::ptr_eq(&self.schema, schema) || self.schema == *schema;
        matches!(self.rows, Rows::Open(_)) && self.marks.len() < LENGTH && same_columns
    }

    /// Appends a sample.
    pub fn push(&mut self, sample: &Arc<Sample>) {
        let Rows::Open(open) = &mut self.rows else { return };
        open.push(sample, self.schema.quantities(), self.marks.len());
        self.marks.push(Mark { seq: sample.seq, at: sample.at.mono, epoch: sample.epoch.number });
    }

    /// Ends the block; nothing can be appended afterwards.
    pub fn seal(&mut self) {
        if let Rows::Open(open) = &mut self.rows {
            self.rows = Rows::Sealed(Sealed::of(std::mem::take(open).into_logs()));
            self.marks.shrink_to_fit();
        }
    }

    /// Whether it has ended and some of its rows are not packed yet.
    pub fn is_waiting(&self) -> bool {
        matches!(&self.rows, Rows::Sealed(sealed) if sealed.is_waiting())
    }

    /// Packs some rows of a block that has ended.
    pub fn pack(&mut self) {
        let Rows::Sealed(sealed) = &mut self.rows else { return };
        // All of them within half of the next block.
        let count = sealed.count() / (LENGTH / 2) + 1;
        let quantities = self.schema.quantities();
        sealed.pack(count, self.marks.len(), |id| width(id, quantities));
    }

    /// When each sample was taken.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        let rows = match &self.rows {
            Rows::Open(open) => open.memory(),
            Rows::Sealed(sealed) => sealed.memory(),
        };
        rows + self.marks.capacity() * size_of::<Mark>()
    }

    /// Reads some series of one row; `each` is given the mark and the values, absent where there is none.
    pub fn read(&self, id: RowId, series: &[Series], mut each: impl FnMut(Mark, &[Option<i64>])) {
        let quantities = self.schema.quantities();
        let width = width(id, quantities);
        let place = |series: &Series| match series {
            Series::Info(field) if id == RowId::PROCESS => Some(*field as usize),
            Series::Stat(field) if id != RowId::PROCESS => self.schema.slot(*field).filter(|slot| *slot < quantities),
            _ => None,
        };
        let places: Vec<Option<usize>> = series.iter().map(place).collect();
        let mut values = vec![None; series.len()];
        let known = |value: &i64| *value != ABSENT;
        match self.row(id) {
            Some(Written::Packed(bytes)) => {
                let columns = Columns::unpack(bytes, self.marks.len(), width);
                for (step, mark) in self.marks.iter().enumerate() {
                    for (value, place) in values.iter_mut().zip(&places) {
                        *value = place.and_then(|place| columns.value(place, step)).filter(known);
                    }
                    each(*mark, &values);
                }
            }
            row => {
                let log = if let Some(Written::Log(log)) = row { log } else { &[] };
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

    fn row(&self, id: RowId) -> Option<Written<'_>> {
        match &self.rows {
            Rows::Open(open) => open.log(id).map(Written::Log),
            Rows::Sealed(sealed) => sealed.row(id),
        }
    }
}

/// How many numbers of a row are kept.
fn width(id: RowId, quantities: usize) -> usize {
    if id == RowId::PROCESS { InfoField::COUNT } else { quantities }
}
