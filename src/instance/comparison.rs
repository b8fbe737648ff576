//! The comparison of two windows of time: what changed for each row, and how unusual the change is.
//!
//! Reading the history of very many rows takes long, so a comparison is computed in parts, and the previous one is shown
//! until the next one is complete.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::haproxy::fields::Field;
use crate::haproxy::stat_table::{RowKind, StatRow};
use crate::haproxy::status::RowState;
use crate::history::moving_mean::MeanKind;
use crate::history::store::History;
use crate::history::window_figures::{self, MeasuredRow, ServerSums, TimeWindow, WindowFigures};
use crate::instance::compared_metrics::METRICS;
use crate::instance::compared_windows::ComparedWindows;
use crate::instance::time_spans::ComparedSpan;
use crate::observe::events::{MAX_NAMES, RowNames, display_name};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;

/// Number of samples of rows that a part of the work reads.
const PART: usize = 5_000;

/// Unusualness from which a number counts as changed.
const NOTABLE: f64 = 3.0;
/// Unusualness from which a worse number comes before changes that an operator ordered.
const CLEAR: f64 = 6.0;

/// The order of changes: the first step in which two changes are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ChangeClass {
    /// Nothing unusual.
    Unchanged,
    /// Different numbers, such as more traffic or fewer errors.
    Different,
    /// Another state, weight or limit, or a new row.
    Setting,
    /// Clearly worse numbers.
    Worse,
    /// Down.
    Down,
}

/// The most important change of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowChange {
    /// Nothing unusual.
    None,
    /// The row did not exist before.
    New,
    /// Another status.
    Status(String, String),
    /// Another weight or limit: its name and its values.
    Setting(&'static str, i64, i64),
    /// A number of [`METRICS`].
    Metric(usize),
}

/// A row before and after.
#[derive(Debug, Clone)]
pub(crate) struct RowComparison {
    /// The values of [`METRICS`] before and after; NaN is unknown.
    values: [[f32; 2]; METRICS.len()],
    /// Numbers whose change is unusual, by index.
    notable: u16,
    /// Those of them that became worse.
    worse: u16,
    /// The weight of a server before and after, if it changed.
    pub(crate) weights: Option<(i64, i64)>,
    /// The most important change.
    pub(crate) change: RowChange,
    class: ChangeClass,
    unusualness: f64,
}

impl RowComparison {
    /// Returns a number before and after. `None` is unknown.
    pub(crate) fn values(&self, metric: usize) -> [Option<f64>; 2] {
        self.values[metric].map(|value| (!value.is_nan()).then_some(f64::from(value)))
    }

    /// Returns whether the change of a number is unusual for the row.
    pub(crate) fn is_notable(&self, metric: usize) -> bool {
        self.notable & (1 << metric) != 0
    }

    /// Returns whether a number changed in an unusual way and is worse now.
    pub(crate) fn is_worse(&self, metric: usize) -> bool {
        self.worse & (1 << metric) != 0
    }

    /// Returns whether anything unusual changed.
    pub(crate) fn has_changed(&self) -> bool {
        self.class != ChangeClass::Unchanged
    }

    /// Returns the place in the order of changes; the largest first. A row without a change that has a cause comes after
    /// those that became worse, or after other settings.
    pub(crate) fn rank(&self, cause: Option<Severity>) -> f64 {
        let class = match (self.class, cause) {
            (ChangeClass::Unchanged, Some(Severity::Crit)) => ChangeClass::Worse,
            (ChangeClass::Unchanged, Some(Severity::Warn)) => ChangeClass::Different,
            (class, _) => class,
        };
        f64::from(class as u8) * 1e6 + self.unusualness.min(9e5)
    }
}

/// The samples from which a comparison is computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ComparedSamples<'a> {
    /// The stored samples.
    pub(crate) history: &'a History,
    /// The sample shown.
    pub(crate) shown: &'a Sample,
    /// The marked moment.
    pub(crate) mark: Option<&'a Sample>,
}

