//! One row of a sample, with everything that its cells are computed from.

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::StatRow;
use crate::instance::state::Instance;
use crate::observe::row_ids::{BackendRows, RowId};
use crate::observe::sample::Sample;
use crate::problems::measurement::Measurement;
use crate::problems::rule_table::RuleId;
use crate::table::cell::{Role, grade_role};

/// A row of the sample that is shown.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    /// Instance that the row belongs to.
    pub instance: &'a Instance,
    /// Sample that holds the row.
    pub sample: &'a Sample,
    /// Index of the row in the sample.
    pub index: usize,
    /// Identity of the row.
    pub id: RowId,
}

impl<'a> RowView<'a> {
    /// Returns the row of the sample at `index`.
    pub fn new(instance: &'a Instance, sample: &'a Sample, index: usize) -> Self {
        Self { instance, sample, index, id: sample.rows.ids()[index] }
    }

    /// Returns the row's names and texts.
    pub fn stat_row(&self) -> &'a StatRow {
        &self.sample.table.rows()[self.index]
    }

    /// Returns a number of the row.
    pub fn number(&self, field: Field) -> Option<i64> {
        self.sample.table.number(self.index, field)
    }

    /// Returns a mean of the row. It is absent before the first session, where HAProxy writes 0.
    pub fn average(&self, field: Field) -> Option<i64> {
        self.number(field).filter(|_| self.number(Field::Stot) != Some(0))
    }

    /// Returns a text of the row.
    pub fn text(&self, field: TextField) -> Option<&'a SafeText> {
        self.stat_row().text(field)
    }

    /// Returns the rate per second of a counter.
    pub fn rate(&self, field: Field) -> Option<f64> {
        self.instance.rates().rate(self.id, field)
    }

    /// Returns the growth of a counter within the rate window.
    pub fn growth(&self, field: Field) -> Option<i64> {
        self.instance.rates().growth(self.id, field).map(|(grown, _)| grown)
    }

    /// Returns the role of a value that a rule compares with its thresholds.
    pub(crate) fn graded_role(&self, rule: RuleId, value: f64) -> Role {
        grade_role(self.instance.problems().thresholds().grade(rule, Measurement::Value(value)))
    }

    /// Returns the backend if this is a backend's own row.
    pub fn backend(&self) -> Option<&'a BackendRows> {
        self.sample.rows.backend_of(self.index).filter(|backend| backend.row == self.index)
    }

    /// Returns the counter of what the row serves: sessions for TCP, requests otherwise.
    pub fn served_field(&self) -> Field {
        Field::traffic_counter(self.is_tcp(), self.number(Field::ReqTot).is_some())
    }

    /// Returns whether the row carries TCP and not HTTP.
    pub fn is_tcp(&self) -> bool {
        self.stat_row().is_tcp()
    }
}
