//! The heat map: one line for each row, one cell for each part of the time, and the value and the cause of now.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::app::heat_view::{self, HeatLayout};
use crate::app::layout::Area;
use crate::app::ui_commands::UiCommand;
use crate::haproxy::status::RowState;
use crate::instance::time_spans::{self, SpanUse};
use crate::observe::sample::Sample;
use crate::problems::cause::Cause;
use crate::table::cell::{Cell, Role, severity_role, state_role};
use crate::table::columns::computed;
use crate::table::columns::row_view::RowView;
use crate::table::heat_map::HeatMap;
use crate::table::heat_metric::{HeatMetric, HeatShade, SHADES};
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::row_renderer::{self, CursorStyle, RowPrefix};
use crate::ui::text_width;
use crate::ui::theme::Theme;
use crate::units;

/// Shades from empty to full, and their ASCII twins.
const SHADE_GLYPHS: [&str; SHADES] = ["·", "░", "▒", "▓", "█"];
const ASCII_SHADE_GLYPHS: [&str; SHADES] = [".", ":", "=", "*", "#"];

/// Draws the heat map.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, .. } = *context;
    let Some(sample) = context.sample() else { return };
    let layout = heat_view::layout(model);
    let metric = model.view_settings[model.view()].heat_metric;
    let bounds = metric.bounds(instance.data.problems().thresholds());
    draw_axis(context, canvas, area.rows(0, 1), layout, sample);
    let body = area.rows(1, area.height.saturating_sub(2));
    let list = &instance.view_cursors[model.view()];
    let shown = instance.heat_map.column_at(sample.at.monotonic);
    let lines = instance.table_lines().iter().enumerate().skip(list.top()).take(usize::from(body.height));
    for (place, (index, line)) in lines.enumerate() {
        let row = RowView::new(&instance.data, sample, line.index);
        let row_area = body.rows(place as u16, 1);
        let cursor = CursorStyle::new(index == list.index(), true);
        let value_area = row_area.columns(layout.value.0, layout.value.1 + 1 + layout.cause.1);
        let theme = canvas.theme;
        if cursor == CursorStyle::Full {
            // The cells keep their shades, which inverted colors would turn around.
            canvas.theme = theme.in_selected_row();
            canvas.color_row(row_area.columns(0, layout.cells.0), 0, Role::Selected);
            canvas.color_row(value_area, 0, Role::Selected);
        }
        draw_name(context, canvas, row_area, &row, cursor, layout.name_width);
        draw_value(canvas, value_area, &row, metric, layout);
        canvas.theme = theme;
        let cells = row_area.columns(layout.cells.0, layout.cells.1);
        let mut column = 0;
        let (mut run, mut run_role) = (String::new(), Role::Dim);
        for (place, cell) in instance.heat_map.cells(row.id).into_iter().flatten().enumerate() {
            // The cell of the moment shown has the value that the row has in the tables.
            let cell = if shown == Some(place) { metric.current(&row) } else { *cell };
            let (shade, role) = metric.shade(&row, cell, &bounds);
            if role != run_role {
                column = canvas.draw_text(cells, column, 0, &run, run_role);
                run.clear();
                run_role = role;
            }
            run.push_str(shade_glyph(canvas.theme, shade));
        }
        canvas.draw_text(cells, column, 0, &run, run_role);
        if let Some(column) = shown.filter(|_| instance.data.past_moment().is_some()) {
            canvas.highlight_row(cells.columns(column as u16, 1), 0, Role::Past);
        }
    }
    if instance.table_lines().is_empty() {
        let is_filtered = !model.view_settings[model.view()].filter.is_empty();
        let message =
            if is_filtered { "no rows match the filter; Esc clears it" } else { "this HAProxy has no servers" };
        canvas.draw_text(body, layout.cells.0, 0, message, Role::Dim);
    }
    draw_legend(context, canvas, area.rows(area.height.saturating_sub(1), 1), metric, &bounds);
}

/// Draws the value of now and the cause of a row.
fn draw_value(canvas: &mut Canvas<'_>, area: Area, row: &RowView<'_>, metric: HeatMetric, layout: HeatLayout) {
    let value = metric.column().cell(row);
    canvas.draw_number(area, 0..layout.value.1, 0, &value.text, value.role);
    let cause = cause_cell(row, usize::from(layout.cause.1));
    canvas.draw_text(area, layout.value.1 + 1, 0, &cause.text, cause.role);
}

