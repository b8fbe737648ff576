//! Handling of keys and pasted text. The topmost layer gets a key first; a key that it does not handle runs the UI
//! command bound to the key. Only an input line accepts a paste. A key that opens a question about a change is ignored if
//! other input arrived just before it, because pasted text contains such keys.

use std::time::Duration;

use crate::actions::action_table::TargetKind;
use crate::app::action_flow;
use crate::app::action_targets;
use crate::app::balancer_group;
use crate::app::balancers_view;
use crate::app::cli_view;
use crate::app::command_scope;
use crate::app::global_keys;
use crate::app::instance_view::InstanceView;
use crate::app::key::{Key, KeyCode, KeyPress};
use crate::app::layers::{Layer, NumberPrompt, ReasonPrompt};
use crate::app::layout::{Pane, SizeClass};
use crate::app::mark_commands;
use crate::app::match_commands;
use crate::app::match_search;
use crate::app::menus;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::navigation;
use crate::app::overhead;
use crate::app::palette::{self, LineResult};
use crate::app::pane_focus;
use crate::app::playback;
use crate::app::prompt::{MAX_BYTES, Prompt, PromptEvent, PromptPurpose};
use crate::app::queries;
use crate::app::query_refresh;
use crate::app::quit;
use crate::app::replay;
use crate::app::requests_view;
use crate::app::session_actions;
use crate::app::session_mark_commands;
use crate::app::ui_commands::{CommandEffect, CommandSpec, UiCommand};
use crate::app::view_commands;
use crate::haproxy::reply_lines::ReplyLines;
use crate::haproxy::stat_table::RowKind;
use crate::table::cell::Role;
use crate::table::filter::RowFilter;
use crate::table::text_filter::TextFilter;
use crate::table::view_table::Content;

/// Handles a key press.
pub(crate) fn handle_key(model: &mut Model, press: KeyPress, now: Duration) -> Vec<Effect> {
    let key = press.key;
    let quit_asked_until = model.quit_asked_until.take();
    // Playback keys do not reach other layers, but work in the detail page, which shows the same sample as the view.
    let has_playback_keys =
        playback::is_showing_past(model) && matches!(model.layers.last(), None | Some(Layer::Detail(..)));
    let command = if has_playback_keys { model.keymap.command_in_past(key) } else { model.keymap.get(key) };
    let is_cli = model.layers.is_empty() && matches!(model.current_view().content, Content::Cli);
    let is_line_key = is_cli && cli_view::handles_key(key);
    if let Some(effects) = global_keys::handle_key(model, command, key) {
        return effects;
    }
    if !is_allowed_on_tiny_screen(model, command, key, is_line_key) {
        model.notify("too small", Role::Warn, now);
        return Vec::new();
    }
    if press.is_in_burst() && opens_question(model, command, key, is_line_key) {
        model.notify(
            format!("{key} was ignored: other input arrived just before it; press {key} again"),
            Role::Warn,
            now,
        );
        return Vec::new();
    }
    if is_line_key {
        return cli_view::handle_key(model, key, now);
    }
    if let Some(command) = command
        && matches!(command.ui_command, UiCommand::ShowView(_) | UiCommand::MoveFocus(_))
        && model.layers.iter().all(Layer::is_page)
    {
        // The row of an open detail page stays selected in the view.
        let effects = run_command(model, command, now);
        model.layers.clear();
        return effects;
    }
    match model.layers.pop() {
        Some(Layer::Confirmation(confirmation)) => {
            let step = match command.map(|command| command.ui_command) {
                Some(UiCommand::ChangeWeight(by)) => Some(by),
                _ => None,
            };
            action_flow::handle_confirmation_key(model, confirmation, press, step, now);
            Vec::new()
        }
        Some(Layer::NumberPrompt(number)) => {
            action_flow::handle_number_key(model, number, press, now);
            Vec::new()
        }
        Some(Layer::ReasonPrompt(reason)) => {
            action_flow::handle_reason_key(model, reason, key, now);
            Vec::new()
        }
        Some(Layer::ActionMenu(commands, cursor, search)) => {
            let chosen = menus::handle_action_menu_key(model, (command, key), commands, cursor, search);
            chosen.map_or_else(Vec::new, |command| run_command(model, command, now))
        }
        Some(Layer::Prompt(mut prompt)) => {
            let event = prompt.handle_key(key);
            handle_prompt_event(model, prompt, event, now)
        }
        Some(Layer::Help(top, search)) => {
            handle_help_key(model, (command, key), top, search);
            Vec::new()
        }
        Some(Layer::Detail(row, top)) => match command {
            // Actions on the row work while its detail page is open.
            Some(command) if command.effect != CommandEffect::View => {
                model.layers.push(Layer::Detail(row, top));
                run_command(model, command, now)
            }
            command => {
                let top = scrolled_top(model, command, top);
                model.layers.extend(top.map(|top| Layer::Detail(row, top)));
                Vec::new()
            }
        },
        Some(Layer::TextPage { title, lines, top }) => {
            let top = scrolled_top(model, command, top);
            model.layers.extend(top.map(|top| Layer::TextPage { title, lines, top }));
            Vec::new()
        }
        Some(Layer::Overhead(top)) => {
            let top = scrolled_top(model, command, top);
            model.layers.extend(top.map(Layer::Overhead));
            Vec::new()
        }
        Some(Layer::TypedCommandConfirmation(confirmation)) => {
            cli_view::handle_confirmation_key(model, confirmation, press, now);
            Vec::new()
        }
        Some(Layer::SortMenu(cursor)) => {
            menus::handle_sort_menu_key(model, command, cursor);
            Vec::new()
        }
        None if command.is_some_and(|command| command.ui_command == UiCommand::Quit) => {
            quit::request_quit(model, quit_asked_until, now)
        }
        None => command.map_or_else(Vec::new, |command| run_command(model, command, now)),
    }
}

