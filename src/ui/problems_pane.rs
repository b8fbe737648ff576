//! The problems view: causes, worst first, with severity, age, impact, row, sentence and what helps, below each unfolded
//! cause its problems, and at the end the silenced problems, dimmed.
//!
//! Texts are wrapped, so a line of the list can have several rows on the screen.

use std::ops::Range;

use crate::app::layout::Area;
use crate::app::problem_lines::ProblemLine;
use crate::app::ui_commands::UiCommand;
use crate::haproxy::fields::TextField;
use crate::haproxy::stat_table::RowKind;
use crate::instance::verdict::Verdict;
use crate::observe::events::display_name;
use crate::observe::sample::Sample;
use crate::problems::cause::{Cause, CauseTrend};
use crate::problems::problem::Problem;
use crate::table::cell::{Role, severity_role};
use crate::table::view_table::ViewId;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::Canvas;
use crate::ui::text_width;
use crate::units;

/// Columns of the fold sign, the cursor, the severity, the age, the impact and the trend.
const FOLD_COLUMN: u16 = 0;
const CURSOR_COLUMN: u16 = 1;
const LABEL_COLUMN: u16 = 2;
const SINCE: Range<u16> = 7..12;
const IMPACT: Range<u16> = 13..19;
const TREND_COLUMN: u16 = 20;
/// First column of the names.
const NAME_COLUMN: u16 = 22;
/// Screen width below which the texts are below the names.
const MIN_TEXT_COLUMN_WIDTH: u16 = 64;
/// Step by which the column of texts grows, in cells.
const TEXT_STEP: u16 = 20;
/// Screen width from which what helps has a column of its own.
const MIN_REMEDY_WIDTH: u16 = 110;

/// Columns of names and texts, as ranges of screen cells.
#[derive(Debug, Clone)]
struct ProblemColumns {
    name: Range<u16>,
    text: Range<u16>,
    /// Column for what helps; empty if that is below the text.
    remedy: Range<u16>,
    /// Number of rows that the name takes above the text.
    name_rows: u16,
}

impl ProblemColumns {
    /// Divides `width` cells; `longest_name` and `longest_text` are the widths of the longest name and text.
    fn new(width: u16, longest_name: usize, longest_text: usize) -> Self {
        let longest_name = u16::try_from(longest_name).unwrap_or(u16::MAX);
        let end = width.saturating_sub(1);
        if width < MIN_TEXT_COLUMN_WIDTH {
            return Self {
                name: NAME_COLUMN..end.max(NAME_COLUMN),
                text: LABEL_COLUMN..end,
                remedy: end..end,
                name_rows: 1,
            };
        }
        let name = NAME_COLUMN..NAME_COLUMN + longest_name.clamp(4, (width / 4).min(36));
        let start = name.end + 2;
        // What helps is beside short texts. Numbers in the texts change all the time, but the column must not move.
        let wanted = u16::try_from(longest_text).unwrap_or(u16::MAX).div_ceil(TEXT_STEP).saturating_mul(TEXT_STEP);
        let text_width = wanted.max(2 * TEXT_STEP).min((end - start) * 3 / 5);
        let remedy = if width < MIN_REMEDY_WIDTH { end..end } else { start + text_width..end };
        let text = start..if remedy.is_empty() { end } else { remedy.start - 2 };
        Self { name, text, remedy, name_rows: 0 }
    }
}

/// A line of the list, wrapped.
struct WrappedLine<'a> {
    line: ProblemLine<'a>,
    /// Index in the list.
    index: usize,
    text: Vec<String>,
    /// The remedy, or the last check, in the column of remedies or below the text.
    remedy: Vec<String>,
    height: u16,
}

impl<'a> WrappedLine<'a> {
    fn new(context: &DrawContext<'_>, columns: &ProblemColumns, (index, line): (usize, ProblemLine<'a>)) -> Self {
        let (text, remedy) = match line {
            ProblemLine::Cause(cause, is_unfolded) => {
                // Without a column for what helps, it is shown with the other details.
                let has_remedy = cause.is_open() && (is_unfolded || !columns.remedy.is_empty());
                (cause_text(cause), if has_remedy { remedy_text(context, cause) } else { String::new() })
            }
            ProblemLine::Problem(problem) => {
                let check = context.sample().map(|sample| last_check_text(sample, problem)).unwrap_or_default();
                (problem_text(problem), check)
            }
        };
        let width = if columns.remedy.is_empty() { columns.text.len() } else { columns.remedy.len() };
        // Without other text in the row, the text has the room of both columns.
        let text_end = if remedy.is_empty() { columns.text.end.max(columns.remedy.end) } else { columns.text.end };
        let text = text_width::wrap_at_blanks(&text, usize::from(text_end.saturating_sub(columns.text.start)));
        let remedy = if remedy.is_empty() { Vec::new() } else { text_width::wrap_at_blanks(&remedy, width) };
        let rows = if columns.remedy.is_empty() { text.len() + remedy.len() } else { text.len().max(remedy.len()) };
        let height = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(columns.name_rows).max(1);
        Self { line, index, text, remedy, height }
    }
}

