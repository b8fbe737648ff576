//! The list of the command palette, above the bottom line.

use crate::app::palette_list::{PaletteItem, PaletteList};
use crate::app::prompt::Prompt;
use crate::table::cell::Role;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::text_width;

/// Width of the list, in screen cells.
const WIDTH: u16 = 100;
/// Maximum width of the keys, in screen cells.
const MAX_KEY_WIDTH: usize = 9;
/// Maximum number of items shown at once.
const MAX_VISIBLE: usize = 14;
/// Width from which descriptions are wrapped; in fewer cells, they are shortened.
const MIN_WRAPPED_WIDTH: usize = 40;

/// Draws the items that match the line being typed, the best one first.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, prompt: &Prompt) {
    let list = PaletteList::new(context.model, prompt.text());
    let above = context.layout.overlay_area();
    let empty_text = list.empty_text(prompt.text());
    let lines = list.len().max(usize::from(empty_text.is_some()));
    let visible = lines.min(MAX_VISIBLE).min(usize::from((above.height / 2).max(3).saturating_sub(2)));
    if visible == 0 || above.height < 5 {
        return;
    }
    let chosen = list.chosen_index(prompt);
    let first = (chosen.unwrap_or(0) + 1).saturating_sub(visible);
    // Long descriptions get more cells where the screen has them.
    let width_of =
        |item: PaletteItem| text_width::width(&item.name) + text_width::width(&item.help) + MAX_KEY_WIDTH + 8;
    let widest = (first..first + visible).filter_map(|index| list.item(index)).map(width_of).max().unwrap_or(0) as u16;
    let width = above.width.min(WIDTH.max(widest));
    let key = |item: &PaletteItem| {
        item.command.map_or_else(String::new, |command| context.model.keymap.key_label(command, canvas.theme.is_ascii))
    };
    let shown: Vec<(usize, String, PaletteItem)> = (first..first + visible)
        .filter_map(|index| {
            let item = list.item(index)?;
            Some((index, key(&item), item))
        })
        .collect();
    let room = usize::from(width.saturating_sub(2));
    let key_width = shown.iter().map(|(_, key, _)| text_width::width(key)).max().unwrap_or(0).min(MAX_KEY_WIDTH);
    let longest = shown.iter().map(|(.., item)| text_width::width(&item.name)).max().unwrap_or(0);
    let name_width = longest.min(room.saturating_sub(key_width + 3).min(44));
    let (name_column, help_column) = (key_width + 2 + usize::from(key_width > 0), key_width + name_width + 5);
    let help = |item: &PaletteItem| match room.saturating_sub(help_column + 1) {
        ..8 => vec![String::new()],
        width @ 8..MIN_WRAPPED_WIDTH => vec![text_width::sentence(&item.help, width)],
        width => text_width::wrap_at_blanks(&item.help, width),
    };
    let mut lines: Vec<(usize, String, PaletteItem, Vec<String>)> = shown
        .into_iter()
        .map(|(index, key, item)| {
            let help = help(&item);
            (index, key, item, help)
        })
        .collect();
    // The chosen item stays visible although others take several rows.
    let rows_to_chosen = |lines: &[(usize, String, PaletteItem, Vec<String>)]| {
        lines.iter().take_while(|(index, ..)| Some(*index) <= chosen).map(|(.., help)| help.len()).sum::<usize>()
    };
    while lines.len() > 1 && rows_to_chosen(&lines) > visible {
        lines.remove(0);
    }
    let rows = lines.iter().map(|(.., help)| help.len()).sum::<usize>().clamp(1, visible.max(1));
    let height = (rows as u16 + 2).min(above.height);
    let area = above.rows(above.height - height, height).columns(0, width);
    canvas.clear(area);
    let remark = format!(" {} of {} ", chosen.map_or(1, |index| index + 1), list.len());
    let remark = if list.len() > lines.len() || rows > visible { remark } else { String::new() };
    let title = [styled_text(" Commands ", Role::Focus)];
    let inner = canvas.draw_frame(area, &title, &[styled_text(remark, Role::Dim)], Role::Focus);
    if let Some(text) = empty_text {
        canvas.draw_text(inner, 1, 0, text, Role::Dim);
    }
    let mut row = 0;
    for (index, key, item, help) in lines {
        canvas.draw_text(inner, 1, row, &key, Role::Key);
        canvas.draw_text(inner, name_column as u16, row, &text_width::end(&item.name, name_width), Role::Normal);
        for part in help {
            canvas.draw_text(inner, help_column as u16, row, &part, Role::Dim);
            if Some(index) == chosen {
                canvas.highlight_row(inner, row, Role::Selected);
            }
            row += 1;
        }
    }
}
