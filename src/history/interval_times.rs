//! The times of the requests of the last seconds, computed from the moving means of earlier samples.
//!
//! [`IntervalTimes`] keeps a few numbers per row of selected samples of the last minute ([`TimeAnchor`]). The mean of a row
//! is computed from the newest sample and the latest earlier one for which the mean is precise and not of too few
//! requests: a busy row needs two seconds, a quiet row up to a minute.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::haproxy::stat_table::{RowKind, StatTable};
use crate::history::moving_mean::{IntervalMean, MeanKind, MovingMean, WINDOW};
#[cfg(test)]
use crate::observe::row_ids::RowId;
use crate::observe::row_ids::RowSet;
use crate::observe::sample::Sample;

/// The fields with moving means, in the order of [`RowMeans::millis`].
pub(crate) const TIME_FIELDS: [Field; 4] = [Field::Qtime, Field::Ctime, Field::Rtime, Field::Ttime];

/// Minimum time span and minimum number of requests of a mean, if the last minute contains as many.
const MIN_SPAN: Duration = Duration::from_millis(1800);
const MIN_REQUESTS: u32 = 20;
/// Maximum time span of a mean, unless two consecutive samples are further apart.
pub(crate) const MAX_SPAN: Duration = Duration::from_mins(1);
/// Time without a request after which a mean is outdated.
const IDLE_AFTER: Duration = Duration::from_secs(12);
/// Maximum share of the time span that the transfer of a response may take. HAProxy adds the times of a request at its
/// end but counts the response at its beginning, so that with long transfers the number of requests is uncertain.
const MAX_TRANSFER_SHARE: f64 = 0.125;

/// Marks an absent mean.
const ABSENT: u32 = u32::MAX;

/// The mean time of the requests of the last seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct IntervalTime {
    /// The mean, in milliseconds.
    pub(crate) millis: f64,
    /// Number of requests.
    pub(crate) requests: u32,
    /// Time in which these requests ended.
    pub(crate) span: Duration,
}

/// The moving means of one row, and the numbers needed to compare them with earlier ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowMeans {
    /// The means of [`TIME_FIELDS`], in milliseconds; [`ABSENT`] if HAProxy does not report them.
    millis: [u32; 4],
    /// Number of requests whose times were added, of a server; the lowest 32 bits.
    requests: u32,
    /// The counter by which HAProxy divides while it is small, at most `u16::MAX`.
    divisor: u16,
}

impl RowMeans {
    const NONE: Self = Self { millis: [ABSENT; 4], requests: 0, divisor: 0 };
    /// The means of a new server, which starts with 0 requests.
    pub(crate) const NEW: Self = Self { millis: [0; 4], requests: 0, divisor: 0 };

    /// The fields from which [`Self::from_numbers`] reads: first those of [`TIME_FIELDS`].
    pub(crate) const FIELDS: [Field; 13] = [
        Field::Qtime,
        Field::Ctime,
        Field::Rtime,
        Field::Ttime,
        Field::Hrsp1xx,
        Field::Hrsp2xx,
        Field::Hrsp3xx,
        Field::Hrsp4xx,
        Field::Hrsp5xx,
        Field::HrspOther,
        Field::ReqTot,
        Field::Lbtot,
        Field::Econ,
    ];

    /// Builds the means of a row from its numbers.
    ///
    /// Only responses of the server have a time: HAProxy answers 503 and 504 itself. Retries and redispatches are not
    /// counted twice.
    pub(crate) fn from_numbers(is_tcp: bool, number: impl Fn(Field) -> Option<i64>) -> Self {
        let millis =
            TIME_FIELDS.map(|field| number(field).map_or(ABSENT, |mean| mean.clamp(0, i64::from(ABSENT - 1)) as u32));
        if millis == Self::NONE.millis {
            return Self::NONE;
        }
        let responses = Field::RESPONSES.into_iter().filter_map(&number).reduce(i64::wrapping_add).filter(|_| !is_tcp);
        let balanced = || number(Field::Lbtot);
        let requests =
            responses.or_else(|| Some(balanced()?.wrapping_sub(number(Field::Econ).unwrap_or(0)))).unwrap_or(0);
        let divisor = match responses {
            Some(responses) => number(Field::ReqTot).unwrap_or(responses),
            None => balanced().unwrap_or(0),
        };
        Self { millis, requests: requests as u32, divisor: divisor.clamp(0, i64::from(u16::MAX)) as u16 }
    }

