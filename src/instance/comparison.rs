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
use crate::history::state_trend;
use crate::history::store::History;
use crate::history::window_figures::{self, MeasuredRow, ServerSums, WindowFigures};
use crate::instance::compared_metrics::METRICS;
use crate::instance::compared_samples::{self, ComparedPart, ComparedParts, ComparedSource};
use crate::instance::compared_windows::ComparedWindows;
use crate::instance::merged_rows::MergedRows;
use crate::instance::time_spans::ComparedSpan;
use crate::observe::events::RowNames;
use crate::observe::instance_id::RowRef;
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

/// A comparison of two windows.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// The windows.
    pub(crate) windows: ComparedWindows,
    /// Rows that no longer exist.
    pub(crate) gone: RowNames,
    /// Names of the balancers that are not compared, because they were not sampled in both windows.
    pub(crate) left_out: Vec<Arc<str>>,
    rows: HashMap<RowId, RowComparison>,
    /// The sample with the rows.
    shown: Arc<Sample>,
    /// The samples of each instance.
    parts: Vec<ComparedPart>,
    /// For each row, the instances that have it, if the rows were merged.
    merged_rows: Option<Vec<Vec<RowRef>>>,
    /// Rows to read, the last one first: backends come after their servers.
    unread: Vec<usize>,
    /// Sums over the servers of each backend, by the place of the instance and the backend's row, one for each window.
    server_sums: HashMap<(usize, usize), Vec<ServerSums>>,
}

/// A row of one of the compared instances, which is in their sample shown.
#[derive(Debug, Clone, Copy)]
struct ComparedRow<'a> {
    /// Place of the instance.
    place: usize,
    part: &'a ComparedPart,
    history: &'a History,
    id: RowId,
    index: usize,
}

