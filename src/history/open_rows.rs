//! Rows of the open block: one log per row, to which each new sample appends an entry.

use std::ops::Range;
use std::sync::Arc;

use crate::haproxy::fields::InfoField;
use crate::haproxy::numbers::number_rows::{NumberRow, NumberRows};
use crate::haproxy::numbers::row_writer::RowWriter;
use crate::history::age_encoding::{self, AgeColumns};
use crate::history::info_log::InfoLog;
use crate::history::row_log::RowLogWriter;
use crate::observe::row_ids::{RowId, RowMap};
use crate::observe::sample::Sample;

/// Newest sample in the logs, in the form needed to compute the differences of the next sample.
#[derive(Debug)]
struct NewestSample {
    sample: Arc<Sample>,
    process: NumberRows,
    /// Numbers of each row that are not quantities: encoded ages, and identifiers.
    other_numbers: NumberRows,
}

impl NewestSample {
    /// Returns the index in this sample of the row that is at `index` in `other`, or `None` if this sample does not
    /// contain the row. `same_rows` is true if both samples have the same rows.
    fn row_index(&self, other: &Sample, index: usize, same_rows: bool) -> Option<usize> {
        if same_rows { Some(index) } else { self.sample.rows.index_of(other.rows.ids()[index]) }
    }
}

/// A sample that is being appended in parts.
#[derive(Debug)]
pub(crate) struct PartialStep {
    sample: Arc<Sample>,
    /// True if the sample has the rows of the newest sample.
    same_rows: bool,
    /// Numbers that are not quantities: the writer until all rows are encoded, then the finished rows.
    other_numbers: Result<NumberRows, RowWriter>,
    /// Index of the next row to encode, and then of the next row to append.
    next_row: usize,
    /// Memory of the logs of the appended rows, in bytes.
    bytes: usize,
}

/// Logs of all rows of an open block.
#[derive(Debug, Default)]
pub(crate) struct OpenRows {
    logs: Vec<(RowId, RowLogWriter)>,
    log_of_id: RowMap<u32>,
    /// For each row of the newest sample, the index of its log.
    log_of_row: Vec<u32>,
    /// Indexes of the logs whose rows the newest sample does not contain.
    logs_of_absent_rows: Vec<u32>,
    newest: Option<NewestSample>,
    bytes: usize,
    /// Length of the first entry of the last new log, in bytes. Logs of similar rows begin with similar entries.
    first_length: usize,
}

impl OpenRows {
    /// Estimates the memory of a sample that adds `new_rows` rows to a block, with their texts, in bytes.
    pub(crate) fn first_sample_memory(sample: &Sample, new_rows: usize) -> usize {
        /// Memory of a row besides its numbers: its log, its texts and its places in the indexes.
        const ROW: usize = 330;
        let rows = sample.rows.ids().len().max(1);
        // The first entry of a log stores most numbers in one or two bytes.
        new_rows * (ROW + sample.table.number_memory() / 2 / rows)
    }

    /// Returns the number of rows of the sample that have no log.
    pub(crate) fn count_new_rows(&self, sample: &Sample) -> usize {
        if self.newest().is_some_and(|newest| Arc::ptr_eq(&newest.rows, &sample.rows)) {
            return 0;
        }
        sample.rows.ids().iter().filter(|id| !self.log_of_id.contains_key(id)).count()
    }

    /// Starts to append a sample; `steps` is the number of samples already in the logs.
    pub(crate) fn start_step(&mut self, sample: &Arc<Sample>, steps: usize) -> PartialStep {
        let same_rows = self.newest.as_ref().is_some_and(|newest| Arc::ptr_eq(&newest.sample.rows, &sample.rows));
        if !same_rows {
            self.assign_logs(sample, steps);
        }
        let schema = sample.table.schema();
        let count = schema.width() - schema.quantity_count();
        let writer = self.newest.as_ref().map_or_else(
            || RowWriter::new(count, sample.rows.ids().len()),
            |newest| RowWriter::reusing(&newest.other_numbers, count),
        );
        PartialStep { sample: Arc::clone(sample), same_rows, other_numbers: Err(writer), next_row: 0, bytes: 0 }
    }