/// Draws the cursor, the state, the marker and the whole name of a row.
fn draw_name(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    row: &RowView<'_>,
    cursor: CursorStyle,
    width: u16,
) {
    let state = row.state();
    let mark = if cursor == CursorStyle::Full { canvas.theme.choose_glyph("▶", ">") } else { " " };
    let glyph = row_renderer::state_sign(canvas.theme, row);
    let marker = RowPrefix::new(context, row, cursor, "").marker(canvas.theme);
    let start = canvas.draw_texts(area, 0, 0, [styled_text(mark, Role::Focus), glyph, marker]);
    let [proxy, slash, name] = row.stat_row().name_parts();
    let name_role = if state == RowState::Down { Role::Bad } else { Role::Normal };
    let whole = text_width::width(proxy) + slash.len() + text_width::width(name);
    if whole <= usize::from(width) {
        let texts = [styled_text(proxy, Role::Dim), styled_text(slash, Role::Dim), styled_text(name, name_role)];
        canvas.draw_texts(area, start, 0, texts);
    } else {
        let name = text_width::middle(&format!("{proxy}{slash}{name}"), usize::from(width));
        canvas.draw_text(area, start, 0, &name, name_role);
    }
}

/// Returns the row's cause: as much of its sentence as fits whole, or else one word. A row that only suffers from the
/// cause of its backend has the word of that cause.
fn cause_cell(row: &RowView<'_>, width: usize) -> Cell {
    let problems = row.instance.problems();
    let has_problem = |cause: &&Cause| cause.problems.iter().any(|(id, _)| *id == row.id);
    let Some(cause) = problems.cause_of(row.id).or_else(|| problems.open_causes().find(has_problem)) else {
        return computed::cause_cell(row);
    };
    let (word, sentence) = (cause.kind.info().word, cause.sentence.as_str());
    let is_own = [cause.subject.id, cause.target].contains(&row.id);
    let parts = [sentence, sentence.rsplit_once(": ").map_or("", |(first, _)| first)];
    let fits = |part: &&str| is_own && text_width::width(part) <= width && part.len() > word.len();
    Cell::new(parts.into_iter().find(fits).unwrap_or(word), severity_role(cause.severity))
}

fn shade_glyph(theme: Theme, shade: HeatShade) -> &'static str {
    match shade {
        HeatShade::Blank => " ",
        HeatShade::Level(level) => theme.choose_glyph(SHADE_GLYPHS[level], ASCII_SHADE_GLYPHS[level]),
        HeatShade::State(RowState::Down | RowState::Stopped) => theme.choose_glyph("✖", "X"),
        HeatShade::State(state) => theme.state_glyph(state),
    }
}

/// Draws the metric, the clock times above the cells, and the headings of the other columns.
fn draw_axis(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, layout: HeatLayout, sample: &Sample) {
    let DrawContext { model, instance, .. } = *context;
    let (map, metric) = (&instance.heat_map, model.view_settings[model.view()].heat_metric);
    let span = units::duration(model.chart_span());
    let title =
        [format!("{}, last {span}", metric.title()), format!("{}, {span}", metric.title()), metric.title().into()];
    let room = usize::from(layout.cells.0.saturating_sub(1));
    let title = title.iter().find(|title| text_width::width(title) <= room).map_or("", String::as_str);
    canvas.draw_text(area, 0, 0, title, Role::Title);
    let cells = area.columns(layout.cells.0, layout.cells.1);
    let line = canvas.theme.choose_glyph("─", "-");
    canvas.draw_text(cells, 0, 0, &line.repeat(usize::from(cells.width)), Role::Frame);
    let shown = map.column_at(sample.at.monotonic).filter(|_| instance.data.past_moment().is_some());
    let is_covered = |column: u16, label: &str| {
        shown.is_some_and(|shown| (usize::from(column)..=usize::from(column) + label.len()).contains(&shown))
    };
    let labels = axis_labels(context, map, sample, cells.width);
    for (column, label) in labels.into_iter().filter(|(column, label)| !is_covered(*column, label)) {
        let tick = canvas.theme.choose_glyph("┌", "+");
        canvas.draw_texts(cells, column, 0, [styled_text(tick, Role::Frame), styled_text(label, Role::Dim)]);
    }
    match shown {
        Some(column) => _ = canvas.draw_text(cells, column as u16, 0, canvas.theme.choose_glyph("▼", "v"), Role::Past),
        None => canvas.draw_number(cells, 0..cells.width, 0, "now", Role::Title),
    }
    let column = metric.column();
    canvas.draw_number(area, layout.value.0..layout.value.0 + layout.value.1, 0, column.title, Role::Dim);
    canvas.draw_text(area.columns(0, layout.cause.0 + layout.cause.1), layout.cause.0, 0, "PROBLEM", Role::Dim);
}

