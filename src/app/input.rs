//! A key, from the topmost layer down to the action it stands for.

use std::time::Duration;

use crate::actions::action_table;
use crate::app::action_flow;
use crate::app::cli_view;
use crate::app::commands::{CommandSpec, UiCommand, Step};
use crate::app::key::Key;
use crate::app::layers::Layer;
use crate::app::menus;
use crate::app::model::Model;
use crate::app::msg::Effect;
use crate::app::navigation;
use crate::app::overhead;
use crate::app::playback;
use crate::app::queries;
use crate::app::selection_input;
use crate::app::text_input::{Prompt, Purpose, Typed};
use crate::haproxy::reply_lines::Lines;
use crate::haproxy::stat_table::RowKind;
use crate::table::cell::Role;
use crate::table::filter::Filter;
use crate::table::text_filter::Words;
use crate::table::view_table::Content;

/// A key was pressed.
pub fn press(model: &mut Model, key: Key, now: Duration) -> Vec<Effect> {
    // What lies over the view keeps its keys, but for everything about one row: that is of the moment too.
    let goes_through_time = playback::is_past(model) && matches!(model.layers.last(), None | Some(Layer::Detail(..)));
    let action = if goes_through_time { model.keymap.get_in_past(key) } else { model.keymap.get(key) };
    if model.layers.is_empty() && matches!(model.shown().content, Content::Cli) && cli_view::takes(key) {
        return cli_view::key(model, key, now);
    }
    match model.layers.pop() {
        Some(Layer::Confirm(confirm)) => {
            let step = match action.map(|action| action.run) {
                Some(UiCommand::Weigh(by)) => Some(by),
                _ => None,
            };
            action_flow::answer(model, confirm, key, step, now)
        }
        Some(Layer::Number(number)) => {
            action_flow::type_number(model, number, key, now);
            Vec::new()
        }
        Some(Layer::Reason(reason)) => {
            action_flow::type_reason(model, reason, key, now);
            Vec::new()
        }
        Some(Layer::ActMenu(actions, place)) => {
            let chosen = menus::acts(model, action, actions, place);
            chosen.map_or_else(Vec::new, |action| run(model, action, now))
        }
        Some(Layer::Prompt(prompt)) => type_on(model, prompt, key, now),
        Some(Layer::Help(top)) => {
            let top = scroll(action, top, model.size.1);
            model.layers.extend(top.map(Layer::Help));
            Vec::new()
        }
        Some(Layer::Detail(id, top)) => match action {
            // What is shown can be acted on without going back first.
            Some(action) if works_in_detail(action) => {
                model.layers.push(Layer::Detail(id, top));
                run(model, action, now)
            }
            action => {
                let top = scroll(action, top, model.size.1);
                model.layers.extend(top.map(|top| Layer::Detail(id, top)));
                Vec::new()
            }
        },
        Some(Layer::Page { title, lines, top }) => {
            let top = scroll(action, top, model.size.1);
            model.layers.extend(top.map(|top| Layer::Page { title, lines, top }));
            Vec::new()
        }
        Some(Layer::Cost(top)) => {
            let top = scroll(action, top, model.size.1);
            model.layers.extend(top.map(Layer::Cost));
            Vec::new()
        }
        Some(Layer::Sure(sure)) => cli_view::answer(model, sure, key, now),
        Some(Layer::SortMenu(place)) => {
            menus::sort(model, action, place);
            Vec::new()
        }
        None => action.map_or_else(Vec::new, |action| run(model, action, now)),
    }
}

/// Where a text goes on; nothing when it is closed.
fn scroll(action: Option<&CommandSpec>, top: usize, height: u16) -> Option<usize> {
    let page = usize::from(height / 2).max(1) as isize;
    match action.map(|action| action.run) {
        Some(UiCommand::Back { .. } | UiCommand::Help | UiCommand::Quit | UiCommand::Open { .. }) => None,
        Some(UiCommand::Move(step)) => Some(match step {
            Step::Rows(count) => top.saturating_add_signed(count as isize),
            Step::HalfPages(count) => top.saturating_add_signed(count as isize * page / 2),
            Step::First => 0,
            Step::Last => usize::MAX / 2,
        }),
        _ => Some(top),
    }
}

