//! The columns of the table of balancers.

use std::time::Duration;

use crate::fleet::role::BalancerRole;
use crate::fleet::summary::{BalancerCause, BalancerFigures, BalancerStatus, BalancerSummary};
use crate::table::cell::{Cell, Role, severity_role};
use crate::table::columns::column::{Align, SortKey};
use crate::table::columns::value::Value;
use crate::units;

/// A balancer, at the time for which it is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BalancerRow<'a> {
    /// The balancer.
    pub(crate) summary: &'a BalancerSummary,
    /// Monotonic time.
    pub(crate) now: Duration,
}

impl<'a> BalancerRow<'a> {
    fn figure<T>(&self, value: impl Fn(&'a BalancerFigures) -> Option<T>) -> Option<T> {
        value(self.summary.figures(self.now)?)
    }

    fn worst_cause(&self) -> Option<&'a BalancerCause> {
        self.summary.causes(self.now)?.first()
    }
}

/// A column of the table of balancers.
#[derive(Debug)]
pub(crate) struct BalancerColumn {
    /// Name in filters and options.
    pub(crate) id: &'static str,
    /// Heading.
    pub(crate) title: &'static str,
    /// Width on the screen.
    pub(crate) width: u16,
    /// Columns of low priority are dropped first on a narrow screen; 0 if the view does not show the column.
    pub(crate) priority: u8,
    /// Side on which the cells are aligned.
    pub(crate) align: Align,
    /// Description.
    pub(crate) help: &'static str,
    cell: fn(&BalancerRow<'_>) -> Cell,
    key: fn(&BalancerRow<'_>) -> SortKey,
}

impl BalancerColumn {
    /// Returns the cell of a balancer.
    pub(crate) fn cell(&self, row: &BalancerRow<'_>) -> Cell {
        (self.cell)(row)
    }

    /// Returns the value by which balancers are sorted and filtered.
    pub(crate) fn sort_key(&self, row: &BalancerRow<'_>) -> SortKey {
        (self.key)(row)
    }

    /// Returns the value for programs.
    pub(crate) fn value(&self, row: &BalancerRow<'_>) -> Value {
        match self.sort_key(row) {
            SortKey::Absent => Value::Unknown,
            SortKey::Number(number) => Value::from_decimal(Some(number)),
            SortKey::Text(text) => Value::Text(text),
        }
    }

    /// Returns whether sorting by this column starts with the largest value.
    pub(crate) fn prefers_descending(&self) -> bool {
        self.align == Align::Right
    }
}

macro_rules! balancer_columns {
    ($($name:ident $id:literal $title:literal $width:literal $priority:literal $align:ident $cell:path, $key:path; $help:literal)*) => {
        $(#[doc = $help] pub(crate) static $name: BalancerColumn = BalancerColumn {
            id: $id, title: $title, width: $width, priority: $priority, align: Align::$align, help: $help,
            cell: $cell, key: $key,
        };)*

        /// All columns, in the order of the view.
        pub(crate) static BALANCER_COLUMNS: &[&BalancerColumn] = &[$(&$name),*];
    };
}

balancer_columns! {
    NAME "name" "BALANCER" 8 100 Left name_cell, name_key; "name of the target, or of HAProxy"
    ROLE "role" "ROLE" 7 90 Left role_cell, role_key; "active or standby"
    SOURCE "source" "BY" 10 25 Left source_cell, source_key; "how the role is known: keepalived, CARP, address or traffic"
    STATUS "status" "STATUS" 10 0 Left status_cell, status_key; "whether it answers: up, late, lost or connecting"
    VERSION "version" "VERSION" 9 40 Left version_cell, version_key; "version of HAProxy"
    UPTIME "uptime" "UP" 5 35 Right uptime_cell, uptime_key; "time since the process started, in seconds"
    CONNECTIONS "conns" "CONNS" 11 80 Right connections_cell, connections_key; "open connections, and their limit"
    LIMIT "maxconn" "LIMIT" 6 0 Right limit_cell, limit_key; "limit of connections"
    CONNECTION_RATE "conn/s" "CONN/S" 6 45 Right connection_rate_cell, connection_rate_key; "connections per second that the frontends accept"
    REQUEST_RATE "req/s" "REQ/S" 5 70 Right request_rate_cell, request_rate_key; "HTTP requests per second"
    SHARE_5XX "5xx" "5XX" 5 65 Right share_5xx_cell, share_5xx_key; "share of 5xx among the responses, in percent"
    RESPONSE "rtime" "RESP" 6 60 Right response_cell, response_key; "mean response time of the last seconds, in milliseconds"
    IDLE "idle" "IDLE" 4 50 Right idle_cell, idle_key; "idle time, in percent"
    AGE "age" "AGE" 4 75 Right age_cell, age_key; "time since the last sample, in seconds"
    POLL "poll" "POLL" 6 20 Right poll_cell, poll_key; "time that the last reply took, in milliseconds"
    BYTES "bytes" "BYTES" 6 0 Right bytes_cell, bytes_key; "size of the last reply"
    DRIFT "drift" "DRIFT" 12 55 Left drift_cell, drift_key; "differences from its peers"
    CAUSE_COUNT "causes" "CAUSES" 6 0 Right cause_count_cell, cause_count_key; "number of causes of problems"
    TROUBLE "trouble" "WHAT IS WRONG" 16 85 Left trouble_cell, trouble_key; "worst cause of problems, or why it does not answer"
}

/// Returns the column with this id, or else with this heading, ignoring case.
pub(crate) fn by_name(name: &str) -> Option<&'static BalancerColumn> {
    let find = |text: fn(&BalancerColumn) -> &'static str| {
        BALANCER_COLUMNS.iter().copied().find(|column| text(column).eq_ignore_ascii_case(name))
    };
    find(|column| column.id).or_else(|| find(|column| column.title))
}

