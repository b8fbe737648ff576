//! Which rows of the balancers the merged rows come from, and when they are merged again.

use std::sync::Arc;
use std::time::Duration;

use crate::app::group_state::{self, MergedFrom, PartState, is_merged_view};
use crate::app::instance_view::InstanceView;
use crate::app::model::Model;
use crate::fleet::merged_causes;
use crate::fleet::merged_sample::{MergedBalancer, MergedView};
use crate::fleet::same_process;
use crate::fleet::summary;
use crate::instance::merged_rows::RowPart;
use crate::instance::shared_past;
use crate::observe::instance_id::RowRef;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::table::view_table::Content;

impl Model {
    /// Returns whether the view shown shows the rows of all balancers merged.
    pub(crate) fn is_merged(&self) -> bool {
        self.group.is_some() && is_merged_view(self.view())
    }

    /// Returns the part of a merged row that the line under the cursor shows.
    pub(crate) fn focused_part(&self) -> Option<RowRef> {
        let instance = self.instance().filter(|_| self.is_merged())?;
        let is_table = matches!(self.current_view().content, Content::Table(_));
        instance.table_lines().get(instance.line_index(self.view())).filter(|_| is_table)?.part
    }

    /// Returns the parts of a merged row.
    pub(crate) fn merged_parts(&self, row: RowId) -> &[RowPart] {
        let merged = self.group.as_ref().and_then(|group| group.view.data.merged_rows());
        merged.and_then(|merged| merged.row(row)).map_or(&[], |row| &row.parts)
    }

    /// Returns the row of the instance shown that belongs to a row that was shown before: `was_merged` says whether that is a
    /// merged one.
    pub(crate) fn same_row(&self, row: RowId, was_merged: bool) -> Option<RowId> {
        let single = self.single_instance()?.id();
        match (was_merged, self.is_merged()) {
            (true, false) => {
                self.merged_parts(row).iter().find(|part| part.row.instance == single).map(|part| part.row.row)
            }
            (false, true) => self.group.as_ref()?.view.data.merged_rows()?.row_with(RowRef { instance: single, row }),
            _ => Some(row),
        }
    }
}

/// Merges the rows and events again if a balancer has a new sample or event, or no longer answers, but not too often.
pub(crate) fn update(model: &mut Model, now: Duration) {
    if !model.is_merged() {
        return;
    }
    show_moment_of_new_balancers(model);
    let from = present_state(model, now);
    let Model { group: Some(group), instances, .. } = model else { return };
    if group.merged_from == from || group.due_at() > now {
        return;
    }
    let names = || instances.iter().map(InstanceView::names);
    let balancers: Vec<MergedBalancer<'_>> = from
        .parts
        .iter()
        .filter_map(|state| {
            let one = instances.iter().find(|one| one.id() == state.id)?;
            let name = Arc::from(one.names().display_name(names()));
            Some(MergedBalancer { name, instance: &one.data, is_current: state.is_current })
        })
        .collect();
    let thresholds = instances.first().map(|first| first.data.problems().thresholds().clone()).unwrap_or_default();
    let count = |balancer: &MergedBalancer<'_>| balancer.instance.shown().map_or(0, |sample| sample.rows.ids().len());
    let row_count = balancers.iter().map(count).sum();
    if let Some(MergedView { rates, rows }) = group.merger.merge(&balancers, from.moment)
        && let Some(sample) = rates.newest().map(Arc::clone)
    {
        let problems = merged_causes::merge_problems(&balancers, &rows, &sample, &thresholds);
        if let Some(events) = group.events.merge(&balancers, &rows, &sample.rows) {
            group.view.data.show_merged_events(events);
        }
        group.view.name = rows.title();
        group.view.data.show_merged(rates, problems, rows);
    }
    group.record_merge(from, row_count, now);
}

/// Shows the past moment of the balancers that had no sample when it was chosen.
fn show_moment_of_new_balancers(model: &mut Model) {
    let Some(moment) = model.group.as_ref().and_then(|group| group.moment) else { return };
    for instance in model.instances.iter_mut().filter(|one| one.data.past_moment().is_none()) {
        group_state::follow_moment(std::slice::from_mut(instance), Some(moment));
    }
}

/// Returns what the rows would be merged from now. Of several targets that are the same process, only the first counts.
fn present_state(model: &Model, now: Duration) -> MergedFrom {
    let moment = model.group.as_ref().and_then(|group| group.moment);
    let samples: Vec<Option<&Sample>> =
        model.instances.iter().map(|instance| instance.data.latest().map(|sample| &**sample)).collect();
    let is_first = |place: &usize| same_process::earlier_twin(&samples, *place).is_none();
    let state = |place: usize| {
        let data = &model.instances[place].data;
        PartState {
            id: data.id(),
            seq: data.shown().map(|sample| sample.seq),
            is_evaluated: moment.is_some() || data.is_evaluated(),
            is_current: match moment {
                Some(at) => shared_past::is_sampled_at(data, at.monotonic),
                None => summary::is_current(data, now),
            },
            events: data.all_events().version(),
        }
    };
    MergedFrom { moment, parts: (0..model.instances.len()).filter(is_first).map(state).collect() }
}

/// Returns the time at which the merged rows change without a message: they are merged again, or a balancer is late.
pub(crate) fn wake_at(model: &Model, now: Duration) -> Option<Duration> {
    let group = model.group.as_ref().filter(|_| model.is_merged())?;
    if group.merged_from != present_state(model, now) {
        return Some(group.due_at());
    }
    if group.moment.is_some() {
        return None;
    }
    let late_at = model.instances.iter().filter_map(|instance| summary::late_at(&instance.data));
    late_at.filter(|at| *at > now).min()
}
