//! The times of the requests of the last seconds, computed from the moving means of earlier samples.
//!
//! [`IntervalTimes`] keeps a few numbers per row of selected samples of the last minute ([`TimeAnchor`]). The mean of a row
//! is computed from the newest sample and the latest earlier one for which the mean is precise and not of too few
//! requests: a busy row needs two seconds, a quiet row up to a minute.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::history::interval_search::{IDLE_AFTER, IntervalSearch, IntervalTime};
use crate::history::moving_mean::MeanKind;
use crate::history::row_means::RowMeans;
use crate::history::unanswered::{Unanswered, UnansweredSearch};
#[cfg(test)]
use crate::observe::row_ids::RowId;
use crate::observe::row_ids::RowSet;
use crate::observe::sample::Sample;

/// Maximum time span of a mean or of a count of few requests, unless two consecutive samples are further apart.
pub(crate) const MAX_SPAN: Duration = Duration::from_mins(1);
/// The moving means of all rows of one sample.
#[derive(Debug)]
pub(crate) struct SampleMeans {
    kind: MeanKind,
    row_set: Arc<RowSet>,
    means: Vec<RowMeans>,
}

impl SampleMeans {
    /// Creates the means of a sample with these rows.
    pub(crate) fn new(kind: MeanKind, row_set: Arc<RowSet>, means: Vec<RowMeans>) -> Self {
        Self { kind, row_set, means }
    }

    /// Returns the means of a sample.
    pub(crate) fn from_sample(sample: &Sample) -> Self {
        let rows = sample.table.rows().iter().enumerate();
        let means = rows.map(|(index, row)| RowMeans::from_row(row, |field| sample.table.number(index, field)));
        Self::new(MeanKind::from_version(sample.info.version()), Arc::clone(&sample.rows), means.collect())
    }

    fn memory(&self) -> usize {
        self.means.capacity() * size_of::<RowMeans>()
    }

    /// Returns the means of a row that is at `index` in `rows`, or `None` if this sample does not contain it.
    fn means(&self, rows: &Arc<RowSet>, index: usize) -> Option<&RowMeans> {
        let is_same = Arc::ptr_eq(&self.row_set, rows);
        self.means.get(if is_same { index } else { self.row_set.index_of(*rows.ids().get(index)?)? })
    }
}

/// The moving means of a sample that was kept.
#[derive(Debug)]
struct TimeAnchor {
    key: AnchorKey,
    sample: SampleMeans,
}

impl TimeAnchor {
    fn memory(&self) -> usize {
        self.sample.memory()
    }

    fn means(&self, rows: &Arc<RowSet>, index: usize) -> Option<&RowMeans> {
        self.sample.means(rows, index)
    }
}

/// Lengths of the slots of time, each with the maximum age of the samples that are selected by it: of several samples in
/// a slot, the first is kept.
const SLOTS: [(Duration, Duration); 3] = [
    (Duration::from_secs(1), Duration::from_secs(6)),
    (Duration::from_secs(2), Duration::from_secs(20)),
    (Duration::from_secs(8), MAX_SPAN),
];

/// Sequence number, time and epoch of a sample, by which the kept samples are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnchorKey {
    pub(crate) seq: u64,
    at: Duration,
    epoch: u32,
    /// For each of [`SLOTS`], whether this is the first sample in its slot.
    is_first: [bool; SLOTS.len()],
}

impl AnchorKey {
    /// Returns the key of a sample that follows the sample with the key `before`.
    pub(crate) fn following(before: Option<&Self>, seq: u64, at: Duration, epoch: u32) -> Self {
        let before = before.filter(|before| before.epoch == epoch);
        let slot = |time: Duration, length: Duration| time.as_nanos() / length.as_nanos();
        let is_first = SLOTS.map(|(length, _)| before.is_none_or(|before| slot(before.at, length) != slot(at, length)));
        Self { seq, at, epoch, is_first }
    }

    /// Returns whether this sample is still needed when `newest` is the newest. `is_previous` is true for the sample
    /// before the newest, which may be older than a minute.
    pub(crate) fn is_needed(&self, newest: &Self, is_previous: bool) -> bool {
        let age = newest.at.saturating_sub(self.at);
        let slot = SLOTS.iter().position(|(_, max_age)| age <= *max_age);
        self.seq == newest.seq
            || self.epoch == newest.epoch && slot.map_or(is_previous && self.is_first[0], |slot| self.is_first[slot])
    }
}

