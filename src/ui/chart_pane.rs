//! The selected row over time: one sparkline a chart, with its present value, its highest and its limit.

use crate::app::layout::{Area, Pane, Room};
use crate::app::model::{InstanceView, Model};
use crate::observe::events::display_name;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::table::cell::Role;
use crate::table::chart_table::{self, Chart};
use crate::table::number_format;
use crate::ui::drawing::{Canvas, piece};
use crate::ui::truncate;

/// Cells of a label and a value in front of a line.
const LABEL: u16 = 9;
const VALUE: u16 = 6;

/// Draws the charts of the selected row.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, instance: &InstanceView, sample: &Sample, area: Area, room: Room) {
    let selected = model.selected().or_else(|| instance.selected(Pane::Backends));
    let Some((id, row)) = selected.and_then(|id| Some((id, sample.row(id)?))) else { return };
    let name = display_name(row.kind, &row.proxy, &row.name);
    let charts: Vec<&Chart> = chart_table::of(sample, id).collect();
    if charts.is_empty() {
        return;
    }
    if room != Room::Wide {
        return strip(canvas, model, instance, sample, id, area);
    }
    let span = number_format::duration(model.span());
    let title =
        [piece(format!(" {} ", truncate::middle(&name, 40)), Role::Title), piece(format!("last {span} "), Role::Dim)];
    let inner = canvas.frame(area, &title, &[], Role::Frame);
    let height = (inner.height / charts.len() as u16).clamp(1, 3);
    let tail = if inner.width >= 60 { 12 } else { 0 };
    let line = inner.columns(LABEL + VALUE + 2, inner.width.saturating_sub(LABEL + VALUE + 2 + tail));
    let points =
        chart_table::points(&instance.watch, id, charts.iter().copied(), model.span(), usize::from(line.width));
    for ((chart, points), place) in charts.iter().zip(&points).zip(0_u16..) {
        let row = place * height;
        if row + height > inner.height {
            break;
        }
        let highest = points.iter().flatten().copied().fold(0.0, f64::max);
        let base = row + height - 1;
        canvas.text(inner, 1, base, chart.title, Role::Dim);
        let shown = chart.newest(sample, id, points);
        canvas.number(inner, LABEL + 1, base, VALUE, &shown, Role::Normal);
        let limit = chart.limit.and_then(|field| sample.number(id, field)).filter(|limit| *limit > 0);
        // A limit that is nearly reached is the better scale: the line then shows how near.
        let top = limit
            .map_or(highest, |limit| if highest * 3.0 > limit as f64 { highest.max(limit as f64) } else { highest });
        canvas.spark(line.rows(row, height), points, top, Role::Chart);
        if tail > 0 {
            let text = limit.map_or_else(
                || format!("max {}", (chart.show)(highest)),
                |limit| format!("limit {}", number_format::count(limit)),
            );
            canvas.text(inner, inner.width - tail + 1, base, &text, Role::Dim);
        }
    }
}

/// The charts of a row side by side, without a frame.
pub fn strip(canvas: &mut Canvas<'_>, model: &Model, instance: &InstanceView, sample: &Sample, id: RowId, area: Area) {
    let charts: Vec<&Chart> = chart_table::of(sample, id).collect();
    draw_strip(canvas, model, instance, sample, id, &charts, area);
}

/// The same with every chart there is of the row.
pub fn full_strip(canvas: &mut Canvas<'_>, model: &Model, instance: &InstanceView, sample: &Sample, id: RowId, area: Area) {
    let charts: Vec<&Chart> = chart_table::all_of(sample, id).collect();
    draw_strip(canvas, model, instance, sample, id, &charts, area);
}

fn draw_strip(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    sample: &Sample,
    id: RowId,
    charts: &[&Chart],
    area: Area,
) {
    if charts.is_empty() {
        return;
    }
    let per_row = usize::from((area.width / 26).clamp(1, 3));
    let height = (area.height / charts.len().div_ceil(per_row) as u16).clamp(1, 3);
    let cell = area.width / per_row as u16;
    let width = cell.saturating_sub(LABEL + VALUE + 2);
    let points = chart_table::points(&instance.watch, id, charts.iter().copied(), model.span(), usize::from(width));
    for (index, (chart, points)) in charts.iter().zip(&points).enumerate() {
        let (row, column) = ((index / per_row) as u16 * height, (index % per_row) as u16 * cell);
        let base = row + height - 1;
        if base >= area.height {
            break;
        }
        let shown = chart.newest(sample, id, points);
        canvas.text(area, column + 1, base, chart.title, Role::Dim);
        canvas.number(area, column + LABEL, base, VALUE, &shown, Role::Normal);
        let highest = points.iter().flatten().copied().fold(0.0, f64::max);
        canvas.spark(area.columns(column + LABEL + VALUE + 1, width).rows(row, height), points, highest, Role::Chart);
    }
}
