//! The input of a rule: one row of the newest sample, its rates, its backend and the servers of that backend.

use crate::haproxy::fields::{Field, InfoField, TextField};
use crate::haproxy::stat_table::StatRow;
use crate::haproxy::status::RowState;
use crate::history::rates::RateWindow;
use crate::observe::row_ids::{BackendRows, RowId};
use crate::observe::sample::Sample;
use crate::problems::backend_stats::{BackendCounts, BackendStats};
use crate::problems::check_history::CheckHistory;
use crate::problems::figures;
use crate::problems::measurement::Measurement;
use crate::units;

/// One row, or the process, with everything that rules compare it with.
#[derive(Debug, Clone, Copy)]
pub struct RuleInput<'a> {
    /// The newest sample.
    pub sample: &'a Sample,
    /// The previous sample, if it is of the same epoch.
    pub previous: Option<&'a Sample>,
    /// Rates of the last seconds.
    pub rates: &'a RateWindow,
    /// Failed health checks of the last minutes.
    pub check_history: &'a CheckHistory,
    /// Index of the row in the sample; absent for the process.
    pub index: Option<usize>,
    /// ID of the row; [`RowId::PROCESS`] for the process.
    pub id: RowId,
    /// State parsed from the row's status; [`State::Unknown`] for the process.
    pub state: RowState,
    /// The backend itself, or the backend of the server; absent for frontends and the process.
    pub backend: Option<&'a BackendRows>,
    /// Totals over the servers of that backend; empty if there is no backend.
    pub backend_stats: &'a BackendStats,
    /// Counts of all backends. Complete only for frontends and the process, which are evaluated last.
    pub backend_counts: BackendCounts,
}

/// The part of the input that is the same for all rows of one sample.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// The newest sample.
    pub sample: &'a Sample,
    /// The previous sample, if it is of the same epoch.
    pub previous: Option<&'a Sample>,
    /// Rates of the last seconds.
    pub rates: &'a RateWindow,
    /// Failed health checks of the last minutes.
    pub check_history: &'a CheckHistory,
}

impl<'a> Snapshot<'a> {
    /// Builds the input for the process.
    pub fn process_input(self, backend_stats: &'a BackendStats, backend_counts: BackendCounts) -> RuleInput<'a> {
        let Self { sample, previous, rates, check_history } = self;
        let (index, id, state, backend) = (None, RowId::PROCESS, RowState::Unknown, None);
        RuleInput { sample, previous, rates, check_history, index, id, state, backend, backend_stats, backend_counts }
    }

    /// Builds the input for a backend.
    pub fn backend_input(self, backend: &'a BackendRows, backend_stats: &'a BackendStats) -> RuleInput<'a> {
        RuleInput { backend: Some(backend), ..self.process_input(backend_stats, BackendCounts::default()) }
            .for_row(backend.row)
    }
}

impl<'a> RuleInput<'a> {
    /// Returns the same input for another row.
    #[must_use]
    pub fn for_row(&self, index: usize) -> Self {
        let state = self.sample.table.rows()[index].state();
        Self { index: Some(index), id: self.sample.rows.ids()[index], state, ..*self }
    }

    /// Returns the row with its names and texts; `None` for the process.
    pub fn row(&self) -> Option<&'a StatRow> {
        self.sample.table.rows().get(self.index?)
    }

    /// Returns whether the server is in maintenance or drain.
    pub fn is_out_of_service(&self) -> bool {
        self.state.is_out_of_service()
    }

    /// Returns a text field of the row; empty if HAProxy left it empty.
    pub fn text(&self, field: TextField) -> &'a str {
        self.row().and_then(|row| row.text(field)).map_or("", |text| text.as_str())
    }

    /// Returns a number of the row; `None` if HAProxy left it empty.
    pub fn number(&self, field: Field) -> Option<f64> {
        self.sample.table.number(self.index?, field).map(|number| number as f64)
    }

    /// Returns the increase of a counter of the row over the rate window; `None` without two samples.
    pub fn growth(&self, field: Field) -> Option<f64> {
        self.rates.growth_at(self.index?, field).map(|(grown, _)| grown as f64)
    }

    /// Returns the time over which [`Self::growth`] measures a counter, as text: `5 s`.
    pub fn growth_time(&self, field: Field) -> String {
        let grown = self.index.and_then(|index| self.rates.growth_at(index, field));
        units::seconds_words(grown.map_or(0.0, |(_, seconds)| seconds))
    }

    /// Returns the increase of a counter of the row per second.
    pub fn rate(&self, field: Field) -> Option<f64> {
        self.rates.growth_at(self.index?, field).map(|(grown, seconds)| grown as f64 / seconds)
    }

    /// Returns a number of `show info`.
    pub fn process_number(&self, field: InfoField) -> Option<f64> {
        self.sample.process_number(field).map(|number| number as f64)
    }

    /// Returns the increase of a counter of `show info` over the rate window.
    pub fn process_growth(&self, field: InfoField) -> Option<f64> {
        self.rates.process_growth(field).map(|(grown, _)| grown as f64)
    }

    /// Returns the number of responses in the rate window; `None` where HAProxy does not count them, as for TCP.
    pub fn responses(&self) -> Option<f64> {
        figures::responses(self.rates, &[self.id])
    }

    /// Returns whether the row is in TCP mode; it then has no requests, responses or response time.
    pub fn is_tcp(&self) -> bool {
        self.text(TextField::Mode) == "tcp"
    }

    /// Returns the number of requests in the rate window, or of sessions where HAProxy does not count requests.
    pub fn served(&self) -> Option<f64> {
        self.growth(Field::traffic_counter(self.is_tcp(), self.number(Field::ReqTot).is_some()))
    }

    /// Returns whether nothing was served in the rate window. Averages such as `rtime` are then outdated.
    pub fn is_idle(&self) -> Option<bool> {
        self.served().map(|served| served <= 0.0)
    }

    /// Measures an average over the last 1,024 requests, in milliseconds.
    ///
    /// Unknown while nothing is served, because HAProxy then keeps the last average.
    pub fn mean(&self, field: Field) -> Measurement {
        match (self.number(field), self.is_idle()) {
            (Some(value), Some(false)) => Measurement::Value(value),
            _ => Measurement::Unknown,
        }
    }
}

/// Measures the used share of a limit. Without a limit, or with a limit of 0, this is fine.
pub fn measure_usage(value: Option<f64>, limit: Option<f64>) -> Measurement {
    match (value, limit.filter(|limit| *limit > 0.0)) {
        (_, None) => Measurement::Fine,
        (None, _) => Measurement::Unknown,
        (Some(value), Some(limit)) => Measurement::Value(value / limit),
    }
}

/// Measures `part` as a share of `whole`, both counted in the rate window.
///
/// Unknown if `whole` is below `min_whole`; but if `part` is 0, the share is 0.
pub fn measure_share(part: Option<f64>, whole: impl FnOnce() -> Option<f64>, min_whole: f64) -> Measurement {
    match part {
        None => Measurement::Unknown,
        Some(part) if part <= 0.0 => Measurement::Value(0.0),
        Some(part) => match whole() {
            Some(whole) if whole >= min_whole && whole > 0.0 => Measurement::Value((part / whole).min(1.0)),
            _ => Measurement::Unknown,
        },
    }
}