impl<'a> ComparedSamples<'a> {
    fn unstored(&self, seq: u64) -> Option<&'a Sample> {
        [Some(self.shown), self.mark].into_iter().flatten().find(|sample| sample.seq == seq)
    }

    fn row(&self, id: RowId, seq: u64) -> Option<StatRow> {
        match self.unstored(seq) {
            Some(sample) => sample.row(id).cloned(),
            None => self.history.row_texts(id, seq),
        }
    }

    /// Returns the rows that the first of two samples has and the second has not.
    fn gone_rows(&self, border_seq: u64, end_seq: u64) -> RowNames {
        let rows =
            |seq| self.unstored(seq).map(|sample| Arc::clone(&sample.rows)).or_else(|| self.history.rows_of(seq));
        let (Some(before), Some(now)) = (rows(border_seq), rows(end_seq)) else { return RowNames::default() };
        if Arc::ptr_eq(&before, &now) {
            return RowNames::default();
        }
        let gone = before.ids().iter().filter(|id| now.index_of(**id).is_none());
        let mut names = RowNames::default();
        for row in gone.filter_map(|id| self.row(*id, border_seq)) {
            names.count += 1;
            if names.first.len() < MAX_NAMES {
                names.first.push(display_name(row.kind, &row.proxy, &row.name));
            }
        }
        names
    }
}

/// A comparison of two windows.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// The windows.
    pub(crate) windows: ComparedWindows,
    /// Rows that no longer exist.
    pub(crate) gone: RowNames,
    rows: HashMap<RowId, RowComparison>,
    /// Rows to read, the last one first: backends come after their servers.
    unread: Vec<usize>,
    /// Sums over the servers of each backend, by the backend's row, one for each window.
    server_sums: HashMap<usize, Vec<ServerSums>>,
}

impl Comparison {
    /// Starts a comparison of the rows of the sample shown.
    pub(crate) fn start(windows: ComparedWindows, samples: ComparedSamples<'_>) -> Self {
        let rows = samples.shown.table.rows();
        let (backends, others): (Vec<usize>, Vec<usize>) =
            (0..rows.len()).rev().partition(|index| rows[*index].kind == RowKind::Backend);
        Self {
            gone: samples.gone_rows(windows.border_seq, windows.end_seq),
            rows: HashMap::with_capacity(rows.len()),
            unread: backends.into_iter().chain(others).collect(),
            server_sums: HashMap::new(),
            windows,
        }
    }

    /// Returns whether all rows were compared.
    pub(crate) fn is_complete(&self) -> bool {
        self.unread.is_empty()
    }

    /// Returns the number of samples of rows that all of the work reads.
    pub(crate) fn cost(&self) -> usize {
        (self.rows.len() + self.unread.len()) * self.windows.samples
    }

    /// Compares a part of the rows. `samples` must be those from which the comparison was started.
    pub(crate) fn compare_some(&mut self, samples: ComparedSamples<'_>) {
        let windows = self.windows.all();
        let count = (PART / self.windows.samples.max(1)).max(1);
        for _ in 0..count {
            let Some(index) = self.unread.pop() else { break };
            let Some(id) = samples.shown.rows.ids().get(index) else { continue };
            let figures = self.read_row(samples, *id, index, &windows);
            let compared = self.compare_row(samples, *id, index, &figures);
            self.rows.insert(*id, compared);
        }
        if self.is_complete() {
            self.server_sums = HashMap::new();
        }
    }

