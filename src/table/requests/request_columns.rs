//! The columns of the table of groups of requests.

use std::time::Duration;

use crate::logs::group_key::GroupKey;
use crate::logs::termination;
use crate::logs::window::window_question::GroupRank;
use crate::logs::window::window_report::GroupSummary;
use crate::table::cell::{Cell, Role};
use crate::table::columns::column::{Align, SortKey};
use crate::units;

/// A group of requests among others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestRow<'a> {
    /// The property that its requests have in common.
    pub(crate) name: &'a str,
    /// The kind of property.
    pub(crate) key: GroupKey,
    /// Figures.
    pub(crate) summary: &'a GroupSummary,
    /// Number of requests of all groups.
    pub(crate) all: u64,
    /// Span of time in which they ended.
    pub(crate) covered: Duration,
}

impl RequestRow<'_> {
    /// Returns a number of requests per second; `None` if the span is too short to tell.
    fn per_second(&self, count: u64) -> Option<f64> {
        (self.covered >= Duration::from_secs(1)).then(|| count as f64 / self.covered.as_secs_f64())
    }

    /// Returns the share of requests with some property; `None` without requests.
    fn share(&self, count: u64) -> Option<f64> {
        (self.summary.requests > 0).then(|| count as f64 / self.summary.requests as f64)
    }
}

