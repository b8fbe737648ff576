//! The view of the heat map: its geometry, its metric, and the cells of the visible rows.

use std::time::Duration;

use crate::app::instance_view::InstanceView;
use crate::app::model::Model;
use crate::app::ui_commands::UiCommand;
use crate::observe::row_ids::RowId;
use crate::table::cell::Role;
use crate::table::heat_map::HeatRange;
use crate::table::view_table::{RowScope, ViewId};

/// Rows of the body besides the rows of the map: the time axis and the legend.
const OTHER_ROWS: u16 = 2;
/// Width of the prefix of a row (cursor, state, marker) in screen cells.
const PREFIX_WIDTH: u16 = 3;
/// Minimum width of the names and of the map, in screen cells.
const MIN_NAME_WIDTH: u16 = 8;
const MIN_CELLS: u16 = 16;

/// Positions within a row of the heat map, in screen columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct HeatLayout {
    /// Width of the names, after the prefix of the row.
    pub(crate) name_width: u16,
    /// First column and width of the map.
    pub(crate) cells: (u16, u16),
    /// First column and width of the value of now.
    pub(crate) value: (u16, u16),
    /// First column and width of the cause; the width is 0 if the cause does not fit.
    pub(crate) cause: (u16, u16),
}

impl HeatLayout {
    /// Divides `width` columns. Names are whole as long as the cause can be shortened or dropped.
    pub(crate) fn new(width: u16, longest_name: usize, value_width: u16) -> Self {
        let longest = u16::try_from(longest_name).unwrap_or(u16::MAX).max(MIN_NAME_WIDTH);
        let others = PREFIX_WIDTH + 1 + MIN_CELLS + 1 + value_width;
        let widths: [u16; 4] = [48, 28, 11, 0];
        let wanted = match width {
            160.. => 0,
            110.. => 1,
            60.. => 2,
            _ => 3,
        };
        let fits = |cause: u16| longest.saturating_add(others + cause) <= width;
        let cause = widths[wanted..].iter().copied().find(|cause| fits(*cause)).unwrap_or(0);
        let name_width = longest.min(width.saturating_sub(others + cause).max(MIN_NAME_WIDTH));
        let start = PREFIX_WIDTH + name_width + 1;
        let cells = width.saturating_sub(start + 1 + value_width + cause);
        let value = start + cells + 1;
        Self {
            name_width,
            cells: (start, cells),
            value: (value, value_width),
            cause: (value + value_width + 1, cause.saturating_sub(1)),
        }
    }
}

/// Returns whether the heat map is shown.
pub(crate) fn is_shown(model: &Model) -> bool {
    model.current_view().scope == RowScope::HeatMap
}

/// Returns the number of rows that the heat map can show.
pub(crate) fn row_count(model: &Model) -> usize {
    usize::from(model.layout().body.height.saturating_sub(OTHER_ROWS))
}

/// Returns the positions within a row.
pub(crate) fn layout(model: &Model) -> HeatLayout {
    let longest = model.instance().map_or(0, InstanceView::longest_name);
    let column = model.view_settings[model.view()].heat_metric.column();
    HeatLayout::new(model.layout().body.width, longest, column.width)
}

/// Reads the cells of some visible rows that have none, and adds the newest sample to the others.
pub(crate) fn update(model: &mut Model) {
    let columns = usize::from(layout(model).cells.1);
    let metric = model.view_settings[model.view()].heat_metric;
    let (range, height) = (HeatRange { metric, span: model.chart_span(), columns }, row_count(model));
    let view = model.view();
    let Some(mut map) = model.instance_mut().map(|instance| std::mem::take(&mut instance.heat_map)) else { return };
    if let Some(instance) = model.instance() {
        let top = instance.view_cursors[view].top();
        let visible: Vec<RowId> = instance.table_lines().iter().skip(top).take(height).map(|line| line.id).collect();
        map.update(&instance.data, &model.shown_instances(), &visible, range);
    }
    if let Some(instance) = model.instance_mut() {
        instance.heat_map = map;
    }
}

/// Returns whether visible rows have no cells yet.
pub(crate) fn is_incomplete(model: &Model) -> bool {
    is_shown(model) && model.instance().is_some_and(|instance| instance.heat_map.is_incomplete())
}

/// Shows the next metric of the heat map.
pub(crate) fn show_next_metric(model: &mut Model, now: Duration) {
    if !is_shown(model) {
        let key = model.keymap.key_or_command(UiCommand::ShowView(ViewId::HeatMap));
        return model.notify(format!("only in the heat map, which {key} shows"), Role::Dim, now);
    }
    let view = model.view();
    let settings = &mut model.view_settings[view];
    settings.heat_metric = settings.heat_metric.next();
    settings.mark_changed();
    let title = settings.heat_metric.title();
    model.notify(format!("heat map of the {title}"), Role::Dim, now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_layout_keeps_names_whole_and_fits_any_width() {
        for width in 0..260_u16 {
            for longest in [0, 5, 22, 60, 300] {
                let layout = HeatLayout::new(width, longest, 6);
                let end = layout.cause.0 + layout.cause.1;
                assert!(layout.cells.1 == 0 || end <= width + 1, "{width} {longest} {layout:?}");
                assert!(layout.value.0 >= layout.cells.0 + layout.cells.1);
            }
        }
        let layout = |width, longest| HeatLayout::new(width, longest, 6);
        assert_eq!(layout(80, 22), HeatLayout { name_width: 22, cells: (26, 36), value: (63, 6), cause: (70, 10) });
        assert_eq!((layout(80, 40).name_width, layout(80, 40).cause.1), (40, 10));
        assert_eq!((layout(80, 50).name_width, layout(80, 50).cause.1), (50, 0), "the cause is dropped first");
        assert_eq!((layout(200, 22).cells.1, layout(200, 22).cause.1), (119, 47));
    }
}
