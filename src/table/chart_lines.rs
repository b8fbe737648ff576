//! The lines of a chart and the time that they cover: the line of a row, the one that stands out among its peers, and the band
//! of the others.

use std::time::{Duration, SystemTime};

use crate::instance::shared_past::SharedPast;
use crate::instance::state::Instance;
use crate::instance::time_spans::{self, SpanUse};
use crate::observe::severity::Severity;
use crate::table::cell::{Cell, Role, severity_role};

/// A server without a problem stands out if its mean is this many times that of its peers, or this part of it.
const OUTLIER_FACTOR: f64 = 1.5;

/// The time that a chart covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChartRange {
    /// Monotonic time of the right edge.
    pub(crate) end: Duration,
    /// Wall clock time of the right edge.
    pub(crate) end_wall: SystemTime,
    /// Length of the range.
    pub(crate) span: Duration,
    /// True if the right edge is the newest sample.
    pub(crate) is_newest: bool,
    /// The past moment that is shown, if any.
    pub(crate) cursor: Option<Duration>,
}

impl ChartRange {
    /// Returns the range of charts with the selected span, or less while the history is shorter. In the past, the range
    /// ends after the moment shown, so that the chart shows what happened before and after it. Returns `None` before the
    /// first sample.
    pub(crate) fn new(instance: &Instance, selected: Duration) -> Option<Self> {
        let cursor = instance.past_moment().map(|past| past.sample().at.monotonic);
        Self::of_all(&[instance], cursor, selected)
    }

    /// Returns the range of the charts of several instances together. `cursor` is the past moment that is shown, if any.
    pub(crate) fn of_all(instances: &[&Instance], cursor: Option<Duration>, selected: Duration) -> Option<Self> {
        let past = SharedPast::new(instances.to_vec());
        let newest = past.present()?;
        let shown = cursor.unwrap_or(newest.monotonic);
        let first = past.oldest().map_or(shown, |oldest| oldest.monotonic);
        let available = newest.monotonic.saturating_sub(first).min(selected);
        let sufficient = time_spans::with_use(SpanUse::Range).find(|span| *span >= available);
        let span = sufficient.unwrap_or(selected);
        let end = cursor
            .map_or(newest.monotonic, |cursor| (cursor + span / 2).max(first + span).min(newest.monotonic).max(cursor));
        let (is_newest, after) = (end >= newest.monotonic, newest.monotonic.saturating_sub(end));
        Some(Self { end, end_wall: newest.wall.checked_sub(after).unwrap_or(newest.wall), span, is_newest, cursor })
    }
}

/// The line of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChartLine {
    /// Name of the server, or of the proxy.
    pub(crate) name: String,
    /// Points, oldest first; `None` where nothing is known.
    pub(crate) points: Vec<Option<f64>>,
    /// The row's cell: the value at the moment shown.
    pub(crate) cell: Cell,
    /// Role of the line.
    pub(crate) role: Role,
}

impl ChartLine {
    /// Returns whether several points are known and all have the same value.
    pub(crate) fn is_constant(&self) -> bool {
        let count = self.points.iter().flatten().count();
        count > 1 && !self.has_change()
    }

    /// Returns whether at least two known points differ.
    pub(crate) fn has_change(&self) -> bool {
        let known: Vec<f64> = self.points.iter().flatten().copied().collect();
        known.windows(2).any(|pair| pair[0].total_cmp(&pair[1]).is_ne())
    }
}

/// The lowest and highest values of the servers that do not stand out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PeerBand {
    /// Lowest and highest value of each point.
    pub(crate) points: Vec<Option<(f64, f64)>>,
    /// Names, in HAProxy's order.
    pub(crate) names: Vec<String>,
    /// Number of servers in the band, and of all that could be in it.
    pub(crate) counts: (usize, usize),
    /// Word for what the lines are of: servers, or balancers.
    pub(crate) noun: &'static str,
}

/// Returns the line that stands out, and the band of the others, of `counts.1` in all, with `counts.0` points. `noun` is the
/// word for what they are of.
pub(crate) fn compare_lines(
    mut lines: Vec<(Option<Severity>, ChartLine)>,
    least_top: f64,
    (count, all): (usize, usize),
    noun: &'static str,
) -> (Option<ChartLine>, Option<PeerBand>) {
    let outlier = find_outlier(&lines, least_top).map(|index| {
        let (severity, line) = lines.remove(index);
        ChartLine { role: severity.map_or(Role::Title, severity_role), ..line }
    });
    let mut points = vec![None; count];
    for (_, line) in &lines {
        for (range, value) in points.iter_mut().zip(&line.points) {
            let Some(value) = *value else { continue };
            *range = Some(range.map_or((value, value), |(low, high): (f64, f64)| (low.min(value), high.max(value))));
        }
    }
    let counts = (lines.len(), all - usize::from(outlier.is_some()));
    let names = lines.into_iter().map(|(_, line)| line.name).collect();
    (outlier, Some(PeerBand { points, names, counts, noun }))
}

/// Returns the index of the line that stands out: that of a server whose number is a problem, of the highest severity, or,
/// if no server has one, the one whose mean differs clearly from the median of all.
fn find_outlier(lines: &[(Option<Severity>, ChartLine)], least_top: f64) -> Option<usize> {
    let means: Vec<Option<f64>> = lines.iter().map(|(_, line)| mean(&line.points)).collect();
    let middle = median(means.iter().flatten().copied().collect());
    let distance = |index: usize| means[index].map_or(-1.0, |mean| (mean - middle).abs());
    let stands_out = |index: &usize| {
        let Some(mean) = means[*index] else { return lines[*index].0.is_some() };
        let is_far = mean > middle * OUTLIER_FACTOR || mean < middle / OUTLIER_FACTOR;
        lines[*index].0.is_some() || is_far && (mean - middle).abs() >= least_top / 5.0
    };
    // Of equal ones, the first.
    let rank = |one: &usize, other: &usize| {
        let severity = lines[*one].0.cmp(&lines[*other].0);
        severity.then(distance(*one).total_cmp(&distance(*other))).then(other.cmp(one))
    };
    (0..lines.len()).filter(stands_out).max_by(rank)
}

/// Returns the highest known point, or 0.
pub(crate) fn highest(points: &[Option<f64>]) -> f64 {
    points.iter().flatten().copied().fold(0.0, f64::max)
}

fn mean(points: &[Option<f64>]) -> Option<f64> {
    let (sum, count) = points.iter().flatten().fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