/// A column of the table.
#[derive(Debug)]
pub(crate) struct RequestColumn {
    /// Name.
    pub(crate) id: &'static str,
    /// Heading.
    pub(crate) title: &'static str,
    /// Width on the screen.
    pub(crate) width: u16,
    /// Columns of low priority are dropped first on a narrow screen.
    pub(crate) priority: u8,
    /// Side on which the cells are aligned.
    pub(crate) align: Align,
    /// Description.
    pub(crate) help: &'static str,
    /// The groups that are reported if the table is sorted by the column and there are too many.
    pub(crate) rank: GroupRank,
    cell: fn(&RequestRow<'_>) -> Cell,
    key: fn(&RequestRow<'_>) -> SortKey,
}

impl RequestColumn {
    /// Returns the cell of a group.
    pub(crate) fn cell(&self, row: &RequestRow<'_>) -> Cell {
        (self.cell)(row)
    }

    /// Returns the value by which groups are sorted.
    pub(crate) fn sort_key(&self, row: &RequestRow<'_>) -> SortKey {
        (self.key)(row)
    }

    /// Returns whether sorting by this column starts with the largest value.
    pub(crate) fn prefers_descending(&self) -> bool {
        self.id != NAME.id
    }
}

macro_rules! request_columns {
    ($($name:ident $id:literal $title:literal $width:literal $priority:literal $align:ident $rank:ident $cell:path, $key:path; $help:literal)*) => {
        $(#[doc = $help] pub(crate) static $name: RequestColumn = RequestColumn {
            id: $id, title: $title, width: $width, priority: $priority, align: Align::$align, help: $help,
            rank: GroupRank::$rank, cell: $cell, key: $key,
        };)*

        /// All columns, in the order of the view.
        pub(crate) static REQUEST_COLUMNS: &[&RequestColumn] = &[$(&$name),*];
    };
}

request_columns! {
    NAME "name" "NAME" 12 100 Left Requests name_cell, name_key; "server, client, URL or other property of the requests"
    RATE "req/s" "REQ/S" 5 90 Right Requests rate_cell, count_key; "requests per second"
    SHARE "share" "SHARE" 5 60 Right Requests share_cell, count_key; "share of all requests that match the filter"
    P50 "p50" "P50" 5 70 Right Time p50_cell, p50_key; "time that half of the requests do not exceed"
    P90 "p90" "P90" 5 50 Right Time p90_cell, p90_key; "time that 90 % of the requests do not exceed"
    P99 "p99" "P99" 5 85 Right Time p99_cell, p99_key; "time that 99 % of the requests do not exceed"
    P999 "p99.9" "P99.9" 5 45 Right Time p999_cell, p999_key; "time that 99.9 % of the requests do not exceed"
    LONGEST "max" "MAX" 5 55 Right Time longest_cell, longest_key; "longest time"
    CLIENT_ERRORS "4xx" "4XX" 5 40 Right Requests client_errors_cell, client_errors_key; "share of responses with a status of 400 to 499"
    APPLICATION_ERRORS "5xx-app" "5XX APP" 7 75 Right Failures application_errors_cell, application_errors_key; "share of 5xx responses that a server made"
    OWN_ERRORS "5xx-haproxy" "HAPROXY" 7 74 Right Failures own_errors_cell, own_errors_key; "share of 5xx responses that HAProxy made itself"
    BYTES "bytes/s" "BYTES/S" 7 20 Right Requests bytes_cell, bytes_key; "bytes per second sent to clients"
    ENDINGS "ended" "ENDED BADLY" 18 80 Left Failures endings_cell, endings_key; "termination flags of requests that did not end regularly, per minute"
}

fn name_cell(row: &RequestRow<'_>) -> Cell {
    let is_bad = row.key == GroupKey::Flags && termination::is_bad(row.name.as_bytes());
    Cell::new(row.name, if is_bad { Role::Warn } else { Role::Normal })
}

fn name_key(row: &RequestRow<'_>) -> SortKey {
    SortKey::Text(row.name.to_owned())
}

fn rate_cell(row: &RequestRow<'_>) -> Cell {
    Cell::from_option(row.per_second(row.summary.requests), |rate| {
        // A group that has requests never has none per second.
        Cell::plain(if rate < 0.05 { "<0.1".to_owned() } else { units::rate(rate) })
    })
}

fn count_key(row: &RequestRow<'_>) -> SortKey {
    SortKey::Number(row.summary.requests as f64)
}

fn share_cell(row: &RequestRow<'_>) -> Cell {
    Cell::plain(units::percent(row.summary.requests as f64 / row.all.max(1) as f64))
}

fn time_cell(row: &RequestRow<'_>, place: usize) -> Cell {
    Cell::from_option(row.summary.times[place], |millis| Cell::plain(units::millis(i64::from(millis))))
}

fn time_key(row: &RequestRow<'_>, place: usize) -> SortKey {
    SortKey::number(row.summary.times[place].map(f64::from))
}

fn p50_cell(row: &RequestRow<'_>) -> Cell {
    time_cell(row, 0)
}

fn p50_key(row: &RequestRow<'_>) -> SortKey {
    time_key(row, 0)
}

fn p90_cell(row: &RequestRow<'_>) -> Cell {
    time_cell(row, 1)
}

fn p90_key(row: &RequestRow<'_>) -> SortKey {
    time_key(row, 1)
}

fn p99_cell(row: &RequestRow<'_>) -> Cell {
    time_cell(row, 2)
}

fn p99_key(row: &RequestRow<'_>) -> SortKey {
    time_key(row, 2)
}

fn p999_cell(row: &RequestRow<'_>) -> Cell {
    time_cell(row, 3)
}

fn p999_key(row: &RequestRow<'_>) -> SortKey {
    time_key(row, 3)
}

fn longest_cell(row: &RequestRow<'_>) -> Cell {
    time_cell(row, 4)
}

fn longest_key(row: &RequestRow<'_>) -> SortKey {
    time_key(row, 4)
}

fn error_cell(share: Option<f64>, role: Role) -> Cell {
    Cell::from_option(share, |share| Cell::new(units::percent(share), if share > 0.0 { role } else { Role::Dim }))
}

fn client_errors_cell(row: &RequestRow<'_>) -> Cell {
    error_cell(row.share(row.summary.statuses[4]), Role::Normal)
}

fn client_errors_key(row: &RequestRow<'_>) -> SortKey {
    SortKey::number(row.share(row.summary.statuses[4]))
}

/// Returns the share of 5xx responses that a server made; `None` if the log does not say who made some of them.
pub(crate) fn application_errors(row: &RequestRow<'_>) -> Option<f64> {
    let summary = row.summary;
    row.share(summary.statuses[5] - summary.own_errors).filter(|_| summary.unclear_errors == 0)
}

/// Returns the share of 5xx responses that HAProxy made; `None` if the log does not say who made some of them.
pub(crate) fn own_errors(row: &RequestRow<'_>) -> Option<f64> {
    row.share(row.summary.own_errors).filter(|_| row.summary.unclear_errors == 0)
}

fn application_errors_cell(row: &RequestRow<'_>) -> Cell {
    error_cell(application_errors(row), Role::Bad)
}

fn application_errors_key(row: &RequestRow<'_>) -> SortKey {
    SortKey::number(application_errors(row))
}

fn own_errors_cell(row: &RequestRow<'_>) -> Cell {
    error_cell(own_errors(row), Role::Bad)
}

fn own_errors_key(row: &RequestRow<'_>) -> SortKey {
    SortKey::number(own_errors(row))
}

fn bytes_cell(row: &RequestRow<'_>) -> Cell {
    Cell::from_option(row.per_second(row.summary.bytes), |bytes| Cell::plain(units::bytes(bytes)))
}

fn bytes_key(row: &RequestRow<'_>) -> SortKey {
    SortKey::Number(row.summary.bytes as f64)
}

/// Returns a number of requests per minute in words: `41/min`; of less than a minute, the number itself: `20x`.
pub(crate) fn per_minute(row: &RequestRow<'_>, count: u64) -> String {
    match row.per_second(count) {
        Some(rate) if row.covered >= Duration::from_mins(1) && rate * 60.0 >= 0.95 => {
            format!("{}/min", units::rate(rate * 60.0))
        }
        _ => format!("{}x", units::count(count as i64)),
    }
}

/// Returns how requests ended that did not end regularly: the most frequent flags in words, and the number of others.
pub(crate) fn endings_text(row: &RequestRow<'_>) -> Option<String> {
    let (flags, count) = row.summary.endings.first()?;
    let words = termination::words(flags.as_str().as_bytes()).map(|words| format!(" {words}")).unwrap_or_default();
    let others: u64 = row.summary.endings.iter().skip(1).map(|(_, count)| count).sum();
    let more = if others > 0 { format!(", others {}", per_minute(row, others)) } else { String::new() };
    Some(format!("{flags} {}{words}{more}", per_minute(row, *count)))
}

fn endings_cell(row: &RequestRow<'_>) -> Cell {
    if row.key == GroupKey::Flags {
        let flags = row.name.as_bytes();
        let Some(words) = termination::words(flags) else { return Cell::unknown() };
        let cause = termination::likely_cause(flags).map(|cause| format!(": {cause}")).unwrap_or_default();
        let role = if termination::is_bad(flags) { Role::Warn } else { Role::Dim };
        return Cell::new(format!("{words}{cause}"), role);
    }
    endings_text(row).map_or_else(|| Cell::new("", Role::Dim), |text| Cell::new(text, Role::Warn))
}

fn endings_key(row: &RequestRow<'_>) -> SortKey {
    SortKey::Number(row.summary.endings.iter().map(|(_, count)| *count).sum::<u64>() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::safe_text::SafeText;

    #[test]
    fn cells_show_rates_shares_and_endings() {
        let summary = GroupSummary {
            requests: 200,
            statuses: [0, 0, 150, 0, 20, 30],
            own_errors: 10,
            unclear_errors: 0,
            bytes: 60_000,
            times: [Some(9), Some(31), Some(1210), Some(1440), Some(2000)],
            endings: vec![(SafeText::from("sH"), 41), (SafeText::from("CD"), 2)],
        };
        let texts = |key, name, summary: &GroupSummary, seconds| -> Vec<String> {
            let covered = Duration::from_secs(seconds);
            let row = RequestRow { name, key, summary, all: 800, covered };
            REQUEST_COLUMNS.iter().map(|column| column.cell(&row).text).collect()
        };
        assert_eq!(
            texts(GroupKey::Server, "app/s1", &summary, 60),
            [
                "app/s1",
                "3.3",
                "25%",
                "9ms",
                "31ms",
                "1.21s",
                "1.44s",
                "2.00s",
                "10%",
                "10%",
                "5.0%",
                "1.00k",
                "sH 41/min server too slow, others 2.0/min"
            ]
        );
        let unclear = GroupSummary { unclear_errors: 1, ..summary };
        let flags = texts(GroupKey::Flags, "sH", &unclear, 0);
        assert_eq!((&flags[1], &flags[9], &flags[10]), (&"–".to_owned(), &"–".to_owned(), &"–".to_owned()));
        assert_eq!(flags[12], "server too slow: the application did not answer within timeout server");
    }

    #[test]
    fn column_ids_are_unique() {
        for (place, column) in REQUEST_COLUMNS.iter().enumerate() {
            assert!(REQUEST_COLUMNS[..place].iter().all(|other| other.id != column.id), "{}", column.id);
        }
    }
}