    fn read_row(
        &mut self,
        samples: ComparedSamples<'_>,
        id: RowId,
        index: usize,
        windows: &[TimeWindow],
    ) -> Vec<WindowFigures> {
        let row = &samples.shown.table.rows()[index];
        let kind = MeanKind::from_version(samples.shown.info.version());
        let measured =
            MeasuredRow { id, is_tcp: row.is_tcp(), kind: Some(kind).filter(|_| row.kind == RowKind::Server) };
        let mut figures = window_figures::read(samples.history, measured, windows);
        let backend = samples.shown.rows.backend_of(index).map(|backend| backend.row);
        match (row.kind, backend) {
            (RowKind::Server, Some(backend)) => {
                let sums =
                    self.server_sums.entry(backend).or_insert_with(|| vec![ServerSums::default(); windows.len()]);
                sums.iter_mut().zip(&figures).for_each(|(sum, server)| sum.add(server));
            }
            (RowKind::Backend, _) => {
                let sums = self.server_sums.remove(&index).unwrap_or_default();
                figures.iter_mut().zip(&sums).for_each(|(own, sums)| own.add_servers(sums));
            }
            _ => {}
        }
        figures
    }

    fn compare_row(
        &self,
        samples: ComparedSamples<'_>,
        id: RowId,
        index: usize,
        figures: &[WindowFigures],
    ) -> RowComparison {
        let mut compared = RowComparison {
            values: [[f32::NAN; 2]; METRICS.len()],
            notable: 0,
            worse: 0,
            weights: None,
            change: RowChange::None,
            class: ChangeClass::Unchanged,
            unusualness: 0.0,
        };
        let [before, after, earlier @ ..] = figures else { return compared };
        let row = &samples.shown.table.rows()[index];
        let served = Field::traffic_counter(row.is_tcp(), samples.shown.table.number(index, Field::ReqTot).is_some());
        for (place, metric) in METRICS.iter().enumerate() {
            let [then, now] = [before, after].map(|figures| metric.measure(figures, served));
            compared.values[place] =
                [then, now].map(|measured| measured.map_or(f32::NAN, |known| metric.shown(known) as f32));
            let (Some(then), Some(now)) = (then, now) else { continue };
            let usual: Vec<f64> =
                earlier.iter().filter_map(|figures| Some(metric.measure(figures, served)?.value)).collect();
            let Some(unusualness) = metric.unusualness(then, now, &usual).filter(|value| *value >= NOTABLE) else {
                continue;
            };
            compared.notable |= 1 << place;
            let is_worse = metric.is_worse_if_higher && now.value > then.value;
            compared.worse |= u16::from(is_worse) << place;
            let class = if is_worse && unusualness >= CLEAR { ChangeClass::Worse } else { ChangeClass::Different };
            compared.raise(class, unusualness, || RowChange::Metric(place));
        }
        self.compare_states(samples, id, [before, after], &mut compared);
        compared
    }

    fn compare_states(
        &self,
        samples: ComparedSamples<'_>,
        id: RowId,
        [before, after]: [&WindowFigures; 2],
        compared: &mut RowComparison,
    ) {
        let (then, now) = (samples.row(id, self.windows.border_seq), samples.row(id, self.windows.end_seq));
        let Some(now) = now else { return };
        let Some(then) = then else { return compared.raise(ChangeClass::Setting, 2.0, || RowChange::New) };
        if let Some(class) = state_change(then.state(), now.state()) {
            compared.raise(class, 3.0, || RowChange::Status(then.status().to_owned(), now.status().to_owned()));
        }
        // The weight of a backend follows the states of its servers.
        let weight = (Field::Weight, "weight", now.kind == RowKind::Server);
        let limit = (Field::Slim, "limit", now.kind != RowKind::Backend);
        for (field, name, _) in [weight, limit].into_iter().filter(|(.., is_set)| *is_set) {
            if let (Some(then), Some(now)) = (before.setting(field), after.setting(field))
                && then != now
            {
                if field == Field::Weight {
                    compared.weights = Some((then, now));
                }
                compared.raise(ChangeClass::Setting, 1.0, || RowChange::Setting(name, then, now));
            }
        }
    }

