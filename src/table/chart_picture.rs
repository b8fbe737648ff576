//! A chart of a row with everything that is drawn: the row's line, the servers of a backend, the limit, the scale and the
//! marks.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::iter;
use std::time::{Duration, SystemTime};

use crate::haproxy::stat_table::RowKind;
use crate::history::trend::PointGrid;
use crate::instance::state::Instance;
use crate::instance::time_spans::{self, SpanUse};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::table::cell::{Cell, Role, severity_role};
use crate::table::chart_marks::{self, MarkKind};
use crate::table::chart_scale::{Scale, ScaleBounds};
use crate::table::chart_table::{self, Chart, ChartSource};
use crate::table::chart_values::ChartReader;
use crate::table::columns::row_view::RowView;

/// Maximum number of values that are read for the servers of a backend, so that drawing never takes long. Times count
/// several times, because each is computed from several values.
const MAX_SERVER_VALUES: usize = 25_000;
/// Cost of a time, in values.
const TIME_COST: usize = 4;
/// Minimum and maximum number of servers that are compared.
const COMPARED_SERVERS: std::ops::RangeInclusive<usize> = 6..=64;
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
        let (shown, newest) = (instance.shown()?.at, instance.latest()?.at);
        let first = instance.history().oldest().map_or(shown.monotonic, |oldest| oldest.at.monotonic);
        let available = newest.monotonic.saturating_sub(first).min(selected);
        let sufficient = time_spans::with_use(SpanUse::Range).find(|span| *span >= available);
        let span = sufficient.unwrap_or(selected);
        let cursor = instance.past_moment().map(|past| past.sample().at.monotonic);
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
    fn has_change(&self) -> bool {
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
}

/// A chart of a row.
#[derive(Debug, Clone)]
pub(crate) struct ChartPicture {
    /// Heading with the unit.
    pub(crate) title: &'static str,
    /// The number that is drawn.
    pub(crate) chart: &'static Chart,
    /// Time that the chart covers.
    pub(crate) range: ChartRange,
    /// Line of the row.
    pub(crate) line: ChartLine,
    /// The server of the backend that stands out, if any.
    pub(crate) outlier: Option<ChartLine>,
    /// The other servers of the backend.
    pub(crate) band: Option<PeerBand>,
    /// Limit on the number.
    pub(crate) limit: Option<f64>,
    /// Scale of all lines.
    pub(crate) scale: Scale,
    /// Points with marks, in ascending order.
    pub(crate) marks: Vec<(usize, MarkKind)>,
    /// Point of the past moment that is shown, if any.
    pub(crate) cursor: Option<usize>,
}

impl ChartPicture {
    /// Returns whether the row has several points, and neither its line nor those of its servers change.
    pub(crate) fn is_flat(&self) -> bool {
        self.line.is_constant() && !self.has_change()
    }

    /// Returns whether the line of the row or those of its servers change.
    fn has_change(&self) -> bool {
        let band: Vec<(f64, f64)> = self.band.iter().flat_map(|band| band.points.iter().flatten()).copied().collect();
        let differs =
            |pair: &[(f64, f64)]| pair[0].0.total_cmp(&pair[1].0).is_ne() || pair[0].1.total_cmp(&pair[1].1).is_ne();
        self.line.has_change() || self.outlier.iter().any(ChartLine::has_change) || band.windows(2).any(differs)
    }
}

/// Reads charts of rows over one range of time, with a fixed number of points.
#[derive(Debug)]
pub(crate) struct ChartBuilder<'a> {
    instance: &'a Instance,
    sample: &'a Sample,
    range: ChartRange,
    grid: PointGrid,
    reader: ChartReader<'a>,
    max_pause: Duration,
    count: usize,
}

impl<'a> ChartBuilder<'a> {
    /// Creates a builder of charts with `count` points over the selected span. Returns `None` without a sample or points.
    pub(crate) fn new(instance: &'a Instance, selected: Duration, count: usize) -> Option<Self> {
        let range = ChartRange::new(instance, selected).filter(|_| count > 0)?;
        let grid = PointGrid::new(range.end, range.span, count);
        let reader = ChartReader::new(instance, grid.since, range.end, count);
        let max_pause = reader.max_pause();
        Some(Self { instance, sample: instance.shown()?, range, grid, reader, max_pause, count })
    }

