//! Checks the rows of `show stat` and collects them in a table.

use std::sync::Arc;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::numbers::number_rows::NumberRows;
use crate::haproxy::numbers::row_writer::RowWriter;
use crate::haproxy::stat_header::StatSchema;
use crate::haproxy::stat_row::{RowKind, StatRow};
use crate::haproxy::stat_row_reader::RowCells;

/// Numbers of anomalies in a reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatAnomalies {
    /// Rows rejected because their cells do not match the header.
    pub rejected_rows: usize,
    /// Rows that are shorter or longer than the header. Missing cells count as absent, and surplus cells are ignored.
    pub uneven_rows: usize,
    /// Cells of numeric columns that are not numbers or do not fit in 63 bits. They count as absent. (2.6 reports a
    /// gauge below zero as 18446744073709551615.)
    pub(crate) invalid_numbers: usize,
    /// Rows that were dropped because the table has reached a limit of [`StatLimits`].
    pub dropped_rows: usize,
}

impl StatAnomalies {
    /// Returns the numbers in a fixed order, to store them.
    pub(crate) fn counts(self) -> [usize; 4] {
        let Self { rejected_rows, uneven_rows, invalid_numbers, dropped_rows } = self;
        [rejected_rows, uneven_rows, invalid_numbers, dropped_rows]
    }

    /// Reverses [`Self::counts`].
    pub(crate) fn from_counts([rejected_rows, uneven_rows, invalid_numbers, dropped_rows]: [usize; 4]) -> Self {
        Self { rejected_rows, uneven_rows, invalid_numbers, dropped_rows }
    }
}

/// Maximum number of rows of a table; 100,000 servers with their backends have fewer.
const MAX_ROWS: usize = 120_000;

/// Number of rows from which capacity for the maximum number is reserved at once. Memory that is never written costs
/// nothing, but doubling a long list copies it, and the copies fragment the heap.
const MANY_ROWS: usize = 4096;

/// The limits of one table. Rows beyond a limit are counted and dropped.
#[derive(Debug, Clone, Copy)]
pub struct StatLimits {
    /// Maximum number of rows.
    pub rows: usize,
    /// Maximum memory for rows, names, texts and numbers, in bytes.
    pub bytes: usize,
}

impl Default for StatLimits {
    fn default() -> Self {
        Self { rows: MAX_ROWS, bytes: 44 << 20 }
    }
}

/// The function that tries to read a plain row before the CSV reader is used.
pub(crate) type PlainRowReader = for<'a> fn(&'a [u8], &StatSchema, &mut RowWriter) -> Option<(RowCells<'a>, usize)>;

/// Rows, and their memory in bytes.
type RowsAndMemory = (Arc<Vec<StatRow>>, usize);

/// Builds the rows of a table, one by one.
pub(crate) struct StatReader<'a> {
    pub(crate) schema: Arc<StatSchema>,
    type_slot: Option<usize>,
    previous: Option<&'a Arc<Vec<StatRow>>>,
    /// Number of leading rows that equal the rows of the previous table. It does not change once `rows` is present.
    shared: usize,
    /// All rows; `None` until a row differs from the previous table.
    rows: Option<Vec<StatRow>>,
    pub(crate) numbers: RowWriter,
    anomalies: StatAnomalies,
    limits: StatLimits,
    /// Memory of all rows except their numbers, in bytes.
    row_bytes: usize,
}

