//! The row whose charts are shown.

use crate::app::layout::Pane;
use crate::app::model::Model;
use crate::table::columns::row_view::RowView;

/// Returns the row whose charts are shown: the selected one or, if the cursor is on no row, the selected backend.
pub(crate) fn charted_row(model: &Model) -> Option<RowView<'_>> {
    let instance = model.instance()?;
    let id = model.focused_row().or_else(|| instance.cursor_row(Pane::Backends))?;
    let sample = instance.data.shown()?;
    Some(RowView::new(&instance.data, sample, sample.rows.index_of(id)?))
}

/// Chooses the next number for the chart, of those that the charted row has.
pub(crate) fn select_next_chart(model: &mut Model) {
    let next = charted_row(model).and_then(|row| model.charts.next_metric(row));
    model.charts.choose(next);
}
