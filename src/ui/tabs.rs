//! The line of tabs: the titles of the views, with the digits that open them.

use crate::app::layout::Area;
use crate::table::cell::Role;
use crate::table::view_table::ViewId;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;

/// Draws the line of tabs, with `remarks` at its right end if they fit.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, remarks: &[StyledText<'_>]) {
    let model = context.model;
    // If the titles do not fit, first the blanks between digits and titles are omitted, then the titles are cut.
    let names = |gap: &str, letters: usize| -> usize {
        let tab_width =
            |title: &str| 1 + text_width::width(gap) + text_width::width(&first_letters(title, letters)) + 1;
        ViewId::NUMBERED.iter().map(|view| tab_width(view.view().title)).sum()
    };
    // Remarks about hidden rows and columns are more important than complete titles.
    let matters = remarks.iter().any(|(_, role)| *role != Role::Dim);
    let wanted: usize = remarks.iter().filter(|_| matters).map(|(remark, _)| text_width::width(remark) + 1).sum();
    let unnumbered = if model.view().digit().is_some() { 0 } else { text_width::width(model.current_view().title) + 2 };
    let available = usize::from(area.width).saturating_sub(wanted + unnumbered);
    let (gap, letters) = match available {
        available if names(" ", 99) + ViewId::NUMBERED.len() < available => (" ", 99),
        available if names("", 99) < available => ("", 99),
        _ => ("", 4),
    };
    let mut column = u16::from(letters == 99);
    for (digit, view) in ViewId::NUMBERED.iter().enumerate() {
        let is_shown = *view == model.view();
        let (key, name) = if is_shown { (Role::Badge, Role::Badge) } else { (Role::Key, Role::Dim) };
        let text = format!("{gap}{}", first_letters(view.view().title, letters));
        column = canvas.draw_texts(area, column, 0, [styled_text(digit.to_string(), key), styled_text(text, name)])
            + gap.len() as u16
            + 1;
    }
    if model.view().digit().is_none() {
        // A view without a digit has a tab only while it is shown.
        column =
            canvas.draw_text(area, column, 0, &first_letters(model.current_view().title, letters), Role::Badge) + 1;
    }
    let available = usize::from(area.width.saturating_sub(column + 1));
    let others: usize = remarks.iter().skip(1).map(|(remark, _)| text_width::width(remark)).sum();
    match remarks.split_first() {
        Some(((remark, role), rest)) if text_width::width(remark) + others > available && available > others + 3 => {
            let mut texts = vec![
                styled_text(text_width::end(remark, available - others - 1), *role),
                styled_text(" ", Role::Normal),
            ];
            texts.extend(rest.iter().cloned());
            canvas.draw_right_aligned(area, column + 1, 0, &texts);
        }
        _ => {
            canvas.draw_right_aligned(area, column + 1, 0, remarks);
        }
    }
}

fn first_letters(title: &str, letters: usize) -> String {
    title.chars().take(letters).collect()
}
