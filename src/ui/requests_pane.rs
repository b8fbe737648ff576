//! View `R`: the requests of the last minutes, from HAProxy's log.

use std::time::Duration;

use crate::app::layout::{Area, ROW_PREFIX_WIDTH};
use crate::app::request_areas::RequestAreas;
use crate::app::ui_commands::UiCommand;
use crate::logs::group_key::GroupKey;
use crate::logs::live_log::{LogProblem, LogUpdate};
use crate::logs::request::{ErrorOrigin, Phase};
use crate::logs::termination;
use crate::logs::window::stored_request::LoggedRequest;
use crate::logs::window::window_question::ReportSubject;
use crate::logs::window::window_report::{ReportedGroup, WindowReport};
use crate::table::cell::{Cell, Role};
use crate::table::columns::column::Align;
use crate::table::requests::request_columns::{self, REQUEST_COLUMNS, RequestColumn, RequestRow};
use crate::table::requests::request_tabs::REQUEST_TABS;
use crate::table::requests::{request_detail, request_table};
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::row_renderer;
use crate::ui::text_width;
use crate::units;

/// Least and largest width of the names.
const NAME_WIDTH: std::ops::RangeInclusive<u16> = 12..=48;
/// Width of the words before the largest clients and URLs.
const LABEL_WIDTH: u16 = 13;
/// Texts in a row of single numbers and names.
type RequestCells = Vec<(Cell, u16, Align)>;

/// Draws the view.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, body: Area) {
    let model = context.model;
    let Some(instance) = model.single_instance() else { return };
    let areas = RequestAreas::new(body);
    draw_tabs(context, canvas, areas.tabs);
    let update = model.requests.update(instance.id());
    let rest = areas.rows;
    if !instance.data.source().is_live() {
        let why = "a recording has no requests: it contains counters only";
        return draw_problem(canvas, rest, &LogProblem { what: why.to_owned(), fix: String::new() });
    }
    if instance.data.past_moment().is_some() {
        let live = model.keymap.key_or_command(UiCommand::TogglePause);
        let what = "requests are known of the last minutes only, not of a past moment".to_owned();
        return draw_problem(canvas, rest, &LogProblem { what, fix: format!("{live} shows the present") });
    }
    let Some(update) = update else {
        canvas.draw_text(rest, ROW_PREFIX_WIDTH, 0, "reading the log", Role::Dim);
        return;
    };
    if let Some(problem) = &update.status.problem {
        return draw_problem(canvas, rest, problem);
    }
    let Some(report) = model.requests.report(instance.id()) else { return };
    draw_summary(context, canvas, areas.summary, report);
    match report.subject {
        ReportSubject::Groups(key) => draw_groups(context, canvas, areas.rows, report, key),
        _ => draw_requests(context, canvas, areas.rows, report),
    }
    draw_tops(canvas, areas.tops, report);
    draw_log_state(canvas, areas.tops.rows(3, 1), update);
    if !model.requests.is_current(report) {
        for row in 0..areas.rows.height {
            canvas.highlight_row(areas.rows, row, Role::Dim);
        }
    }
}