    /// Returns a builder of charts that move by `count` points at once.
    pub(crate) fn with_points_per_cell(self, count: usize) -> Self {
        Self { grid: self.grid.align_to(count), ..self }
    }

    /// Returns the line of a row.
    pub(crate) fn line(&self, chart: &Chart, row: &RowView<'_>) -> ChartLine {
        let mut points = self.grid.points(self.reader.values(chart, row), self.max_pause);
        // The point of the moment shown is the number of the row's cell, not the highest one of the part of the span.
        let shown = usize::try_from(self.grid.place(self.sample.at.monotonic)).ok();
        if let Some(point) = shown.and_then(|place| points.get_mut(place)) {
            *point = chart.number(row);
        }
        let names = row.stat_row();
        let is_proxy = matches!(names.kind, RowKind::Frontend | RowKind::Backend);
        let name = if is_proxy { &names.proxy } else { &names.name };
        ChartLine { name: name.to_string(), points, cell: chart.cell(row), role: Role::Chart }
    }

    /// Returns the scale for a line and the limit of its row.
    pub(crate) fn scale(chart: &Chart, limit: Option<f64>, highest: f64) -> Scale {
        let Chart { least_top, least_step, most, .. } = *chart;
        Scale::for_highest(highest, ScaleBounds { least_top, least_step, most, limit })
    }

    /// Returns the chart of a row, with the servers of a backend and the marks.
    pub(crate) fn picture(&self, chart: &'static Chart, row: &RowView<'_>) -> ChartPicture {
        let line = self.line(chart, row);
        let (outlier, band) = self.compared_servers(chart, row);
        let limit = chart.limit(row);
        let highest = highest(&line.points)
            .max(outlier.as_ref().map_or(0.0, |line| highest(&line.points)))
            .max(band.iter().flat_map(|band| band.points.iter().flatten()).map(|(_, high)| *high).fold(0.0, f64::max));
        let place = |at: Duration| usize::try_from(self.grid.place(at)).ok().filter(|place| *place < self.count);
        let since = self.range.end.saturating_sub(self.range.span);
        let own_backend = self.sample.rows.backend_of(row.index);
        let concerns = |id: RowId| {
            let is_in_backend = |index: usize| {
                own_backend.is_some_and(|own| index == own.row || own.row == row.index && own.servers.contains(&index))
            };
            id == row.id || self.sample.rows.index_of(id).is_some_and(is_in_backend)
        };
        let found = chart_marks::find_marks(self.instance, since, self.range.end, concerns);
        let mut marks: Vec<(usize, MarkKind)> =
            found.into_iter().filter_map(|(at, kind)| Some((place(at)?, kind))).collect();
        marks.sort_unstable();
        ChartPicture {
            title: chart.title_of(row),
            chart,
            range: self.range,
            line,
            outlier,
            band,
            limit,
            scale: Self::scale(chart, limit, highest),
            marks,
            cursor: self.range.cursor.and_then(place),
        }
    }

    /// Returns the server of a backend that stands out, and the band of the others. Both are `None` for other rows and for
    /// backends with a single server.
    fn compared_servers(&self, chart: &Chart, row: &RowView<'_>) -> (Option<ChartLine>, Option<PeerBand>) {
        let backend = row.backend().map_or(&[][..], |backend| &backend.servers);
        let servers: Vec<RowView<'_>> = backend
            .iter()
            .map(|index| RowView::new(self.instance, self.sample, *index))
            .filter(|server| chart.applies_to(server))
            .collect();
        if servers.len() < 2 {
            return (None, None);
        }
        let mut lines: Vec<(Option<Severity>, ChartLine)> = Vec::new();
        for index in self.choose_servers(chart, &servers) {
            let severity = chart.problem_severity(&servers[index]);
            lines.push((severity, self.line(chart, &servers[index])));
        }
        let outlier = find_outlier(&lines, chart.least_top).map(|index| {
            let (severity, line) = lines.remove(index);
            ChartLine { role: severity.map_or(Role::Title, severity_role), ..line }
        });
        let mut points = vec![None; self.count];
        for (_, line) in &lines {
            for (range, value) in points.iter_mut().zip(&line.points) {
                let Some(value) = *value else { continue };
                *range =
                    Some(range.map_or((value, value), |(low, high): (f64, f64)| (low.min(value), high.max(value))));
            }
        }
        let counts = (lines.len(), servers.len() - usize::from(outlier.is_some()));
        let names = lines.into_iter().map(|(_, line)| line.name).collect();
        (outlier, Some(PeerBand { points, names, counts }))
    }

