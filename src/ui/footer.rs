//! The bottom line: the line being typed, the latest notice, or hints about the keys that do something in the view shown.
//! Pressing another key shows why it does nothing.

use crate::actions::action_table::{ActionCommand, TargetKind};
use crate::actions::intent::ActionTarget;
use crate::app::command_scope;
use crate::app::command_table::COMMANDS;
use crate::app::key::Key;
use crate::app::layers::{Layer, NumberPrompt};
use crate::app::layout::{Area, Pane, SizeClass};
use crate::app::model::Model;
use crate::app::palette_list::PaletteList;
use crate::app::pane_focus;
use crate::app::prompt::{Prompt, PromptPurpose};
use crate::app::ui_commands::{CommandGroup, CommandSpec, UiCommand};
use crate::haproxy::fields::Field;
use crate::observe::link::Link;
use crate::table::cell::Role;
use crate::table::view_table::Content;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::full_name;
use crate::ui::text_width;

/// A key, and a label that says what the key does.
type KeyHint = (&'static str, &'static str);

/// Keys of the CLI view, which handles most keys itself.
static CLI_KEYS: &[KeyHint] = &[
    ("<ret>", "send"),
    ("<esc>", "leave"),
    ("<c-c>", "quit"),
    ("<tab>", "complete"),
    ("<up>", "recall"),
    ("<pgup>", "scroll"),
    ("<c-f>", "find"),
    ("<a-1>", "other views"),
];

/// Keys of the CLI view while a line is being typed.
static CLI_LINE_KEYS: &[KeyHint] = &[
    ("<ret>", "send"),
    ("<esc>", "leave"),
    ("<c-c>", "clear"),
    ("<tab>", "complete"),
    ("<up>", "recall"),
    ("<pgup>", "scroll"),
    ("<c-f>", "find"),
    ("<a-1>", "other views"),
];

/// Keys of a text page.
static PAGE_KEYS: &[KeyHint] = &[("<esc>", "back"), ("<down>", "down"), ("<pgdn>", "page down"), ("<end>", "end")];

/// Keys of the detail page of a row.
static DETAIL_KEYS: &[KeyHint] = &[
    ("<esc>", "back"),
    ("<down>", "down"),
    ("<pgdn>", "page down"),
    ("<end>", "end"),
    ("+", "longer charts"),
    ("-", "shorter"),
    ("?", "help"),
];

/// Keys of a menu.
static MENU_KEYS: &[KeyHint] = &[("<ret>", "choose"), ("<esc>", "close"), ("<down>", "next")];

/// Keys of a menu or page that can be searched.
static SEARCHED_KEYS: &[KeyHint] = &[("<ret>", "choose"), ("<esc>", "close"), ("<down>", "next"), ("/", "search")];
/// Keys while a search is typed, in which `/` is a character.
static MENU_SEARCH_KEYS: &[KeyHint] = &[("<ret>", "choose"), ("<esc>", "end search"), ("<down>", "next")];
static HELP_SEARCH_KEYS: &[KeyHint] = &[("<esc>", "end search"), ("<down>", "down"), ("<pgdn>", "page down")];
static HELP_KEYS: &[KeyHint] = &[("<esc>", "back"), ("/", "search"), ("<down>", "down"), ("<pgdn>", "page down")];

/// Width from which two blanks separate the keys.
const MIN_WIDE_WIDTH: u16 = 100;
/// Room for the keys that are always shown, after the whole name of a row.
const VITAL_WIDTH: usize = 26;

