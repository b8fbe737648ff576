//! The figures of a row in spans of time, read from the history: growth of counters, mean times, mean levels.
//!
//! Counters are compared only between neighboring samples of one process. A pair of samples between which the process
//! changed or a counter decreased is left out, together with its time, so that a rate is never understated.

use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::history::block::Series;
use crate::history::moving_mean::MeanKind;
use crate::history::row_means::RowMeans;
use crate::history::row_sums::RowSum;
use crate::history::store::History;
use crate::observe::row_ids::RowId;

/// A span of monotonic time: from the sample at `start` to the sample at `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeWindow {
    /// Time of the first sample.
    pub(crate) start: Duration,
    /// Time of the last sample.
    pub(crate) end: Duration,
}

impl TimeWindow {
    /// Returns the length of the window.
    pub(crate) fn length(self) -> Duration {
        self.end.saturating_sub(self.start)
    }

    fn contains(self, at: Duration) -> bool {
        self.start <= at && at <= self.end
    }
}

/// A row whose figures are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeasuredRow {
    /// The row.
    pub(crate) id: RowId,
    /// True if the row is in TCP mode, where HAProxy measures no response time.
    pub(crate) is_tcp: bool,
    /// The way in which HAProxy computes the means; `None` for a row without times of its own: a frontend, or a backend,
    /// whose times are those of its servers.
    pub(crate) kind: Option<MeanKind>,
}

/// Counters that are added up.
const COUNTERS: [Field; 14] = Field::join(&[&OTHER_COUNTERS, &Field::RESPONSES]);
/// The counters without those of responses.
const OTHER_COUNTERS: [Field; 8] =
    [Field::Stot, Field::ReqTot, Field::Bin, Field::Bout, Field::Econ, Field::Eresp, Field::Wretr, Field::Chkdown];
/// Numbers whose mean over the samples is computed.
const LEVELS: [Field; 2] = [Field::Scur, Field::Qcur];
/// Settings, of which the last value counts.
const SETTINGS: [Field; 2] = [Field::Weight, Field::Slim];
/// Times of requests.
const TIMES: [Field; 2] = [Field::Rtime, Field::Qtime];

/// All fields that are read.
const FIELDS: [Field; 26] = Field::join(&[&RowMeans::FIELDS, &LEVELS, &SETTINGS, &FURTHER_COUNTERS]);
/// Counters that are read in addition to those of [`RowMeans::FIELDS`].
const FURTHER_COUNTERS: [Field; 4] = [Field::Bin, Field::Bout, Field::Chkdown, Field::Chkfail];

/// Index in [`FIELDS`] of each of [`COUNTERS`].
const COUNTER_PLACES: [usize; COUNTERS.len()] = {
    let mut places = [0; COUNTERS.len()];
    let mut counter = 0;
    while counter < COUNTERS.len() {
        while FIELDS[places[counter]] as usize != COUNTERS[counter] as usize {
            places[counter] += 1;
        }
        counter += 1;
    }
    places
};

/// Number of requests from which the mean time is computed before the requests are forgotten by HAProxy's moving mean.
const SEGMENT_REQUESTS: u32 = 128;

/// The mean time of the requests of a window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct MeanTime {
    /// The mean, in milliseconds.
    pub(crate) millis: f64,
    /// Maximum error due to the rounding of HAProxy's numbers, in milliseconds.
    pub(crate) error: f64,
    /// Number of requests.
    pub(crate) requests: f64,
}

impl MeanTime {
    fn merge(&mut self, other: Self) {
        let requests = self.requests + other.requests;
        if requests > 0.0 {
            let mean = |one: f64, two: f64| (one * self.requests + two * other.requests) / requests;
            *self = Self { millis: mean(self.millis, other.millis), error: mean(self.error, other.error), requests };
        }
    }
}

/// The figures of a row in one window.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct WindowFigures {
    /// Time over which the growth of the counters is known, in seconds.
    pub(crate) seconds: f64,
    grown: [Option<i64>; COUNTERS.len()],
    times: [MeanTime; TIMES.len()],
    level_sums: [Option<f64>; LEVELS.len()],
    /// Number of samples that contain each of [`LEVELS`].
    level_samples: [u32; LEVELS.len()],
    /// Number of samples that contain the row.
    samples: u32,
    settings: [Option<i64>; SETTINGS.len()],
}

impl WindowFigures {
    /// Returns the growth of a counter, or `None` if it is unknown.
    pub(crate) fn growth(&self, field: Field) -> Option<i64> {
        self.grown[COUNTERS.iter().position(|known| *known == field)?]
    }

    /// Returns the total growth of counters, of which at least one is known.
    pub(crate) fn total_growth(&self, fields: &[Field]) -> Option<i64> {
        fields.iter().filter_map(|field| self.growth(*field)).reduce(i64::saturating_add)
    }

    /// Returns the mean time of the requests for `rtime` or `qtime`, or `None` without requests.
    pub(crate) fn time(&self, field: Field) -> Option<MeanTime> {
        let time = self.times[TIMES.iter().position(|known| *known == field)?];
        (time.requests > 0.0).then_some(time)
    }