/// Returns the filter, for the line of tabs.
pub(crate) fn tab_remarks(context: &DrawContext<'_>) -> Vec<StyledText<'static>> {
    let filter = context.model.requests.filter_text();
    if filter.is_empty() {
        return Vec::new();
    }
    vec![styled_text(format!("/{filter} "), Role::Key)]
}

/// Draws the tabs. If they do not all fit, the first ones are left out, so that the selected tab is visible.
fn draw_tabs(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let shown = context.model.requests.tab();
    let width = |place: usize| text_width::width(REQUEST_TABS[place].title) + 2;
    let place = REQUEST_TABS.iter().position(|tab| tab.subject == shown.subject).unwrap_or_default();
    let room = usize::from(area.width).saturating_sub(4);
    let fits = |first: usize, last: usize| (first..=last).map(width).sum::<usize>() <= room;
    let first = (0..=place).find(|first| fits(*first, (place + 1).min(REQUEST_TABS.len() - 1))).unwrap_or(place);
    let mut column = 1;
    if first > 0 {
        column = canvas.draw_text(area, column, 0, canvas.theme.choose_glyph("‹", "<"), Role::Dim) + 1;
    }
    for tab in &REQUEST_TABS[first..] {
        if usize::from(column) + text_width::width(tab.title) + 2 > usize::from(area.width) {
            canvas.draw_text(area, column, 0, canvas.theme.choose_glyph("›", ">"), Role::Dim);
            break;
        }
        let role = if tab.subject == shown.subject { Role::Badge } else { Role::Dim };
        column = canvas.draw_text(area, column, 0, tab.title, role) + 2;
    }
}

/// Draws what is wrong, and what to do.
fn draw_problem(canvas: &mut Canvas<'_>, area: Area, problem: &LogProblem) {
    let width = usize::from(area.width.saturating_sub(ROW_PREFIX_WIDTH + 1)).max(1);
    let mut line = 0;
    for (text, role) in [(&problem.what, Role::Warn), (&problem.fix, Role::Normal)] {
        for part in text.lines().flat_map(|part| text_width::wrap_indented(part, width)) {
            canvas.draw_text(area, ROW_PREFIX_WIDTH, line, &part, role);
            line += 1;
        }
    }
}

/// Draws the figures of all requests that match the filter, in one or two lines.
fn draw_summary(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, report: &WindowReport) {
    let (mut column, mut line) = (1, 0);
    for (text, role) in summary_parts(context, report) {
        let width = text_width::width(&text);
        if usize::from(column) + width > usize::from(area.width) && line + 1 < area.height {
            (column, line) = (1, line + 1);
        }
        let room = usize::from(area.width.saturating_sub(column + 1));
        column = canvas.draw_text(area, column, line, &text_width::sentence(&text, room), role) + 2;
    }
}

/// Returns the parts of the summary, the most important ones first.
fn summary_parts(context: &DrawContext<'_>, report: &WindowReport) -> Vec<(String, Role)> {
    let state = &context.model.requests;
    let all = &report.all;
    let row = request_table::row(report, GroupKey::Server, "", all);
    let span = units::duration_words(state.span());
    let is_short = report.covered + Duration::from_secs(1) < state.span();
    let mut parts = vec![if is_short {
        (format!("last {} of {span}", units::duration_words(report.covered)), Role::Warn)
    } else {
        (format!("last {span}"), Role::Title)
    }];
    let rate = request_columns::RATE.cell(&row).text;
    parts.push((format!("{} requests, {rate}/s", units::count(all.requests as i64)), Role::Normal));
    let millis = |time: Option<u32>| time.map_or(units::UNKNOWN.to_owned(), |time| units::millis(i64::from(time)));
    let [p50, _, p99, ..] = all.times.map(millis);
    parts.push((format!("{} p50 {p50} p99 {p99}", phase_title(state.phase())), Role::Normal));
    if all.requests > 0 {
        parts.push(match (request_columns::application_errors(&row), request_columns::own_errors(&row)) {
            (Some(application), Some(own)) => {
                let role = if application + own > 0.0 { Role::Bad } else { Role::Dim };
                let (application, own) = (units::percent(application), units::percent(own));
                (format!("5xx: application {application}, HAProxy {own}"), role)
            }
            _ => ("5xx: the log does not say who made them".to_owned(), Role::Dim),
        });
    }
    parts.extend(request_columns::endings_text(&row).map(|text| (text, Role::Warn)));
    parts
}

/// Returns the name of a phase for the summary.
fn phase_title(phase: Phase) -> &'static str {
    match phase {
        Phase::Request => "time of the client:",
        Phase::Queue => "queue time:",
        Phase::Connect => "connect time:",
        Phase::Response => "response time:",
        Phase::Total => "total time:",
    }
}

fn draw_groups(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, report: &WindowReport, key: GroupKey) {
    let state = &context.model.requests;
    let rows = state.rows(report);
    let columns = fit_columns(&rows, key, area.width.saturating_sub(ROW_PREFIX_WIDTH));
    draw_group_heading(context, canvas, area, &columns);
    let lines = area.rows(1, area.height);
    let visible = rows.iter().enumerate().skip(state.cursor.top()).take(usize::from(lines.height));
    for (line, (index, row)) in visible.enumerate() {
        let cells = columns.iter().map(|(column, width)| (column.cell(row), *width, column.align)).collect();
        draw_line(canvas, lines.rows(line as u16, 1), index == state.cursor.index(), cells);
    }
    if rows.is_empty() {
        let text = if state.filter_text().is_empty() {
            "no request in this time"
        } else {
            "no request matches the filter; Esc clears it"
        };
        canvas.draw_text(lines, ROW_PREFIX_WIDTH, 0, text, Role::Dim);
    }
    let (count, others) = &report.others;
    let free = usize::from(lines.height).checked_sub(rows.len().saturating_sub(state.cursor.top()));
    if let Some(free) = free.filter(|free| *count > 0 && *free > 0) {
        let share = units::percent(others.requests as f64 / report.all.requests.max(1) as f64);
        let text = format!("and {count} others with {share} of the requests");
        canvas.draw_text(lines, ROW_PREFIX_WIDTH, lines.height - free as u16, &text, Role::Dim);
    }
}

