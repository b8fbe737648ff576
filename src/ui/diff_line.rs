//! The line above the view of what changed since the mark: between which moments, and the sum of it.

use crate::app::commands::UiCommand;
use crate::app::diff_summary::Summary;
use crate::app::layout::Area;
use crate::app::model::{InstanceView, Model};
use crate::observe::sample::Sample;
use crate::table::cell::Role;
use crate::table::number_format;
use crate::ui::drawing::{Canvas, Piece, piece};
use crate::ui::events_pane::ShowTime;
use crate::ui::truncate;

/// Draws the line.
pub fn lead(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    sample: &Sample,
    area: Area,
    show_time: ShowTime,
) {
    if area.is_empty() {
        return;
    }
    let (Some(mark), Some(summary)) = (instance.watch.mark(), Summary::of(&instance.watch, sample)) else {
        let words = format!("no moment is marked: {} marks the one that is shown", model.keymap.way(UiCommand::MarkMoment));
        canvas.text(area, 1, 0, &words, Role::Warn);
        return;
    };
    let (marked, apart) = (show_time(mark.at.wall), number_format::span(summary.apart));
    let words = if summary.is_before_mark {
        format!("{apart} up to the mark at {marked}")
    } else {
        format!("{apart} since the mark at {marked}")
    };
    let mut column = canvas.text(area, 1, 0, &words, Role::Title) + 2;
    for (words, role) in parts(&summary) {
        // What does not fit whole is left out.
        if usize::from(column) + truncate::width(&words) + 1 > usize::from(area.width) {
            break;
        }
        column = canvas.text(area, column, 0, &words, role) + 2;
    }
}

fn parts(summary: &Summary) -> Vec<Piece<'static>> {
    let mut parts = Vec::new();
    match summary.processes {
        0 => {}
        1 => parts.push(piece("a reload: counters not comparable", Role::Warn)),
        count => parts.push(piece(format!("{count} reloads: counters not comparable"), Role::Warn)),
    }
    let changes = match summary.changes {
        0 => "no state or weight changed".to_owned(),
        1 => "1 state or weight changed".to_owned(),
        count => format!("{count} states or weights changed"),
    };
    parts.push(piece(changes, if summary.changes > 0 { Role::Warn } else { Role::Dim }));
    if let (came, went @ 1..) | (came @ 1.., went) = summary.rows {
        parts.push(piece(format!("{came} rows new, {went} gone"), Role::Warn));
    }
    if let Some(served) = summary.served {
        parts.push(piece(format!("+{} requests", number_format::count(served)), Role::Normal));
    }
    if let Some(errors) = summary.errors {
        let role = if errors > 0 { Role::Warn } else { Role::Dim };
        parts.push(piece(format!("+{} 5xx", number_format::count(errors)), role));
    }
    if let Some((then, now)) = summary.connections {
        parts
            .push(piece(format!("conns {} → {}", number_format::count(then), number_format::count(now)), Role::Normal));
    }
    parts
}
