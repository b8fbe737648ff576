//! The heat map: the values of rows over time, one cell for each row and part of the time.
//!
//! The cells of a row are read from the history when the row becomes visible, a few rows at a time. After that, each new
//! sample only adds its own value, so a frame does not read the history.

use std::collections::VecDeque;
use std::time::Duration;

use crate::haproxy::stat_table::{RowKind, StatRow};
use crate::history::state_trend;
use crate::history::trend;
use crate::instance::state::Instance;
use crate::observe::row_ids::{RowId, RowMap};
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::table::columns::column::SortKey;
use crate::table::columns::row_view::RowView;
use crate::table::heat_cells;
use crate::table::heat_metric::{HeatCell, HeatMetric, HeatReader};

/// Number of rows whose history is read at once. Keys wait for this part at most.
const READ_ROWS: usize = 6;
/// Number of rows whose cells are kept.
const MAX_KEPT_ROWS: usize = 2000;

/// The part of the time that the heat map shows, and the metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HeatRange {
    /// The metric.
    pub(crate) metric: HeatMetric,
    /// Time span of all columns.
    pub(crate) span: Duration,
    /// Number of columns.
    pub(crate) columns: usize,
}

impl HeatRange {
    /// Returns the time of one column, in seconds.
    pub(crate) fn step(&self) -> f64 {
        self.span.as_secs_f64() / self.columns.max(1) as f64
    }
}

/// The cells of the rows that were shown.
#[derive(Debug, Default)]
pub(crate) struct HeatMap {
    range: Option<HeatRange>,
    /// Monotonic time at which the last column ends or which it contains.
    end: Duration,
    /// Sequence number of the newest sample in the cells.
    seq: u64,
    rows: RowMap<VecDeque<HeatCell>>,
    /// True if visible rows were not read yet.
    is_incomplete: bool,
}

impl HeatMap {
    /// Returns the range shown, or `None` if nothing is shown.
    pub(crate) fn range(&self) -> Option<HeatRange> {
        self.range.filter(|range| range.columns > 0)
    }

    /// Returns whether visible rows were not read yet. Each call of [`Self::update`] reads some of them.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }

    /// Returns the cells of a row, oldest first; `None` if they were not read yet.
    pub(crate) fn cells(&self, id: RowId) -> Option<&VecDeque<HeatCell>> {
        self.rows.get(&id)
    }

    /// Returns the monotonic time at which the first column begins, in seconds. It is negative if this is before the start of
    /// the clock.
    pub(crate) fn start_seconds(&self) -> f64 {
        let Some(range) = self.range() else { return 0.0 };
        (self.step_number(self.end) - range.columns as i64 + 1) as f64 * range.step()
    }

    /// Returns the column that contains a time; `None` if it is not shown.
    pub(crate) fn column_at(&self, time: Duration) -> Option<usize> {
        let range = self.range()?;
        let column = self.step_number(time) - self.step_number(self.end) + range.columns as i64 - 1;
        usize::try_from(column).ok().filter(|column| *column < range.columns)
    }

    fn step_number(&self, time: Duration) -> i64 {
        self.range.map_or(0, |range| (time.as_secs_f64() / range.step()).floor() as i64)
    }

    /// Brings the cells up to the newest sample, and reads the history of some of the `visible` rows that have no cells.
    /// `parts` are the HAProxies that the instance consists of: only itself, or those whose rows were merged.
    pub(crate) fn update(&mut self, instance: &Instance, parts: &[&Instance], visible: &[RowId], range: HeatRange) {
        let Some(shown) = instance.shown() else { return };
        // The merged rows of the present are not updated while the past is shown.
        let Some(latest) = (if instance.merged_rows().is_some() { Some(shown) } else { instance.latest() }) else {
            return;
        };
        if range.columns == 0 || range.span.is_zero() {
            *self = Self { range: Some(HeatRange { columns: 0, ..range }), ..Self::default() };
            return;
        }
        if self.range != Some(range) {
            *self = Self { range: Some(range), ..Self::default() };
        }
        if instance.past_moment().is_some() {
            let newest = parts.iter().filter_map(|part| Some(part.latest()?.at.monotonic)).max();
            self.show_past(shown.at.monotonic, newest.unwrap_or_default(), range);
        } else {
            self.add_newest(instance, latest);
        }
        if self.rows.len() > MAX_KEPT_ROWS {
            self.rows.retain(|id, _| visible.contains(id));
        }
        let mut room = READ_ROWS;
        self.is_incomplete = false;
        let latest_of = |part| HeatReader::latest(part, self.end, range.span, range.columns);
        let readers: Vec<HeatReader<'_>> = parts.iter().copied().filter_map(latest_of).collect();
        for id in visible {
            let Some(index) = latest.rows.index_of(*id).filter(|_| !self.rows.contains_key(id)) else { continue };
            if room == 0 {
                self.is_incomplete = true;
                break;
            }
            let row_parts = heat_cells::parts(instance, *id);
            room = room.saturating_sub(range.metric.cost(latest, index) * row_parts.len());
            let Some(mut cells) = heat_cells::read(&readers, &row_parts, range.metric) else { continue };
            if self.seq == latest.seq
                && let Some(last) = cells.back_mut()
            {
                // The history may not contain the newest sample yet.
                *last = last.worse(range.metric.current(&RowView::new(instance, latest, index)));
            }
            self.rows.insert(*id, cells);
        }
    }

