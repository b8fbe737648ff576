//! The list of problems, worst first, then the silenced ones, dimmed: severity, age, row, description, and the result of the row's last health check.

use crate::app::layout::Area;
use crate::haproxy::fields::TextField;
use crate::haproxy::stat_table::RowKind;
use crate::observe::events::display_name;
use crate::observe::sample::Sample;
use crate::problems::problem::Problem;
use crate::table::cell::{Role, severity_role};
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::text_width;
use crate::units;

/// Draws the list of problems.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, .. } = *context;
    if model.shown_problems().next().is_none() {
        let problems = instance.data.problems();
        if problems.count() > 0 || problems.silenced().next().is_some() {
            canvas.draw_text(area, 1, 0, "no problems match the filter; Esc clears it", Role::Dim);
        } else {
            canvas.draw_text(area, 1, 0, "no problems; ! goes back", Role::Good);
        }
        return;
    }
    let list = &instance.view_cursors[model.view()];
    let visible = model.shown_problems().enumerate().skip(list.top()).take(usize::from(area.height));
    for (row, (index, problem)) in visible.enumerate() {
        draw_problem(context, canvas, area.rows(row as u16, 1), problem);
        if index == list.index() {
            canvas.highlight_row(area, row as u16, Role::Selected);
        }
    }
}

fn draw_problem(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, problem: &Problem) {
    let name = match &problem.subject.names {
        None => "process".to_owned(),
        Some((kind, proxy, name)) => display_name(*kind, proxy, name),
    };
    let now = context.instance.data.shown_time(context.now);
    let since = units::duration(now.saturating_sub(problem.since.monotonic));
    let names = usize::from((area.width / 4).clamp(12, 36));
    let role = if problem.is_silenced { Role::Dim } else { severity_role(problem.severity) };
    canvas.draw_text(area, 1, 0, problem.severity.label(), role);
    canvas.draw_number(area, 6..11, 0, &since, Role::Dim);
    canvas.draw_text(area, 13, 0, &text_width::middle(&name, names), Role::Normal);
    let start = 13 + names as u16 + 2;
    let available = usize::from(area.width.saturating_sub(start));
    let silenced = if problem.is_silenced { "silenced: " } else { "" };
    let text = format!("{silenced}{}", problem.text);
    let end = canvas.draw_text(area, start, 0, &text_width::end(&text, available), role);
    let check = context.sample().map(|sample| last_check_text(sample, problem)).unwrap_or_default();
    if problem.text.contains(&check) {
        return;
    }
    let available = usize::from(area.width.saturating_sub(end + 2));
    canvas.draw_texts(area, end + 2, 0, [styled_text(text_width::end(&check, available), Role::Dim)]);
}

/// Returns the result and text of a server's last health check. Empty for other rows, and if the problem's text already
/// contains both.
fn last_check_text(sample: &Sample, problem: &Problem) -> String {
    let row = sample.row(problem.subject.id).filter(|row| row.kind == RowKind::Server);
    let fields = [TextField::CheckStatus, TextField::LastChk];
    let message = row.map(|row| fields.map(|field| row.text(field).map_or("", AsRef::as_ref)).join(" "));
    message
        .map(|message| message.trim().to_owned())
        .filter(|message| !problem.text.contains(message.as_str()))
        .unwrap_or_default()
}