/// Returns the columns, and the lines that are visible with the row of the list's area in which each begins. The line
/// under the cursor is always visible.
fn visible_lines<'a>(context: &DrawContext<'a>, body: Area) -> (ProblemColumns, Vec<(u16, WrappedLine<'a>)>) {
    let DrawContext { model, instance, .. } = *context;
    let list = &instance.view_cursors[model.view()];
    let names = model.shown_problem_lines().map(|line| text_width::width(&line_name(line)));
    let text = |line: ProblemLine<'_>| match line {
        ProblemLine::Cause(cause, _) => text_width::width(&cause_text(cause)) + 2,
        ProblemLine::Problem(_) => 0,
    };
    let longest_text = model.shown_problem_lines().map(text).max().unwrap_or(0);
    let columns = ProblemColumns::new(body.width, names.max().unwrap_or(0), longest_text);
    let mut lines = Vec::new();
    let (mut until_cursor, mut total) = (0_u16, 0_u16);
    for line in model.shown_problem_lines().enumerate().skip(list.top()) {
        if line.0 > list.index() && total >= body.height {
            break;
        }
        let wrapped = WrappedLine::new(context, &columns, line);
        total = total.saturating_add(wrapped.height);
        if wrapped.index <= list.index() {
            until_cursor = total;
        }
        lines.push(wrapped);
    }
    // Lines of several rows may leave no room for the line under the cursor.
    let mut hidden = 0;
    while until_cursor > body.height
        && lines.get(hidden).is_some_and(|line: &WrappedLine<'_>| line.index < list.index())
    {
        until_cursor -= lines[hidden].height;
        hidden += 1;
    }
    let mut row = 0_u16;
    let places = lines.into_iter().skip(hidden).map(|line| {
        let start = row;
        row = row.saturating_add(line.height);
        (start, line)
    });
    (columns, places.take_while(|(start, _)| *start < body.height).collect())
}

/// Returns the index of the line that the view shows in a row of its area.
pub(crate) fn line_at(context: &DrawContext<'_>, area: Area, row: u16) -> Option<usize> {
    let row = row.checked_sub(1)?;
    let (_, lines) = visible_lines(context, area.rows(1, area.height));
    let line = lines.into_iter().find(|(start, line)| (*start..start + line.height).contains(&row));
    line.map(|(_, line)| line.index)
}

/// Draws the heading and the lines.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, .. } = *context;
    if model.shown_problem_lines().next().is_none() {
        let problems = instance.data.problems();
        let key = model.keymap.key_or_command(UiCommand::ShowView(ViewId::Problems));
        if problems.causes().next().is_some() || problems.silenced().next().is_some() {
            canvas.draw_text(area, 1, 0, "no problems match the filter; Esc clears it", Role::Dim);
        } else if instance.data.verdict() == Verdict::Reading {
            let text = format!("checking the first samples; {key} goes back");
            canvas.draw_text(area, 1, 0, &text, Role::Dim);
        } else if instance.data.verdict() == Verdict::Unknown {
            let text = format!("unknown: the recording is damaged; {key} goes back");
            canvas.draw_text(area, 1, 0, &text, Role::Warn);
        } else if instance.data.verdict() == Verdict::SomeMissing {
            let text = format!("no problems on the balancers that answer; {key} goes back");
            canvas.draw_text(area, 1, 0, &text, Role::Warn);
        } else {
            canvas.draw_text(area, 1, 0, &format!("no problems; {key} goes back"), Role::Good);
        }
        return;
    }
    let body = area.rows(1, area.height);
    let (columns, lines) = visible_lines(context, body);
    draw_heading(canvas, area, &columns);
    let cursor = instance.view_cursors[model.view()].index();
    for (row, line) in &lines {
        let area = body.rows(*row, line.height);
        let theme = canvas.theme;
        if line.index == cursor {
            canvas.theme = theme.in_selected_row();
            (0..area.height).for_each(|row| canvas.color_row(area, row, Role::Selected));
            canvas.draw_text(area, CURSOR_COLUMN, 0, theme.choose_glyph("▶", ">"), Role::Focus);
        }
        draw_line(context, canvas, area, &columns, line);
        canvas.theme = theme;
    }
}