    /// Returns the mean of `scur` or `qcur`, or `None` if it is unknown.
    pub(crate) fn level(&self, field: Field) -> Option<f64> {
        let place = LEVELS.iter().position(|known| *known == field)?;
        Some(self.level_sums[place]? / f64::from(self.level_samples[place]))
    }

    /// Returns the last value of `weight` or `slim`, or `None` if it is unknown.
    pub(crate) fn setting(&self, field: Field) -> Option<i64> {
        self.settings[SETTINGS.iter().position(|known| *known == field)?]
    }

    /// Returns the sum over the samples of `scur` or `qcur`, or `None` if a sample with the row lacks the value.
    fn level_sum(&self, field: Field) -> Option<f64> {
        let place = LEVELS.iter().position(|known| *known == field)?;
        self.level_sums[place].filter(|_| self.level_samples[place] == self.samples)
    }

    /// Returns the figures of several rows together, such as those of a server on several balancers. Amounts are added up, and
    /// unknown if that of one row is; times are weighted by the requests. Rows without samples in the window are left out.
    pub(crate) fn sum(rows: &[Self]) -> Self {
        let present: Vec<&Self> = rows.iter().filter(|row| row.samples > 0).collect();
        if let [] | [_] = present.as_slice() {
            return present.first().map_or_else(Self::default, |row| Self::clone(row));
        }
        let mut sum = Self { samples: 1, level_samples: [1; LEVELS.len()], ..Self::default() };
        sum.seconds = present.iter().map(|row| row.seconds).fold(0.0, f64::max);
        for (place, grown) in sum.grown.iter_mut().enumerate() {
            // The growth per second is the sum of that of the rows.
            let in_all_seconds = |row: &&Self| {
                let grown = row.grown[place].filter(|_| row.seconds > 0.0)? as f64;
                Some((grown * sum.seconds / row.seconds).round() as i64)
            };
            *grown = present.iter().map(in_all_seconds).try_fold(0_i64, |all, one| Some(all.saturating_add(one?)));
        }
        for (place, time) in sum.times.iter_mut().enumerate() {
            for row in &present {
                time.merge(row.times[place]);
            }
        }
        for (level, field) in sum.level_sums.iter_mut().zip(LEVELS) {
            *level = present.iter().map(|row| row.level(field)).sum();
        }
        let setting = |field| present.iter().map(|row| row.setting(field)).collect::<Option<Vec<i64>>>();
        // A weight is a share of one balancer.
        let is_equal = |weights: &Vec<i64>| weights.iter().all(|weight| *weight == weights[0]);
        let weight = setting(Field::Weight).filter(is_equal).map(|weights| weights[0]);
        let has_limit = |limits: &Vec<i64>| limits.iter().all(|limit| *limit > 0);
        let limit = setting(Field::Slim).filter(has_limit).map(|limits| limits.iter().sum());
        sum.settings = [weight, limit];
        sum
    }

    /// Adds the times and queues of its servers to the figures of a backend.
    pub(crate) fn add_servers(&mut self, servers: &ServerSums) {
        for (time, other) in self.times.iter_mut().zip(servers.times) {
            time.merge(other);
        }
        let mut queue = servers.queue;
        queue.add(self.level_sum(Field::Qcur));
        for (field, sum) in LEVELS.iter().zip(&mut self.level_sums) {
            if *field == Field::Qcur {
                *sum = queue.value();
            }
        }
    }
}

/// The sums over the servers of a backend in one window.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerSums {
    times: [MeanTime; TIMES.len()],
    /// The queued requests of all servers and samples together.
    queue: RowSum,
}

impl ServerSums {
    /// Adds the figures of a server, unless the window does not contain it.
    pub(crate) fn add(&mut self, server: &WindowFigures) {
        for (time, other) in self.times.iter_mut().zip(server.times) {
            time.merge(other);
        }
        if server.samples > 0 {
            self.queue.add(server.level_sum(Field::Qcur));
        }
    }
}

/// A sample of a row, with its values in the order of [`FIELDS`].
#[derive(Debug, Clone, Copy)]
struct RowSample {
    at: Duration,
    epoch: u32,
    values: [Option<i64>; FIELDS.len()],
    means: Option<RowMeans>,
}

impl RowSample {
    fn number(&self, field: Field) -> Option<i64> {
        self.values[FIELDS.iter().position(|known| *known == field)?]
    }

    /// Returns the growth of all counters since an earlier sample; `None` if they cannot be compared.
    fn growth_since(&self, before: &Self) -> Option<[Option<i64>; COUNTERS.len()]> {
        if before.epoch != self.epoch {
            return None;
        }
        let mut grown = [None; COUNTERS.len()];
        for (growth, place) in grown.iter_mut().zip(COUNTER_PLACES) {
            *growth = match (before.values[place], self.values[place]) {
                (Some(before), Some(now)) if now < before => return None,
                (Some(before), Some(now)) => Some(now.saturating_sub(before)),
                _ => None,
            };
        }
        // HAProxy also counts the begin of maintenance and a state that a command set: then no check failed.
        let failed = self.number(Field::Chkfail).zip(before.number(Field::Chkfail));
        if let Some((now, before)) = failed {
            let failed = now.saturating_sub(before).max(0);
            let downs = COUNTERS.iter().position(|counter| *counter == Field::Chkdown)?;
            grown[downs] = grown[downs].map(|downs| downs.min(failed));
        }
        Some(grown)
    }
}

