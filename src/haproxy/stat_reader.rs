//! Rows of `show stat`, one after the other: plain ones in one pass over their bytes, the others by the CSV reader.

use std::sync::Arc;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::numbers::number_rows::Numbers;
use crate::haproxy::numbers::row_writer::Writer;
use crate::haproxy::row_reader::Cells;
use crate::haproxy::stat_header::Schema;
use crate::haproxy::stat_row::{Row, RowKind};

/// What was odd in an answer, and how often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Oddities {
    /// Rows left out, because their cells do not stand under the header.
    pub rejected_rows: usize,
    /// Rows shorter or longer than the header, kept as far as they go.
    pub uneven_rows: usize,
    /// Cells that should be numbers and are not, or do not fit 63 bits (2.6 shows a gauge below zero as
    /// 18446744073709551615): kept as unknown.
    pub bad_numbers: usize,
}

/// How a row is tried first.
pub(crate) type PlainReader = for<'a> fn(&'a [u8], &Schema, &mut Writer) -> Option<(Cells<'a>, usize)>;

/// The CSV reader, for rows that are not plain. It goes on where it stands as long as such rows follow each other.
pub(crate) struct Records<'a> {
    body: &'a [u8],
    start: usize,
    reader: csv::Reader<&'a [u8]>,
}

impl<'a> Records<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { body, start: 0, reader: Self::reader(body) }
    }

    fn reader(bytes: &'a [u8]) -> csv::Reader<&'a [u8]> {
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes)
    }

    /// Reads the row at `at`, and tells where it ends; nothing when there is none.
    pub(crate) fn read(&mut self, at: usize, record: &mut csv::ByteRecord) -> Option<usize> {
        if self.end() != at {
            (self.start, self.reader) = (at, Self::reader(&self.body[at..]));
        }
        // With a slice as its source and byte records the reader has no way to fail.
        self.reader.read_byte_record(record).unwrap_or(false).then(|| self.end())
    }

    fn end(&self) -> usize {
        self.start + self.reader.position().byte() as usize
    }
}

/// Puts the rows of a table together, one by one.
pub(crate) struct Reader<'a> {
    pub(crate) schema: Arc<Schema>,
    type_slot: Option<usize>,
    before: Option<&'a Arc<[Row]>>,
    /// How many rows are those of before, as long as no other came.
    same: usize,
    /// All rows, once one was different.
    rows: Option<Vec<Row>>,
    pub(crate) numbers: Writer,
    oddities: Oddities,
}

impl<'a> Reader<'a> {
    /// With the rows and numbers of the table before.
    pub(crate) fn new(schema: Arc<Schema>, before: Option<(&'a Arc<[Row]>, &Numbers)>) -> Self {
        let numbers = before.map(|(_, numbers)| Writer::following(numbers, schema.width()));
        Self {
            type_slot: schema.slot(Field::Type),
            before: before.map(|(rows, _)| rows),
            same: 0,
            rows: None,
            numbers: numbers.unwrap_or_else(|| Writer::new(schema.width(), 16)),
            schema,
            oddities: Oddities::default(),
        }
    }

    /// Takes a row whose numbers are written.
    pub(crate) fn take(&mut self, cells: &Cells<'_>) {
        self.oddities.bad_numbers += cells.bad_numbers;
        let [proxy, name] = cells.names;
        let is_short = cells.count < self.schema.columns().len();
        let status = cells.texts[TextField::Status as usize];
        let Some(kind) = self.kind_of(name).filter(|_| !(proxy.is_empty() || is_short && is_shifted(status))) else {
            self.numbers.drop_row();
            self.oddities.rejected_rows += 1;
            return;
        };
        if cells.count != self.schema.columns().len() {
            self.oddities.uneven_rows += 1;
        }
        self.numbers.end_row();
        let place = self.rows.as_ref().map_or(self.same, Vec::len);
        let before = self.before.and_then(|rows| rows.get(place));
        let same = before.filter(|row| row.is(kind, cells.names, &cells.texts));
        match (&mut self.rows, same) {
            (None, Some(_)) => self.same += 1,
            (Some(rows), Some(row)) => rows.push(row.clone()),
            (rows, None) => {
                let same = &self.before.map_or(&[][..], |rows| rows)[..self.same];
                let rows = rows.get_or_insert_with(|| same.to_vec());
                let row = Row::read(kind, cells.names, &cells.texts, [before, rows.last()]);
                rows.push(row);
            }
        }
    }

    /// The kind by `type`, which must agree with the name: a row shifted by a missing comma does not.
    fn kind_of(&self, name: &[u8]) -> Option<RowKind> {
        let by_name = RowKind::from_name(name);
        match self.type_slot.and_then(|slot| self.numbers.get(slot)) {
            None => Some(by_name),
            Some(number) => RowKind::from_type(number)
                .filter(|kind| *kind == by_name || by_name == RowKind::Server && *kind == RowKind::Listener),
        }
    }

    /// The rows, their numbers and what was odd.
    pub(crate) fn finish(self) -> (Arc<Schema>, Arc<[Row]>, Numbers, Oddities) {
        let rows = match (self.rows, self.before) {
            (Some(rows), _) => rows.into(),
            (None, Some(before)) if before.len() == self.same => Arc::clone(before),
            (None, before) => before.map_or(&[][..], |rows| &rows[..self.same]).into(),
        };
        (self.schema, rows, self.numbers.finish(), self.oddities)
    }
}

/// 1.6.0 forgot the comma behind `DRAIN (agent)`: the row is one cell short and every number stands one to
/// the left.
fn is_shifted(status: Option<&[u8]>) -> bool {
    status.is_some_and(|status| status.contains(&b')') && status.last().is_some_and(u8::is_ascii_digit))
}
