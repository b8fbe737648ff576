//! The past values of a chart: the number that the row's cell showed at every stored sample.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::history::block::Series;
use crate::history::moving_mean::MeanKind;
use crate::history::rate_history::RateHistory;
use crate::history::row_sums;
use crate::history::store::History;
use crate::history::time_trend::{self, TimedRow};
use crate::history::trend;
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::problems::figures;
use crate::table::chart_table::{Chart, ChartSource};
use crate::table::columns::row_view::RowView;

/// Maximum number of servers whose requests are counted for the times of a backend, and whose queues are added to its
/// own. With more servers, the backend's own responses are counted, which include those that HAProxy sent itself, and the
/// past of the queue is unknown.
const MAX_COUNTED_SERVERS: usize = 64;

/// Values with the times of their samples, oldest first.
pub(crate) type TimedValues = Vec<(Duration, Option<f64>)>;

/// Reads the values of charts in a range of time.
#[derive(Debug)]
pub(crate) struct ChartReader<'a> {
    instance: &'a Instance,
    since: Duration,
    until: Duration,
    rates: RateHistory,
    /// Maximum number of times that are computed for a row, because each takes long.
    max_times: usize,
}

impl<'a> ChartReader<'a> {
    /// Creates a reader of the samples from `since` to `until`, for charts with this number of points.
    pub(crate) fn new(instance: &'a Instance, since: Duration, until: Duration, points: usize) -> Self {
        let rates = RateHistory::new(instance.history(), since, until);
        Self { instance, since, until, rates, max_times: points * 2 }
    }

    /// Returns the number of samples.
    pub(crate) fn sample_count(&self) -> usize {
        self.rates.times().len()
    }

    /// Returns the longest time between two samples of a line without a gap.
    pub(crate) fn max_pause(&self) -> Duration {
        trend::max_pause(self.rates.times().iter().copied())
    }

    /// Returns the values of a chart for a row of the sample shown.
    pub(crate) fn values(&self, chart: &Chart, row: &RowView<'_>) -> TimedValues {
        match chart.source {
            ChartSource::Level(field) => self.levels(row.id, field),
            ChartSource::Queue => self.queued(row),
            ChartSource::Traffic => self.rates_of(row.id, &[row.served_field()]),
            ChartSource::PerSecond(fields) => self.rates_of(row.id, fields),
            ChartSource::Share5xx => percent(shares_5xx(self.instance.history(), &self.rates, row.id)),
            ChartSource::Time(field) => self.times(row, field),
            ChartSource::ResponseTime => self.times(row, if row.is_tcp() { Field::Ttime } else { Field::Rtime }),
        }
    }

    fn levels(&self, id: RowId, field: Field) -> TimedValues {
        let mut values = Vec::with_capacity(self.sample_count());
        self.instance.history().read_series(id, &[Series::Stat(field)], self.since..=self.until, |header, row| {
            values.push((header.at, row[0].map(|value| value as f64)));
        });
        values
    }

    fn queued(&self, row: &RowView<'_>) -> TimedValues {
        past_queue(self.instance.history(), row.sample, row.index, &(self.since..=self.until))
    }

    fn rates_of(&self, id: RowId, fields: &[Field]) -> TimedValues {
        growth_per_second(self.instance.history(), &self.rates, id, fields)
    }

    fn times(&self, row: &RowView<'_>, field: Field) -> TimedValues {
        let timed = timed_row(row.sample, row.index);
        let mut values =
            time_trend::values(self.instance.history(), &timed, field, self.since, self.until, self.max_times);
        for (_, millis) in &mut values {
            *millis = millis.map(f64::round);
        }
        values
    }
}

/// Returns the growth per second of counters together at each of the stored samples; `None` if that of all is unknown.
pub(crate) fn growth_per_second(history: &History, rates: &RateHistory, id: RowId, fields: &[Field]) -> TimedValues {
    let counters = counters(history, rates, id, fields);
    let rate = |index: usize| {
        let known = counters.iter().filter_map(|values| rates.growth(index, values));
        known.map(|(grown, seconds)| grown as f64 / seconds).reduce(|one, other| one + other)
    };
    rates.times().iter().enumerate().map(|(index, at)| (*at, rate(index))).collect()
}

/// Returns the values of counters at all samples that rates need, one series for each counter.
fn counters(history: &History, rates: &RateHistory, id: RowId, fields: &[Field]) -> Vec<Vec<Option<i64>>> {
    let series: Vec<Series> = fields.iter().map(|field| Series::Stat(*field)).collect();
    let mut values = vec![Vec::new(); fields.len()];
    history.read_series(id, &series, rates.read_range(), |_, row| {
        for (values, value) in values.iter_mut().zip(row) {
            values.push(*value);
        }
    });
    values
}

/// Returns the share of 5xx among the responses of a row, from 0 to 1, at each of the stored samples.
pub(crate) fn shares_5xx(history: &History, rates: &RateHistory, id: RowId) -> TimedValues {
    let counters = counters(history, rates, id, &Field::RESPONSES);
    let share = |index: usize| {
        figures::share_5xx_of_growths(|class| {
            let place = Field::RESPONSES.iter().position(|known| *known == class)?;
            rates.growth(index, &counters[place]).map(|(grown, _)| grown)
        })
    };
    rates.times().iter().enumerate().map(|(index, at)| (*at, share(index))).collect()
}

fn percent(shares: TimedValues) -> TimedValues {
    shares.into_iter().map(|(at, share)| (at, share.map(|share| share * 100.0))).collect()
}

/// Returns the queued requests of a row over time, of a backend including those of its servers; empty if the servers are
/// too many.
pub(crate) fn past_queue(
    history: &History,
    sample: &Sample,
    index: usize,
    time: &RangeInclusive<Duration>,
) -> TimedValues {
    let Some(mut rows) = counted_servers(sample, index) else { return Vec::new() };
    rows.push(sample.rows.ids()[index]);
    row_sums::levels(history, &rows, Field::Qcur, time)
}

/// Returns a row of a sample whose times are read. With too many servers, the backend's own responses are counted.
pub(crate) fn timed_row(sample: &Sample, index: usize) -> TimedRow {
    TimedRow {
        id: sample.rows.ids()[index],
        servers: counted_servers(sample, index).unwrap_or_default(),
        is_tcp: sample.table.rows()[index].is_tcp(),
        kind: MeanKind::from_version(sample.info.version()),
    }
}

/// Returns the servers of a backend that are counted together with it; empty for other rows. Returns `None` if they are
/// too many.
pub(crate) fn counted_servers(sample: &Sample, index: usize) -> Option<Vec<RowId>> {
    let backend = sample.rows.backend_of(index).filter(|backend| backend.row == index);
    let servers = backend.map_or(&[][..], |backend| &backend.servers);
    (servers.len() <= MAX_COUNTED_SERVERS).then(|| servers.iter().map(|server| sample.rows.ids()[*server]).collect())
}
