//! The type of a column: heading, width, priority, source of the values.

use std::cmp::Ordering;

use crate::haproxy::fields::{Field, FieldKind, TextField, Unit};
use crate::table::cell::{Cell, Role};
use crate::table::columns::interval_time;
use crate::table::columns::row_view::RowView;
use crate::units;

/// The side on which the cells of a column are aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Left, for words.
    Left,
    /// Right, for numbers.
    Right,
}

/// The value by which rows are sorted and filtered.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// An unknown value, sorted last in both directions.
    Absent,
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
}

impl SortKey {
    /// Returns the key for a number, or `Absent` for `None`.
    pub(crate) fn number(value: Option<f64>) -> Self {
        value.map_or(Self::Absent, Self::Number)
    }

    /// Compares two keys in the given direction. An absent key comes last in both directions.
    pub(crate) fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Absent, Self::Absent) => return Ordering::Equal,
            (Self::Absent, _) => return Ordering::Greater,
            (_, Self::Absent) => return Ordering::Less,
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => natural_order(one, other),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        };
        if descending { order.reverse() } else { order }
    }
}

/// Compares two strings, treating runs of digits as numbers, so that `web2` comes before `web10`.
fn natural_order(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    loop {
        match (one.first(), other.first()) {
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (left, right) = (split_digits(&mut one), split_digits(&mut other));
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

/// Removes the run of digits at the start of `text` and returns these digits without leading zeros.
fn split_digits<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    *text = rest;
    let zeros = run.iter().position(|byte| *byte != b'0').unwrap_or(run.len());
    &run[zeros..]
}

/// The source of a column's values.
#[derive(Debug, Clone, Copy)]
pub enum ColumnSource {
    /// A number as reported by HAProxy.
    Number(Field),
    /// The rate per second of a counter.
    PerSecond(Field),
    /// The mean time of the requests of the last seconds, computed from one of HAProxy's moving means.
    IntervalTime(Field),
    /// Text as reported by HAProxy.
    Text(TextField),
    /// A value computed from several fields.
    Computed {
        /// Returns the cell of a row.
        cell: fn(&RowView<'_>) -> Cell,
        /// Returns the sort key of a row.
        key: fn(&RowView<'_>) -> SortKey,
        /// True if a single sample is not enough to compute the value.
        needs_two_samples: bool,
    },
    /// A number before and after, in two windows of time that are compared in the dashboard.
    Compared {
        /// Returns the cell of a row.
        cell: fn(&RowView<'_>) -> Cell,
        /// Returns the sort key of a row.
        key: fn(&RowView<'_>) -> SortKey,
    },
    /// A value of the rows of all balancers, which are merged in the dashboard.
    Merged {
        /// Returns the cell of a row.
        cell: fn(&RowView<'_>) -> Cell,
        /// Returns the sort key of a row.
        key: fn(&RowView<'_>) -> SortKey,
    },
}

/// A column of a table.
#[derive(Debug)]
pub struct Column {
    /// Name in filters, in `:cols`, in the configuration and in the documentation.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// One-line description.
    pub(crate) help: &'static str,
    /// Width in terminal cells. Names and texts get more where there is room.
    pub(crate) width: u16,
    /// Priority. On a narrow screen, the columns with the lowest priority are dropped first, after those without a value
    /// ([`crate::table::columns::column_use`]).
    pub(crate) priority: u8,
    /// Alignment.
    pub(crate) align: Align,
    /// Source of the values.
    pub source: ColumnSource,
}

impl Column {
    /// Returns the cell of a row.
    pub fn cell(&self, row: &RowView<'_>) -> Cell {
        match self.source {
            ColumnSource::Number(field) => {
                Cell::from_option(known_number(row, field), |number| number_cell(field, number))
            }
            ColumnSource::PerSecond(field) => Cell::from_option(row.rate(field), |rate| {
                let text = if field.info().unit == Unit::Bytes { units::bytes(rate) } else { units::rate(rate) };
                Cell::new(text, if rate > 0.0 { Role::Normal } else { Role::Dim })
            }),
            ColumnSource::IntervalTime(field) => interval_time::time_cell(row, field),
            ColumnSource::Text(field) => Cell::from_option(row.text(field), |text| Cell::plain(text.as_str())),
            ColumnSource::Computed { cell, .. }
            | ColumnSource::Compared { cell, .. }
            | ColumnSource::Merged { cell, .. } => cell(row),
        }
    }

    /// Returns the description; for a rate, the counter's description, preceded by `per second:`.
    pub(crate) fn full_help(&self) -> String {
        match self.source {
            ColumnSource::PerSecond(_) => format!("per second: {}", self.help),
            _ => self.help.to_owned(),
        }
    }

    /// Returns the sort key of a row.
    pub fn sort_key(&self, row: &RowView<'_>) -> SortKey {
        match self.source {
            ColumnSource::Number(field) => SortKey::number(known_number(row, field).map(|number| number as f64)),
            ColumnSource::PerSecond(field) => SortKey::number(row.rate(field)),
            ColumnSource::IntervalTime(field) => SortKey::number(interval_time::whole_millis(row, field)),
            ColumnSource::Text(field) => {
                row.text(field).map_or(SortKey::Absent, |text| SortKey::Text(text.as_str().to_lowercase()))
            }
            ColumnSource::Computed { key, .. }
            | ColumnSource::Compared { key, .. }
            | ColumnSource::Merged { key, .. } => key(row),
        }
    }

    /// Returns whether a single sample is not enough to compute the column's values.
    pub(crate) fn needs_two_samples(&self) -> bool {
        match self.source {
            ColumnSource::PerSecond(_) | ColumnSource::IntervalTime(_) => true,
            ColumnSource::Computed { needs_two_samples: spans, .. } => spans,
            ColumnSource::Number(_)
            | ColumnSource::Text(_)
            | ColumnSource::Compared { .. }
            | ColumnSource::Merged { .. } => false,
        }
    }

    /// Returns whether the column compares two windows of time, which only the dashboard does.
    pub(crate) fn is_comparison(&self) -> bool {
        matches!(self.source, ColumnSource::Compared { .. })
    }

    /// Returns whether the column has values only in the dashboard, so that commands do not print it.
    pub(crate) fn is_dashboard_only(&self) -> bool {
        matches!(self.source, ColumnSource::Compared { .. } | ColumnSource::Merged { .. })
    }

    /// Returns whether the column has numbers that can be compared: those of numbers, and the sessions left of a drain.
    pub(crate) fn has_numbers(&self) -> bool {
        self.align == Align::Right || self.id == "left"
    }

    /// Returns whether sorting by this column starts with the largest value. True for columns of numbers.
    pub(crate) fn prefers_descending(&self) -> bool {
        self.align == Align::Right
    }
}

/// Returns a numeric field of a row. An average is `None` until the row has served a session.
pub(crate) fn known_number(row: &RowView<'_>, field: Field) -> Option<i64> {
    if field.info().kind == FieldKind::Average { row.average(field) } else { row.number(field) }
}

/// Returns the cell for a number in the unit of its field. Zeros and ids are dimmed so that other numbers stand out.
pub(crate) fn number_cell(field: Field, number: i64) -> Cell {
    let text = match field.info().unit {
        Unit::Count => units::count(number),
        Unit::Bytes => units::bytes(number as f64),
        Unit::Millis => units::millis(number),
        Unit::Seconds => units::seconds(number),
        Unit::Percent => format!("{number}%"),
    };
    let is_quiet = number == 0 || field.info().kind == FieldKind::Id;
    Cell::new(text, if is_quiet { Role::Dim } else { Role::Normal })
}

/// Drops the columns with the lowest priority until the others fit. Never drops the first column.
pub(crate) fn drop_to_fit(
    mut columns: Vec<(&'static Column, u16)>,
    width: u16,
    spacing: u16,
) -> Vec<(&'static Column, u16)> {
    while columns.len() > 1 && required_width(&columns, spacing) > width {
        let lowest = columns.iter().enumerate().skip(1).min_by_key(|(_, (column, _))| column.priority);
        match lowest.map(|(index, _)| index) {
            Some(index) => columns.remove(index),
            None => break,
        };
    }
    columns
}

/// Returns the number of terminal cells that the columns take up, with `spacing` blanks between columns.
pub(crate) fn required_width(columns: &[(&Column, u16)], spacing: u16) -> u16 {
    let all: usize = columns.iter().map(|(_, wide)| usize::from(wide + spacing)).sum();
    u16::try_from(all).unwrap_or(u16::MAX).saturating_sub(spacing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sort_key_compares_digits_as_numbers() {
        let mut names = ["web10", "web2", "web1", "db", "web02b", "web"].map(|name| SortKey::Text(name.to_owned()));
        names.sort_by(|one, other| one.compare(other, false));
        let shown = names.map(|name| match name {
            SortKey::Text(text) => text,
            other => format!("{other:?}"),
        });
        assert_eq!(shown, ["db", "web", "web1", "web2", "web02b", "web10"]);
    }

    #[test]
    fn sort_key_puts_absent_last_in_both_directions() {
        for descending in [false, true] {
            let mut keys = [SortKey::Absent, SortKey::Number(1.0), SortKey::Number(3.0)];
            keys.sort_by(|one, other| one.compare(other, descending));
            assert_eq!(keys[2], SortKey::Absent);
            assert_eq!(keys[0], SortKey::Number(if descending { 3.0 } else { 1.0 }));
        }
    }
}
