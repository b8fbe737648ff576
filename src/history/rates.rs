//! Rates: growth of counters over the last few seconds.
//!
//! HAProxy's own rates cover one second and exist only for a few counters. Here, a counter is compared with its value a
//! few samples earlier. A rate needs two samples of the same process between which the counter never decreased, so it
//! is never negative and never a spike.
//!
//! Two samples of different processes are never compared, but the growth within each process is added up: after a
//! reload, a rate still covers the last seconds of the old process, and two processes that take turns answering on one
//! socket are each compared with themselves. The time between two processes does not count.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::stat_table::StatRow;
use crate::history::block::SampleHeader;
use crate::history::interval_search::IntervalTime;
use crate::history::interval_times::{AnchorKey, IntervalTimes, MAX_SPAN as MAX_TIMES_SPAN};
use crate::history::quiet_rows::QuietRows;
use crate::history::store::History;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// Maximum time span of a rate, unless two consecutive samples are further apart.
const MAX_SPAN: Duration = Duration::from_secs(5);
/// Maximum number of samples kept.
const MAX_SAMPLES: usize = 5;
/// Minimum number of samples kept, even if they are large: a rate needs two samples, and one may arrive late.
const MIN_SAMPLES: usize = 3;
/// Size of a reply, in bytes, from which only two samples are kept.
const HUGE_REPLY_BYTES: usize = 8 << 20;
/// Total size of the replies, in bytes, up to which more than the minimum number of samples are kept. Parsed samples
/// take about twice as much memory as the replies.
const MAX_REPLY_BYTES: usize = 9 << 20;
/// Minimum time between kept samples, except for the newest and the oldest. It is slightly less than one second,
/// because samples taken every second do not arrive exactly one second apart.
const MIN_GAP: Duration = Duration::from_millis(900);

/// Minimum number of requests without a response that show that a row does not respond.
const MIN_UNANSWERED: i64 = 10;
/// Number of attempts, as a multiple of the failed connections, up to which requests without a response show a problem of
/// the connections.
const MIN_CONNECTED_FACTOR: i64 = 10;
/// Part of the memory limit of samples and moving means that the moving means may take: one eighth.
const MAX_TIMES_MEMORY_SHARE: usize = 8;

/// Time before a past sample from which headers are replayed to find the samples that the window contained then.
pub(crate) const LOOKBACK: Duration = Duration::from_secs(15);

/// Rates and times of the rows of a sample that do not follow from earlier samples.
pub(crate) trait RowRates: std::fmt::Debug + Send + Sync {
    /// Returns the growth of a counter of the row at `index`, and the number of seconds over which it grew.
    fn growth(&self, index: usize, field: Field) -> Option<(i64, f64)>;
    /// Returns the mean time of the requests of the last seconds; also one that is known only roughly if that is enough.
    fn time(&self, index: usize, field: Field, is_rough_enough: bool) -> Option<IntervalTime>;
    /// Returns the time over which counters can have grown.
    fn span(&self) -> Option<Duration>;
}

/// Properties of a sample that determine how long the window keeps the sample.
pub trait RateSample {
    /// Returns the monotonic time of the sample.
    fn taken_at(&self) -> Duration;
    /// Returns whether both samples are from the same epoch.
    fn is_same_epoch(&self, other: &Self) -> bool;
    /// Returns whether both samples are from the same process, which may have replied before another one did.
    fn is_same_process(&self, other: &Self) -> bool {
        self.is_same_epoch(other)
    }
    /// Returns the size of the reply in bytes.
    fn reply_bytes(&self) -> usize;
    /// Returns the sample itself, or `None` if only its header is known.
    fn as_sample(&self) -> Option<&Sample> {
        None
    }
}

impl RateSample for Arc<Sample> {
    fn taken_at(&self) -> Duration {
        self.at.monotonic
    }

    fn is_same_epoch(&self, other: &Self) -> bool {
        self.epoch == other.epoch
    }

    fn is_same_process(&self, other: &Self) -> bool {
        Sample::is_same_process(self, other)
    }

    fn reply_bytes(&self) -> usize {
        self.cost.bytes
    }

