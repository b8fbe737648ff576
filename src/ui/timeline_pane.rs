//! The timeline under every view while the past is shown: a lane for each proxy with causes, actions and other events, and
//! below it the clock times and the cursor.

use crate::app::layout::Area;
use crate::app::pane_focus;
use crate::app::timeline::{LaneCell, Timeline};
use crate::observe::events::Event;
use crate::observe::severity::Severity;
use crate::table::cell::Role;
use crate::table::view_table::Content;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::text_width;
use crate::ui::theme::Theme;
use crate::units;

/// Maximum width of the names.
const MAX_NAME_WIDTH: u16 = 20;

/// Draws the timeline.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let Some(shown) = context.instance.data.past_moment().map(|past| past.sample().at) else { return };
    if area.height < 2 {
        return;
    }
    let names = MAX_NAME_WIDTH.min(area.width / 6);
    let left = names + 2;
    let cells = area.width.saturating_sub(left + 1);
    let selected = selected_event(context);
    let (balancers, lanes) = (context.model.shown_balancers(), usize::from(area.height - 1));
    let Some(timeline) = Timeline::build(&balancers, shown, usize::from(cells), lanes, selected) else { return };
    for (row, lane) in (0..).zip(&timeline.lanes) {
        canvas.draw_text(area, 1, row, &text_width::middle(&lane.name, usize::from(names)), Role::Normal);
        for (cell, what) in (0..).zip(&lane.cells) {
            let (glyph, role) = match what {
                LaneCell::Action(kind) => (kind.letter(), Role::Key),
                what => glyph(canvas.theme, *what),
            };
            let role = if usize::from(cell) == timeline.cursor { Role::Past } else { role };
            canvas.draw_text(area, left + cell, row, glyph, role);
        }
    }
    let last = area.rows(area.height - 1, 1);
    if timeline.hidden_lanes > 0 {
        let hidden = timeline.hidden_lanes;
        let more = [units::pluralize(hidden as i64, "more lane"), format!("{hidden} more")];
        let fits = |text: &&String| text_width::width(text) <= usize::from(names);
        let more = more.iter().find(fits).map_or_else(|| format!("+{}", timeline.hidden_lanes), String::clone);
        canvas.draw_text(last, 1, 0, &more, Role::Normal);
    }
    draw_axis(context, canvas, last.columns(left, cells), &timeline);
}

/// Returns the event under the cursor of the events view or of the dashboard's list of events.
fn selected_event<'a>(context: &DrawContext<'a>) -> Option<&'a Event> {
    let DrawContext { model, instance, .. } = *context;
    match model.current_view().content {
        Content::Events => model.shown_events().nth(instance.view_cursors[model.view()].index()),
        Content::Dashboard => {
            let cursor = pane_focus::events_cursor(model)?;
            instance.data.events().newest_first().nth(cursor.index())
        }
        _ => None,
    }
}

/// Returns the glyph and the role of a cell that has no letter.
fn glyph(theme: Theme, cell: LaneCell) -> (&'static str, Role) {
    match cell {
        LaneCell::Unknown | LaneCell::Action(_) => (" ", Role::Normal),
        LaneCell::Quiet => (theme.choose_glyph("─", "-"), Role::Dim),
        LaneCell::Cause(Severity::Warn) => (theme.choose_glyph("▄", "="), Role::Warn),
        LaneCell::Cause(Severity::Crit) => (theme.choose_glyph("▇", "#"), Role::Bad),
        LaneCell::Other => (theme.choose_glyph("◆", "*"), Role::Normal),
        LaneCell::Better => (theme.choose_glyph("▲", "^"), Role::Good),
        LaneCell::Worse => (theme.choose_glyph("▼", "v"), Role::Bad),
        LaneCell::Reload => (theme.choose_glyph("┆", ":"), Role::Warn),
    }
}

/// Draws the clock times of both ends, the cursor with its time, and the meaning of the glyphs as far as they fit.
fn draw_axis(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, timeline: &Timeline) {
    let [start, shown, end] = timeline.walls.map(|wall| (context.format_time)(wall));
    let end = if timeline.ends_now { format!("{end} newest") } else { end };
    let cursor = timeline.cursor as u16;
    let sign = canvas.theme.choose_glyph("▲", "^");
    let label_width = text_width::width(&shown) as u16 + 1;
    // The label is to the left of the cursor where it does not fit to the right.
    let is_right = cursor + 1 + label_width <= area.width;
    let label =
        if is_right { cursor..cursor + 1 + label_width } else { cursor.saturating_sub(label_width)..cursor + 1 };
    let start_end = text_width::width(&start) as u16 + 1;
    let end_start = area.width.saturating_sub(text_width::width(&end) as u16 + 1);
    if label.start >= start_end {
        canvas.draw_text(area, 0, 0, &start, Role::Dim);
    }
    if label.end <= end_start {
        canvas.draw_right_aligned(area, end_start, 0, &[styled_text(end, Role::Dim)]);
    }
    canvas.draw_text(area, cursor, 0, sign, Role::Past);
    let label_column = if is_right { cursor + 2 } else { label.start };
    canvas.draw_text(area, label_column, 0, &shown, Role::Title);
    let (before, after) = (start_end + 2..label.start.saturating_sub(2), label.end + 2..end_start.saturating_sub(2));
    let room = if after.len() >= before.len() { after } else { before };
    canvas.draw_text(area, room.start, 0, &legend(canvas.theme, room.len()), Role::Dim);
}

/// Returns the meaning of the glyphs, of as many as fit into `width` cells.
fn legend(theme: Theme, width: usize) -> String {
    let signs = [
        (glyph(theme, LaneCell::Cause(Severity::Crit)).0, "CRIT"),
        (glyph(theme, LaneCell::Cause(Severity::Warn)).0, "WARN"),
        (glyph(theme, LaneCell::Worse).0, "down"),
        (glyph(theme, LaneCell::Better).0, "up"),
        (glyph(theme, LaneCell::Reload).0, "reload"),
        (glyph(theme, LaneCell::Other).0, "other"),
        ("D M E W", "actions"),
    ];
    let mut legend = String::new();
    for (sign, meaning) in signs {
        let gap = if legend.is_empty() { "" } else { "  " };
        let part = format!("{gap}{sign} {meaning}");
        if text_width::width(&legend) + text_width::width(&part) <= width {
            legend.push_str(&part);
        }
    }
    legend
}
