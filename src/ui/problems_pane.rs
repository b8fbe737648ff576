//! The list of problems, worst first: severity, age, row, text with numbers, and the result of the last health check.

use std::time::Duration;

use crate::app::instance_view::InstanceView;
use crate::app::layout::Area;
use crate::app::model::Model;
use crate::haproxy::fields::TextField;
use crate::haproxy::stat_table::RowKind;
use crate::observe::events::display_name;
use crate::observe::sample::Sample;
use crate::problems::problem::Problem;
use crate::table::cell::{Role, severity_role};
use crate::table::number_format;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::truncate;

/// Draws the list of problems.
pub fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    sample: &Sample,
    area: Area,
    now: Duration,
) {
    if model.shown_problems().next().is_none() {
        if instance.data.problems().count() > 0 {
            canvas.draw_text(area, 1, 0, "no problems match the filter; Esc clears it", Role::Dim);
        } else {
            canvas.draw_text(area, 1, 0, "no problems; ! goes back", Role::Good);
        }
        return;
    }
    let list = &instance.view_cursors[model.view()];
    let visible = model.shown_problems().enumerate().skip(list.top()).take(usize::from(area.height));
    for (row, (index, problem)) in visible.enumerate() {
        draw_problem(canvas, sample, area, row as u16, problem, now);
        if index == list.index() {
            canvas.highlight_row(area, row as u16, Role::Selected);
        }
    }
}

fn draw_problem(canvas: &mut Canvas<'_>, sample: &Sample, area: Area, row: u16, problem: &Problem, now: Duration) {
    let name = match &problem.subject.names {
        None => "process".to_owned(),
        Some((kind, proxy, name)) => display_name(*kind, proxy, name),
    };
    let since = number_format::duration(now.saturating_sub(problem.since.monotonic));
    let names = usize::from((area.width / 4).clamp(12, 36));
    canvas.draw_text(area, 1, row, problem.severity.label(), severity_role(problem.severity));
    canvas.draw_number(area, 6, row, 5, &since, Role::Dim);
    canvas.draw_text(area, 13, row, &truncate::middle(&name, names), Role::Normal);
    let start = 13 + names as u16 + 2;
    let available = usize::from(area.width.saturating_sub(start));
    let end =
        canvas.draw_text(area, start, row, &truncate::end(&problem.text, available), severity_role(problem.severity));
    let check = last_check_text(sample, problem);
    if problem.text.contains(&check) {
        return;
    }
    let available = usize::from(area.width.saturating_sub(end + 2));
    canvas.draw_texts(area, end + 2, row, [styled_text(truncate::end(&check, available), Role::Dim)]);
}

/// Returns the result and text of a server's last health check, unless the problem's text contains them.
fn last_check_text(sample: &Sample, problem: &Problem) -> String {
    let row = sample.row(problem.subject.id).filter(|row| row.kind == RowKind::Server);
    let fields = [TextField::CheckStatus, TextField::LastChk];
    let message = row.map(|row| fields.map(|field| row.text(field).map_or("", AsRef::as_ref)).join(" "));
    message
        .map(|message| message.trim().to_owned())
        .filter(|message| !problem.text.contains(message.as_str()))
        .unwrap_or_default()
}
