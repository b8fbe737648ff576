//! The bottom line: what just happened, else what the keys do here. What cannot be done now is dimmed; its
//! key says why.

use crate::actions::intent::Target;
use crate::app::action_targets;
use crate::app::commands::{COMMANDS, CommandSpec, UiCommand, Group};
use crate::app::key::Key;
use crate::app::layers::Layer;
use crate::app::layout::{Area, Room};
use crate::app::model::Model;
use crate::app::text_input::{Prompt, Purpose};
use crate::observe::link::Link;
use crate::table::cell::Role;
use crate::table::view_table::Content;
use crate::ui::drawing::{Canvas, piece};
use crate::ui::truncate;

/// A key, and what it does.
type Told = (&'static str, &'static str);

/// The keys of the command line, which takes most keys for itself.
static CLI_KEYS: &[Told] = &[
    ("<ret>", "send"),
    ("<esc>", "leave"),
    ("<c-c>", "quit"),
    ("<tab>", "complete"),
    ("<up>", "recall"),
    ("<pgup>", "scroll"),
    ("<c-f>", "find"),
    ("<a-1>", "other views"),
];

/// The keys of a text that lies over the view.
static PAGE_KEYS: &[Told] = &[("<esc>", "back"), ("<down>", "down"), ("<pgdn>", "page down"), ("<end>", "to the end")];

/// The keys of everything about one row.
static DETAIL_KEYS: &[Told] = &[
    ("<esc>", "back"),
    ("<down>", "down"),
    ("<pgdn>", "page down"),
    ("<end>", "to the end"),
    ("+", "longer charts"),
    ("-", "shorter"),
    ("?", "help"),
];

/// The keys of a menu.
static MENU_KEYS: &[Told] = &[("<ret>", "choose"), ("<esc>", "leave"), ("<down>", "next")];

/// Draws the bottom line.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, area: Area, room: Room, has_tabs: bool) {
    match model.layers.last() {
        Some(Layer::Prompt(prompt)) => return draw_prompt(canvas, sign(prompt.purpose), prompt, area),
        Some(Layer::Number(number)) => {
            let asked = format!("{} of {}: ", number.act.title, about(&number.targets));
            return draw_prompt(canvas, &truncate::middle(&asked, usize::from(area.width / 2)), &number.prompt, area);
        }
        Some(Layer::Reason(reason)) => {
            let asked = format!("reason for {}: ", reason.intent.title());
            return draw_prompt(canvas, &asked, &reason.prompt, area);
        }
        _ => {}
    }
    if let Some(notice) = &model.notice {
        let shown = truncate::end(&notice.text, usize::from(area.width.saturating_sub(2)));
        canvas.text(area, 1, 0, &shown, notice.role);
        return;
    }
    if let (Room::Small, Some(Link::Lost { failure, .. })) = (room, model.instance().map(|known| known.watch.link())) {
        // The header has no room for the reason.
        canvas.text(area, 1, 0, &truncate::end(&failure.why, usize::from(area.width.saturating_sub(2))), Role::Bad);
        return;
    }
    let ascii = canvas.theme.ascii;
    let told = match model.layers.last() {
        Some(Layer::Detail(..)) => Some(DETAIL_KEYS),
        Some(Layer::Page { .. } | Layer::Cost(_)) => Some(PAGE_KEYS),
        Some(Layer::SortMenu(_) | Layer::ActMenu(..)) => Some(MENU_KEYS),
        _ if matches!(model.shown().content, Content::Cli) => Some(CLI_KEYS),
        _ => None,
    };
    if let Some(keys) = told {
        let acts = matches!(model.layers.last(), Some(Layer::Detail(..)));
        let is_shown = |action: &&CommandSpec| acts && !action.label.is_empty() && matches!(action.run, UiCommand::Act(_));
        let acts = COMMANDS.iter().filter(is_shown).filter(|action| works(model, action));
        let keys = keys.iter().map(|(key, what)| (Key::parse(key).map(|key| key.label(ascii)), *what));
        let acts = acts.map(|action| (Some(model.keymap.name(action, ascii)), action.label));
        let (first, rest) = (keys.clone().take(1), keys.skip(1));
        let mut column = 1;
        for (key, what) in first.chain(acts).chain(rest) {
            let key = key.unwrap_or_default();
            if usize::from(column) + truncate::width(&key) + what.len() + 1 > usize::from(area.width) {
                break;
            }
            let pieces = [piece(key, Role::Key), piece(" ", Role::Normal), piece(what, Role::Normal)];
            column = canvas.pieces(area, column, 0, pieces) + 2;
        }
        return;
    }
    // Where there is no line of tabs to tell it, a filter is told here: rows that are missing need a reason.
    let filter = if has_tabs { String::new() } else { shown_filter(model) };
    let mut column = 1;
    if !filter.is_empty() {
        let shown = truncate::end(&format!("/{filter}"), usize::from(area.width / 3));
        column = canvas.text(area, column, 0, &shown, Role::Key) + 2;
    }
    // What an act would be about must be in sight, wherever the marks are.
    let marked = model.instance().map_or(0, |instance| instance.marks.count());
    if marked > 0 {
        column = canvas.text(area, column, 0, &format!("{marked} marked"), Role::Key) + 2;
    }
    let is_past = model.instance().is_some_and(|instance| instance.watch.past().is_some());
    let labelled = labelled(model, is_past);
    let labelled = labelled.iter().copied();
    let width =
        |action: &CommandSpec| truncate::width(&model.keymap.name(action, ascii)) + truncate::width(action.label) + 3;
    // Help and the way out are always there; the others as far as they fit.
    let is_vital = |action: &CommandSpec| matches!(action.run, UiCommand::Help | UiCommand::Quit) || is_past && action.run == UiCommand::Pause;
    let mut room_left = usize::from(area.width).saturating_sub(
        usize::from(column) + labelled.clone().filter(|action| is_vital(action)).map(width).sum::<usize>(),
    );
    for action in labelled {
        if !is_vital(action) {
            if width(action) > room_left {
                continue;
            }
            room_left -= width(action);
        }
        let works = works(model, action);
        let (key_role, label_role) = if works { (Role::Key, Role::Normal) } else { (Role::Dim, Role::Dim) };
        let label = if is_past && action.run == UiCommand::Pause { "live" } else { action.label };
        let pieces =
            [piece(model.keymap.name(action, ascii), key_role), piece(" ", Role::Normal), piece(label, label_role)];
        column = canvas.pieces(area, column, 0, pieces) + 2;
    }
}

