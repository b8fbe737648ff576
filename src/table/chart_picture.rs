//! A chart of a row with everything that is drawn: the row's line, the servers of a backend, the limit, the scale and the
//! marks.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::iter;
use std::time::Duration;

use crate::haproxy::stat_table::RowKind;
use crate::history::trend::PointGrid;
use crate::instance::merged_rows::RowPart;
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::table::cell::Role;
use crate::table::chart_lines::{self, ChartLine, ChartRange, PeerBand, highest, median};
use crate::table::chart_marks::{self, MarkKind};
use crate::table::chart_scale::{Scale, ScaleBounds};
use crate::table::chart_table::{self, Chart, ChartSource, MetricId};
use crate::table::chart_values::ChartReader;
use crate::table::columns::row_view::RowView;

/// Maximum number of values that are read for the servers of a backend, so that drawing never takes long. Times count
/// several times, because each is computed from several values.
const MAX_SERVER_VALUES: usize = 25_000;
/// Cost of a time, in values.
const TIME_COST: usize = 4;
/// Minimum and maximum number of servers that are compared.
const COMPARED_SERVERS: std::ops::RangeInclusive<usize> = 6..=64;

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
    /// Charts of the balancers, if the rows are those of several balancers merged.
    balancers: Option<BalancerCharts<'a>>,
}

impl<'a> ChartBuilder<'a> {
    /// Creates a builder of charts with `count` points over the selected span. Returns `None` without a sample or points.
    pub(crate) fn new(instance: &'a Instance, selected: Duration, count: usize) -> Option<Self> {
        Self::with_range(instance, ChartRange::new(instance, selected)?, count)
    }

    /// Creates a builder of charts over this range.
    fn with_range(instance: &'a Instance, range: ChartRange, count: usize) -> Option<Self> {
        if count == 0 {
            return None;
        }
        let grid = PointGrid::new(range.end, range.span, count);
        let reader = ChartReader::new(instance, grid.since, range.end, count);
        let max_pause = reader.max_pause();
        Some(Self { instance, sample: instance.shown()?, range, grid, reader, max_pause, count, balancers: None })
    }

    /// Creates a builder of charts of an instance, or of the merged rows of these balancers.
    pub(crate) fn of_all(
        instance: &'a Instance,
        balancers: &[&'a Instance],
        selected: Duration,
        count: usize,
    ) -> Option<Self> {
        if instance.merged_rows().is_none() {
            return Self::new(instance, selected, count);
        }
        let cursor = instance.past_moment().map(|past| past.sample().at.monotonic);
        let range = ChartRange::of_all(balancers, cursor, selected)?;
        let charts = BalancerCharts::new(balancers, range, count);
        Some(Self { balancers: Some(charts), ..Self::with_range(instance, range, count)? })
    }

    /// Returns a builder of charts that move by `count` points at once.
    pub(crate) fn with_points_per_cell(self, count: usize) -> Self {
        let balancers = self.balancers.map(|charts| charts.with_points_per_cell(count));
        Self { grid: self.grid.align_to(count), balancers, ..self }
    }

    /// Returns a row of the sample shown.
    fn row(&self, id: RowId) -> Option<RowView<'a>> {
        Some(RowView::new(self.instance, self.sample, self.sample.rows.index_of(id)?))
    }

