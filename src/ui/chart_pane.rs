//! Charts of a row: one chart with axes, and a sparkline for each of the other numbers.

use crate::app::charted_row;
use crate::app::layout::{Area, Pane, SizeClass};
use crate::app::pane_focus;
use crate::haproxy::stat_table::RowKind;
use crate::observe::events::display_name;
use crate::observe::row_ids::RowId;
use crate::table::cell::Role;
use crate::table::chart_lines::{ChartLine, highest};
use crate::table::chart_picture::{ChartBuilder, ChartPicture};
use crate::table::chart_table::{self, Chart};
use crate::table::columns::row_view::RowView;
use crate::ui::chart_axis::{self, AXIS_WIDTH};
use crate::ui::chart_plot::{self, POINTS_PER_CELL};
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;
use crate::units;

/// Width of the label in front of a sparkline, in screen cells.
const LABEL: u16 = 9;
/// Width of the value in front of a sparkline, in screen cells: a number, or with its limit in a wide cell.
const VALUE: u16 = 6;
const WIDE_VALUE: u16 = 10;
/// Width of a sparkline's cell from which it has room for a wide value.
const WIDE_CELL: u16 = 40;
/// Minimum width of a sparkline's cell.
const CELL: u16 = 26;
/// Minimum width of a chart with axes.
const MIN_CHART_WIDTH: u16 = 30;

/// Arrangement of charts in an area.
#[derive(Debug, Clone, Copy)]
struct ChartArrangement {
    /// True if a frame is drawn around them.
    is_framed: bool,
    /// True if they receive the keys.
    has_focus: bool,
    /// True if the charts of the detail page are shown, too.
    shows_all: bool,
    /// Rows from which a chart with axes is drawn, without the title; with fewer rows, all numbers are sparklines.
    min_rows: u16,
    /// Rows that the chart gets before the other numbers get sparklines below it.
    chart_rows: u16,
}

impl ChartArrangement {
    const STRIP: Self = Self { is_framed: false, has_focus: false, shows_all: false, min_rows: 4, chart_rows: 9 };
    const DETAIL: Self = Self { shows_all: true, min_rows: 8, chart_rows: 6, ..Self::STRIP };
}

/// Draws the charts of the selected row on the dashboard.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let is_framed = context.layout.size_class == SizeClass::Wide;
    let has_focus = pane_focus::has_focus(context.model, Pane::Charts);
    if let Some(row) = charted_row::charted_row(context.model) {
        draw_row(context, canvas, area, &row, ChartArrangement { is_framed, has_focus, ..ChartArrangement::STRIP });
    }
}

/// Draws the charts of the selected row over the whole view.
pub(crate) fn draw_maximized(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let is_framed = context.layout.size_class == SizeClass::Wide;
    if let Some(row) = charted_row::charted_row(context.model) {
        draw_row(
            context,
            canvas,
            area,
            &row,
            ChartArrangement { is_framed, shows_all: true, ..ChartArrangement::STRIP },
        );
    }
}

/// Draws the charts of a row below a table, without a frame.
pub(crate) fn draw_strip(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, id: RowId) {
    if let Some(row) = shown_row(context, id) {
        draw_row(context, canvas, area, &row, ChartArrangement::STRIP);
    }
}

/// Draws all charts of a row on its detail page, without a frame.
pub(crate) fn draw_full_strip(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, id: RowId) {
    if let Some(row) = shown_row(context, id) {
        draw_row(context, canvas, area, &row, ChartArrangement::DETAIL);
    }
}

/// Returns a builder of charts with `count` points.
fn builder<'a>(context: &DrawContext<'a>, count: usize) -> Option<ChartBuilder<'a>> {
    let balancers = context.model.shown_instances();
    ChartBuilder::of_all(&context.instance.data, &balancers, context.model.charts.span(), count)
}

fn shown_row<'a>(context: &DrawContext<'a>, id: RowId) -> Option<RowView<'a>> {
    let sample = context.sample()?;
    Some(RowView::new(&context.instance.data, sample, sample.rows.index_of(id)?))
}

fn draw_row(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    row: &RowView<'_>,
    arrangement: ChartArrangement,
) {
    let Some(chart) = context.model.charts.chart_of(*row).filter(|_| !area.is_empty()) else { return };
    let ChartArrangement { is_framed, has_focus, shows_all, min_rows, chart_rows } = arrangement;
    let mut others: Vec<&Chart> =
        if shows_all { chart_table::all_charts_of(*row).collect() } else { chart_table::charts_of(*row).collect() };
    let inner = if is_framed { area.inner() } else { area.rows(1, area.height) };
    if inner.width < MIN_CHART_WIDTH || inner.height < min_rows {
        let title = with_focus_mark(canvas, strip_title(context, row), has_focus);
        let inner = if is_framed { canvas.draw_frame(area, &title, &[], frame_role(has_focus)) } else { area };
        return draw_sparklines(context, canvas, inner, row, &others, (!is_framed).then_some(has_focus));
    }
    others.retain(|other| !std::ptr::eq(*other, chart));
    let wanted = others.len().div_ceil(usize::from(sparklines_per_row(inner.width))) as u16;
    let sparkline_rows = wanted.min(inner.height.saturating_sub(chart_rows));
    let body = inner.rows(0, inner.height - sparkline_rows);
    draw_chart(context, canvas, (area, body), row, chart, arrangement);
    draw_sparklines(context, canvas, inner.rows(body.height, sparkline_rows), row, &others, None);
}

