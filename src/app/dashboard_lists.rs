//! The lists of the dashboard: which rows each holds, and which one is selected.

use std::borrow::Cow;

use crate::app::commands::Step;
use crate::app::layout::Pane;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// What is selected in one list. It follows the row, wherever that goes; only when the row is gone does the
/// one in its place take over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListState {
    selected: Option<RowId>,
    place: usize,
    top: usize,
}

impl ListState {
    /// The selected row.
    pub fn selected(&self) -> Option<RowId> {
        self.selected
    }

    /// Its place in the list.
    pub fn place(&self) -> usize {
        self.place
    }

    /// The first visible place.
    pub fn top(&self) -> usize {
        self.top
    }

    /// Moves the selection within `rows`, of which `height` are visible.
    pub fn step(&mut self, step: Step, rows: &[RowId], height: usize) {
        self.scroll(step, rows.len(), height);
        self.selected = rows.get(self.place).copied();
    }

    /// Finds the selected row again in what the list holds now, and keeps it visible.
    pub fn settle(&mut self, rows: &[RowId], height: usize) {
        let found = self.selected.and_then(|id| match rows.get(self.place) {
            Some(same) if *same == id => Some(self.place),
            _ => rows.iter().position(|row| *row == id),
        });
        self.place = found.unwrap_or(self.place.min(rows.len().saturating_sub(1)));
        self.selected = rows.get(self.place).copied();
        self.keep_visible(rows.len(), height);
    }

    /// Selects a row, wherever it stands.
    pub fn select(&mut self, id: RowId) {
        self.selected = Some(id);
    }

    /// Moves within `count` lines that have no identity.
    pub fn scroll(&mut self, step: Step, count: usize, height: usize) {
        let last = count.saturating_sub(1);
        let by = |count: i32| self.place.saturating_add_signed(count as isize).min(last);
        self.place = match step {
            Step::Rows(count) => by(count),
            Step::HalfPages(count) => by(count.saturating_mul((height / 2).max(1) as i32)),
            Step::First => 0,
            Step::Last => last,
        };
        self.keep_visible(count, height);
    }

    fn keep_visible(&mut self, count: usize, height: usize) {
        let lowest_top = (self.place + 1).saturating_sub(height.max(1));
        let highest_top = count.saturating_sub(height.max(1));
        self.top = self.top.clamp(lowest_top, self.place).min(highest_top.max(lowest_top));
    }

    /// Goes back to the first row: the list is about something else now.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// The rows of a list, as indexes into the sample. `backend` is the selected one.
pub fn rows(sample: &Sample, pane: Pane, backend: Option<RowId>) -> Cow<'_, [usize]> {
    match pane {
        Pane::Frontends => Cow::Borrowed(sample.rows.frontends()),
        Pane::Backends => sample.rows.backends().iter().map(|backend| backend.row).collect(),
        Pane::Servers => {
            let row = backend.and_then(|id| sample.rows.index(id));
            let backend = sample.rows.backends().iter().find(|backend| Some(backend.row) == row);
            backend.map_or(Cow::Borrowed(&[]), |backend| Cow::Borrowed(&backend.servers))
        }
        Pane::Charts | Pane::Events => Cow::Borrowed(&[]),
    }
}

/// The same as ids.
pub fn ids(sample: &Sample, pane: Pane, backend: Option<RowId>) -> Vec<RowId> {
    rows(sample, pane, backend).iter().map(|index| sample.rows.ids()[*index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, site};

    fn server_ids() -> Vec<RowId> {
        SampleMaker::default().at_millis(0, &site()).rows.ids().to_vec()
    }

    #[test]
    fn the_selection_follows_the_row() {
        let mut rows = server_ids();
        let mut list = ListState::default();
        list.settle(&rows, 4);
        list.step(Step::Rows(2), &rows, 4);
        let chosen = rows[2];
        assert_eq!(list.selected(), Some(chosen));
        rows.swap(2, 7);
        list.settle(&rows, 4);
        assert_eq!((list.selected(), list.place(), list.top()), (Some(chosen), 7, 4));
        rows.retain(|row| *row != chosen);
        list.settle(&rows, 4);
        assert_eq!(list.selected(), Some(rows[7]), "the row in its place takes over");
        list.settle(&[], 4);
        assert_eq!((list.selected(), list.place(), list.top()), (None, 0, 0));
    }

    #[test]
    fn steps_stay_within_the_list() {
        let rows = server_ids();
        let mut list = ListState::default();
        for (step, place) in [
            (Step::Rows(-1), 0),
            (Step::Last, 9),
            (Step::Rows(1), 9),
            (Step::HalfPages(-1), 7),
            (Step::HalfPages(-2), 3),
            (Step::First, 0),
            (Step::HalfPages(2), 4),
        ] {
            list.step(step, &rows, 4);
            list.settle(&rows, 4);
            assert_eq!(list.place(), place, "{step:?}");
            assert!(list.top() <= place && place < list.top() + 4);
        }
        list.step(Step::Last, &[], 0);
        list.settle(&[], 0);
    }

    #[test]
    fn servers_are_those_of_the_selected_backend() {
        let sample = SampleMaker::default().at_millis(0, &site());
        let backends = ids(&sample, Pane::Backends, None);
        assert_eq!(backends.len(), 3);
        assert_eq!(rows(&sample, Pane::Servers, Some(backends[1])).as_ref(), [4, 5, 6]);
        assert!(rows(&sample, Pane::Servers, None).is_empty());
    }
}
