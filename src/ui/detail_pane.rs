//! The detail page of a row: charts, what is wrong, all fields with their descriptions, and events.

use crate::app::layers::TextExtent;
use crate::app::layout::Area;
use crate::app::ui_commands::UiCommand;
use crate::haproxy::fields::{Field, FieldKind, TextField};
use crate::observe::events::display_name;
use crate::observe::row_ids::RowId;
use crate::table::cell::{Cell, Role};
use crate::table::columns::column::{known_number, number_cell};
use crate::table::columns::out_of_service;
use crate::table::columns::outlook;
use crate::table::columns::row_view::RowView;
use crate::ui::chart_pane;
use crate::ui::detail_summary::{self, DetailLine, FIRST_COLUMN as NAME};
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::number_grid::{self, FIELD_GROUPS};
use crate::ui::text_width;
use crate::units;

/// Draws the page over `area`, starting with line `top`. Returns the extent of its text.
pub(crate) fn draw(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    id: RowId,
    top: usize,
) -> TextExtent {
    canvas.clear(area);
    draw_page(context, canvas, area, id, Page { top, is_overlay: true, has_charts: area.height >= 16 })
}

/// Draws the first lines of the page beside a table.
pub(crate) fn draw_beside(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, id: RowId, has_charts: bool) {
    draw_page(context, canvas, area, id, Page { top: 0, is_overlay: false, has_charts });
}

/// Settings of the page.
#[derive(Debug, Clone, Copy)]
struct Page {
    /// Line that the page starts with.
    top: usize,
    /// True over the view, where the page can be scrolled, and false beside a table.
    is_overlay: bool,
    /// True if the page has charts.
    has_charts: bool,
}

fn draw_page(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, id: RowId, page: Page) -> TextExtent {
    let instance = context.instance;
    let Some(sample) = context.sample() else { return TextExtent::new(0, 0) };
    let Some(index) = sample.rows.index_of(id) else {
        let inner = canvas.draw_frame(area, &[styled_text(" gone ", Role::Focus)], &[], Role::Focus);
        let message = match instance.data.past_moment() {
            Some(_) => "HAProxy did not list this row at that time; Esc goes back",
            None => "HAProxy no longer lists this row; Esc goes back",
        };
        canvas.draw_text(inner, 1, 0, message, Role::Warn);
        return TextExtent::new(0, 0);
    };
    let row = RowView::new(&instance.data, sample, index);
    let names = row.stat_row();
    let name = display_name(names.kind, &names.proxy, &names.name);
    let (role, frame) = if page.is_overlay { (Role::Focus, Role::Focus) } else { (Role::Title, Role::Frame) };
    let title_width = usize::from(area.width).saturating_sub(names.status().len() + 8);
    let title = [
        styled_text(format!(" {} ", text_width::middle(&name, title_width)), role),
        styled_text(format!("{} ", names.status()), row.state_role()),
    ];
    let width = area.width.saturating_sub(2);
    // The text of a wide page has two columns, which are read one after the other.
    let columns = if page.is_overlay && width >= MIN_TWO_COLUMNS { 2 } else { 1 };
    let text_cells = width / columns - (columns - 1);
    let mut head = detail_summary::wrong_lines(context, &row, width);
    if text_width::width(&name) > title_width {
        // The title shows the name shortened.
        let parts = text_width::wrap_anywhere(&name, usize::from(width.saturating_sub(NAME + 1)));
        head.splice(0..0, parts.into_iter().map(|part| vec![(NAME, styled_text(part, Role::Title))]));
    }
    let rest = detail_lines(context, &row, text_cells, page);
    let chart_rows = match area.height {
        _ if !page.has_charts => 0,
        ..16 => 0,
        16..30 => 5,
        30..45 => 11,
        _ => 16,
    };
    // With charts, what is wrong stays above them; without, it is the first part of the text.
    let fixed = if chart_rows > 0 { head.len().min(usize::from(area.height / 4)) as u16 } else { 0 };
    let lines = [head.split_off(usize::from(fixed)), rest].concat();
    let rows = usize::from(area.height.saturating_sub(2 + fixed + chart_rows + u16::from(chart_rows > 0)));
    let visible = rows * usize::from(columns);
    let extent = TextExtent::new(lines.len(), visible);
    let top = page.top.min(extent.last_top);
    let position = format!(" {}-{} of {} ", top + 1, (top + visible).min(lines.len()), lines.len());
    let remark = [styled_text(position, Role::Dim)];
    let inner = canvas.draw_frame(area, &title, if page.is_overlay { &remark } else { &[] }, frame);
    draw_lines(canvas, inner.rows(0, fixed), &head);
    chart_pane::draw_full_strip(context, canvas, inner.rows(fixed, chart_rows), id);
    let body = inner.rows(fixed + chart_rows + u16::from(chart_rows > 0), inner.height);
    let shown = lines.get(top..(top + visible).min(lines.len())).unwrap_or_default();
    for (part, column) in shown.chunks(rows.max(1)).zip(0_u16..) {
        let place = body.columns(column * (text_cells + 2), if columns == 1 { body.width } else { text_cells });
        draw_lines(canvas, place, part);
    }
    extent
}