    /// Returns the indices of the servers to compare, in ascending order: all of them, or if these are too many, those
    /// with problems, those whose present number differs most from the median, and some of the others.
    fn choose_servers(&self, chart: &Chart, servers: &[RowView<'_>]) -> Vec<usize> {
        let cost = match chart.source {
            ChartSource::Time(_) | ChartSource::ResponseTime => TIME_COST,
            ChartSource::Share5xx => 3,
            ChartSource::PerSecond(fields) => fields.len(),
            _ => 1,
        };
        let samples = self.reader.sample_count().max(1);
        let most = (MAX_SERVER_VALUES / (samples * cost)).clamp(*COMPARED_SERVERS.start(), *COMPARED_SERVERS.end());
        if servers.len() <= most {
            return (0..servers.len()).collect();
        }
        let numbers: Vec<Option<f64>> = servers.iter().map(|server| chart.number(server)).collect();
        let middle = median(numbers.iter().flatten().copied().collect());
        let mut ranked: Vec<usize> = (0..servers.len()).collect();
        ranked.sort_by_cached_key(|index| {
            let severity = chart.problem_severity(&servers[*index]);
            // The bits of positive numbers are in the order of the numbers.
            let distance = numbers[*index].map_or(0, |number| (number - middle).abs().to_bits());
            Reverse((severity, distance))
        });
        let mut chosen: BTreeSet<usize> = ranked.into_iter().take(most / 2).collect();
        let step = servers.len().div_ceil(most - chosen.len()).max(1);
        for index in (0..servers.len()).step_by(step) {
            chosen.insert(index);
        }
        chosen.into_iter().take(most).collect()
    }
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

/// Number of points from which it is decided whether a line is constant.
const COMPARED_POINTS: usize = 60;

/// Returns the chart of a row that is drawn until the operator chooses one: the one that shows what is wrong, unless its
/// line is empty or flat over the selected span and another one is not.
pub(crate) fn default_chart(row: RowView<'_>, selected: Duration) -> Option<&'static Chart> {
    let wrong = chart_table::chart_of_problem(row)?;
    let Some(builder) = ChartBuilder::new(row.instance, selected, COMPARED_POINTS) else { return Some(wrong) };
    let has_change = |chart: &&'static Chart| builder.line(chart, &row).has_change();
    if has_change(&wrong) || builder.picture(wrong, &row).has_change() {
        return Some(wrong);
    }
    let has_points = |chart: &&'static Chart| builder.line(chart, &row).points.iter().any(Option::is_some);
    let changing = chart_table::charts_of(row).find(has_change);
    let known = || iter::once(wrong).chain(chart_table::charts_of(row)).find(has_points);
    changing.or_else(known).or(Some(wrong))
}

/// Returns whether any chart of a row changes over the selected span.
pub(crate) fn has_changing_chart(row: RowView<'_>, selected: Duration) -> bool {
    let Some(builder) = ChartBuilder::new(row.instance, selected, COMPARED_POINTS) else { return false };
    chart_table::charts_of(row).any(|chart| builder.line(chart, &row).has_change())
}

/// Returns the highest known point, or 0.
pub(crate) fn highest(points: &[Option<f64>]) -> f64 {
    points.iter().flatten().copied().fold(0.0, f64::max)
}

fn mean(points: &[Option<f64>]) -> Option<f64> {
    let (sum, count) = points.iter().flatten().fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
