//! Block: a sequence of samples with the same columns, stored row by row.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::stat_header::StatSchema;
use crate::history::age_encoding::{self, AgeColumns};
use crate::history::info_log::InfoLog;
use crate::history::open_rows::{OpenRows, PartialStep, process_log};
use crate::history::packed_row::{ColumnValues, RowUnpacker};
use crate::history::row_log::{ABSENT, RowLogReader};
use crate::history::sample_context::SampleContexts;
use crate::history::sealed_rows::{SealedRows, StoredRow};
use crate::observe::row_ids::{RowId, RowSet};
use crate::observe::sample::{ReplyCost, Sample};
use crate::observe::timestamp::Timestamp;

/// Number of samples in a full block. With longer blocks, the first values of rows are stored less often; with shorter
/// blocks, fewer samples are lost when the oldest block is dropped.
pub const BLOCK_SAMPLES: usize = 128;

/// Number of new samples during which a full block is packed. A few rows are packed with each new sample, so that
/// storing a sample never takes long.
pub const PACKING_SAMPLES: usize = BLOCK_SAMPLES / 4 * 3;

/// Time, epoch and cost of a stored sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleHeader {
    /// Sequence number of the sample.
    pub seq: u64,
    /// Monotonic time.
    pub at: Duration,
    /// Number of the epoch.
    pub epoch: u32,
    /// Wall clock time.
    pub(crate) wall: SystemTime,
    /// Size of the reply, and the time that HAProxy took to send it.
    pub(crate) cost: ReplyCost,
}

impl SampleHeader {
    /// Returns the header of a sample.
    pub(crate) fn from_sample(sample: &Sample) -> Self {
        let Timestamp { monotonic: mono, wall } = sample.at;
        Self { seq: sample.seq, at: mono, epoch: sample.epoch.number, wall, cost: sample.cost }
    }

    /// Returns the sequence number and the times.
    pub(crate) fn time(&self) -> SampleTime {
        SampleTime { seq: self.seq, at: Timestamp { monotonic: self.at, wall: self.wall } }
    }
}

/// Sequence number and times of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleTime {
    /// Sequence number.
    pub seq: u64,
    /// Time.
    pub at: Timestamp,
}

/// Maximum difference between the two clocks of steady samples.
const STEADY: Duration = Duration::from_secs(1);

impl SampleTime {
    /// Returns the latest wall clock time from this sample to `last`, as far as it is not after `wall`; `None` if all times are
    /// later. The wall clock may have been set in between: then any time is possible.
    pub(crate) fn latest_wall(self, last: Self, wall: SystemTime) -> Option<SystemTime> {
        let passed = last.at.elapsed_since(self.at.monotonic);
        let shown = last.at.wall.duration_since(self.at.wall);
        if !shown.is_ok_and(|shown| shown.abs_diff(passed) <= STEADY) {
            return Some(wall);
        }
        (self.at.wall <= wall).then(|| last.at.wall.min(wall))
    }
}

/// Column of `show stat` or key of `show info` whose values are read over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Series {
    /// Column of `show stat`.
    Stat(Field),
    /// Key of `show info`.
    Info(InfoField),
}

/// Numbers of a block's rows: in logs that are open for appending, or sealed and compressed.
#[derive(Debug)]
enum RowStorage {
    Open(Box<OpenRows>),
    Sealed(SealedRows),
}

/// Sequence of samples with the same columns. A block accepts samples until it is full or sealed and is then read-only.
#[derive(Debug)]
pub(crate) struct Block {
    headers: Vec<SampleHeader>,
    schema: Arc<StatSchema>,
    ages: AgeColumns,
    /// Nanoseconds by which the times of the samples are later than on the clock by which ages are encoded.
    age_shift: i64,
    contexts: SampleContexts,
    info: InfoLog,
    rows: RowStorage,
    /// Log of the process, which is built from `info` when it is read if the rows do not contain it.
    process: OnceLock<Vec<u8>>,
}

/// Parts of a sealed block, to store it in a file and to restore it.
#[derive(Debug)]
pub(crate) struct BlockParts {
    pub(crate) headers: Vec<SampleHeader>,
    pub(crate) schema: Arc<StatSchema>,
    pub(crate) ages: AgeColumns,
    /// Nanoseconds by which the times of the samples are later than on the clock by which ages are encoded.
    pub(crate) age_shift: i64,
    pub(crate) contexts: SampleContexts,
    pub(crate) info: InfoLog,
    pub(crate) rows: SealedRows,
}

impl Block {
    /// Creates an empty block for samples with the columns of `sample`. The keys of `show info` are shared with the
    /// block `before` if they are the same.
    pub(crate) fn new(sample: &Sample, before: Option<&Self>) -> Self {
        let schema = Arc::clone(sample.table.schema());
        Self {
            headers: Vec::with_capacity(BLOCK_SAMPLES),
            ages: AgeColumns::from_schema(&schema),
            age_shift: 0,
            schema,
            contexts: SampleContexts::default(),
            info: InfoLog::new(&sample.info, before.map(|before| &before.info)),
            rows: RowStorage::Open(Box::default()),
            process: OnceLock::new(),
        }
    }

