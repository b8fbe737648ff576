//! The heat map: the values of rows over time, one cell for each row and part of the time.
//!
//! The cells of a row are read from the history when the row becomes visible, a few rows at a time. After that, each new
//! sample only adds its own value, so a frame does not read the history.

use std::collections::VecDeque;
use std::time::Duration;

use crate::haproxy::stat_table::{RowKind, StatRow};
use crate::history::state_trend;
use crate::history::trend;
use crate::instance::state::Instance;
use crate::observe::row_ids::{RowId, RowMap};
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::table::columns::column::SortKey;
use crate::table::columns::row_view::RowView;
use crate::table::heat_metric::{HeatCell, HeatMetric, HeatReader};

/// Number of rows whose history is read at once. Keys wait for this part at most.
const READ_ROWS: usize = 6;
/// Number of rows whose cells are kept.
const MAX_KEPT_ROWS: usize = 2000;

/// The part of the time that the heat map shows, and the metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HeatRange {
    /// The metric.
    pub(crate) metric: HeatMetric,
    /// Time span of all columns.
    pub(crate) span: Duration,
    /// Number of columns.
    pub(crate) columns: usize,
}

impl HeatRange {
    /// Returns the time of one column, in seconds.
    pub(crate) fn step(&self) -> f64 {
        self.span.as_secs_f64() / self.columns.max(1) as f64
    }
}

/// The cells of the rows that were shown.
#[derive(Debug, Default)]
pub(crate) struct HeatMap {
    range: Option<HeatRange>,
    /// Monotonic time at which the last column ends or which it contains.
    end: Duration,
    /// Sequence number of the newest sample in the cells.
    seq: u64,
    rows: RowMap<VecDeque<HeatCell>>,
    /// True if visible rows were not read yet.
    is_incomplete: bool,
}

impl HeatMap {
    /// Returns the range shown, or `None` if nothing is shown.
    pub(crate) fn range(&self) -> Option<HeatRange> {
        self.range.filter(|range| range.columns > 0)
    }

    /// Returns whether visible rows were not read yet. Each call of [`Self::update`] reads some of them.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }

    /// Returns the cells of a row, oldest first; `None` if they were not read yet.
    pub(crate) fn cells(&self, id: RowId) -> Option<&VecDeque<HeatCell>> {
        self.rows.get(&id)
    }

    /// Returns the monotonic time at which the first column begins, in seconds. It is negative if this is before the start of
    /// the clock.
    pub(crate) fn start_seconds(&self) -> f64 {
        let Some(range) = self.range() else { return 0.0 };
        (self.step_number(self.end) - range.columns as i64 + 1) as f64 * range.step()
    }

    /// Returns the column that contains a time; `None` if it is not shown.
    pub(crate) fn column_at(&self, time: Duration) -> Option<usize> {
        let range = self.range()?;
        let column = self.step_number(time) - self.step_number(self.end) + range.columns as i64 - 1;
        usize::try_from(column).ok().filter(|column| *column < range.columns)
    }

    fn step_number(&self, time: Duration) -> i64 {
        self.range.map_or(0, |range| (time.as_secs_f64() / range.step()).floor() as i64)
    }

    /// Brings the cells up to the newest sample, and reads the history of some of the `visible` rows that have no cells.
    pub(crate) fn update(&mut self, instance: &Instance, visible: &[RowId], range: HeatRange) {
        let (Some(latest), Some(shown)) = (instance.latest(), instance.shown()) else { return };
        if range.columns == 0 || range.span.is_zero() {
            *self = Self { range: Some(HeatRange { columns: 0, ..range }), ..Self::default() };
            return;
        }
        if self.range != Some(range) {
            *self = Self { range: Some(range), ..Self::default() };
        }
        if instance.past_moment().is_some() {
            self.show_past(shown.at.monotonic, latest, range);
        } else {
            self.add_newest(instance, latest);
        }
        if self.rows.len() > MAX_KEPT_ROWS {
            self.rows.retain(|id, _| visible.contains(id));
        }
        let mut room = READ_ROWS;
        self.is_incomplete = false;
        let reader = HeatReader::new(instance, latest, self.end, range.span, range.columns);
        for id in visible {
            let Some(index) = latest.rows.index_of(*id).filter(|_| !self.rows.contains_key(id)) else { continue };
            if room == 0 {
                self.is_incomplete = true;
                break;
            }
            room = room.saturating_sub(range.metric.cost(latest, index));
            self.rows.insert(*id, self.read_row(&reader, index, range));
        }
    }

