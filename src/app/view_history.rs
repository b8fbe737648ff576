//! The views to which Esc goes back: each once, so that going back never leads in a circle.

use crate::table::view_table::ViewId;

/// The views shown before, without the one shown now, the last one last. The dashboard has no view to go back to.
#[derive(Debug, Default)]
pub(crate) struct ViewHistory {
    earlier: Vec<ViewId>,
}

impl ViewHistory {
    /// Returns the view to which Esc goes back: the one shown before, or else the dashboard.
    pub(crate) fn previous(&self) -> ViewId {
        self.earlier.last().copied().unwrap_or_default()
    }

    /// Records that a view is opened from another one.
    pub(crate) fn record(&mut self, from: ViewId, to: ViewId) {
        self.earlier.retain(|view| *view != from && *view != to);
        self.earlier.push(from);
        if to == ViewId::Dashboard {
            self.earlier.clear();
        }
    }

    /// Forgets the view that is left, and returns the one to go back to.
    pub(crate) fn leave(&mut self) -> ViewId {
        self.earlier.pop().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn view_history_returns_each_view_once() {
        let mut history = ViewHistory::default();
        let opened = [ViewId::Status, ViewId::Problems, ViewId::Cli, ViewId::Problems, ViewId::Status, ViewId::Events];
        let mut shown = ViewId::Dashboard;
        for view in opened {
            history.record(shown, view);
            shown = view;
        }
        let back: Vec<ViewId> = (0..5).map(|_| history.leave()).collect();
        let expected = [ViewId::Status, ViewId::Problems, ViewId::Cli, ViewId::Dashboard, ViewId::Dashboard];
        assert_eq!(back, expected);
        history.record(ViewId::Status, ViewId::Cli);
        history.record(ViewId::Cli, ViewId::Dashboard);
        assert_eq!(history.previous(), ViewId::Dashboard);
    }
}
