//! The past cells of a row of the heat map, read from the history of its instance, or from those of all balancers that have
//! the row.
//!
//! The numbers of several balancers are put together as in the merged tables: amounts are added up and unknown if one of
//! them is, times are means weighted by the requests, and the worst state counts. A balancer without samples of the row
//! in a part of the time is not part of it.

use std::collections::VecDeque;

use crate::haproxy::fields::Field;
use crate::haproxy::status::RowState;
use crate::history::row_sums::RowSum;
use crate::instance::state::Instance;
use crate::observe::instance_id::RowRef;
use crate::observe::row_ids::RowId;
use crate::table::heat_metric::{HeatCell, HeatMetric, HeatReader};

/// Points of a number; `None` where it is unknown.
type Points = Vec<Option<f64>>;

/// Returns the rows that a row of an instance consists of: its parts on all balancers, or itself.
pub(crate) fn parts(instance: &Instance, id: RowId) -> Vec<RowRef> {
    match instance.merged_rows() {
        Some(merged) => merged.row(id).map_or(Vec::new(), |row| row.parts.iter().map(|part| part.row).collect()),
        None => vec![RowRef { instance: instance.id(), row: id }],
    }
}

/// Returns the cells of a row that consists of these parts, oldest first. `readers` are those of its instances. Returns `None`
/// if none of them has the row.
pub(crate) fn read(readers: &[HeatReader<'_>], parts: &[RowRef], metric: HeatMetric) -> Option<VecDeque<HeatCell>> {
    let parts: Vec<HeatRow<'_, '_>> = parts.iter().filter_map(|part| HeatRow::find(readers, *part)).collect();
    let values = match parts.as_slice() {
        [] => return None,
        [part] => part.reader.points(metric, part.index),
        parts => combined_points(parts, metric),
    };
    let value = |place: usize| values.get(place).copied().flatten();
    let cell = |place| value(place).map_or(HeatCell::Unknown, |value| HeatCell::Value(value as f32));
    let mut cells: VecDeque<HeatCell> = (0..parts[0].reader.count()).map(cell).collect();
    for states in parts.iter().filter_map(|part| part.reader.states(metric, part.index)) {
        for (cell, state) in cells.iter_mut().zip(states) {
            if let Some(state) = state.and_then(|state: RowState| HeatCell::State(state).for_metric(metric)) {
                *cell = state.worse(*cell);
            }
        }
    }
    Some(cells)
}

/// A row of an instance whose history is read.
#[derive(Debug, Clone, Copy)]
struct HeatRow<'r, 'a> {
    reader: &'r HeatReader<'a>,
    index: usize,
}

impl<'r, 'a> HeatRow<'r, 'a> {
    fn find(readers: &'r [HeatReader<'a>], part: RowRef) -> Option<Self> {
        let reader = readers.iter().find(|reader| reader.instance.id() == part.instance)?;
        Some(Self { reader, index: reader.sample.rows.index_of(part.row)? })
    }

    fn requests(&self) -> Points {
        let is_tcp = self.reader.sample.table.rows()[self.index].is_tcp();
        let has_requests = self.reader.sample.table.number(self.index, Field::ReqTot).is_some();
        self.reader.rates(self.index, &[Field::traffic_counter(is_tcp, has_requests)])
    }
}

/// Returns the values of several rows together.
fn combined_points(parts: &[HeatRow<'_, '_>], metric: HeatMetric) -> Points {
    let of_all = |read: &dyn Fn(&HeatRow<'_, '_>) -> Points| parts.iter().map(read).collect::<Vec<Points>>();
    let places = 0..parts[0].reader.count();
    let points = |part: &HeatRow<'_, '_>| part.reader.points(metric, part.index);
    let presence = || of_all(&|part| part.reader.presence(part.index));
    match metric {
        HeatMetric::State => Vec::new(),
        HeatMetric::ResponseTime => {
            let (times, weights) = (of_all(&points), of_all(&|part| part.requests()));
            places.map(|place| weighted_mean(&times, &weights, place)).collect()
        }
        HeatMetric::Share5xx => {
            let (shares, presence) = (of_all(&points), presence());
            let responses = of_all(&|part| part.reader.rates(part.index, &Field::RESPONSES));
            let share = |place| {
                sum(&responses, &presence, place)?;
                weighted_mean(&shares, &responses, place)
            };
            places.map(share).collect()
        }
        HeatMetric::Queue => {
            let (queues, presence) = (of_all(&points), presence());
            places.map(|place| sum(&queues, &presence, place)).collect()
        }
        HeatMetric::Load => {
            let (sessions, presence) = (of_all(&|part| part.reader.levels(part.index, Field::Scur)), presence());
            let limits = of_all(&|part| part.reader.session_limits(part.index));
            let maxima = parts.iter().filter_map(|part| part.reader.sample.table.number(part.index, Field::Smax));
            let highest = maxima.max().map(|highest| (highest.max(1) * parts.len() as i64) as f64);
            let share = |place| {
                let limit = sum(&limits, &presence, place).filter(|limit| *limit > 0.0);
                Some(sum(&sessions, &presence, place)? / limit.or(highest)?)
            };
            places.map(share).collect()
        }
    }
}

fn known(line: &[Option<f64>], place: usize) -> Option<f64> {
    line.get(place).copied().flatten()
}

/// Returns the sum of the points of the rows that exist; `None` if one of them is unknown.
fn sum(lines: &[Points], presence: &[Points], place: usize) -> Option<f64> {
    let mut sum = RowSum::default();
    for (line, presence) in lines.iter().zip(presence) {
        if known(presence, place).is_some() {
            sum.add(known(line, place));
        }
    }
    sum.value()
}

/// Returns the mean of the known points, weighted. Points without a weight count only if no point has one.
fn weighted_mean(lines: &[Points], weights: &[Points], place: usize) -> Option<f64> {
    let values: Vec<(f64, f64)> = lines
        .iter()
        .zip(weights)
        .filter_map(|(line, weights)| Some((known(line, place)?, known(weights, place).unwrap_or(0.0))))
        .collect();
    let total: f64 = values.iter().map(|(_, weight)| weight).sum();
    if total > 0.0 {
        return Some(values.iter().map(|(value, weight)| value * weight).sum::<f64>() / total);
    }
    (!values.is_empty()).then(|| values.iter().map(|(value, _)| value).sum::<f64>() / values.len() as f64)
}
