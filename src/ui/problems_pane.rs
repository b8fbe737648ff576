//! What is wrong, worst first: how bad, since when, about what, the numbers, and the last check's own words.

use std::time::Duration;

use crate::app::layout::Area;
use crate::app::model::{InstanceView, Model};
use crate::haproxy::fields::TextField;
use crate::haproxy::stat_table::RowKind;
use crate::observe::events::display_name;
use crate::observe::sample::Sample;
use crate::problems::problem::Problem;
use crate::table::cell::{Role, severity_role};
use crate::table::number_format;
use crate::ui::drawing::{Canvas, piece};
use crate::ui::truncate;

/// Draws the problems.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, instance: &InstanceView, sample: &Sample, area: Area, now: Duration) {
    if model.problems().next().is_none() {
        if instance.watch.problems().count() > 0 {
            canvas.text(area, 1, 0, "no problem matches; Esc clears", Role::Dim);
        } else {
            canvas.text(area, 1, 0, "no problems; ! goes back", Role::Good);
        }
        return;
    }
    let list = &instance.places[model.view];
    let visible = model.problems().enumerate().skip(list.top()).take(usize::from(area.height));
    for (row, (place, problem)) in visible.enumerate() {
        draw_one(canvas, sample, area, row as u16, problem, now);
        if place == list.place() {
            canvas.mark(area, row as u16, Role::Selected);
        }
    }
}

fn draw_one(canvas: &mut Canvas<'_>, sample: &Sample, area: Area, row: u16, problem: &Problem, now: Duration) {
    let name = match &problem.subject.names {
        None => "process".to_owned(),
        Some((kind, proxy, name)) => display_name(*kind, proxy, name),
    };
    let since = number_format::duration(now.saturating_sub(problem.since.mono));
    let names = usize::from((area.width / 4).clamp(12, 36));
    canvas.text(area, 1, row, problem.severity.word(), severity_role(problem.severity));
    canvas.number(area, 6, row, 5, &since, Role::Dim);
    canvas.text(area, 13, row, &truncate::middle(&name, names), Role::Normal);
    let start = 13 + names as u16 + 2;
    let room = usize::from(area.width.saturating_sub(start));
    let end = canvas.text(area, start, row, &truncate::end(&problem.text, room), severity_role(problem.severity));
    let check = last_check(sample, problem);
    if problem.text.contains(&check) {
        return;
    }
    let room = usize::from(area.width.saturating_sub(end + 2));
    canvas.pieces(area, end + 2, row, [piece(truncate::end(&check, room), Role::Dim)]);
}

/// The last check's own words, of a server.
fn last_check(sample: &Sample, problem: &Problem) -> String {
    let row = sample.row(problem.subject.id).filter(|row| row.kind == RowKind::Server);
    let fields = [TextField::CheckStatus, TextField::LastChk];
    let words = row.map(|row| fields.map(|field| row.text(field).map_or("", AsRef::as_ref)).join(" "));
    // The problem itself may be told in the same words.
    words
        .map(|words| words.trim().to_owned())
        .filter(|words| !problem.text.contains(words.as_str()))
        .unwrap_or_default()
}
