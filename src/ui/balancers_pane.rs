//! View `L`: a table with one row for each balancer, and the details of the selected one.

use crate::app::balancer_areas::BalancerAreas;
use crate::app::layout::{Area, ROW_PREFIX_WIDTH};
use crate::fleet::summary::{BalancerStatus, BalancerSummary};
use crate::table::balancers::balancer_columns::{self, BalancerColumn, BalancerRow};
use crate::table::cell::{Cell, Role, severity_role};
use crate::table::columns::column::Align;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::row_renderer;
use crate::ui::text_width;
use crate::units;

/// Least and largest width of the first column, the names.
const NAME_WIDTH: std::ops::RangeInclusive<u16> = 8..=24;
/// Width of the words before the details.
const LABEL_WIDTH: u16 = 9;
/// Text that says how to compare several balancers.
const ONE_BALANCER: &str =
    "one balancer only: name more on the command line (hapulse lb01:9999 lb02:9999) or as targets in the configuration";

/// Draws the view.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, body: Area) {
    let DrawContext { model, now, .. } = *context;
    let view = &model.balancers;
    let rows = view.rows(now);
    let areas = BalancerAreas::new(model, body);
    let columns = fit_columns(&view.table.columns, &rows, body.width.saturating_sub(ROW_PREFIX_WIDTH));
    draw_heading(context, canvas, areas.rows, &columns);
    let lines = areas.rows.rows(1, areas.rows.height);
    let visible = rows.iter().enumerate().skip(view.cursor.top()).take(usize::from(lines.height));
    for (line, (index, row)) in visible.enumerate() {
        let area = lines.rows(line as u16, 1);
        let theme = canvas.theme;
        if index == view.cursor.index() {
            canvas.theme = theme.in_selected_row();
            canvas.color_row(area, 0, Role::Selected);
            canvas.draw_text(area, 0, 0, theme.choose_glyph("▶", ">"), Role::Focus);
        }
        let (sign, role) = status_sign(canvas, row);
        canvas.draw_text(area, 1, 0, sign, role);
        draw_row(canvas, area, &columns, row);
        canvas.theme = theme;
    }
    if rows.is_empty() {
        canvas.draw_text(lines, ROW_PREFIX_WIDTH, 0, "no balancer matches the filter; Esc clears it", Role::Dim);
    }
    let mut detail = areas.detail;
    if model.instances.len() == 1 && !detail.is_empty() {
        for text in text_width::wrap_at_blanks(ONE_BALANCER, usize::from(detail.width.saturating_sub(ROW_PREFIX_WIDTH)))
        {
            canvas.draw_text(detail, ROW_PREFIX_WIDTH, 0, &text, Role::Dim);
            detail = detail.rows(1, detail.height);
        }
        detail = detail.rows(1, detail.height);
    }
    if let Some(row) = rows.get(view.cursor.index()) {
        draw_detail(context, canvas, detail, row);
    }
}