/// Returns the columns of the view.
pub(crate) fn view_columns() -> Vec<&'static BalancerColumn> {
    BALANCER_COLUMNS.iter().copied().filter(|column| column.priority > 0).collect()
}

fn text_key(text: Option<&str>) -> SortKey {
    text.map_or(SortKey::Absent, |text| SortKey::Text(text.to_owned()))
}

fn integer_key(number: Option<i64>) -> SortKey {
    SortKey::number(number.map(|number| number as f64))
}

/// Returns the role of a number: zeros are dimmed.
fn number_role(number: f64) -> Role {
    if number > 0.0 { Role::Normal } else { Role::Dim }
}

fn name_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::plain(row.summary.name.clone())
}

fn name_key(row: &BalancerRow<'_>) -> SortKey {
    text_key(Some(&row.summary.name))
}

fn role_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.summary.role.as_ref(), |finding| match finding.role {
        BalancerRole::Active => Cell::new(finding.role.as_str(), Role::Good),
        BalancerRole::Standby => Cell::new(finding.role.as_str(), Role::Normal),
    })
}

fn role_key(row: &BalancerRow<'_>) -> SortKey {
    text_key(row.summary.role.as_ref().map(|finding| finding.role.as_str()))
}

fn source_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.summary.role.as_ref(), |finding| Cell::new(finding.source.as_str(), Role::Dim))
}

fn source_key(row: &BalancerRow<'_>) -> SortKey {
    text_key(row.summary.role.as_ref().map(|finding| finding.source.as_str()))
}

fn status_cell(row: &BalancerRow<'_>) -> Cell {
    let status = row.summary.status(row.now);
    let role = match status {
        BalancerStatus::Up => Role::Good,
        BalancerStatus::Connecting => Role::Dim,
        BalancerStatus::Late => Role::Warn,
        BalancerStatus::Lost(_) => Role::Bad,
    };
    Cell::new(status.as_str(), role)
}

fn status_key(row: &BalancerRow<'_>) -> SortKey {
    text_key(Some(row.summary.status(row.now).as_str()))
}