/// Handles a pause in the input: a Yes that was not part of a burst of keys becomes final.
pub(crate) fn handle_pause(model: &mut Model, is_after_key: bool, now: Duration) -> Vec<Effect> {
    let Some(answer) = model.gate_mut().and_then(|gate| gate.take_answer(is_after_key)) else { return Vec::new() };
    match model.layers.pop() {
        Some(Layer::Confirmation(confirmation)) => action_flow::send_confirmed(model, confirmation, &answer, now),
        Some(Layer::TypedCommandConfirmation(confirmation)) => cli_view::send_confirmed(model, confirmation, &answer),
        _ => Vec::new(),
    }
}

/// Returns whether the key would open a question about a change, or a prompt that leads to one.
fn opens_question(model: &Model, command: Option<&CommandSpec>, key: Key, is_line_key: bool) -> bool {
    let starts_action = |command: &CommandSpec| command.effect == CommandEffect::Action;
    match model.layers.last() {
        None if is_line_key => cli_view::submits_changing_line(model, key),
        None | Some(Layer::Detail(..)) => command.is_some_and(starts_action),
        Some(Layer::ActionMenu(_, _, Some(_)) | Layer::NumberPrompt(_) | Layer::ReasonPrompt(_)) => {
            key.code == KeyCode::Enter
        }
        Some(Layer::ActionMenu(_, _, None)) => command
            .is_some_and(|command| starts_action(command) || matches!(command.ui_command, UiCommand::Open { .. })),
        Some(Layer::Prompt(prompt)) if prompt.purpose == PromptPurpose::Command => {
            key.code == KeyCode::Enter && palette::runs_action(model, prompt)
        }
        _ => false,
    }
}

/// Returns whether a key has an effect. A tiny screen shows neither lines nor layers, so only keys that need no screen
/// have one there: those that leave, close a layer, or cancel a question.
fn is_allowed_on_tiny_screen(model: &Model, command: Option<&CommandSpec>, key: Key, is_line_key: bool) -> bool {
    let (width, height) = model.terminal_size;
    if SizeClass::for_size(width, height) != SizeClass::Tiny {
        return true;
    }
    let closes = key.code == KeyCode::Esc || key.is_ctrl_c();
    match model.layers.last() {
        Some(layer) if layer.gate().is_some() => true,
        Some(Layer::Prompt(_) | Layer::NumberPrompt(_) | Layer::ReasonPrompt(_)) => closes,
        None if is_line_key => closes,
        layer => command.is_some_and(|command| match command.ui_command {
            UiCommand::Quit | UiCommand::Back { .. } => true,
            // The header shows the effect of these.
            UiCommand::ShowView(_)
            | UiCommand::SwitchInstance(_)
            | UiCommand::PollNow
            | UiCommand::TogglePause
            | UiCommand::MovePlayback(_)
            | UiCommand::MoveToEvent(_)
            | UiCommand::ChangeReplaySpeed(_) => layer.is_none(),
            _ => false,
        }),
    }
}

