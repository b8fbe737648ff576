//! The line above the view of changes since the mark: the compared moments, and a summary of the changes.

use crate::app::commands::UiCommand;
use crate::app::diff_summary::DiffSummary;
use crate::app::instance_view::InstanceView;
use crate::app::layout::Area;
use crate::app::model::Model;
use crate::observe::sample::Sample;
use crate::table::cell::Role;
use crate::table::number_format;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::events_pane::FormatTime;
use crate::ui::truncate;

/// Draws the summary line.
pub fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    sample: &Sample,
    area: Area,
    format_time: FormatTime,
) {
    if area.is_empty() {
        return;
    }
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
    let (marked, time_between) = (format_time(mark.at.wall), number_format::exact_duration(summary.time_between));
    let message = if summary.is_mark_later {
        format!("{time_between} before the mark at {marked}")
    } else {
        format!("{time_between} since the mark at {marked}")
    };
    let mut column = canvas.draw_text(area, 1, 0, &message, Role::Title) + 2;
    for (message, role) in summary_texts(&summary) {
        // A text that does not fit is omitted, and so are all after it.
        if usize::from(column) + truncate::width(&message) + 1 > usize::from(area.width) {
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
        parts.push(styled_text(format!("+{} requests", number_format::count(served)), Role::Normal));
    }
    if let Some(errors) = summary.responses_5xx {
        let role = if errors > 0 { Role::Warn } else { Role::Dim };
        parts.push(styled_text(format!("+{} 5xx", number_format::count(errors)), role));
    }
    if let Some((then, now)) = summary.connections {
        parts.push(styled_text(
            format!("conns {} → {}", number_format::count(then), number_format::count(now)),
            Role::Normal,
        ));
    }
    parts
}
