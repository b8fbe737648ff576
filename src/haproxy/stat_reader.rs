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
}

/// The function that tries to read a plain row before the CSV reader is used.
pub(crate) type PlainRowReader = for<'a> fn(&'a [u8], &StatSchema, &mut RowWriter) -> Option<(RowCells<'a>, usize)>;

/// The CSV reader for rows that are not plain. It is reused for consecutive rows that are not plain.
pub(crate) struct CsvRecords<'a> {
    body: &'a [u8],
    start: usize,
    reader: csv::Reader<&'a [u8]>,
}

impl<'a> CsvRecords<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { body, start: 0, reader: Self::csv_reader(body) }
    }

    fn csv_reader(bytes: &'a [u8]) -> csv::Reader<&'a [u8]> {
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes)
    }

    /// Reads the row at `offset` and returns the offset of its end, or `None` if there are no more rows.
    pub(crate) fn read(&mut self, offset: usize, record: &mut csv::ByteRecord) -> Option<usize> {
        if self.end() != offset {
            (self.start, self.reader) = (offset, Self::csv_reader(&self.body[offset..]));
        }
        // Reading byte records from a slice cannot fail.
        self.reader.read_byte_record(record).unwrap_or(false).then(|| self.end())
    }

    fn end(&self) -> usize {
        self.start + self.reader.position().byte() as usize
    }
}

/// Builds the rows of a table, one by one.
pub(crate) struct StatReader<'a> {
    pub(crate) schema: Arc<StatSchema>,
    type_slot: Option<usize>,
    previous: Option<&'a Arc<[StatRow]>>,
    /// Number of leading rows that equal the rows of the previous table. It does not change once `rows` is present.
    shared: usize,
    /// All rows; `None` until a row differs from the previous table.
    rows: Option<Vec<StatRow>>,
    pub(crate) numbers: RowWriter,
    anomalies: StatAnomalies,
}

impl<'a> StatReader<'a> {
    /// Creates a reader that shares rows with the previous table and reuses released buffers for numbers.
    pub(crate) fn new(schema: Arc<StatSchema>, before: Option<(&'a Arc<[StatRow]>, &NumberRows)>) -> Self {
        let numbers = before.map(|(_, numbers)| RowWriter::reusing(numbers, schema.width()));
        Self {
            type_slot: schema.slot(Field::Type),
            previous: before.map(|(rows, _)| rows),
            shared: 0,
            rows: None,
            numbers: numbers.unwrap_or_else(|| RowWriter::new(schema.width(), 16)),
            schema,
            anomalies: StatAnomalies::default(),
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
        if cells.count != self.schema.columns().len() {
            self.anomalies.uneven_rows += 1;
        }
        self.numbers.end_row();
        let index = self.rows.as_ref().map_or(self.shared, Vec::len);
        let before = self.previous.and_then(|rows| rows.get(index));
        let same = before.filter(|row| row.matches_cells(kind, cells.names, &cells.texts));
        match (&mut self.rows, same) {
            (None, Some(_)) => self.shared += 1,
            (Some(rows), Some(row)) => rows.push(row.clone()),
            (rows, None) => {
                let same = &self.previous.map_or(&[][..], |rows| rows)[..self.shared];
                let rows = rows.get_or_insert_with(|| same.to_vec());
                let row = StatRow::from_cells(kind, cells.names, &cells.texts, [before, rows.last()]);
                rows.push(row);
            }
        }
    }

    /// Returns the kind of a row according to the `type` column, or according to the name if there is no type. Returns
    /// `None` if type and name contradict each other, as in a row shifted by a missing comma.
    fn row_kind(&self, name: &[u8]) -> Option<RowKind> {
        let by_name = RowKind::from_name(name);
        match self.type_slot.and_then(|slot| self.numbers.get(slot)) {
            None => Some(by_name),
            Some(number) => RowKind::from_type(number)
                .filter(|kind| *kind == by_name || by_name == RowKind::Server && *kind == RowKind::Listener),
        }
    }

    /// Returns the schema, the rows, their numbers and the anomalies.
    pub(crate) fn finish(self) -> (Arc<StatSchema>, Arc<[StatRow]>, NumberRows, StatAnomalies) {
        let rows = match (self.rows, self.previous) {
            (Some(rows), _) => rows.into(),
            (None, Some(before)) if before.len() == self.shared => Arc::clone(before),
            (None, before) => before.map_or(&[][..], |rows| &rows[..self.shared]).into(),
        };
        (self.schema, rows, self.numbers.finish(), self.anomalies)
    }
}

/// Returns true if the status contains `)` and ends with a digit. 1.6.0 omits the comma after `DRAIN (agent)`, so the
/// row is one cell short and every number is one column too far to the left.
fn is_shifted(status: Option<&[u8]>) -> bool {
    status.is_some_and(|status| status.contains(&b')') && status.last().is_some_and(u8::is_ascii_digit))
}
