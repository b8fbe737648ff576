//! The numbers that the heat map can show, [`HeatMetric`]: their values over time and now, and their shades.

use std::cell::OnceCell;
use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::status::RowState;
use crate::history::block::Series;
use crate::history::rate_history::RateHistory;
use crate::history::state_trend;
use crate::history::time_trend;
use crate::history::trend::{self, PointGrid, Trend};
use crate::instance::merged_rows::MergedParts;
use crate::instance::state::Instance;
use crate::observe::sample::Sample;
use crate::problems::figures;
use crate::problems::rule_table::RuleId;
use crate::problems::thresholds::Thresholds;
use crate::table::cell::{Role, state_role};
use crate::table::chart_values::{self, TimedValues};
use crate::table::columns::column::Column;
use crate::table::columns::column_table;
use crate::table::columns::computed;
use crate::table::columns::interval_time;
use crate::table::columns::row_view::RowView;
use crate::units;

/// Number of shades, from empty to full.
pub(crate) const SHADES: usize = 5;

/// A number that the heat map shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum HeatMetric {
    /// Mean response time of the last seconds.
    #[default]
    ResponseTime,
    /// Share of 5xx among the responses.
    Share5xx,
    /// Sessions as a share of the limit; without a limit, of the row's own maximum.
    Load,
    /// Queued requests.
    Queue,
    /// State.
    State,
}

/// The value of a row at one time, or its worst value in a part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum HeatCell {
    /// Not known: no sample, no traffic, or a number that the row does not have.
    #[default]
    Unknown,
    /// A number.
    Value(f32),
    /// The state of the row: for [`HeatMetric::State`], and for other metrics while the row is down.
    State(RowState),
}

/// The look of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeatShade {
    /// Nothing is known.
    Blank,
    /// A shade, from 0 (empty) to [`SHADES`] − 1 (full).
    Level(usize),
    /// The symbol of a state that is not normal.
    State(RowState),
}

impl HeatCell {
    /// Returns the worse of two values of one part of the time.
    pub(crate) fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::State(one), Self::State(other)) => Self::State(state_trend::worse(one, other)),
            (Self::State(_), _) | (_, Self::Unknown) => self,
            (_, Self::State(_)) | (Self::Unknown, _) => other,
            (Self::Value(one), Self::Value(other)) => Self::Value(one.max(other)),
        }
    }

    /// Returns the cell if it belongs to the metric: of a metric that is a number, only the state of a row that is down.
    pub(crate) fn for_metric(self, metric: HeatMetric) -> Option<Self> {
        match self {
            Self::State(RowState::Down | RowState::ComingUp) if metric != HeatMetric::State => {
                Some(Self::State(RowState::Down))
            }
            Self::State(_) if metric != HeatMetric::State => None,
            cell => Some(cell),
        }
    }
}

impl HeatMetric {
    const ALL: [Self; 5] = [Self::ResponseTime, Self::Share5xx, Self::Load, Self::Queue, Self::State];