fn version<'a>(row: &BalancerRow<'a>) -> Option<&'a str> {
    row.figure(|figures| Some(figures.version.as_str()).filter(|version| !version.is_empty()))
}

fn version_cell(row: &BalancerRow<'_>) -> Cell {
    // Without the number of the package, as in the header.
    Cell::from_option(version(row), |version| Cell::plain(version.split('-').next().unwrap_or_default()))
}

fn version_key(row: &BalancerRow<'_>) -> SortKey {
    text_key(version(row))
}

fn uptime_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.figure(|figures| figures.uptime), |seconds| Cell::plain(units::seconds(seconds)))
}

fn uptime_key(row: &BalancerRow<'_>) -> SortKey {
    integer_key(row.figure(|figures| figures.uptime))
}

fn connections_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.figure(|figures| figures.connections), |connections| {
        let limit = row.figure(|figures| figures.max_connections).filter(|limit| *limit > 0);
        let text = match limit {
            Some(limit) => format!("{}/{}", units::count(connections), units::count(limit)),
            None => units::count(connections),
        };
        let is_full = limit.is_some_and(|limit| connections >= limit);
        Cell::new(text, if is_full { Role::Bad } else { number_role(connections as f64) })
    })
}

fn connections_key(row: &BalancerRow<'_>) -> SortKey {
    integer_key(row.figure(|figures| figures.connections))
}

fn limit_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.figure(|figures| figures.max_connections), |limit| Cell::plain(units::count(limit)))
}

fn limit_key(row: &BalancerRow<'_>) -> SortKey {
    integer_key(row.figure(|figures| figures.max_connections))
}

fn rate_cell(rate: Option<f64>) -> Cell {
    Cell::from_option(rate, |rate| Cell::new(units::rate(rate), number_role(rate)))
}

fn connection_rate_cell(row: &BalancerRow<'_>) -> Cell {
    rate_cell(row.figure(|figures| figures.connection_rate))
}

fn connection_rate_key(row: &BalancerRow<'_>) -> SortKey {
    SortKey::number(row.figure(|figures| figures.connection_rate))
}

fn request_rate_cell(row: &BalancerRow<'_>) -> Cell {
    rate_cell(row.figure(|figures| figures.request_rate))
}

fn request_rate_key(row: &BalancerRow<'_>) -> SortKey {
    SortKey::number(row.figure(|figures| figures.request_rate))
}

fn share_5xx_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.figure(|figures| figures.share_5xx), |share| {
        Cell::new(units::percent(share), if share > 0.0 { Role::Warn } else { Role::Dim })
    })
}

fn share_5xx_key(row: &BalancerRow<'_>) -> SortKey {
    SortKey::number(row.figure(|figures| figures.share_5xx).map(|share| share * 100.0))
}

fn response_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.figure(|figures| figures.response), |millis| {
        Cell::new(units::millis(millis.round() as i64), number_role(millis))
    })
}

fn response_key(row: &BalancerRow<'_>) -> SortKey {
    SortKey::number(row.figure(|figures| figures.response).map(f64::round))
}

fn idle_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.figure(|figures| figures.idle), |percent| Cell::plain(format!("{percent}%")))
}

fn idle_key(row: &BalancerRow<'_>) -> SortKey {
    integer_key(row.figure(|figures| figures.idle))
}

fn age_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.summary.age(row.now), |age| {
        let is_current = row.summary.status(row.now) == BalancerStatus::Up;
        Cell::new(units::duration(age), if is_current { Role::Dim } else { Role::Bad })
    })
}

fn age_key(row: &BalancerRow<'_>) -> SortKey {
    SortKey::number(row.summary.age(row.now).map(|age| age.as_secs_f64()))
}

fn poll_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.summary.cost, |cost| Cell::new(units::reply_time(cost.reply_time), Role::Dim))
}