    fn from_table(table: &StatTable, index: usize) -> Self {
        match &table.rows()[index] {
            row if matches!(row.kind, RowKind::Frontend | RowKind::Listener) => Self::NONE,
            row => Self::from_numbers(row.is_tcp(), |field| table.number(index, field)),
        }
    }

    /// Returns true if HAProxy does not report means, or the sample does not contain the row.
    pub(crate) fn is_absent(&self) -> bool {
        self.millis == Self::NONE.millis
    }

    fn mean(&self, place: usize) -> Option<MovingMean> {
        let millis = self.millis[place];
        (millis != ABSENT).then_some(MovingMean { millis, divisor: u32::from(self.divisor) })
    }

    /// Returns the number of requests since an earlier state of the row, or `None` if its counters were reset or one of the
    /// states is not reported.
    pub(crate) fn requests_since(&self, before: &Self) -> Option<u32> {
        let grown = self.requests.wrapping_sub(before.requests);
        (grown <= u32::MAX / 2 && !self.is_absent() && !before.is_absent()).then_some(grown)
    }

    /// Returns the mean of `requests` requests since an earlier state of the row, `span` ago, or `None` if it is unknown.
    pub(crate) fn interval_mean(
        &self,
        before: &Self,
        kind: MeanKind,
        field: Field,
        requests: u32,
        span: Duration,
    ) -> Option<IntervalMean> {
        let place = TIME_FIELDS.iter().position(|known| *known == field)?;
        let mean = |place: usize| IntervalMean::between(kind, before.mean(place)?, self.mean(place)?, requests);
        let found = mean(place)?;
        if field == Field::Ttime {
            let waiting: f64 = (0..place).filter_map(|place| Some(mean(place)?.millis)).sum();
            let transfer = Duration::from_secs_f64((found.millis - waiting).max(0.0) / 1000.0);
            if transfer.as_secs_f64() > span.as_secs_f64() * MAX_TRANSFER_SHARE {
                return None;
            }
        }
        Some(found)
    }

    /// Returns true if HAProxy's means of this row are far too low, because of a version that divides the times of few
    /// requests by the size of the window.
    fn is_understated(&self, kind: MeanKind) -> bool {
        kind == MeanKind::AlwaysMoving && u32::from(self.divisor) < WINDOW
    }
}

/// Searches for the mean of the last seconds, from the latest to the earliest sample.
///
/// The first precise mean of enough requests is taken, or else the last precise mean. A longer time makes a mean more
/// precise unless the times changed meanwhile: if the means of two time spans differ by more than their errors, the mean
/// of the shorter one is taken.
#[derive(Debug, Default)]
pub(crate) struct IntervalSearch {
    found: Option<IntervalTime>,
    /// The last mean of enough requests that was not precise.
    imprecise: Option<(IntervalMean, Duration)>,
}

impl IntervalSearch {
    /// Considers the mean since a sample `span` ago, with `requests` requests. Returns whether the search is over.
    pub(crate) fn consider(
        &mut self,
        span: Duration,
        requests: u32,
        mean: impl FnOnce() -> Option<IntervalMean>,
    ) -> bool {
        if requests == 0 && span >= IDLE_AFTER {
            return true;
        }
        let Some(mean) = mean() else { return false };
        if let Some((shorter, span)) = &self.imprecise
            && (mean.millis - shorter.millis).abs() > mean.error + shorter.error
        {
            self.found = Some(IntervalTime { millis: shorter.millis, requests: shorter.requests, span: *span });
            return true;
        }
        let has_enough = requests >= MIN_REQUESTS && span >= MIN_SPAN;
        if mean.is_precise() {
            self.found = Some(IntervalTime { millis: mean.millis, requests, span });
            return has_enough;
        }
        if has_enough {
            self.imprecise = Some((mean, span));
        }
        false
    }

    /// Returns the mean that was found.
    pub(crate) fn finish(self) -> Option<IntervalTime> {
        self.found
    }
}

/// The moving means of all rows of one sample.
#[derive(Debug)]
pub(crate) struct TimeAnchor {
    key: AnchorKey,
    kind: MeanKind,
    row_set: Arc<RowSet>,
    means: Vec<RowMeans>,
}