/// Whether a key keeps its meaning while everything about one row is shown.
fn works_in_detail(action: &CommandSpec) -> bool {
    matches!(
        action.run,
        UiCommand::Act(_)
            | UiCommand::Everywhere(_)
            | UiCommand::Weigh(_)
            | UiCommand::ActMenu
            | UiCommand::Undo
            | UiCommand::Offer
            | UiCommand::Decline
            | UiCommand::Span(_)
            | UiCommand::Pause
            | UiCommand::Travel(_)
            | UiCommand::MarkMoment
            | UiCommand::ForgetMoment
            | UiCommand::Suspend
            | UiCommand::Redraw
            | UiCommand::Help
    )
}

fn type_on(model: &mut Model, mut prompt: Prompt, key: Key, now: Duration) -> Vec<Effect> {
    let view = model.view;
    let typed = prompt.key(key);
    match (prompt.purpose, typed) {
        (Purpose::Words, Typed::Left) => model.settings[view].words = Words::default(),
        (Purpose::Words, typed) => {
            model.settings[view].words = Words::new(prompt.text());
            if typed != Typed::Done {
                model.layers.push(Layer::Prompt(prompt));
            }
        }
        (Purpose::Filter, Typed::Left) => model.settings[view].set_filter(Filter::default()),
        (Purpose::Filter, typed) => {
            // A filter that is not yet one leaves the last good one in force.
            match Filter::parse(prompt.text()) {
                Ok(filter) => {
                    prompt.complaint = None;
                    model.settings[view].set_filter(filter);
                }
                Err(bad) => prompt.complaint = Some(bad.to_string()),
            }
            if typed != Typed::Done || prompt.complaint.is_some() {
                model.layers.push(Layer::Prompt(prompt));
            }
        }
        (_, Typed::Left) => {}
        (Purpose::Command, Typed::Done) => return command(model, prompt.text().to_owned().as_str(), now),
        (Purpose::Command, Typed::Complete) => {
            let completed = crate::app::palette::complete(prompt.text());
            prompt.set(&completed);
            model.layers.push(Layer::Prompt(prompt));
        }
        (Purpose::Command | Purpose::Cli | Purpose::Number | Purpose::Reason, _) => {
            model.layers.push(Layer::Prompt(prompt));
        }
    }
    Vec::new()
}

fn command(model: &mut Model, text: &str, now: Duration) -> Vec<Effect> {
    use crate::app::palette::{self, PaletteCommand};
    let view = model.view;
    match palette::parse(text) {
        Ok(PaletteCommand::Nothing) => {}
        Ok(PaletteCommand::Run(action)) => return run(model, action, now),
        Ok(PaletteCommand::Sort(_) | PaletteCommand::Columns(_) | PaletteCommand::Filter(_))
            if !matches!(model.shown().content, Content::Table(_)) =>
        {
            model.say("rows are sorted, filtered and their columns chosen in views 1 to 4 and 6", Role::Warn, now);
        }
        Ok(PaletteCommand::Sort(column)) => model.settings[view].sort_by(column),
        Ok(PaletteCommand::Columns(changes)) => palette::change_columns(&mut model.settings[view], &changes),
        Ok(PaletteCommand::Filter(filter)) => model.settings[view].set_filter(filter),
        Err(bad) => model.say(bad.to_string(), Role::Warn, now),
    }
    Vec::new()
}

fn copy(model: &mut Model, now: Duration) -> Vec<Effect> {
    let row = model.selected().and_then(|id| model.instance()?.watch.newest()?.row(id));
    let Some(row) = row else {
        model.say("select a row first", Role::Dim, now);
        return Vec::new();
    };
    let name = match row.kind {
        RowKind::Frontend | RowKind::Backend => row.proxy.to_string(),
        RowKind::Server | RowKind::Listener => format!("{}/{}", row.proxy, row.name),
    };
    model.say(format!("copied: {name}"), Role::Dim, now);
    vec![Effect::Copy(name)]
}

fn info(model: &mut Model) {
    let Some(sample) = model.instance().and_then(|instance| instance.watch.newest()) else { return };
    let lines: Vec<String> = sample.info.lines().iter().map(|(key, value)| format!("{key:<28} {value}")).collect();
    let lines = Lines::of(lines.iter().map(String::as_bytes));
    model.layers.push(Layer::Page { title: "show info".to_owned(), lines, top: 0 });
}

