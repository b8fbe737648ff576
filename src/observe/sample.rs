//! One look at HAProxy: everything `show info` and `show stat` said at one moment.

use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::info::Info;
use crate::haproxy::level::Level;
use crate::haproxy::stat_table::{Row, Table};
use crate::observe::configured_state::Configured;
use crate::observe::row_ids::{RowId, RowSet};
use crate::observe::timestamp::Stamp;

/// One life of one HAProxy process. Counters may be compared within an epoch only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// Counts the epochs seen, from 1.
    pub number: u32,
    /// The process.
    pub pid: i64,
}

/// What a sample cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Bytes read.
    pub bytes: usize,
    /// From the command to the end of the answer.
    pub answer: Duration,
}

/// One look at HAProxy.
#[derive(Debug)]
pub struct Sample {
    /// Counts the samples taken, from 1; a number left out was missed.
    pub seq: u64,
    /// When the answer was complete.
    pub at: Stamp,
    /// The process it came from.
    pub epoch: Epoch,
    /// What the socket may do; absent when it could not be found out.
    pub level: Option<Level>,
    /// `show info`.
    pub info: Info,
    /// `show stat`.
    pub table: Table,
    /// Who the rows are.
    pub rows: Arc<RowSet>,
    /// What it cost.
    pub cost: Cost,
    /// Time between two samples, stretched where the dump is large.
    pub interval: Duration,
    /// What the configuration says of the servers; absent until it was asked, and before 1.6.
    pub configured: Option<Arc<Configured>>,
}

impl Sample {
    /// The names and texts of a row; absent when it is gone.
    pub fn row(&self, id: RowId) -> Option<&Row> {
        self.table.rows().get(self.rows.index(id)?)
    }

    /// A number of a row; absent when HAProxy left it empty, the version lacks it, or the row is gone.
    pub fn number(&self, id: RowId, field: Field) -> Option<i64> {
        self.table.number(self.rows.index(id)?, field)
    }

    /// The weight that the configuration gives a server; absent while that is not known.
    pub fn configured_weight(&self, id: RowId) -> Option<i64> {
        self.configured.as_ref()?.of(id)?.weight
    }

    /// A number of the process.
    pub fn process(&self, field: InfoField) -> Option<i64> {
        self.info.number(field)
    }
}
