//! Draws the heading and the rows of a table.

use crate::actions::outcome::StepStage;
use crate::app::layout::{Area, ROW_PREFIX_WIDTH};
use crate::haproxy::status::RowState;
use crate::table::cell::{Cell, Role, row_role};
use crate::table::columns::column::{Align, Column};
use crate::table::columns::row_view::RowView;
use crate::table::rows::Sort;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;
use crate::ui::theme::Theme;

/// The heading of the name column.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FirstHeading<'a> {
    /// The title of the column.
    Plain,
    /// For a list without a frame: the title of the list, and whether the list has the focus.
    Title(&'a str, bool),
}

/// The cursor marker drawn in front of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CursorStyle {
    /// No cursor.
    None,
    /// The cursor of a list that does not have the focus.
    Faint,
    /// The cursor of the list that has the focus.
    Full,
}

impl CursorStyle {
    /// Returns the cursor marker for a row: none unless the row is selected.
    pub(crate) fn new(is_selected: bool, has_focus: bool) -> Self {
        match (is_selected, has_focus) {
            (false, _) => Self::None,
            (true, false) => Self::Faint,
            (true, true) => Self::Full,
        }
    }
}

/// Draws the heading in the first row of `area`.
pub(crate) fn draw_heading(
    canvas: &mut Canvas<'_>,
    area: Area,
    fitted: &[(&'static Column, u16)],
    first: FirstHeading<'_>,
    sort: Option<Sort>,
) {
    let mut column = ROW_PREFIX_WIDTH;
    for (index, (spec, width)) in fitted.iter().enumerate() {
        let sorted = sort.filter(|sort| sort.column.id == spec.id);
        let role = if sorted.is_some() { Role::Focus } else { Role::Dim };
        let arrow = match sorted {
            Some(sort) => sort_sign(canvas.theme, sort.is_descending),
            None => "",
        };
        let columns = column..column + width;
        match (index, first, spec.align) {
            (0, FirstHeading::Title(title, has_focus), _) => {
                let role = if has_focus { Role::Focus } else { Role::Title };
                let shown = text_width::end(title, usize::from(column + width));
                canvas.draw_text(area, 0, 0, &shown, role);
            }
            (_, _, Align::Left) => {
                let shown = format!("{}{arrow}", spec.title);
                canvas.draw_text(area, column, 0, &text_width::end(&shown, usize::from(*width)), role);
            }
            // The arrow is drawn in the blank after the column, so that the title is not cut.
            (_, _, Align::Right) if column + width < area.width => {
                canvas.draw_number(area, columns, 0, &text_width::end(spec.title, usize::from(*width)), role);
                canvas.draw_text(area, column + width, 0, arrow, role);
            }
            (_, _, Align::Right) => {
                let available = usize::from(*width).saturating_sub(text_width::width(arrow));
                let shown = format!("{}{arrow}", text_width::end(spec.title, available));
                canvas.draw_number(area, columns, 0, &shown, role);
            }
        }
        column += width + 1;
    }
}

/// Returns the sign of a sort direction. In ASCII, it is the sign of `--sort`: `-` for the largest value first.
pub(crate) fn sort_sign(theme: Theme, is_descending: bool) -> &'static str {
    if is_descending { theme.choose_glyph("↓", "-") } else { theme.choose_glyph("↑", "+") }
}

/// The part of a row in front of its cells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowPrefix<'a> {
    /// Cursor marker.
    pub(crate) cursor: CursorStyle,
    /// True if the row is marked.
    pub(crate) marked: bool,
    /// Progress of a recent action on the row.
    pub(crate) stage: Option<StepStage>,
    /// Text in front of the name.
    pub(crate) indent: &'a str,
    /// Text instead of the name.
    pub(crate) name: Option<&'a str>,
}

impl<'a> RowPrefix<'a> {
    /// Returns the prefix for a row of the instance shown.
    pub(crate) fn new(context: &DrawContext<'_>, row: &RowView<'_>, cursor: CursorStyle, indent: &'a str) -> Self {
        Self {
            cursor,
            marked: context.instance.selection.contains(row.id),
            stage: context.instance.data.action_stage(row.id, context.now),
            indent,
            name: None,
        }
    }