    /// Returns the comparison of a row, or `None` if the row was not compared yet.
    pub(crate) fn row(&self, id: RowId) -> Option<&RowComparison> {
        self.rows.get(&id)
    }

    /// Counts the rows. `wrong` are the rows with an open cause.
    pub(crate) fn counts(&self, wrong: &HashSet<RowId>) -> ComparedCounts {
        let changed = self.rows.values().filter(|row| row.has_changed()).count();
        let is_still_wrong = |id: &&RowId| self.rows.get(id).is_some_and(|row| !row.has_changed());
        let still_wrong = wrong.iter().filter(is_still_wrong).count();
        ComparedCounts { changed, still_wrong, unchanged: self.rows.len() - changed - still_wrong }
    }
}

/// Numbers of rows of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ComparedCounts {
    /// Rows in which anything unusual changed.
    pub(crate) changed: usize,
    /// Rows without a change that have an open cause.
    pub(crate) still_wrong: usize,
    /// Other rows.
    pub(crate) unchanged: usize,
}

/// Returns the class of a change of the state, or `None` if the row is as usable as before, as from `UP 1/3` to `UP`.
fn state_change(then: RowState, now: RowState) -> Option<ChangeClass> {
    let is_down = |state| matches!(state, RowState::Down | RowState::Stopped | RowState::ComingUp);
    let is_healthy = |state| matches!(state, RowState::Up | RowState::Open | RowState::NoCheck);
    match (is_down(then), is_down(now)) {
        _ if then == now => None,
        (true, true) => None,
        (false, true) => Some(ChangeClass::Down),
        // It works again.
        (true, false) if is_healthy(now) => Some(ChangeClass::Different),
        (false, false) if matches!(then, RowState::GoingDown | RowState::Full) && is_healthy(now) => None,
        _ => Some(ChangeClass::Setting),
    }
}

/// The comparison shown, and the next one while it is computed.
#[derive(Debug, Default)]
pub(crate) struct Comparisons {
    /// The span, and the sequence number of the marked moment if it matters.
    pub(super) inputs: Option<(ComparedSpan, Option<u64>)>,
    /// Set if the comparison ends at an earlier sample.
    pub(super) is_past: bool,
    /// The sample at the end.
    pub(super) compared_sample: Option<Arc<Sample>>,
    /// The marked moment.
    pub(super) mark: Option<Arc<Sample>>,
    /// The last complete comparison.
    pub(super) shown: Option<Comparison>,
    /// The comparison that is being computed.
    pub(super) next: Option<Comparison>,
    /// Number of changes of `shown`.
    pub(super) version: u64,
}

impl RowComparison {
    /// Replaces the change by another one if that is more important.
    fn raise(&mut self, class: ChangeClass, unusualness: f64, change: impl FnOnce() -> RowChange) {
        if (class, unusualness) > (self.class, self.unusualness) {
            (self.class, self.unusualness, self.change) = (class, unusualness, change());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_change_ranks_by_severity() {
        let class = |then: &str, now: &str| state_change(RowState::parse(then), RowState::parse(now));
        for (then, now) in [("UP 1/3", "UP"), ("DOWN", "DOWN 1/2"), ("UP", "UP"), ("FULL", "OPEN")] {
            assert_eq!(class(then, now), None, "{then} → {now}");
        }
        assert_eq!(class("UP", "DOWN"), Some(ChangeClass::Down));
        assert_eq!(class("MAINT", "DOWN"), Some(ChangeClass::Down));
        assert_eq!(class("UP", "UP 1/3"), Some(ChangeClass::Setting), "it may go down");
        assert_eq!(class("UP", "MAINT"), Some(ChangeClass::Setting));
        assert_eq!(class("DOWN", "UP"), Some(ChangeClass::Different), "good news come last");
        assert!(ChangeClass::Different < ChangeClass::Worse && ChangeClass::Setting < ChangeClass::Down);
    }
}