/// Draws a chart with its axes over the second of two areas, and its title on the upper edge of the first.
fn draw_chart(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    (area, body): (Area, Area),
    row: &RowView<'_>,
    chart: &'static Chart,
    ChartArrangement { is_framed, has_focus, .. }: ChartArrangement,
) {
    let plot_width = body.width - AXIS_WIDTH;
    let points = usize::from(plot_width * POINTS_PER_CELL);
    let Some(builder) = builder(context, points) else { return };
    let picture = builder.with_points_per_cell(usize::from(POINTS_PER_CELL)).picture(chart, row);
    let width = usize::from(if is_framed { area.width.saturating_sub(4) } else { area.width });
    let title = with_focus_mark(canvas, chart_title(context, row, &picture, width), has_focus);
    let legend = legend(canvas, &picture);
    if is_framed {
        canvas.draw_frame(area, &title, &legend, frame_role(has_focus));
    } else {
        let end = canvas.draw_texts(area, 0, 0, title);
        canvas.draw_right_aligned(area, end + 1, 0, &legend);
    }
    let rows = body.rows(0, body.height - 1);
    chart_axis::draw_numbers(canvas, rows, &picture);
    chart_plot::draw(canvas, rows.columns(AXIS_WIDTH, plot_width), &picture);
    chart_axis::draw_times(context, canvas, body.rows(body.height - 1, 1), &picture);
}

/// Marks the title of charts that receive the keys.
fn with_focus_mark(
    canvas: &Canvas<'_>,
    mut title: Vec<StyledText<'static>>,
    has_focus: bool,
) -> Vec<StyledText<'static>> {
    if let Some((name, role)) = title.first_mut().filter(|_| has_focus) {
        *role = Role::Focus;
        *name = format!("{}{}", canvas.theme.choose_glyph("▶", ">"), name.trim_start()).into();
    }
    title
}

/// Returns the role of the frame of a pane.
fn frame_role(has_focus: bool) -> Role {
    if has_focus { Role::Focus } else { Role::Frame }
}

/// Returns the title of a chart: the row, what is drawn, its value at the moment shown, and the span. Where `width` cells
/// are too few, the span is left out, then the long heading is replaced by the short one, then the name is shortened.
fn chart_title(
    context: &DrawContext<'_>,
    row: &RowView<'_>,
    picture: &ChartPicture,
    width: usize,
) -> Vec<StyledText<'static>> {
    let names = row.stat_row();
    let name = display_name(names.kind, &names.proxy, &names.name);
    let cell = &picture.line.cell;
    let time = picture.range.cursor.map(|_| format!("{} ", (context.format_time)(row.sample.at.wall)));
    let constant = if picture.is_flat() { "constant " } else { "" };
    let parts = |title: &str, span: &str| {
        let mut texts = vec![styled_text(format!("{title} "), Role::Dim)];
        texts.extend(time.clone().map(|time| styled_text(time, Role::Past)));
        texts.push(styled_text(format!("{} ", cell.text), cell.role));
        texts.push(styled_text(constant, Role::Dim));
        texts.push(styled_text(span.to_owned(), Role::Dim));
        texts
    };
    let span = format!("last {} ", units::duration(picture.range.span));
    let choices = [parts(picture.title, &span), parts(picture.title, ""), parts(picture.chart.title, "")];
    let width_of = |texts: &[StyledText<'_>]| texts.iter().map(|(text, _)| text_width::width(text)).sum::<usize>();
    let fits = |texts: &&Vec<StyledText<'static>>| width_of(texts) + text_width::width(&name) + 2 <= width;
    let rest = choices.iter().find(fits).unwrap_or(&choices[2]).clone();
    let name = text_width::middle(&name, width.saturating_sub(width_of(&rest) + 2));
    let mut texts = vec![styled_text(format!(" {name} "), Role::Title)];
    texts.extend(rest);
    texts
}

