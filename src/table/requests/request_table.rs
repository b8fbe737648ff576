//! The order of the table of groups of requests.

use crate::logs::group_key::GroupKey;
use crate::logs::window::window_question::{GroupRank, ReportSubject};
use crate::logs::window::window_report::{GroupSummary, WindowReport};
use crate::table::columns::column::SortKey;
use crate::table::requests::request_columns::{NAME, RATE, REQUEST_COLUMNS, RequestColumn, RequestRow};

/// Sort column and direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestSort {
    /// Sort column.
    pub(crate) column: &'static RequestColumn,
    /// True if the largest value comes first.
    pub(crate) is_descending: bool,
}

impl Default for RequestSort {
    fn default() -> Self {
        Self { column: &RATE, is_descending: true }
    }
}

impl RequestSort {
    /// Returns the groups that are reported if there are too many.
    pub(crate) fn rank(&self) -> GroupRank {
        self.column.rank
    }

    /// Sorts by the column `by` places after the sort column.
    pub(crate) fn select_next(&mut self, by: i32) {
        let place = REQUEST_COLUMNS.iter().position(|column| column.id == self.column.id).unwrap_or_default();
        let next = (place as i32 + by).rem_euclid(REQUEST_COLUMNS.len() as i32) as usize;
        self.column = REQUEST_COLUMNS[next];
        self.is_descending = self.column.prefers_descending();
    }

    /// Reverses the direction.
    pub(crate) fn reverse(&mut self) {
        self.is_descending = !self.is_descending;
    }
}

/// Returns the groups of a report, sorted; empty if its rows are single requests.
pub(crate) fn rows(report: &WindowReport, sort: RequestSort) -> Vec<RequestRow<'_>> {
    let ReportSubject::Groups(key) = report.subject else { return Vec::new() };
    let mut keyed: Vec<(SortKey, RequestRow<'_>)> = report
        .groups
        .iter()
        .map(|group| row(report, key, group.name.as_str(), &group.summary))
        .map(|row| (sort.column.sort_key(&row), row))
        .collect();
    // Equal ones keep the order of the report: those with most requests first.
    keyed.sort_by(|(one, _), (other, _)| one.compare(other, sort.is_descending));
    keyed.into_iter().map(|(_, row)| row).collect()
}

/// Returns the row of figures of a report.
pub(crate) fn row<'a>(
    report: &'a WindowReport,
    key: GroupKey,
    name: &'a str,
    summary: &'a GroupSummary,
) -> RequestRow<'a> {
    RequestRow { name, key, summary, all: report.all.requests, covered: report.covered }
}

/// Returns whether a column is that of the names.
pub(crate) fn is_name(column: &RequestColumn) -> bool {
    column.id == NAME.id
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::haproxy::safe_text::SafeText;
    use crate::logs::window::window_report::ReportedGroup;

    #[test]
    fn rows_are_sorted_and_unknown_values_come_last() {
        let group = |name: &str, requests, p99| ReportedGroup {
            name: SafeText::from(name),
            summary: GroupSummary { requests, times: [None, None, p99, None, None], ..GroupSummary::default() },
        };
        let report = WindowReport {
            number: 1,
            subject: ReportSubject::Groups(GroupKey::Server),
            covered: Duration::from_mins(1),
            all: GroupSummary::default(),
            groups: vec![group("b/s2", 9, Some(5)), group("b/s10", 5, None), group("b/s1", 3, Some(70))],
            others: (0, GroupSummary::default()),
            tops: Vec::new(),
            requests: Vec::new(),
        };
        let mut sort = RequestSort::default();
        let names = |sort| rows(&report, sort).iter().map(|row| row.name).collect::<Vec<_>>();
        assert_eq!(names(sort), ["b/s2", "b/s10", "b/s1"]);
        sort.select_next(4);
        assert_eq!((sort.column.id, sort.rank()), ("p99", GroupRank::Time));
        assert_eq!(names(sort), ["b/s1", "b/s2", "b/s10"]);
        sort.reverse();
        assert_eq!(names(sort), ["b/s2", "b/s1", "b/s10"]);
        sort.select_next(-5);
        assert_eq!((sort.column.id, names(sort)), ("name", vec!["b/s1", "b/s2", "b/s10"]));
    }
}