fn draw_lines(canvas: &mut Canvas<'_>, body: Area, lines: &[DetailLine]) {
    for (texts, line) in lines.iter().zip(0_u16..) {
        for (index, (start, (message, role))) in texts.iter().enumerate() {
            // A text ends before the next one, so that every value is in its column.
            let shown = match texts.get(index + 1) {
                Some((next, _)) if *next > *start => text_width::middle(message, usize::from(next - start)),
                _ => text_width::end(message, usize::from(body.width.saturating_sub(start + 1))),
            };
            canvas.draw_text(body, *start, line, &shown, *role);
        }
    }
}

/// Screen columns where the value, rate and description of a field begin. Long names of fields move the others to
/// the right.
const VALUE: u16 = 18;
const RATE: u16 = 28;
const HELP: u16 = 38;

/// Width from which the descriptions of all fields begin in one column.
const MIN_ALIGNED_WIDTH: u16 = 100;
/// Width from which the text of the page has two columns.
const MIN_TWO_COLUMNS: u16 = 150;

fn detail_lines(context: &DrawContext<'_>, row: &RowView<'_>, width: u16, page: Page) -> Vec<DetailLine> {
    let mut lines = detail_summary::neighbor_lines(context, row, width);
    let service =
        [("draining", out_of_service::drain_status_cell(row)), ("ordered by", out_of_service::ordered_by_cell(row))];
    for (name, cell) in service.into_iter().chain(outlook::outlook_lines(row)) {
        if !cell.text.is_empty() && cell.text != units::UNKNOWN {
            lines.extend(wrapped_lines(name, &cell.text, cell.role, width));
        }
    }
    for (field, name) in TextField::ALL {
        if let Some(text) = row.text(field) {
            lines.extend(wrapped_lines(name, text.as_str(), Role::Normal, width));
        }
    }
    if page.is_overlay {
        lines.extend(described_lines(row, width));
    } else {
        let key = context.model.keymap.key_or_command(UiCommand::Open { unfold: false });
        lines.extend(number_grid::lines(row, width, &key));
    }
    let events = context.instance.data.events().newest_first().filter(|event| event.row == Some(row.id));
    let mut events = events.peekable();
    if events.peek().is_some() {
        lines.push(Vec::new());
        lines.push(vec![(NAME, styled_text("Events", Role::Title))]);
    }
    for event in events {
        let time = (context.format_time)(event.at.wall);
        let text = format!("{} {}", event.balancer_name(), event.kind);
        let parts = text_width::wrap_at_blanks(text.trim_start(), usize::from(width.saturating_sub(13)));
        for (index, part) in parts.into_iter().enumerate() {
            let time = if index == 0 { time.clone() } else { String::new() };
            lines.push(vec![(NAME, styled_text(time, Role::Dim)), (12, styled_text(part, Role::Normal))]);
        }
    }
    lines
}