/// Returns the legend of a chart: marks, limit, peers, the server that stands out, and the row itself. The last ones are
/// the most important.
fn legend(canvas: &Canvas<'_>, picture: &ChartPicture) -> Vec<StyledText<'static>> {
    let pick = |glyph, ascii| canvas.theme.choose_glyph(glyph, ascii);
    let mut texts = Vec::new();
    let mut kinds: Vec<_> = picture.marks.iter().map(|(_, kind)| (kind.letter(), kind)).collect();
    kinds.sort_unstable();
    kinds.dedup_by_key(|(letter, _)| *letter);
    texts.extend(kinds.iter().map(|(letter, kind)| styled_text(format!(" {letter} {}", kind.word()), kind.role())));
    if let Some(limit) = picture.limit {
        texts.push(styled_text(format!(" {} limit {}", pick("╌", "="), (picture.chart.format)(limit)), Role::Dim));
    }
    if let Some(band) = picture.band.as_ref().filter(|band| !band.names.is_empty()) {
        let names = match (band.names.as_slice(), band.counts) {
            (names, (count, all)) if count == all && count <= 3 => names.join(", "),
            (_, (count, all)) if count == all => format!("{count} {}", band.noun),
            (_, (count, all)) => format!("{count} of {} {}", units::count(all as i64), band.noun),
        };
        texts.push(styled_text(format!(" {} {names}", pick("░", ".")), Role::Dim));
    }
    if let Some(line) = &picture.outlier {
        texts.push(styled_text(format!(" {}", pick("─", "#")), line.role));
        texts.push(styled_text(format!(" {} {}", text_width::middle(&line.name, 20), line.cell.text), line.role));
    }
    if picture.band.is_some() || picture.outlier.is_some() {
        // One of several lines is named, too.
        texts.push(styled_text(format!(" {} ", pick("─", "-")), picture.line.role));
        texts.push(styled_text(text_width::middle(&picture.line.name, 20), picture.line.role));
    }
    if let Some((last, _)) = texts.last_mut() {
        last.to_mut().push(' ');
    }
    texts
}

/// Returns the title of sparklines: the row and the span.
fn strip_title(context: &DrawContext<'_>, row: &RowView<'_>) -> Vec<StyledText<'static>> {
    let names = row.stat_row();
    let name = text_width::middle(&display_name(names.kind, &names.proxy, &names.name), 40);
    vec![styled_text(format!(" {name} "), Role::Title), styled_text(format!("{} ", span_text(context)), Role::Dim)]
}

fn span_text(context: &DrawContext<'_>) -> String {
    let range = context.model.chart_range();
    range.map_or(String::new(), |range| format!("last {}", units::duration(range.span)))
}

/// Returns how many sparklines fit side by side.
fn sparklines_per_row(width: u16) -> u16 {
    (width / CELL).clamp(1, 3)
}

/// Draws sparklines side by side, each as high as the rows allow. With `title_focus`, the first cell names the row and the
/// span, and shows whether the charts receive the keys.
fn draw_sparklines(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    row: &RowView<'_>,
    charts: &[&Chart],
    title_focus: Option<bool>,
) {
    if area.is_empty() || charts.is_empty() {
        return;
    }
    let per_row = usize::from(sparklines_per_row(area.width));
    let first = usize::from(title_focus.is_some());
    let height = (area.height / (charts.len() + first).div_ceil(per_row) as u16).clamp(1, 3);
    let cell = area.width / per_row as u16;
    let value_width = if cell >= WIDE_CELL { WIDE_VALUE } else { VALUE };
    let start = LABEL + value_width + 1;
    let width = cell.saturating_sub(start + 1);
    // A narrow cell has no sparkline, but its number.
    let Some(builder) = builder(context, usize::from(width.max(1))) else { return };
    if let Some(has_focus) = title_focus {
        let texts = strip_title(context, row);
        let title = area.columns(0, cell.saturating_sub(1));
        let available = usize::from(title.width);
        let span_width = texts.last().map_or(0, |(text, _)| text_width::width(text));
        let available = available.saturating_sub(span_width + 2);
        // In a narrow cell, the name is more important than the word for its kind.
        let whole = texts[0].0.trim();
        let is_proxy = matches!(row.stat_row().kind, RowKind::Frontend | RowKind::Backend);
        let fits = text_width::width(whole) <= available;
        let name = if fits || !is_proxy { whole } else { row.stat_row().proxy.as_str() };
        let name = text_width::middle(name, available);
        if has_focus {
            canvas.draw_text(title, 0, height - 1, canvas.theme.choose_glyph("▶", ">"), Role::Focus);
        }
        let role = if has_focus { Role::Focus } else { Role::Title };
        let end = canvas.draw_text(title, 1, height - 1, &name, role);
        canvas.draw_text(title, end + 1, height - 1, &texts[1].0, Role::Dim);
    }
    for (index, chart) in charts.iter().enumerate() {
        let place = index + first;
        let (top, column) = ((place / per_row) as u16 * height, (place % per_row) as u16 * cell);
        let base = top + height - 1;
        if base >= area.height {
            break;
        }
        let line = builder.line(chart, row);
        canvas.draw_text(area, column + 1, base, chart.title, Role::Dim);
        let value = shortened_value(&line, value_width);
        canvas.draw_number(area, column + LABEL..column + LABEL + value_width, base, value, Role::Normal);
        let scale = ChartBuilder::scale(chart, chart.limit(row), highest(&line.points));
        canvas.draw_sparkline(
            area.columns(column + start, width).rows(top, height),
            &line.points,
            scale.top(),
            Role::Chart,
        );
    }
}

/// Returns the text of the row's cell, without the limit if it does not fit after the label and a blank.
fn shortened_value(line: &ChartLine, width: u16) -> &str {
    let text = line.cell.text.as_str();
    let without_limit = text.split('/').next().unwrap_or(text);
    if text_width::width(text) < usize::from(width) { text } else { without_limit }
}
