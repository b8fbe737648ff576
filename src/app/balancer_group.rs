//! All balancers as one: while it is on, the views of rows show the rows of all balancers merged, as those of one more
//! instance. The other views show a single balancer.

use std::time::Duration;

use crate::app::group_action;
use crate::app::group_state::{BalancerGroup, is_merged_view};
use crate::app::instance_view::InstanceView;
use crate::app::match_search;
use crate::app::model::Model;
use crate::app::navigation;
use crate::app::row_merging;
use crate::app::ui_commands::UiCommand;
use crate::instance::past_moment::PlaybackStep;
use crate::observe::instance_id::{InstanceId, RowRef};
use crate::table::cell::Role;
use crate::table::columns::column_table::BALANCERS;
use crate::table::view_table::{Content, ViewId};

/// Merges the rows of all balancers, or shows those of a single one again.
pub(crate) fn toggle(model: &mut Model, now: Duration) {
    if model.group.is_some() {
        return leave(model, now);
    }
    if model.instances.len() < 2 {
        return model.notify("there is only one instance; list several on the command line", Role::Dim, now);
    }
    let (chosen, moment) = (model.chosen_row(), model.past_time());
    model.group = Some(Box::new(BalancerGroup::new()));
    set_column(model, true);
    if let Some(moment) = moment {
        model.show_moment(PlaybackStep::Time(moment), now);
    }
    row_merging::update(model, now);
    let row = chosen.and_then(|row| model.same_row(row, false));
    if let Some(row) = row {
        match_search::select(model, row);
    }
    let group = model.keymap.key_or_command(UiCommand::GroupNext);
    model.notify(format!("the rows of all balancers, merged; {group} shows a single one again"), Role::Dim, now);
}

/// Shows only the balancer of this name.
pub(crate) fn show_only(model: &mut Model, name: &str, now: Duration) {
    let names: Vec<String> = {
        let all = || model.instances.iter().map(InstanceView::names);
        model.instances.iter().map(|one| one.names().display_name(all()).to_owned()).collect()
    };
    let is_it = |(place, known): (usize, &String)| {
        let instance = &model.instances[place];
        known.eq_ignore_ascii_case(name) || instance.name == name || instance.address == name
    };
    let Some(place) = names.iter().enumerate().position(is_it) else {
        let text = format!("no balancer is named {name}; there are {}", names.join(", "));
        return model.notify(text, Role::Warn, now);
    };
    show_single(model, place, now);
}

/// Shows only this balancer.
pub(crate) fn show_instance(model: &mut Model, id: InstanceId, now: Duration) {
    if let Some(place) = model.instances.iter().position(|instance| instance.id() == id) {
        show_single(model, place, now);
    }
}

/// Shows only the balancer whose line is under the cursor, with the cursor on its row.
pub(crate) fn open_part(model: &mut Model, now: Duration) {
    let Some(RowRef { instance, row }) = model.focused_part() else { return };
    show_instance(model, instance, now);
    match_search::select(model, row);
}

/// Shows the single balancer that was shown before.
pub(crate) fn leave(model: &mut Model, now: Duration) {
    show_single(model, model.instance_number() - 1, now);
}

/// Shows only the balancer at `place`, with the cursor on the row that was selected.
fn show_single(model: &mut Model, place: usize, now: Duration) {
    let by = place as i32 + 1 - model.instance_number() as i32;
    let chosen = model.chosen_row().filter(|_| model.is_merged());
    let id = model.instances[place].id();
    let parts = chosen.map_or(&[][..], |row| model.merged_parts(row));
    let row = parts.iter().find(|part| part.row.instance == id).map(|part| part.row.row);
    let moment = model.past_time();
    if model.group.take().is_some() {
        set_column(model, false);
    }
    if by != 0 {
        navigation::switch_instance(model, by, now);
    }
    if let Some(moment) = moment {
        model.show_moment(PlaybackStep::Time(moment), now);
    }
    if let Some(row) = row {
        match_search::select(model, row);
    }
    let name = group_action::name_of(model, id);
    model.notify(format!("only {name}"), Role::Dim, now);
}

/// Adds the column of the balancers to the tables, or removes it.
fn set_column(model: &mut Model, is_shown: bool) {
    for view in ViewId::ALL.into_iter().filter(|view| is_merged_view(*view)) {
        let settings = &mut model.view_settings[view];
        settings.columns.retain(|column| column.id != BALANCERS.id);
        if is_shown && matches!(view.view().content, Content::Table(_)) {
            settings.columns.insert(1, &BALANCERS);
        }
        settings.mark_changed();
    }
}
