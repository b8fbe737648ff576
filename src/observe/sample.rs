//! Sample: the values of `show info` and `show stat` from one poll.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::info::ProcessInfo;
use crate::haproxy::level::Level;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{StatRow, StatTable};
use crate::observe::configured_state::ConfiguredServers;
use crate::observe::failover::Failover;
use crate::observe::row_changes::RowChanges;
use crate::observe::row_ids::{BackendRows, RowId, RowSet};
use crate::observe::slow_facts::SlowFacts;
use crate::observe::timestamp::Timestamp;
use crate::observe::unused_slots::UnusedSlots;

/// Maximum difference between the start times of a process that follow from two samples: HAProxy reports its uptime in
/// whole seconds, and a reply takes time.
const START_TOLERANCE: Duration = Duration::from_secs(2);

/// Lifetime of one HAProxy process. Counters can only be compared within an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// Number of the epoch; the first epoch after the start of hapulse is 1.
    pub number: u32,
    /// Pid of the process.
    pub pid: i64,
}

/// Size of a reply and the time it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplyCost {
    /// Number of bytes received.
    pub bytes: usize,
    /// Time from sending the command to the end of the reply.
    pub reply_time: Duration,
}

/// Facts about the instance at the time of a sample that come from other polls and queries.
#[derive(Debug, Default)]
pub struct SampleDetails {
    /// True if the process has replied to an earlier poll.
    pub(crate) has_replied_before: bool,
    /// Pids of the processes that reply in turn on this socket; empty if there is only one.
    pub(crate) live_pids: Vec<i64>,
    /// Results of the last slow round, which is at most a few minutes old; `None` before the first one.
    pub(crate) slow_facts: Option<Arc<SlowFacts>>,
    /// The last failover by which the balancer lost its address, known when the sample is added to its instance.
    pub(crate) failover: OnceLock<Failover>,
    /// Addresses that the balancer and another one own at the same time, known when the sample is added to its instance.
    pub(crate) address_conflicts: OnceLock<Vec<IpAddr>>,
    /// Servers that went down while they were drained, and are still down after the end of the drain.
    pub(crate) ended_drains: BTreeSet<RowId>,
    /// Unused slots, found when they are needed first.
    pub(crate) slots: OnceLock<UnusedSlots>,
}

/// Result of one poll.
#[derive(Debug)]
pub struct Sample {
    /// Sequence number, starting at 1; a gap means that samples were dropped.
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
    /// Changes since the previous sample, if the sampler has compared them.
    pub changes: Option<RowChanges>,
    /// Size of a reply, and the time that HAProxy took to send it.
    pub cost: ReplyCost,
    /// Time between two polls. It is longer than configured if the dump is large.
    pub interval: Duration,
    /// Configured state of the servers; `None` until it has been queried, and always on versions before 1.6.
    pub configured: Option<Arc<ConfiguredServers>>,
    /// Facts that come from other polls and queries.
    pub details: SampleDetails,
}

impl Sample {
    /// Returns the names and text columns of a row, or `None` if the sample does not contain the row.
    pub fn row(&self, id: RowId) -> Option<&StatRow> {
        self.table.rows().get(self.rows.index_of(id)?)
    }

    /// Returns the backend with this name, or `None` if the sample does not contain it.
    pub(crate) fn backend_named(&self, proxy: &SafeText) -> Option<&BackendRows> {
        self.rows.backends().iter().find(|backend| self.table.rows()[backend.row].proxy == *proxy)
    }

    /// Returns the value of a numeric column of a row, or `None` if HAProxy left it empty, the HAProxy version does not
    /// have the column, or the sample does not contain the row.
    pub fn number(&self, id: RowId, field: Field) -> Option<i64> {
        self.table.number(self.rows.index_of(id)?, field)
    }

    /// Returns a message with the number of rows that were dropped because the reply has too many, or `None` if all rows
    /// were read.
    pub(crate) fn dropped_rows_text(&self) -> Option<String> {
        let (shown, dropped) = (self.table.rows().len(), self.table.anomalies().dropped_rows);
        (dropped > 0).then(|| format!("showing {shown} of {} rows: the reply is too large", shown + dropped))
    }

    /// Returns whether another live process sent the sample `before`, so that the differences are no changes.
    pub(crate) fn is_turn_after(&self, before: &Self) -> bool {
        self.epoch != before.epoch && self.details.has_replied_before
    }

    /// Returns the servers that are unused slots of a `server-template`.
    pub(crate) fn unused_slots(&self) -> &UnusedSlots {
        self.details.slots.get_or_init(|| UnusedSlots::find(&self.table, &self.rows, self.configured.as_deref()))
    }

    /// Returns the configured weight of a server, or `None` if the weight is unknown.
    pub(crate) fn configured_weight(&self, id: RowId) -> Option<i64> {
        self.configured.as_ref()?.get(id)?.weight
    }

    /// Returns whether two samples are from the same process, even if another one replied in between.
    pub(crate) fn is_same_process(&self, other: &Self) -> bool {
        let started = |sample: &Self| {
            let uptime = u64::try_from(sample.process_number(InfoField::UptimeSec)?).ok()?;
            Some(sample.at.monotonic.as_millis() as i64 - uptime as i64 * 1000)
        };
        let is_near = |one: i64, other: i64| (one - other).unsigned_abs() <= START_TOLERANCE.as_millis() as u64;
        self.epoch == other.epoch
            || self.epoch.pid == other.epoch.pid
                && started(self).zip(started(other)).is_some_and(|(one, other)| is_near(one, other))
    }

    /// Returns the value of a numeric key of `show info`, or `None` if the HAProxy version does not report the key.
    pub fn process_number(&self, field: InfoField) -> Option<i64> {
        self.info.number(field)
    }
}
