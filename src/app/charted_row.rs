//! The row whose charts are shown.

use std::time::Duration;

use crate::app::layout::Pane;
use crate::app::model::Model;
use crate::observe::row_ids::RowId;
use crate::table::cell::Role;
use crate::table::chart_picture;
use crate::table::columns::row_view::RowView;
use crate::table::view_table::ViewId;

/// Number of frontends that are searched for one with traffic.
const SEARCHED_FRONTENDS: usize = 8;

/// Returns the row whose charts are shown: the selected one or, if the cursor is on no row, the selected backend. Until the
/// operator moves the cursor of the dashboard, a row without changes, such as a backend without servers and requests, is
/// replaced by its backend or by a frontend with traffic.
pub(crate) fn charted_row(model: &Model) -> Option<RowView<'_>> {
    let instance = model.instance()?;
    let is_dashboard = model.view() == ViewId::Dashboard;
    let in_list = || model.list_row().filter(|_| is_dashboard);
    let id = model.focused_row().or_else(in_list).or_else(|| instance.cursor_row(Pane::Backends))?;
    let sample = instance.data.shown()?;
    let view = |id: RowId| Some(RowView::new(&instance.data, sample, sample.rows.index_of(id)?));
    let row = view(id)?;
    let is_changing = |row: &RowView<'_>| chart_picture::has_changing_chart(*row, model.charts.span());
    if !is_dashboard || !model.layers.is_empty() || instance.is_cursor_chosen(model.focus) || is_changing(&row) {
        return Some(row);
    }
    let backend = instance.cursor_row(Pane::Backends).into_iter();
    let others = backend.chain(instance.lists.rows(Pane::Frontends).iter().copied().take(SEARCHED_FRONTENDS));
    others.filter_map(view).find(is_changing).or(Some(row))
}

/// Chooses the next number for the chart, of those that the charted row has, and names it.
pub(crate) fn select_next_chart(model: &mut Model, now: Duration) {
    let next = charted_row(model).and_then(|row| model.charts.next_metric(row));
    model.charts.choose(next);
    let title = charted_row(model).and_then(|row| Some(model.charts.chart_of(row)?.title_of(&row)));
    let text = title.map_or_else(|| "this row has no chart".to_owned(), |title| format!("chart of the {title}"));
    model.notify(text, Role::Dim, now);
}
