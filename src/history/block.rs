//! A stretch of samples: one log per row, and what else each sample was.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::numbers::row_writer::Writer;
use crate::haproxy::stat_header::Schema;
use crate::haproxy::stat_table::{Row, Table};
use crate::history::age_encoding::{self, Slots};
use crate::history::info_log::InfoLog;
use crate::history::open_block::Open;
use crate::history::packed_row::Columns;
use crate::history::row_log::{ABSENT, Reader};
use crate::history::sample_context::{Frame, Frames};
use crate::history::sealed_block::{Sealed, Written};
use crate::history::text_log::Texts;
use crate::observe::row_ids::RowId;
use crate::observe::sample::{Cost, Sample};
use crate::observe::timestamp::Stamp;

/// Samples in a block. Longer blocks start fewer rows anew; shorter ones make a shorter step when the oldest goes.
pub const LENGTH: usize = 128;

/// Samples of the next block over which a full one is packed: a few rows with each.
pub const PACKING: usize = LENGTH / 4 * 3;

/// When a sample was taken, and what it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its number.
    pub seq: u64,
    /// Monotonic time.
    pub at: Duration,
    /// Number of its epoch.
    pub epoch: u32,
    /// Wall clock.
    pub wall: SystemTime,
    /// What it cost.
    pub cost: Cost,
}

impl Mark {
    /// Of a sample.
    pub fn of(sample: &Sample) -> Self {
        let Stamp { mono, wall } = sample.at;
        Self { seq: sample.seq, at: mono, epoch: sample.epoch.number, wall, cost: sample.cost }
    }
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
    Open(Box<Open>),
    Sealed(Sealed),
}

/// One stretch of samples with the same columns. Grows until it is full; then only read.
#[derive(Debug)]
pub struct Block {
    marks: Vec<Mark>,
    schema: Arc<Schema>,
    ages: Slots,
    frames: Frames,
    info: InfoLog,
    rows: Rows,
}

/// A sample that is read: its rows, and their numbers.
struct Content {
    rows: Vec<Row>,
    numbers: Writer,
}

impl Block {
    /// An empty block for samples like this one, behind the block before.
    pub fn new(sample: &Sample, before: Option<&Self>) -> Self {
        let schema = Arc::clone(sample.table.schema());
        Self {
            marks: Vec::with_capacity(LENGTH),
            ages: Slots::of(&schema),
            schema,
            frames: Frames::default(),
            info: InfoLog::new(&sample.info, before.map(|before| &before.info)),
            rows: Rows::Open(Box::default()),
        }
    }

    /// Whether the sample can be appended.
    pub fn takes(&self, sample: &Sample) -> bool {
        let schema = sample.table.schema();
        let same_columns = Arc::ptr_eq(&self.schema, schema) || self.schema == *schema;
        let is_open = matches!(self.rows, Rows::Open(_)) && self.marks.len() < LENGTH;
        is_open && same_columns && self.info.takes(&sample.info)
    }

    /// Appends a sample; `earlier` is the block before.
    pub fn push(&mut self, sample: &Arc<Sample>, earlier: Option<&Self>) {
        let Rows::Open(open) = &mut self.rows else { return };
        let step = self.marks.len();
        self.frames.push(step, sample, earlier.map(|earlier| &earlier.frames));
        self.info.push(&sample.info);
        open.push(sample, &self.ages, step);
        self.marks.push(Mark::of(sample));
    }

