//! Which number the chart shows, over which time, and whether it fills the view.

use std::time::Duration;

use crate::table::chart_table::{self, Chart, MetricId};
use crate::table::columns::row_view::RowView;

/// Selectable time spans of the charts, in seconds.
const SPANS: [u64; 6] = [60, 180, 600, 1800, 3600, 3 * 3600];

/// The settings of the charts.
#[derive(Debug)]
pub(crate) struct ChartSettings {
    /// Set if the charts of the selected row fill the view.
    pub(crate) is_maximized: bool,
    span_index: usize,
    /// The chosen number; `None` until the operator chooses one.
    chosen: Option<MetricId>,
}

impl Default for ChartSettings {
    fn default() -> Self {
        Self { is_maximized: false, span_index: 2, chosen: None }
    }
}

impl ChartSettings {
    /// Returns the selected time span.
    pub(crate) fn span(&self) -> Duration {
        Duration::from_secs(SPANS[self.span_index])
    }

    /// Selects a longer or shorter time span.
    pub(crate) fn change_span(&mut self, by: i32) {
        self.span_index = self.span_index.saturating_add_signed(by as isize).min(SPANS.len() - 1);
    }

    /// Returns the chart to draw for a row: the chosen one if the row has it, or else the one that shows what is wrong.
    pub(crate) fn chart_of(&self, row: RowView<'_>) -> Option<&'static Chart> {
        let chosen = self.chosen.map(MetricId::chart).filter(|chart| chart.applies_to(&row));
        chosen.or_else(|| chart_table::chart_of_problem(row))
    }

    /// Returns the next number of a row, after the one that is drawn.
    pub(crate) fn next_metric(&self, row: RowView<'_>) -> Option<MetricId> {
        self.chart_of(row)?.id.next_for(&row)
    }

    /// Chooses the number that the charts of all rows show; does nothing without one.
    pub(crate) fn choose(&mut self, metric: Option<MetricId>) {
        self.chosen = metric.or(self.chosen);
    }
}
