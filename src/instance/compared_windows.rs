//! The two windows of time that are compared, before and after, and earlier windows that show what is usual.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use crate::haproxy::fields::InfoField;
use crate::history::block::{SampleHeader, Series};
use crate::history::store::History;
use crate::history::window_figures::TimeWindow;
use crate::instance::compared_metrics::MIN_EARLIER;
use crate::instance::past_moment;
use crate::instance::time_spans::ComparedSpan;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// Maximum number of earlier windows.
const MAX_EARLIER: u32 = 6;
/// Tolerance for the start of a process, which HAProxy reports in seconds.
const START_TOLERANCE: Duration = Duration::from_secs(3);
/// Number of parts of the window before, which are taken if the earlier windows are fewer than [`MIN_EARLIER`].
const PARTS: u32 = 4;

/// The windows of a comparison. Both consist of stored samples; the last sample before is the first one after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ComparedWindows {
    /// The window before.
    pub(crate) before: TimeWindow,
    /// The window after.
    pub(crate) after: TimeWindow,
    /// Wall clock times of the start, the border and the end.
    pub(crate) walls: [SystemTime; 3],
    /// Sequence number of the sample at the border.
    pub(crate) border_seq: u64,
    /// Sequence number of the last sample.
    pub(crate) end_seq: u64,
    /// Windows before these, or parts of the window before.
    pub(crate) earlier: Vec<TimeWindow>,
    /// Number of processes that replied, besides the first one.
    pub(crate) new_processes: usize,
    /// Number of samples to read.
    pub(crate) samples: usize,
}

impl ComparedWindows {
    /// Chooses the windows that end at the sample shown. Both are shorter if the history does not cover the span. Returns
    /// `None` if the history has no two windows, or no moment is marked.
    pub(crate) fn choose(history: &History, span: ComparedSpan, mark: Option<&Sample>, shown: &Sample) -> Option<Self> {
        let oldest = history.oldest()?.at.monotonic;
        let shown = history.header_at(shown.at.monotonic)?;
        let (border, end) = if let Some(length) = span.length() {
            let half = (length / 2).min(shown.at.saturating_sub(oldest) / 2);
            (history.header_at(shown.at.saturating_sub(half))?, shown)
        } else {
            let mark = SampleHeader::from_sample(mark?);
            if mark.at <= shown.at { (mark, shown) } else { (shown, mark) }
        };
        let length = end.at.saturating_sub(border.at);
        let start = if border.at <= oldest {
            border
        } else {
            history.header_at(border.at.saturating_sub(length).max(oldest))?
        };
        if length.is_zero() || span != ComparedSpan::Mark && start.at == border.at {
            return None;
        }
        let before = TimeWindow { start: start.at, end: border.at };
        let windows = Self {
            before,
            after: TimeWindow { start: border.at, end: end.at },
            walls: [start, border, end].map(|header| header.wall),
            border_seq: border.seq,
            end_seq: end.seq,
            earlier: earlier_windows(history, oldest, before, length),
            new_processes: 0,
            samples: 0,
        };
        Some(windows.counted(history))
    }

    /// Counts the samples and processes of a history in these windows.
    fn counted(self, history: &History) -> Self {
        let first = self.earlier.iter().map(|window| window.start).fold(self.before.start, Duration::min);
        let time = self.before.start..=self.after.end;
        Self {
            new_processes: count_processes(history, time).saturating_sub(1),
            samples: history.headers_within(&(first..=self.after.end)).len(),
            ..self
        }
    }

    /// Returns the same windows for another history, whose samples are taken every `interval`: they begin and end with its
    /// samples. Returns `None` unless it has samples in both windows and at their border.
    pub(super) fn of_history(&self, history: &History, interval: Duration) -> Option<Self> {
        let near = |at: Duration| {
            let is_near = |age: Duration| !past_moment::is_pause(interval, age);
            history.header_at(at).filter(|header| at.checked_sub(header.at).is_some_and(is_near))
        };
        let snapped = |at: Duration| near(at).map_or(at, |header| header.at);
        let window = |window: &TimeWindow| TimeWindow { start: snapped(window.start), end: snapped(window.end) };
        // A window that is shorter than a pause may have no samples of its own.
        let has_samples = |window: &TimeWindow| {
            !past_moment::is_pause(interval, window.length())
                || history.headers_within(&(window.start..=window.end)).len() > 1
        };
        let (before, after) = (window(&self.before), window(&self.after));
        if !has_samples(&before) || !has_samples(&after) {
            return None;
        }
        let windows = Self {
            before,
            after,
            border_seq: near(self.after.start)?.seq,
            end_seq: near(self.after.end)?.seq,
            earlier: self.earlier.iter().map(window).collect(),
            ..self.clone()
        };
        Some(windows.counted(history))
    }

