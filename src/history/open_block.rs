//! The block that grows: one log a row, to which each sample is appended.

use std::collections::HashMap;
use std::sync::Arc;

use crate::haproxy::numbers::number_rows::{Numbers, Row};
use crate::haproxy::numbers::row_writer;
use crate::history::age_encoding::{self, Slots};
use crate::history::row_log::Writer;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// The newest sample in the logs.
#[derive(Debug)]
struct Last {
    sample: Arc<Sample>,
    process: Numbers,
    /// Of each row what stands behind the quantities: ages as they are kept, and identifiers.
    others: Numbers,
}

impl Last {
    /// Where a row of another sample stands in this one.
    fn place(&self, other: &Sample, index: usize, same_rows: bool) -> Option<usize> {
        if same_rows { Some(index) } else { self.sample.rows.index(other.rows.ids()[index]) }
    }
}

/// Logs that grow.
#[derive(Debug, Default)]
pub struct Open {
    logs: Vec<(RowId, Writer)>,
    places: HashMap<RowId, u32>,
    /// Where the log of each row of the newest sample stands.
    order: Vec<u32>,
    /// Where the logs of rows stand that it does not hold.
    gone: Vec<u32>,
    last: Option<Last>,
    bytes: usize,
}

impl Open {
    /// Appends a sample; `slots` are its ages. So many steps are in the logs.
    pub fn push(&mut self, sample: &Arc<Sample>, slots: &Slots, steps: usize) {
        let same_rows = self.last.as_ref().is_some_and(|last| Arc::ptr_eq(&last.sample.rows, &sample.rows));
        if !same_rows {
            self.arrange(sample, steps);
        }
        let schema = sample.table.schema();
        let (quantities, width) = (schema.quantities(), schema.width());
        let nothing = [Row::zeros(quantities), Row::zeros(width - quantities)];
        let process = Numbers::of_row(sample.info.numbers().iter().copied());
        let last = self.last.take();
        let others = others(sample, slots, last.as_ref(), same_rows);
        let mut bytes = others.memory();
        if let (Some((_, log)), Some(now)) = (self.logs.first_mut(), process.row(0)) {
            let before = last.as_ref().and_then(|last| last.process.row(0));
            log.step([before.unwrap_or(Row::zeros(now.width())), Row::zeros(0)], [now, Row::zeros(0)]);
            bytes += log.memory();
        }
        for (index, place) in self.order.iter().enumerate() {
            let Some(now) = parts(sample, &others, index) else { continue };
            let before = last.as_ref().and_then(|last| {
                let earlier = last.place(sample, index, same_rows)?;
                parts(&last.sample, &last.others, earlier)
            });
            let log = &mut self.logs[*place as usize].1;
            log.step(before.unwrap_or(nothing), now);
            bytes += log.memory();
        }
        for place in &self.gone {
            let log = &mut self.logs[*place as usize].1;
            log.missing();
            bytes += log.memory();
        }
        self.last = Some(Last { sample: Arc::clone(sample), process, others });
        self.bytes = bytes;
    }

    /// Finds the log of each row, or begins it.
    fn arrange(&mut self, sample: &Sample, steps: usize) {
        let (logs, places) = (&mut self.logs, &mut self.places);
        let mut place_of = |id: RowId| {
            *places.entry(id).or_insert_with(|| {
                logs.push((id, Writer::starting_after(steps)));
                logs.len() as u32 - 1
            })
        };
        place_of(RowId::PROCESS);
        self.order = sample.rows.ids().iter().map(|id| place_of(*id)).collect();
        let is_gone = |id: RowId| id != RowId::PROCESS && sample.rows.index(id).is_none();
        let places = self.logs.iter().enumerate().filter(|(_, (id, _))| is_gone(*id));
        self.gone = places.map(|(place, _)| place as u32).collect();
    }

    /// The newest sample.
    pub fn last(&self) -> Option<&Arc<Sample>> {
        self.last.as_ref().map(|last| &last.sample)
    }

    /// The log of a row.
    pub fn log(&self, id: RowId) -> Option<&[u8]> {
        Some(self.logs[*self.places.get(&id)? as usize].1.bytes())
    }

    /// All logs, done.
    pub fn into_logs(self) -> impl Iterator<Item = (RowId, Box<[u8]>)> {
        self.logs.into_iter().map(|(id, log)| (id, log.into_bytes().into_boxed_slice()))
    }

    /// Memory held, in bytes; the newest sample is not its own.
    pub fn memory(&self) -> usize {
        self.bytes
            + self.logs.capacity() * size_of::<RowId>()
            + self.places.capacity() * size_of::<(RowId, u32)>()
            + (self.order.capacity() + self.gone.capacity()) * size_of::<u32>()
    }
}

/// The numbers of a row as they are kept: quantities, and what stands behind them.
fn parts<'a>(sample: &'a Sample, others: &'a Numbers, index: usize) -> Option<[Row<'a>; 2]> {
    let quantities = sample.table.schema().quantities();
    Some([sample.table.numbers(index)?.first(quantities), others.row(index)?])
}

/// What stands behind the quantities of each row, as it is kept.
fn others(sample: &Sample, slots: &Slots, last: Option<&Last>, same_rows: bool) -> Numbers {
    let schema = sample.table.schema();
    let (quantities, width) = (schema.quantities(), schema.width());
    let count = width - quantities;
    let mut others = last.map_or_else(
        || row_writer::Writer::new(count, sample.rows.ids().len()),
        |last| row_writer::Writer::following(&last.others, count),
    );
    let is_age: Vec<bool> = (quantities..width).map(|slot| slots.has(slot)).collect();
    for index in 0..sample.rows.ids().len() {
        let Some(row) = sample.table.numbers(index) else { break };
        let before = last.and_then(|last| last.others.row(last.place(sample, index, same_rows)?));
        for (slot, is_age) in is_age.iter().enumerate() {
            let told = row.get(quantities + slot);
            let before = || before.and_then(|before| before.get(slot));
            if let Some(kept) = if *is_age { age_encoding::kept(told, sample.at.mono, before()) } else { told } {
                others.set(slot, kept);
            }
        }
        others.end_row();
    }
    others.finish()
}