impl Comparison {
    /// Starts a comparison of the rows of the sample shown, which is that of the only instance, or was merged from those of
    /// all. Returns `None` if there are no two windows, or no moment is marked.
    pub(super) fn start(
        sources: &[ComparedSource<'_>],
        shown: &Arc<Sample>,
        merged: Option<&MergedRows>,
        span: ComparedSpan,
    ) -> Option<Self> {
        let chosen = ComparedParts::choose(sources, shown, merged, span)?;
        let rows = shown.table.rows();
        let (backends, others): (Vec<usize>, Vec<usize>) =
            (0..rows.len()).rev().partition(|index| rows[*index].kind == RowKind::Backend);
        let parts_of = |merged: &MergedRows, id: &RowId| {
            merged.row(*id).map_or(Vec::new(), |row| row.parts.iter().map(|part| part.row).collect())
        };
        let parts = |merged: &MergedRows| shown.rows.ids().iter().map(|id| parts_of(merged, id)).collect();
        let gone = chosen.gone_rows(sources);
        let ComparedParts { parts: compared, windows, left_out } = chosen;
        Some(Self {
            gone,
            left_out,
            rows: HashMap::with_capacity(rows.len()),
            merged_rows: merged.map(parts),
            unread: backends.into_iter().chain(others).collect(),
            server_sums: HashMap::new(),
            shown: Arc::clone(shown),
            parts: compared,
            windows,
        })
    }

    /// Returns whether all rows were compared.
    pub(crate) fn is_complete(&self) -> bool {
        self.unread.is_empty()
    }

    /// Returns the number of samples of rows that all of the work reads.
    pub(crate) fn cost(&self) -> usize {
        (self.rows.len() + self.unread.len()) * self.windows.samples
    }

    /// Compares a part of the rows. `sources` must be those of the instances with which the comparison was started.
    pub(super) fn compare_some(&mut self, sources: &[ComparedSource<'_>]) {
        let count = (PART / self.windows.samples.max(1)).max(1);
        let (parts, shown) = (std::mem::take(&mut self.parts), Arc::clone(&self.shown));
        for _ in 0..count {
            let Some(index) = self.unread.pop() else { break };
            let Some(id) = shown.rows.ids().get(index) else { continue };
            let rows = self.part_rows(&parts, sources, *id, index);
            let figures = self.read_row(&rows);
            let compared = self.compare_row(&rows, index, &figures);
            self.rows.insert(*id, compared);
        }
        self.parts = parts;
        if self.is_complete() {
            (self.server_sums, self.merged_rows, self.parts) = (HashMap::new(), None, Vec::new());
        }
    }

    /// Returns the rows of the compared instances of which a row consists.
    fn part_rows<'a>(
        &self,
        parts: &'a [ComparedPart],
        sources: &[ComparedSource<'a>],
        id: RowId,
        index: usize,
    ) -> Vec<ComparedRow<'a>> {
        let row = |(place, part): (usize, &'a ComparedPart)| {
            let id = match &self.merged_rows {
                Some(rows) => rows.get(index)?.iter().find(|row| row.instance == part.instance)?.row,
                None => id,
            };
            let history = compared_samples::history_of(sources, part.instance)?;
            Some(ComparedRow { place, part, history, id, index: part.shown.rows.index_of(id)? })
        };
        parts.iter().enumerate().filter_map(row).collect()
    }

    /// Returns the figures of a row in each window: the sum of those of its parts. A window in which one of them was not
    /// sampled has none.
    fn read_row(&mut self, rows: &[ComparedRow<'_>]) -> Vec<WindowFigures> {
        let mut figures: Vec<Vec<WindowFigures>> = rows.iter().map(|row| self.read_part(row)).collect();
        if figures.len() < 2 {
            return figures.pop().unwrap_or_default();
        }
        let of_window = |window: usize| {
            let is_covered = rows.iter().all(|row| row.part.is_covered.get(window) == Some(&true));
            let of_parts: Vec<WindowFigures> = figures.iter().filter_map(|part| part.get(window).cloned()).collect();
            if is_covered { WindowFigures::sum(&of_parts) } else { WindowFigures::default() }
        };
        (0..figures[0].len()).map(of_window).collect()
    }

    fn read_part(&mut self, part: &ComparedRow<'_>) -> Vec<WindowFigures> {
        let ComparedRow { place, part, history, id, index } = *part;
        let (row, windows) = (&part.shown.table.rows()[index], part.windows.all());
        let kind = MeanKind::from_version(part.shown.info.version());
        let measured =
            MeasuredRow { id, is_tcp: row.is_tcp(), kind: Some(kind).filter(|_| row.kind == RowKind::Server) };
        let mut figures = window_figures::read(history, measured, &windows);
        let backend = part.shown.rows.backend_of(index).map(|backend| backend.row);
        match (row.kind, backend) {
            (RowKind::Server, Some(backend)) => {
                let sums = self.server_sums.entry((place, backend));
                let sums = sums.or_insert_with(|| vec![ServerSums::default(); windows.len()]);
                sums.iter_mut().zip(&figures).for_each(|(sum, server)| sum.add(server));
            }
            (RowKind::Backend, _) => {
                let sums = self.server_sums.remove(&(place, index)).unwrap_or_default();
                figures.iter_mut().zip(&sums).for_each(|(own, sums)| own.add_servers(sums));
            }
            _ => {}
        }
        figures
    }

    fn compare_row(&self, rows: &[ComparedRow<'_>], index: usize, figures: &[WindowFigures]) -> RowComparison {
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
        let row = &self.shown.table.rows()[index];
        let served = Field::traffic_counter(row.is_tcp(), self.shown.table.number(index, Field::ReqTot).is_some());
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
        compare_states(rows, [before, after], &mut compared);
        compared
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

fn compare_states(rows: &[ComparedRow<'_>], [before, after]: [&WindowFigures; 2], compared: &mut RowComparison) {
    let at = |row: &ComparedRow<'_>, seq| row.part.row(row.history, row.id, seq);
    let now: Vec<StatRow> = rows.iter().filter_map(|row| at(row, row.part.windows.end_seq)).collect();
    if now.is_empty() {
        return;
    }
    // Of a row on several balancers, the worst state of those that had it before.
    let ends =
        |row: &ComparedRow<'_>| Some((at(row, row.part.windows.border_seq)?, at(row, row.part.windows.end_seq)?));
    let (then, now): (Vec<StatRow>, Vec<StatRow>) = rows.iter().filter_map(ends).unzip();
    let worst = |rows: Vec<StatRow>| rows.into_iter().rev().max_by_key(|row| state_trend::badness(row.state()));
    let Some((then, now)) = worst(then).zip(worst(now)) else {
        return compared.raise(ChangeClass::Setting, 2.0, || RowChange::New);
    };
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