/// The figures of a window while its samples are read.
#[derive(Debug)]
struct WindowReader {
    window: TimeWindow,
    kind: Option<MeanKind>,
    is_tcp: bool,
    figures: WindowFigures,
    previous: Option<RowSample>,
    /// The first sample of the requests whose mean time is not computed yet.
    segment: Option<RowSample>,
}

impl WindowReader {
    fn new(window: TimeWindow, row: MeasuredRow) -> Self {
        let figures = WindowFigures::default();
        Self { window, kind: row.kind, is_tcp: row.is_tcp, figures, previous: None, segment: None }
    }

    fn add_sample(&mut self, sample: &RowSample) {
        if !self.window.contains(sample.at) {
            return;
        }
        let grown = self.previous.and_then(|before| Some((before, sample.growth_since(&before)?)));
        if let Some((before, grown)) = grown {
            self.figures.seconds += sample.at.saturating_sub(before.at).as_secs_f64();
            for (sum, growth) in self.figures.grown.iter_mut().zip(grown) {
                *sum = match (*sum, growth) {
                    (Some(sum), Some(growth)) => Some(sum.saturating_add(growth)),
                    (sum, growth) => sum.or(growth),
                };
            }
            self.add_times(sample, SEGMENT_REQUESTS);
        } else {
            self.finish_segment();
            self.segment = Some(*sample);
        }
        // The sample at the border belongs to the window before, unless this window has no other.
        if sample.at > self.window.start || self.window.length().is_zero() {
            self.figures.samples += 1;
            let sums = self.figures.level_sums.iter_mut().zip(&mut self.figures.level_samples);
            for ((sum, samples), field) in sums.zip(LEVELS) {
                if let Some(level) = sample.number(field) {
                    *sum = Some(sum.unwrap_or(0.0) + level as f64);
                    *samples += 1;
                }
            }
            for (setting, field) in self.figures.settings.iter_mut().zip(SETTINGS) {
                *setting = sample.number(field).or(*setting);
            }
        }
        self.previous = Some(*sample);
    }

    /// Computes the mean times of the requests since the segment began, if there were at least `min_requests`.
    fn add_times(&mut self, sample: &RowSample, min_requests: u32) {
        let (Some(kind), Some(first)) = (self.kind, self.segment) else { return };
        let (Some(before), Some(now)) = (first.means, sample.means) else { return };
        let Some(requests) = now.requests_since(&before).filter(|count| *count >= min_requests.max(1)) else { return };
        let span = sample.at.saturating_sub(first.at);
        for (time, field) in self.figures.times.iter_mut().zip(TIMES) {
            if field == Field::Rtime && self.is_tcp {
                continue;
            }
            if let Some(mean) = now.interval_mean(&before, kind, field, requests, span) {
                let requests = f64::from(requests);
                time.merge(MeanTime { millis: mean.millis, error: mean.error, requests });
            }
        }
        self.segment = Some(*sample);
    }

    /// Handles a sample that does not contain the row: the samples before and after it are not compared.
    fn add_absence(&mut self, at: Duration) {
        if self.window.contains(at) {
            self.finish_segment();
            (self.previous, self.segment) = (None, None);
        }
    }

    fn finish_segment(&mut self) {
        if let Some(last) = self.previous {
            self.add_times(&last, 1);
        }
    }

    fn finish(mut self) -> WindowFigures {
        self.finish_segment();
        self.figures
    }
}

/// Returns the figures of a row in each of `windows`, which may overlap.
pub(crate) fn read(history: &History, row: MeasuredRow, windows: &[TimeWindow]) -> Vec<WindowFigures> {
    let mut readers: Vec<WindowReader> = windows.iter().map(|window| WindowReader::new(*window, row)).collect();
    let first = windows.iter().map(|window| window.start).min().unwrap_or_default();
    let last = windows.iter().map(|window| window.end).max().unwrap_or_default();
    let series = FIELDS.map(Series::Stat);
    history.read_row(row.id, &series, first..=last, |header, read| {
        let Some(read) = read else {
            return readers.iter_mut().for_each(|reader| reader.add_absence(header.at));
        };
        let mut values = [None; FIELDS.len()];
        values.copy_from_slice(read);
        let mut sample = RowSample { at: header.at, epoch: header.epoch, values, means: None };
        if row.kind.is_some() {
            let means = RowMeans::from_numbers(row.is_tcp, |field| sample.number(field));
            sample.means = Some(means).filter(|means| !means.is_absent());
        }
        for reader in &mut readers {
            reader.add_sample(&sample);
        }
    });
    readers.into_iter().map(WindowReader::finish).collect()
}
