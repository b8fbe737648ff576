//! Charts of a row: one sparkline per chart, with the newest value, and the limit or the highest value.

use crate::app::layout::{Area, Pane, SizeClass};
use crate::observe::events::display_name;
use crate::observe::row_ids::RowId;
use crate::table::cell::Role;
use crate::table::chart_table::{self, Chart};
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::text_width;
use crate::units;

/// Width of the label in front of a sparkline, in screen cells.
const LABEL: u16 = 9;
/// Width of the value in front of a sparkline, in screen cells.
const VALUE: u16 = 6;

/// Draws the charts of the selected row.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, layout, .. } = *context;
    let Some(sample) = context.sample() else { return };
    let selected = model.focused_row().or_else(|| instance.cursor_row(Pane::Backends));
    let Some((id, row)) = selected.and_then(|id| Some((id, sample.row(id)?))) else { return };
    let name = display_name(row.kind, &row.proxy, &row.name);
    let charts: Vec<&Chart> = chart_table::charts_for(sample, id).collect();
    if charts.is_empty() {
        return;
    }
    if layout.size_class != SizeClass::Wide {
        return draw_strip(context, canvas, area, id);
    }
    let span = units::duration(model.chart_span());
    let title = [
        styled_text(format!(" {} ", text_width::middle(&name, 40)), Role::Title),
        styled_text(format!("last {span} "), Role::Dim),
    ];
    let inner = canvas.draw_frame(area, &title, &[], Role::Frame);
    let height = (inner.height / charts.len() as u16).clamp(1, 3);
    let tail = if inner.width >= 60 { 12 } else { 0 };
    let line = inner.columns(LABEL + VALUE + 2, inner.width.saturating_sub(LABEL + VALUE + 2 + tail));
    let points = chart_table::chart_points(
        &instance.data,
        id,
        charts.iter().copied(),
        model.chart_span(),
        usize::from(line.width),
    );
    for ((chart, points), slot) in charts.iter().zip(&points).zip(0_u16..) {
        let row = slot * height;
        if row + height > inner.height {
            break;
        }
        let highest = points.iter().flatten().copied().fold(0.0, f64::max);
        let base = row + height - 1;
        canvas.draw_text(inner, 1, base, chart.title, Role::Dim);
        let shown = chart.format_newest(sample, id, points);
        canvas.draw_number(inner, LABEL + 1..LABEL + 1 + VALUE, base, &shown, Role::Normal);
        let limit = chart.limit.and_then(|field| sample.number(id, field)).filter(|limit| *limit > 0);
        // If the values come near a limit, the limit is the top of the scale, so that the sparkline shows the distance
        // from it.
        let top = limit
            .map_or(highest, |limit| if highest * 3.0 > limit as f64 { highest.max(limit as f64) } else { highest });
        canvas.draw_sparkline(line.rows(row, height), points, top, Role::Chart);
        if tail > 0 {
            let text = limit.map_or_else(
                || format!("max {}", (chart.format)(highest)),
                |limit| format!("limit {}", units::count(limit)),
            );
            canvas.draw_text(inner, inner.width - tail + 1, base, &text, Role::Dim);
        }
    }
}

/// Draws the main charts of a row side by side, without a frame.
pub(crate) fn draw_strip(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, id: RowId) {
    let Some(sample) = context.sample() else { return };
    let charts: Vec<&Chart> = chart_table::charts_for(sample, id).collect();
    draw_chart_grid(context, canvas, area, id, &charts);
}

/// Draws all charts of a row side by side, without a frame.
pub(crate) fn draw_full_strip(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, id: RowId) {
    let Some(sample) = context.sample() else { return };
    let charts: Vec<&Chart> = chart_table::all_charts_for(sample, id).collect();
    draw_chart_grid(context, canvas, area, id, &charts);
}

fn draw_chart_grid(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, id: RowId, charts: &[&Chart]) {
    let DrawContext { model, instance, .. } = *context;
    let Some(sample) = context.sample().filter(|_| !charts.is_empty()) else { return };
    let per_row = usize::from((area.width / 26).clamp(1, 3));
    let height = (area.height / charts.len().div_ceil(per_row) as u16).clamp(1, 3);
    let cell = area.width / per_row as u16;
    let width = cell.saturating_sub(LABEL + VALUE + 2);
    let points =
        chart_table::chart_points(&instance.data, id, charts.iter().copied(), model.chart_span(), usize::from(width));
    for (index, (chart, points)) in charts.iter().zip(&points).enumerate() {
        let (row, column) = ((index / per_row) as u16 * height, (index % per_row) as u16 * cell);
        let base = row + height - 1;
        if base >= area.height {
            break;
        }
        let shown = chart.format_newest(sample, id, points);
        canvas.draw_text(area, column + 1, base, chart.title, Role::Dim);
        canvas.draw_number(area, column + LABEL..column + LABEL + VALUE, base, &shown, Role::Normal);
        let highest = points.iter().flatten().copied().fold(0.0, f64::max);
        canvas.draw_sparkline(
            area.columns(column + LABEL + VALUE + 1, width).rows(row, height),
            points,
            highest,
            Role::Chart,
        );
    }
}
