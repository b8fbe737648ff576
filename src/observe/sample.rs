//! Sample: the values of `show info` and `show stat` at one moment.

use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::info::ProcessInfo;
use crate::haproxy::level::Level;
use crate::haproxy::stat_table::{StatRow, StatTable};
use crate::observe::configured_state::ConfiguredServers;
use crate::observe::row_ids::{RowId, RowSet};
use crate::observe::timestamp::Timestamp;

/// Life of one HAProxy process. Counters can only be compared within an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// Number of the epoch, counted from 1 since hapulse started.
    pub number: u32,
    /// Pid of the process.
    pub pid: i64,
}

/// Size of a reply and the time it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplyCost {
    /// Bytes read.
    pub bytes: usize,
    /// Time from sending the command to the end of the reply.
    pub reply_time: Duration,
}

/// Result of one poll.
#[derive(Debug)]
pub struct Sample {
    /// Sequence number, counted from 1; a gap means that samples were dropped.
    pub seq: u64,
    /// Time at which the reply was complete.
    pub at: Timestamp,
    /// Epoch of the process that replied.
    pub epoch: Epoch,
    /// Permission level of the socket; `None` if unknown.
    pub level: Option<Level>,
    /// Values of `show info`.
    pub info: ProcessInfo,
    /// Rows of `show stat`.
    pub table: StatTable,
    /// Identities of the rows.
    pub rows: Arc<RowSet>,
    /// Size of the reply and the time it took.
    pub cost: ReplyCost,
    /// Time between two polls; longer than configured if the dump is large.
    pub interval: Duration,
    /// Configured state of the servers; `None` until it was queried, and before HAProxy 1.6.
    pub configured: Option<Arc<ConfiguredServers>>,
}

impl Sample {
    /// Returns the names and texts of a row, or `None` if the sample does not contain it.
    pub fn row(&self, id: RowId) -> Option<&StatRow> {
        self.table.rows().get(self.rows.index_of(id)?)
    }

    /// Returns a number of a row, or `None` if HAProxy left it empty, its version lacks the column, or the sample does
    /// not contain the row.
    pub fn number(&self, id: RowId, field: Field) -> Option<i64> {
        self.table.number(self.rows.index_of(id)?, field)
    }

    /// Returns the configured weight of a server, or `None` if unknown.
    pub fn configured_weight(&self, id: RowId) -> Option<i64> {
        self.configured.as_ref()?.get(id)?.weight
    }

    /// Returns a number of `show info`.
    pub fn process_number(&self, field: InfoField) -> Option<i64> {
        self.info.number(field)
    }
}