    fn as_sample(&self) -> Option<&Sample> {
        Some(self)
    }
}

impl RateSample for SampleHeader {
    fn taken_at(&self) -> Duration {
        self.at
    }

    fn is_same_epoch(&self, other: &Self) -> bool {
        self.epoch == other.epoch
    }

    fn reply_bytes(&self) -> usize {
        self.cost.bytes
    }
}

/// The last few samples, from which rates are computed.
#[derive(Debug, Clone)]
pub struct RateWindow<T = Arc<Sample>> {
    /// Oldest first; the last one is the newest sample.
    samples: VecDeque<T>,
    /// Moving means of these and earlier samples.
    times: IntervalTimes,
    /// Earlier counters of rows with few requests.
    quiet_rows: QuietRows,
    /// The rates, if the rows are those of several windows together.
    merged: Option<Arc<dyn RowRates>>,
}

impl<T> Default for RateWindow<T> {
    fn default() -> Self {
        Self {
            samples: VecDeque::new(),
            times: IntervalTimes::default(),
            quiet_rows: QuietRows::default(),
            merged: None,
        }
    }
}

impl<T: RateSample> RateWindow<T> {
    /// Appends the newest sample and drops those that are no longer needed.
    pub fn push(&mut self, sample: T) {
        let now = sample.taken_at();
        // What an old process did long ago does not belong to the last seconds.
        if let [.., before, last] = self.samples.make_contiguous()
            && !last.is_same_epoch(&sample)
            && now.saturating_sub(last.taken_at()) > MAX_SPAN.max(last.taken_at().saturating_sub(before.taken_at()) * 2)
        {
            self.samples.clear();
        }
        if let Some(sample) = sample.as_sample() {
            self.times.push(sample);
        }
        let is_huge = |sample: &T| sample.reply_bytes() >= HUGE_REPLY_BYTES;
        let min_samples = if is_huge(&sample) { 2 } else { MIN_SAMPLES };
        let max_samples = (MAX_REPLY_BYTES / sample.reply_bytes().max(1)).clamp(min_samples, MAX_SAMPLES);
        // With short intervals, drop the previously newest sample if it is too close in time to the sample before it.
        // The first and the last sample of a process are kept, because its growth lies between them.
        if let [.., before, last] = self.samples.make_contiguous()
            && last.taken_at().saturating_sub(before.taken_at()) < MIN_GAP
            && last.is_same_epoch(before)
            && last.is_same_epoch(&sample)
        {
            self.samples.pop_back();
        }
        // Right after a reload, only the two samples before the newest one show a growth.
        let is_new_epoch = self.samples.back().is_some_and(|last| !last.is_same_epoch(&sample));
        let kept = if is_new_epoch && !is_huge(&sample) { 3 } else { 2 };
        self.samples.push_back(sample);
        while self.samples.len() > kept
            && (self.samples.len() > max_samples
                || self.samples.iter().rev().skip(2).any(is_huge)
                || now.saturating_sub(self.samples[0].taken_at()) > MAX_SPAN)
        {
            self.samples.pop_front();
        }
    }

    /// Returns the growth of a counter and the number of seconds over which the counter grew. In each process, the
    /// growth counts from the earliest sample after which the counter was always present and never decreased.
    pub(crate) fn growth_of(&self, value: impl Fn(&T) -> Option<i64>) -> Option<(i64, f64)> {
        let newest = self.samples.back()?;
        let last = value(newest)?;
        let oldest = self.samples.front()?;
        if !oldest.is_same_epoch(newest) {
            return self.growth_of_processes(value);
        }
        // Most counters do not change, so compare the oldest and the newest value first. A counter that was cleared and
        // grew back to exactly the same value counts as unchanged.
        if value(oldest) == Some(last) {
            let seconds = newest.taken_at().checked_sub(oldest.taken_at())?.as_secs_f64();
            return (seconds > 0.0).then_some((0, seconds));
        }
        let (mut first, mut since) = (last, newest.taken_at());
        for sample in self.samples.iter().rev().skip(1) {
            match value(sample) {
                Some(earlier) if earlier <= first => (first, since) = (earlier, sample.taken_at()),
                _ => break,
            }
        }
        let seconds = (newest.taken_at().checked_sub(since)?).as_secs_f64();
        (seconds > 0.0).then_some((last.saturating_sub(first), seconds))
    }