/// The moving means of selected samples of the last minute.
#[derive(Debug, Clone, Default)]
pub(crate) struct IntervalTimes {
    /// Oldest first; the last one is the newest sample.
    anchors: VecDeque<Arc<TimeAnchor>>,
    /// Key of the newest sample.
    last: Option<AnchorKey>,
    /// The response times of the rows of the newest sample that were searched: several rules need each.
    response_times: Vec<OnceLock<Option<IntervalTime>>>,
}

impl IntervalTimes {
    /// Adds the newest sample and drops those that are no longer needed.
    pub(crate) fn push(&mut self, sample: &Sample) {
        let key = AnchorKey::following(self.last.as_ref(), sample.seq, sample.at.monotonic, sample.epoch.number);
        self.last = Some(key);
        self.anchors.push_back(Arc::new(TimeAnchor { key, sample: SampleMeans::from_sample(sample) }));
        let previous = self.anchors.len().checked_sub(2);
        let mut place = 0;
        self.anchors.retain(|anchor| {
            place += 1;
            anchor.key.is_needed(&key, Some(place - 1) == previous)
        });
        self.forget_times();
    }

    /// Forgets the response times that were searched with other anchors.
    fn forget_times(&mut self) {
        let rows = self.anchors.back().map_or(0, |newest| newest.sample.means.len());
        self.response_times.clear();
        self.response_times.resize(rows, OnceLock::new());
    }

    /// Restores the means at an earlier sample, the last of `keys`. Those that are not in `known` are taken from `read`;
    /// samples for which it returns none are left out.
    pub(crate) fn restore(keys: &[AnchorKey], known: &Self, mut read: impl FnMut(u64) -> Option<SampleMeans>) -> Self {
        let anchor = |key: &AnchorKey| match known.find(key) {
            Some(known) => Some(Arc::clone(known)),
            None => Some(Arc::new(TimeAnchor { key: *key, sample: read(key.seq)? })),
        };
        let anchors = keys.iter().filter_map(anchor).collect();
        let mut restored = Self { anchors, last: keys.last().copied(), response_times: Vec::new() };
        restored.forget_times();
        restored
    }

    /// Returns whether the means of a sample are kept.
    pub(crate) fn contains(&self, key: &AnchorKey) -> bool {
        self.find(key).is_some()
    }

    fn find(&self, key: &AnchorKey) -> Option<&Arc<TimeAnchor>> {
        self.anchors.iter().find(|anchor| anchor.key == *key)
    }

