//! The rows marked for acts on several at once.

use std::collections::BTreeSet;

use crate::observe::row_ids::RowId;

/// The marked rows.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    rows: BTreeSet<RowId>,
    /// Where a range began, and what was marked before it.
    range: Option<(RowId, BTreeSet<RowId>)>,
}

impl Marks {
    /// Whether a row is marked.
    pub fn has(&self, id: RowId) -> bool {
        self.rows.contains(&id)
    }

    /// How many are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// Marks a row, or unmarks it.
    pub fn toggle(&mut self, id: RowId) {
        self.range = None;
        if !self.rows.remove(&id) {
            self.rows.insert(id);
        }
    }

    /// Begins a range at a row, or ends the one begun.
    pub fn toggle_range(&mut self, id: RowId) {
        if self.range.take().is_none() {
            self.range = Some((id, self.rows.clone()));
            self.rows.insert(id);
        }
    }

    /// Whether a range is open: moving then marks.
    pub fn has_range(&self) -> bool {
        self.range.is_some()
    }

    /// The selection moved to a row of this list: the range reaches that far now. Only rows that `can` be acted on
    /// are marked.
    pub fn stretch(&mut self, to: RowId, list: &[RowId], can: impl Fn(RowId) -> bool) {
        let Some((from, before)) = &self.range else { return };
        let place = |id: RowId| list.iter().position(|row| *row == id);
        let (Some(one), Some(other)) = (place(*from), place(to)) else { return };
        let between = &list[one.min(other)..=one.max(other)];
        self.rows = before.iter().chain(between).copied().filter(|id| can(*id)).collect();
    }

    /// Marks these too.
    pub fn add(&mut self, rows: impl IntoIterator<Item = RowId>) {
        self.range = None;
        self.rows.extend(rows);
    }

    /// Unmarks all. Says whether any was.
    pub fn clear(&mut self) -> bool {
        self.range = None;
        !std::mem::take(&mut self.rows).is_empty()
    }

    /// Unmarks those that are not to stay.
    pub fn retain(&mut self, stays: impl Fn(RowId) -> bool) {
        self.rows.retain(|id| stays(*id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, site};

    #[test]
    fn a_range_grows_and_shrinks_with_the_selection_and_keeps_what_was_marked_before() {
        let rows = SampleMaker::default().at_millis(0, &site()).rows.ids().to_vec();
        let mut marks = Marks::default();
        let marked = |marks: &Marks| rows.iter().map(|id| if marks.has(*id) { '#' } else { '.' }).collect::<String>();
        marks.toggle(rows[9]);
        marks.toggle_range(rows[2]);
        for (to, expected) in [(4, "..###....#"), (1, ".##......#"), (2, "..#......#")] {
            marks.stretch(rows[to], &rows, |id| id != rows[3] || to != 9);
            assert_eq!(marked(&marks), expected, "{to}");
        }
        marks.stretch(rows[6], &rows, |id| id != rows[3]);
        assert_eq!(marked(&marks), "..#.###..#", "one that cannot be acted on");
        marks.toggle_range(rows[6]);
        marks.stretch(rows[7], &rows, |_| true);
        assert_eq!(marked(&marks), "..#.###..#", "the range is over");
        marks.toggle(rows[9]);
        assert_eq!((marks.count(), marks.clear(), marks.clear()), (4, true, false));
    }
}