    /// Restores a sealed block from its parts.
    pub(crate) fn from_parts(parts: BlockParts) -> Self {
        let BlockParts { headers, schema, ages, age_shift, contexts, info, rows } = parts;
        let (rows, process) = (RowStorage::Sealed(rows), OnceLock::new());
        Self { headers, schema, ages, age_shift, contexts, info, rows, process }
    }

    /// Returns a sealed copy of the block.
    pub(crate) fn sealed_copy(&self) -> Self {
        let (bytes, altered) = self.info.values();
        let info = InfoLog::from_parts(Arc::clone(self.info.keys()), bytes.to_vec(), altered.to_vec());
        let mut stored = self.stored_rows();
        stored.sort_unstable_by_key(|(id, _)| *id);
        Self::from_parts(BlockParts {
            headers: self.headers.clone(),
            schema: Arc::clone(&self.schema),
            ages: self.ages,
            age_shift: self.age_shift,
            contexts: self.contexts.clone(),
            info,
            rows: SealedRows::from_stored(stored.into_iter()),
        })
    }

    /// Returns the columns of the samples, and which of them are ages.
    pub(crate) fn columns(&self) -> (&Arc<StatSchema>, &AgeColumns) {
        (&self.schema, &self.ages)
    }

    /// Returns the contexts of the samples.
    pub(crate) fn contexts(&self) -> &SampleContexts {
        &self.contexts
    }

    /// Returns the log of `show info`.
    pub(crate) fn info(&self) -> &InfoLog {
        &self.info
    }

    /// Returns the stored bytes of all rows. While the block is open, new rows are added at the end.
    pub(crate) fn stored_rows(&self) -> Vec<(RowId, StoredRow<'_>)> {
        match &self.rows {
            RowStorage::Open(open) => open.logs().map(|(id, log)| (id, StoredRow::Log(log))).collect(),
            RowStorage::Sealed(sealed) => sealed.ids().filter_map(|id| Some((id, sealed.get(id)?))).collect(),
        }
    }

    /// Ends the runs of unchanged samples, so that further samples only add bytes at the end of each log.
    pub(crate) fn end_runs(&mut self) {
        if let RowStorage::Open(open) = &mut self.rows {
            open.end_runs();
        }
    }

    /// Returns whether the sample can be appended: the block is open and not full, and the columns and keys are the
    /// same.
    pub(crate) fn accepts(&self, sample: &Sample) -> bool {
        let schema = sample.table.schema();
        let same_columns = Arc::ptr_eq(&self.schema, schema) || self.schema == *schema;
        let is_open = matches!(self.rows, RowStorage::Open(_)) && self.headers.len() < BLOCK_SAMPLES;
        is_open && same_columns && self.info.has_keys_of(&sample.info)
    }

    /// Starts to append a sample; returns `None` if the block is sealed.
    pub(crate) fn start_step(&mut self, sample: &Arc<Sample>) -> Option<PartialStep> {
        match &mut self.rows {
            RowStorage::Open(open) => Some(open.start_step(sample, self.headers.len())),
            RowStorage::Sealed(_) => None,
        }
    }

    /// Appends at most `count` rows of the sample, and returns the step, or `None` if the block contains the sample now.
    /// `earlier` is the previous block.
    pub(crate) fn continue_step(
        &mut self,
        sample: &Sample,
        step: PartialStep,
        earlier: Option<&Self>,
        count: usize,
    ) -> Option<PartialStep> {
        let RowStorage::Open(open) = &mut self.rows else { return None };
        let step = open.continue_step(step, &self.ages, count);
        if step.is_none() {
            self.contexts.push(self.headers.len(), sample, earlier.map(|earlier| &earlier.contexts));
            self.info.push(&sample.info);
            self.headers.push(SampleHeader::from_sample(sample));
        }
        step
    }

    /// Seals the block: no further sample can be appended.
    pub(crate) fn seal(&mut self) {
        if let RowStorage::Open(open) = &mut self.rows {
            self.rows = RowStorage::Sealed(SealedRows::from_logs(std::mem::take(&mut **open).into_logs()));
            self.info.seal();
            self.headers.shrink_to_fit();
        }
    }

    /// Returns whether the block is sealed and some of its rows are not packed yet.
    pub(crate) fn has_unpacked_rows(&self) -> bool {
        matches!(&self.rows, RowStorage::Sealed(sealed) if sealed.has_unpacked_rows())
    }

    /// Packs the next few rows of a sealed block; does nothing while the block is open.
    pub(crate) fn pack_some_rows(&mut self) {
        let RowStorage::Sealed(sealed) = &mut self.rows else { return };
        let count = sealed.row_count() / PACKING_SAMPLES + 1;
        let columns = self.schema.width();
        sealed.pack_some(count, self.headers.len(), |id| value_count(id, columns));
    }

    /// Returns the first and the last sample, or `None` if the block is empty.
    pub(crate) fn times(&self) -> Option<(SampleTime, SampleTime)> {
        Some((self.headers.first()?.time(), self.headers.last()?.time()))
    }

