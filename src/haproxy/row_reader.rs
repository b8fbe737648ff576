//! One row of CSV text as cells: names, texts and numbers.
//!
//! Ten thousand servers send a million cells a sample, nearly all of them a digit or nothing. A row that holds just the
//! cells of the header, without quotes, is read in one pass, numbers on the fly. Any other row goes through the CSV
//! reader, which knows quotes, line breaks in them and rows of any length. Both ways lead to the same cells.

use crate::haproxy::numbers::row_writer::Writer;
use crate::haproxy::stat_header::{Column, Schema};
use crate::haproxy::stat_row::TextCells;

/// HAProxy's way to say that something never was (`lastsess`): unknown here, not a number.
const NEVER: &[u8] = b"-1";

/// A row as it came, without its numbers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cells<'a> {
    /// `pxname` and `svname`.
    pub(crate) names: [&'a [u8]; 2],
    /// The texts.
    pub(crate) texts: TextCells<'a>,
    /// How many cells there were.
    pub(crate) count: usize,
    /// How many cells should have been numbers and were none.
    pub(crate) bad_numbers: usize,
}

impl<'a> Cells<'a> {
    fn put(&mut self, column: Column, cell: &'a [u8]) {
        match column {
            Column::Proxy => self.names[0] = cell,
            Column::Name => self.names[1] = cell,
            Column::Text(field) => self.texts[field as usize] = Some(cell).filter(|cell| !cell.is_empty()),
            Column::Number(_) | Column::Ignored => {}
        }
    }
}

/// Reads the row at the front of `bytes` when it is a plain one: its cells, and how many bytes it took. The numbers go
/// to the row that `numbers` writes, which may have some of them when it was none.
pub(crate) fn plain<'a>(bytes: &'a [u8], schema: &Schema, numbers: &mut Writer) -> Option<(Cells<'a>, usize)> {
    let columns = schema.columns();
    let mut cells = Cells { count: columns.len(), ..Cells::default() };
    let mut at = 0;
    for (place, column) in columns.iter().enumerate() {
        if let Column::Number(slot) = *column {
            let (value, length) = plain_number(&bytes[at..])?;
            if let Some(value) = value {
                numbers.set(usize::from(slot), value);
            }
            at += length;
        } else {
            let length = bytes[at..].iter().position(|byte| matches!(byte, b',' | b'\n' | b'"' | b'\r'))?;
            cells.put(*column, &bytes[at..at + length]);
            at += length;
        }
        let ends = if place + 1 == columns.len() { b'\n' } else { b',' };
        if bytes.get(at) != Some(&ends) {
            return None;
        }
        at += 1;
    }
    Some((cells, at))
}

/// Digits that fit for sure; longer numbers go the other way.
const LONGEST: usize = 18;

/// The number at the front, absent where the cell is empty or says "never", and its length.
fn plain_number(bytes: &[u8]) -> Option<(Option<i64>, usize)> {
    let (mut value, mut length) = (0_i64, 0);
    loop {
        let digit = bytes.get(length)?.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        if length == LONGEST {
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

/// Takes a row that the CSV reader read. The numbers go to the row that `numbers` writes.
pub(crate) fn of_record<'a>(record: &'a csv::ByteRecord, schema: &Schema, numbers: &mut Writer) -> Cells<'a> {
    let mut cells = Cells { count: record.len(), ..Cells::default() };
    for (cell, column) in record.iter().zip(schema.columns()) {
        match *column {
            Column::Number(_) if cell.is_empty() || cell == NEVER => {}
            Column::Number(slot) => match number(cell) {
                Some(value) => numbers.set(usize::from(slot), value),
                None => cells.bad_numbers += 1,
            },
            column => cells.put(column, cell),
        }
    }
    cells
}

/// A decimal number.
fn number(cell: &[u8]) -> Option<i64> {
    let (sign, digits) = match cell {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number: i64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(sign * number)
}
