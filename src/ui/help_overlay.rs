//! What the keys do, made from the COMMANDS table.

use crate::actions::action_table;
use crate::app::commands::{COMMANDS, Group};
use crate::app::layout::Area;
use crate::app::model::Model;
use crate::table::cell::Role;
use crate::ui::drawing::{Canvas, Piece, piece};

/// Draws the help over the screen, from line `top` on; gives the last line it can begin with.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, screen: Area, top: usize) -> usize {
    let lines = lines(model, canvas.theme.ascii);
    let width = screen.width.min(84);
    let height = screen.height.min(lines.len() as u16 + 2);
    let area = screen.columns((screen.width - width) / 2, width).rows((screen.height - height) / 2, height);
    canvas.clear(area);
    let visible = usize::from(area.height.saturating_sub(2));
    let last = lines.len().saturating_sub(visible);
    let top = top.min(last);
    let remark = if visible < lines.len() {
        format!(" {}-{} of {} ", top + 1, (top + visible).min(lines.len()), lines.len())
    } else {
        String::new()
    };
    let inner = canvas.frame(area, &[piece(" Keys ", Role::Focus)], &[piece(remark, Role::Dim)], Role::Focus);
    for (row, line) in lines.into_iter().skip(top).take(visible).enumerate() {
        let mut column = 1;
        for (at, what) in line {
            column = canvas.pieces(inner, at.max(column), row as u16, [what]);
        }
    }
    last
}

/// Each line as pieces with the column they begin at.
fn lines(model: &Model, ascii: bool) -> Vec<Vec<(u16, Piece<'static>)>> {
    let mut lines = Vec::new();
    for group in Group::ALL {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        lines.push(vec![(1, piece(group.title(), Role::Title))]);
        if let (Group::Act, Err(refusal)) = (group, model.allows(&action_table::READY)) {
            lines.push(vec![(3, piece(format!("not now: {}", model.why(&refusal)), Role::Warn))]);
        }
        // Acts without a key are in the menu of acts.
        let keys = |action| model.keymap.keys(action);
        for action in COMMANDS.iter().filter(|action| action.group == group && !keys(action).is_empty()) {
            let keys = keys(action).iter().map(|key| key.label(ascii)).collect::<Vec<_>>().join(" ");
            lines.push(vec![(3, piece(keys, Role::Key)), (20, piece(action.help, Role::Normal))]);
        }
    }
    lines
}
