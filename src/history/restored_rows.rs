//! Restores samples of a block, and of further samples only the moving means of their rows. Each row is unpacked once for
//! all of them.

use std::sync::Arc;

use crate::haproxy::numbers::row_writer::RowWriter;
use crate::haproxy::stat_table::{RowKind, StatRow, StatTable};
use crate::haproxy::version::Version;
use crate::history::block::{Block, value_count};
use crate::history::interval_times::SampleMeans;
use crate::history::moving_mean::MeanKind;
use crate::history::packed_row::{ColumnValues, RowColumns, RowUnpacker};
use crate::history::row_log::{ABSENT, RowLogReader};
use crate::history::row_means::RowMeans;
use crate::history::sample_context::SampleContext;
use crate::history::sealed_rows::StoredRow;
use crate::history::text_log::TextLog;
use crate::observe::row_ids::RowId;
use crate::observe::sample::{Sample, SampleDetails};
use crate::observe::timestamp::Timestamp;

/// Number of rows from which two threads restore them.
const MANY_ROWS: usize = 200;

/// The parts of a sample that are collected while its rows are restored.
enum Restored {
    Sample(Vec<StatRow>, RowWriter),
    Means(Vec<RowMeans>),
}

impl Restored {
    /// Appends the rows that follow.
    fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Sample(rows, numbers), Self::Sample(mut other_rows, other_numbers)) => {
                rows.append(&mut other_rows);
                numbers.append(&other_numbers.finish());
            }
            (Self::Means(means), Self::Means(mut other)) => means.append(&mut other),
            (Self::Sample(..), Self::Means(_)) | (Self::Means(_), Self::Sample(..)) => {}
        }
    }
}

/// Positions of samples to restore, in ascending order.
#[derive(Debug, Clone, Copy)]
struct WantedSteps<'a> {
    steps: &'a [usize],
    /// Those that are restored whole; of the others, only the means are.
    of_samples: &'a [usize],
}

/// Reads the moving means of one row.
struct MeansReader<'a> {
    is_tcp: bool,
    /// Columns of [`RowMeans::FIELDS`].
    columns: [Option<ColumnValues<'a>>; 18],
}

impl MeansReader<'_> {
    fn means_at(&self, step: usize) -> RowMeans {
        let mut values = [None; 18];
        for (value, column) in values.iter_mut().zip(&self.columns) {
            *value = column.as_ref().map(|column| column.at(step)).filter(|value| *value != ABSENT);
        }
        RowMeans::from_values(self.is_tcp, &values)
    }
}

/// Restored samples, and the moving means of others with their sequence numbers.
pub(crate) type SamplesAndMeans = (Vec<Sample>, Vec<(u64, SampleMeans)>);

impl Block {
    /// Restores the samples at the given positions in the block, which must be in ascending order. Ages are accurate to
    /// one second. Returns `None` if a position is past the end of the block.
    pub(crate) fn restore_samples(&self, steps: &[usize], texts: &TextLog) -> Option<Vec<Sample>> {
        self.restore_with_means(steps, &[], texts).map(|(samples, _)| samples)
    }

    /// Restores the samples at the positions `of_samples`, and the moving means of the samples at the positions `of_means`;
    /// both are in ascending order, and have no position in common. Returns `None` if a position is past the end.
    pub(crate) fn restore_with_means(
        &self,
        of_samples: &[usize],
        of_means: &[usize],
        texts: &TextLog,
    ) -> Option<SamplesAndMeans> {
        let mut steps = [of_samples, of_means].concat();
        steps.sort_unstable();
        let contexts: Vec<&SampleContext> =
            steps.iter().map(|step| self.contexts().get(*step)).collect::<Option<_>>()?;
        // Restore consecutive samples with the same rows together, so that each row is unpacked only once.
        let mut restored: Vec<Restored> = Vec::with_capacity(steps.len());
        while let Some(rows) = contexts.get(restored.len()).map(|context| &context.rows) {
            let first = restored.len();
            let count = contexts[first..].iter().take_while(|context| Arc::ptr_eq(&context.rows, rows)).count();
            let wanted = WantedSteps { steps: &steps[first..first + count], of_samples };
            restored.extend(self.restore_rows(rows.ids(), wanted, texts)?);
        }
        let mut infos = self.info().read(of_samples).into_iter();
        let mut versions = self.info().read_value("Version", of_means).into_iter();
        let (mut samples, mut means) = (Vec::with_capacity(of_samples.len()), Vec::with_capacity(of_means.len()));
        for ((step, context), restored) in steps.iter().zip(contexts).zip(restored) {
            let header = self.headers().get(*step)?;
            match restored {
                Restored::Sample(rows, numbers) => {
                    let schema = Arc::clone(self.columns().0);
                    samples.push(Sample {
                        seq: header.seq,
                        at: Timestamp { monotonic: header.at, wall: header.wall },
                        epoch: context.epoch,
                        level: context.level,
                        info: infos.next()?,
                        table: StatTable::new(schema, Arc::new(rows), numbers.finish(), context.anomalies),
                        rows: Arc::clone(&context.rows),
                        changes: None,
                        cost: header.cost,
                        interval: context.interval,
                        configured: context.configured.clone(),
                        details: SampleDetails::default(),
                    });
                }
                Restored::Means(rows) => {
                    let kind = MeanKind::from_version(Version::parse(versions.next()?.as_str()));
                    means.push((header.seq, SampleMeans::new(kind, Arc::clone(&context.rows), rows)));
                }
            }
        }
        Some((samples, means))
    }

