//! The problems view: causes, worst first, with severity, age, impact, row and sentence, below each unfolded cause its
//! problems, and at the end the silenced problems, dimmed.

use crate::app::layout::Area;
use crate::app::problem_lines::ProblemLine;
use crate::haproxy::fields::TextField;
use crate::haproxy::stat_table::RowKind;
use crate::observe::events::display_name;
use crate::observe::sample::Sample;
use crate::problems::cause::{Cause, CauseTrend};
use crate::problems::problem::Problem;
use crate::table::cell::{Role, severity_role};
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::text_width;
use crate::units;

/// First column of the names.
const NAME_COLUMN: u16 = 22;

/// Draws the lines.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, .. } = *context;
    if model.shown_problem_lines().next().is_none() {
        let problems = instance.data.problems();
        if problems.causes().next().is_some() || problems.silenced().next().is_some() {
            canvas.draw_text(area, 1, 0, "no problems match the filter; Esc clears it", Role::Dim);
        } else {
            canvas.draw_text(area, 1, 0, "no problems; ! goes back", Role::Good);
        }
        return;
    }
    let list = &instance.view_cursors[model.view()];
    let visible = model.shown_problem_lines().enumerate().skip(list.top()).take(usize::from(area.height));
    for (row, (index, line)) in visible.enumerate() {
        let area_of_line = area.rows(row as u16, 1);
        match line {
            ProblemLine::Cause(cause, is_unfolded) => draw_cause(context, canvas, area_of_line, cause, is_unfolded),
            ProblemLine::Problem(problem) => draw_problem(context, canvas, area_of_line, problem),
        }
        if index == list.index() {
            canvas.highlight_row(area, row as u16, Role::Selected);
        }
    }
}

fn draw_cause(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, cause: &Cause, is_unfolded: bool) {
    let now = context.instance.data.shown_time(context.now);
    let role = if cause.is_open() { severity_role(cause.severity) } else { Role::Good };
    let fold = match (cause.is_open(), is_unfolded) {
        (false, _) => " ",
        (true, true) => canvas.theme.choose_glyph("▾", "-"),
        (true, false) => canvas.theme.choose_glyph("▸", "+"),
    };
    canvas.draw_text(area, 0, 0, fold, Role::Dim);
    canvas.draw_text(area, 1, 0, if cause.is_open() { cause.severity.label() } else { "over" }, role);
    canvas.draw_number(area, 6..11, 0, &units::duration(cause.age(now)), Role::Dim);
    let impact = cause.impact.filter(|impact| *impact > 0.0 && cause.is_open()).map(units::percent);
    canvas.draw_number(area, 12..17, 0, &impact.unwrap_or_default(), role);
    let trend = match cause.trend {
        CauseTrend::Growing => canvas.theme.choose_glyph("↗", "^"),
        CauseTrend::Falling => canvas.theme.choose_glyph("↘", "v"),
        CauseTrend::Steady => " ",
    };
    canvas.draw_text(area, 18, 0, trend, role);
    let start = draw_name(canvas, area, &cause.name());
    let sentence = if cause.is_open() { cause.sentence.clone() } else { format!("resolved: {}", cause.sentence) };
    let available = usize::from(area.width.saturating_sub(start));
    let end = canvas.draw_text(area, start, 0, &text_width::end(&sentence, available), role);
    if cause.is_open() {
        let remedy = match cause.action() {
            Some(action) => format!("{}; {}", action.title, cause.remedy()),
            None => cause.remedy().to_owned(),
        };
        let available = usize::from(area.width.saturating_sub(end + 2));
        canvas.draw_text(area, end + 2, 0, &text_width::end(&remedy, available), Role::Dim);
    }
}

/// Draws the name of a row and returns the column of the text after it.
fn draw_name(canvas: &mut Canvas<'_>, area: Area, name: &str) -> u16 {
    let names = usize::from((area.width / 4).clamp(12, 36));
    canvas.draw_text(area, NAME_COLUMN, 0, &text_width::middle(name, names), Role::Normal);
    NAME_COLUMN + names as u16 + 2
}

fn draw_problem(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, problem: &Problem) {
    let name = match &problem.subject.names {
        None => "process".to_owned(),
        Some((kind, proxy, name)) => display_name(*kind, proxy, name),
    };
    let now = context.instance.data.shown_time(context.now);
    let since = units::duration(now.saturating_sub(problem.since.monotonic));
    let role = if problem.is_silenced { Role::Dim } else { Role::Normal };
    let label_role = if problem.is_silenced { Role::Dim } else { severity_role(problem.severity) };
    canvas.draw_text(area, 3, 0, problem.severity.label(), label_role);
    canvas.draw_number(area, 8..13, 0, &since, Role::Dim);
    let start = draw_name(canvas, area, &name);
    let silenced = if problem.is_silenced { "silenced: " } else { "" };
    let text = format!("{silenced}{}: {}", problem.rule.id, problem.text);
    let available = usize::from(area.width.saturating_sub(start));
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