    /// Returns the next metric; the first one after the last.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// Returns the name on the screen.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::ResponseTime => "response time",
            Self::Share5xx => "5xx share",
            Self::Load => "load",
            Self::Queue => "queue",
            Self::State => "state",
        }
    }

    /// Returns the column that contains the value of now.
    pub(crate) fn column(self) -> &'static Column {
        match self {
            Self::ResponseTime => &column_table::RTIME_NOW,
            Self::Share5xx => &column_table::SHARE_5XX,
            Self::Load => &column_table::SESSIONS_LIMIT,
            Self::Queue => &column_table::QUEUE,
            Self::State => &column_table::STATUS,
        }
    }

    /// Returns the rule that grades the values of a row; `None` for a value without a rule.
    fn rule(self, kind: RowKind) -> Option<RuleId> {
        match (self, kind) {
            (Self::ResponseTime, _) => Some(RuleId::ResponseTime),
            (Self::Share5xx, RowKind::Server) => Some(RuleId::Server5xx),
            (Self::Share5xx, _) => Some(RuleId::Backend5xx),
            (Self::Load, RowKind::Server) => Some(RuleId::ServerSessions),
            (Self::Queue, _) => Some(RuleId::Queue),
            (Self::Load | Self::State, _) => None,
        }
    }

    /// Returns the values at which the shades after the first one begin. They follow the thresholds for all rows.
    pub(crate) fn bounds(self, thresholds: &Thresholds) -> [f64; SHADES - 1] {
        let rule = self.rule(RowKind::Server);
        let limits = rule.map(|rule| thresholds.for_rule(rule));
        // A rule that is off has no thresholds; its shades are those of the defaults.
        let limit = |own: Option<Option<f64>>, default: f64| own.flatten().unwrap_or(default);
        let warn = |default| limit(limits.map(|limits| limits.warn), default);
        let crit = |default| limit(limits.map(|limits| limits.crit), default);
        match self {
            Self::ResponseTime => [warn(500.0) / 50.0, warn(500.0) / 10.0, warn(500.0) / 2.0, warn(500.0)],
            Self::Share5xx => [f64::MIN_POSITIVE, warn(0.01), crit(0.05), crit(0.05).max(0.5)],
            Self::Load => [0.25, 0.5, warn(0.8), crit(1.0)],
            Self::Queue => [1.0, crit(10.0) / 2.0, crit(10.0), crit(10.0) * 5.0],
            Self::State => [f64::INFINITY; SHADES - 1],
        }
    }

    /// Formats a bound of the shades.
    pub(crate) fn format_bound(self, bound: f64) -> String {
        match self {
            Self::ResponseTime => units::millis(bound.round() as i64),
            Self::Share5xx | Self::Load => units::percent(bound),
            Self::Queue => units::count(bound.round() as i64),
            Self::State => String::new(),
        }
    }

    /// Returns the shade of a cell, and its role by the thresholds for the row.
    pub(crate) fn shade(self, row: &RowView<'_>, cell: HeatCell, bounds: &[f64; SHADES - 1]) -> (HeatShade, Role) {
        match cell {
            HeatCell::Unknown => (HeatShade::Blank, Role::Dim),
            HeatCell::State(RowState::Up | RowState::Open | RowState::NoCheck) => (HeatShade::Level(0), Role::Dim),
            HeatCell::State(state) => (HeatShade::State(state), state_role(state)),
            HeatCell::Value(value) => {
                let value = f64::from(value);
                let level = bounds.iter().filter(|bound| value >= **bound).count();
                let has_limit = self != Self::Load || computed::session_saturation(row).is_some();
                let rule = self.rule(row.stat_row().kind).filter(|_| has_limit);
                let role = match rule.map_or(Role::Normal, |rule| row.graded_role(rule, value)) {
                    Role::Warn | Role::Bad if value <= 0.0 => Role::Dim,
                    Role::Normal if level == 0 => Role::Dim,
                    Role::Normal => Role::Chart,
                    role => role,
                };
                (HeatShade::Level(level), role)
            }
        }
    }

    /// Returns the value of a row in the sample that is shown.
    pub(crate) fn current(self, row: &RowView<'_>) -> HeatCell {
        if let Some(cell) = HeatCell::State(row.stat_row().state()).for_metric(self) {
            return cell;
        }
        let value = match self {
            Self::State => return HeatCell::Unknown,
            Self::ResponseTime => interval_time::whole_millis(row, Field::Rtime),
            Self::Share5xx => figures::share_5xx(row.instance.rates(), &[row.id]),
            Self::Load => computed::session_saturation(row).or_else(|| {
                // The maximum of merged rows is the highest one of a balancer.
                let merged = row.instance.merged_rows().and_then(|merged| merged.row(row.id));
                let balancers = merged.map_or(1, MergedParts::known_count).max(1);
                let highest = row.number(Field::Smax)?.max(1) as f64 * balancers as f64;
                Some(row.number(Field::Scur)? as f64 / highest)
            }),
            Self::Queue => figures::queued_requests(row.sample, row.index).map(|queued| queued as f64),
        };
        value.map_or(HeatCell::Unknown, |value| HeatCell::Value(value as f32))
    }

    /// Returns the number of rows whose history [`HeatReader::points`] reads for a row.
    pub(crate) fn cost(self, sample: &Sample, index: usize) -> usize {
        1 + match self {
            Self::ResponseTime | Self::Queue => chart_values::counted_servers(sample, index).unwrap_or_default().len(),
            Self::Share5xx | Self::Load | Self::State => 0,
        }
    }
}

/// Reads the past values of rows in equal parts of a span of time.
#[derive(Debug)]
pub(crate) struct HeatReader<'a> {
    /// The instance.
    pub(crate) instance: &'a Instance,
    /// The sample with the rows.
    pub(crate) sample: &'a Sample,
    /// Monotonic time at which the span ends.
    now: Duration,
    span: Duration,
    /// Number of parts.
    count: usize,
    grid: PointGrid,
    /// The stored samples for shares, which are found once for all rows.
    rates: OnceCell<RateHistory>,
}