    /// Returns the growth of a counter in a window with several processes: the sum over the processes, and the time
    /// that at least one of them covers.
    fn growth_of_processes(&self, value: impl Fn(&T) -> Option<i64>) -> Option<(i64, f64)> {
        let mut grown: i64 = 0;
        // By place, newest first: whether a growth covers the time before a sample, and whether the counter of its process
        // was absent or decreased later.
        let mut is_covered = [false; MAX_SAMPLES];
        let mut is_broken = [false; MAX_SAMPLES];
        let samples: Vec<(&T, Option<i64>)> =
            self.samples.iter().rev().take(MAX_SAMPLES).map(|sample| (sample, value(sample))).collect();
        for (place, (later, last)) in samples.iter().enumerate() {
            let same = samples.iter().skip(place + 1).position(|(sample, _)| later.is_same_process(sample));
            let Some(before) = same.map(|distance| place + 1 + distance) else { continue };
            match (samples[before].1, last) {
                (Some(first), Some(last)) if first <= *last && !is_broken[place] => {
                    grown = grown.saturating_add(last.saturating_sub(first));
                    is_covered[place..before].fill(true);
                }
                _ => is_broken[before] = true,
            }
        }
        let gaps = samples.windows(2).zip(is_covered).filter(|(_, is_covered)| *is_covered);
        let times = gaps.map(|(pair, _)| pair[0].0.taken_at().saturating_sub(pair[1].0.taken_at()));
        let seconds = times.sum::<Duration>().as_secs_f64();
        (seconds > 0.0).then_some((grown, seconds))
    }
}

impl RateWindow<SampleHeader> {
    /// Returns the sequence numbers of the samples that the window contained when sample `seq` was the newest, oldest
    /// first.
    pub(crate) fn sample_numbers_at(history: &History, seq: u64) -> Vec<u64> {
        let mut headers = history.headers_back_from(seq).peekable();
        let since = headers.peek().map_or(Duration::ZERO, |newest| newest.at.saturating_sub(LOOKBACK));
        // Read beyond the lookback, because a window keeps two samples, or three after a reload, however old they are.
        let mut recent: Vec<SampleHeader> = Vec::new();
        for header in headers {
            recent.push(header);
            if header.at < since && recent.len() > 3 {
                break;
            }
        }
        let mut window = Self::default();
        recent.into_iter().rev().for_each(|header| window.push(header));
        window.samples.iter().map(|header| header.seq).collect()
    }

    /// Returns the keys of the samples whose moving means were kept when sample `seq` was the newest, oldest first.
    pub(crate) fn anchor_keys_at(history: &History, seq: u64) -> Vec<AnchorKey> {
        let mut headers = history.headers_back_from(seq).peekable();
        let since = headers.peek().map_or(Duration::ZERO, |newest| newest.at.saturating_sub(MAX_TIMES_SPAN));
        // Read two samples beyond the time span: the one before it shows whether the first one begins a slot.
        let mut recent: Vec<SampleHeader> = Vec::new();
        for header in headers {
            recent.push(header);
            if recent.iter().filter(|header| header.at < since).count() > 2 {
                break;
            }
        }
        let mut keys: Vec<AnchorKey> = Vec::with_capacity(recent.len());
        for header in recent.into_iter().rev() {
            keys.push(AnchorKey::following(keys.last(), header.seq, header.at, header.epoch));
        }
        let (newest, previous) = (keys.last().copied(), keys.len().checked_sub(2));
        let is_needed = |(place, key): &(usize, AnchorKey)| {
            newest.is_some_and(|newest| key.is_needed(&newest, Some(*place) == previous))
        };
        keys.into_iter().enumerate().filter(is_needed).map(|(_, key)| key).collect()
    }
}

