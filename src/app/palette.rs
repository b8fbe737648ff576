//! The command palette (`:`): the keys of its list, and what a line does.

use std::time::Duration;

use crate::app::action_flow;
use crate::app::action_targets;
use crate::app::balancer_group;
use crate::app::command_scope;
use crate::app::layers::Layer;
use crate::app::match_search;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::navigation;
use crate::app::palette_list::{self, PaletteList};
use crate::app::palette_parser::{self, PaletteCommand};
use crate::app::playback;
use crate::app::prompt::{Prompt, PromptEvent};
use crate::app::ui_commands::{CommandEffect, CommandSpec, UiCommand};
use crate::haproxy::stat_table::RowKind;
use crate::table::cell::Role;
use crate::table::filter::RowFilter;
use crate::table::view_table::{Content, ViewId};

/// Handles what a key did to the line. Returns the line to run, if any; otherwise, the palette stays open.
pub(crate) fn handle_event(model: &mut Model, mut prompt: Prompt, event: &PromptEvent) -> Option<String> {
    match event {
        PromptEvent::Canceled => return None,
        PromptEvent::Submitted => {
            let line = palette_list::line_to_run(model, &prompt);
            if !line.ends_with(' ') || line.trim().is_empty() {
                return Some(line);
            }
            // The chosen command needs an argument.
            prompt.set_text(&line);
        }
        PromptEvent::CompletionRequested => match palette_list::completed_line(model, &prompt) {
            Some(line) => prompt.set_text(&line),
            None => move_in_list(model, &mut prompt, 1),
        },
        PromptEvent::HistoryRequested(by) => move_in_list(model, &mut prompt, *by),
        PromptEvent::Edited => {}
    }
    model.layers.push(Layer::Prompt(prompt));
    None
}

fn move_in_list(model: &Model, prompt: &mut Prompt, by: i32) {
    let count = PaletteList::new(model, prompt.text()).len();
    prompt.move_in_list(by, count);
}

/// Returns whether Enter would start an action.
pub(crate) fn runs_action(model: &Model, prompt: &Prompt) -> bool {
    let line = palette_list::line_to_run(model, prompt);
    let current = palette_parser::find_former_name(&line).map_or(line.as_str(), |name| name.current);
    match palette_parser::parse(current) {
        Ok(PaletteCommand::Run(command)) => command.effect == CommandEffect::Action,
        Ok(PaletteCommand::RunOnRows(..)) => true,
        _ => false,
    }
}

/// The rest of the work for a palette line.
#[derive(Debug)]
pub(crate) enum LineResult {
    /// Nothing.
    Done,
    /// Run the UI command that the line names.
    Run(&'static CommandSpec),
    /// Carry out an effect.
    Effect(Effect),
}

/// Carries out a palette line as far as it only changes the model.
pub(crate) fn run_line(model: &mut Model, text: &str, now: Duration) -> LineResult {
    let view = model.view();
    match palette_parser::parse(text) {
        Ok(PaletteCommand::Nothing) => {}
        Ok(PaletteCommand::Run(command)) => return LineResult::Run(command),
        Ok(PaletteCommand::RunOnRows(command, rows)) => {
            if let UiCommand::StartAction(action) = command.ui_command {
                action_flow::start_action_on_rows(model, action, &rows, now);
            }
        }
        Ok(PaletteCommand::Snapshot(_)) if model.replay.is_some() => {
            model.notify("a replay has no samples in memory: hapulse snapshot copies recordings", Role::Warn, now);
        }
        Ok(PaletteCommand::Snapshot(request)) => return LineResult::Effect(Effect::WriteSnapshot(request)),
        Ok(PaletteCommand::Only(name)) => balancer_group::show_only(model, &name, now),
        Ok(PaletteCommand::Jump(time)) => playback::jump(model, &time, now),
        Ok(PaletteCommand::Go(name)) => go_to_row(model, &name, now),
        Ok(PaletteCommand::Sort(_) | PaletteCommand::Columns(_) | PaletteCommand::Filter(_))
            if !matches!(model.current_view().content, Content::Table(_) | Content::Dashboard) =>
        {
            let places = command_scope::ROW_VIEWS;
            model.notify(format!("sort, cols and filter work only {places}"), Role::Warn, now);
        }
        Ok(PaletteCommand::Columns(_)) if matches!(model.current_view().content, Content::Dashboard) => {
            model.notify(format!("cols works only {}", command_scope::TABLE_VIEWS), Role::Warn, now);
        }
        Ok(PaletteCommand::Sort(column)) => model.view_settings[view].sort_by(column),
        Ok(PaletteCommand::Columns(changes)) => {
            if !palette_parser::change_columns(&mut model.view_settings[view], &changes) {
                let text = "no column changed: all were shown or hidden already, and name is always shown";
                model.notify(text, Role::Dim, now);
            }
        }
        Ok(PaletteCommand::Filter(filter)) => {
            model.selects_first_match = !filter.is_empty();
            // The columns shown come first, as in a filter that is typed after its own key.
            let filter = model.parse_filter(&filter.to_string()).unwrap_or(filter);
            model.view_settings[view].set_filter(filter);
        }
        Err(error) => {
            let former = palette_parser::find_former_name(text);
            model.notify(former.map_or_else(|| error.to_string(), ToString::to_string), Role::Warn, now);
            return former.map_or(LineResult::Done, |name| run_line(model, name.current, now));
        }
    }
    LineResult::Done
}

/// Moves the cursor to the row of a name, which the filter and folds no longer hide. Views without rows are left for the
/// dashboard.
fn go_to_row(model: &mut Model, name: &str, now: Duration) {
    let Some(id) = action_targets::find_named(model, name, RowKind::Backend) else {
        let text = format!("HAProxy has no frontend, backend or BACKEND/SERVER named {name}");
        return model.notify(text, Role::Warn, now);
    };
    if !matches!(model.current_view().content, Content::Table(_) | Content::Dashboard) {
        navigation::show_view(model, ViewId::Dashboard);
    }
    let view = model.view();
    model.view_settings[view].set_filter(RowFilter::default());
    let proxy = model.instance().and_then(|instance| {
        let sample = instance.data.shown()?;
        let backend = sample.rows.backend_of(sample.rows.index_of(id)?)?;
        Some(sample.rows.ids()[backend.row])
    });
    if let Some(proxy) = proxy.filter(|proxy| *proxy != id) {
        model.change_folded(|folded| _ = folded.remove(&proxy));
    }
    match_search::select(model, id);
    navigation::freeze_order(model, now);
}
