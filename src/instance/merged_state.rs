//! The state of an instance that has no HAProxy of its own: the merged rows of several balancers.

use crate::history::rates::RateWindow;
use crate::instance::merged_rows::MergedRows;
use crate::instance::past_moment::PastMoment;
use crate::instance::state::Instance;
use crate::observe::events::EventLog;
use crate::observe::link::Link;
use crate::problems::tracker::ProblemTracker;

impl Instance {
    /// Shows merged rows: those of the newest sample in `rates`, with these problems. They are those of a past moment, or of
    /// the present.
    pub(crate) fn show_merged(&mut self, rates: RateWindow, problems: ProblemTracker, merged: MergedRows) {
        self.past_moment = None;
        if merged.is_past() {
            self.past_moment = PastMoment::from_state(rates, problems);
        } else {
            (self.rates, self.problems) = (rates, problems);
        }
        self.merged_rows = Some(merged);
        self.link = Link::Up;
    }

    /// Shows the events of several balancers.
    pub(crate) fn show_merged_events(&mut self, events: EventLog) {
        self.events = events;
    }

    /// Returns the merged rows; `None` for a single HAProxy.
    pub(crate) fn merged_rows(&self) -> Option<&MergedRows> {
        self.merged_rows.as_ref()
    }
}
