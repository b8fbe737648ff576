//! The targets of an action on merged rows: those of one balancer, from which the question is extended to the others.

use crate::actions::action_table::{Action, TargetKind};
use crate::actions::intent::ActionTarget;
use crate::app::action_targets;
use crate::app::balancer_targets::BalancerTargets;
use crate::app::instance_view::InstanceView;
use crate::app::layers::Layer;
use crate::app::model::Model;
use crate::instance::merged_rows::RowPart;
use crate::instance::refusal::Refusal;
use crate::observe::instance_id::InstanceId;

/// Returns the targets on the balancer that has most of those that the action would change, the first one if several have as
/// many. With `is_at_cursor`, the action is requested on the row under the cursor, which may be that of a single balancer.
///
/// # Errors
/// Returns an error if the action is not about servers or frontends, or if no balancer that answers has the rows.
pub(crate) fn resolve(
    model: &Model,
    action: &'static Action,
    targets: Vec<ActionTarget>,
    is_at_cursor: bool,
) -> Result<BalancerTargets, Refusal> {
    if !model.is_merged() {
        let instance = model.instance().map(InstanceView::id).ok_or(Refusal::NotConnected)?;
        return Ok(BalancerTargets { instance, balancers: Vec::new(), targets });
    }
    if !matches!(action.target_kind, TargetKind::Server | TargetKind::Frontend) {
        return Err(Refusal::NotSelected("all balancers are shown: choose one with :only NAME first"));
    }
    let parts_of = |target: &ActionTarget| model.merged_parts(target.id).iter().filter(|part| part.status.is_some());
    let on_balancer = |id: InstanceId| -> Vec<ActionTarget> {
        let Some(instance) = model.instance_by_id(id) else { return Vec::new() };
        let parts = targets.iter().filter_map(|target| parts_of(target).find(|part| part.row.instance == id));
        parts.filter_map(|part| instance.data.target(part.row.row)).collect()
    };
    if let Some(part) = focused_part(model).filter(|_| is_at_cursor) {
        let targets = on_balancer(part);
        let balancers = Vec::new();
        return if targets.is_empty() {
            Err(Refusal::NotConnected)
        } else {
            Ok(BalancerTargets { instance: part, balancers, targets })
        };
    }
    let has_part = |instance: &&InstanceView| {
        let is_of = |part: &RowPart| part.row.instance == instance.id();
        targets.iter().any(|target| model.merged_parts(target.id).iter().any(is_of))
    };
    let balancers: Vec<InstanceId> = model.instances.iter().filter(has_part).map(InstanceView::id).collect();
    let mut best: Option<(InstanceId, Vec<ActionTarget>)> = None;
    for id in &balancers {
        let all = on_balancer(*id);
        let changed: Vec<ActionTarget> =
            all.iter().filter(|target| action_targets::would_change_target(action, target)).cloned().collect();
        let found = if changed.is_empty() && best.is_none() { all } else { changed };
        if best.as_ref().is_none_or(|(_, most)| found.len() > most.len()) {
            best = Some((*id, found));
        }
    }
    match best.filter(|(_, targets)| !targets.is_empty()) {
        Some((instance, targets)) => Ok(BalancerTargets { instance, balancers, targets }),
        None => Err(Refusal::NotConnected),
    }
}

/// Returns the balancer whose part of a row is under the cursor, unless rows are marked or a page of a row is open.
fn focused_part(model: &Model) -> Option<InstanceId> {
    let is_marked = model.instance().is_some_and(|instance| instance.selection.marked_count() > 0);
    let has_page = model.layers.iter().any(|layer| matches!(layer, Layer::Detail(..)));
    model.focused_part().filter(|_| !is_marked && !has_page).map(|part| part.instance)
}
