//! The whole name of the row under the cursor, if its table shows it shortened.

use crate::app::dashboard_lists;
use crate::app::heat_view;
use crate::observe::events::display_name;
use crate::table::view_table::Content;
use crate::ui::dashboard_panes;
use crate::ui::draw_context::DrawContext;
use crate::ui::table_pane;
use crate::ui::text_width;

/// Returns the whole name of the row under the cursor if its table has shortened it; `None` if the name is shown whole.
pub(crate) fn shortened_name(context: &DrawContext<'_>) -> Option<String> {
    let DrawContext { model, instance, layout, .. } = *context;
    if !model.layers.is_empty() || model.charts.is_maximized {
        return None;
    }
    let sample = context.sample()?;
    let id = model.focused_row()?;
    let row = sample.row(id)?;
    let (needed, available) = match model.current_view().content {
        Content::Dashboard => {
            let area = layout.pane_area(model.focus)?;
            let fitted = dashboard_panes::fitted_columns(context, model.focus, area);
            (text_width::width(dashboard_lists::row_name(row)), fitted.first()?.1)
        }
        Content::Table(_) if heat_view::is_shown(model) => {
            let width = row.name_parts().iter().map(|part| text_width::width(part)).sum();
            (width, heat_view::layout(model).name_width)
        }
        Content::Table(_) => {
            let line = instance.table_lines().iter().find(|line| line.id == id)?;
            let fitted = table_pane::fitted_columns(context, model.table_areas(layout).rows);
            (usize::from(line.name_width(sample)), fitted.first()?.1)
        }
        _ => return None,
    };
    (needed > usize::from(available)).then(|| display_name(row.kind, &row.proxy, &row.name))
}