/// Inserts pasted text into the input line that has the focus. A question is asked again. Otherwise, a paste is ignored.
pub(crate) fn handle_paste(model: &mut Model, text: &str, now: Duration) {
    let is_cli = model.layers.is_empty() && matches!(model.current_view().content, Content::Cli);
    if let Some(gate) = model.gate_mut() {
        return gate.refuse_paste();
    }
    if SizeClass::for_size(model.terminal_size.0, model.terminal_size.1) == SizeClass::Tiny {
        return;
    }
    let prompt = match model.layers.last_mut() {
        Some(Layer::Prompt(prompt)) => prompt,
        Some(Layer::NumberPrompt(NumberPrompt { prompt, .. }) | Layer::ReasonPrompt(ReasonPrompt { prompt, .. })) => {
            prompt.error = None;
            prompt
        }
        None if is_cli => &mut model.cli.prompt,
        _ => return,
    };
    if prompt.insert_pasted(text).is_err() {
        model.notify(format!("nothing was pasted: the line would exceed {MAX_BYTES} bytes"), Role::Warn, now);
    }
    // Filters take effect while they are typed.
    if matches!(model.layers.last(), Some(Layer::Prompt(_)))
        && let Some(Layer::Prompt(prompt)) = model.layers.pop()
    {
        handle_prompt_event(model, prompt, PromptEvent::Edited, now);
    }
}

/// Handles a key while the help is shown, in which a search may be typed.
fn handle_help_key(model: &mut Model, (command, key): (Option<&CommandSpec>, Key), top: usize, search: Option<Prompt>) {
    if let Some(search) = search {
        return menus::handle_help_search_key(model, key, top, search);
    }
    if command.is_some_and(|command| command.ui_command == UiCommand::EditFilter) {
        model.layers.push(Layer::Help(0, Some(Prompt::new(PromptPurpose::TextFilter, ""))));
        return;
    }
    let top = scrolled_top(model, command, top);
    model.layers.extend(top.map(|top| Layer::Help(top, None)));
}

/// Returns the new first line of a text page after a key press, or `None` if the key closes the page.
fn scrolled_top(model: &Model, command: Option<&CommandSpec>, top: usize) -> Option<usize> {
    match command.map(|command| command.ui_command) {
        Some(UiCommand::Back { .. } | UiCommand::ShowHelp | UiCommand::Quit | UiCommand::Open { .. }) => None,
        Some(UiCommand::Move(step)) => Some(model.text_extent.scroll(top, step)),
        _ => Some(top),
    }
}

fn handle_prompt_event(model: &mut Model, mut prompt: Prompt, event: PromptEvent, now: Duration) -> Vec<Effect> {
    let view = model.view();
    match (prompt.purpose, event) {
        (PromptPurpose::TextFilter, PromptEvent::Canceled) => {
            model.set_text_filter(TextFilter::default());
        }
        (PromptPurpose::TextFilter, event) => {
            model.set_text_filter(TextFilter::new(prompt.text()));
            if event != PromptEvent::Submitted {
                model.layers.push(Layer::Prompt(prompt));
            }
        }
        (PromptPurpose::Filter, event) if model.shows_balancers() => {
            let open = balancers_view::handle_filter_event(model, prompt, &event);
            model.layers.extend(open.map(Layer::Prompt));
        }
        (PromptPurpose::Filter, event) if model.shows_requests() => {
            let open = requests_view::handle_filter_event(model, prompt, &event);
            model.layers.extend(open.map(Layer::Prompt));
        }
        (PromptPurpose::Filter, PromptEvent::Canceled) => model.view_settings[view].set_filter(RowFilter::default()),
        (PromptPurpose::Filter, event) => {
            // While the typed filter is invalid, the last valid one stays in effect.
            match model.parse_filter(prompt.text()) {
                Ok(filter) => {
                    prompt.error = None;
                    model.selects_first_match = event == PromptEvent::Edited && !filter.is_empty();
                    model.view_settings[view].set_filter(filter);
                }
                Err(error) => prompt.error = Some(error.to_string()),
            }
            if event != PromptEvent::Submitted || prompt.error.is_some() {
                model.layers.push(Layer::Prompt(prompt));
            }
        }
        (_, PromptEvent::Canceled) => {}
        (PromptPurpose::Command, event) => {
            let line = palette::handle_event(model, prompt, &event);
            return line.map_or_else(Vec::new, |line| run_palette_line(model, &line, now));
        }
        (PromptPurpose::Cli | PromptPurpose::Number | PromptPurpose::Reason, _) => {
            model.layers.push(Layer::Prompt(prompt));
        }
    }
    Vec::new()
}