    /// Restores these rows of the samples at the positions `wanted`. Many rows are divided between two threads. Returns `None`
    /// if a row has no stored numbers or texts, which cannot happen for a row of these samples.
    fn restore_rows(&self, ids: &[RowId], wanted: WantedSteps<'_>, texts: &TextLog) -> Option<Vec<Restored>> {
        if ids.len() < MANY_ROWS {
            return self.restore_some_rows(ids, wanted, texts);
        }
        let (first, second) = ids.split_at(ids.len() / 2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| self.restore_some_rows(second, wanted, texts));
            let mut restored = self.restore_some_rows(first, wanted, texts)?;
            restored.iter_mut().zip(other.join().ok()??).for_each(|(one, other)| one.append(other));
            Some(restored)
        })
    }

    fn restore_some_rows(&self, ids: &[RowId], wanted: WantedSteps<'_>, texts: &TextLog) -> Option<Vec<Restored>> {
        let width = self.columns().0.width();
        let empty = |step: &usize| match wanted.of_samples.binary_search(step) {
            Ok(_) => Restored::Sample(Vec::with_capacity(ids.len()), RowWriter::new(width, ids.len())),
            Err(_) => Restored::Means(Vec::with_capacity(ids.len())),
        };
        let mut restored: Vec<Restored> = wanted.steps.iter().map(empty).collect();
        let (mut row, mut unpacker) = (Vec::new(), RowUnpacker::default());
        for id in ids {
            self.restore_row(*id, wanted.steps, &mut restored, texts, &mut row, &mut unpacker)?;
        }
        Some(restored)
    }

    /// Adds one row to the samples at the positions `wanted`. Returns `None` if the row has no stored numbers or texts.
    /// `row` and `unpacker` are memory that is reused.
    fn restore_row(
        &self,
        id: RowId,
        wanted: &[usize],
        restored: &mut [Restored],
        texts: &TextLog,
        row: &mut Vec<i64>,
        unpacker: &mut RowUnpacker,
    ) -> Option<()> {
        let width = value_count(id, self.columns().0.width());
        match self.stored_row(id)? {
            StoredRow::Packed(bytes) => {
                let last = wanted.last().copied().unwrap_or_default();
                let columns = unpacker.unpack_until(last, bytes, self.headers().len(), width);
                let mut of_means = None;
                for (step, restored) in wanted.iter().zip(restored) {
                    if let Restored::Means(rows) = restored {
                        let reader = match &of_means {
                            Some(reader) => reader,
                            None => of_means.insert(self.means_reader(id, *step, columns, texts)?),
                        };
                        rows.push(reader.means_at(*step));
                        continue;
                    }
                    columns.copy_step(*step, row);
                    self.add_row(id, *step, row, texts, restored)?;
                }
            }
            StoredRow::Log(log) => {
                let (mut reader, mut next) = (RowLogReader::new(log, width), 0);
                for (step, restored) in wanted.iter().zip(restored) {
                    (next..*step).for_each(|_| _ = reader.next_step());
                    next = step + 1;
                    row.clear();
                    row.extend_from_slice(reader.next_step()?);
                    self.add_row(id, *step, row, texts, restored)?;
                }
            }
        }
        Some(())
    }

    /// Returns a reader of the means of a row that is unpacked, whose kind and mode are those in the sample at `step`.
    fn means_reader<'a>(
        &self,
        id: RowId,
        step: usize,
        columns: &'a RowColumns,
        texts: &TextLog,
    ) -> Option<MeansReader<'a>> {
        let (text, schema) = (texts.get(id, self.headers().get(step)?.seq)?, self.columns().0);
        let column = |field| columns.column(schema.slot(field)?);
        let has_means = matches!(text.kind, RowKind::Backend | RowKind::Server);
        let columns = if has_means { RowMeans::FIELDS.map(column) } else { [None; 18] };
        Some(MeansReader { is_tcp: text.is_tcp(), columns })
    }

    fn add_row(&self, id: RowId, step: usize, row: &mut [i64], texts: &TextLog, restored: &mut Restored) -> Option<()> {
        let header = self.headers().get(step)?;
        let text = texts.get(id, header.seq)?;
        match restored {
            Restored::Sample(rows, numbers) => {
                for slot in self.columns().1.slots() {
                    if let Some(stored) = row.get_mut(slot) {
                        *stored = self.decode_age(*stored, header.at).unwrap_or(ABSENT);
                    }
                }
                rows.push(text.clone());
                for (slot, number) in row.iter().enumerate().filter(|(_, number)| **number != ABSENT) {
                    numbers.set(slot, *number);
                }
                numbers.end_row();
            }
            // Ages are not needed for means.
            Restored::Means(rows) => {
                let schema = self.columns().0;
                let number = |field| row.get(schema.slot(field)?).copied().filter(|number| *number != ABSENT);
                rows.push(RowMeans::from_row(text, number));
            }
        }
        Some(())
    }
}
