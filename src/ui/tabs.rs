//! The line of tabs: the titles of the views, with the digits that open them.

use std::ops::Range;

use crate::app::layout::Area;
use crate::app::model::Model;
use crate::table::cell::Role;
use crate::table::view_table::ViewId;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;

/// The form of the tabs: the gap between digits and titles, and the number of letters of the titles.
struct TabStyle {
    gap: &'static str,
    letters: usize,
}

impl TabStyle {
    /// Chooses the style for a line of tabs. If the titles do not fit, first the gap is omitted, then the titles are cut.
    fn new(model: &Model, area: Area, remarks: &[StyledText<'_>]) -> Self {
        let names = |gap: &str, letters: usize| -> usize {
            let tab_width =
                |title: &str| 1 + text_width::width(gap) + text_width::width(&first_letters(title, letters)) + 1;
            ViewId::NUMBERED.iter().map(|view| tab_width(view.view().title)).sum()
        };
        // Remarks about hidden rows and columns are more important than complete titles.
        let matters = remarks.iter().any(|(_, role)| *role != Role::Dim);
        let wanted: usize = remarks.iter().filter(|_| matters).map(|(remark, _)| text_width::width(remark) + 1).sum();
        let unnumbered =
            if model.view().digit().is_some() { 0 } else { text_width::width(model.current_view().title) + 2 };
        let available = usize::from(area.width).saturating_sub(wanted + unnumbered);
        // The gap gives way to any remark, such as the number of rows.
        let all = remarks.iter().map(|(remark, _)| text_width::width(remark) + 1).sum::<usize>() - wanted;
        match available {
            available if names(" ", 99) + ViewId::NUMBERED.len() + all < available => Self { gap: " ", letters: 99 },
            available if names("", 99) < available => Self { gap: "", letters: 99 },
            _ => Self { gap: "", letters: 4 },
        }
    }

    /// Returns the column of the first tab.
    fn first_column(&self) -> u16 {
        u16::from(self.letters == 99)
    }

    /// Returns the text of a tab after its digit.
    fn text(&self, view: ViewId) -> String {
        format!("{}{}", self.gap, first_letters(view.view().title, self.letters))
    }

    /// Returns the number of columns between two tabs.
    fn space(&self) -> u16 {
        self.gap.len() as u16 + 1
    }
}

/// Returns the columns of the tabs of numbered views, from the left edge of `area`.
pub(crate) fn places(model: &Model, area: Area, remarks: &[StyledText<'_>]) -> Vec<(ViewId, Range<u16>)> {
    let style = TabStyle::new(model, area, remarks);
    let mut column = style.first_column();
    let place = |view: &ViewId| {
        let start = column;
        let end = start + 1 + text_width::width(&style.text(*view)) as u16;
        column = end + style.space();
        (*view, start..end)
    };
    ViewId::NUMBERED.iter().map(place).collect()
}

/// Draws the line of tabs, with `remarks` at its right end if they fit.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, remarks: &[StyledText<'_>]) {
    let model = context.model;
    let style = TabStyle::new(model, area, remarks);
    let mut column = style.first_column();
    for (digit, view) in ViewId::NUMBERED.iter().enumerate() {
        let is_shown = *view == model.view();
        let (key, name) = if is_shown { (Role::Badge, Role::Badge) } else { (Role::Key, Role::Dim) };
        let texts = [styled_text(digit.to_string(), key), styled_text(style.text(*view), name)];
        column = canvas.draw_texts(area, column, 0, texts) + style.space();
    }
    if model.view().digit().is_none() {
        // A view without a digit has a tab only while it is shown.
        let title = first_letters(model.current_view().title, style.letters);
        column = canvas.draw_text(area, column, 0, &title, Role::Badge) + 1;
    }
    let available = usize::from(area.width.saturating_sub(column + 1));
    let others: usize = remarks.iter().skip(1).map(|(remark, _)| text_width::width(remark)).sum();
    match remarks.split_first() {
        Some(((remark, role), rest))
            if *role != Role::Dim && text_width::width(remark) + others > available && available > others + 3 =>
        {
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