impl RateWindow {
    /// Creates a window from samples, oldest first, and the moving means at the time of the last sample.
    pub(crate) fn from_samples(samples: impl Iterator<Item = Arc<Sample>>, times: IntervalTimes) -> Self {
        Self { samples: samples.collect(), times, ..Self::default() }
    }

    /// Creates a window whose only sample has rows of several windows together.
    pub(crate) fn from_merged(sample: Arc<Sample>, merged: impl RowRates + 'static) -> Self {
        Self { samples: VecDeque::from([sample]), merged: Some(Arc::new(merged)), ..Self::default() }
    }

    /// Sets the rows that have few requests at the newest sample.
    pub(crate) fn set_quiet_rows(&mut self, quiet_rows: QuietRows) {
        self.quiet_rows = quiet_rows;
    }

    /// Returns the earlier counters of rows with few requests.
    pub(crate) fn quiet_rows(&self) -> &QuietRows {
        &self.quiet_rows
    }

    /// Returns the moving means of these and earlier samples.
    pub(crate) fn times(&self) -> &IntervalTimes {
        &self.times
    }

    /// Returns the mean time of the requests of the last seconds for the row at `index` in the newest sample. The field
    /// is one of HAProxy's means, such as `rtime`. Returns `None` if there were no or too few requests.
    pub(crate) fn interval_time(&self, index: usize, field: Field) -> Option<IntervalTime> {
        if let Some(merged) = &self.merged {
            return merged.time(index, field, false);
        }
        self.unanswered_time(index, field).or_else(|| self.times.interval_time(index, field))
    }

    /// Returns the same as [`Self::interval_time`], or else a mean that is known only roughly.
    pub(crate) fn rough_time(&self, index: usize, field: Field) -> Option<IntervalTime> {
        if let Some(merged) = &self.merged {
            return merged.time(index, field, true);
        }
        self.unanswered_time(index, field).or_else(|| self.times.rough_time(index, field))
    }

    /// Returns the response time of the requests of a row that are in progress, if none was answered for long. Requests that
    /// wait for a place at servers that are full of such requests count, too. Without connections, there is no response, but
    /// that is another fault.
    fn unanswered_time(&self, index: usize, field: Field) -> Option<IntervalTime> {
        let newest = self.newest()?;
        let is_busy = newest.table.number(index, Field::Scur).is_some_and(|sessions| sessions > 0);
        let found =
            Some(index).filter(|_| is_busy && field == Field::Rtime).and_then(|row| self.times.unanswered(row))?;
        let servers = newest.rows.servers_of(index);
        let number = |row: usize, field: Field| newest.table.number(row, field).unwrap_or_default();
        let sum = |field: Field| servers.iter().fold(0_i64, |sum, row| sum.saturating_add(number(*row, field)));
        let grown = |field: Field| servers.iter().filter_map(|row| Some(self.growth_at(*row, field)?.0)).sum::<i64>();
        let unconnected: i64 = [Field::Econ, Field::Wretr, Field::Wredis].into_iter().map(grown).sum();
        if unconnected > 0 && unconnected.saturating_mul(MIN_CONNECTED_FACTOR) >= grown(Field::Stot) {
            return None;
        }
        let sessions = sum(Field::Scur);
        let requests = found.requests.min(sessions);
        let of_backend = if servers.contains(&index) { 0 } else { number(index, Field::Qcur) };
        let is_mostly = requests.saturating_mul(2) >= sessions;
        let queued = if is_mostly { sum(Field::Qcur).saturating_add(of_backend) } else { 0 };
        let limits = servers.iter().map(|row| number(*row, Field::Slim));
        let limit = limits.reduce(|sum, limit| if sum > 0 && limit > 0 { sum.saturating_add(limit) } else { 0 });
        // All places of the servers are taken by such requests.
        let are_full = is_mostly && requests > 1 && limit.is_some_and(|limit| limit > 0 && sessions >= limit);
        let is_enough = are_full || requests > 0 && requests.saturating_add(queued) >= MIN_UNANSWERED;
        is_enough.then(|| IntervalTime::unanswered(found.span, u32::try_from(requests).unwrap_or(u32::MAX)))
    }

