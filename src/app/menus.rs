//! The menus over a view: by which column to sort, and what can be done.

use crate::app::action_targets;
use crate::app::commands::{COMMANDS, CommandSpec, UiCommand, Step};
use crate::app::dashboard_lists::ListState;
use crate::app::layers::Layer;
use crate::app::model::Model;

/// Opens the menu of acts: those that can be had first.
pub fn open_acts(model: &mut Model) {
    let is_act = |action: &&CommandSpec| matches!(action.run, UiCommand::Act(_) | UiCommand::Everywhere(_));
    let (mut fitting, others): (Vec<&CommandSpec>, Vec<&CommandSpec>) =
        COMMANDS.iter().filter(is_act).partition(|action| action_targets::check(model, action).is_ok());
    fitting.extend(others);
    model.layers.push(Layer::ActMenu(fitting, 0));
}

/// A key in the menu of acts; gives what was chosen.
pub fn acts(
    model: &mut Model,
    action: Option<&'static CommandSpec>,
    actions: Vec<&'static CommandSpec>,
    place: usize,
) -> Option<&'static CommandSpec> {
    match action.map(|action| action.run) {
        Some(UiCommand::Back { .. } | UiCommand::Quit | UiCommand::ActMenu) => None,
        Some(UiCommand::Open { .. }) => actions.get(place).copied(),
        // The key of an act works here as well: the menu is where one learns it.
        Some(UiCommand::Act(_)) => action,
        Some(UiCommand::Move(step)) => {
            let place = moved(place, step, actions.len());
            model.layers.push(Layer::ActMenu(actions, place));
            None
        }
        _ => {
            model.layers.push(Layer::ActMenu(actions, place));
            None
        }
    }
}

/// Opens the menu of columns.
pub fn open_sort(model: &mut Model) {
    let settings = &model.settings[model.view];
    let sort = settings.sort.map(|sort| sort.column.id);
    let place = settings.sortable().iter().position(|column| Some(column.id) == sort);
    model.layers.push(Layer::SortMenu(place.unwrap_or(0)));
}

/// A key in the menu of columns.
pub fn sort(model: &mut Model, action: Option<&CommandSpec>, place: usize) {
    let view = model.view;
    let columns = model.settings[view].sortable();
    match action.map(|action| action.run) {
        Some(UiCommand::Back { .. } | UiCommand::Quit | UiCommand::SortMenu) => {}
        Some(UiCommand::Open { .. }) => {
            if let Some(column) = columns.get(place).copied() {
                model.settings[view].sort_by(column);
            }
        }
        Some(UiCommand::Move(step)) => model.layers.push(Layer::SortMenu(moved(place, step, columns.len()))),
        _ => model.layers.push(Layer::SortMenu(place)),
    }
}

fn moved(place: usize, step: Step, count: usize) -> usize {
    let mut list = ListState::default();
    list.scroll(Step::Rows(place as i32), count, count);
    list.scroll(step, count, count);
    list.place()
}