    /// Returns all windows to read: before, after, and the earlier ones.
    pub(crate) fn all(&self) -> Vec<TimeWindow> {
        [self.before, self.after].into_iter().chain(self.earlier.iter().copied()).collect()
    }
}

/// Counts the processes that replied within a range of time. Two that share a socket reply in turn: each of them counts once.
/// After a restart of the recorder, the process is the same if its number and its start are.
fn count_processes(history: &History, time: RangeInclusive<Duration>) -> usize {
    let epochs: BTreeSet<u32> = history.headers_within(&time).iter().map(|header| header.epoch).collect();
    if epochs.len() < 2 {
        return epochs.len();
    }
    let mut processes: Vec<Process> = Vec::new();
    let (mut before, mut unknown) = (None, BTreeSet::new());
    let series = [InfoField::Pid, InfoField::UptimeSec].map(Series::Info);
    history.read_series(RowId::PROCESS, &series, time, |header, values| {
        if before.replace(header.epoch) == Some(header.epoch) {
            return;
        }
        let (Some(pid), Some(uptime)) = (values[0], values[1].and_then(|uptime| u64::try_from(uptime).ok())) else {
            unknown.insert(header.epoch);
            return;
        };
        let found = Process { epoch: header.epoch, pid, age: Duration::from_secs(uptime), at: header.at };
        if !processes.iter().any(|known| known.is_same(&found)) {
            processes.push(found);
        }
    });
    processes.len() + unknown.len()
}

/// A process as the first sample of an epoch shows it.
#[derive(Debug)]
struct Process {
    epoch: u32,
    pid: i64,
    /// Time since its start.
    age: Duration,
    at: Duration,
}

impl Process {
    fn is_same(&self, later: &Self) -> bool {
        let (passed, aged) = (later.at.saturating_sub(self.at), later.age.saturating_sub(self.age));
        let has_same_start = later.age >= self.age && passed.abs_diff(aged) <= START_TOLERANCE;
        self.epoch == later.epoch || self.pid == later.pid && has_same_start
    }
}