fn draw_heading(canvas: &mut Canvas<'_>, area: Area, columns: &ProblemColumns) {
    canvas.draw_number(area, SINCE, 0, "SINCE", Role::Dim);
    canvas.draw_number(area, IMPACT, 0, "IMPACT", Role::Dim);
    canvas.draw_text(area, NAME_COLUMN, 0, "NAME", Role::Dim);
    if columns.name_rows == 0 {
        canvas.draw_text(area, columns.text.start, 0, "WHAT IS WRONG", Role::Dim);
    }
    if !columns.remedy.is_empty() {
        canvas.draw_text(area, columns.remedy.start, 0, "WHAT HELPS", Role::Dim);
    }
}

fn draw_line(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    columns: &ProblemColumns,
    line: &WrappedLine<'_>,
) {
    let now = context.instance.data.shown_time(context.now);
    let text_role = match line.line {
        ProblemLine::Cause(cause, is_unfolded) => draw_cause_numbers(canvas, area, cause, is_unfolded, now),
        ProblemLine::Problem(problem) => {
            let since = problem.age_cells(now);
            let role = if problem.is_silenced { Role::Dim } else { severity_role(problem.severity) };
            canvas.draw_text(area, LABEL_COLUMN, 0, problem.severity.label(), role);
            canvas.draw_number(area, SINCE, 0, &since, Role::Dim);
            if !problem.is_silenced {
                canvas.draw_text(area, FOLD_COLUMN, 0, canvas.theme.choose_glyph("└", "`"), Role::Dim);
            }
            if problem.is_silenced { Role::Dim } else { Role::Normal }
        }
    };
    let name = text_width::middle(&line_name(line.line), columns.name.len());
    canvas.draw_text(area, columns.name.start, 0, &name, Role::Normal);
    let mut row = columns.name_rows;
    for text in &line.text {
        canvas.draw_text(area, columns.text.start, row, text, text_role);
        row += 1;
    }
    let (start, first) =
        if columns.remedy.is_empty() { (columns.text.start, row) } else { (columns.remedy.start, columns.name_rows) };
    for (text, row) in line.remedy.iter().zip(first..) {
        canvas.draw_text(area, start, row, text, Role::Dim);
    }
}

/// Draws severity, age, impact and trend of a cause. Returns the role of its sentence.
fn draw_cause_numbers(
    canvas: &mut Canvas<'_>,
    area: Area,
    cause: &Cause,
    is_unfolded: bool,
    now: std::time::Duration,
) -> Role {
    let role = if cause.is_open() { severity_role(cause.severity) } else { Role::Good };
    let fold = match (cause.is_open(), is_unfolded) {
        (false, _) => " ",
        (true, true) => canvas.theme.choose_glyph("▾", "-"),
        (true, false) => canvas.theme.choose_glyph("▸", "+"),
    };
    canvas.draw_text(area, FOLD_COLUMN, 0, fold, Role::Dim);
    canvas.draw_text(area, LABEL_COLUMN, 0, if cause.is_open() { cause.severity.label() } else { "over" }, role);
    canvas.draw_number(area, SINCE, 0, &cause.age_cells(now), Role::Dim);
    let impact = cause.impact.filter(|impact| *impact > 0.0 && cause.is_open()).map(units::percent);
    canvas.draw_number(area, IMPACT, 0, &impact.unwrap_or_default(), role);
    let trend = match cause.trend {
        CauseTrend::Growing => canvas.theme.choose_glyph("↗", "^"),
        CauseTrend::Falling => canvas.theme.choose_glyph("↘", "v"),
        CauseTrend::Steady => "",
    };
    canvas.draw_text(area, TREND_COLUMN, 0, trend, role);
    role
}

/// Returns the name of the row of a line.
fn line_name(line: ProblemLine<'_>) -> String {
    match line {
        ProblemLine::Cause(cause, _) => cause.name(),
        ProblemLine::Problem(problem) => match &problem.subject.names {
            None => "process".to_owned(),
            Some((kind, proxy, name)) => display_name(*kind, proxy, name),
        },
    }
}

fn cause_text(cause: &Cause) -> String {
    if cause.is_open() { cause.sentence.clone() } else { format!("resolved: {}", cause.sentence) }
}

/// Returns what helps against a cause: the title of the action, and advice; only the advice if it begins with the action.
fn remedy_text(context: &DrawContext<'_>, cause: &Cause) -> String {
    let advice = cause.advice(context.instance.data.level());
    match advice.action_title() {
        Some(title) => format!("{title}; {}", advice.text),
        None => advice.text,
    }
}

fn problem_text(problem: &Problem) -> String {
    let silenced = if problem.is_silenced { "silenced: " } else { "" };
    format!("{silenced}{}: {}", problem.rule.id, problem.text)
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