    /// Moves the range so that it contains the moment shown. It stays where it is while it contains this moment, so that
    /// the cells do not move with each step.
    fn show_past(&mut self, shown: Duration, latest: &Sample, range: HeatRange) {
        let is_contained = shown <= self.end && shown + range.span > self.end;
        if !is_contained {
            let end = (shown + range.span / 4).min(latest.at.monotonic.max(shown));
            *self = Self { range: Some(range), end, ..Self::default() };
        }
        // The samples that arrive meanwhile are read when the present is shown again.
        self.seq = 0;
    }

    /// Adds the values of the newest sample.
    fn add_newest(&mut self, instance: &Instance, latest: &Sample) {
        if self.seq == latest.seq {
            return;
        }
        let is_next = instance.history().header_after(self.seq).is_none_or(|header| header.seq >= latest.seq);
        if self.seq == 0 || !is_next || self.end > latest.at.monotonic {
            self.rows.clear();
        }
        let moved = (self.step_number(latest.at.monotonic) - self.step_number(self.end)).max(0);
        let is_gap = latest.at.elapsed_since(self.end) > trend::longest_pause(latest.interval);
        (self.end, self.seq) = (latest.at.monotonic, latest.seq);
        let Some(range) = self.range else { return };
        for (id, cells) in &mut self.rows {
            let cell = match latest.rows.index_of(*id) {
                Some(index) => range.metric.current(&RowView::new(instance, latest, index)),
                None => HeatCell::Unknown,
            };
            for _ in 0..moved.min(range.columns as i64) {
                cells.pop_front();
                cells.push_back(if is_gap { HeatCell::Unknown } else { cell });
            }
            if let Some(last) = cells.back_mut() {
                *last = last.worse(cell);
            }
        }
    }

    fn read_row(&self, reader: &HeatReader<'_>, index: usize, range: HeatRange) -> VecDeque<HeatCell> {
        let (instance, sample) = (reader.instance, reader.sample);
        let HeatRange { metric, span, columns } = range;
        let id = sample.rows.ids()[index];
        let values = reader.points(metric, index);
        let value = |place: usize| values.get(place).copied().flatten();
        let mut cells: VecDeque<HeatCell> = (0..columns)
            .map(|place| value(place).map_or(HeatCell::Unknown, |value| HeatCell::Value(value as f32)))
            .collect();
        let is_state = metric == HeatMetric::State;
        if is_state || state_trend::was_down(instance.history(), id, &(self.end.saturating_sub(span)..=self.end)) {
            let states = state_trend::points(instance.history(), id, self.end, span, columns);
            for (cell, state) in cells.iter_mut().zip(states) {
                if let Some(state) = state {
                    *cell = HeatCell::State(state).for_metric(metric).unwrap_or(*cell);
                }
            }
        }
        if self.seq == sample.seq
            && let Some(last) = cells.back_mut()
        {
            // The history may not contain the newest sample yet.
            *last = last.worse(metric.current(&RowView::new(instance, sample, index)));
        }
        cells
    }
}

/// Returns the width of the longest name in the heat map, in characters.
pub(crate) fn longest_name<'a>(rows: impl Iterator<Item = &'a StatRow>) -> usize {
    rows.map(|row| row.name_parts().iter().map(|part| part.chars().count()).sum()).max().unwrap_or(0)
}

/// Returns whether the heat map has a row: servers except unused slots, and backends with other servers.
pub(crate) fn includes(row: &RowView<'_>) -> bool {
    match row.stat_row().kind {
        RowKind::Server => !row.is_unused_slot(),
        RowKind::Backend => !row.is_unused_slot() && row.backend().is_some_and(|backend| !backend.servers.is_empty()),
        RowKind::Frontend | RowKind::Listener => false,
    }
}

/// Sorts rows by the severity of their own cause or problems, then by their value, the worst first.
pub(crate) fn sort_worst_first(instance: &Instance, sample: &Sample, metric: HeatMetric, rows: &mut [usize]) {
    let mut by_cause: RowMap<Severity> = RowMap::default();
    for cause in instance.problems().open_causes() {
        for id in [cause.subject.id, cause.target] {
            let known = by_cause.entry(id).or_insert(cause.severity);
            *known = (*known).max(cause.severity);
        }
    }
    let key = |index: &usize| {
        let row = RowView::new(instance, sample, *index);
        let own = instance.problems().worst_severity(row.id);
        let severity = own.max(by_cause.get(&row.id).copied());
        let value = match metric.current(&row) {
            HeatCell::Unknown => SortKey::Absent,
            HeatCell::Value(value) => SortKey::Number(f64::from(value)),
            HeatCell::State(state) => SortKey::Number(f64::MAX / 8.0 * f64::from(state_trend::badness(state))),
        };
        (severity, value)
    };
    rows.sort_by_cached_key(|index| {
        let (severity, value) = key(index);
        (std::cmp::Reverse(severity), Descending(value))
    });
}

