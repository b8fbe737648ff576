//! The bottom line: what just happened, else what the keys do here. What cannot be done now is dimmed; its
//! key says why.

use crate::app::actions::{ACTIONS, Action, Do};
use crate::app::cells::Role;
use crate::app::key::Key;
use crate::app::layout::Area;
use crate::app::model::{Layer, Model};
use crate::app::prompt::{Prompt, Purpose};
use crate::app::views::Content;
use crate::ui::canvas::{Canvas, piece};
use crate::ui::text;

/// Draws the bottom line.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, area: Area) {
    if let Some(Layer::Prompt(prompt)) = model.layers.last() {
        return draw_prompt(canvas, prompt, area);
    }
    if let Some(notice) = &model.notice {
        let shown = text::end(&notice.text, usize::from(area.width.saturating_sub(2)));
        canvas.text(area, 1, 0, &shown, notice.role);
        return;
    }
    let mut column = 1;
    for action in ACTIONS.iter().filter(|action| !action.label.is_empty()) {
        let key = key_name(action);
        let width = (text::width(&key) + text::width(action.label) + 1) as u16;
        if column + width > area.width {
            continue;
        }
        let works = works(model, action);
        let (key_role, label_role) = if works { (Role::Key, Role::Normal) } else { (Role::Dim, Role::Dim) };
        column = canvas.pieces(
            area,
            column,
            0,
            [piece(key, key_role), piece(" ", Role::Normal), piece(action.label, label_role)],
        ) + 2;
    }
}

/// The line being typed, with what is wrong with it.
fn draw_prompt(canvas: &mut Canvas<'_>, prompt: &Prompt, area: Area) {
    let sign = match prompt.purpose {
        Purpose::Filter => "/",
        Purpose::Command => ":",
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
pub fn key_name(action: &Action) -> String {
    action.keys.first().and_then(|name| Key::parse(name)).map(|key| key.to_string()).unwrap_or_default()
}

fn works(model: &Model, action: &Action) -> bool {
    match action.run {
        Do::Act(act) => model.intend(act).is_ok(),
        Do::Zoom => matches!(model.shown().content, Content::Dashboard),
        Do::Filter | Do::SortMenu => !matches!(model.shown().content, Content::Dashboard),
        _ => true,
    }
}
