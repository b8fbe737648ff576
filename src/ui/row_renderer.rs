//! Drawing of table rows: the heading, and one visible row at a time.

use std::time::Duration;

use crate::actions::outcome::StepStage;
use crate::app::instance_view::InstanceView;
use crate::app::layout::Area;
use crate::table::cell::{Role, state_role};
use crate::table::columns::column::{Align, Column};
use crate::table::columns::row_view::RowView;
use crate::table::rows::Sort;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::theme::Theme;
use crate::ui::truncate;

/// Width in cells of the prefix of a row: cursor, state, marker.
pub const PREFIX_WIDTH: u16 = 3;

/// The text in the heading above the names.
#[derive(Debug, Clone, Copy)]
pub enum FirstHeading<'a> {
    /// The title of the column.
    Plain,
    /// The title of the list, and whether the list has the focus; for lists without a frame.
    Title(&'a str, bool),
}

/// The cursor in front of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorStyle {
    /// No cursor.
    None,
    /// The cursor of a list without the focus.
    Faint,
    /// The cursor of the list with the focus.
    Full,
}

impl CursorStyle {
    /// Returns the cursor of a row.
    pub fn new(is_selected: bool, has_focus: bool) -> Self {
        match (is_selected, has_focus) {
            (false, _) => Self::None,
            (true, false) => Self::Faint,
            (true, true) => Self::Full,
        }
    }
}

/// Draws the heading in the first row of `area`.
pub fn draw_heading(
    canvas: &mut Canvas<'_>,
    area: Area,
    fitted: &[(&'static Column, u16)],
    first: FirstHeading<'_>,
    sort: Option<Sort>,
) {
    let mut column = PREFIX_WIDTH;
    for (index, (spec, width)) in fitted.iter().enumerate() {
        let sorted = sort.filter(|sort| sort.column.id == spec.id);
        let role = if sorted.is_some() { Role::Focus } else { Role::Dim };
        let arrow = match sorted {
            Some(sort) if sort.is_descending => canvas.theme.choose_glyph("↓", "v"),
            Some(_) => canvas.theme.choose_glyph("↑", "^"),
            None => "",
        };
        match (index, first, spec.align) {
            (0, FirstHeading::Title(title, has_focus), _) => {
                let role = if has_focus { Role::Focus } else { Role::Title };
                let shown = truncate::end(title, usize::from(column + width));
                canvas.draw_text(area, 0, 0, &shown, role);
            }
            (_, _, Align::Left) => {
                let shown = format!("{}{arrow}", spec.title);
                canvas.draw_text(area, column, 0, &truncate::end(&shown, usize::from(*width)), role);
            }
            // The arrow goes into the blank after the column, so that the title is not cut.
            (_, _, Align::Right) if column + width < area.width => {
                canvas.draw_number(area, column, 0, *width, &truncate::end(spec.title, usize::from(*width)), role);
                canvas.draw_text(area, column + width, 0, arrow, role);
            }
            (_, _, Align::Right) => {
                let available = usize::from(*width).saturating_sub(truncate::width(arrow));
                let shown = format!("{}{arrow}", truncate::end(spec.title, available));
                canvas.draw_number(area, column, 0, *width, &shown, role);
            }
        }
        column += width + 1;
    }
}

/// The part of a row in front of its cells.
#[derive(Debug, Clone, Copy)]
pub struct RowPrefix<'a> {
    /// Cursor.
    pub cursor: CursorStyle,
    /// True if the row is marked.
    pub marked: bool,
    /// Progress of an action on the row.
    pub stage: Option<StepStage>,
    /// Text in front of the name.
    pub indent: &'a str,
}

impl<'a> RowPrefix<'a> {
    /// Returns the prefix of a row of this instance.
    pub fn new(
        instance: &InstanceView,
        row: &RowView<'_>,
        cursor: CursorStyle,
        indent: &'a str,
        now: Duration,
    ) -> Self {
        Self {
            cursor,
            marked: instance.selection.contains(row.id),
            stage: instance.data.action_stage(row.id, now),
            indent,
        }
    }

    /// Returns the marker: the progress of an action, or else the mark of the row.
    fn marker(self, theme: Theme) -> StyledText<'static> {
        match (self.stage, self.marked) {
            (Some(StepStage::Sent | StepStage::Accepted), _) => styled_text(theme.choose_glyph("…", "~"), Role::Warn),
            (Some(StepStage::Succeeded), _) => styled_text(theme.choose_glyph("✓", "v"), Role::Good),
            (Some(StepStage::Failed), _) => styled_text(theme.choose_glyph("✗", "!"), Role::Bad),
            (None, true) => styled_text(theme.choose_glyph("◆", "*"), Role::Key),
            (None, false) => styled_text(" ", Role::Normal),
        }
    }
}

/// Draws one row.
pub fn draw_row(
    canvas: &mut Canvas<'_>,
    area: Area,
    line: u16,
    fitted: &[(&'static Column, u16)],
    row: &RowView<'_>,
    prefix: RowPrefix<'_>,
) {
    let state = row.stat_row().state();
    let (cursor, indent) = (prefix.cursor, prefix.indent);
    let mark: StyledText<'_> = match cursor {
        CursorStyle::Full => styled_text(canvas.theme.choose_glyph("▶", ">"), Role::Focus),
        CursorStyle::Faint => styled_text(canvas.theme.choose_glyph("▷", "."), Role::Dim),
        CursorStyle::None => styled_text(" ", Role::Normal),
    };
    let glyph = styled_text(canvas.theme.state_glyph(state), state_role(state));
    canvas.draw_texts(area, 0, line, [mark, glyph, prefix.marker(canvas.theme)]);
    let mut column = PREFIX_WIDTH;
    for (index, (spec, width)) in fitted.iter().enumerate() {
        let cell = spec.cell(row);
        match spec.align {
            Align::Left => {
                // The proxy's name in front may be long; it gets at most half of the width.
                let indent = truncate::middle(indent, usize::from(width / 2));
                let start = if index == 0 { canvas.draw_text(area, column, line, &indent, Role::Dim) } else { column };
                let available = usize::from((column + width).saturating_sub(start));
                // Names often differ only at their ends; other texts start with the important part.
                let shown = if index == 0 {
                    truncate::middle(&cell.text, available)
                } else {
                    truncate::end(&cell.text, available)
                };
                canvas.draw_text(area, start, line, &shown, cell.role);
            }
            Align::Right => canvas.draw_number(area, column, line, *width, &cell.text, cell.role),
        }
        column += width + 1;
    }
    if cursor == CursorStyle::Full {
        canvas.highlight_row(area, line, Role::Selected);
    }
}