fn poll_key(row: &BalancerRow<'_>) -> SortKey {
    SortKey::number(row.summary.cost.map(|cost| cost.reply_time.as_secs_f64() * 1000.0))
}

fn bytes_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.summary.cost, |cost| Cell::new(units::bytes(cost.bytes as f64), Role::Dim))
}

fn bytes_key(row: &BalancerRow<'_>) -> SortKey {
    SortKey::number(row.summary.cost.map(|cost| cost.bytes as f64))
}

fn drift_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.summary.drift.as_ref(), |drift| {
        Cell::new(drift.summary(), if drift.count() == 0 { Role::Dim } else { Role::Warn })
    })
}

fn drift_key(row: &BalancerRow<'_>) -> SortKey {
    SortKey::number(row.summary.drift.as_ref().map(|drift| drift.count() as f64))
}

fn cause_count_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.summary.cause_count(row.now), |count| {
        Cell::new(count.to_string(), row.worst_cause().map_or(Role::Dim, |cause| severity_role(cause.severity)))
    })
}

fn cause_count_key(row: &BalancerRow<'_>) -> SortKey {
    SortKey::number(row.summary.cause_count(row.now).map(|count| count as f64))
}

fn trouble_cell(row: &BalancerRow<'_>) -> Cell {
    Cell::from_option(row.summary.trouble(row.now), |text| {
        let role = match (row.summary.status(row.now), row.worst_cause()) {
            (BalancerStatus::Up, Some(cause)) => severity_role(cause.severity),
            (BalancerStatus::Up | BalancerStatus::Connecting, None) => Role::Dim,
            _ => Role::Bad,
        };
        Cell::new(text, role)
    })
}

fn trouble_key(row: &BalancerRow<'_>) -> SortKey {
    text_key(row.summary.trouble(row.now).as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::state::Instance;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    #[test]
    fn cells_show_figures_and_dashes_for_the_unknown() {
        let mut instance = Instance::default();
        let texts = |summary: &BalancerSummary, second: u64| -> Vec<String> {
            let row = BalancerRow { summary, now: Duration::from_secs(second) };
            let columns = ["name", "role", "status", "version", "conns", "req/s", "idle", "age", "drift", "trouble"];
            columns.map(|id| by_name(id).unwrap().cell(&row).text).into()
        };
        let before = texts(&BalancerSummary::new("lb01", &instance), 0);
        assert_eq!(before, ["lb01", "–", "connecting", "–", "–", "–", "–", "–", "–", "–"]);
        instance.add_sample(SampleBuilder::default().build_at_millis(1000, &stat_of_site()), 0);
        let summary = BalancerSummary::new("lb01", &instance);
        assert_eq!(texts(&summary, 3)[..9], ["lb01", "–", "up", "2.6.12", "500/2000", "–", "80%", "2s", "–"]);
        assert_eq!(texts(&summary, 31), ["lb01", "–", "late", "–", "–", "–", "–", "30s", "–", "no reply for 30 s"]);
    }

    #[test]
    fn values_are_numbers_or_unknown() {
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(1000, &stat_of_site()), 0);
        let summary = BalancerSummary::new("lb01", &instance);
        let value = |id: &str, second: u64| {
            by_name(id).unwrap().value(&BalancerRow { summary: &summary, now: Duration::from_secs(second) })
        };
        assert_eq!(value("conns", 1), Value::Integer(500));
        assert_eq!(
            (value("conns", 60), value("5xx", 1), value("role", 1)),
            (Value::Unknown, Value::Unknown, Value::Unknown)
        );
        assert_eq!((value("age", 60), value("status", 60)), (Value::Integer(59), Value::Text("late".to_owned())));
    }

    #[test]
    fn column_ids_are_unique() {
        for (place, column) in BALANCER_COLUMNS.iter().enumerate() {
            assert!(BALANCER_COLUMNS[..place].iter().all(|other| other.id != column.id), "{}", column.id);
        }
        assert_eq!(view_columns().first().map(|column| column.id), Some("name"));
    }
}
