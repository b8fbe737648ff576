//! The bottom line: what just happened, else what the keys do here. What cannot be done now is dimmed; its
//! key says why.

use crate::app::actions::{ACTIONS, Action, Do};
use crate::app::cells::Role;
use crate::app::key::Key;
use crate::app::layout::{Area, Room};
use crate::app::model::{Layer, Model};
use crate::app::prompt::{Prompt, Purpose};
use crate::app::views::Content;
use crate::monitor::link::Link;
use crate::ui::canvas::{Canvas, piece};
use crate::ui::text;

/// The keys of the command line, which takes most keys for itself.
static CLI_KEYS: &[(&str, &str)] = &[
    ("<ret>", "send"),
    ("<tab>", "complete"),
    ("<up>", "recall"),
    ("<pgup>", "scroll"),
    ("<c-f>", "find"),
    ("<esc>", "leave"),
    ("<a-1>", "other views"),
    ("<c-c>", "quit"),
];

/// Draws the bottom line.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, area: Area, room: Room) {
    if let Some(Layer::Prompt(prompt)) = model.layers.last() {
        return draw_prompt(canvas, prompt, area);
    }
    if let Some(notice) = &model.notice {
        let shown = text::end(&notice.text, usize::from(area.width.saturating_sub(2)));
        canvas.text(area, 1, 0, &shown, notice.role);
        return;
    }
    if let (Room::Small, Some(Link::Lost { failure, .. })) = (room, model.instance().map(|known| known.watch.link())) {
        // The header has no room for the reason.
        canvas.text(area, 1, 0, &text::end(&failure.why, usize::from(area.width.saturating_sub(2))), Role::Bad);
        return;
    }
    let ascii = canvas.theme.ascii;
    if matches!(model.shown().content, Content::Cli) {
        let mut column = 1;
        for (key, what) in CLI_KEYS {
            let key = Key::parse(key).map(|key| key.label(ascii)).unwrap_or_default();
            if column + (text::width(&key) + what.len() + 1) as u16 > area.width {
                break;
            }
            let pieces = [piece(key, Role::Key), piece(" ", Role::Normal), piece(*what, Role::Normal)];
            column = canvas.pieces(area, column, 0, pieces) + 2;
        }
        return;
    }
    let labelled = ACTIONS.iter().filter(|action| !action.label.is_empty());
    let width = |action: &Action| text::width(&key_name(action, ascii)) + text::width(action.label) + 3;
    // Help and the way out are always there; the others as far as they fit.
    let is_vital = |action: &Action| matches!(action.run, Do::Help | Do::Quit);
    let mut room_left =
        usize::from(area.width).saturating_sub(1 + labelled.clone().filter(|a| is_vital(a)).map(width).sum::<usize>());
    let mut column = 1;
    for action in labelled {
        if !is_vital(action) {
            if width(action) > room_left {
                continue;
            }
            room_left -= width(action);
        }
        let works = works(model, action);
        let (key_role, label_role) = if works { (Role::Key, Role::Normal) } else { (Role::Dim, Role::Dim) };
        let pieces =
            [piece(key_name(action, ascii), key_role), piece(" ", Role::Normal), piece(action.label, label_role)];
        column = canvas.pieces(area, column, 0, pieces) + 2;
    }
}

/// The line being typed, with what is wrong with it.
fn draw_prompt(canvas: &mut Canvas<'_>, prompt: &Prompt, area: Area) {
    let sign = match prompt.purpose {
        Purpose::Filter | Purpose::Words => "/",
        Purpose::Command => ":",
        Purpose::Cli => ">",
    };
    let role = if prompt.complaint.is_some() { Role::Bad } else { Role::Normal };
    let start = canvas.text(area, 1, 0, sign, Role::Key);
    // A long line shows the part around the cursor.
    let room = usize::from(area.width.saturating_sub(start + 1));
    let hidden = (prompt.cursor() + 1).saturating_sub(room);
    let shown: String = prompt.text().chars().skip(hidden).collect();
    let end = canvas.text(area, start, 0, &text::end(&shown, room), role);
    canvas.invert(area, start + (prompt.cursor() - hidden) as u16, 0);
    if let Some(complaint) = &prompt.complaint {
        canvas.text(area, end + 3, 0, complaint, Role::Bad);
    }
}

/// The key of an action as people read it.
pub fn key_name(action: &Action, ascii: bool) -> String {
    action.keys.first().and_then(|name| Key::parse(name)).map(|key| key.label(ascii)).unwrap_or_default()
}

fn works(model: &Model, action: &Action) -> bool {
    match action.run {
        Do::Act(act) => model.intend(act).is_ok(),
        Do::Zoom => matches!(model.shown().content, Content::Dashboard),
        Do::Filter | Do::SortMenu => !matches!(model.shown().content, Content::Dashboard),
        _ => true,
    }
}
