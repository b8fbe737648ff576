//! One row with all that its cells may be made from.

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::stat::Row;
use crate::haproxy::text::SafeText;
use crate::monitor::roster::RowId;
use crate::monitor::sample::Sample;
use crate::monitor::watch::Watch;

/// One row of the newest sample.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    /// The instance.
    pub watch: &'a Watch,
    /// The sample.
    pub sample: &'a Sample,
    /// The row's place in it.
    pub index: usize,
    /// Who it is.
    pub id: RowId,
}

impl<'a> RowView<'a> {
    /// The row of the sample at `index`.
    pub fn new(watch: &'a Watch, sample: &'a Sample, index: usize) -> Self {
        Self { watch, sample, index, id: sample.rows.ids()[index] }
    }

    /// Its names and texts.
    pub fn row(&self) -> &'a Row {
        &self.sample.table.rows()[self.index]
    }

    /// A number of it.
    pub fn number(&self, field: Field) -> Option<i64> {
        self.sample.table.number(self.index, field)
    }

    /// A mean of it; absent when there was nothing yet to take it over, where HAProxy writes 0.
    pub fn average(&self, field: Field) -> Option<i64> {
        self.number(field).filter(|_| self.number(Field::Stot) != Some(0))
    }

    /// A text of it.
    pub fn text(&self, field: TextField) -> Option<&'a SafeText> {
        self.row().text(field)
    }

    /// A counter of it, per second.
    pub fn rate(&self, field: Field) -> Option<f64> {
        self.watch.window().rate(self.id, field)
    }

    /// What a counter of it grew by within the window.
    pub fn growth(&self, field: Field) -> Option<i64> {
        self.watch.window().growth(self.id, field).map(|(grown, _)| grown)
    }

    /// The counter of what it serves: sessions for TCP, requests for all else.
    pub fn served(&self) -> Field {
        served(self.row(), self.number(Field::ReqTot))
    }

    /// Whether it carries TCP and not HTTP.
    pub fn is_tcp(&self) -> bool {
        is_tcp(self.row())
    }
}

fn is_tcp(row: &Row) -> bool {
    row.text(TextField::Mode).is_some_and(|mode| mode.as_str() == "tcp")
}

/// The counter of what a row serves. A TCP frontend has a count of requests too, which stays 0.
pub fn served(row: &Row, requests: Option<i64>) -> Field {
    if is_tcp(row) || requests.is_none() { Field::Stot } else { Field::ReqTot }
}