/// Runs a palette line.
fn run_palette_line(model: &mut Model, line: &str, now: Duration) -> Vec<Effect> {
    match palette::run_line(model, line, now) {
        LineResult::Run(command) => run_command(model, command, now),
        LineResult::Effect(effect) => vec![effect],
        LineResult::Done => Vec::new(),
    }
}

fn copy_name(model: &mut Model, now: Duration) -> Vec<Effect> {
    let row = model.focused_row().and_then(|id| model.instance()?.data.shown()?.row(id));
    let Some(row) = row else {
        model.notify("select a row first", Role::Dim, now);
        return Vec::new();
    };
    let name = match row.kind {
        RowKind::Frontend | RowKind::Backend => row.proxy.to_string(),
        RowKind::Server | RowKind::Listener => format!("{}/{}", row.proxy, row.name),
    };
    vec![Effect::CopyToClipboard(name)]
}

fn open_process_info(model: &mut Model) {
    let Some(sample) = model.instance().and_then(|instance| instance.data.shown()) else { return };
    let lines: Vec<String> = sample.info.lines().iter().map(|(key, value)| format!("{key:<28} {value}")).collect();
    let lines = ReplyLines::from_lines(lines.iter().map(String::as_bytes));
    model.layers.push(Layer::TextPage { title: "show info".to_owned(), lines, top: 0 });
}