/// Draws the bottom line.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, layout, .. } = *context;
    match model.layers.last() {
        Some(Layer::Prompt(prompt)) => {
            return draw_prompt(context, canvas, area, prompt_sign(prompt.purpose), prompt);
        }
        Some(Layer::NumberPrompt(number)) => {
            let question = number_question(context, number, area.width);
            return draw_prompt(context, canvas, area, &question, &number.prompt);
        }
        Some(Layer::ReasonPrompt(reason)) => {
            let question = format!("reason for {}: ", reason.intent.title());
            return draw_prompt(context, canvas, area, &question, &reason.prompt);
        }
        _ => {}
    }
    if let Some(notice) = &model.notice {
        return draw_message(context, canvas, area, &notice.text, notice.role);
    }
    if let (SizeClass::Small, Link::Lost { failure, .. }) = (layout.size_class, instance.data.link()) {
        // On a small screen, the header has no space for the reason.
        return draw_message(context, canvas, area, &failure.reason, Role::Bad);
    }
    let ascii = canvas.theme.is_ascii;
    let hints = match model.layers.last() {
        Some(Layer::Detail(..)) => Some(DETAIL_KEYS),
        Some(Layer::TextPage { .. } | Layer::Overhead(_)) => Some(PAGE_KEYS),
        Some(Layer::SortMenu(_)) => Some(MENU_KEYS),
        Some(Layer::ActionMenu(_, _, None)) => Some(SEARCHED_KEYS),
        Some(Layer::ActionMenu(..)) => Some(MENU_SEARCH_KEYS),
        Some(Layer::Help(_, None)) => Some(HELP_KEYS),
        Some(Layer::Help(..)) => Some(HELP_SEARCH_KEYS),
        _ if matches!(model.current_view().content, Content::Cli) => {
            Some(if model.cli.prompt.text().is_empty() { CLI_KEYS } else { CLI_LINE_KEYS })
        }
        _ => None,
    };
    if let Some(keys) = hints {
        return draw_layer_keys(context, canvas, area, keys);
    }
    // Without a line of tabs, the filter is shown here, so that the user can see why rows are missing.
    let filter = if layout.tabs.is_empty() { active_filter(model) } else { String::new() };
    let mut column = 1;
    if !filter.is_empty() {
        let shown = text_width::end(&format!("/{filter}"), usize::from(area.width / 3));
        column = canvas.draw_text(area, column, 0, &shown, Role::Key) + 2;
    }
    // The number of marked rows is always shown, because actions apply to the marked rows.
    let marked = instance.selection.marked_count();
    if marked > 0 {
        column = canvas.draw_text(area, column, 0, &format!("{marked} marked"), Role::Key) + 2;
    }
    let is_past = instance.data.past_moment().is_some();
    let commands = labeled_commands(model, is_past);
    let commands = commands.iter().copied();
    if let Some(name) = full_name::shortened_name(context) {
        // Help, quit and the key to the present follow.
        let room = usize::from(area.width).saturating_sub(usize::from(column) + VITAL_WIDTH);
        column = canvas.draw_text(area, column, 0, &text_width::middle(&name, room), Role::Title) + 2;
    }
    // A narrow screen shows more keys with less room between them.
    let gap: u16 = if area.width < MIN_WIDE_WIDTH { 1 } else { 2 };
    let width = |spec: &CommandSpec| {
        let key = text_width::width(&model.keymap.key_label(spec, ascii));
        key + 1 + text_width::width(label(model, spec)) + usize::from(gap)
    };
    // Help, quit and, in playback, the key that returns to the present are always shown; other keys only if they fit.
    let is_vital = |spec: &CommandSpec| {
        matches!(spec.ui_command, UiCommand::ShowHelp | UiCommand::Quit)
            || is_past && spec.ui_command == UiCommand::TogglePause
    };
    let mut width_left = usize::from(area.width)
        .saturating_sub(usize::from(column) + commands.clone().filter(|spec| is_vital(spec)).map(width).sum::<usize>());
    for spec in commands {
        if !command_scope::works_here(model, spec) {
            continue;
        }
        if !is_vital(spec) {
            if width(spec) > width_left {
                continue;
            }
            width_left -= width(spec);
        }
        let texts = [
            styled_text(model.keymap.key_label(spec, ascii), Role::Key),
            styled_text(" ", Role::Normal),
            styled_text(label(model, spec), Role::Normal),
        ];
        column = canvas.draw_texts(area, column, 0, texts) + gap;
    }
}

/// Draws a message in the bottom line, and its beginning in the lines above if it is longer than one line.
fn draw_message(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, text: &str, role: Role) {
    let parts = text_width::wrap_at_blanks(text, usize::from(area.width.saturating_sub(2)).max(1));
    let most = usize::from(context.layout.screen.height / 2).max(1);
    let above = parts.len().min(most) as u16 - 1;
    let lines = Area { y: area.y - above.min(area.y), height: above + 1, ..area };
    canvas.clear(lines);
    for (part, line) in parts.iter().take(most).zip(0_u16..) {
        // Only a message of half a screen is cut.
        let is_cut = usize::from(line) + 1 == most && parts.len() > most;
        let shown = if is_cut { format!("{part} …") } else { part.clone() };
        canvas.draw_text(lines, 1, line, &shown, role);
    }
}

