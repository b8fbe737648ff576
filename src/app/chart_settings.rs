//! Which number the chart shows, over which time, and whether it fills the view.

use std::time::Duration;

use crate::instance::time_spans;
use crate::table::chart_picture;
use crate::table::chart_table::{Chart, MetricId};
use crate::table::columns::row_view::RowView;

/// The settings of the charts.
#[derive(Debug)]
pub(crate) struct ChartSettings {
    /// Set if the charts of the selected row fill the view.
    pub(crate) is_maximized: bool,
    /// The selected time span, one of the choices of [`time_spans`].
    span: Duration,
    /// The chosen number; `None` until the operator chooses one.
    chosen: Option<MetricId>,
}

impl Default for ChartSettings {
    fn default() -> Self {
        Self { is_maximized: false, span: Duration::from_mins(10), chosen: None }
    }
}

impl ChartSettings {
    /// Returns the selected time span.
    pub(crate) fn span(&self) -> Duration {
        self.span
    }

    /// Selects a longer or shorter time span than `shown`, or than the selected one.
    pub(crate) fn change_span(&mut self, shown: Option<Duration>, by: i32) {
        self.span = time_spans::next_choice(shown.unwrap_or(self.span).min(self.span), by);
    }

    /// Returns the chart to draw for a row: the chosen one if the row has it, or else the one that shows what is wrong and
    /// is not flat.
    pub(crate) fn chart_of(&self, row: RowView<'_>) -> Option<&'static Chart> {
        let chosen = self.chosen.map(MetricId::chart).filter(|chart| chart.applies_to(&row));
        chosen.or_else(|| chart_picture::default_chart(row, self.span()))
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
