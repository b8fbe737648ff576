//! What a column is: its heading, its width, and where its values come from.

use std::cmp::Ordering;

use crate::haproxy::fields::{Field, Kind, TextField, Unit};
use crate::table::cell::{Cell, Role};
use crate::table::columns::row_view::RowView;
use crate::table::number_format;

/// On which side a column's texts line up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// What a row is sorted and filtered by.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// Not known: behind everything else, whichever way it is sorted.
    Absent,
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl SortKey {
    /// A number that may be unknown.
    pub fn number(value: Option<f64>) -> Self {
        value.map_or(Self::Absent, Self::Number)
    }

    /// The order of two rows; what is unknown comes last in either direction.
    pub fn order(&self, other: &Self, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Absent, Self::Absent) => return Ordering::Equal,
            (Self::Absent, _) => return Ordering::Greater,
            (_, Self::Absent) => return Ordering::Less,
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => natural(one, other),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        };
        if descending { order.reverse() } else { order }
    }
}

/// `web2` before `web10`: runs of digits are compared as numbers.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    loop {
        match (one.first(), other.first()) {
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (left, right) = (digits(&mut one), digits(&mut other));
                match left.len().cmp(&right.len()).then_with(|| left.cmp(right)) {
                    Ordering::Equal => {}
                    order => return order,
                }
            }
            (Some(a), Some(b)) if a == b => (one, other) = (&one[1..], &other[1..]),
            (a, b) => return a.cmp(&b),
        }
    }
}

/// Takes a run of digits off the front, without its leading zeros.
fn digits<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    *text = rest;
    let zeros = run.iter().position(|byte| *byte != b'0').unwrap_or(run.len());
    &run[zeros..]
}

