//! Rates and times of rows that several windows have together, such as those of a server on several balancers.
//!
//! A rate is the sum of the rates, and unknown while one of them is. A time is the mean of the times, weighted by the requests
//! per second.

use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::history::interval_search::IntervalTime;
use crate::history::rates::{RateWindow, RowRates};
use crate::observe::row_ids::RowId;

/// Rates of rows that several windows have together.
#[derive(Debug, Clone)]
pub(crate) struct MergedRates {
    windows: Vec<RateWindow>,
    /// For each row, the windows that have it, with its id there.
    rows: Vec<Vec<(usize, RowId)>>,
}

impl MergedRates {
    /// Creates the rates of `rows`: for each one, the windows that have it, with its id there.
    pub(crate) fn new(windows: Vec<RateWindow>, rows: Vec<Vec<(usize, RowId)>>) -> Self {
        Self { windows, rows }
    }

    fn parts(&self, index: usize) -> impl Iterator<Item = (&RateWindow, RowId)> {
        self.rows.get(index).into_iter().flatten().filter_map(|(window, id)| Some((self.windows.get(*window)?, *id)))
    }
}

impl RowRates for MergedRates {
    fn growth(&self, index: usize, field: Field) -> Option<(i64, f64)> {
        let grown: Option<Vec<(i64, f64)>> = self.parts(index).map(|(window, id)| window.growth(id, field)).collect();
        let grown = grown.filter(|grown| !grown.is_empty())?;
        let total = grown.iter().fold(0_i64, |sum, (growth, _)| sum.saturating_add(*growth));
        let rate: f64 = grown.iter().map(|(growth, seconds)| *growth as f64 / seconds).sum();
        let mean_seconds = grown.iter().map(|(_, seconds)| seconds).sum::<f64>() / grown.len() as f64;
        Some((total, if rate > 0.0 { total as f64 / rate } else { mean_seconds }))
    }

    fn time(&self, index: usize, field: Field, is_rough_enough: bool) -> Option<IntervalTime> {
        let time = |(window, id): (&RateWindow, RowId)| {
            let row = window.newest()?.rows.index_of(id)?;
            if is_rough_enough { window.rough_time(row, field) } else { window.interval_time(row, field) }
        };
        IntervalTime::weighted_mean(&self.parts(index).filter_map(time).collect::<Vec<_>>())
    }

    fn span(&self) -> Option<Duration> {
        self.windows.iter().filter_map(RateWindow::span).max()
    }
}