    /// Returns the memory of the samples and the moving means in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.sample_memory() + self.times.memory()
    }

    fn sample_memory(&self) -> usize {
        let rows_before =
            std::iter::once(None).chain(self.samples.iter().map(|sample| Some(sample.table.shared_rows())));
        let memory = |(sample, before): (&Arc<Sample>, Option<&Arc<Vec<StatRow>>>)| {
            let is_shared = before.is_some_and(|before| Arc::ptr_eq(before, sample.table.shared_rows()));
            sample.table.number_memory() + if is_shared { 0 } else { sample.table.row_memory() }
        };
        self.samples.iter().zip(rows_before).map(memory).sum()
    }

    /// Drops the oldest moving means that use more than an eighth of `limit` bytes, and the oldest samples, but not the
    /// newest, while both use more than `limit`.
    pub(crate) fn limit_memory(&mut self, limit: usize) {
        self.times.limit_memory(limit / MAX_TIMES_MEMORY_SHARE);
        let limit = limit.saturating_sub(self.times.memory());
        while self.samples.len() > 1 && self.sample_memory() > limit {
            self.samples.pop_front();
        }
    }

    /// Returns the samples in the window, oldest first.
    pub(crate) fn samples(&self) -> impl DoubleEndedIterator<Item = &Arc<Sample>> {
        self.samples.iter()
    }

    /// Returns the newest sample, or `None` if the window is empty.
    pub(crate) fn newest(&self) -> Option<&Arc<Sample>> {
        self.samples.back()
    }

    /// Returns the time over which a counter can have grown: from the oldest to the newest sample, without the times
    /// between two processes. Returns `None` without two samples of one process.
    pub(crate) fn span(&self) -> Option<Duration> {
        if let Some(merged) = &self.merged {
            return merged.span();
        }
        let seconds = self.growth_of(|_| Some(0)).map(|(_, seconds)| seconds)?;
        Some(Duration::from_secs_f64(seconds))
    }

    /// Returns whether the newest sample is the first one of its process, so that no counter of this process has a
    /// growth yet.
    pub(crate) fn is_cut_by_reload(&self) -> bool {
        let Some(newest) = self.newest() else { return false };
        self.samples.len() > 1 && !self.samples.iter().rev().skip(1).any(|sample| newest.is_same_process(sample))
    }

    /// Returns the growth of a row's counter and the number of seconds over which the counter grew, or `None` with
    /// fewer than two usable samples.
    pub(crate) fn growth(&self, id: RowId, field: Field) -> Option<(i64, f64)> {
        self.growth_at(self.newest()?.rows.index_of(id)?, field)
    }

    /// Returns the same as [`Self::growth`] for the row at `index` in the newest sample, without a lookup by id while
    /// the rows do not change.
    pub(crate) fn growth_at(&self, index: usize, field: Field) -> Option<(i64, f64)> {
        if let Some(merged) = &self.merged {
            return merged.growth(index, field);
        }
        let newest = self.newest()?;
        let id = *newest.rows.ids().get(index)?;
        self.growth_of(|sample| {
            let is_same = Arc::ptr_eq(&sample.rows, &newest.rows);
            sample.table.number(if is_same { index } else { sample.rows.index_of(id)? }, field)
        })
    }

    /// Returns the growth per second of a row's counter, or `None` with fewer than two usable samples.
    pub(crate) fn rate(&self, id: RowId, field: Field) -> Option<f64> {
        self.growth(id, field).map(|(grown, seconds)| grown as f64 / seconds)
    }

    /// Returns the growth of a process counter and the number of seconds over which the counter grew, or `None` with
    /// fewer than two usable samples.
    pub(crate) fn process_growth(&self, field: InfoField) -> Option<(i64, f64)> {
        self.growth_of(|sample| sample.process_number(field))
    }

    /// Returns the growth per second of a process counter, or `None` with fewer than two usable samples.
    pub fn process_rate(&self, field: InfoField) -> Option<f64> {
        self.process_growth(field).map(|(grown, seconds)| grown as f64 / seconds)
    }
}

#[cfg(test)]
mod rate_tests;
