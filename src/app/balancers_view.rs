//! View `L`: all balancers in one table. Its rows are instances, so its cursor and its settings belong to the model, not to
//! an instance. The roles of the balancers are tracked whatever view is shown.

use std::time::Duration;

use crate::app::balancer_group;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::navigation;
use crate::app::prompt::{Prompt, PromptEvent};
use crate::app::ui_commands::UiCommand;
use crate::fleet::host_facts::HostFacts;
use crate::observe::instance_id::InstanceId;
use crate::observe::timestamp::Timestamp;
use crate::table::balancers::balancer_filter::BalancerFilter;

/// Requests facts about the machine of a balancer on this machine, if it is time. One balancer alone has no peers, so its
/// role matters only while the view is shown.
pub(crate) fn read_facts(model: &mut Model, id: InstanceId, now: Duration) -> Option<Effect> {
    let is_wanted = model.instances.len() > 1 || model.shows_balancers();
    let view = model.instances.iter().find(|view| view.id() == id).filter(|_| is_wanted)?;
    let pid = model.balancers.roles.next_reading(&view.data, now)?;
    Some(Effect::ReadHostFacts(id, pid))
}

/// Records the facts about the machine of a balancer.
pub(crate) fn record_facts(model: &mut Model, id: InstanceId, facts: Option<HostFacts>, now: Timestamp) {
    model.balancers.roles.record_facts(id, facts, now.monotonic);
    update_roles(model, now);
}

/// Decides the roles again, after samples or facts arrived.
pub(crate) fn update_roles(model: &mut Model, now: Timestamp) {
    let instances = model.instances.iter_mut().map(|view| &mut view.data);
    model.balancers.roles.update(instances, now);
}

/// Shows the balancer under the cursor, in the view from which this view was opened.
pub(crate) fn open_cursor_row(model: &mut Model, now: Duration) {
    let Some(id) = model.balancers.cursor_row() else { return };
    if model.group.is_some() {
        balancer_group::show_instance(model, id, now);
        return navigation::show_previous_view(model);
    }
    let place = model.instances.iter().position(|instance| instance.id() == id);
    let by = place.map_or(0, |place| place as i32 + 1 - model.instance_number() as i32);
    if by != 0 {
        navigation::switch_instance(model, by, now);
    }
    navigation::show_previous_view(model);
}

/// Changes the order. Columns are sorted with keys only, without a menu.
pub(crate) fn change_sort(model: &mut Model, command: UiCommand) {
    match command {
        UiCommand::ReverseSort => model.balancers.table.reverse_sort(),
        UiCommand::SortNext(by) => model.balancers.table.sort_next(by),
        _ => model.balancers.table.sort_next(1),
    }
    model.freeze_order(Duration::ZERO);
}

/// Handles an event of the prompt for the filter. Returns the prompt if it stays open. While the typed filter is invalid,
/// the last valid one stays in effect.
pub(crate) fn handle_filter_event(model: &mut Model, mut prompt: Prompt, event: &PromptEvent) -> Option<Prompt> {
    if *event == PromptEvent::Canceled {
        model.balancers.table.clear_filter();
        return None;
    }
    match BalancerFilter::parse(prompt.text()) {
        Ok(filter) => {
            prompt.error = None;
            model.balancers.table.filter = filter;
        }
        Err(error) => prompt.error = Some(error.to_string()),
    }
    model.freeze_order(Duration::ZERO);
    (*event != PromptEvent::Submitted || prompt.error.is_some()).then_some(prompt)
}