/// Where a column's values come from.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// A number as HAProxy gives it.
    Number(Field),
    /// A counter per second.
    PerSecond(Field),
    /// A text as HAProxy gives it.
    Text(TextField),
    /// Something made from several fields.
    Made {
        /// What is shown.
        cell: fn(&RowView<'_>) -> Cell,
        /// What is sorted by.
        key: fn(&RowView<'_>) -> SortKey,
        /// Whether it tells what happened between two samples.
        spans: bool,
    },
    /// What became of these fields since the marked moment.
    SinceMark {
        /// The fields.
        fields: &'static [Field],
        /// What is shown.
        cell: fn(&RowView<'_>, &[Field]) -> Cell,
        /// What is sorted by.
        key: fn(&RowView<'_>, &[Field]) -> SortKey,
    },
}

/// One column.
#[derive(Debug)]
pub struct Column {
    /// Its name in the filter, in `:cols`, in configuration and documents.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What it shows.
    pub help: &'static str,
    /// Cells it takes; the name takes at least this and what is left.
    pub width: u16,
    /// Lower ones are dropped first where it is narrow.
    pub priority: u8,
    /// Side.
    pub align: Align,
    /// Values.
    pub source: Source,
}

impl Column {
    /// What it shows of a row.
    pub fn cell(&self, row: &RowView<'_>) -> Cell {
        match self.source {
            Source::Number(field) => Cell::maybe(known(row, field), |number| number_cell(field, number)),
            Source::PerSecond(field) => Cell::maybe(row.rate(field), |rate| {
                let text = if field.info().unit == Unit::Bytes {
                    number_format::bytes(rate)
                } else {
                    number_format::rate(rate)
                };
                Cell::new(text, if rate > 0.0 { Role::Normal } else { Role::Dim })
            }),
            Source::Text(field) => Cell::maybe(row.text(field), |text| Cell::plain(text.as_str())),
            Source::Made { cell, .. } => cell(row),
            Source::SinceMark { fields, cell, .. } => cell(row, fields),
        }
    }

    /// What a row is sorted by under it.
    pub fn key(&self, row: &RowView<'_>) -> SortKey {
        match self.source {
            Source::Number(field) => SortKey::number(known(row, field).map(|number| number as f64)),
            Source::PerSecond(field) => SortKey::number(row.rate(field)),
            Source::Text(field) => {
                row.text(field).map_or(SortKey::Absent, |text| SortKey::Text(text.as_str().to_lowercase()))
            }
            Source::Made { key, .. } => key(row),
            Source::SinceMark { fields, key, .. } => key(row, fields),
        }
    }

    /// Whether it tells what happened between two samples: from a single one it is unknown.
    pub fn spans(&self) -> bool {
        match self.source {
            Source::PerSecond(_) => true,
            Source::Made { spans, .. } => spans,
            Source::Number(_) | Source::Text(_) | Source::SinceMark { .. } => false,
        }
    }

    /// Whether it compares with a marked moment, which is set on the screen.
    pub fn needs_mark(&self) -> bool {
        matches!(self.source, Source::SinceMark { .. })
    }

    /// Whether a first sort by it begins with the largest: what one looks for in numbers.
    pub fn begins_descending(&self) -> bool {
        self.align == Align::Right
    }
}

/// A number that says something: a mean does only once there was something to take it over.
pub fn known(row: &RowView<'_>, field: Field) -> Option<i64> {
    if field.info().kind == Kind::Average { row.average(field) } else { row.number(field) }
}

/// A number in its unit; what is nothing is dimmed, so that the eye finds what is something.
pub fn number_cell(field: Field, number: i64) -> Cell {
    let text = match field.info().unit {
        Unit::Count => number_format::count(number),
        Unit::Bytes => number_format::bytes(number as f64),
        Unit::Millis => number_format::millis(number),
        Unit::Seconds => number_format::seconds(number),
        Unit::Percent => format!("{number}%"),
    };
    let is_quiet = number == 0 || field.info().kind == Kind::Id;
    Cell::new(text, if is_quiet { Role::Dim } else { Role::Normal })
}

/// Which of `columns` fit into `width` cells with `spacing` blanks between, and how wide each is. The first
/// takes what is left.
pub fn fit(columns: &[&'static Column], width: u16, spacing: u16) -> Vec<(&'static Column, u16)> {
    let mut kept = fitting(columns.iter().map(|column| (*column, column.width)).collect(), width, spacing);
    let spare = width.saturating_sub(needed(&kept, spacing));
    if let Some((_, wide)) = kept.first_mut() {
        *wide = (*wide + spare).min(width);
    }
    kept
}

/// Those of the columns that fit with these widths, the least important dropped first; never the first one.
pub fn fitting(mut columns: Vec<(&'static Column, u16)>, width: u16, spacing: u16) -> Vec<(&'static Column, u16)> {
    while columns.len() > 1 && needed(&columns, spacing) > width {
        let lowest = columns.iter().enumerate().skip(1).min_by_key(|(_, (column, _))| column.priority);
        match lowest.map(|(index, _)| index) {
            Some(index) => columns.remove(index),
            None => break,
        };
    }
    columns
}

/// Cells that columns take with so many blanks between.
fn needed(columns: &[(&Column, u16)], spacing: u16) -> u16 {
    let all: usize = columns.iter().map(|(_, wide)| usize::from(wide + spacing)).sum();
    u16::try_from(all).unwrap_or(u16::MAX).saturating_sub(spacing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_count() {
        let mut names = ["web10", "web2", "web1", "db", "web02b", "web"].map(|name| SortKey::Text(name.to_owned()));
        names.sort_by(|one, other| one.order(other, false));
        let shown = names.map(|name| match name {
            SortKey::Text(text) => text,
            other => format!("{other:?}"),
        });
        assert_eq!(shown, ["db", "web", "web1", "web2", "web02b", "web10"]);
    }

    #[test]
    fn what_is_unknown_comes_last_in_either_direction() {
        for descending in [false, true] {
            let mut keys = [SortKey::Absent, SortKey::Number(1.0), SortKey::Number(3.0)];
            keys.sort_by(|one, other| one.order(other, descending));
            assert_eq!(keys[2], SortKey::Absent);
            assert_eq!(keys[0], SortKey::Number(if descending { 3.0 } else { 1.0 }));
        }
    }
}