/// Returns the number of balancers shown, and the filter.
pub(crate) fn tab_remarks(context: &DrawContext<'_>) -> Vec<StyledText<'static>> {
    let model = context.model;
    let (shown, all) = (model.balancers.row_count(), model.instances.len());
    let count = if shown == all { format!("{all} ") } else { format!("{shown} of {all} ") };
    let filter = &model.balancers.table.filter;
    let mut texts = vec![styled_text(count, Role::Dim)];
    if !filter.is_empty() {
        let text = text_width::end(&format!("/{filter}"), usize::from(model.terminal_size.0 / 4));
        texts.push(styled_text(format!(" {text} "), Role::Key));
    }
    texts
}

fn status_sign(canvas: &Canvas<'_>, row: &BalancerRow<'_>) -> (&'static str, Role) {
    let worst = row.summary.causes(row.now).and_then(<[_]>::first);
    match (row.summary.status(row.now), worst) {
        (BalancerStatus::Lost(_), _) => (canvas.theme.choose_glyph("✖", "X"), Role::Bad),
        (BalancerStatus::Late, _) => (canvas.theme.choose_glyph("▼", "!"), Role::Bad),
        (BalancerStatus::Up, Some(cause)) => (canvas.theme.choose_glyph("▲", "!"), severity_role(cause.severity)),
        (BalancerStatus::Up, None) => (canvas.theme.choose_glyph("●", "o"), Role::Good),
        (BalancerStatus::Connecting, _) => (canvas.theme.choose_glyph("◌", "."), Role::Dim),
    }
}

/// Chooses the columns that fit, and their widths: the last one gets the room that is left.
fn fit_columns(
    columns: &[&'static BalancerColumn],
    rows: &[BalancerRow<'_>],
    width: u16,
) -> Vec<(&'static BalancerColumn, u16)> {
    let wanted = |column: &'static BalancerColumn| {
        let cells = rows.iter().map(|row| text_width::width(&column.cell(row).text));
        let widest = cells.chain([text_width::width(column.title)]).max().unwrap_or_default() as u16;
        let is_name = column.id == balancer_columns::NAME.id;
        match column.align {
            _ if is_name => (column, widest.clamp(*NAME_WIDTH.start(), *NAME_WIDTH.end())),
            // The sentence has its share of the width before the least important numbers.
            _ if column.id == balancer_columns::TROUBLE.id => (column, column.width.max(width * 3 / 10)),
            Align::Left => (column, widest.min(column.width * 2)),
            Align::Right => (column, widest.max(column.width.min(4))),
        }
    };
    let mut fitted: Vec<(&'static BalancerColumn, u16)> = columns.iter().map(|column| wanted(column)).collect();
    let total =
        |fitted: &[(&BalancerColumn, u16)]| fitted.iter().map(|(_, width)| usize::from(*width) + 1).sum::<usize>();
    while fitted.len() > 1 && total(&fitted) > usize::from(width) + 1 {
        let lowest = fitted.iter().enumerate().skip(1).min_by_key(|(_, (column, _))| column.priority);
        let Some((place, _)) = lowest else { break };
        fitted.remove(place);
    }
    let free = (usize::from(width) + 1).saturating_sub(total(&fitted)) as u16;
    if let Some((column, width)) = fitted.last_mut()
        && column.align == Align::Left
    {
        *width += free;
    }
    fitted
}

fn draw_heading(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    columns: &[(&'static BalancerColumn, u16)],
) {
    let sort = context.model.balancers.table.sort;
    let mut start = ROW_PREFIX_WIDTH;
    for (column, width) in columns {
        let sorted = sort.filter(|sort| sort.column.id == column.id);
        let role = if sorted.is_some() { Role::Focus } else { Role::Dim };
        let sign = sorted.map_or("", |sort| row_renderer::sort_sign(canvas.theme, sort.is_descending));
        match column.align {
            Align::Left => {
                let title = text_width::end(&format!("{}{sign}", column.title), usize::from(*width));
                canvas.draw_text(area, start, 0, &title, role);
            }
            Align::Right => {
                canvas.draw_number(area, start..start + width, 0, column.title, role);
                canvas.draw_text(area, start + width, 0, sign, role);
            }
        }
        start += width + 1;
    }
}

fn draw_row(canvas: &mut Canvas<'_>, area: Area, columns: &[(&'static BalancerColumn, u16)], row: &BalancerRow<'_>) {
    let mut start = ROW_PREFIX_WIDTH;
    for (column, width) in columns {
        let Cell { text, role } = column.cell(row);
        match column.align {
            Align::Left if column.id == balancer_columns::NAME.id => {
                canvas.draw_text(area, start, 0, &text_width::middle(&text, usize::from(*width)), role);
            }
            Align::Left => {
                canvas.draw_text(area, start, 0, &text_width::sentence(&text, usize::from(*width)), role);
            }
            Align::Right => canvas.draw_number(area, start..start + width, 0, &text, role),
        }
        start += width + 1;
    }
}

/// Draws the details of a balancer: a word, and a text of one or more lines after it.
fn draw_detail(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, row: &BalancerRow<'_>) {
    let instance = context.model.instance_by_id(row.summary.id);
    let title = match instance.filter(|instance| instance.address != row.summary.name) {
        Some(instance) => format!("{} ({})", row.summary.name, instance.address),
        None => row.summary.name.clone(),
    };
    canvas.draw_text(area, ROW_PREFIX_WIDTH, 0, &text_width::middle(&title, usize::from(area.width)), Role::Title);
    let mut line = 1;
    let start = ROW_PREFIX_WIDTH + LABEL_WIDTH;
    for (label, text, role) in detail_lines(row) {
        canvas.draw_text(area, ROW_PREFIX_WIDTH, line, label, Role::Dim);
        for part in text_width::wrap_at_blanks(&text, usize::from(area.width.saturating_sub(start))) {
            canvas.draw_text(area, start, line, &part, role);
            line += 1;
        }
    }
}

fn detail_lines(row: &BalancerRow<'_>) -> Vec<(&'static str, String, Role)> {
    let summary: &BalancerSummary = row.summary;
    let mut lines = Vec::new();
    let role = match (&summary.role, &summary.role_obstacle) {
        (Some(finding), _) => finding.to_string(),
        (None, Some(obstacle)) => format!("unknown: {obstacle}"),
        (None, None) => "unknown: no address, and not enough traffic to compare".to_owned(),
    };
    lines.push(("role", role, if summary.role.is_some() { Role::Normal } else { Role::Dim }));
    match summary.causes(row.now) {
        Some(causes) => {
            for (place, cause) in causes.iter().enumerate() {
                let text = format!("{} {}: {}", cause.severity.label(), cause.name, cause.sentence);
                lines.push((if place == 0 { "causes" } else { "" }, text, severity_role(cause.severity)));
            }
        }
        None => lines.extend(summary.trouble(row.now).map(|text| ("link", text, Role::Bad))),
    }
    match (&summary.drift, &summary.twin) {
        (None, Some(twin)) => lines.push(("drift", format!("not compared: the same HAProxy as {twin}"), Role::Warn)),
        (None, None) => lines.push(("drift", "unknown: no peer that serves the same answers".to_owned(), Role::Dim)),
        (Some(drift), _) if drift.count() == 0 => {
            lines.push(("drift", "none: equal to its peers".to_owned(), Role::Dim));
        }
        (Some(drift), _) => {
            let line = |(place, line): (usize, String)| (if place == 0 { "drift" } else { "" }, line, Role::Warn);
            lines.extend(drift.lines().enumerate().map(line));
        }
    }
    if let Some(cost) = summary.cost {
        let (bytes, time) = (units::bytes(cost.bytes as f64), units::reply_time(cost.reply_time));
        lines.push(("poll", format!("last reply: {bytes}B in {time}"), Role::Dim));
    }
    lines
}
