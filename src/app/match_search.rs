//! Finds the rows that match the filter, on the dashboard and in tables.
//!
//! A table shows a proxy above its matching servers even if the proxy does not match, and the dashboard shows a backend
//! if one of its servers matches; such rows are skipped.

use crate::app::dashboard_lists;
use crate::app::dashboard_order::RowOrder;
use crate::app::layout::Pane;
use crate::app::model::Model;
use crate::app::pane_focus;
use crate::observe::row_ids::RowId;
use crate::table::columns::column_sets;
use crate::table::columns::row_view::RowView;
use crate::table::filter::{FilterError, RowFilter};
use crate::table::view_table::Content;

/// Selects the row whose name is the filter, or else the only row whose name starts with it, or else the first match.
/// So `can` finds the server `canary` of `be_canary`, and `api` finds `be_api` rather than one of `api1` to `api3`.
pub(crate) fn select_first(model: &mut Model) {
    let matches = matching_rows(model);
    let text = model.view_settings[model.view()].filter.to_string().to_lowercase();
    let sample = model.instance().and_then(|instance| instance.data.shown());
    let name = |id: RowId| sample.and_then(|sample| sample.row(id)).map(dashboard_lists::row_name);
    let starts = |id: &RowId| name(*id).is_some_and(|name| name.to_lowercase().starts_with(&text));
    let starting: Vec<RowId> = matches.iter().copied().filter(starts).collect();
    let has_length = |id: &&RowId| name(**id).is_some_and(|name| name.to_lowercase().len() == text.len());
    let only_one = || if let [only] = starting[..] { Some(only) } else { None };
    let best = starting.iter().find(has_length).copied().or_else(only_one);
    if let Some(id) = best.or_else(|| matches.first().copied()) {
        select(model, id);
    }
}

impl Model {
    /// Parses a filter for the rows of the view shown, whose columns come before others of the same name.
    ///
    /// # Errors
    /// As for [`RowFilter::parse`].
    pub(crate) fn parse_filter(&self, text: &str) -> Result<RowFilter, FilterError> {
        match self.current_view().content {
            Content::Dashboard => RowFilter::parse_with(text, column_sets::DASHBOARD),
            _ => RowFilter::parse_with(text, &self.view_settings[self.view()].columns),
        }
    }
}

/// Returns whether the view shown has rows and a filter.
pub(crate) fn has_filter(model: &Model) -> bool {
    let has_rows = matches!(model.current_view().content, Content::Dashboard | Content::Table(_));
    has_rows && !model.view_settings[model.view()].filter.is_empty()
}

/// Moves the cursor of the view shown to a row.
pub(crate) fn select(model: &mut Model, id: RowId) {
    let view = model.view();
    let is_dashboard = matches!(model.current_view().content, Content::Dashboard);
    let Some(instance) = model.instance_mut() else { return };
    if !is_dashboard {
        instance.view_cursors[view].select(id);
    } else if let Some(pane) = instance.select_in_lists(id) {
        pane_focus::focus_pane(model, pane);
    }
}

/// Returns the rows that match the filter, or all rows with a problem if no filter is set, in the order shown.
pub(crate) fn matching_rows(model: &Model) -> Vec<RowId> {
    let Some(instance) = model.instance() else { return Vec::new() };
    let Some(sample) = instance.data.shown() else { return Vec::new() };
    let settings = &model.view_settings[model.view()];
    if let Content::Table(_) = model.current_view().content {
        let with_problem = settings.filter.is_empty().then(|| RowOrder::new(&instance.data, sample, settings));
        let is_match = |row: usize| match &with_problem {
            Some(order) => order.has_problem(row),
            None => settings.filter.matches(&RowView::new(&instance.data, sample, row)),
        };
        return instance.table_lines().iter().filter(|line| is_match(line.index)).map(|line| line.id).collect();
    }
    let order = RowOrder::new(&instance.data, sample, settings);
    let is_match = |id: &RowId| {
        let row = sample.rows.index_of(*id);
        row.is_some_and(|row| if settings.filter.is_empty() { order.has_problem(row) } else { order.matches(row) })
    };
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