    /// Returns the headers of the samples, oldest first.
    pub(crate) fn headers(&self) -> &[SampleHeader] {
        &self.headers
    }

    /// Returns the number of rows of the sample that an open block does not contain yet.
    pub(crate) fn count_new_rows(&self, sample: &Sample) -> usize {
        match &self.rows {
            RowStorage::Open(open) => open.count_new_rows(sample),
            RowStorage::Sealed(_) => sample.rows.ids().len(),
        }
    }

    /// Returns the rows of the sample with this sequence number, or `None` if the block does not contain the sample.
    pub(crate) fn rows_of(&self, seq: u64) -> Option<&Arc<RowSet>> {
        let step = self.headers.binary_search_by_key(&seq, |header| header.seq).ok()?;
        self.contexts.get(step).map(|context| &context.rows)
    }

    /// Returns whether any sample of the block contains the row.
    pub(crate) fn contains_row(&self, id: RowId) -> bool {
        self.contexts.contains_row(id)
    }

    /// Returns the newest sample of an open block, or `None` if the block is sealed.
    pub(crate) fn newest(&self) -> Option<&Arc<Sample>> {
        match &self.rows {
            RowStorage::Open(open) => open.newest(),
            RowStorage::Sealed(_) => None,
        }
    }

    /// Returns the memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let rows = match &self.rows {
            RowStorage::Open(open) => open.memory(),
            RowStorage::Sealed(sealed) => sealed.memory(),
        };
        let process = self.process.get().map_or(0, Vec::capacity);
        rows + process
            + self.headers.capacity() * size_of::<SampleHeader>()
            + self.contexts.memory()
            + self.info.memory()
    }

    /// Reads several series of one row and calls `each` with the header of every sample and one value per series, or `None`
    /// if the sample does not contain the row. Absent values are `None`.
    pub(crate) fn read_row(
        &self,
        id: RowId,
        series: &[Series],
        mut each: impl FnMut(SampleHeader, Option<&[Option<i64>]>),
    ) {
        let is_process = id == RowId::PROCESS;
        let slot = |series: &Series| match series {
            Series::Info(field) => is_process.then_some(*field as usize),
            Series::Stat(field) => {
                if is_process {
                    None
                } else {
                    self.schema.slot(*field)
                }
            }
        };
        let slots: Vec<Option<usize>> = series.iter().map(slot).collect();
        let width = value_count(id, self.schema.width());
        let value = |slot: usize, stored: i64, header: &SampleHeader| match stored {
            stored if !is_process && self.ages.contains(slot) => self.decode_age(stored, header.at),
            stored => Some(stored).filter(|stored| *stored != ABSENT),
        };
        let mut values = vec![None; series.len()];
        match self.stored_row(id) {
            Some(StoredRow::Packed(bytes)) => {
                let mut unpacker = RowUnpacker::default();
                let row = unpacker.unpack(bytes, self.headers.len(), width);
                let columns: Vec<Option<(usize, ColumnValues<'_>)>> =
                    slots.iter().map(|slot| slot.and_then(|slot| Some((slot, row.column(slot)?)))).collect();
                let is_in_all = row.has_constant();
                for (step, header) in self.headers.iter().enumerate() {
                    // Every row has some number; a packed row has none in the samples that do not contain it.
                    if !is_in_all && !row.is_present(step) {
                        each(*header, None);
                        continue;
                    }
                    for (found, column) in values.iter_mut().zip(&columns) {
                        *found = column.and_then(|(slot, column)| value(slot, column.at(step), header));
                    }
                    each(*header, Some(&values));
                }
            }
            row => {
                let log = if let Some(StoredRow::Log(log)) = row { log } else { &[] };
                let mut reader = RowLogReader::new(log, width);
                for header in &self.headers {
                    let Some(row) = reader.next_step().filter(|row| row.iter().any(|stored| *stored != ABSENT)) else {
                        each(*header, None);
                        continue;
                    };
                    for (found, slot) in values.iter_mut().zip(&slots) {
                        *found = slot.and_then(|slot| value(slot, *row.get(slot)?, header));
                    }
                    each(*header, Some(&values));
                }
            }
        }
    }

    pub(super) fn decode_age(&self, stored: i64, at: Duration) -> Option<i64> {
        let nanos = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX).saturating_sub_signed(self.age_shift);
        age_encoding::decode(stored, Duration::from_nanos(nanos))
    }

    pub(super) fn stored_row(&self, id: RowId) -> Option<StoredRow<'_>> {
        match &self.rows {
            RowStorage::Open(open) => open.log(id).map(StoredRow::Log),
            RowStorage::Sealed(sealed) => sealed.get(id).or_else(|| {
                (id == RowId::PROCESS).then(|| StoredRow::Log(self.process.get_or_init(|| process_log(&self.info))))
            }),
        }
    }
}

/// Returns how many numbers are stored for a row in each sample.
pub(super) fn value_count(id: RowId, columns: usize) -> usize {
    if id == RowId::PROCESS { InfoField::COUNT } else { columns }
}