/// Runs a UI command.
pub(crate) fn run_command(model: &mut Model, command: &CommandSpec, now: Duration) -> Vec<Effect> {
    let is_dashboard = matches!(model.current_view().content, Content::Dashboard);
    match command.ui_command {
        UiCommand::Move(step) => navigation::move_cursor(model, step, now),
        UiCommand::MoveToMatch(by) => match_commands::move_to_match(model, by, now),
        // The process has no row and no detail page.
        UiCommand::Open { .. }
            if is_dashboard && pane_focus::has_focus(model, Pane::Causes) && model.focused_row().is_none() =>
        {
            open_process_info(model);
        }
        UiCommand::Open { .. } if matches!(model.current_view().content, Content::Sessions | Content::StickTables) => {
            return queries::open_cursor_line(model, now);
        }
        UiCommand::Open { .. } if model.shows_balancers() => balancers_view::open_cursor_row(model, now),
        UiCommand::Open { unfold: true } if model.shows_requests() => model.requests.move_tab(1),
        UiCommand::Open { .. } if model.shows_requests() => requests_view::open_cursor_row(model, now),
        UiCommand::Open { .. }
            if matches!(model.current_view().content, Content::Events | Content::Table(_))
                && !command_scope::works_here(model, command) =>
        {
            model.notify("nothing to open: no row is selected, or the event is about no row", Role::Dim, now);
        }
        UiCommand::Open { .. } if model.focused_part().is_some() && model.layers.is_empty() => {
            balancer_group::open_part(model, now);
        }
        UiCommand::Open { unfold } => navigation::open_cursor_row(model, unfold),
        UiCommand::Back { clear } if queries::close_last_opened(model, clear) => {}
        UiCommand::Back { clear } => navigation::go_back(model, clear, now),
        UiCommand::MoveFocus(by) => navigation::move_focus(model, by),
        UiCommand::ShowView(view) => navigation::show_view(model, view),
        UiCommand::EditFilter
        | UiCommand::SortNext(_)
        | UiCommand::ReverseSort
        | UiCommand::OpenSortMenu
        | UiCommand::ToggleFlat
        | UiCommand::ToggleFold
        | UiCommand::ToggleFoldAll
        | UiCommand::ScrollColumns(_)
        | UiCommand::ToggleChart
        | UiCommand::ChangeChartSpan(_)
        | UiCommand::NextChart => view_commands::run(model, command, now),
        UiCommand::OpenPalette => model.layers.push(Layer::Prompt(Prompt::new(PromptPurpose::Command, ""))),
        UiCommand::ToggleZoom => view_commands::toggle_zoom(model, now),
        UiCommand::SwitchInstance(_) if model.group.is_some() => balancer_group::leave(model, now),
        UiCommand::SwitchInstance(by) => navigation::switch_instance(model, by, now),
        UiCommand::StartAction(action) if action.target_kind == TargetKind::Session => {
            return session_actions::start_action(model, action, now);
        }
        UiCommand::StartAction(action) => action_flow::start_action(model, action, now),
        UiCommand::StartActionEverywhere(action) => action_flow::start_action_everywhere(model, action, now),
        UiCommand::ChangeWeight(by) => action_flow::start_weight_change(model, by, now),
        UiCommand::Undo => action_flow::start_undo(model, now),
        UiCommand::AcceptSuggestion => action_flow::accept_suggestion(model, now),
        UiCommand::DismissSuggestion => action_flow::dismiss_suggestion(model, now),
        UiCommand::OpenActionMenu => menus::open_action_menu(model),
        UiCommand::GroupNext if !matches!(model.current_view().content, Content::Sessions | Content::StickTables) => {
            balancer_group::toggle(model, now);
        }
        UiCommand::GroupNext => queries::group_next(model, now),
        UiCommand::ToggleRefresh => query_refresh::toggle(model, now),
        UiCommand::ToggleMark | UiCommand::ToggleMarkRange | UiCommand::MarkAllShown | UiCommand::ClearMarks
            if matches!(model.current_view().content, Content::Sessions) =>
        {
            session_mark_commands::change_marks(model, command.ui_command, now);
        }
        UiCommand::ToggleMark | UiCommand::ToggleMarkRange | UiCommand::MarkAllShown | UiCommand::ClearMarks => {
            mark_commands::change_selection(model, command.ui_command, now);
        }
        UiCommand::TogglePause => playback::toggle_pause(model, now),
        UiCommand::MovePlayback(to) => playback::move_to(model, to, now),
        UiCommand::MoveToEvent(by) if match_search::has_filter(model) => {
            match_commands::move_to_match(model, by, now);
        }
        UiCommand::MoveToEvent(by) => playback::move_to_event(model, by, now),
        UiCommand::ChangeReplaySpeed(by) => replay::change_speed(model, by, now),
        UiCommand::MarkMoment => playback::mark_moment(model, now),
        UiCommand::ClearMarkedMoment => playback::clear_marked_moment(model, now),
        UiCommand::CopyName => return copy_name(model, now),
        UiCommand::ShowProcessInfo => open_process_info(model),
        UiCommand::ShowOverhead => return overhead::open_page(model),
        UiCommand::RemoveLine => {
            let action = action_targets::line_action(model.current_view().content);
            if action.target_kind == TargetKind::Session {
                return session_actions::start_action(model, action, now);
            }
            action_flow::start_action(model, action, now);
        }
        UiCommand::PollNow => {
            let is_shown = |id| model.is_merged() || model.single_instance().is_some_and(|single| single.id() == id);
            let ids = model.instances.iter().map(InstanceView::id).filter(|id| is_shown(*id));
            let poll = ids.map(Effect::PollNow).collect();
            return queries::refresh(model, now).unwrap_or(poll);
        }
        UiCommand::Redraw => return vec![Effect::Redraw],
        UiCommand::ShowHelp => model.layers.push(Layer::Help(0, None)),
        UiCommand::Suspend => return vec![Effect::Suspend],
        UiCommand::Quit => return vec![Effect::Quit],
    }
    Vec::new()
}
