//! The input of a rule: one row of the newest sample, its rates, its backend and the servers of that backend.

use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{RowKind, StatRow};
use crate::haproxy::status::RowState;
use crate::history::interval_times::IntervalTime;
use crate::history::rates::RateWindow;
use crate::observe::row_ids::{BackendRows, RowId};
use crate::observe::sample::Sample;
use crate::problems::backend_stats::{BackendCounts, BackendStats};
use crate::problems::check_history::CheckHistory;
use crate::problems::figures;
use crate::problems::measurement::{Measurement, NotEvaluatedReason};
use crate::units;

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
        RuleInput { sample, previous, rates, check_history, index, id, state, backend, backend_stats, backend_counts }
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

    /// Returns the increase in a counter of the row over the rate window; `None` without two samples.
    pub(crate) fn growth(&self, field: Field) -> Option<f64> {
        self.rates.growth_at(self.index?, field).map(|(grown, _)| grown as f64)
    }

    /// Returns the length of time to which [`Self::growth`] of a counter applies, formatted as `5 s`.
    pub(crate) fn growth_time(&self, field: Field) -> String {
        let grown = self.index.and_then(|index| self.rates.growth_at(index, field));
        units::seconds_words(grown.map_or(0.0, |(_, seconds)| seconds))
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

    /// Returns the number of responses in the rate window; `None` if HAProxy does not count them, as in TCP mode.
    pub(crate) fn responses(&self) -> Option<f64> {
        figures::responses(self.rates, &[self.id])
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

    /// Returns the mean time of the requests of the last seconds, for a field with one of HAProxy's means, such as
    /// `rtime`. Returns `None` for fewer than [`figures::MIN_TIMED_REQUESTS`].
    pub(crate) fn interval_time(&self, field: Field) -> Option<IntervalTime> {
        figures::interval_time(self.rates, self.index?, field)
    }

    /// Measures the mean time of the requests of the last seconds, in milliseconds.
    pub(crate) fn mean(&self, field: Field) -> Measurement {
        self.interval_time(field).map_or(Measurement::Unknown, |time| Measurement::Value(time.millis))
    }

    /// Returns the requests to which [`Self::mean`] applies, formatted as `60 requests in 2 s`; `sessions` for TCP.
    pub(crate) fn mean_requests(&self, field: Field) -> String {
        let (requests, span) = self.interval_time(field).map_or((0, Duration::ZERO), |time| (time.requests, time.span));
        let noun = if self.is_tcp() { "session" } else { "request" };
        format!("{} in {}", units::pluralize(i64::from(requests), noun), units::seconds_words(span.as_secs_f64()))
    }
}

/// Measures `value` as a share of `limit`. Fine if the limit is absent or 0; unknown if only the value is absent.
pub(crate) fn measure_usage(value: Option<f64>, limit: Option<f64>) -> Measurement {
    match (value, limit.filter(|limit| *limit > 0.0)) {
        (_, None) => Measurement::Fine,
        (None, _) => Measurement::Unknown,
        (Some(value), Some(limit)) => Measurement::Value(value / limit),
    }
}

/// Measures `part` as a share of `whole`, both counted in the rate window.
///
/// The share is 0 if `part` is 0. Otherwise it is not evaluated if `whole` is less than `min_whole`, unless `part` is at least
/// half of it, and not a single event.
pub(crate) fn measure_share(part: Option<f64>, whole: impl FnOnce() -> Option<f64>, min_whole: f64) -> Measurement {
    match part {
        None => Measurement::Unknown,
        Some(part) if part <= 0.0 => Measurement::Value(0.0),
        Some(part) => match whole() {
            Some(whole) if whole > 0.0 && (whole >= min_whole || figures::is_mostly(part, whole)) => {
                Measurement::Value((part / whole).min(1.0))
            }
            Some(_) => Measurement::NotEvaluated(NotEvaluatedReason::TooFewRequests),
            None => Measurement::Unknown,
        },
    }
}
