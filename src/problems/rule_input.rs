//! What a rule sees: one row of the newest sample, its growth over the window, its backend and its peers.

use crate::haproxy::fields::{Field, InfoField, TextField};
use crate::haproxy::stat_table::Row;
use crate::haproxy::status::State;
use crate::history::rates::Window;
use crate::observe::row_ids::{Backend, RowId};
use crate::observe::sample::Sample;
use crate::problems::backend_stats::{Pool, Site, is_away};
use crate::problems::check_history::Memory;
use crate::problems::measurement::Reading;

/// Responses or requests below which a share says nothing.
pub const FEW: f64 = 20.0;

/// One row, or the process, and what surrounds it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The newest sample.
    pub sample: &'a Sample,
    /// The sample before it, of the same epoch.
    pub before: Option<&'a Sample>,
    /// Rates.
    pub window: &'a Window,
    /// What happened to checks in the last minutes.
    pub memory: &'a Memory,
    /// The row's place in the sample; absent for the process.
    pub index: Option<usize>,
    /// Who it is.
    pub id: RowId,
    /// What its status means; unknown for the process.
    pub state: State,
    /// The backend itself, or the server's; absent for frontends and the process.
    pub backend: Option<&'a Backend>,
    /// That backend's servers summed up; empty without one.
    pub pool: &'a Pool,
    /// All backends summed up. Complete only for frontends and the process, which are looked at last.
    pub site: Site,
}

/// What all views of one sample have in common.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The newest sample.
    pub sample: &'a Sample,
    /// The sample before it, of the same epoch.
    pub before: Option<&'a Sample>,
    /// Rates.
    pub window: &'a Window,
    /// What happened to checks in the last minutes.
    pub memory: &'a Memory,
}

impl<'a> Scene<'a> {
    /// The process, and what is known of its backends so far.
    pub fn process(self, pool: &'a Pool, site: Site) -> View<'a> {
        let Self { sample, before, window, memory } = self;
        let (index, id, state, backend) = (None, RowId::PROCESS, State::Unknown, None);
        View { sample, before, window, memory, index, id, state, backend, pool, site }
    }

    /// A backend, with its servers summed up.
    pub fn backend(self, backend: &'a Backend, pool: &'a Pool) -> View<'a> {
        View { backend: Some(backend), ..self.process(pool, Site::default()) }.at(backend.row)
    }
}

impl<'a> View<'a> {
    /// The same surroundings, another row.
    #[must_use]
    pub fn at(&self, index: usize) -> Self {
        let state = self.sample.table.rows()[index].state();
        Self { index: Some(index), id: self.sample.rows.ids()[index], state, ..*self }
    }

    /// Names and texts; absent for the process.
    pub fn row(&self) -> Option<&'a Row> {
        self.sample.table.rows().get(self.index?)
    }

    /// Whether somebody took the server away on purpose.
    pub fn is_away(&self) -> bool {
        is_away(self.state)
    }

    /// A text; empty when there is none.
    pub fn text(&self, field: TextField) -> &'a str {
        self.row().and_then(|row| row.text(field)).map_or("", |text| text.as_str())
    }

    /// A number of the row; absent when HAProxy left it empty.
    pub fn number(&self, field: Field) -> Option<f64> {
        self.sample.table.number(self.index?, field).map(|number| number as f64)
    }

    /// What a counter of the row grew by within the window; absent without two samples.
    pub fn growth(&self, field: Field) -> Option<f64> {
        self.window.growth_at(self.index?, field).map(|(grown, _)| grown as f64)
    }

    /// A counter of the row per second.
    pub fn rate(&self, field: Field) -> Option<f64> {
        self.window.growth_at(self.index?, field).map(|(grown, seconds)| grown as f64 / seconds)
    }

    /// A number of the process.
    pub fn process(&self, field: InfoField) -> Option<f64> {
        self.sample.process(field).map(|number| number as f64)
    }

    /// What a counter of the process grew by within the window.
    pub fn process_growth(&self, field: InfoField) -> Option<f64> {
        self.window.process_growth(field).map(|(grown, _)| grown as f64)
    }

    /// Responses within the window; absent where HAProxy counts none, as for TCP.
    pub fn responses(&self) -> Option<f64> {
        let mut sum = None;
        for class in Field::RESPONSES {
            if let Some(grown) = self.growth(class) {
                sum = Some(sum.unwrap_or(0.0) + grown);
            }
        }
        sum
    }

    /// Whether the row speaks TCP: it then has no requests, responses or response time.
    pub fn is_tcp(&self) -> bool {
        self.text(TextField::Mode) == "tcp"
    }

    /// What it served within the window: requests, or sessions where HAProxy counts no requests.
    pub fn served(&self) -> Option<f64> {
        self.growth(Field::served(self.is_tcp(), self.number(Field::ReqTot).is_some()))
    }

    /// Whether nothing came through within the window: means then tell of long ago.
    pub fn is_idle(&self) -> Option<bool> {
        self.served().map(|served| served <= 0.0)
    }

    /// A mean over the last 1,024 requests, in milliseconds; unknown while nothing comes, when it stands still.
    pub fn mean(&self, field: Field) -> Reading {
        match (self.number(field), self.is_idle()) {
            (Some(value), Some(false)) => Reading::Value(value),
            _ => Reading::Unknown,
        }
    }
}

/// How much of a limit is used; a limit of 0 or none at all cannot be reached.
pub fn used(value: Option<f64>, limit: Option<f64>) -> Reading {
    match (value, limit.filter(|limit| *limit > 0.0)) {
        (_, None) => Reading::Fine,
        (None, _) => Reading::Unknown,
        (Some(value), Some(limit)) => Reading::Value(value / limit),
    }
}

/// A share of what happened within the window; unknown when fewer than `few` happened, but none is none.
pub fn share(part: Option<f64>, whole: impl FnOnce() -> Option<f64>, few: f64) -> Reading {
    match part {
        None => Reading::Unknown,
        Some(part) if part <= 0.0 => Reading::Value(0.0),
        Some(part) => match whole() {
            Some(whole) if whole >= few && whole > 0.0 => Reading::Value((part / whole).min(1.0)),
            _ => Reading::Unknown,
        },
    }
}
