//! A row of a sample, with everything that the cells of the row are computed from.

use std::sync::Arc;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::StatRow;
use crate::haproxy::status::RowState;
use crate::history::interval_search::IntervalTime;
use crate::instance::state::Instance;
use crate::observe::row_ids::{BackendRows, RowId};
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::problems::measurement::Measurement;
use crate::problems::rule_table::RuleId;
use crate::table::cell::{Role, grade_role, state_role};

/// A row of the sample that is shown.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    /// Instance that the row belongs to.
    pub(crate) instance: &'a Instance,
    /// Sample that contains the row.
    pub(crate) sample: &'a Sample,
    /// Index of the row in the sample.
    pub(crate) index: usize,
    /// Identity of the row.
    pub id: RowId,
}

impl<'a> RowView<'a> {
    /// Returns the row at `index` of the sample.
    pub fn new(instance: &'a Instance, sample: &'a Sample, index: usize) -> Self {
        Self { instance, sample, index, id: sample.rows.ids()[index] }
    }

    /// Returns the row's names and text fields.
    pub(crate) fn stat_row(&self) -> &'a StatRow {
        &self.sample.table.rows()[self.index]
    }

    /// Returns a numeric field of the row, or `None` if HAProxy did not report it.
    pub(crate) fn number(&self, field: Field) -> Option<i64> {
        self.sample.table.number(self.index, field)
    }

    /// Returns an average that HAProxy reports for the row, such as `rtime`; `None` before the first session, when
    /// HAProxy reports 0, and for few requests on versions whose average is then far too low.
    pub(crate) fn average(&self, field: Field) -> Option<i64> {
        let is_usable = || self.index_in_rates().is_none_or(|row| !self.instance.rates().times().is_understated(row));
        self.number(field).filter(|_| self.number(Field::Stot) != Some(0) && is_usable())
    }

    /// Returns the mean time of the requests of the last seconds, or `None` while it is unknown. The field is one of
    /// HAProxy's averages, such as `rtime`.
    pub(crate) fn interval_time(&self, field: Field) -> Option<IntervalTime> {
        self.instance.rates().interval_time(self.index_in_rates()?, field)
    }

    /// Returns the index of the row in the newest sample of the rates, which usually is the sample shown.
    fn index_in_rates(&self) -> Option<usize> {
        let newest = self.instance.rates().newest()?;
        if Arc::ptr_eq(&newest.rows, &self.sample.rows) { Some(self.index) } else { newest.rows.index_of(self.id) }
    }

    /// Returns a text field of the row, or `None` if HAProxy did not report it.
    pub(crate) fn text(&self, field: TextField) -> Option<&'a SafeText> {
        self.stat_row().text(field)
    }

    /// Returns the growth of a counter per second, or `None` while it is unknown.
    pub fn rate(&self, field: Field) -> Option<f64> {
        self.instance.rates().rate(self.id, field)
    }

    /// Returns the growth of a counter over the last few seconds (the rate window), or `None` while it is unknown.
    pub(crate) fn growth(&self, field: Field) -> Option<i64> {
        self.instance.rates().growth(self.id, field).map(|(grown, _)| grown)
    }

    /// Returns the role for a value, graded by the thresholds of a rule.
    pub(crate) fn graded_role(&self, rule: RuleId, value: f64) -> Role {
        let row = self.stat_row();
        let names = Some((row.kind, &row.proxy, &row.name));
        grade_role(self.instance.problems().thresholds().grade(rule, names, Measurement::Value(value)))
    }

    /// Returns the backend if this row is the backend's own row, not that of a server.
    pub(crate) fn backend(&self) -> Option<&'a BackendRows> {
        self.sample.rows.backend_of(self.index).filter(|backend| backend.row == self.index)
    }

    /// Returns the counter of the row's traffic: requests for HTTP, otherwise sessions.
    pub(crate) fn served_field(&self) -> Field {
        Field::traffic_counter(self.is_tcp(), self.number(Field::ReqTot).is_some())
    }

    /// Returns the state: a backend with unused slots only, which HAProxy reports as DOWN, has the state of its slots.
    pub(crate) fn state(&self) -> RowState {
        if self.is_unused_slot() { RowState::Maint } else { self.stat_row().state() }
    }

    /// Returns the severity of the worst open cause of the row.
    pub(crate) fn severity(&self) -> Option<Severity> {
        self.instance.problems().cause_of(self.id).map(|cause| cause.severity)
    }

    /// Returns the role of the state: that of its cause for a row that works.
    pub(crate) fn state_role(&self) -> Role {
        let role = state_role(self.state());
        match (role, self.severity()) {
            (Role::Good | Role::Warn, Some(Severity::Crit)) => Role::Bad,
            (Role::Good, Some(Severity::Warn)) => Role::Warn,
            _ => role,
        }
    }

    /// Returns whether the row is an unused slot of a `server-template`, or a backend that has only such slots.
    pub(crate) fn is_unused_slot(&self) -> bool {
        self.sample.unused_slots().contains(self.index)
    }

    /// Returns whether the row is in TCP mode.
    pub(crate) fn is_tcp(&self) -> bool {
        self.stat_row().is_tcp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use crate::table::cell::{Cell, severity_role};
    use crate::table::columns::column::SortKey;
    use crate::table::columns::computed::{status_cell, status_key, usable_cell};

    #[test]
    fn state_of_working_row_has_the_role_of_its_cause() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        for step in 0..10 {
            instance.add_sample(builder.build_at_millis(step * 2000, &stat_of_site()), 0);
        }
        let row = |index| RowView::new(&instance, instance.shown().unwrap(), index);
        let shown = |index| (status_cell(&row(index)).text, status_cell(&row(index)).role);
        assert_eq!(shown(1), ("UP".to_owned(), Role::Good));
        assert_eq!(shown(4), ("UP".to_owned(), severity_role(row(4).severity().unwrap())), "api1 is full");
        assert_eq!(shown(4).1, Role::Bad);
        assert_eq!(shown(5).1, Role::OutOfService, "a drain was ordered");
    }

    #[test]
    fn backend_with_unused_slots_only_is_neutral() {
        let stat = "# pxname,svname,status,addr,type,\nb,x1,MAINT,0.0.0.0:80,2,\nb,BACKEND,DOWN,,1,\n";
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, stat), 0);
        let row = RowView::new(&instance, instance.shown().unwrap(), 1);
        assert_eq!(status_cell(&row), Cell::new("unused", Role::Dim));
        assert_eq!((row.state_role(), usable_cell(&row)), (Role::OutOfService, Cell::unknown()));
        assert_eq!(status_key(&row), SortKey::Number(5.0));
    }
}