/// Returns the clock times of the axis with their columns: round times, far enough apart.
fn axis_labels(context: &DrawContext<'_>, map: &HeatMap, sample: &Sample, width: u16) -> Vec<(u16, String)> {
    let Some(range) = map.range() else { return Vec::new() };
    let wall = sample.at.wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let first = wall - sample.at.monotonic.as_secs_f64() + map.start_seconds();
    // The label, its tick and a blank.
    let needed = |seconds: u64| if seconds < 60 { 11.0 } else { 8.0 } * range.step();
    let mut ticks = time_spans::with_use(SpanUse::Tick).map(|tick| tick.as_secs());
    let Some(tick) = ticks.find(|seconds| *seconds as f64 >= needed(*seconds)) else { return Vec::new() };
    let mut labels = Vec::new();
    let mut time = (first / tick as f64).ceil().max(0.0) as u64 * tick;
    loop {
        let column = ((time as f64 - first) / range.step()).floor() as u16;
        let label = (context.format_time)(SystemTime::UNIX_EPOCH + Duration::from_secs(time));
        let label = if tick < 60 { label.as_str() } else { label.get(..5).unwrap_or(&label) };
        // The end of the axis has the word "now".
        if column + label.len() as u16 + 5 > width {
            return labels;
        }
        labels.push((column, label.to_owned()));
        time += tick;
    }
}

/// Returns the meaning of a shade: the values below its upper bound, or for the last one those from the bound on.
fn shade_text(metric: HeatMetric, bounds: &[f64; SHADES - 1], level: usize) -> String {
    match (metric, bounds.get(level)) {
        (HeatMetric::Share5xx | HeatMetric::Queue, _) if level == 0 => " none".to_owned(),
        (_, Some(bound)) => format!(" <{}", metric.format_bound(*bound)),
        (_, None) => format!(" {}+", metric.format_bound(bounds[level - 1])),
    }
}

/// Removes the blank after each sign of a legend, and the unit of all bounds but the last where they have the same one.
fn shorten_shades(parts: &mut [[StyledText<'_>; 2]]) {
    let unit = |text: &str| {
        text.trim_end_matches('+')
            .trim_start_matches([' ', '<'])
            .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
            .to_owned()
    };
    let is_bound = |text: &str| text.starts_with(" <");
    let bounds: Vec<String> =
        parts.iter().filter(|[_, (text, _)]| is_bound(text)).map(|[_, (text, _)]| unit(text)).collect();
    let last = parts.iter().find(|[_, (text, _)]| text.ends_with('+')).map(|[_, (text, _)]| unit(text));
    let is_same = last.as_ref().is_some_and(|last| bounds.iter().all(|unit| unit == last));
    for [_, (text, _)] in parts.iter_mut() {
        let mut short = text.trim_start().to_owned();
        if let Some(unit) = last.as_ref().filter(|_| is_same && is_bound(text)) {
            short.truncate(short.len() - unit.len());
        }
        *text = short.into();
    }
}

/// Draws the meaning of the shades, and the keys, as many as fit.
fn draw_legend(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    metric: HeatMetric,
    bounds: &[f64; SHADES - 1],
) {
    let keymap = &context.model.keymap;
    let glyph = |shade| shade_glyph(canvas.theme, shade);
    let mut parts: Vec<[StyledText<'_>; 2]> = Vec::new();
    if metric == HeatMetric::State {
        let states = [(RowState::GoingDown, "failing"), (RowState::Maint, "maint"), (RowState::Drain, "drain")];
        parts.push([styled_text(glyph(HeatShade::Level(0)), Role::Dim), styled_text(" up", Role::Dim)]);
        parts.extend(states.map(|(state, word)| {
            [styled_text(glyph(HeatShade::State(state)), state_role(state)), styled_text(format!(" {word}"), Role::Dim)]
        }));
    } else {
        for level in 0..SHADES {
            let text = shade_text(metric, bounds, level);
            let role = if level == 0 { Role::Dim } else { Role::Chart };
            parts.push([styled_text(glyph(HeatShade::Level(level)), role), styled_text(text, Role::Dim)]);
        }
    }
    let down = HeatShade::State(RowState::Down);
    parts.push([styled_text(glyph(down), Role::Bad), styled_text(" down", Role::Dim)]);
    let key = |command| keymap.key_or_command(command);
    let spans = format!("{} {}", key(UiCommand::ChangeChartSpan(1)), key(UiCommand::ChangeChartSpan(-1)));
    let span = format!(" span {}", units::duration(context.model.chart_span()));
    parts.push([styled_text(key(UiCommand::NextChart), Role::Key), styled_text(" metric", Role::Dim)]);
    parts.push([styled_text(spans, Role::Key), styled_text(span, Role::Dim)]);
    let width = |part: &[StyledText<'_>; 2]| part.iter().map(|(text, _)| text_width::width(text)).sum::<usize>() as u16;
    let needed = |parts: &[[StyledText<'_>; 2]], gap: u16| {
        parts.iter().map(width).sum::<u16>() + gap * (parts.len() as u16).saturating_sub(1) + 1
    };
    let gap = if needed(&parts, 2) <= area.width { 2 } else { 1 };
    let keys = 2;
    if needed(&parts[..parts.len() - keys], gap) > area.width {
        // The meaning of every shade comes before blanks, repeated units and the keys.
        let shades = parts.len() - keys;
        shorten_shades(&mut parts[..shades]);
    }
    let mut column = 1;
    for part in parts {
        if column + width(&part) > area.width {
            break;
        }
        column = canvas.draw_texts(area, column, 0, part) + gap;
    }
}
