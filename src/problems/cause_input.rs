//! The input of a cause: its row, the backend of the row, and what is known about all servers of that backend.

use std::collections::BTreeMap;

use crate::haproxy::fields::Field;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::problems::flap::Flap;
use crate::problems::forecast::Forecasts;
use crate::problems::known_causes::KnownCauses;
use crate::problems::outlier_rules::Outlier;
use crate::problems::problem::Problem;
use crate::problems::rule_input::{RuleInput, Snapshot};
use crate::problems::rule_table::RuleId;

/// The row of a cause, with the other data that causes need.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CauseInput<'a> {
    /// The row of the cause, or the process.
    pub(crate) row: RuleInput<'a>,
    /// The backend of the row; the row itself if it is not a server.
    pub(crate) backend: RuleInput<'a>,
    /// Open problems of the backend and its servers, or of the row.
    pub(crate) problems: &'a [&'a Problem],
    /// Rules of these rows that are past their thresholds in this sample, some not for the hold time yet.
    pub(crate) bad: &'a [(RowId, RuleId)],
    /// Servers of the backend that differ strongly from their peers.
    pub(crate) outliers: &'a [Outlier],
    /// Causes that were named before this sample.
    pub(crate) known: &'a KnownCauses,
    /// Servers that flap.
    pub(crate) flaps: &'a BTreeMap<RowId, Flap>,
    /// When limits are reached.
    pub(crate) forecasts: &'a Forecasts,
    /// Requests and connections of the process in the rate window.
    pub(crate) total: Option<f64>,
}

impl<'a> CauseInput<'a> {
    /// Returns the input for a row of the same backend; the same input if the sample does not contain the row.
    pub(crate) fn for_id(&self, id: RowId) -> Self {
        let index = self.row.sample.rows.index_of(id);
        Self { row: index.map_or(self.row, |index| self.backend.for_row(index)), ..*self }
    }

    /// Iterates over the open problems of one rule.
    pub(crate) fn problems_of(&self, rule: RuleId) -> impl Iterator<Item = &'a Problem> {
        self.problems.iter().copied().filter(move |problem| problem.rule.id == rule)
    }

    /// Returns the highest severity of the open problems of these rules; `None` if no problem is open.
    pub(crate) fn worst_of(&self, rules: &[RuleId]) -> Option<Severity> {
        let found = self.problems.iter().filter(|problem| rules.contains(&problem.rule.id));
        found.map(|problem| problem.severity).max()
    }
}

/// Counts the requests of all HTTP frontends and the sessions of all other frontends in the rate window; `None` without
/// two samples.
pub(crate) fn total_traffic(snapshot: &Snapshot<'_>) -> Option<f64> {
    let Snapshot { sample, rates, .. } = *snapshot;
    let served = sample.rows.frontends().iter().filter_map(|frontend| {
        let row = &sample.table.rows()[*frontend];
        let has_requests = sample.table.number(*frontend, Field::ReqTot).is_some();
        let counter = Field::traffic_counter(row.is_tcp(), has_requests);
        rates.growth_at(*frontend, counter).map(|(grown, _)| grown as f64)
    });
    served.reduce(|sum, one| sum + one)
}