/// Draws the keys of a layer; those of actions come after the first one.
fn draw_layer_keys(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, keys: &[KeyHint]) {
    let DrawContext { model, .. } = *context;
    let ascii = canvas.theme.is_ascii;
    let has_actions = matches!(model.layers.last(), Some(Layer::Detail(..)));
    let is_shown = |spec: &&CommandSpec| {
        has_actions && !spec.label.is_empty() && matches!(spec.ui_command, UiCommand::StartAction(_))
    };
    let actions = COMMANDS.iter().filter(is_shown).filter(|spec| command_scope::works_here(model, spec));
    let keys = keys.iter().map(|(key, hint)| (Key::parse(key).map(|key| key.label(ascii)), *hint));
    let actions = actions.map(|spec| (Some(model.keymap.key_label(spec, ascii)), spec.label));
    let (first, rest) = (keys.clone().take(1), keys.skip(1));
    let mut column = 1;
    for (key, hint) in first.chain(actions).chain(rest) {
        let key = key.unwrap_or_default();
        if usize::from(column) + text_width::width(&key) + hint.len() + 1 > usize::from(area.width) {
            break;
        }
        let texts = [styled_text(key, Role::Key), styled_text(" ", Role::Normal), styled_text(hint, Role::Normal)];
        column = canvas.draw_texts(area, column, 0, texts) + 2;
    }
}

/// Returns the label of a command in the view shown.
fn label(model: &Model, spec: &CommandSpec) -> &'static str {
    let is_past = model.instance().is_some_and(|instance| instance.data.past_moment().is_some());
    let is_playing = model.replay.as_ref().map(|replay| replay.playing_speed().is_some());
    match (spec.ui_command, model.current_view().content) {
        (UiCommand::TogglePause, _) if is_playing == Some(true) => "pause",
        (UiCommand::TogglePause, _) if is_playing == Some(false) => "play",
        (UiCommand::TogglePause, _) if is_past => "live",
        (UiCommand::NextChart, Content::Dashboard) if pane_focus::has_focus(model, Pane::Charts) => "metric",
        (UiCommand::ChangeChartSpan(1), Content::Dashboard) if pane_focus::has_focus(model, Pane::Charts) => "longer",
        (UiCommand::ChangeChartSpan(-1), Content::Dashboard) if pane_focus::has_focus(model, Pane::Charts) => "shorter",
        (UiCommand::RemoveLine, Content::Sessions) => "end session",
        (UiCommand::RemoveLine, Content::StickTables) => "clear entry",
        _ => spec.label,
    }
}

/// Returns the commands of the bottom line, in order. In playback, the playback commands come first, and actions and
/// commands that mark rows are omitted. Views of sessions and stick tables have their own action.
fn labeled_commands(model: &Model, is_past: bool) -> Vec<&'static CommandSpec> {
    let commands = COMMANDS.iter().filter(|spec| !label(model, spec).is_empty());
    let has_lines = matches!(model.current_view().content, Content::Sessions | Content::StickTables);
    let is_dashboard = matches!(model.current_view().content, Content::Dashboard);
    if !is_past {
        let is_other_action = |spec: &CommandSpec| {
            matches!(spec.group, CommandGroup::Actions | CommandGroup::Mark)
                && !matches!(spec.ui_command, UiCommand::RemoveLine | UiCommand::OpenActionMenu | UiCommand::Undo)
        };
        let has_own_keys = has_lines || is_dashboard && model.side_focus.is_some();
        let is_hidden = |spec: &CommandSpec| spec.is_playback_only() || has_own_keys && is_other_action(spec);
        return commands.filter(|spec| !is_hidden(spec)).collect();
    }
    let (through, rest): (Vec<_>, Vec<_>) = commands.partition(|spec| spec.group == CommandGroup::Playback);
    through
        .into_iter()
        .chain(rest.into_iter().filter(|spec| {
            command_scope::works_here(model, spec) && !matches!(spec.group, CommandGroup::Actions | CommandGroup::Mark)
        }))
        .collect()
}

/// Returns the filter of the view as text, empty if no filter is set.
fn active_filter(model: &Model) -> String {
    if model.shows_requests() {
        return model.requests.filter_text().to_owned();
    }
    let settings = &model.view_settings[model.view()];
    if settings.filter.is_empty() { model.text_filter().to_string() } else { settings.filter.to_string() }
}

