//! The range of time of the charts of the view shown.

use std::time::Duration;

use crate::app::model::Model;
use crate::table::chart_lines::ChartRange;

impl Model {
    /// Returns the time span of the header's sparklines: that of the charts.
    pub(crate) fn chart_span(&self) -> Duration {
        self.chart_range().map_or(self.charts.span(), |range| range.span)
    }

    /// Returns the range of time of the charts; `None` before the first sample.
    pub(crate) fn chart_range(&self) -> Option<ChartRange> {
        let cursor = self.instance()?.data.past_moment().map(|past| past.sample().at.monotonic);
        ChartRange::of_all(&self.shown_instances(), cursor, self.charts.span())
    }
}
