//! Rows marked for actions on several targets.

use std::collections::BTreeSet;

use crate::observe::row_ids::RowId;

/// The marked rows of one instance.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    rows: BTreeSet<RowId>,
    /// First row of the open range, and the rows that were marked before the range was opened.
    range: Option<(RowId, BTreeSet<RowId>)>,
}

impl Selection {
    /// Returns whether a row is marked.
    pub(crate) fn contains(&self, id: RowId) -> bool {
        self.rows.contains(&id)
    }

    /// Returns the marked rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = RowId> {
        self.rows.iter().copied()
    }

    /// Returns the number of marked rows.
    pub fn marked_count(&self) -> usize {
        self.rows.len()
    }

    /// Marks or unmarks a row.
    pub(crate) fn toggle(&mut self, id: RowId) {
        self.range = None;
        if !self.rows.remove(&id) {
            self.rows.insert(id);
        }
    }

    /// Starts a range at a row, or ends the open range if there is one.
    pub(crate) fn toggle_range(&mut self, id: RowId) {
        if self.range.take().is_none() {
            self.range = Some((id, self.rows.clone()));
            self.rows.insert(id);
        }
    }

    /// Returns whether a range is open. While it is, moving the cursor marks rows.
    pub(crate) fn has_open_range(&self) -> bool {
        self.range.is_some()
    }

    /// Extends the open range to the row `to` of `list`. Marks only rows for which `can_mark` returns true.
    pub(crate) fn extend_range_to(&mut self, to: RowId, list: &[RowId], can_mark: impl Fn(RowId) -> bool) {
        let Some((from, before)) = &self.range else { return };
        let index_of = |id: RowId| list.iter().position(|row| *row == id);
        let (Some(one), Some(other)) = (index_of(*from), index_of(to)) else { return };
        let between = &list[one.min(other)..=one.max(other)];
        self.rows = before.iter().chain(between).copied().filter(|id| can_mark(*id)).collect();
    }

    /// Marks additional rows.
    pub(crate) fn extend(&mut self, rows: impl IntoIterator<Item = RowId>) {
        self.range = None;
        self.rows.extend(rows);
    }

    /// Unmarks all rows. Returns whether any was marked.
    pub(crate) fn clear(&mut self) -> bool {
        self.range = None;
        !std::mem::take(&mut self.rows).is_empty()
    }

    /// Unmarks the rows for which `keep` returns false.
    pub(crate) fn retain(&mut self, keep: impl Fn(RowId) -> bool) {
        self.rows.retain(|id| keep(*id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    #[test]
    fn extend_range_to_keeps_earlier_marks() {
        let rows = SampleBuilder::default().build_at_millis(0, &stat_of_site()).rows.ids().to_vec();
        let mut selection = Selection::default();
        let marked = |selection: &Selection| {
            rows.iter().map(|id| if selection.contains(*id) { '#' } else { '.' }).collect::<String>()
        };
        selection.toggle(rows[9]);
        selection.toggle_range(rows[2]);
        for (to, expected) in [(4, "..###....#"), (1, ".##......#"), (2, "..#......#")] {
            selection.extend_range_to(rows[to], &rows, |id| id != rows[3] || to != 9);
            assert_eq!(marked(&selection), expected, "{to}");
        }
        selection.extend_range_to(rows[6], &rows, |id| id != rows[3]);
        assert_eq!(marked(&selection), "..#.###..#", "a row that cannot be marked is skipped");
        selection.toggle_range(rows[6]);
        selection.extend_range_to(rows[7], &rows, |_| true);
        assert_eq!(marked(&selection), "..#.###..#", "the range has ended");
        selection.toggle(rows[9]);
        assert_eq!((selection.marked_count(), selection.clear(), selection.clear()), (4, true, false));
    }
}
