//! All balancers as one: a sample whose rows are those that belong together, with their rates and what else is shown.
//!
//! Numbers are those of the balancers that answer. A row's texts are those of the balancer in which it is in the worst state.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::merged;
use crate::fleet::merged_numbers::{self, PartNumber};
use crate::fleet::row_groups::{self, MatchedRows, RowPlace};
use crate::haproxy::fields::{Field, FieldKind, InfoField, TextField};
use crate::haproxy::info::ProcessInfo;
use crate::haproxy::numbers::row_writer::RowWriter;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_row::TextCells;
use crate::haproxy::stat_table::{RowKind, StatAnomalies, StatRow, StatTable};
use crate::haproxy::status::RowState;
use crate::history::merged_rates::MergedRates;
use crate::history::rates::RateWindow;
use crate::instance::merged_rows::{MergedParts, MergedRows, RowPart};
use crate::instance::state::Instance;
use crate::observe::instance_id::RowRef;
use crate::observe::row_ids::{RowId, RowIds, RowMap};
use crate::observe::sample::{Epoch, ReplyCost, Sample, SampleDetails};
use crate::observe::timestamp::Timestamp;
use crate::units;

/// A balancer to merge.
#[derive(Debug, Clone)]
pub(crate) struct MergedBalancer<'a> {
    /// Name.
    pub(crate) name: Arc<str>,
    /// Everything known about it.
    pub(crate) instance: &'a Instance,
    /// True if it answers or, in the past, was sampled at the moment shown.
    pub(crate) is_current: bool,
}

/// Everything that all balancers together show.
#[derive(Debug)]
pub(crate) struct MergedView {
    /// Rates, whose only sample has the rows.
    pub(crate) rates: RateWindow,
    /// Parts of the rows.
    pub(crate) rows: MergedRows,
}

/// Merges balancers, with the same ids for the same rows.
#[derive(Debug, Default)]
pub(crate) struct BalancerMerger {
    ids: RowIds,
    seq: u64,
}