    /// Returns the line of a row.
    pub(crate) fn line(&self, chart: &Chart, row: &RowView<'_>) -> ChartLine {
        let mut points = match &self.balancers {
            Some(charts) => charts.points(chart, row, self.count),
            None => self.grid.points(self.reader.values(chart, row), self.max_pause),
        };
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
        let (outlier, band) = match &self.balancers {
            Some(charts) => charts.compared(chart, row, self.count),
            None => self.compared_servers(chart, row),
        };
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
        chart_lines::compare_lines(lines, chart.least_top, (self.count, servers.len()), "servers")
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

/// The charts of the balancers whose rows were merged.
#[derive(Debug)]
struct BalancerCharts<'a> {
    builders: Vec<ChartBuilder<'a>>,
}

/// The line of a balancer, with the severity of what is wrong there.
type BalancerLine = (Option<Severity>, ChartLine);

impl<'a> BalancerCharts<'a> {
    /// Creates the charts of these balancers over one range of time.
    fn new(balancers: &[&'a Instance], range: ChartRange, count: usize) -> Self {
        let builder = |balancer: &&'a Instance| ChartBuilder::with_range(balancer, range, count);
        Self { builders: balancers.iter().filter_map(builder).collect() }
    }

    /// Aligns the points of all charts.
    fn with_points_per_cell(self, count: usize) -> Self {
        Self { builders: self.builders.into_iter().map(|builder| builder.with_points_per_cell(count)).collect() }
    }

    /// Returns the points of all balancers together: sums, or means weighted by the requests.
    fn points(&self, chart: &Chart, row: &RowView<'_>, count: usize) -> Vec<Option<f64>> {
        let is_mean = matches!(chart.source, ChartSource::Share5xx | ChartSource::Time(_) | ChartSource::ResponseTime);
        let values: Vec<Vec<Option<f64>>> = self.parts(row).map(|part| part.line(chart).points).collect();
        let weights: Vec<Vec<Option<f64>>> = if is_mean {
            self.parts(row).map(|part| part.line(MetricId::Traffic.chart()).points).collect()
        } else {
            Vec::new()
        };
        let point = |place: usize| {
            let known = || values.iter().enumerate().filter_map(|(part, points)| Some((part, (*points.get(place)?)?)));
            if !is_mean {
                return known().map(|(_, value)| value).reduce(|sum, value| sum + value);
            }
            let weight = |part: usize| weights[part].get(place).copied().flatten().unwrap_or(0.0);
            let total: f64 = known().map(|(part, _)| weight(part)).sum();
            if total > 0.0 {
                return Some(known().map(|(part, value)| value * weight(part)).sum::<f64>() / total);
            }
            let count = known().count();
            (count > 0).then(|| known().map(|(_, value)| value).sum::<f64>() / count as f64)
        };
        (0..count).map(point).collect()
    }

    /// Returns the balancer that stands out, and the band of the others.
    fn compared(&self, chart: &Chart, row: &RowView<'_>, count: usize) -> (Option<ChartLine>, Option<PeerBand>) {
        let lines: Vec<BalancerLine> =
            self.parts(row).map(|part| (part.severity(chart), part.named_line(chart))).collect();
        if lines.len() < 2 {
            return (None, None);
        }
        let all = lines.len();
        chart_lines::compare_lines(lines, chart.least_top, (count, all), "balancers")
    }

    fn parts<'b>(&'b self, row: &'b RowView<'_>) -> impl Iterator<Item = PartChart<'a, 'b>> {
        let parts = row.instance.merged_rows().and_then(|merged| merged.row(row.id)).map_or(&[][..], |row| &row.parts);
        parts.iter().filter_map(|part| {
            let builder = self.builders.iter().find(|builder| builder.instance.id() == part.row.instance)?;
            Some(PartChart { builder, part, row: builder.row(part.row.row)? })
        })
    }
}

/// The part of a merged row on one balancer, with its charts.
struct PartChart<'a, 'b> {
    builder: &'b ChartBuilder<'a>,
    part: &'b RowPart,
    row: RowView<'a>,
}

impl PartChart<'_, '_> {
    fn line(&self, chart: &Chart) -> ChartLine {
        self.builder.line(chart, &self.row)
    }

    fn named_line(&self, chart: &Chart) -> ChartLine {
        ChartLine { name: self.part.balancer.to_string(), ..self.line(chart) }
    }

    fn severity(&self, chart: &Chart) -> Option<Severity> {
        chart.problem_severity(&self.row)
    }
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