/// Does what an action says.
pub fn run(model: &mut Model, action: &CommandSpec, now: Duration) -> Vec<Effect> {
    let view = model.view;
    let is_table = matches!(model.shown().content, Content::Table(_));
    let is_asked = matches!(model.shown().content, Content::Sessions | Content::StickTables);
    match action.run {
        UiCommand::Move(step) => navigation::step(model, step, now),
        UiCommand::Open { .. } if matches!(model.shown().content, Content::Sessions | Content::StickTables) => {
            return queries::open(model, now);
        }
        UiCommand::Open { unfold } => navigation::open(model, unfold),
        UiCommand::Back { .. } if queries::back(model) => {}
        UiCommand::Back { clear } => navigation::back(model, clear, now),
        UiCommand::Focus(by) => navigation::focus(model, by),
        UiCommand::View(view) => navigation::show(model, view),
        UiCommand::Filter
            if matches!(
                model.shown().content,
                Content::Events | Content::Sessions | Content::StickTables | Content::Problems
            ) =>
        {
            let text = model.settings[view].words.to_string();
            model.layers.push(Layer::Prompt(Prompt::new(Purpose::Words, &text)));
        }
        UiCommand::Filter if is_table => {
            let text = model.settings[view].filter.to_string();
            model.layers.push(Layer::Prompt(Prompt::new(Purpose::Filter, &text)));
        }
        UiCommand::SortNext(by) if is_asked => queries::sort_next(model, by),
        UiCommand::SortMenu if is_asked => queries::sort_next(model, 1),
        UiCommand::SortNext(by) if is_table => model.settings[view].sort_next(by),
        UiCommand::SortInvert if is_table => model.settings[view].invert(),
        UiCommand::SortMenu if is_table => menus::open_sort(model),
        UiCommand::Flat if is_table => {
            model.settings[view].flat = !model.settings[view].flat;
            model.settings[view].touch();
        }
        UiCommand::Fold if is_table => navigation::fold(model),
        UiCommand::FoldAll if is_table => navigation::fold_all(model),
        UiCommand::Sideways(by) if is_table => model.settings[view].scroll(by),
        UiCommand::Filter
        | UiCommand::SortNext(_)
        | UiCommand::SortInvert
        | UiCommand::SortMenu
        | UiCommand::Flat
        | UiCommand::Fold
        | UiCommand::FoldAll
        | UiCommand::Sideways(_) => {
            model.say(format!("{}: in views 1 to 4 and 6", action.help), Role::Dim, now);
        }
        UiCommand::Command => model.layers.push(Layer::Prompt(Prompt::new(Purpose::Command, ""))),
        UiCommand::Zoom => model.zoom = !model.zoom,
        UiCommand::Span(by) => model.change_span(by),
        UiCommand::Instance(by) => {
            let count = model.instances.len() as i32;
            if count < 2 {
                model.say("only one HAProxy is watched: name several on the command line", Role::Dim, now);
            } else {
                let before = model.current;
                model.current = (model.current as i32 + by).rem_euclid(count) as usize;
                playback::follow(model, before);
            }
        }
        UiCommand::Act(act) => action_flow::ask(model, act, now),
        UiCommand::Everywhere(act) => action_flow::ask_everywhere(model, act, now),
        UiCommand::Weigh(by) => action_flow::ask_step(model, by, now),
        UiCommand::Undo => action_flow::undo(model, now),
        UiCommand::Offer => action_flow::take_offer(model, now),
        UiCommand::Decline => action_flow::decline_offer(model, now),
        UiCommand::ActMenu => menus::open_acts(model),
        UiCommand::Mark | UiCommand::MarkRange | UiCommand::MarkShown | UiCommand::Unmark => selection_input::mark(model, action.run, now),
        UiCommand::Pause => playback::pause(model, now),
        UiCommand::Travel(to) => playback::go(model, to, now),
        UiCommand::MarkMoment => playback::mark(model, now),
        UiCommand::ForgetMoment => playback::forget(model, now),
        UiCommand::Copy => return copy(model, now),
        UiCommand::Info => info(model),
        UiCommand::Cost => return overhead::open(model),
        UiCommand::Remove => match model.shown().content {
            Content::StickTables => action_flow::ask(model, &action_table::CLEAR_ENTRY, now),
            _ => action_flow::ask(model, &action_table::END_SESSION, now),
        },
        UiCommand::PollNow => {
            let poll = vec![Effect::PollNow(model.current)];
            return queries::refresh(model, now).unwrap_or(poll);
        }
        UiCommand::Redraw => return vec![Effect::Redraw],
        UiCommand::Help => model.layers.push(Layer::Help(0)),
        UiCommand::Suspend => return vec![Effect::Suspend],
        UiCommand::Quit => return vec![Effect::Quit],
    }
    Vec::new()
}
