//! The lists of the dashboard: their rows, in the order shown, and their cursors.
//!
//! The rows are sorted once per sample, worst first ([`crate::app::dashboard_order`]). Until the operator moves a cursor,
//! each cursor stays on the first row, the worst one; afterwards it follows its row.

use unicode_width::UnicodeWidthStr as _;

use crate::app::dashboard_order::{self, RowOrder};
use crate::app::layout::Pane;
use crate::app::ui_commands::CursorStep;
use crate::haproxy::stat_table::{RowKind, StatRow};
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::table::columns::column::Column;
use crate::table::columns::column_sets;
use crate::table::columns::column_table::BALANCERS;
use crate::table::columns::column_use::ColumnUse;
use crate::table::rows::TableSettings;

/// The cursor in a list of one instance. The cursor follows its row when the row moves. If the row disappears, the
/// cursor stays at the same index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ListCursor {
    row: Option<RowId>,
    index: usize,
    top: usize,
    /// Set if the cursor was moved since the list was opened.
    is_chosen: bool,
}

impl ListCursor {
    /// Returns the row under the cursor, or `None` if the list is empty.
    pub(crate) fn row(&self) -> Option<RowId> {
        self.row
    }

    /// Returns whether the cursor was moved since the list was opened.
    pub(crate) fn is_chosen(&self) -> bool {
        self.is_chosen
    }

    /// Returns the cursor's index in the list.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// Returns the index of the first visible row.
    pub(crate) fn top(&self) -> usize {
        self.top
    }

    /// Moves the cursor within `rows`, of which `height` are visible.
    pub(crate) fn move_by(&mut self, step: CursorStep, rows: &[RowId], height: usize) {
        self.scroll(step, rows.len(), height);
        self.is_chosen = true;
        self.row = rows.get(self.index).copied();
    }

    /// Finds the cursor's row in the current `rows`, and keeps it visible.
    pub(crate) fn update_rows(&mut self, rows: &[RowId], height: usize) {
        self.find_row(rows);
        self.keep_visible(rows.len(), height);
    }

    /// Finds the cursor's row in the current `rows`.
    fn find_row(&mut self, rows: &[RowId]) {
        let found = self.row.and_then(|id| match rows.get(self.index) {
            Some(same) if *same == id => Some(self.index),
            _ => rows.iter().position(|row| *row == id),
        });
        self.index = found.unwrap_or(self.index.min(rows.len().saturating_sub(1)));
        self.row = rows.get(self.index).copied();
    }

    /// Moves the cursor to a row; the next [`Self::update_rows`] finds its index.
    pub(crate) fn select(&mut self, id: RowId) {
        self.row = Some(id);
        self.is_chosen = true;
    }

    /// Moves the cursor to a row that the operator did not choose.
    pub(crate) fn follow(&mut self, id: RowId) {
        self.row = Some(id);
        self.is_chosen = false;
    }

    /// Moves the cursor within `count` lines that are not rows of `show stat`.
    pub(crate) fn scroll(&mut self, step: CursorStep, count: usize, height: usize) {
        let last = count.saturating_sub(1);
        let by = |count: i32| self.index.saturating_add_signed(count as isize).min(last);
        self.index = match step {
            CursorStep::Rows(count) => by(count),
            CursorStep::HalfPages(count) => by(count.saturating_mul((height / 2).max(1) as i32)),
            CursorStep::First => 0,
            CursorStep::Last => last,
        };
        self.keep_visible(count, height);
    }

    /// Moves the cursor to the line that is now at `index`, and scrolls by as much, so that the line keeps its place on the
    /// screen.
    pub(crate) fn follow_line(&mut self, index: usize) {
        self.top = self.top.saturating_add_signed(index as isize - self.index as isize);
        self.index = index;
    }

    fn keep_visible(&mut self, count: usize, height: usize) {
        let lowest_top = (self.index + 1).saturating_sub(height.max(1));
        let highest_top = count.saturating_sub(height.max(1));
        self.top = self.top.clamp(lowest_top, self.index).min(highest_top.max(lowest_top));
    }

    /// Moves the cursor back to the first row, after the contents of the list were replaced.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Number of lists of the dashboard.
const LISTS: usize = Pane::LISTS.len();

/// The lists of the dashboard, in the order of [`Pane::LISTS`].
#[derive(Debug, Default)]
pub(crate) struct DashboardLists {
    rows: [Vec<RowId>; LISTS],
    cursors: [ListCursor; LISTS],
    /// Width of the longest name of each list, in screen cells.
    name_widths: [u16; LISTS],
    /// Number of rows of each list without a filter, for a layout that stays while a filter is typed.
    unfiltered_counts: [usize; LISTS],
    /// Records of the columns of each list that had a value so far.
    column_uses: [ColumnUse; LISTS],
    /// Inputs from which the rows were built; `None` if they must be built again.
    built_for: Option<ListInputs>,
    /// Backend whose servers are listed.
    backend: Option<RowId>,
    /// True once the operator has moved a cursor.
    is_navigated: bool,
    /// True if the rows are those of several balancers merged.
    is_merged: bool,
}

/// Inputs of the rows of the lists. The rows are built again when one of them changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ListInputs {
    /// Sequence number of the sample.
    seq: u64,
    /// True if the problems are those of the sample.
    is_evaluated: bool,
    /// Version of the settings.
    version: u64,
}