/// The actions that the line names, in its order. While the past is shown, what goes through it comes first, and what
/// acts, or marks rows for it, does not come at all.
fn labelled(model: &Model, is_past: bool) -> Vec<&'static CommandSpec> {
    let labelled = COMMANDS.iter().filter(|action| !action.label.is_empty());
    if !is_past {
        return labelled.filter(|action| !action.is_of_past()).collect();
    }
    let (through, rest): (Vec<_>, Vec<_>) = labelled.partition(|action| action.group == Group::Past);
    through
        .into_iter()
        .chain(
            rest.into_iter().filter(|action| works(model, action) && !matches!(action.group, Group::Act | Group::Mark)),
        )
        .collect()
}

/// What is looked for in the view shown.
fn shown_filter(model: &Model) -> String {
    let settings = &model.settings[model.view];
    if settings.filter.is_empty() { settings.words.to_string() } else { settings.filter.to_string() }
}

/// What stands in front of a line being typed.
fn sign(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Filter | Purpose::Words => "/",
        Purpose::Command => ":",
        Purpose::Cli | Purpose::Number | Purpose::Reason => ">",
    }
}

/// One name, or how many.
fn about(targets: &[Target]) -> String {
    match targets {
        [one] if one.name.as_str() == "FRONTEND" => one.proxy.to_string(),
        [one] => format!("{}/{}", one.proxy, one.name),
        several => format!("{} marked", several.len()),
    }
}

/// The line being typed, with what is wrong with it.
fn draw_prompt(canvas: &mut Canvas<'_>, sign: &str, prompt: &Prompt, area: Area) {
    let role = if prompt.complaint.is_some() { Role::Bad } else { Role::Normal };
    let start = canvas.text(area, 1, 0, sign, Role::Key);
    let room = usize::from(area.width.saturating_sub(start + 1));
    let (shown, cursor) = prompt.visible(room);
    let end = canvas.text(area, start, 0, &truncate::end(&shown, room), role);
    canvas.invert(area, start + cursor as u16, 0);
    if let Some(complaint) = &prompt.complaint {
        let room = usize::from(area.width.saturating_sub(end + 4));
        canvas.text(area, end + 3, 0, &truncate::end(complaint, room), Role::Bad);
    }
}

fn works(model: &Model, action: &CommandSpec) -> bool {
    match action.run {
        UiCommand::Act(_) | UiCommand::Everywhere(_) | UiCommand::Weigh(_) => action_targets::can(model, action).is_ok(),
        UiCommand::Undo => model.undo.next(model.current).is_some(),
        UiCommand::Zoom => matches!(model.shown().content, Content::Dashboard),
        UiCommand::Filter | UiCommand::SortMenu => !matches!(model.shown().content, Content::Dashboard),
        _ => true,
    }
}
