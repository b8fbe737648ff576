//! The samples that are compared: those of an instance, or of each balancer whose rows were merged.

use std::sync::Arc;

use crate::haproxy::stat_table::StatRow;
use crate::history::store::History;
use crate::history::window_figures::TimeWindow;
use crate::instance::compared_windows::ComparedWindows;
use crate::instance::merged_rows::MergedRows;
use crate::instance::time_spans::ComparedSpan;
use crate::observe::events::{MAX_NAMES, RowNames, display_name};
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::{RowId, RowSet};
use crate::observe::sample::Sample;

/// The samples of one instance that are compared.
#[derive(Debug, Clone)]
pub(super) struct ComparedPart {
    pub(super) instance: InstanceId,
    /// The sample shown.
    pub(super) shown: Arc<Sample>,
    /// The marked moment.
    mark: Option<Arc<Sample>>,
    /// The windows, which begin and end with samples of this instance.
    pub(super) windows: ComparedWindows,
    /// For each window, whether the instance was sampled in it.
    pub(super) is_covered: Vec<bool>,
}

/// The samples of all instances that are compared.
#[derive(Debug, Clone)]
pub(super) struct ComparedParts {
    pub(super) parts: Vec<ComparedPart>,
    /// The windows of all together.
    pub(super) windows: ComparedWindows,
    /// Names of the balancers that were not sampled in both windows.
    pub(super) left_out: Vec<Arc<str>>,
}

/// The samples that an instance has for a comparison.
#[derive(Debug, Clone, Copy)]
pub(super) struct ComparedSource<'a> {
    pub(super) instance: InstanceId,
    pub(super) history: &'a History,
    /// The sample shown; `None` without a sample of the moment shown.
    pub(super) shown: Option<&'a Arc<Sample>>,
    /// The marked moment.
    pub(super) mark: Option<&'a Arc<Sample>>,
}

impl ComparedParts {
    /// Chooses the windows that end at the sample shown, which is that of the only instance, or was merged from theirs.
    /// Returns `None` if no instance has two windows, or no moment is marked.
    pub(super) fn choose(
        sources: &[ComparedSource<'_>],
        shown: &Arc<Sample>,
        merged: Option<&MergedRows>,
        span: ComparedSpan,
    ) -> Option<Self> {
        let chosen = |one: &ComparedSource<'_>| {
            let mark = one.mark.map(|mark| &**mark);
            Some((one.instance, ComparedWindows::choose(one.history, span, mark, one.shown?)?))
        };
        let all: Vec<(InstanceId, ComparedWindows)> = sources.iter().filter_map(chosen).collect();
        // The longest history has the whole span. Of equal ones, the first.
        let length = |windows: &ComparedWindows| windows.before.length() + windows.after.length();
        let (lead, mut windows) = all.into_iter().rev().max_by_key(|(_, windows)| length(windows))?;
        let part = |one: &ComparedSource<'_>| {
            let shown = one.shown?;
            let is_lead = one.instance == lead;
            let own = if is_lead { windows.clone() } else { windows.of_history(one.history, shown.interval)? };
            let count = |window: &TimeWindow| one.history.headers_within(&(window.start..=window.end)).len();
            Some(ComparedPart {
                instance: one.instance,
                shown: Arc::clone(shown),
                mark: one.mark.map(Arc::clone),
                is_covered: own.all().iter().map(|window| count(window) > 0).collect(),
                windows: own,
            })
        };
        let parts: Vec<ComparedPart> = sources.iter().filter_map(part).collect();
        let mut left_out = Vec::new();
        if let Some(merged) = merged {
            let is_missing = |one: &&ComparedSource<'_>| parts.iter().all(|part| part.instance != one.instance);
            left_out.extend(sources.iter().filter(is_missing).filter_map(|one| merged.balancer_name(one.instance)));
            windows.end_seq = shown.seq;
            windows.samples = parts.iter().map(|part| part.windows.samples).sum();
            windows.new_processes = parts.iter().map(|part| part.windows.new_processes).sum();
        }
        Some(Self { parts, windows, left_out })
    }

    /// Returns the rows that are no longer listed by any instance.
    pub(super) fn gone_rows(&self, sources: &[ComparedSource<'_>]) -> RowNames {
        let mut names = RowNames::default();
        let mut known: Vec<String> = Vec::new();
        let is_listed = |gone: &StatRow| {
            let is_it = |row: &StatRow| row.kind == gone.kind && row.proxy == gone.proxy && row.name == gone.name;
            self.parts.len() > 1 && self.parts.iter().any(|part| part.shown.table.rows().iter().any(is_it))
        };
        for part in &self.parts {
            let Some(history) = history_of(sources, part.instance) else { continue };
            for row in part.gone_rows(history).into_iter().filter(|row| !is_listed(row)) {
                let name = display_name(row.kind, &row.proxy, &row.name);
                if self.parts.len() > 1 {
                    if known.contains(&name) {
                        continue;
                    }
                    known.push(name.clone());
                }
                names.count += 1;
                if names.first.len() < MAX_NAMES {
                    names.first.push(name);
                }
            }
        }
        names
    }
}

/// Returns the history of an instance.
pub(super) fn history_of<'a>(sources: &[ComparedSource<'a>], instance: InstanceId) -> Option<&'a History> {
    sources.iter().find(|source| source.instance == instance).map(|source| source.history)
}

impl ComparedPart {
    fn unstored(&self, seq: u64) -> Option<&Sample> {
        [Some(&self.shown), self.mark.as_ref()].into_iter().flatten().find(|sample| sample.seq == seq).map(|one| &**one)
    }

    /// Returns a row of the sample with this number.
    pub(super) fn row(&self, history: &History, id: RowId, seq: u64) -> Option<StatRow> {
        match self.unstored(seq) {
            Some(sample) => sample.row(id).cloned(),
            None => history.row_texts(id, seq),
        }
    }

    /// Returns the rows that the instance had at the border of the windows and no longer has at the end.
    fn gone_rows(&self, history: &History) -> Vec<StatRow> {
        let rows = |seq| self.unstored(seq).map(|sample| Arc::clone(&sample.rows)).or_else(|| history.rows_of(seq));
        let ComparedWindows { border_seq, end_seq, .. } = self.windows;
        let ends: Option<(Arc<RowSet>, Arc<RowSet>)> = rows(border_seq).zip(rows(end_seq));
        let Some((before, now)) = ends.filter(|(before, now)| !Arc::ptr_eq(before, now)) else { return Vec::new() };
        let gone = before.ids().iter().filter(|id| now.index_of(**id).is_none());
        gone.filter_map(|id| self.row(history, *id, border_seq)).collect()
    }
}
