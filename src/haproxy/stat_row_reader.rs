//! Reads one row of `show stat` into cells: names, texts and numbers.
//!
//! A sample of ten thousand servers has a million cells, nearly all of them empty or with one digit. A plain row, which
//! has exactly as many cells as the header and no quotes, is read in one pass, including its numbers. All other rows
//! are read by the CSV reader, which supports quotes, line breaks within quotes and rows of any length. Both readers
//! produce the same cells.

use crate::haproxy::csv_record::CsvRecord;
use crate::haproxy::numbers::row_writer::RowWriter;
use crate::haproxy::reply_words::parse_counter;
use crate::haproxy::stat_header::{HeaderColumn, StatSchema};
use crate::haproxy::stat_row::TextCells;

/// HAProxy's value for "never" (`lastsess`), which is stored as an absent number.
const NEVER: &[u8] = b"-1";

/// The cells of a received row, without its numbers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowCells<'a> {
    /// `pxname` and `svname`.
    pub(crate) names: [&'a [u8]; 2],
    /// The text cells.
    pub(crate) texts: TextCells<'a>,
    /// Number of cells in the row.
    pub(crate) count: usize,
    /// Number of cells in numeric columns that are not valid numbers.
    pub(crate) invalid_numbers: usize,
}

impl<'a> RowCells<'a> {
    fn set(&mut self, column: HeaderColumn, cell: &'a [u8]) {
        match column {
            HeaderColumn::Proxy => self.names[0] = cell,
            HeaderColumn::Name => self.names[1] = cell,
            HeaderColumn::Text(field) => self.texts[field as usize] = Some(cell).filter(|cell| !cell.is_empty()),
            HeaderColumn::Number(_) | HeaderColumn::Ignored => {}
        }
    }
}

/// Reads the row at the start of `bytes` if the row is plain. Returns the cells and the length of the row in bytes, and
/// writes the numbers to the current row of `numbers`. Returns `None` if the row is not plain; in this case, some
/// numbers may already have been written.
pub(crate) fn read_plain_row<'a>(
    bytes: &'a [u8],
    schema: &StatSchema,
    numbers: &mut RowWriter,
) -> Option<(RowCells<'a>, usize)> {
    let columns = schema.columns();
    let mut cells = RowCells { count: columns.len(), ..RowCells::default() };
    let mut offset = 0;
    for (index, column) in columns.iter().enumerate() {
        if let HeaderColumn::Number(slot) = *column {
            let (value, length) = read_plain_number(&bytes[offset..])?;
            if let Some(value) = value {
                numbers.set(usize::from(slot), value);
            }
            offset += length;
        } else {
            let length = bytes[offset..].iter().position(|byte| matches!(byte, b',' | b'\n' | b'"' | b'\r'))?;
            cells.set(*column, &bytes[offset..offset + length]);
            offset += length;
        }
        let separator = if index + 1 == columns.len() { b'\n' } else { b',' };
        if bytes.get(offset) != Some(&separator) {
            return None;
        }
        offset += 1;
    }
    Some((cells, offset))
}

/// Number of digits that always fit in an `i64`. Rows with longer numbers are read by the CSV reader.
const MAX_DIGITS: usize = 18;

/// Returns the number at the start of `bytes` and the length of the cell in bytes; the number is absent if the cell is
/// empty or -1. Returns `None` if the number has more than [`MAX_DIGITS`] digits or `bytes` end within the cell.
fn read_plain_number(bytes: &[u8]) -> Option<(Option<i64>, usize)> {
    let (mut value, mut length) = (0_i64, 0);
    loop {
        let digit = bytes.get(length)?.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        if length == MAX_DIGITS {
            return None;
        }
        value = value * 10 + i64::from(digit);
        length += 1;
    }
    match bytes {
        _ if length > 0 => Some((Some(value), length)),
        _ if bytes.starts_with(NEVER) => Some((None, NEVER.len())),
        _ => Some((None, 0)),
    }
}

/// Converts a row from the CSV reader into cells and writes its numbers to the current row of `numbers`.
pub(crate) fn read_csv_record<'a>(record: &'a CsvRecord, schema: &StatSchema, numbers: &mut RowWriter) -> RowCells<'a> {
    let mut cells = RowCells { count: record.len(), ..RowCells::default() };
    for (cell, column) in record.iter().zip(schema.columns()) {
        match *column {
            HeaderColumn::Number(_) if cell.is_empty() || cell == NEVER => {}
            HeaderColumn::Number(slot) => match parse_counter(cell) {
                Some(value) => numbers.set(usize::from(slot), value),
                None => cells.invalid_numbers += 1,
            },
            column => cells.set(column, cell),
        }
    }
    cells
}