    /// Ends the block; nothing can be appended afterwards.
    pub fn seal(&mut self) {
        if let Rows::Open(open) = &mut self.rows {
            self.rows = Rows::Sealed(Sealed::of(std::mem::take(&mut **open).into_logs()));
            self.info.seal();
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
        let count = sealed.count() / PACKING + 1;
        let columns = self.schema.width();
        sealed.pack(count, self.marks.len(), |id| width(id, columns));
    }

    /// When each sample was taken.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Whether a row was there in any of the samples.
    pub fn has(&self, id: RowId) -> bool {
        self.frames.has(id)
    }

    /// The newest sample, as long as more may come.
    pub fn last(&self) -> Option<&Arc<Sample>> {
        match &self.rows {
            Rows::Open(open) => open.last(),
            Rows::Sealed(_) => None,
        }
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        let rows = match &self.rows {
            Rows::Open(open) => open.memory(),
            Rows::Sealed(sealed) => sealed.memory(),
        };
        rows + self.marks.capacity() * size_of::<Mark>() + self.frames.memory() + self.info.memory()
    }

    /// Reads some series of one row; `each` is given the mark and the values, absent where there is none.
    pub fn read(&self, id: RowId, series: &[Series], mut each: impl FnMut(Mark, &[Option<i64>])) {
        let is_process = id == RowId::PROCESS;
        let place = |series: &Series| match series {
            Series::Info(field) => is_process.then_some(*field as usize),
            Series::Stat(field) => {
                if is_process {
                    None
                } else {
                    self.schema.slot(*field)
                }
            }
        };
        let places: Vec<Option<usize>> = series.iter().map(place).collect();
        let mut values = vec![None; series.len()];
        let mut give = |step: usize, row: &dyn Fn(usize) -> Option<i64>| {
            let mark = self.marks[step];
            for (value, place) in values.iter_mut().zip(&places) {
                *value = place.and_then(|place| match row(place)? {
                    kept if !is_process && self.ages.has(place) => age_encoding::age(kept, mark.at),
                    kept => Some(kept).filter(|kept| *kept != ABSENT),
                });
            }
            each(mark, &values);
        };
        match self.row(id) {
            Some(Written::Packed(bytes)) => {
                let columns = Columns::unpack(bytes, self.marks.len(), width(id, self.schema.width()));
                (0..self.marks.len()).for_each(|step| give(step, &|column| columns.value(column, step)));
            }
            row => {
                let log = if let Some(Written::Log(log)) = row { log } else { &[] };
                let mut reader = Reader::new(log, width(id, self.schema.width()));
                for step in 0..self.marks.len() {
                    let row = reader.step();
                    give(step, &|column| row?.get(column).copied());
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

    /// The samples at some steps, which are in order, as they were taken. Ages come back to within a second.
    pub fn samples(&self, steps: &[usize], texts: &Texts) -> Option<Vec<Sample>> {
        let frames: Vec<&Frame> = steps.iter().map(|step| self.frames.at(*step)).collect::<Option<_>>()?;
        let empty = |frame: &&Frame| {
            let count = frame.rows.ids().len();
            Content { rows: Vec::with_capacity(count), numbers: Writer::new(self.schema.width(), count) }
        };
        let mut contents: Vec<Content> = frames.iter().map(empty).collect();
        // Steps with the same rows are read together: a row is unpacked once.
        let (mut first, mut scratch) = (0, Vec::new());
        while let Some(rows) = frames.get(first).map(|frame| &frame.rows) {
            let count = frames[first..].iter().take_while(|frame| Arc::ptr_eq(&frame.rows, rows)).count();
            let wanted = &steps[first..first + count];
            for id in rows.ids() {
                self.add_row(*id, wanted, &mut contents[first..first + count], texts, &mut scratch)?;
            }
            first += count;
        }
        let infos = self.info.read(steps);
        let sample = |(((step, frame), content), info): (((&usize, &Frame), Content), _)| {
            let mark = self.marks.get(*step)?;
            let numbers = content.numbers.finish();
            let table = Table::new(Arc::clone(&self.schema), content.rows.into(), numbers, frame.oddities);
            Some(Sample {
                seq: mark.seq,
                at: Stamp { mono: mark.at, wall: mark.wall },
                epoch: frame.epoch,
                level: frame.level,
                info,
                table,
                rows: Arc::clone(&frame.rows),
                cost: mark.cost,
                interval: frame.interval,
                configured: frame.configured.clone(),
            })
        };
        steps.iter().zip(frames).zip(contents).zip(infos).map(sample).collect()
    }

    /// Adds one row to the wanted steps. Nothing when it never said anything, which cannot be.
    fn add_row(
        &self,
        id: RowId,
        wanted: &[usize],
        contents: &mut [Content],
        texts: &Texts,
        row: &mut Vec<i64>,
    ) -> Option<()> {
        let add = |step: usize, content: &mut Content, row: &mut [i64]| {
            let mark = self.marks.get(step)?;
            for slot in self.ages.each() {
                if let Some(kept) = row.get_mut(slot) {
                    *kept = age_encoding::age(*kept, mark.at).unwrap_or(ABSENT);
                }
            }
            content.rows.push(texts.of(id, mark.seq)?.clone());
            for (slot, number) in row.iter().enumerate().filter(|(_, number)| **number != ABSENT) {
                content.numbers.set(slot, *number);
            }
            content.numbers.end_row();
            Some(())
        };
        let width = width(id, self.schema.width());
        match self.row(id)? {
            Written::Packed(bytes) => {
                let columns = Columns::unpack(bytes, self.marks.len(), width);
                for (step, content) in wanted.iter().zip(contents) {
                    columns.fill(*step, row);
                    add(*step, content, row)?;
                }
            }
            Written::Log(log) => {
                let (mut reader, mut next) = (Reader::new(log, width), 0);
                for (step, content) in wanted.iter().zip(contents) {
                    (next..*step).for_each(|_| _ = reader.step());
                    next = step + 1;
                    row.clear();
                    row.extend_from_slice(reader.step()?);
                    add(*step, content, row)?;
                }
            }
        }
        Some(())
    }
}

/// How many numbers of a row are kept.
fn width(id: RowId, columns: usize) -> usize {
    if id == RowId::PROCESS { InfoField::COUNT } else { columns }
}