impl<'a> HeatReader<'a> {
    /// Creates a reader of `count` equal parts of the time `span` before `now`, for the rows of the latest sample. Both must be
    /// positive. Returns `None` without a sample.
    pub(crate) fn latest(instance: &'a Instance, now: Duration, span: Duration, count: usize) -> Option<Self> {
        let (sample, grid) = (instance.latest()?, PointGrid::new(now, span, count));
        Some(Self { instance, sample, now, span, count, grid, rates: OnceCell::new() })
    }

    /// Returns the number of parts of the time.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    fn drawn(&self, values: TimedValues) -> Vec<Option<f64>> {
        let max_pause = trend::max_pause(values.iter().map(|(at, _)| *at));
        self.grid.points(values, max_pause)
    }

    /// Returns the highest values of a number as reported by HAProxy.
    pub(crate) fn levels(&self, index: usize, field: Field) -> Vec<Option<f64>> {
        let (id, trend) = (self.sample.rows.ids()[index], Trend::Level(Series::Stat(field)));
        trend::points(self.instance.history(), id, &[trend], self.now, self.span, self.count).pop().unwrap_or_default()
    }

    /// Returns the limits of the sessions; `None` without one. That of a backend only limits its queue.
    pub(crate) fn session_limits(&self, index: usize) -> Vec<Option<f64>> {
        if self.sample.table.rows()[index].kind == RowKind::Backend {
            return Vec::new();
        }
        let is_limit = |limit: &f64| *limit > 0.0;
        self.levels(index, Field::Slim).into_iter().map(|limit| limit.filter(is_limit)).collect()
    }

    /// Returns the highest growth per second of counters together.
    pub(crate) fn rates(&self, index: usize, fields: &[Field]) -> Vec<Option<f64>> {
        let (history, id) = (self.instance.history(), self.sample.rows.ids()[index]);
        self.drawn(chart_values::growth_per_second(history, self.rate_history(), id, fields))
    }

    fn rate_history(&self) -> &RateHistory {
        self.rates.get_or_init(|| RateHistory::new(self.instance.history(), self.grid.since, self.now))
    }

    /// Returns a value for each part of the time in which samples contain the row, and `None` for the others.
    pub(crate) fn presence(&self, index: usize) -> Vec<Option<f64>> {
        let (id, mut values) = (self.sample.rows.ids()[index], Vec::new());
        self.instance.history().read_row(
            id,
            &[Series::Stat(Field::Scur)],
            self.grid.since..=self.now,
            |header, row| {
                values.push((header.at, row.map(|_| 1.0)));
            },
        );
        self.drawn(values)
    }

    /// Returns the worst state of a row in each part of the time, if it matters for the metric: for another metric than the
    /// state, only if the row was down.
    pub(crate) fn states(&self, metric: HeatMetric, index: usize) -> Option<Vec<Option<RowState>>> {
        let (history, id) = (self.instance.history(), self.sample.rows.ids()[index]);
        let time = self.now.saturating_sub(self.span)..=self.now;
        let is_needed = metric == HeatMetric::State || state_trend::was_down(history, id, &time);
        is_needed.then(|| state_trend::points(history, id, self.now, self.span, self.count))
    }

    /// Returns the highest value of the row at `index` in each part of the time; `None` where it is unknown. Empty for a row
    /// without the number.
    pub(crate) fn points(&self, metric: HeatMetric, index: usize) -> Vec<Option<f64>> {
        let (history, id, row) =
            (self.instance.history(), self.sample.rows.ids()[index], &self.sample.table.rows()[index]);
        match metric {
            HeatMetric::State => Vec::new(),
            HeatMetric::ResponseTime if row.is_tcp() => Vec::new(),
            HeatMetric::ResponseTime => {
                let row = chart_values::timed_row(self.sample, index);
                self.drawn(time_trend::values(history, &row, Field::Rtime, self.grid.since, self.now, usize::MAX))
            }
            HeatMetric::Share5xx => self.drawn(chart_values::shares_5xx(history, self.rate_history(), id)),
            HeatMetric::Load => {
                let limits = self.session_limits(index);
                let highest = self.sample.table.number(index, Field::Smax).map(|highest| highest.max(1) as f64);
                let limit = |place: usize| limits.get(place).copied().flatten();
                let share = |(place, sessions): (usize, Option<f64>)| Some(sessions? / limit(place).or(highest)?);
                self.levels(index, Field::Scur).into_iter().enumerate().map(share).collect()
            }
            HeatMetric::Queue => {
                let time = self.grid.since..=self.now;
                self.drawn(chart_values::past_queue(history, self.sample, index, &time))
            }
        }
    }
}
