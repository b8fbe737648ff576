//! The input of a rule: one row of the newest sample, its rates, its backend and the servers of that backend.

use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{RowKind, StatRow};
use crate::haproxy::status::RowState;
use crate::history::interval_search::IntervalTime;
use crate::history::quiet_rows::EarlierCounts;
use crate::history::rates::RateWindow;
use crate::observe::row_ids::{BackendRows, RowId};
use crate::observe::sample::Sample;
use crate::problems::backend_stats::{BackendCounts, BackendStats};
use crate::problems::check_history::CheckHistory;
use crate::problems::figures;
use crate::problems::measurement::{Measurement, NotEvaluatedReason};
use crate::units;

/// Words before a value that is only a lower limit.
pub(crate) const AT_LEAST: &str = "at least ";

/// One row, or the process, with the other data that rules need.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RuleInput<'a> {
    /// The newest sample.
    pub(crate) sample: &'a Sample,
    /// The previous sample, if it belongs to the same epoch.
    pub(crate) previous: Option<&'a Sample>,
    /// Increases in counters over the rate window.
    pub(crate) rates: &'a RateWindow,
    /// Failed health checks of the last 5 minutes.
    pub(crate) check_history: &'a CheckHistory,
    /// Index of the row in the sample; `None` for the process.
    pub(crate) index: Option<usize>,
    /// ID of the row; [`RowId::PROCESS`] for the process.
    pub(crate) id: RowId,
    /// State parsed from the row's status; [`RowState::Unknown`] for the process.
    pub(crate) state: RowState,
    /// The backend itself, or the backend of the server; `None` for frontends and the process.
    pub(crate) backend: Option<&'a BackendRows>,
    /// Totals over the servers of `backend`; all 0 for frontends and the process.
    pub(crate) backend_stats: &'a BackendStats,
    /// Counts of all backends. Complete only for frontends and the process, which are evaluated last.
    pub(crate) backend_counts: BackendCounts,
    /// The time over which counters of rows with few requests grow.
    pub(crate) count_time: CountTime,
}

/// The time over which counters grow, if it is longer than the rate window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountTime {
    /// That of a backend with few requests, and of its servers.
    Backend,
    /// That of a server with few requests, with which those of its backend cannot be compared.
    Server,
    /// That of all servers of a backend with few failures.
    Comparison,
}

/// The part of the input that is the same for all rows of one sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Snapshot<'a> {
    /// The newest sample.
    pub(crate) sample: &'a Sample,
    /// The previous sample, if it belongs to the same epoch.
    pub(crate) previous: Option<&'a Sample>,
    /// Increases in counters over the rate window.
    pub(crate) rates: &'a RateWindow,
    /// Failed health checks of the last 5 minutes.
    pub(crate) check_history: &'a CheckHistory,
}

impl<'a> Snapshot<'a> {
    /// Builds the input for the process.
    pub(crate) fn process_input(self, backend_stats: &'a BackendStats, backend_counts: BackendCounts) -> RuleInput<'a> {
        let Self { sample, previous, rates, check_history } = self;
        let (index, id, state, backend) = (None, RowId::PROCESS, RowState::Unknown, None);
        RuleInput {
            sample,
            previous,
            rates,
            check_history,
            index,
            id,
            state,
            backend,
            backend_stats,
            backend_counts,
            count_time: CountTime::Backend,
        }
    }

    /// Builds the input for a backend.
    pub(crate) fn backend_input(self, backend: &'a BackendRows, backend_stats: &'a BackendStats) -> RuleInput<'a> {
        RuleInput { backend: Some(backend), ..self.process_input(backend_stats, BackendCounts::default()) }
            .for_row(backend.row)
    }
}

impl<'a> RuleInput<'a> {
    /// Returns the input for another row, given by its index; `backend` and the totals stay the same.
    #[must_use]
    pub(crate) fn for_row(&self, index: usize) -> Self {
        let state = self.sample.table.rows()[index].state();
        Self { index: Some(index), id: self.sample.rows.ids()[index], state, ..*self }
    }

    /// Returns the input for the same row with another time over which counters grow.
    #[must_use]
    pub(crate) fn over(&self, count_time: CountTime) -> Self {
        Self { count_time, ..*self }
    }