/// Returns the lines of all numbers of a row, each with its description.
fn described_lines(row: &RowView<'_>, width: u16) -> Vec<DetailLine> {
    let mut lines = Vec::new();
    let names = row.sample.table.schema().names().iter().enumerate();
    let reported = names.filter(|(slot, _)| row.sample.table.slot_number(row.index, *slot).is_some());
    let longest = reported.map(|(_, name)| text_width::width(name.as_str())).max();
    let shift = (longest.unwrap_or(0) as u16 + NAME + 1).clamp(VALUE, (width / 3).clamp(VALUE, 30)) - VALUE;
    for (title, kinds) in FIELD_GROUPS {
        lines.push(Vec::new());
        lines.push(vec![(NAME, styled_text(*title, Role::Title))]);
        // Only counters have rates; in little space, the descriptions of the others begin in the column of the rates.
        let has_rates = kinds.contains(&FieldKind::Counter);
        let help = shift + if has_rates || width >= MIN_ALIGNED_WIDTH { HELP } else { RATE };
        for field in Field::ALL.iter().filter(|field| kinds.contains(&field.info().kind)) {
            if row.number(*field).is_none() {
                continue;
            }
            let cell = Cell::from_option(known_number(row, *field), |number| number_cell(*field, number));
            // A name that is longer than its column has a line of its own.
            let name = (NAME, styled_text(field.info().name, Role::Dim));
            let is_long = text_width::width(&name.1.0) > usize::from(VALUE + shift - NAME - 1);
            lines.extend(is_long.then(|| vec![name.clone()]));
            let mut line = vec![
                if is_long { (NAME, styled_text("", Role::Dim)) } else { name },
                (VALUE + shift, styled_text(format!("{:>7}", cell.text), cell.role)),
            ];
            if let Some(rate) = row.rate(*field).filter(|_| field.info().kind == FieldKind::Counter) {
                line.push((RATE + shift, styled_text(format!("{}/s", units::rate(rate)), Role::Normal)));
            }
            let mut line = Some(line);
            for part in
                text_width::wrap_at_blanks(field.info().help, usize::from(width.saturating_sub(help + 1)).max(10))
            {
                let mut texts = line.take().unwrap_or_default();
                texts.push((help, styled_text(part, Role::Dim)));
                lines.push(texts);
            }
        }
    }
    let extra = build_specific_lines(row, shift);
    if !extra.is_empty() {
        lines.push(Vec::new());
        lines.push(vec![(NAME, styled_text("Other fields of this build", Role::Title))]);
        lines.extend(extra);
    }
    lines
}

/// Returns the lines of a text with its name in front; long texts are wrapped.
fn wrapped_lines(name: &'static str, text: &str, role: Role, width: u16) -> Vec<DetailLine> {
    let parts = text_width::wrap_at_blanks(text, usize::from(width.saturating_sub(VALUE + 1)));
    let line = |(index, part): (usize, String)| {
        let name = if index == 0 { name } else { "" };
        vec![(NAME, styled_text(name, Role::Dim)), (VALUE, styled_text(part, role))]
    };
    parts.into_iter().enumerate().map(line).collect()
}

/// Returns the lines for the numeric fields that HAProxy reports and that are unknown to hapulse.
fn build_specific_lines(row: &RowView<'_>, shift: u16) -> Vec<DetailLine> {
    let schema = row.sample.table.schema();
    let named =
        schema.names().iter().enumerate().filter(|(_, name)| Field::by_name(name.as_str().as_bytes()).is_none());
    named
        .filter_map(|(slot, name)| {
            let number = row.sample.table.slot_number(row.index, slot)?;
            let value = (VALUE + 16 + shift, styled_text(format!("{:>7}", units::count(number)), Role::Normal));
            Some(vec![(NAME, styled_text(name.to_string(), Role::Dim)), value])
        })
        .collect()
}