    /// Appends at most `count` rows of the sample, and returns the step, or `None` if the sample is complete. `slots` are
    /// the age columns.
    pub(crate) fn continue_step(
        &mut self,
        mut step: PartialStep,
        slots: &AgeColumns,
        count: usize,
    ) -> Option<PartialStep> {
        let first = step.next_row;
        let rows = first..step.sample.rows.ids().len().min(first.saturating_add(count));
        let is_last = rows.end == step.sample.rows.ids().len();
        step.next_row = if is_last { 0 } else { rows.end };
        match &mut step.other_numbers {
            Err(writer) => {
                encode_other_numbers(writer, rows, &step.sample, slots, self.newest.as_ref(), step.same_rows);
                if is_last && let Err(writer) = step.other_numbers {
                    let finished = Ok(writer.finish());
                    return Some(PartialStep { other_numbers: finished, ..step });
                }
            }
            Ok(other_numbers) => {
                step.bytes += self.append_rows(rows, &step.sample, other_numbers, step.same_rows);
                if is_last && let Ok(other_numbers) = step.other_numbers {
                    self.finish_step(step.sample, other_numbers, step.bytes);
                    return None;
                }
            }
        }
        Some(step)
    }

    /// Appends rows of the sample to their logs, and returns the memory of these logs in bytes.
    fn append_rows(
        &mut self,
        rows: Range<usize>,
        sample: &Sample,
        other_numbers: &NumberRows,
        same_rows: bool,
    ) -> usize {
        let schema = sample.table.schema();
        let (quantities, width) = (schema.quantity_count(), schema.width());
        let nothing = [NumberRow::zeros(quantities), NumberRow::zeros(width - quantities)];
        let newest = self.newest.as_ref();
        let mut bytes = 0;
        for (index, log_index) in rows.clone().zip(&self.log_of_row[rows]) {
            let Some(now) = row_parts(sample, other_numbers, index) else { continue };
            let before = newest.and_then(|newest| {
                let earlier = newest.row_index(sample, index, same_rows)?;
                row_parts(&newest.sample, &newest.other_numbers, earlier)
            });
            let log = &mut self.logs[*log_index as usize].1;
            let earlier = log.bytes().len();
            if before.is_none() {
                log.reserve(self.first_length);
            }
            log.push_step(before.unwrap_or(nothing), now);
            if before.is_none() {
                self.first_length = log.bytes().len() - earlier;
            }
            bytes += log.memory();
        }
        bytes
    }

    /// Appends the process and the absent rows, and makes the sample the newest. `bytes` is the memory of the other logs.
    fn finish_step(&mut self, sample: Arc<Sample>, other_numbers: NumberRows, bytes: usize) {
        let mut bytes = bytes + other_numbers.memory_bytes();
        let process = NumberRows::from_values(sample.info.numbers().iter().copied());
        if let (Some((_, log)), Some(now)) = (self.logs.first_mut(), process.row(0)) {
            let before = self.newest.as_ref().and_then(|newest| newest.process.row(0));
            log.push_step(
                [before.unwrap_or(NumberRow::zeros(now.width())), NumberRow::zeros(0)],
                [now, NumberRow::zeros(0)],
            );
            bytes += log.memory();
        }
        for log_index in &self.logs_of_absent_rows {
            let log = &mut self.logs[*log_index as usize].1;
            log.push_missing();
            bytes += log.memory();
        }
        self.newest = Some(NewestSample { sample, process, other_numbers });
        self.bytes = bytes;
    }

    /// Finds or creates the log of each row of the sample. A new log starts with `steps` samples without the row.
    fn assign_logs(&mut self, sample: &Sample, steps: usize) {
        // Without this, the list could grow to twice the size that is needed.
        let new_rows = self.count_new_rows(sample) + 1;
        self.logs.reserve_exact(new_rows);
        self.log_of_id.reserve(new_rows);
        let (logs, places) = (&mut self.logs, &mut self.log_of_id);
        let mut place_of = |id: RowId| {
            *places.entry(id).or_insert_with(|| {
                logs.push((id, RowLogWriter::starting_after(steps)));
                logs.len() as u32 - 1
            })
        };
        place_of(RowId::PROCESS);
        self.log_of_row = sample.rows.ids().iter().map(|id| place_of(*id)).collect();
        let is_gone = |id: RowId| id != RowId::PROCESS && sample.rows.index_of(id).is_none();
        let places = self.logs.iter().enumerate().filter(|(_, (id, _))| is_gone(*id));
        self.logs_of_absent_rows = places.map(|(log_index, _)| log_index as u32).collect();
    }