/// Returns the sign in front of a line being typed.
fn prompt_sign(purpose: PromptPurpose) -> &'static str {
    match purpose {
        PromptPurpose::Filter | PromptPurpose::TextFilter => "/",
        PromptPurpose::Command => ":",
        PromptPurpose::Cli | PromptPurpose::Number | PromptPurpose::Reason => ">",
    }
}

/// Cells for the number in a prompt.
const NUMBER_WIDTH: usize = 16;

/// Returns the question for a number, with the current numbers and the format: `weight of be/s1 (now 10; 0-256 or 50%): `.
fn number_question(context: &DrawContext<'_>, number: &NumberPrompt, width: u16) -> String {
    let sample = context.model.instance_by_id(number.targets.instance).and_then(|instance| instance.data.latest());
    let (format, fields) = match (number.action.command, number.action.target_kind) {
        (ActionCommand::AskLimit, TargetKind::Frontend) => ("at least 1", [Field::Slim, Field::Slim]),
        (ActionCommand::AskLimit, _) => ("0 for no limit", [Field::Slim, Field::Slim]),
        _ => ("0-256 or 50%", [Field::Uweight, Field::Weight]),
    };
    let current = |target: &ActionTarget| {
        let number = |field| sample.and_then(|sample| sample.number(target.id, field));
        number(fields[0]).or_else(|| number(fields[1])).map_or_else(|| "no limit".to_owned(), |now| now.to_string())
    };
    let mut all: Vec<String> = number.targets.targets.iter().map(current).collect();
    all.dedup();
    let now = match all.as_slice() {
        [] => String::new(),
        [one, two, three, _, ..] => format!("now {one}, {two}, {three}, …; "),
        all => format!("now {}; ", all.join(", ")),
    };
    let rest = format!(" ({now}{format}): ");
    let available = usize::from(width).saturating_sub(text_width::width(&rest) + NUMBER_WIDTH);
    let subject =
        format!("{} of {}", number.action.title, describe_targets(number.action.target_kind, &number.targets.targets));
    text_width::middle(&subject, available) + &rest
}

/// Returns the name of a single target, or the number of targets.
fn describe_targets(kind: TargetKind, targets: &[ActionTarget]) -> String {
    match targets {
        [one] if kind == TargetKind::Frontend => one.proxy.to_string(),
        [one] => format!("{}/{}", one.proxy, one.name),
        several => format!("{} marked", several.len()),
    }
}

/// Draws the line being typed, followed by the error in it, or else by the latest notice, such as that Enter was ignored.
fn draw_prompt(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, sign: &str, prompt: &Prompt) {
    let role = if prompt.error.is_some() { Role::Bad } else { Role::Normal };
    let start = canvas.draw_text(area, 1, 0, sign, Role::Key);
    let available = usize::from(area.width.saturating_sub(start + 1));
    let (shown, cursor) = prompt.visible_part(available);
    let end = canvas.draw_text(area, start, 0, &text_width::end(&shown, available), role);
    canvas.draw_cursor(area, start + cursor as u16, 0);
    let notice = context.model.notice.as_ref().map(|notice| (notice.text.as_str(), notice.role));
    match prompt.error.as_deref().map(|error| (error, Role::Bad)).or(notice) {
        Some((text, role)) if text_width::width(text) + usize::from(end) + 4 <= usize::from(area.width) => {
            canvas.draw_text(area, end + 3, 0, text, role);
        }
        // A message that does not fit after the line is above it.
        Some((text, role)) if area.y > 0 => {
            draw_message(context, canvas, Area { y: area.y - 1, ..area }, text, role);
        }
        Some(_) => {}
        None => draw_completion(context, canvas, area, prompt),
    }
}

/// Draws the part of the best palette item that was not typed yet, after the line.
fn draw_completion(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, prompt: &Prompt) {
    if prompt.purpose != PromptPurpose::Command || !prompt.is_cursor_at_end() {
        return;
    }
    let list = PaletteList::new(context.model, prompt.text());
    let Some(rest) = list.ghost_text(prompt).filter(|rest| !rest.is_empty()) else { return };
    let start = 2 + text_width::width(prompt.text());
    let available = usize::from(area.width).saturating_sub(start + 1);
    canvas.draw_text(area, start as u16, 0, &text_width::end(&rest, available), Role::Dim);
    canvas.draw_cursor(area, start as u16, 0);
}
