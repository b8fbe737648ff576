//! What a column holds of a row, for programs: numbers as they are, texts in full, and what is not known as such.
//!
//! A column of numbers holds the number that a filter compares and that it is sorted by; so whatever is printed
//! can be asked for in the same terms. A column under HAProxy's own name holds what HAProxy said.

use crate::haproxy::fields::TextField;
use crate::table::columns::column::{Align, Column, SortKey, Source, known};
use crate::table::columns::row_view::RowView;
use crate::table::number_format;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// Not known: HAProxy left it empty, this version lacks it, or it takes two samples and there is one.
    Unknown,
    /// A whole number.
    Whole(i64),
    /// A number with at most three decimals, as rates and shares are.
    Real(f64),
    /// A text, safe to print.
    Text(String),
}

impl Datum {
    /// What a column holds of a row.
    pub fn of(column: &Column, row: &RowView<'_>) -> Self {
        match column.source {
            Source::Number(field) => Self::whole(known(row, field)),
            Source::PerSecond(field) => Self::real(row.rate(field)),
            Source::Text(field) => Self::of_text(field, row),
            Source::Made { .. } | Source::SinceMark { .. } => {
                match (column.key(row), column.align, TextField::by_name(column.id.as_bytes())) {
                    (_, _, Some(field)) => Self::of_text(field, row),
                    (SortKey::Absent, ..) => Self::Unknown,
                    (SortKey::Number(number), Align::Right, _) => Self::real(Some(number)),
                    _ => Self::text(column.cell(row).text),
                }
            }
        }
    }

    /// A whole number that may be unknown.
    pub fn whole(number: Option<i64>) -> Self {
        number.map_or(Self::Unknown, Self::Whole)
    }

    /// A number that may be unknown, to three decimals.
    pub fn real(number: Option<f64>) -> Self {
        /// Beyond, a float does not hold every whole number.
        const LARGEST: f64 = 9_007_199_254_740_992.0;
        let Some(number) = number.filter(|number| number.is_finite()) else { return Self::Unknown };
        let rounded = (number * 1000.0).round() / 1000.0;
        if rounded == 0.0 && number != 0.0 {
            // What is not nothing is not shown as nothing.
            Self::Real(number)
        } else if rounded.fract() == 0.0 && rounded.abs() < LARGEST {
            Self::Whole(rounded as i64)
        } else if rounded.is_finite() {
            Self::Real(rounded)
        } else {
            Self::Real(number)
        }
    }

    fn of_text(field: TextField, row: &RowView<'_>) -> Self {
        row.text(field).map_or(Self::Unknown, |text| Self::Text(text.to_string()))
    }

    fn text(text: String) -> Self {
        if text == number_format::UNKNOWN { Self::Unknown } else { Self::Text(text) }
    }

    /// As a bare word: empty when it is not known.
    pub fn bare(&self) -> String {
        match self {
            Self::Unknown => String::new(),
            Self::Whole(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::instance::Instance;
    use crate::observe::test_samples::{SampleMaker, site};
    use crate::table::columns::column_table;

    fn bare(watch: &Instance, row: usize, ids: &[&str]) -> Vec<String> {
        let row = RowView::new(watch, watch.newest().unwrap(), row);
        ids.iter().map(|id| Datum::of(column_table::by_id(id).unwrap(), &row).bare()).collect()
    }

    #[test]
    fn numbers_are_whole_and_what_is_unknown_is_empty() {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        watch.take(maker.at_millis(0, &site()), 0);
        let ids = ["qcur", "bin", "req", "bin/s", "load", "name", "problem"];
        assert_eq!(bare(&watch, 0, &ids), ["", "5000", "", "", "40.6", "www-in", ""]);
        watch.take(maker.at_millis(3000, &site().replace("9000,5000,8000", "9000,5100,8000")), 0);
        assert_eq!(bare(&watch, 0, &ids), ["", "5100", "0", "33.333", "40.6", "www-in", ""]);
        let row = RowView::new(&watch, watch.newest().unwrap(), 0);
        assert_eq!(Datum::of(column_table::by_id("qcur").unwrap(), &row), Datum::Unknown);
    }

    #[test]
    fn a_status_is_told_in_full() {
        let mut watch = Instance::default();
        let stat = site().replace("10,10,MAINT,", "10,10,MAINT (via www/w1),");
        watch.take(SampleMaker::default().at_millis(0, &stat), 0);
        assert_eq!(bare(&watch, 6, &["status", "check_status", "kind"]), ["MAINT (via www/w1)", "", "server"]);
    }

    #[test]
    fn no_number_is_lost_or_made_up() {
        assert_eq!(Datum::real(Some(f64::NAN)), Datum::Unknown);
        assert_eq!(Datum::real(Some(f64::MAX)), Datum::Real(f64::MAX));
        assert_eq!(Datum::real(Some(1e18)).bare(), "1000000000000000000");
        assert_eq!(Datum::real(Some(0.0004)), Datum::Real(0.0004));
        assert_eq!(Datum::real(Some(12.000_04)), Datum::Whole(12));
    }
}
