//! The line of tabs: the titles of the views, with the digits that open them.

use std::ops::Range;

use crate::app::layout::Area;
use crate::app::model::Model;
use crate::table::cell::Role;
use crate::table::view_table::ViewId;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;

/// The form of the tabs.
#[derive(Clone, Copy)]
enum TabStyle {
    /// Digits and titles, with a gap between them.
    Spaced,
    /// Digits and titles.
    Close,
    /// Digits, and the title of the view shown.
    Digits,
}

impl TabStyle {
    /// Chooses the style for a line of tabs. If the titles do not fit, first the gap is omitted, then the titles of the
    /// other views, because parts of titles are hard to read.
    fn new(model: &Model, area: Area, remarks: &[StyledText<'_>]) -> Self {
        let names = |style: Self| -> usize {
            let tab_width = |view: &ViewId| 2 + text_width::width(&style.text(*view, false));
            ViewId::NUMBERED.iter().map(tab_width).sum()
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
            available if names(Self::Spaced) + ViewId::NUMBERED.len() + all < available => Self::Spaced,
            available if names(Self::Close) < available => Self::Close,
            _ => Self::Digits,
        }
    }

    /// Returns the text of a tab after its digit.
    fn text(self, view: ViewId, is_shown: bool) -> String {
        match self {
            Self::Digits if !is_shown => String::new(),
            Self::Close => view.view().title.to_owned(),
            Self::Spaced | Self::Digits => format!(" {}", view.view().title),
        }
    }

    /// Returns the number of columns between two tabs.
    fn space(self) -> u16 {
        if matches!(self, Self::Spaced) { 2 } else { 1 }
    }
}

/// Column of the first tab.
const FIRST_COLUMN: u16 = 1;

/// Returns the columns of the tabs of numbered views, from the left edge of `area`.
pub(crate) fn places(model: &Model, area: Area, remarks: &[StyledText<'_>]) -> Vec<(ViewId, Range<u16>)> {
    let style = TabStyle::new(model, area, remarks);
    let mut column = FIRST_COLUMN;
    let place = |view: &ViewId| {
        let start = column;
        let end = start + 1 + text_width::width(&style.text(*view, *view == model.view())) as u16;
        column = end + style.space();
        (*view, start..end)
    };
    ViewId::NUMBERED.iter().map(place).collect()
}

/// Draws the line of tabs, with `remarks` at its right end if they fit.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, remarks: &[StyledText<'_>]) {
    let model = context.model;
    let style = TabStyle::new(model, area, remarks);
    let mut column = FIRST_COLUMN;
    for (digit, view) in ViewId::NUMBERED.iter().enumerate() {
        let is_shown = *view == model.view();
        let (key, name) = if is_shown { (Role::Badge, Role::Badge) } else { (Role::Key, Role::Dim) };
        let texts = [styled_text(digit.to_string(), key), styled_text(style.text(*view, is_shown), name)];
        column = canvas.draw_texts(area, column, 0, texts) + style.space();
    }
    if model.view().digit().is_none() {
        // A view without a digit has a tab only while it is shown.
        column = canvas.draw_text(area, column, 0, model.current_view().title, Role::Badge) + 1;
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