impl TimeAnchor {
    fn new(key: AnchorKey, sample: &Sample) -> Self {
        let means = (0..sample.table.rows().len()).map(|index| RowMeans::from_table(&sample.table, index)).collect();
        let kind = MeanKind::from_version(sample.info.version());
        Self { key, kind, row_set: Arc::clone(&sample.rows), means }
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

/// Lengths of the slots of time, each with the maximum age of the samples that are selected by it: of several samples in
/// a slot, the first is kept.
const SLOTS: [(Duration, Duration); 2] =
    [(Duration::from_secs(1), Duration::from_secs(6)), (Duration::from_secs(5), MAX_SPAN)];

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
}

impl IntervalTimes {
    /// Adds the newest sample and drops those that are no longer needed.
    pub(crate) fn push(&mut self, sample: &Sample) {
        let key = AnchorKey::following(self.last.as_ref(), sample.seq, sample.at.monotonic, sample.epoch.number);
        self.last = Some(key);
        self.anchors.push_back(Arc::new(TimeAnchor::new(key, sample)));
        let previous = self.anchors.len().checked_sub(2);
        let mut place = 0;
        self.anchors.retain(|anchor| {
            place += 1;
            anchor.key.is_needed(&key, Some(place - 1) == previous)
        });
    }

    /// Restores the means at an earlier sample, the last of `keys`. Each of the samples is taken from `known` or else
    /// from `load`; samples that neither has are left out.
    pub(crate) fn restore(keys: &[AnchorKey], known: &Self, load: impl Fn(u64) -> Option<Arc<Sample>>) -> Self {
        let anchor = |key: &AnchorKey| match known.anchors.iter().find(|anchor| anchor.key == *key) {
            Some(anchor) => Some(Arc::clone(anchor)),
            None => Some(Arc::new(TimeAnchor::new(*key, &*load(key.seq)?))),
        };
        Self { anchors: keys.iter().filter_map(anchor).collect(), last: keys.last().copied() }
    }

    /// Returns the keys of the kept samples, oldest first.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> Vec<AnchorKey> {
        self.anchors.iter().map(|anchor| anchor.key).collect()
    }

    /// Returns the memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.anchors.iter().map(|anchor| anchor.memory()).sum()
    }

    /// Drops the oldest samples, but not the two newest, while the means use more than `limit` bytes.
    pub(crate) fn limit_memory(&mut self, limit: usize) {
        while self.anchors.len() > 2 && self.memory() > limit {
            self.anchors.pop_front();
        }
    }

    /// Returns the mean time of the requests of the last seconds for the row at `index` in the newest sample, or `None`
    /// if there were no or too few requests.
    pub(crate) fn interval_time(&self, index: usize, field: Field) -> Option<IntervalTime> {
        let newest = self.anchors.back()?;
        let now = newest.means.get(index)?;
        let mut search = IntervalSearch::default();
        for anchor in self.anchors.iter().rev().skip(1) {
            let Some(before) = anchor.means(&newest.row_set, index) else { break };
            let Some(requests) = self.requests_since(anchor, index) else { break };
            let span = newest.key.at.saturating_sub(anchor.key.at);
            if search.consider(span, requests, || now.interval_mean(before, newest.kind, field, requests, span)) {
                break;
            }
        }
        search.finish()
    }

    /// Returns the same as [`Self::interval_time`] for a row by its id.
    #[cfg(test)]
    pub(crate) fn interval_time_of(&self, id: RowId, field: Field) -> Option<IntervalTime> {
        self.interval_time(self.anchors.back()?.row_set.index_of(id)?, field)
    }

    /// Returns whether the reported means of the row at `index` are far too low.
    pub(crate) fn is_understated(&self, index: usize) -> bool {
        self.anchors
            .back()
            .is_some_and(|newest| newest.means.get(index).is_some_and(|means| means.is_understated(newest.kind)))
    }

    /// Returns the number of requests of a row whose times were added since an earlier sample, or `None` if counters were
    /// reset in between.
    ///
    /// The number of a backend is the sum over its servers, because its own counters include requests without a server.
    fn requests_since(&self, anchor: &TimeAnchor, index: usize) -> Option<u32> {
        let newest = self.anchors.back()?;
        let server_requests = |index: usize| {
            let now = newest.means.get(index)?;
            now.requests_since(anchor.means(&newest.row_set, index).unwrap_or(&RowMeans::NEW))
        };
        match newest.row_set.backend_of(index).filter(|backend| backend.row == index) {
            Some(backend) => backend
                .servers
                .iter()
                .try_fold(0_u32, |sum, server| Some(sum.saturating_add(server_requests(*server)?))),
            None => server_requests(index),
        }
    }
}