impl BalancerMerger {
    /// Merges balancers at a past moment, or in the present. Those that were never sampled only count. Returns `None` if none
    /// has a sample.
    pub(crate) fn merge(&mut self, balancers: &[MergedBalancer<'_>], moment: Option<Timestamp>) -> Option<MergedView> {
        let sampled: Vec<(&MergedBalancer<'_>, &Arc<Sample>)> =
            balancers.iter().filter_map(|balancer| Some((balancer, balancer.instance.shown()?))).collect();
        let samples: Vec<&Sample> = sampled.iter().map(|(_, sample)| &***sample).collect();
        let names: Vec<Arc<str>> = sampled.iter().map(|(balancer, _)| Arc::clone(&balancer.name)).collect();
        let groups = row_groups::group_rows(&samples, &names);
        let current: Vec<&Arc<Sample>> =
            sampled.iter().filter(|(balancer, _)| balancer.is_current).map(|(_, sample)| *sample).collect();
        // The newest version has the most columns.
        let schema = Arc::clone(samples.iter().max_by_key(|sample| sample.table.schema().width())?.table.schema());
        let mut writer = RowWriter::new(schema.width(), groups.len());
        let mut rows: Vec<StatRow> = Vec::with_capacity(groups.len());
        let mut spreads: Vec<MergedParts> = Vec::with_capacity(groups.len());
        let mut rate_rows: Vec<Vec<(usize, RowId)>> = Vec::with_capacity(groups.len());
        for group in &groups {
            let places: Vec<RowPlace> =
                group.places.iter().copied().filter(|(position, _)| sampled[*position].0.is_current).collect();
            write_numbers(&mut writer, group, &places, &sampled, |field| schema.slot(field));
            rows.push(merged_row(group, &places, &samples));
            spreads.push(merged_parts(group, &sampled, balancers.len()));
            rate_rows.push(places.iter().map(|place| (place.0, row_id(&samples, *place))).collect());
        }
        let table = StatTable::new(schema, Arc::new(rows), writer.finish(), StatAnomalies::default());
        let row_set = self.ids.identify(&table);
        self.seq += 1;
        let newest = samples.iter().map(|sample| sample.at).max_by_key(|at| at.monotonic);
        let sample = Arc::new(Sample {
            seq: self.seq,
            at: moment.or(newest)?,
            epoch: Epoch { number: 1, pid: 0 },
            level: current.iter().filter_map(|sample| sample.level).max(),
            info: merged_info(&current),
            rows: Arc::clone(&row_set),
            changes: None,
            table,
            cost: ReplyCost::default(),
            interval: samples.iter().map(|sample| sample.interval).max().unwrap_or(Duration::ZERO),
            configured: None,
            details: SampleDetails::default(),
        });
        let windows = sampled.iter().map(|(balancer, _)| balancer.instance.rates().clone()).collect();
        let rates = RateWindow::from_merged(sample, MergedRates::new(windows, rate_rows));
        let merged: RowMap<MergedParts> = row_set.ids().iter().copied().zip(spreads).collect();
        let missing = balancers.iter().filter(|balancer| !balancer.is_current);
        let missing = missing.map(|balancer| Arc::clone(&balancer.name)).collect();
        let mut versions: Vec<String> = Vec::new();
        for sample in &current {
            let version = sample.info.version_text();
            let version = version.split('-').next().unwrap_or(version).to_owned();
            if !version.is_empty() && !versions.contains(&version) {
                versions.push(version);
            }
        }
        let rows = MergedRows::new(merged, balancers.len(), missing, versions).at_moment(moment.is_some());
        Some(MergedView { rates, rows })
    }
}

fn row_id(samples: &[&Sample], (position, index): RowPlace) -> RowId {
    samples[position].rows.ids()[index]
}

/// Writes the numbers of the rows at `places` as one row.
fn write_numbers(
    writer: &mut RowWriter,
    group: &MatchedRows,
    places: &[RowPlace],
    sampled: &[(&MergedBalancer<'_>, &Arc<Sample>)],
    slot: impl Fn(Field) -> Option<usize>,
) {
    let has_times = matches!(group.kind, RowKind::Backend | RowKind::Server);
    let weights: Vec<f64> =
        places.iter().map(|place| if has_times { request_rate(sampled, *place) } else { 0.0 }).collect();
    for field in Field::ALL {
        let Some(slot) = slot(*field) else { continue };
        let part = |((position, index), weight): (&RowPlace, &f64)| {
            let (balancer, sample) = sampled[*position];
            let is_mean = field.info().kind == FieldKind::Average;
            // The means of old versions are far too low for few requests, and 0 before the first one.
            let is_usable = !is_mean
                || !balancer.instance.rates().times().is_understated(*index)
                    && sample.table.number(*index, Field::Stot) != Some(0);
            let value = sample.table.number(*index, *field).filter(|_| is_usable);
            PartNumber { value, weight: *weight }
        };
        let parts: Vec<PartNumber> = places.iter().zip(&weights).map(part).collect();
        if let Some(number) = merged_numbers::combine(*field, &parts) {
            writer.set(slot, number);
        }
    }
    writer.end_row();
}

/// Returns the requests per second of a row, or its sessions for TCP.
fn request_rate(sampled: &[(&MergedBalancer<'_>, &Arc<Sample>)], (position, index): RowPlace) -> f64 {
    let (balancer, sample) = sampled[position];
    let has_requests = sample.table.number(index, Field::ReqTot).is_some();
    let field = Field::traffic_counter(sample.table.rows()[index].is_tcp(), has_requests);
    balancer.instance.rates().rate(sample.rows.ids()[index], field).unwrap_or(0.0)
}

/// Returns the texts of the row in the worst state; only the mode if no balancer with the row answers.
fn merged_row(group: &MatchedRows, places: &[RowPlace], samples: &[&Sample]) -> StatRow {
    let row = |(position, index): &RowPlace| &samples[*position].table.rows()[*index];
    let worst = places.iter().map(row).min_by_key(|row| merged::badness_order(row.state()));
    if let Some(worst) = worst {
        let none: Arc<[(TextField, SafeText)]> = Arc::new([]);
        let [texts, own] = worst.text_sets().map(|set| set.map_or_else(|| Arc::clone(&none), Arc::clone));
        return StatRow::from_stored(group.kind, group.proxy.clone(), group.name.clone(), [&texts, &own]);
    }
    let mode = group.places.first().and_then(|place| row(place).text(TextField::Mode));
    let mut cells: TextCells<'_> = [None; TextField::ALL.len()];
    cells[TextField::Mode as usize] = mode.map(|mode| mode.as_str().as_bytes());
    let names = [group.proxy.as_str().as_bytes(), group.name.as_str().as_bytes()];
    StatRow::from_cells(group.kind, names, &cells, [None; 2])
}

/// Returns the parts of a row, and how many of the `count` balancers have it in which state.
fn merged_parts(group: &MatchedRows, sampled: &[(&MergedBalancer<'_>, &Arc<Sample>)], count: usize) -> MergedParts {
    let part = |(position, index): &RowPlace| {
        let (balancer, sample) = sampled[*position];
        let row = RowRef { instance: balancer.instance.id(), row: sample.rows.ids()[*index] };
        let status = balancer.is_current.then(|| sample.table.rows()[*index].status().to_owned());
        RowPart { row, balancer: Arc::clone(&balancer.name), status }
    };
    let parts: Vec<RowPart> = group.places.iter().map(part).collect();
    let mut states: Vec<(RowState, usize)> = Vec::new();
    for status in parts.iter().filter_map(|part| part.status.as_deref()) {
        let state = RowState::parse(status);
        match states.iter_mut().find(|(known, _)| merged::state_word(*known) == merged::state_word(state)) {
            Some((_, count)) => *count += 1,
            None => states.push((state, 1)),
        }
    }
    states.sort_by_key(|(state, count)| (usize::MAX - count, merged::badness_order(*state)));
    let known: usize = states.iter().map(|(_, count)| count).sum();
    let words = states.iter().map(|(state, count)| format!("{count} {}", merged::state_word(*state)));
    let lost = parts.len() - known;
    let spread = match states.len() {
        0 | 1 => format!("{known}/{count}"),
        _ => words.chain((lost > 0).then(|| format!("{lost} {}", units::UNKNOWN))).collect::<Vec<_>>().join(" "),
    };
    MergedParts { is_uniform: known == count && states.len() < 2, parts, spread }
}

/// Returns the numbers of all processes together that the header shows.
fn merged_info(current: &[&Arc<Sample>]) -> ProcessInfo {
    let all =
        |field: InfoField| current.iter().map(|sample| sample.process_number(field)).collect::<Option<Vec<i64>>>();
    let sum = |field| Some((field, all(field)?.iter().fold(0_i64, |sum, number| sum.saturating_add(*number))));
    let lowest = |field| Some((field, all(field)?.into_iter().min()?));
    let fields = [
        sum(InfoField::CurrConns),
        sum(InfoField::Maxconn),
        sum(InfoField::SessRate),
        lowest(InfoField::IdlePct),
        lowest(InfoField::UptimeSec),
    ];
    let line = |(field, number): (InfoField, i64)| {
        (SafeText::from(field.info().name), SafeText::from(number.to_string().as_str()))
    };
    ProcessInfo::from_lines(fields.into_iter().flatten().map(line).collect())
}