impl DashboardLists {
    /// Returns the rows of a list; empty if the pane is not a list.
    pub(crate) fn rows(&self, pane: Pane) -> &[RowId] {
        pane.list_index().map_or(&[], |list| &self.rows[list])
    }

    /// Returns the width of the longest name of a list, in screen cells.
    pub(crate) fn name_width(&self, pane: Pane) -> u16 {
        pane.list_index().map_or(0, |list| self.name_widths[list])
    }

    /// Returns what the columns of a list contained so far, or `None` if the pane is not a list.
    pub(crate) fn column_use(&self, pane: Pane) -> Option<&ColumnUse> {
        self.column_uses.get(pane.list_index()?)
    }

    /// Returns the width that a list needs for its names and the columns that had a value.
    pub(crate) fn wanted_width(&self, pane: Pane) -> u16 {
        ColumnUse::wanted_width(&self.columns(pane), self.name_width(pane))
    }

    /// Returns the columns of a list: also the balancers of merged rows.
    pub(crate) fn columns(&self, pane: Pane) -> Vec<&'static Column> {
        let columns = columns(pane);
        let (name, others) = columns.split_at(columns.len().min(1));
        let balancers = self.is_merged.then_some(&BALANCERS);
        name.iter().copied().chain(balancers).chain(others.iter().copied()).collect()
    }

    /// Returns the cursor of a list, or `None` if the pane is not a list.
    pub(crate) fn cursor(&self, pane: Pane) -> Option<&ListCursor> {
        self.cursors.get(pane.list_index()?)
    }

    /// Moves the cursor of a list, of which `height` rows are visible. When another backend is selected, the cursor of
    /// the servers goes to the first one.
    pub(crate) fn move_by(&mut self, pane: Pane, step: CursorStep, height: usize) {
        let Some(list) = pane.list_index() else { return };
        self.is_navigated = true;
        self.cursors[list].move_by(step, &self.rows[list], height);
    }

    /// Records that the operator chose the rows under the cursors, so that the cursors follow these rows.
    pub(crate) fn set_navigated(&mut self) {
        self.is_navigated = true;
    }

    /// Moves the cursor of a list to a row; the next [`Self::update`] finds its index.
    pub(crate) fn select(&mut self, pane: Pane, id: RowId) {
        if let Some(list) = pane.list_index() {
            self.cursors[list].select(id);
            self.is_navigated = true;
        }
    }

    /// Builds the rows again if one of their inputs changed, and finds the rows of the cursors. If `is_frozen` is set and
    /// only the sample changed, rows keep their places.
    pub(crate) fn update(&mut self, data: &Instance, sample: &Sample, settings: &TableSettings, is_frozen: bool) {
        let inputs = ListInputs { seq: sample.seq, is_evaluated: data.is_evaluated(), version: settings.version };
        let is_changed = self.built_for != Some(inputs);
        let keeps_order = is_frozen && self.built_for.is_some_and(|built| built.version == settings.version);
        self.is_merged = data.merged_rows().is_some();
        let mut order = None;
        if is_changed {
            let order = order.insert(RowOrder::new(data, sample, settings));
            for pane in [Pane::Causes, Pane::Frontends, Pane::Backends] {
                self.set_rows(pane, data, sample, order.rows(pane, None), keeps_order);
            }
            self.built_for = Some(inputs);
        }
        let [servers, backends] = [Pane::Servers, Pane::Backends].map(|pane| pane.list_index().unwrap_or_default());
        for list in (0..LISTS).filter(|list| *list != servers) {
            self.find_row(list);
        }
        let backend = self.cursors[backends].row();
        let is_other = backend != self.backend;
        if is_changed || is_other {
            let order = order.get_or_insert_with(|| RowOrder::new(data, sample, settings));
            let rows = order.rows(Pane::Servers, backend);
            self.set_rows(Pane::Servers, data, sample, rows, keeps_order && !is_other);
            let is_listed = self.cursors[servers].row().is_some_and(|id| self.rows[servers].contains(&id));
            if is_other && !is_listed {
                self.cursors[servers].reset();
            }
            self.backend = backend;
        }
        self.find_row(servers);
        if settings.filter.is_empty() {
            self.unfiltered_counts = std::array::from_fn(|list| self.rows[list].len());
        }
    }

    /// Returns the number of rows that each list has, or had before a filter was set.
    pub(crate) fn unfiltered_counts(&self) -> [usize; LISTS] {
        std::array::from_fn(|list| self.rows[list].len().max(self.unfiltered_counts[list]))
    }

    /// Keeps the cursor of a list visible, if `height` rows are.
    pub(crate) fn keep_visible(&mut self, pane: Pane, height: usize) {
        if let Some(list) = pane.list_index() {
            self.cursors[list].keep_visible(self.rows[list].len(), height);
        }
    }

    fn find_row(&mut self, list: usize) {
        if !self.is_navigated {
            self.cursors[list].reset();
        }
        self.cursors[list].find_row(&self.rows[list]);
    }

    fn set_rows(&mut self, pane: Pane, data: &Instance, sample: &Sample, fresh: Vec<RowId>, keeps_order: bool) {
        if let Some(list) = pane.list_index() {
            let names = fresh.iter().filter_map(|id| sample.row(*id)).map(row_name);
            self.name_widths[list] = names.map(|name| name.width() as u16).max().unwrap_or(0);
            if pane != Pane::Causes {
                let row_at = |row: usize| fresh.get(row).and_then(|id| sample.rows.index_of(*id));
                let columns = self.columns(pane);
                self.column_uses[list].update(data, sample, &columns, fresh.len(), row_at);
            }
            let before = std::mem::take(&mut self.rows[list]);
            self.rows[list] = if keeps_order { dashboard_order::in_former_order(&before, fresh) } else { fresh };
        }
    }
}

