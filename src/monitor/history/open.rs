//! The block that grows: one log a row, to which each sample is appended.

use std::collections::HashMap;
use std::sync::Arc;

use crate::haproxy::numbers::{Numbers, Row};
use crate::monitor::history::row_log::Writer;
use crate::monitor::roster::RowId;
use crate::monitor::sample::Sample;

/// The newest sample in the logs.
#[derive(Debug)]
struct Last {
    sample: Arc<Sample>,
    process: Numbers,
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
    /// Appends a sample, of which the first `quantities` numbers a row are kept. So many steps are in the logs.
    pub fn push(&mut self, sample: &Arc<Sample>, quantities: usize, steps: usize) {
        let same_rows = self.last.as_ref().is_some_and(|last| Arc::ptr_eq(&last.sample.rows, &sample.rows));
        if !same_rows {
            self.arrange(sample, steps);
        }
        let process = Numbers::of_row(sample.info.numbers().iter().copied());
        let last = self.last.take();
        let mut bytes = 0;
        if let (Some((_, log)), Some(now)) = (self.logs.first_mut(), process.row(0)) {
            let before = last.as_ref().and_then(|last| last.process.row(0));
            log.step(before.unwrap_or(Row::zeros(now.width())), now);
            bytes += log.memory();
        }
        let ids = sample.rows.ids();
        for (index, place) in self.order.iter().enumerate() {
            let Some(now) = sample.table.numbers(index) else { continue };
            let before = last.as_ref().and_then(|last| {
                let earlier = if same_rows { index } else { last.sample.rows.index(ids[index])? };
                last.sample.table.numbers(earlier)
            });
            let log = &mut self.logs[*place as usize].1;
            log.step(before.map_or(Row::zeros(quantities), |row| row.first(quantities)), now.first(quantities));
            bytes += log.memory();
        }
        for place in &self.gone {
            let log = &mut self.logs[*place as usize].1;
            log.missing();
            bytes += log.memory();
        }
        self.last = Some(Last { sample: Arc::clone(sample), process });
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
