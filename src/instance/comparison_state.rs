//! The comparison before and after of an instance: when it is computed again, and in which parts.

use std::sync::Arc;
use std::time::Duration;

use crate::instance::compared_samples::ComparedSource;
use crate::instance::compared_windows::ComparedWindows;
use crate::instance::comparison::{ComparedCounts, Comparison, Comparisons};
use crate::instance::shared_past;
use crate::instance::state::Instance;
use crate::instance::time_spans::ComparedSpan;
use crate::observe::sample::Sample;
use crate::problems::cause::Cause;

/// Time for each sample of a row that was read, after which a comparison of the latest samples is computed again. It keeps
/// the share of processor time small.
const REFRESH_PER_SAMPLE: Duration = Duration::from_micros(10);
/// Maximum time after which a comparison of the latest samples is computed again.
const MAX_REFRESH: Duration = Duration::from_mins(1);

impl Instance {
    /// Returns the marked moment, if any.
    pub(crate) fn marked_moment(&self) -> Option<&Arc<Sample>> {
        self.marked_moment.as_ref()
    }

    /// Marks the sample shown, and returns the sample that was marked before, if any.
    pub(crate) fn mark_shown_moment(&mut self) -> Option<Arc<Sample>> {
        let shown = self.shown().map(Arc::clone);
        std::mem::replace(&mut self.marked_moment, shown)
    }

    /// Clears the marked moment, and returns the sample that was marked, if any.
    pub(crate) fn clear_marked_moment(&mut self) -> Option<Arc<Sample>> {
        self.marked_moment.take()
    }

    /// Compares the time up to the sample shown, or continues to do so. Does nothing while the last comparison is recent.
    /// `balancers` are those whose rows this instance shows merged, if any.
    pub(crate) fn update_comparison(&mut self, span: ComparedSpan, balancers: &[&Self]) {
        let mark = self.marked_moment().map(Arc::clone);
        let Some(shown) = self.shown().map(Arc::clone) else { return };
        let is_past = self.past_moment().is_some();
        let state = &self.comparisons;
        let inputs = (span, mark.as_ref().map(|mark| mark.seq).filter(|_| span == ComparedSpan::Mark));
        let is_same = state.inputs == Some(inputs);
        let is_current = is_same && state.compared_sample.as_ref().is_some_and(|sample| sample.seq == shown.seq);
        let is_recent = is_same && !is_past && !state.is_past && {
            let cost = state.shown.as_ref().map_or(0, Comparison::cost);
            let refresh = (REFRESH_PER_SAMPLE * u32::try_from(cost).unwrap_or(u32::MAX)).min(MAX_REFRESH);
            let end = state.compared_sample.as_ref().map_or(Duration::ZERO, |sample| sample.at.monotonic);
            state.next.is_some() || shown.at.monotonic < end + refresh
        };
        if is_current || is_recent {
            return;
        }
        let next = Comparison::start(&self.compared_sources(balancers), &shown, self.merged_rows(), span);
        let state = &mut self.comparisons;
        if next.is_none() || !is_same {
            state.shown = None;
            state.version += 1;
        }
        (state.inputs, state.is_past, state.next) = (Some(inputs), is_past, next);
        state.compared_sample = Some(shown);
        self.continue_comparison(balancers);
    }

    /// Returns what is compared: the samples of the balancers whose rows are merged, or only those of this instance. A balancer
    /// that was not sampled at the moment shown has none.
    fn compared_sources<'a>(&'a self, balancers: &[&'a Self]) -> Vec<ComparedSource<'a>> {
        let source = |one: &'a Self, shown| ComparedSource {
            instance: one.id(),
            history: one.history(),
            shown,
            mark: one.marked_moment(),
        };
        let Some(moment) = self.shown().filter(|_| self.merged_rows().is_some()).map(|sample| sample.at.monotonic)
        else {
            return vec![source(self, self.shown())];
        };
        let is_sampled = |one: &Self| shared_past::is_sampled_at(one, moment);
        balancers.iter().map(|one| source(one, one.shown().filter(|_| is_sampled(one)))).collect()
    }

    /// Compares more rows, if a comparison is being computed.
    pub(crate) fn continue_comparison(&mut self, balancers: &[&Self]) {
        let Some(mut next) = self.comparisons.next.take() else { return };
        next.compare_some(&self.compared_sources(balancers));
        if next.is_complete() {
            self.comparisons.shown = Some(next);
            self.comparisons.version += 1;
        } else {
            self.comparisons.next = Some(next);
        }
    }

    /// Returns whether a comparison is being computed.
    pub(crate) fn is_comparing(&self) -> bool {
        self.comparisons.next.is_some()
    }

    /// Returns the last complete comparison.
    pub(crate) fn comparison(&self) -> Option<&Comparison> {
        self.comparisons.shown.as_ref()
    }

    /// Counts the changed and unchanged rows of the last complete comparison, with the causes that are open now.
    pub(crate) fn compared_counts(&self) -> Option<ComparedCounts> {
        let wrong = self.problems().open_causes().flat_map(Cause::rows).collect();
        self.comparison().map(|comparison| comparison.counts(&wrong))
    }

    /// Returns whether windows end with the newest sample, which is shown. A comparison of very many samples is computed again
    /// only from time to time, so that it may end earlier.
    pub(crate) fn compares_with_now(&self, windows: &ComparedWindows) -> bool {
        let is_end = |sample: &Arc<Sample>| sample.seq == windows.end_seq;
        self.past_moment().is_none() && self.latest().is_some_and(is_end) && !self.marked_moment().is_some_and(is_end)
    }

    /// Returns a number that changes with the comparison.
    pub(crate) fn comparison_version(&self) -> u64 {
        self.comparisons.version
    }

    /// Discards the comparison, which takes memory for each row.
    pub(crate) fn discard_comparison(&mut self) {
        if self.comparisons.inputs.is_some() {
            let version = self.comparisons.version + 1;
            self.comparisons = Comparisons { version, ..Comparisons::default() };
        }
    }
}