    /// Creates a map without rows whose last column contains this time.
    #[cfg(test)]
    pub(super) fn ending_at(range: HeatRange, end: Duration) -> Self {
        Self { range: Some(range), end, ..Self::default() }
    }

    /// Moves the range so that it contains the moment shown. It stays where it is while it contains this moment, so that
    /// the cells do not move with each step.
    fn show_past(&mut self, shown: Duration, newest: Duration, range: HeatRange) {
        let is_contained = shown <= self.end && shown + range.span > self.end;
        if !is_contained {
            let end = (shown + range.span / 4).min(newest.max(shown));
            *self = Self { range: Some(range), end, ..Self::default() };
        }
        // The samples that arrive meanwhile are read when the present is shown again.
        self.seq = 0;
    }

    /// Adds the values of the newest sample.
    fn add_newest(&mut self, instance: &Instance, latest: &Sample) {
        if self.seq == latest.seq {
            return;
        }
        let is_next = match instance.merged_rows() {
            // Merged samples are not stored.
            Some(_) => latest.seq == self.seq + 1,
            None => instance.history().header_after(self.seq).is_none_or(|header| header.seq >= latest.seq),
        };
        if self.seq == 0 || !is_next || self.end > latest.at.monotonic {
            self.rows.clear();
        }
        let moved = (self.step_number(latest.at.monotonic) - self.step_number(self.end)).max(0);
        let is_gap = latest.at.elapsed_since(self.end) > trend::longest_pause(latest.interval);
        (self.end, self.seq) = (latest.at.monotonic, latest.seq);
        let Some(range) = self.range else { return };
        for (id, cells) in &mut self.rows {
            let cell = match latest.rows.index_of(*id) {
                Some(index) => range.metric.current(&RowView::new(instance, latest, index)),
                None => HeatCell::Unknown,
            };
            for _ in 0..moved.min(range.columns as i64) {
                cells.pop_front();
                cells.push_back(if is_gap { HeatCell::Unknown } else { cell });
            }
            if let Some(last) = cells.back_mut() {
                *last = last.worse(cell);
            }
        }
    }
}

/// Returns the width of the longest name in the heat map, in characters.
pub(crate) fn longest_name<'a>(rows: impl Iterator<Item = &'a StatRow>) -> usize {
    rows.map(|row| row.name_parts().iter().map(|part| part.chars().count()).sum()).max().unwrap_or(0)
}

/// Returns whether the heat map has a row: servers except unused slots, and backends with other servers.
pub(crate) fn includes(row: &RowView<'_>) -> bool {
    match row.stat_row().kind {
        RowKind::Server => !row.is_unused_slot(),
        RowKind::Backend => !row.is_unused_slot() && row.backend().is_some_and(|backend| !backend.servers.is_empty()),
        RowKind::Frontend | RowKind::Listener => false,
    }
}

/// Sorts rows by the severity of their own cause or problems, then by their value, the worst first.
pub(crate) fn sort_worst_first(instance: &Instance, sample: &Sample, metric: HeatMetric, rows: &mut [usize]) {
    let mut by_cause: RowMap<Severity> = RowMap::default();
    for cause in instance.problems().open_causes() {
        for id in [cause.subject.id, cause.target] {
            let known = by_cause.entry(id).or_insert(cause.severity);
            *known = (*known).max(cause.severity);
        }
    }
    let key = |index: &usize| {
        let row = RowView::new(instance, sample, *index);
        let own = instance.problems().worst_severity(row.id);
        let severity = own.max(by_cause.get(&row.id).copied());
        let value = match metric.current(&row) {
            HeatCell::Unknown => SortKey::Absent,
            HeatCell::Value(value) => SortKey::Number(f64::from(value)),
            HeatCell::State(state) => SortKey::Number(f64::MAX / 8.0 * f64::from(state_trend::badness(state))),
        };
        (severity, value)
    };
    rows.sort_by_cached_key(|index| {
        let (severity, value) = key(index);
        (std::cmp::Reverse(severity), Descending(value))
    });
}

/// A sort key that orders the largest value first and an absent one last.
#[derive(Debug, PartialEq)]
struct Descending(SortKey);

impl Eq for Descending {}

impl PartialOrd for Descending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Descending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.compare(&other.0, true)
    }
}