    /// Returns the newest sample, or `None` before the first one.
    pub(crate) fn newest(&self) -> Option<&Arc<Sample>> {
        self.newest.as_ref().map(|newest| &newest.sample)
    }

    /// Returns the log of a row, or `None` if no sample contained the row.
    pub(crate) fn log(&self, id: RowId) -> Option<&[u8]> {
        Some(self.logs[*self.log_of_id.get(&id)? as usize].1.bytes())
    }

    /// Returns the logs of all rows, in the order in which they were created. Further samples only add logs at the end, and,
    /// after [`Self::end_runs`], bytes to logs.
    pub(crate) fn logs(&self) -> impl Iterator<Item = (RowId, &[u8])> {
        self.logs.iter().map(|(id, log)| (*id, log.bytes()))
    }

    /// Ends the runs of unchanged samples in all logs.
    pub(crate) fn end_runs(&mut self) {
        self.logs.iter_mut().for_each(|(_, log)| log.end_run());
    }

    /// Returns the finished logs of all rows.
    pub(crate) fn into_logs(self) -> impl Iterator<Item = (RowId, Box<[u8]>)> {
        self.logs.into_iter().map(|(id, log)| (id, log.into_bytes().into_boxed_slice()))
    }

    /// Returns the memory used, in bytes, without the newest sample, which is shared.
    pub(crate) fn memory(&self) -> usize {
        self.bytes
            + self.logs.capacity() * size_of::<(RowId, RowLogWriter)>()
            + self.log_of_id.capacity() * size_of::<(RowId, u32)>()
            + (self.log_of_row.capacity() + self.logs_of_absent_rows.capacity()) * size_of::<u32>()
    }
}

/// Builds the log of the process, which contains the numbers of `show info`, from all samples of a block.
pub(crate) fn process_log(info: &InfoLog) -> Vec<u8> {
    let mut writer = RowWriter::new(InfoField::COUNT, 0);
    let mut count = 0_usize;
    info.read_numbers(|numbers| {
        for (slot, number) in numbers.iter().enumerate() {
            if let Some(number) = number {
                writer.set(slot, *number);
            }
        }
        writer.end_row();
        count += 1;
    });
    let (rows, mut log) = (writer.finish(), RowLogWriter::default());
    let (zeros, nothing) = (NumberRow::zeros(InfoField::COUNT), NumberRow::zeros(0));
    for index in 0..count {
        let earlier = index.checked_sub(1).and_then(|before| rows.row(before)).unwrap_or(zeros);
        if let Some(now) = rows.row(index) {
            log.push_step([earlier, nothing], [now, nothing]);
        }
    }
    log.into_bytes()
}

/// Returns the stored numbers of a row in two parts: the quantities and the other numbers.
fn row_parts<'a>(sample: &'a Sample, other_numbers: &'a NumberRows, index: usize) -> Option<[NumberRow<'a>; 2]> {
    let quantities = sample.table.schema().quantity_count();
    Some([sample.table.row_numbers(index)?.prefix(quantities), other_numbers.row(index)?])
}

/// Encodes the numbers of some rows that are not quantities. Only ages change; identifiers are stored as they are.
fn encode_other_numbers(
    writer: &mut RowWriter,
    rows: Range<usize>,
    sample: &Sample,
    slots: &AgeColumns,
    newest: Option<&NewestSample>,
    same_rows: bool,
) {
    let schema = sample.table.schema();
    let (quantities, width) = (schema.quantity_count(), schema.width());
    let is_age: Vec<bool> = (quantities..width).map(|slot| slots.contains(slot)).collect();
    for index in rows {
        let Some(row) = sample.table.row_numbers(index) else { break };
        let before = newest.and_then(|newest| newest.other_numbers.row(newest.row_index(sample, index, same_rows)?));
        for (slot, is_age) in is_age.iter().enumerate() {
            let reported = row.get(quantities + slot);
            let before = || before.and_then(|before| before.get(slot));
            if let Some(stored) =
                if *is_age { age_encoding::encode(reported, sample.at.monotonic, before()) } else { reported }
            {
                writer.set(slot, stored);
            }
        }
        writer.end_row();
    }
}
