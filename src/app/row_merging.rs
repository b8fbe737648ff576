//! Which rows of the balancers the merged rows come from, and when they are merged again.

use std::sync::Arc;
use std::time::Duration;

use crate::app::group_state::{PartState, is_merged_view};
use crate::app::instance_view::InstanceView;
use crate::app::model::Model;
use crate::fleet::merged_causes;
use crate::fleet::merged_sample::{MergedBalancer, MergedView};
use crate::fleet::same_process;
use crate::fleet::summary;
use crate::instance::merged_rows::RowPart;
use crate::observe::instance_id::RowRef;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::table::view_table::Content;

impl Model {
    /// Returns whether the view shown shows the rows of all balancers merged.
    pub(crate) fn is_merged(&self) -> bool {
        let is_past = || self.single_instance().is_some_and(|instance| instance.data.past_moment().is_some());
        self.group.is_some() && is_merged_view(self.view()) && !is_past()
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
    let states = part_states(model, now);
    let Model { group: Some(group), instances, .. } = model else { return };
    if group.merged_from == states || group.due_at() > now {
        return;
    }
    let names = || instances.iter().map(InstanceView::names);
    let balancers: Vec<MergedBalancer<'_>> = states
        .iter()
        .filter_map(|state| {
            let one = instances.iter().find(|one| one.id() == state.id)?;
            let name = Arc::from(one.names().display_name(names()));
            Some(MergedBalancer { name, instance: &one.data, is_current: state.is_current })
        })
        .collect();
    let thresholds = instances.first().map(|first| first.data.problems().thresholds().clone()).unwrap_or_default();
    let count = |balancer: &MergedBalancer<'_>| balancer.instance.latest().map_or(0, |sample| sample.rows.ids().len());
    group.row_count = balancers.iter().map(count).sum();
    if let Some(MergedView { rates, rows }) = group.merger.merge(&balancers)
        && let Some(sample) = rates.newest().map(Arc::clone)
    {
        let problems = merged_causes::merge_problems(&balancers, &rows, &sample, &thresholds);
        if let Some(events) = group.events.merge(&balancers, &rows, &sample.rows) {
            group.view.data.show_merged_events(events);
        }
        group.view.name = rows.title();
        group.view.data.show_merged(rates, problems, rows);
    }
    (group.merged_from, group.merged_at) = (states, Some(now));
}

/// Returns the states of the balancers that are merged. Of several targets that are the same process, only the first counts.
fn part_states(model: &Model, now: Duration) -> Vec<PartState> {
    let samples: Vec<Option<&Sample>> =
        model.instances.iter().map(|instance| instance.data.latest().map(|sample| &**sample)).collect();
    let is_first = |place: &usize| same_process::earlier_twin(&samples, *place).is_none();
    let state = |place: usize| {
        let data = &model.instances[place].data;
        PartState {
            id: data.id(),
            seq: data.latest().map(|sample| sample.seq),
            is_evaluated: data.is_evaluated(),
            is_current: summary::is_current(data, now),
            events: data.all_events().version(),
        }
    };
    (0..model.instances.len()).filter(is_first).map(state).collect()
}

/// Returns the time at which the merged rows change without a message: they are merged again, or a balancer is late.
pub(crate) fn wake_at(model: &Model, now: Duration) -> Option<Duration> {
    let group = model.group.as_ref().filter(|_| model.is_merged())?;
    if group.merged_from != part_states(model, now) {
        return Some(group.due_at());
    }
    let late_at = model.instances.iter().filter_map(|instance| summary::late_at(&instance.data));
    late_at.filter(|at| *at > now).min()
}
