//! Forecasts of the time at which a limit is reached, from the growth of the last minutes.
//!
//! A forecast is made only for a value that is at least [`MIN_SHARE`] of its limit and climbs steadily: the slope since
//! the start of the climb, at most [`WINDOW`] ago, and the slope of the last minute must agree so well that the error of
//! the forecast is under half of it. Everything else is unknown. A value at its limit has the forecast 0.
//!
//! The cost of a row below [`MIN_SHARE`] is one or two numbers of the sample. The history is read for at most
//! [`MAX_CANDIDATES`] values per sample, those nearest to their limits.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::slope::{Point, Slope};
use crate::history::store::History;
use crate::observe::row_ids::{BackendRows, RowId};
use crate::observe::sample::Sample;
use crate::problems::limit_table::{LIMITS, Limit};
use crate::problems::rule::Scope;
use crate::units;

/// Share of the limit from which a forecast is made.
const MIN_SHARE: f64 = 0.3;
/// Maximum number of values for which the history is read.
const MAX_CANDIDATES: usize = 100;
/// Longest time that the slope covers.
const WINDOW: Duration = Duration::from_mins(5);
/// Longest time that counts as recent, in seconds.
const RECENT_SECONDS: f64 = 60.0;
/// Shortest climb from which a forecast is made, in seconds.
const MIN_CLIMB_SECONDS: f64 = 20.0;
/// Smallest climb, in units of the value: below, whole numbers give no slope.
const MIN_RISE: f64 = 4.0;
/// A climb must be this much higher than the range of the values before it.
const RISE_OVER_RANGE: f64 = 1.5;
/// Number of recent points from which a slope is computed.
const MIN_POINTS: usize = 5;
/// Maximum width of the error band as a share of the forecast.
const MAX_BAND: f64 = 0.5;
/// A forecast reaches at most this many times as far into the future as the climb into the past.
const MAX_REACH: f64 = 10.0;

/// The forecast for one limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forecast {
    /// The limit.
    pub(crate) limit: &'static Limit,
    /// Current value.
    pub(crate) value: i64,
    /// Current limit.
    pub(crate) maximum: i64,
    /// Growth per second; `None` if the limit is reached.
    pub(crate) per_second: Option<f64>,
    /// Seconds from the sample to the time at which the limit is reached; 0 if it is reached.
    pub(crate) seconds: f64,
}

/// The forecasts of one sample.
#[derive(Debug, Default)]
pub struct Forecasts {
    /// Forecasts by row, soonest first; [`RowId::PROCESS`] for the process.
    by_row: BTreeMap<RowId, Vec<Forecast>>,
}

/// A value near its limit.
struct LimitUsage {
    id: RowId,
    limit: &'static Limit,
    value: i64,
    maximum: i64,
}

impl LimitUsage {
    fn share(&self) -> f64 {
        self.value as f64 / self.maximum as f64
    }
}

impl Forecasts {
    /// Makes the forecasts for a sample from the history before it.
    pub(crate) fn from_sample(sample: &Sample, history: &History) -> Self {
        let mut candidates = find_candidates(sample);
        if candidates.len() > MAX_CANDIDATES {
            candidates.select_nth_unstable_by(MAX_CANDIDATES, |one, other| other.share().total_cmp(&one.share()));
            candidates.truncate(MAX_CANDIDATES);
        }
        let mut by_row: BTreeMap<RowId, Vec<Forecast>> = BTreeMap::new();
        for candidate in candidates {
            let Some(forecast) = candidate_forecast(&candidate, sample, history) else { continue };
            by_row.entry(candidate.id).or_default().push(forecast);
        }
        for forecasts in by_row.values_mut() {
            forecasts.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        }
        Self { by_row }
    }

