//! One row with all that its cells may be made from.

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::Row;
use crate::instance::instance::Instance;
use crate::observe::row_ids::{Backend, RowId};
use crate::observe::sample::Sample;

/// One row of the newest sample.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    /// The instance.
    pub watch: &'a Instance,
    /// The sample.
    pub sample: &'a Sample,
    /// The row's place in it.
    pub index: usize,
    /// Who it is.
    pub id: RowId,
}

impl<'a> RowView<'a> {
    /// The row of the sample at `index`.
    pub fn new(watch: &'a Instance, sample: &'a Sample, index: usize) -> Self {
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

    /// The backend that it is; absent for the rows of servers and frontends.
    pub fn backend(&self) -> Option<&'a Backend> {
        self.sample.rows.backend_of(self.index).filter(|backend| backend.row == self.index)
    }

    /// The counter of what it serves: sessions for TCP, requests for all else.
    pub fn served(&self) -> Field {
        Field::served(self.is_tcp(), self.number(Field::ReqTot).is_some())
    }

    /// Whether it carries TCP and not HTTP.
    pub fn is_tcp(&self) -> bool {
        self.row().is_tcp()
    }
}
