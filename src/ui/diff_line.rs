//! The line above the view of changes since the mark: the times of the two samples, and a summary of the changes.

use crate::app::diff_summary::DiffSummary;
use crate::app::layout::Area;
use crate::app::ui_commands::UiCommand;
use crate::table::cell::Role;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;
use crate::units;

/// Draws the summary line.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, format_time, .. } = *context;
    let Some(sample) = context.sample().filter(|_| !area.is_empty()) else { return };
    let (Some(mark), Some(summary)) =
        (instance.data.marked_moment(), DiffSummary::compare_with_mark(&instance.data, sample))
    else {
        let message = format!(
            "no moment is marked; {} marks the moment shown",
            model.keymap.key_or_command(UiCommand::MarkMoment)
        );
        canvas.draw_text(area, 1, 0, &message, Role::Warn);
        return;
    };
    let (marked, time_between) = (format_time(mark.at.wall), units::exact_duration(summary.time_between));
    let message = if summary.is_mark_later {
        format!("{time_between} before the mark at {marked}")
    } else {
        format!("{time_between} since the mark at {marked}")
    };
    let mut column = canvas.draw_text(area, 1, 0, &message, Role::Title) + 2;
    for (message, role) in summary_texts(&summary) {
        // The first text that does not fit is omitted, together with all texts after it.
        if usize::from(column) + text_width::width(&message) + 1 > usize::from(area.width) {
            break;
        }
        column = canvas.draw_text(area, column, 0, &message, role) + 2;
    }
}

fn summary_texts(summary: &DiffSummary) -> Vec<StyledText<'static>> {
    let mut parts = Vec::new();
    match summary.process_changes {
        0 => {}
        1 => parts.push(styled_text("1 reload: counters not comparable", Role::Warn)),
        count => parts.push(styled_text(format!("{count} reloads: counters not comparable"), Role::Warn)),
    }
    let changes = match summary.change_events {
        0 => "no state or weight changed".to_owned(),
        1 => "1 state or weight changed".to_owned(),
        count => format!("{count} states or weights changed"),
    };
    parts.push(styled_text(changes, if summary.change_events > 0 { Role::Warn } else { Role::Dim }));
    if let (added, removed @ 1..) | (added @ 1.., removed) = summary.rows_added_and_removed {
        parts.push(styled_text(format!("{added} new rows, {removed} rows gone"), Role::Warn));
    }
    if let Some(served) = summary.requests_served {
        parts.push(styled_text(format!("+{} requests", units::count(served)), Role::Normal));
    }
    if let Some(errors) = summary.responses_5xx {
        let role = if errors > 0 { Role::Warn } else { Role::Dim };
        parts.push(styled_text(format!("+{} 5xx", units::count(errors)), role));
    }
    if let Some((then, now)) = summary.connections {
        parts.push(styled_text(format!("conns {} → {}", units::count(then), units::count(now)), Role::Normal));
    }
    parts
}