    /// Returns the forecasts of a row, or of the process for [`RowId::PROCESS`], soonest first.
    pub(crate) fn for_row(&self, id: RowId) -> &[Forecast] {
        self.by_row.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Returns all forecasts with their rows.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (RowId, &Forecast)> {
        self.by_row.iter().flat_map(|(id, forecasts)| forecasts.iter().map(|forecast| (*id, forecast)))
    }
}

/// Describes a forecast: `78 of 100 connections, full in 22 s at +1/s`.
pub(crate) fn forecast_words(forecast: &Forecast) -> String {
    let usage = format!("{} of {} {}", forecast.value, forecast.maximum, forecast.limit.noun);
    format!("{usage}, {}", full_words(forecast).as_deref().unwrap_or("full"))
}

/// Describes when the limit will be reached: `full in 22 s at +1/s`; `None` if it is reached.
pub(crate) fn full_words(forecast: &Forecast) -> Option<String> {
    let time = units::duration_words(Duration::from_secs_f64(forecast.seconds.round()));
    Some(format!("full in {time} at {}", growth_words(forecast.per_second?)))
}

/// Formats a growth per second, or per minute if it is slow.
fn growth_words(per_second: f64) -> String {
    match per_second {
        slow if slow < 0.1 => format!("+{}/min", units::ratio(slow * 60.0)),
        fast if fast < 999.5 => format!("+{}/s", units::ratio(fast)),
        fast => format!("+{}/s", units::rate(fast)),
    }
}

/// Returns the values that are at least [`MIN_SHARE`] of their limits.
fn find_candidates(sample: &Sample) -> Vec<LimitUsage> {
    let mut candidates = Vec::new();
    let ids = sample.rows.ids();
    let mut add = |scope: Scope, index: Option<usize>, backend: Option<&BackendRows>| {
        for limit in LIMITS.iter().filter(|limit| limit.scope == scope) {
            let Some(value) = limit.current_value(sample, index).filter(|value| *value > 0) else { continue };
            let Some(maximum) = limit.current_limit(sample, index, backend) else { continue };
            let id = index.map_or(RowId::PROCESS, |index| ids[index]);
            let candidate = LimitUsage { id, limit, value, maximum };
            let is_out_of_service =
                || index.is_some_and(|index| sample.table.rows()[index].state().is_out_of_service());
            if candidate.share() >= MIN_SHARE && !is_out_of_service() {
                candidates.push(candidate);
            }
        }
    };
    for backend in sample.rows.backends() {
        for server in &backend.servers {
            add(Scope::Server, Some(*server), Some(backend));
        }
        add(Scope::Backend, Some(backend.row), Some(backend));
    }
    for frontend in sample.rows.frontends() {
        add(Scope::Frontend, Some(*frontend), None);
    }
    add(Scope::Process, None, None);
    candidates
}

/// Returns the forecast of a value, or `None` if it is unknown when the limit will be reached.
fn candidate_forecast(candidate: &LimitUsage, sample: &Sample, history: &History) -> Option<Forecast> {
    let LimitUsage { id, limit, value, maximum } = *candidate;
    if value >= maximum {
        return Some(Forecast { limit, value, maximum, per_second: None, seconds: 0.0 });
    }
    let now = sample.at.monotonic;
    let mut points: Vec<Point> = Vec::new();
    history.read_series(id, &[limit.value], now.saturating_sub(WINDOW)..=now, |header, values| {
        match values[0].filter(|_| header.epoch == sample.epoch.number) {
            Some(value) if header.at < now => points.push((header.at.as_secs_f64(), value as f64)),
            Some(_) => {}
            // Values before a reload, or before a time without the row, are not comparable.
            None => points.clear(),
        }
    });
    points.push((now.as_secs_f64(), value as f64));
    let (per_second, seconds) = project(&points, maximum as f64)?;
    Some(Forecast { limit, value, maximum, per_second: Some(per_second), seconds })
}

/// Returns the growth per second, and the seconds from the last point to the time at which the value reaches `maximum`.
/// Returns `None` if the value does not climb steadily.
pub(crate) fn project(points: &[Point], maximum: f64) -> Option<(f64, f64)> {
    let climb = last_climb(points)?;
    let (start, now) = (climb.first()?.0, climb.last()?.0);
    let recent = (now - start) / 2.0;
    let recent = &climb[climb.partition_point(|(time, _)| *time < now - recent.min(RECENT_SECONDS))..];
    if recent.len() < MIN_POINTS {
        return None;
    }
    let (long, short) = (Slope::from_points(climb)?, Slope::from_points(recent)?);
    let (low, high) = (long.low.min(short.low), long.high.max(short.high));
    let per_second = f64::midpoint(long.per_second, short.per_second);
    if low <= 0.0 || per_second <= 0.0 {
        return None;
    }
    let rest = (maximum - Slope { per_second, low, high }.level_at(recent, now)?).max(0.0);
    let seconds = rest / per_second;
    let band = rest / low - rest / high;
    (band <= seconds * MAX_BAND && seconds <= (now - start) * MAX_REACH).then_some((per_second, seconds))
}

/// Returns the points of the climb that lasts until now, or `None` if the value does not climb.
///
/// The climb starts at the last point in the lowest quarter of the range. A value that often was as high before does not
/// climb, it varies.
fn last_climb(points: &[Point]) -> Option<&[Point]> {
    let range = |points: &[Point]| {
        let values = points.iter().map(|(_, value)| *value);
        let (low, high) = (values.clone().reduce(f64::min)?, values.reduce(f64::max)?);
        Some((low, high - low))
    };
    let (lowest, spread) = range(points)?;
    let start = points.iter().rposition(|(_, value)| *value <= lowest + spread / 4.0)?;
    let (before, climb) = points.split_at(start);
    let (first, last) = (climb.first()?, climb.last()?);
    let rise = last.1 - first.1;
    let range_before = range(before).map_or(0.0, |(_, spread)| spread);
    let is_long = last.0 - first.0 >= MIN_CLIMB_SECONDS;
    (is_long && rise >= MIN_RISE && rise >= range_before * RISE_OVER_RANGE).then_some(climb)
}