    /// Returns the marker: the progress of an action, otherwise the sign of a marked row.
    pub(crate) fn marker(self, theme: Theme) -> StyledText<'static> {
        match (self.stage, self.marked) {
            (Some(StepStage::Sent | StepStage::Accepted), _) => styled_text(theme.choose_glyph("…", "~"), Role::Warn),
            (Some(StepStage::Succeeded), _) => styled_text(theme.choose_glyph("✓", "v"), Role::Good),
            (Some(StepStage::Failed), _) => styled_text(theme.choose_glyph("✗", "!"), Role::Bad),
            (None, true) => styled_text(theme.choose_glyph("◆", "*"), Role::Key),
            (None, false) => styled_text(" ", Role::Normal),
        }
    }
}

/// Returns the sign of the row's state, and for a row that works the sign of its cause.
pub(crate) fn state_sign(theme: Theme, row: &RowView<'_>) -> StyledText<'static> {
    let state = row.state();
    let is_working = matches!(state, RowState::Up | RowState::Open | RowState::NoCheck);
    let shown = if is_working && row.severity().is_some() { RowState::GoingDown } else { state };
    styled_text(theme.state_glyph(shown), row.state_role())
}

/// Draws one row in the first line of `area`.
pub(crate) fn draw_row(
    canvas: &mut Canvas<'_>,
    area: Area,
    fitted: &[(&'static Column, u16)],
    row: &RowView<'_>,
    prefix: RowPrefix<'_>,
) {
    let theme = canvas.theme;
    let (cursor, indent, whole_row) = (prefix.cursor, prefix.indent, row_role(row.state()));
    if cursor == CursorStyle::Full {
        canvas.theme = theme.in_selected_row();
    }
    if let Some(role) = whole_row.or((cursor == CursorStyle::Full).then_some(Role::Selected)) {
        canvas.color_row(area, 0, role);
    }
    // What is worse than the row as a whole keeps its role.
    let in_row = |role: Role| match (role, whole_row) {
        (Role::Bad, _) | (Role::Warn, Some(Role::OutOfService)) => role,
        _ => whole_row.unwrap_or(role),
    };
    let mark: StyledText<'_> = match cursor {
        CursorStyle::Full => styled_text(theme.choose_glyph("▶", ">"), in_row(Role::Focus)),
        CursorStyle::Faint => styled_text(theme.choose_glyph("▷", "."), Role::Dim),
        CursorStyle::None => styled_text(" ", in_row(Role::Normal)),
    };
    let glyph = state_sign(theme, row);
    let (sign, role) = prefix.marker(theme);
    canvas.draw_texts(area, 0, 0, [mark, glyph, (sign, in_row(role))]);
    let mut column = ROW_PREFIX_WIDTH;
    for (index, (spec, width)) in fitted.iter().enumerate() {
        let cell = match prefix.name {
            Some(name) if index == 0 => Cell::plain(name),
            _ => spec.cell(row),
        };
        let role = in_row(cell.role);
        match spec.align {
            Align::Left => {
                // Only a name that leaves no room for a column is shortened, and its proxy in front of it first.
                let indent =
                    text_width::middle(indent, usize::from(width / 2).max(indent_cells(indent, *width, &cell.text)));
                let start =
                    if index == 0 { canvas.draw_text(area, column, 0, &indent, in_row(Role::Dim)) } else { column };
                let available = usize::from((column + width).saturating_sub(start));
                // Names often differ only at the end, so they are shortened in the middle.
                let shown = if index == 0 {
                    text_width::middle(&cell.text, available)
                } else {
                    text_width::end(&cell.text, available)
                };
                canvas.draw_text(area, start, 0, &shown, role);
            }
            Align::Right => canvas.draw_number(area, column..column + width, 0, &cell.text, role),
        }
        column += width + 1;
    }
    canvas.theme = theme;
}

/// Returns the cells that the text in front of a name of this width leaves it.
fn indent_cells(indent: &str, width: u16, name: &str) -> usize {
    usize::from(width).saturating_sub(text_width::width(name)).min(text_width::width(indent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::state::Instance;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use crate::ui::theme::Palette;

    #[test]
    fn sign_of_working_row_with_a_cause_is_not_that_of_a_healthy_one() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        for step in 0..10 {
            instance.add_sample(builder.build_at_millis(step * 2000, &stat_of_site()), 0);
        }
        for (is_ascii, healthy, ill) in [(false, "●", "▲"), (true, "+", "!")] {
            let theme = Theme::new(Palette::Mono, is_ascii);
            let sign = |index| state_sign(theme, &RowView::new(&instance, instance.shown().unwrap(), index));
            assert_eq!(sign(1), styled_text(healthy, Role::Good));
            assert_eq!(sign(4), styled_text(ill, Role::Bad), "api1 is full");
        }
    }
}