    /// Returns the counters of the row at an earlier sample if it has few requests and some of them failed; otherwise the rate
    /// window applies.
    pub(crate) fn earlier_counts(&self) -> Option<&'a EarlierCounts> {
        let rows = self.rates.quiet_rows();
        match self.count_time {
            CountTime::Backend => rows.within_backend(self.id),
            CountTime::Server => rows.of_server(self.id),
            CountTime::Comparison => rows.for_comparison(self.id),
        }
    }

    /// Returns the row's names and text fields; `None` for the process.
    pub(crate) fn row(&self) -> Option<&'a StatRow> {
        self.sample.table.rows().get(self.index?)
    }

    /// Returns the kind of the row, the name of the proxy and the name of the row; `None` for the process.
    pub(crate) fn names(&self) -> Option<(RowKind, &'a SafeText, &'a SafeText)> {
        self.row().map(|row| (row.kind, &row.proxy, &row.name))
    }

    /// Returns whether the row is in maintenance or drain, or went down during a drain not long ago.
    pub(crate) fn is_out_of_service(&self) -> bool {
        self.state.is_out_of_service() || self.is_down_in_drain()
    }

    /// Returns whether the server went down during a drain not long ago, for example because its application is being
    /// restarted.
    pub(crate) fn is_down_in_drain(&self) -> bool {
        self.check_history.starts().is_down_in_drain(self.id, self.sample.at.monotonic)
    }

    /// Returns whether the row is a backup server that gets no traffic, because an active server of its backend is
    /// usable.
    pub(crate) fn is_idle_backup(&self) -> bool {
        self.backend_stats.has_active && self.number(Field::Bck).is_some_and(|backup| backup > 0.0)
    }

    /// Returns a text field of the row; empty if HAProxy left it empty.
    pub(crate) fn text(&self, field: TextField) -> &'a str {
        self.row().and_then(|row| row.text(field)).map_or("", |text| text.as_str())
    }

    /// Returns a number of the row; `None` if HAProxy left it empty, and for the process.
    pub(crate) fn number(&self, field: Field) -> Option<f64> {
        self.sample.table.number(self.index?, field).map(|number| number as f64)
    }

    /// Returns the increase in a counter of the row over the rate window, or over a longer time if the row has few requests;
    /// `None` without two samples.
    pub(crate) fn growth(&self, field: Field) -> Option<f64> {
        self.growth_and_time(field).map(|(grown, _)| grown as f64)
    }

    /// Returns the length of time to which [`Self::growth`] of a counter applies, formatted as `5 s`.
    pub(crate) fn growth_time(&self, field: Field) -> String {
        units::seconds_words(self.growth_and_time(field).map_or(0.0, |(_, seconds)| seconds))
    }

    fn growth_and_time(&self, field: Field) -> Option<(i64, f64)> {
        let index = self.index?;
        let grown = |earlier: &EarlierCounts| {
            let grown = earlier.growth(field, self.sample.table.number(index, field))?;
            Some((grown, earlier.span.as_secs_f64()))
        };
        self.earlier_counts().and_then(grown).or_else(|| self.rates.growth_at(index, field))
    }

    /// Returns the rate window as a share of the time to which [`Self::growth`] applies: 1 unless the row has few requests.
    pub(crate) fn window_share(&self) -> f64 {
        let share = |earlier: &EarlierCounts| Some(self.rates.span()?.as_secs_f64() / earlier.span.as_secs_f64());
        self.earlier_counts().and_then(share).filter(|share| share.is_finite()).unwrap_or(1.0)
    }

    /// Returns the increase per second in a counter of the row over the rate window; `None` without two samples.
    pub(crate) fn rate(&self, field: Field) -> Option<f64> {
        self.rates.growth_at(self.index?, field).map(|(grown, seconds)| grown as f64 / seconds)
    }

    /// Returns a number of `show info`.
    pub(crate) fn process_number(&self, field: InfoField) -> Option<f64> {
        self.sample.process_number(field).map(|number| number as f64)
    }

    /// Returns the increase in a counter of `show info` over the rate window; `None` without two samples.
    pub(crate) fn process_growth(&self, field: InfoField) -> Option<f64> {
        self.rates.process_growth(field).map(|(grown, _)| grown as f64)
    }

    /// Returns the number of responses in the same time as [`Self::growth`]; `None` if HAProxy does not count them, as in TCP
    /// mode.
    pub(crate) fn responses(&self) -> Option<f64> {
        Field::RESPONSES.into_iter().filter_map(|class| self.growth(class)).reduce(|sum, one| sum + one)
    }

    /// Returns whether the row is a server.
    pub(crate) fn is_server(&self) -> bool {
        self.row().is_some_and(|row| row.kind == RowKind::Server)
    }

    /// Returns whether the row is in TCP mode; it then has no requests, responses or response time.
    pub(crate) fn is_tcp(&self) -> bool {
        self.text(TextField::Mode) == "tcp"
    }

    /// Returns the number of requests in the rate window, or the number of sessions if HAProxy does not count requests.
    pub(crate) fn served(&self) -> Option<f64> {
        self.growth(Field::traffic_counter(self.is_tcp(), self.number(Field::ReqTot).is_some()))
    }

    /// Measures `part` as a share of `whole`, both counted in the same time as [`Self::growth`].
    ///
    /// The share is 0 if `part` is 0. Otherwise it is not evaluated if `whole` is less than `min_whole`, unless `part` is at
    /// least half of it, and not a single event; of the requests of a longer time, a single event does not count either.
    pub(crate) fn share(&self, part: Option<f64>, whole: impl FnOnce() -> Option<f64>, min_whole: f64) -> Measurement {
        let min_part = if self.earlier_counts().is_some() { figures::MIN_FAILURES } else { 0.0 };
        match part {
            None => Measurement::Unknown,
            Some(part) if part <= 0.0 => Measurement::Value(0.0),
            Some(part) => match whole() {
                Some(whole)
                    if whole > 0.0 && (whole >= min_whole && part >= min_part || figures::is_mostly(part, whole)) =>
                {
                    Measurement::Value((part / whole).min(1.0))
                }
                Some(_) => Measurement::NotEvaluated(NotEvaluatedReason::TooFewRequests),
                None => Measurement::Unknown,
            },
        }
    }

    /// Returns the mean time of the requests of the last seconds, for a field with one of HAProxy's means, such as
    /// `rtime`, known at least roughly. Returns `None` for too few requests.
    pub(crate) fn interval_time(&self, field: Field) -> Option<IntervalTime> {
        figures::interval_time(self.rates, self.index?, field)
    }

    /// Measures the mean time of the requests of the last seconds, in milliseconds: the least that it can be.
    pub(crate) fn mean(&self, field: Field) -> Measurement {
        self.interval_time(field).map_or(Measurement::Unknown, |time| Measurement::Value(time.at_least()))
    }

    /// Returns the words about a row that does not respond at all: `no response for 6 s, 120 requests in progress`; `None` if
    /// it responds.
    pub(crate) fn no_response_words(&self) -> Option<String> {
        self.interval_time(Field::Rtime).filter(|time| time.is_unanswered).map(|time| no_response(&time))
    }

    /// Formats a value of [`Self::mean`]: `1.20 s`, or `at least 1.20 s` if the mean is known only roughly.
    pub(crate) fn mean_words(&self, field: Field, value: f64) -> String {
        let is_rough = self.interval_time(field).is_some_and(|time| time.is_rough());
        format!("{}{}", if is_rough { AT_LEAST } else { "" }, units::millis_words(value))
    }

    /// Returns the requests to which [`Self::mean`] applies, formatted as `60 requests in 2 s`; `sessions` for TCP.
    pub(crate) fn mean_requests(&self, field: Field) -> String {
        let (requests, span) = self.interval_time(field).map_or((0, Duration::ZERO), |time| (time.requests, time.span));
        let noun = if self.is_tcp() { "session" } else { "request" };
        format!("{} in {}", units::pluralize(i64::from(requests), noun), units::seconds_words(span.as_secs_f64()))
    }
}

/// Describes a time without responses: `no response for 6 s, 120 requests in progress`.
pub(crate) fn no_response(time: &IntervalTime) -> String {
    let requests = units::pluralize(i64::from(time.requests), "request");
    format!("no response for {}, {requests} in progress", units::seconds_words(time.span.as_secs_f64()))
}

/// Measures `value` as a share of `limit`. Fine if the limit is absent or 0; unknown if only the value is absent.
pub(crate) fn measure_usage(value: Option<f64>, limit: Option<f64>) -> Measurement {
    match (value, limit.filter(|limit| *limit > 0.0)) {
        (_, None) => Measurement::Fine,
        (None, _) => Measurement::Unknown,
        (Some(value), Some(limit)) => Measurement::Value(value / limit),
    }
}
