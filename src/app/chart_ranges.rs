//! The range of time of the charts of the view shown.

use std::time::Duration;

use crate::app::model::Model;
use crate::instance::state::Instance;
use crate::table::chart_lines::{self, ChartRange};

impl Model {
    /// Returns the time span of the header's sparklines: that of the charts.
    pub(crate) fn chart_span(&self) -> Duration {
        self.chart_range().map_or(self.charts.span(), |range| range.span)
    }

    /// Returns the range of time of the charts; `None` before the first sample.
    pub(crate) fn chart_range(&self) -> Option<ChartRange> {
        if self.is_merged() {
            return chart_lines::common_range(&self.balancer_data(), self.charts.span());
        }
        ChartRange::new(&self.instance()?.data, self.charts.span())
    }

    /// Returns what is known about each HAProxy.
    pub(crate) fn balancer_data(&self) -> Vec<&Instance> {
        self.instances.iter().map(|instance| &instance.data).collect()
    }
}