/// Returns windows of the same length before the window before, or else its parts.
fn earlier_windows(history: &History, oldest: Duration, before: TimeWindow, length: Duration) -> Vec<TimeWindow> {
    let window = |start: Duration, end: Duration| {
        let [start, end] = [start, end].map(|at| history.header_at(at).map(|header| header.at));
        Some(TimeWindow { start: start?, end: end? }).filter(|window| !window.length().is_zero())
    };
    let starts = (1..=MAX_EARLIER).map_while(|count| before.start.checked_sub(length * count));
    let whole: Vec<TimeWindow> =
        starts.take_while(|start| *start >= oldest).filter_map(|start| window(start, start + length)).collect();
    if whole.len() + 1 >= MIN_EARLIER {
        return whole.into_iter().chain([before]).collect();
    }
    let part = before.length() / PARTS;
    (0..PARTS).filter_map(|count| window(before.start + part * count, before.start + part * (count + 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_with_server};
    use std::sync::Arc;

    /// Returns a history with a sample every `step` seconds, and its samples.
    fn history(seconds: u64, step: u64) -> (History, Vec<Arc<Sample>>) {
        let (mut history, mut builder) = (History::new(8 << 20), SampleBuilder::default());
        let build = |second: u64| builder.build_at_millis(second * 1000, &stat_with_server("b", "s", second as i64));
        let samples: Vec<Arc<Sample>> = (0..=seconds).step_by(step as usize).map(build).collect();
        for sample in &samples {
            history.push(sample);
        }
        (history, samples)
    }

    fn seconds(windows: &ComparedWindows) -> [u64; 4] {
        let [before, after] = [windows.before, windows.after];
        [before.start, before.end, after.start, after.end].map(|at| at.as_secs())
    }

    #[test]
    fn choose_splits_span_in_halves_that_end_at_the_sample_shown() {
        let (history, samples) = history(7200, 10);
        let chosen = |span, shown: &Sample| ComparedWindows::choose(&history, span, None, shown).unwrap();
        let newest = samples.last().unwrap();
        assert_eq!(seconds(&chosen(ComparedSpan::FiveMinutes, newest)), [6900, 7050, 7050, 7200]);
        assert_eq!(seconds(&chosen(ComparedSpan::TenMinutes, newest)), [6600, 6900, 6900, 7200]);
        assert_eq!(seconds(&chosen(ComparedSpan::OneHour, newest)), [3600, 5400, 5400, 7200]);
        assert_eq!(seconds(&chosen(ComparedSpan::TenMinutes, &samples[360])), [3000, 3300, 3300, 3600], "in the past");
        assert_eq!(chosen(ComparedSpan::TenMinutes, newest).earlier.len(), 7);
        assert_eq!(chosen(ComparedSpan::OneHour, newest).earlier.len(), 3, "only two whole windows before");
    }

    #[test]
    fn choose_uses_no_more_than_the_history() {
        let (history, samples) = history(120, 2);
        let newest = samples.last().unwrap();
        let windows = ComparedWindows::choose(&history, ComparedSpan::TenMinutes, None, newest).unwrap();
        assert_eq!(seconds(&windows), [0, 60, 60, 120]);
        assert_eq!(windows.earlier.len(), 4, "parts of the window before");
        let second = ComparedWindows::choose(&history, ComparedSpan::TenMinutes, None, &samples[1]);
        assert_eq!(second, None, "two samples are not two windows");
    }

    #[test]
    fn choose_compares_with_the_mark_in_both_directions() {
        let (history, samples) = history(120, 2);
        let chosen = |mark: usize, shown: usize| {
            ComparedWindows::choose(&history, ComparedSpan::Mark, Some(&samples[mark]), &samples[shown])
        };
        assert_eq!(seconds(&chosen(40, 60).unwrap()), [40, 80, 80, 120]);
        assert_eq!(seconds(&chosen(10, 60).unwrap()), [0, 20, 20, 120], "no more before than the history has");
        assert_eq!(seconds(&chosen(60, 40).unwrap()), [40, 80, 80, 120], "the mark is later");
        assert_eq!(seconds(&chosen(0, 60).unwrap()), [0, 0, 0, 120]);
        assert_eq!(chosen(60, 60), None);
        assert_eq!(ComparedWindows::choose(&history, ComparedSpan::Mark, None, &samples[3]), None);
    }

    #[test]
    fn processes_that_reply_in_turn_count_once() {
        let (mut history, mut builder) = (History::new(8 << 20), SampleBuilder::default());
        let mut last = None;
        for second in 0..60_u64 {
            let number = if second < 10 { 1 } else { 1 + second as u32 % 2 };
            builder.info = format!("Pid: {number}\n");
            let mut sample = builder.build_at_millis(second * 1000, &stat_with_server("b", "s", second as i64));
            Arc::get_mut(&mut sample).unwrap().epoch.number = number;
            history.push(&sample);
            last = Some(sample);
        }
        let windows = ComparedWindows::choose(&history, ComparedSpan::TenMinutes, None, &last.unwrap());
        assert_eq!(windows.unwrap().new_processes, 1);
    }

    #[test]
    fn restart_of_the_recorder_is_not_a_new_process() {
        let mut builder = SampleBuilder::default();
        let mut history = History::new(8 << 20);
        let mut last = None;
        // Another pid, the same one that restarted, and an uptime that goes on in another epoch.
        for second in 0..120_u64 {
            let (epoch, pid, start) = match second {
                0..30 => (1, 7, 0),
                30..60 => (2, 7, 0),
                60..90 => (3, 7, 60),
                _ => (4, 9, 60),
            };
            builder.info = format!("Pid: {pid}\nUptime_sec: {}\n", second + 100 - start);
            let mut sample = builder.build_at_millis(second * 1000, &stat_with_server("b", "s", second as i64));
            Arc::get_mut(&mut sample).unwrap().epoch.number = epoch;
            history.push(&sample);
            last = Some(sample);
        }
        let windows = ComparedWindows::choose(&history, ComparedSpan::TenMinutes, None, &last.unwrap()).unwrap();
        assert_eq!(windows.new_processes, 2);
    }
}