impl<'a> StatReader<'a> {
    /// Creates a reader that shares rows with the previous table and reuses released buffers for numbers.
    pub(crate) fn new(
        schema: Arc<StatSchema>,
        before: Option<(&'a Arc<Vec<StatRow>>, &NumberRows)>,
        limits: StatLimits,
    ) -> Self {
        let numbers = before.map(|(_, numbers)| RowWriter::reusing(numbers, schema.width()));
        Self {
            type_slot: schema.slot(Field::Type),
            previous: before.map(|(rows, _)| rows),
            shared: 0,
            rows: None,
            numbers: numbers.unwrap_or_else(|| RowWriter::new(schema.width(), 16)),
            schema,
            anomalies: StatAnomalies::default(),
            limits,
            row_bytes: 0,
        }
    }

    /// Adds a row whose numbers have already been written to `numbers`. A row that does not match the header is
    /// rejected.
    pub(crate) fn push_row(&mut self, cells: &RowCells<'_>) {
        self.anomalies.invalid_numbers += cells.invalid_numbers;
        let [proxy, name] = cells.names;
        let is_short = cells.count < self.schema.columns().len();
        let status = cells.texts[TextField::Status as usize];
        let Some(kind) = self.row_kind(name).filter(|_| !(proxy.is_empty() || is_short && is_shifted(status))) else {
            self.numbers.discard_row();
            self.anomalies.rejected_rows += 1;
            return;
        };
        let index = self.rows.as_ref().map_or(self.shared, Vec::len);
        // Later rows are dropped too, even if they are smaller.
        let is_full = index >= self.limits.rows || self.row_bytes + self.numbers.memory_used() > self.limits.bytes;
        if is_full || self.anomalies.dropped_rows > 0 {
            self.numbers.discard_row();
            self.anomalies.dropped_rows += 1;
            return;
        }
        if cells.count != self.schema.columns().len() {
            self.anomalies.uneven_rows += 1;
        }
        self.numbers.end_row();
        let before = self.previous.and_then(|rows| rows.get(index));
        let same = before.filter(|row| row.matches_cells(kind, cells.names, &cells.texts));
        match (&mut self.rows, same) {
            (None, Some(_)) => self.shared += 1,
            (Some(rows), Some(row)) => rows.push(row.clone()),
            (rows, None) => {
                let same = &self.previous.map_or(&[][..], |rows| rows)[..self.shared];
                let rows = rows.get_or_insert_with(|| same.to_vec());
                if rows.len() == rows.capacity() && rows.len() >= MANY_ROWS {
                    rows.reserve_exact(self.limits.rows.saturating_sub(rows.len()));
                }
                let row = StatRow::from_cells(kind, cells.names, &cells.texts, [before, rows.last()]);
                rows.push(row);
            }
        }
        let all = self.rows.as_deref().or(self.previous.map(|rows| rows.as_slice())).unwrap_or_default();
        if let Some(row) = all.get(index) {
            let above = index.checked_sub(1).and_then(|above| all.get(above));
            self.row_bytes += row.memory_below(above);
        }
    }

    /// Returns the kind of a row according to the `type` column, or according to the name if there is no type. Servers
    /// and listeners may have any name, also `BACKEND` and `FRONTEND`. Returns `None` if a frontend or backend has
    /// another name, as in a row shifted by a missing comma.
    fn row_kind(&self, name: &[u8]) -> Option<RowKind> {
        let by_name = RowKind::from_name(name);
        match self.type_slot.and_then(|slot| self.numbers.get(slot)) {
            None => Some(by_name),
            Some(number) => RowKind::from_type(number)
                .filter(|kind| *kind == by_name || matches!(kind, RowKind::Server | RowKind::Listener)),
        }
    }

    /// Returns the parts of the table: the schema, the rows with their memory in bytes, the numbers and the anomalies.
    pub(crate) fn finish(self) -> (Arc<StatSchema>, RowsAndMemory, NumberRows, StatAnomalies) {
        let rows = match (self.rows, self.previous) {
            (Some(mut rows), _) => {
                rows.shrink_to_fit();
                Arc::new(rows)
            }
            (None, Some(before)) if before.len() == self.shared => Arc::clone(before),
            (None, before) => Arc::new(before.map_or(Vec::new(), |rows| rows[..self.shared].to_vec())),
        };
        (self.schema, (rows, self.row_bytes), self.numbers.finish(), self.anomalies)
    }
}

/// Returns true if the status contains `)` and ends with a digit. 1.6.0 omits the comma after `DRAIN (agent)`, so the
/// row is one cell short and every number is one column too far to the left.
fn is_shifted(status: Option<&[u8]>) -> bool {
    status.is_some_and(|status| status.contains(&b')') && status.last().is_some_and(u8::is_ascii_digit))
}
