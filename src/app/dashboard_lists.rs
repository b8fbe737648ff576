//! The lists of the dashboard: their rows and cursors.

use std::borrow::Cow;

use crate::app::layout::Pane;
use crate::app::ui_commands::CursorStep;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

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
        let found = self.row.and_then(|id| match rows.get(self.index) {
            Some(same) if *same == id => Some(self.index),
            _ => rows.iter().position(|row| *row == id),
        });
        self.index = found.unwrap_or(self.index.min(rows.len().saturating_sub(1)));
        self.row = rows.get(self.index).copied();
        self.keep_visible(rows.len(), height);
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

/// Returns the indexes of the rows in a list, as positions in the sample. `backend` is the selected backend.
pub(crate) fn row_indexes(sample: &Sample, pane: Pane, backend: Option<RowId>) -> Cow<'_, [usize]> {
    match pane {
        Pane::Frontends => Cow::Borrowed(sample.rows.frontends()),
        Pane::Backends => sample.rows.backends().iter().map(|backend| backend.row).collect(),
        Pane::Servers => {
            let row = backend.and_then(|id| sample.rows.index_of(id));
            let backend = sample.rows.backends().iter().find(|backend| Some(backend.row) == row);
            backend.map_or(Cow::Borrowed(&[]), |backend| Cow::Borrowed(&backend.servers))
        }
        Pane::Charts | Pane::Events => Cow::Borrowed(&[]),
    }
}

/// Returns the ids of the rows in a list. `backend` is the selected backend.
pub(crate) fn row_ids(sample: &Sample, pane: Pane, backend: Option<RowId>) -> Vec<RowId> {
    row_indexes(sample, pane, backend).iter().map(|index| sample.rows.ids()[*index]).collect()
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
    fn row_indexes_returns_servers_of_selected_backend() {
        let sample = SampleBuilder::default().build_at_millis(0, &stat_of_site());
        let backends = row_ids(&sample, Pane::Backends, None);
        assert_eq!(backends.len(), 3);
        assert_eq!(row_indexes(&sample, Pane::Servers, Some(backends[1])).as_ref(), [4, 5, 6]);
        assert!(row_indexes(&sample, Pane::Servers, None).is_empty());
    }
}