/// Draws a line of cells.
fn draw_line(canvas: &mut Canvas<'_>, area: Area, is_selected: bool, cells: RequestCells) {
    let theme = canvas.theme;
    if is_selected {
        canvas.theme = theme.in_selected_row();
        canvas.color_row(area, 0, Role::Selected);
        canvas.draw_text(area, 0, 0, theme.choose_glyph("▶", ">"), Role::Focus);
    }
    let mut start = ROW_PREFIX_WIDTH;
    for (place, (Cell { text, role }, width, align)) in cells.into_iter().enumerate() {
        match align {
            Align::Right => canvas.draw_number(area, start..start + width, 0, &text, role),
            Align::Left if place == 0 => {
                canvas.draw_text(area, start, 0, &text_width::middle(&text, usize::from(width)), role);
            }
            Align::Left => {
                canvas.draw_text(area, start, 0, &text_width::end(&text, usize::from(width)), role);
            }
        }
        start += width + 1;
    }
    canvas.theme = theme;
}

/// Chooses the columns that fit, and their widths: the last one gets the room that is left.
fn fit_columns(rows: &[RequestRow<'_>], key: GroupKey, width: u16) -> Vec<(&'static RequestColumn, u16)> {
    // The meaning of flags is more important than any number.
    let priority = |column: &RequestColumn| match column.align {
        Align::Left if key == GroupKey::Flags => u8::MAX,
        _ => column.priority,
    };
    let wanted = |column: &'static RequestColumn| {
        let cells = rows.iter().map(|row| text_width::width(&column.cell(row).text));
        let widest = cells.chain([text_width::width(column.title)]).max().unwrap_or_default() as u16;
        match column.align {
            _ if request_table::is_name(column) => (
                column,
                widest.clamp(*NAME_WIDTH.start(), (*NAME_WIDTH.end()).min((width / 3).max(*NAME_WIDTH.start()))),
            ),
            Align::Left => (column, column.width.max(widest.min(width / 4))),
            Align::Right => (column, widest.max(4)),
        }
    };
    let mut fitted: Vec<(&'static RequestColumn, u16)> = REQUEST_COLUMNS.iter().map(|column| wanted(column)).collect();
    let total =
        |fitted: &[(&RequestColumn, u16)]| fitted.iter().map(|(_, width)| usize::from(*width) + 1).sum::<usize>();
    while fitted.len() > 1 && total(&fitted) > usize::from(width) + 1 {
        let lowest = fitted.iter().enumerate().skip(1).min_by_key(|(_, (column, _))| priority(column));
        let Some((place, _)) = lowest else { break };
        fitted.remove(place);
    }
    let free = (usize::from(width) + 1).saturating_sub(total(&fitted)) as u16;
    if let Some((_, width)) = fitted.last_mut().filter(|(column, _)| column.align == Align::Left) {
        *width += free;
    }
    fitted
}

fn draw_group_heading(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    columns: &[(&'static RequestColumn, u16)],
) {
    let state = &context.model.requests;
    let is_of_flags = state.tab().subject == ReportSubject::Groups(GroupKey::Flags);
    let mut start = ROW_PREFIX_WIDTH;
    for (column, width) in columns {
        let is_sorted = state.sort.column.id == column.id;
        let role = if is_sorted { Role::Focus } else { Role::Dim };
        let sign = if is_sorted { row_renderer::sort_sign(canvas.theme, state.sort.is_descending) } else { "" };
        let title = match column.align {
            _ if request_table::is_name(column) => state.tab().heading,
            Align::Left if is_of_flags => "MEANING AND LIKELY CAUSE",
            _ => column.title,
        };
        match column.align {
            Align::Left => {
                let title = text_width::end(&format!("{title}{sign}"), usize::from(*width));
                canvas.draw_text(area, start, 0, &title, role);
            }
            Align::Right => {
                canvas.draw_number(area, start..start + width, 0, title, role);
                canvas.draw_text(area, start + width, 0, sign, role);
            }
        }
        start += width + 1;
    }
}

/// Draws single requests.
fn draw_requests(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, report: &WindowReport) {
    let state = &context.model.requests;
    let width = area.width.saturating_sub(ROW_PREFIX_WIDTH);
    let phase = state.phase().name().to_uppercase();
    let headings = ["AGO", &phase, "TOTAL", "STATUS", "FLAGS", "CLIENT", "SERVER", "REQUEST"];
    let cells = |request: &LoggedRequest| request_cells(request, state.phase());
    let all: Vec<[Cell; 8]> = report.requests.iter().map(cells).collect();
    let mut widths = [5_u16, 8, 6, 6, 5, 0, 0, 0];
    for place in [5, 6] {
        let widest = all.iter().map(|cells| text_width::width(&cells[place].text)).max().unwrap_or_default();
        widths[place] = (widest.max(headings[place].len()) as u16).min(width / 4);
    }
    // On a narrow screen, the server and the request are more important.
    if width < 70 {
        (widths[2], widths[5]) = (0, 0);
    }
    if state.phase() == Phase::Total {
        widths[2] = 0;
    }
    let taken: u16 = widths.iter().filter(|width| **width > 0).map(|width| width + 1).sum();
    widths[7] = width.saturating_sub(taken);
    let line = |cells: [Cell; 8]| -> RequestCells {
        let aligned = cells.into_iter().enumerate().zip(widths).filter(|(_, width)| *width > 0);
        aligned
            .map(|((place, cell), width)| (cell, width, if place < 3 { Align::Right } else { Align::Left }))
            .collect()
    };
    draw_line(canvas, area.rows(0, 1), false, line(headings.map(|title| Cell::new(title, Role::Dim))));
    let lines = area.rows(1, area.height);
    let is_empty = all.is_empty();
    let visible = all.into_iter().enumerate().skip(state.cursor.top()).take(usize::from(lines.height));
    for (row, (index, cells)) in visible.enumerate() {
        draw_line(canvas, lines.rows(row as u16, 1), index == state.cursor.index(), line(cells));
    }
    if is_empty {
        canvas.draw_text(lines, ROW_PREFIX_WIDTH, 0, "no such request in this time", Role::Dim);
    }
}

fn request_cells(request: &LoggedRequest, phase: Phase) -> [Cell; 8] {
    let time = |phase| Cell::from_option(request.time(phase), |millis| Cell::plain(units::millis(i64::from(millis))));
    let status_role = match (request.status, request.origin) {
        (_, Some(ErrorOrigin::Application | ErrorOrigin::Haproxy | ErrorOrigin::Unknown)) => Role::Bad,
        (Some(400..), _) => Role::Warn,
        _ => Role::Normal,
    };
    let flags = request.flags.as_str();
    let flags_role = if termination::is_bad(flags.as_bytes()) { Role::Warn } else { Role::Dim };
    [
        Cell::new(units::seconds(i64::from(request.age / 1000)), Role::Dim),
        time(phase),
        time(Phase::Total),
        Cell::from_option(request.status, |status| Cell::new(status.to_string(), status_role)),
        Cell::new(flags, flags_role),
        Cell::plain(request.client.as_str()),
        Cell::plain(request_detail::target(request)),
        Cell::plain(request_detail::request_line(request)),
    ]
}

/// Draws the largest clients and URLs.
fn draw_tops(canvas: &mut Canvas<'_>, area: Area, report: &WindowReport) {
    for (line, (key, groups)) in report.tops.iter().enumerate().take(usize::from(area.height.saturating_sub(2))) {
        let (label, row) = (if *key == GroupKey::Client { "top clients" } else { "top URLs" }, line as u16 + 1);
        canvas.draw_text(area, 1, row, label, Role::Dim);
        let mut column = LABEL_WIDTH + 1;
        for group in groups {
            let text = top_text(report, *key, group);
            if usize::from(column) + text_width::width(&text) >= usize::from(area.width) && column > LABEL_WIDTH + 1 {
                break;
            }
            column = canvas.draw_text(area, column, row, &text, Role::Normal) + 3;
        }
    }
}

/// Returns a group with its share, and for a URL its time.
fn top_text(report: &WindowReport, key: GroupKey, group: &ReportedGroup) -> String {
    let share = units::percent(group.summary.requests as f64 / report.all.requests.max(1) as f64);
    let name = text_width::middle(group.name.as_str(), 40);
    match (key, group.summary.times[2]) {
        (GroupKey::Url, Some(p99)) => format!("{name} {share} p99 {}", units::millis(i64::from(p99))),
        _ => format!("{name} {share}"),
    }
}

/// Draws the path of the log, and what is not counted.
fn draw_log_state(canvas: &mut Canvas<'_>, area: Area, update: &LogUpdate) {
    let counts = update.status.counts;
    let mut column = 1;
    let path = update.status.path.as_ref().map(|path| format!("log {path}")).unwrap_or_default();
    column = canvas.draw_text(area, column, 0, &path, Role::Dim) + 2;
    if counts.gaps > 0 {
        let text = format!(
            "truncated {}: requests may be missing",
            if counts.gaps == 1 { "once".to_owned() } else { format!("{} times", counts.gaps) }
        );
        column = canvas.draw_text(area, column, 0, &text, Role::Warn) + 2;
    }
    if counts.unread > 0 {
        let text =
            format!("{} not read as requests", units::part_of(counts.unread as i64, counts.lines as i64, "line"));
        column = canvas.draw_text(area, column, 0, &text, Role::Dim) + 2;
    }
    if counts.undated > 0 {
        let text = format!("{} without a time", units::pluralize(counts.undated as i64, "request"));
        column = canvas.draw_text(area, column, 0, &text, Role::Dim) + 2;
    }
    if counts.late > 0 {
        let text = format!("{} of more than 10 min ago", units::pluralize(counts.late as i64, "new line"));
        canvas.draw_text(area, column, 0, &text, Role::Warn);
    }
}