    /// Returns the keys of the kept samples, oldest first.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> Vec<AnchorKey> {
        self.anchors.iter().map(|anchor| anchor.key).collect()
    }

    /// Returns the memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.anchors.iter().map(|anchor| anchor.memory()).sum::<usize>()
            + self.response_times.capacity() * size_of::<OnceLock<Option<IntervalTime>>>()
    }

    /// Drops the oldest samples, but not the two newest, while the means use more than `limit` bytes.
    pub(crate) fn limit_memory(&mut self, limit: usize) {
        while self.anchors.len() > 2 && self.memory() > limit {
            self.anchors.pop_front();
            self.forget_times();
        }
    }

    /// Returns the mean time of the requests of the last seconds for the row at `index` in the newest sample, or `None`
    /// if there were no or too few requests.
    pub(crate) fn interval_time(&self, index: usize, field: Field) -> Option<IntervalTime> {
        self.search(index, field)?.finish()
    }

    /// Returns the same as [`Self::interval_time`], or else a mean that is known only roughly.
    pub(crate) fn rough_time(&self, index: usize, field: Field) -> Option<IntervalTime> {
        let find = || self.search(index, field)?.finish_roughly();
        match self.response_times.get(index).filter(|_| field == Field::Rtime) {
            Some(known) => *known.get_or_init(find),
            None => find(),
        }
    }

    /// Returns the rows of the newest sample with a failure in the last `time`, in ascending order. Without a sample since
    /// then, the time since the previous one counts.
    pub(crate) fn rows_with_failures(&self, time: Duration) -> Vec<usize> {
        let Some(newest) = self.anchors.back() else { return Vec::new() };
        let mut earlier = self.anchors.iter().rev().skip(1).peekable();
        let Some(mut first) = earlier.peek().copied() else { return Vec::new() };
        while let Some(anchor) = earlier.next_if(|anchor| newest.key.at.saturating_sub(anchor.key.at) <= time) {
            first = anchor;
        }
        let (rows, is_same) = (&newest.sample.row_set, newest.key.epoch == first.key.epoch);
        let has_failed = |(row, now): (usize, &RowMeans)| {
            let before = first.means(rows, row).unwrap_or(&RowMeans::NEW);
            (is_same && now.failed != before.failed && !now.is_absent()).then_some(row)
        };
        newest.sample.means.iter().enumerate().filter_map(has_failed).collect()
    }

    /// Returns the requests of the row at `index` that are in progress and got no response for long, although the row or its
    /// backend responded before; `None` without such requests.
    pub(crate) fn unanswered(&self, index: usize) -> Option<Unanswered> {
        let newest = self.anchors.back()?;
        let rows = &newest.sample.row_set;
        let usual = [Some(index), rows.backend_of(index).map(|backend| backend.row)].into_iter().flatten();
        let usual = usual.filter_map(|row| newest.sample.means.get(row)?.usual_response_time(newest.sample.kind));
        let mut search = UnansweredSearch::new(usual.reduce(f64::max)?);
        for anchor in self.anchors.iter().rev().skip(1) {
            let Some(responses) = self.requests_since(anchor, index) else { break };
            let span = newest.key.at.saturating_sub(anchor.key.at);
            if search.consider(span, responses, || self.waiting_since(anchor, index)) {
                break;
            }
        }
        search.finish()
    }

    /// Returns the number of requests of a row since an earlier sample that are in progress without a response.
    fn waiting_since(&self, anchor: &TimeAnchor, index: usize) -> i64 {
        let Some(newest) = self.anchors.back() else { return 0 };
        let rows = &newest.sample.row_set;
        let of_row = |row: usize| {
            let now = newest.sample.means.get(row)?;
            Some(now.waiting_since(anchor.means(rows, row).unwrap_or(&RowMeans::NEW)))
        };
        rows.servers_of(index).iter().filter_map(|row| of_row(*row)).sum()
    }

    fn search(&self, index: usize, field: Field) -> Option<IntervalSearch> {
        let newest = self.anchors.back()?;
        let now = newest.sample.means.get(index)?;
        let mut search = IntervalSearch::default();
        if self.is_idle(index) {
            return Some(search);
        }
        for anchor in self.anchors.iter().rev().skip(1) {
            let Some(before) = anchor.means(&newest.sample.row_set, index) else { break };
            let Some(requests) = self.requests_since(anchor, index) else { break };
            let span = newest.key.at.saturating_sub(anchor.key.at);
            if search.consider(span, requests, || now.interval_mean(before, newest.sample.kind, field, requests, span))
            {
                break;
            }
        }
        Some(search)
    }

    /// Returns whether a row had no requests in the time that a search considers. Most rows of a large site have none, and a
    /// search would compare each of them with every sample.
    fn is_idle(&self, index: usize) -> bool {
        let Some(newest) = self.last else { return true };
        let later = self.anchors.partition_point(|anchor| newest.at.saturating_sub(anchor.key.at) >= IDLE_AFTER);
        let first = self.anchors.get(later.saturating_sub(1));
        first.is_none_or(|first| self.requests_since(first, index) == Some(0))
    }

    /// Returns the same as [`Self::interval_time`] for a row by its id.
    #[cfg(test)]
    pub(crate) fn interval_time_of(&self, id: RowId, field: Field) -> Option<IntervalTime> {
        self.interval_time(self.anchors.back()?.sample.row_set.index_of(id)?, field)
    }

    /// Returns whether the reported means of the row at `index` are far too low.
    pub(crate) fn is_understated(&self, index: usize) -> bool {
        self.anchors.back().is_some_and(|newest| {
            newest.sample.means.get(index).is_some_and(|means| means.is_understated(newest.sample.kind))
        })
    }

    /// Returns the number of requests of a row whose times were added since an earlier sample, or `None` if counters were
    /// reset in between.
    ///
    /// The number of a backend is the sum over its servers, because its own counters include requests without a server.
    fn requests_since(&self, anchor: &TimeAnchor, index: usize) -> Option<u32> {
        let newest = self.anchors.back()?;
        let server_requests = |index: usize| {
            let now = newest.sample.means.get(index)?;
            now.requests_since(anchor.means(&newest.sample.row_set, index).unwrap_or(&RowMeans::NEW))
        };
        match newest.sample.row_set.backend_of(index).filter(|backend| backend.row == index) {
            Some(backend) => backend
                .servers
                .iter()
                .try_fold(0_u32, |sum, server| Some(sum.saturating_add(server_requests(*server)?))),
            None => server_requests(index),
        }
    }
}
