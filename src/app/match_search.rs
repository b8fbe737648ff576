//! Moves the cursor between the rows that match the filter, on the dashboard and in tables.
//!
//! A table shows a proxy above its matching servers even if the proxy does not match, and the dashboard shows a backend
//! if one of its servers matches; such rows are skipped.

use std::time::Duration;

use crate::app::dashboard_lists;
use crate::app::dashboard_order::RowOrder;
use crate::app::layout::Pane;
use crate::app::model::Model;
use crate::observe::row_ids::RowId;
use crate::table::cell::Role;
use crate::table::columns::row_view::RowView;
use crate::table::view_table::Content;

/// Selects the row whose name is the filter, or else the first matching row.
pub(crate) fn select_first(model: &mut Model) {
    let matches = matching_rows(model);
    let text = model.view_settings[model.view()].filter.to_string().to_lowercase();
    let sample = model.instance().and_then(|instance| instance.data.shown());
    let is_named = |id: &&RowId| {
        let row = sample.and_then(|sample| sample.row(**id));
        row.is_some_and(|row| dashboard_lists::row_name(row).to_lowercase() == text)
    };
    if let Some(id) = matches.iter().find(is_named).or_else(|| matches.first()).copied() {
        select(model, id);
    }
}

/// Returns whether the view shown has rows and a filter.
pub(crate) fn has_filter(model: &Model) -> bool {
    let has_rows = matches!(model.current_view().content, Content::Dashboard | Content::Table(_));
    has_rows && !model.view_settings[model.view()].filter.is_empty()
}

/// Moves the cursor by `by` matching rows, and past the last one to the first.
pub(crate) fn move_to_match(model: &mut Model, by: i32, now: Duration) {
    let matches = matching_rows(model);
    let place = model.focused_row().and_then(|id| matches.iter().position(|row| *row == id));
    let next = match place {
        Some(place) => (place as i64 + i64::from(by)).rem_euclid(matches.len() as i64) as usize,
        None if by > 0 => 0,
        None => matches.len().saturating_sub(1),
    };
    match matches.get(next).copied() {
        Some(id) => select(model, id),
        None => model.notify("no row matches the filter; Esc clears it", Role::Dim, now),
    }
}

fn select(model: &mut Model, id: RowId) {
    let view = model.view();
    let is_dashboard = matches!(model.current_view().content, Content::Dashboard);
    let Some(instance) = model.instance_mut() else { return };
    if !is_dashboard {
        instance.view_cursors[view].select(id);
    } else if let Some(pane) = instance.select_in_lists(id) {
        model.focus = pane;
    }
}

/// Returns the rows that match the filter, in the order shown.
fn matching_rows(model: &Model) -> Vec<RowId> {
    let Some(instance) = model.instance() else { return Vec::new() };
    let Some(sample) = instance.data.shown() else { return Vec::new() };
    let settings = &model.view_settings[model.view()];
    if let Content::Table(_) = model.current_view().content {
        let is_match = |row: usize| settings.filter.matches(&RowView::new(&instance.data, sample, row));
        return instance.table_lines().iter().filter(|line| is_match(line.index)).map(|line| line.id).collect();
    }
    let order = RowOrder::new(&instance.data, sample, settings);
    let is_match = |id: &RowId| sample.rows.index_of(*id).is_some_and(|row| order.matches(row));
    let frontends = instance.lists.rows(Pane::Frontends).iter().copied();
    let with_servers = |backend: &RowId| std::iter::once(*backend).chain(order.rows(Pane::Servers, Some(*backend)));
    let backends = instance.lists.rows(Pane::Backends).iter().flat_map(with_servers);
    // The focused list comes first.
    if model.focus == Pane::Frontends {
        frontends.chain(backends).filter(is_match).collect()
    } else {
        backends.chain(frontends).filter(is_match).collect()
    }
}
