//! The bottom line: what just happened, else what the keys do here. What cannot be done now is dimmed; its
//! key says why.

use crate::app::actions::{ACTIONS, Action, Do};
use crate::app::cells::Role;
use crate::app::key::Key;
use crate::app::layout::{Area, Pane};
use crate::app::model::Model;
use crate::ui::canvas::{Canvas, piece};
use crate::ui::text;

/// Draws the bottom line.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, area: Area) {
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

/// The key of an action as people read it.
pub fn key_name(action: &Action) -> String {
    action.keys.first().and_then(|name| Key::parse(name)).map(|key| key.to_string()).unwrap_or_default()
}

fn works(model: &Model, action: &Action) -> bool {
    match action.run {
        Do::Act(act) => model.intend(act).is_ok(),
        Do::Open => model.focus != Pane::Servers,
        _ => true,
    }
}