/// Returns the name of a server or listener, or the proxy's name for other rows.
pub(crate) fn row_name(row: &StatRow) -> &str {
    match row.kind {
        RowKind::Frontend | RowKind::Backend => row.proxy.as_str(),
        RowKind::Server | RowKind::Listener => row.name.as_str(),
    }
}

/// Returns the columns of a list of one instance.
pub(crate) fn columns(pane: Pane) -> &'static [&'static Column] {
    match pane {
        Pane::Frontends => column_sets::FRONTENDS,
        Pane::Servers => column_sets::SERVERS,
        Pane::Backends | Pane::Causes | Pane::Charts | Pane::Events => column_sets::BACKENDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn server_ids() -> Vec<RowId> {
        SampleBuilder::default().build_at_millis(0, &stat_of_site()).rows.ids().to_vec()
    }

    #[test]
    fn list_cursor_follows_its_row() {
        let mut rows = server_ids();
        let mut list = ListCursor::default();
        list.update_rows(&rows, 4);
        list.move_by(CursorStep::Rows(2), &rows, 4);
        let chosen = rows[2];
        assert_eq!(list.row(), Some(chosen));
        rows.swap(2, 7);
        list.update_rows(&rows, 4);
        assert_eq!((list.row(), list.index(), list.top()), (Some(chosen), 7, 4));
        rows.retain(|row| *row != chosen);
        list.update_rows(&rows, 4);
        assert_eq!(list.row(), Some(rows[7]), "the cursor stays at the same index");
        list.update_rows(&[], 4);
        assert_eq!((list.row(), list.index(), list.top()), (None, 0, 0));
    }

    #[test]
    fn move_by_stays_within_list() {
        let rows = server_ids();
        let mut list = ListCursor::default();
        for (step, place) in [
            (CursorStep::Rows(-1), 0),
            (CursorStep::Last, 9),
            (CursorStep::Rows(1), 9),
            (CursorStep::HalfPages(-1), 7),
            (CursorStep::HalfPages(-2), 3),
            (CursorStep::First, 0),
            (CursorStep::HalfPages(2), 4),
        ] {
            list.move_by(step, &rows, 4);
            list.update_rows(&rows, 4);
            assert_eq!(list.index(), place, "{step:?}");
            assert!(list.top() <= place && place < list.top() + 4);
        }
        list.move_by(CursorStep::Last, &[], 0);
        list.update_rows(&[], 0);
    }

    #[test]
    fn update_lists_servers_of_selected_backend() {
        let mut data = Instance::default();
        data.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        let sample = std::sync::Arc::clone(data.shown().unwrap());
        let settings = TableSettings::new(&[]);
        let mut lists = DashboardLists::default();
        lists.update(&data, &sample, &settings, false);
        let names = |lists: &DashboardLists, pane| {
            let rows = lists.rows(pane).iter().filter_map(|id| sample.row(*id));
            rows.map(|row| format!("{}/{}", row.proxy, row.name)).collect::<Vec<_>>()
        };
        assert_eq!(names(&lists, Pane::Backends)[0], "legacy/BACKEND", "its only server is down");
        assert_eq!(names(&lists, Pane::Servers), ["legacy/old1"]);
        lists.move_by(Pane::Backends, CursorStep::Last, 4);
        lists.update(&data, &sample, &settings, false);
        assert_eq!(names(&lists, Pane::Servers), ["api/api1", "api/api2", "api/api3"]);
    }
}