/// A sort key that orders the largest value first and an absent one last.
#[derive(Debug, PartialEq)]
struct Descending(SortKey);

impl Eq for Descending {}

impl PartialOrd for Descending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Descending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.compare(&other.0, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::status::RowState;
    use crate::instance::past_moment::PlaybackStep;
    use crate::observe::test_samples::SampleBuilder;

    /// Adds a sample per second of a backend with a fast server, a slow one from second 30 on, and one that is down from
    /// second 40 to 49.
    fn add_seconds(instance: &mut Instance, builder: &mut SampleBuilder, seconds: std::ops::Range<u64>) {
        for second in seconds {
            let (slow, status) =
                (if second >= 30 { 900 } else { 10 }, if (40..50).contains(&second) { "DOWN" } else { "UP" });
            let row = |name: &str, kind: u8, status: &str, rtime: u64, scur: u64| {
                let requests = second * 600;
                format!(
                    "b,{name},{kind},http,{status},{scur},100,40,0,{requests},{requests},{requests},{requests},0,{requests},{},0,0,{rtime},{rtime},\n",
                    second * 60
                )
            };
            let stat = format!(
                "# pxname,svname,type,mode,status,scur,slim,smax,qcur,stot,req_tot,lbtot,wretr,econ,hrsp_2xx,hrsp_5xx,qtime,ctime,rtime,ttime,\n{}{}{}{}",
                row("fast", 2, "UP", 10, 5),
                row("slow", 2, "UP", slow, 80),
                row("down", 2, status, 10, 0),
                row("BACKEND", 1, "UP", slow / 3, 85)
            );
            instance.add_sample(builder.build_at_millis(second * 1000, &stat), 0);
        }
    }

    fn range(metric: HeatMetric) -> HeatRange {
        HeatRange { metric, span: Duration::from_mins(1), columns: 30 }
    }

    /// Returns the time at which the last of 30 columns begins, in seconds.
    fn start_of_last(map: &HeatMap) -> u64 {
        (map.start_seconds() + 29.0 * map.range().unwrap().step()).round() as u64
    }

    fn ids(instance: &Instance) -> Vec<RowId> {
        instance.latest().unwrap().rows.ids().to_vec()
    }

    fn read(instance: &Instance, metric: HeatMetric) -> HeatMap {
        let mut map = HeatMap::default();
        map.update(instance, &ids(instance), range(metric));
        map.update(instance, &ids(instance), range(metric));
        assert!(!map.is_incomplete());
        map
    }

    #[test]
    fn cells_show_when_a_server_became_slow_and_was_down() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        add_seconds(&mut instance, &mut builder, 0..60);
        let map = read(&instance, HeatMetric::ResponseTime);
        let [fast, slow, down, _] = ids(&instance)[..] else { panic!("four rows") };
        let cells = |id| map.cells(id).unwrap().iter().copied().collect::<Vec<_>>();
        assert!(cells(fast)[5..].iter().all(|cell| matches!(cell, HeatCell::Value(9.0..11.0))), "{:?}", cells(fast));
        assert!(
            matches!(cells(slow)[13], HeatCell::Value(..20.0)) && matches!(cells(slow)[17], HeatCell::Value(800.0..))
        );
        assert_eq!(cells(down)[20..25], [HeatCell::State(RowState::Down); 5]);
        assert!(matches!(cells(down)[26], HeatCell::Value(_)));
        assert_eq!(map.column_at(Duration::from_secs(59)), Some(29));
        assert_eq!((start_of_last(&map), map.column_at(Duration::from_secs(70))), (58, None));
    }

    #[test]
    fn new_samples_lead_to_the_same_cells_as_the_history() {
        for metric in
            [HeatMetric::ResponseTime, HeatMetric::Share5xx, HeatMetric::Load, HeatMetric::Queue, HeatMetric::State]
        {
            let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
            add_seconds(&mut instance, &mut builder, 0..30);
            let mut map = read(&instance, metric);
            for second in 30..55 {
                add_seconds(&mut instance, &mut builder, second..second + 1);
                map.update(&instance, &ids(&instance), range(metric));
            }
            let expected = read(&instance, metric);
            for id in ids(&instance) {
                // Numbers are compared with a tolerance, because rates and history keep different earlier samples.
                let is_same = |(one, other): (&HeatCell, &HeatCell)| match (one, other) {
                    (HeatCell::Value(one), HeatCell::Value(other)) => (one - other).abs() <= other.abs() * 0.01,
                    (one, other) => one == other,
                };
                let (cells, expected) = (map.cells(id).unwrap(), expected.cells(id).unwrap());
                assert!(cells.iter().zip(expected).all(is_same), "{metric:?} {id:?}: {cells:?} {expected:?}");
            }
        }
    }

    #[test]
    fn last_cell_is_the_value_of_the_row() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        add_seconds(&mut instance, &mut builder, 0..45);
        let sample = instance.latest().unwrap();
        for metric in [HeatMetric::ResponseTime, HeatMetric::Share5xx, HeatMetric::Load, HeatMetric::State] {
            let map = read(&instance, metric);
            for (index, id) in sample.rows.ids().iter().enumerate() {
                let current = metric.current(&RowView::new(&instance, sample, index));
                assert_eq!(map.cells(*id).unwrap().back(), Some(&current), "{metric:?} {index}");
            }
        }
    }

    #[test]
    fn worst_rows_come_first() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        add_seconds(&mut instance, &mut builder, 0..45);
        let sample = instance.latest().unwrap();
        let order = |metric| {
            let mut rows: Vec<usize> = (0..4).collect();
            sort_worst_first(&instance, sample, metric, &mut rows);
            rows.iter().map(|row| sample.table.rows()[*row].name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(order(HeatMetric::ResponseTime)[..2], ["down", "slow"]);
        assert_eq!(order(HeatMetric::State)[0], "down");
    }

    #[test]
    fn load_without_limit_and_maximum_is_unknown() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        for second in 0..60 {
            let stat = "# pxname,svname,type,status,scur,\nb,s,2,UP,7,\n";
            instance.add_sample(builder.build_at_millis(second * 1000, stat), 0);
        }
        let map = read(&instance, HeatMetric::Load);
        let cells = map.cells(ids(&instance)[0]).unwrap();
        assert!(cells.iter().all(|cell| *cell == HeatCell::Unknown), "{cells:?}");
    }

    #[test]
    fn rows_of_one_severity_are_in_the_order_of_their_states() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        let states = ["DRAIN", "MAINT", "no check", "NOLB", "UP 1/3"];
        let rows = states.map(|state| format!("b,{state},2,{state},\n")).concat();
        instance.add_sample(builder.build_at_millis(0, &format!("# pxname,svname,type,status,\n{rows}")), 0);
        let sample = instance.latest().unwrap();
        let mut order: Vec<usize> = (0..states.len()).collect();
        let key = |row: &usize| instance.problems().worst_severity(sample.rows.ids()[*row]);
        assert!(order.iter().all(|row| key(row).is_none()), "no row has a problem");
        sort_worst_first(&instance, sample, HeatMetric::State, &mut order);
        assert_eq!(
            order.iter().map(|row| states[*row]).collect::<Vec<_>>(),
            ["UP 1/3", "MAINT", "DRAIN", "NOLB", "no check"]
        );
    }

    #[test]
    fn map_of_the_past_stays_while_it_contains_the_moment() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        add_seconds(&mut instance, &mut builder, 0..200);
        let mut map = read(&instance, HeatMetric::State);
        let mut column = |step| {
            instance.show_moment(step);
            map.update(&instance, &ids(&instance), range(HeatMetric::State));
            (map.column_at(instance.shown().unwrap().at.monotonic), start_of_last(&map))
        };
        assert_eq!(column(PlaybackStep::Samples(-2)), (Some(28), 198));
        assert_eq!(column(PlaybackStep::Samples(-20)), (Some(18), 198));
        let (place, start) = column(PlaybackStep::Minutes(-2));
        assert!(place.is_some() && start < 150, "{place:?} {start}");
        let [.., down, _] = ids(&instance)[..] else { panic!("four rows") };
        let has_down = map.cells(down).unwrap().iter().any(|cell| *cell == HeatCell::State(RowState::Down));
        assert!(has_down, "the history of that time is shown");
    }

    #[test]
    fn start_may_be_before_the_start_of_the_clock() {
        let range = HeatRange { metric: HeatMetric::Share5xx, span: Duration::from_mins(1), columns: 30 };
        let map = HeatMap { range: Some(range), end: Duration::from_secs(10), ..HeatMap::default() };
        assert_eq!(map.start_seconds() as i64, -48);
        assert_eq!(map.column_at(Duration::ZERO), Some(24));
    }

    #[test]
    fn update_never_panics_without_room_or_samples() {
        let mut map = HeatMap::default();
        map.update(&Instance::default(), &[RowId::PROCESS], range(HeatMetric::Load));
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        add_seconds(&mut instance, &mut builder, 0..2);
        map.update(&instance, &ids(&instance), HeatRange { columns: 0, ..range(HeatMetric::Load) });
        assert_eq!((map.range(), map.column_at(Duration::ZERO), map.start_seconds()), (None, None, 0.0));
    }
}
