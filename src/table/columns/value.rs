//! The value of a table cell, for programs: exact numbers, full strings, and an explicit "unknown".
//!
//! The value in a numeric column is the number by which rows are sorted and filtered, so that printed numbers can be
//! used in filters. A column named after a field of HAProxy contains the value that HAProxy reported.

use crate::haproxy::fields::TextField;
use crate::table::columns::column::{Align, Column, ColumnSource, SortKey, known_number};
use crate::table::columns::interval_time;
use crate::table::columns::row_view::RowView;
use crate::units;

/// The value of one table cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Unknown: HAProxy left the field empty, this HAProxy version lacks the field, or the value needs two samples and
    /// there is only one.
    Unknown,
    /// A whole number.
    Integer(i64),
    /// A number with at most three decimals, such as a rate or a share.
    Decimal(f64),
    /// A string that is safe to print.
    Text(String),
}

impl Value {
    /// Returns the value in `column` of `row`.
    pub(crate) fn from_row(column: &Column, row: &RowView<'_>) -> Self {
        match column.source {
            ColumnSource::Number(field) => Self::from_integer(known_number(row, field)),
            ColumnSource::PerSecond(field) => Self::from_decimal(row.rate(field)),
            ColumnSource::IntervalTime(field) => Self::from_decimal(interval_time::whole_millis(row, field)),
            ColumnSource::Text(field) => Self::from_text_field(field, row),
            ColumnSource::Computed { .. } | ColumnSource::Compared { .. } | ColumnSource::Merged { .. } => {
                match (column.sort_key(row), column.align, TextField::by_name(column.id.as_bytes())) {
                    (_, _, Some(field)) => Self::from_text_field(field, row),
                    (SortKey::Absent, ..) => Self::Unknown,
                    (SortKey::Number(number), Align::Right, _) => Self::from_decimal(Some(number)),
                    _ => Self::from_text(column.cell(row).text),
                }
            }
        }
    }

    /// Returns the value for a whole number, or `Unknown` for `None`.
    pub(crate) fn from_integer(number: Option<i64>) -> Self {
        number.map_or(Self::Unknown, Self::Integer)
    }

    /// Returns the value for a number, rounded to three decimals, or `Unknown` for `None` and numbers that are not
    /// finite.
    pub(crate) fn from_decimal(number: Option<f64>) -> Self {
        /// Above 2^53, not every whole number can be represented as a float.
        const LARGEST: f64 = 9_007_199_254_740_992.0;
        let Some(number) = number.filter(|number| number.is_finite()) else { return Self::Unknown };
        let rounded = (number * 1000.0).round() / 1000.0;
        if rounded == 0.0 && number != 0.0 {
            // A number that would be rounded to zero is not rounded, so that only zero is shown as zero.
            Self::Decimal(number)
        } else if rounded.fract() == 0.0 && rounded.abs() < LARGEST {
            Self::Integer(rounded as i64)
        } else if rounded.is_finite() {
            Self::Decimal(rounded)
        } else {
            Self::Decimal(number)
        }
    }

    fn from_text_field(field: TextField, row: &RowView<'_>) -> Self {
        row.text(field).map_or(Self::Unknown, |text| Self::Text(text.to_string()))
    }

    fn from_text(text: String) -> Self {
        if text == units::UNKNOWN { Self::Unknown } else { Self::Text(text) }
    }

    /// Returns the value as a plain string, empty if the value is unknown.
    pub(crate) fn to_plain_string(&self) -> String {
        match self {
            Self::Unknown => String::new(),
            Self::Integer(number) => number.to_string(),
            Self::Decimal(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::state::Instance;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use crate::table::columns::column_table;

    fn plain_values(instance: &Instance, row: usize, ids: &[&str]) -> Vec<String> {
        let row = RowView::new(instance, instance.shown().unwrap(), row);
        ids.iter().map(|id| Value::from_row(column_table::by_id(id).unwrap(), &row).to_plain_string()).collect()
    }

    #[test]
    fn from_row_returns_numbers_and_empty_for_unknown() {
        let (mut instance, mut maker) = (Instance::default(), SampleBuilder::default());
        instance.add_sample(maker.build_at_millis(0, &stat_of_site()), 0);
        let ids = ["qcur", "bin", "req", "bin/s", "load", "name", "problem"];
        assert_eq!(plain_values(&instance, 0, &ids), ["", "5000", "", "", "40.6", "www-in", ""]);
        instance
            .add_sample(maker.build_at_millis(3000, &stat_of_site().replace("9000,5000,8000", "9000,5100,8000")), 0);
        assert_eq!(plain_values(&instance, 0, &ids), ["", "5100", "0", "33.333", "40.6", "www-in", ""]);
        let row = RowView::new(&instance, instance.shown().unwrap(), 0);
        assert_eq!(Value::from_row(column_table::by_id("qcur").unwrap(), &row), Value::Unknown);
    }

    #[test]
    fn from_row_returns_the_full_status() {
        let mut instance = Instance::default();
        let stat = stat_of_site().replace("10,10,MAINT,", "10,10,MAINT (via www/w1),");
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat), 0);
        assert_eq!(
            plain_values(&instance, 6, &["status", "check_status", "kind"]),
            ["MAINT (via www/w1)", "", "server"]
        );
    }

    #[test]
    fn from_decimal_keeps_every_number() {
        assert_eq!(Value::from_decimal(Some(f64::NAN)), Value::Unknown);
        assert_eq!(Value::from_decimal(Some(f64::MAX)), Value::Decimal(f64::MAX));
        assert_eq!(Value::from_decimal(Some(1e18)).to_plain_string(), "1000000000000000000");
        assert_eq!(Value::from_decimal(Some(0.0004)), Value::Decimal(0.0004));
        assert_eq!(Value::from_decimal(Some(12.000_04)), Value::Integer(12));
    }
}
