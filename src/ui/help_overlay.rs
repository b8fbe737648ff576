//! The help page about keys, built from the table of commands.

use crate::actions::action_table;
use crate::app::command_table::COMMANDS;
use crate::app::layout::Area;
use crate::app::model::Model;
use crate::app::ui_commands::CommandGroup;
use crate::table::cell::Role;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};

/// Draws the help over the screen, starting with line `top`. Returns the largest line number that the help can start
/// with.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, screen: Area, top: usize) -> usize {
    let lines = help_lines(context.model, canvas.theme.is_ascii);
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
    let inner =
        canvas.draw_frame(area, &[styled_text(" Keys ", Role::Focus)], &[styled_text(remark, Role::Dim)], Role::Focus);
    for (row, line) in lines.into_iter().skip(top).take(visible).enumerate() {
        let mut column = 1;
        for (offset, text) in line {
            column = canvas.draw_texts(inner, offset.max(column), row as u16, [text]);
        }
    }
    last
}

/// Returns the lines of the help, each a list of texts with the screen columns where they begin.
fn help_lines(model: &Model, ascii: bool) -> Vec<Vec<(u16, StyledText<'static>)>> {
    let mut lines = Vec::new();
    for group in CommandGroup::ALL {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        lines.push(vec![(1, styled_text(group.title(), Role::Title))]);
        if let (CommandGroup::Actions, Err(refusal)) = (group, model.check_allowed(&action_table::READY)) {
            lines.push(vec![(3, styled_text(format!("not now: {}", model.explain_refusal(&refusal)), Role::Warn))]);
        }
        if group == CommandGroup::Actions {
            let text = "y confirms after half a second without keys, any other key cancels";
            lines.push(vec![(3, styled_text(text, Role::Dim))]);
        }
        // Commands without a key are omitted; actions among them are in the menu of actions.
        let keys = |action| model.keymap.keys_for(action);
        for action in COMMANDS.iter().filter(|action| action.group == group && !keys(action).is_empty()) {
            let keys = keys(action).iter().map(|key| key.label(ascii)).collect::<Vec<_>>().join(" ");
            lines.push(vec![(3, styled_text(keys, Role::Key)), (20, styled_text(action.help, Role::Normal))]);
        }
    }
    lines
}
