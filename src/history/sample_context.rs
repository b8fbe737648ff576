//! Context of samples (epoch, permission level, row identities and configured state), stored only when it changes.

use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::level::Level;
use crate::haproxy::stat_table::StatAnomalies;
use crate::observe::configured_state::ConfiguredServers;
use crate::observe::row_ids::{RowId, RowSet};
use crate::observe::sample::{Epoch, Sample};

/// Rarely changing parts of a sample: all except numbers, texts and the header.
#[derive(Debug, Clone)]
pub(crate) struct SampleContext {
    /// Epoch of the process.
    pub(crate) epoch: Epoch,
    /// Permission level of the socket.
    pub(crate) level: Option<Level>,
    /// Time between two polls.
    pub(crate) interval: Duration,
    /// Anomalies found in the reply.
    pub(crate) anomalies: StatAnomalies,
    /// Identities of the rows.
    pub(crate) rows: Arc<RowSet>,
    /// Configured state of the servers.
    pub(crate) configured: Option<Arc<ConfiguredServers>>,
}

impl SampleContext {
    fn from_sample(sample: &Sample) -> Self {
        Self {
            epoch: sample.epoch,
            level: sample.level,
            interval: sample.interval,
            anomalies: sample.table.anomalies(),
            rows: Arc::clone(&sample.rows),
            configured: sample.configured.clone(),
        }
    }

    fn matches(&self, sample: &Sample) -> bool {
        self.epoch == sample.epoch
            && self.level == sample.level
            && self.interval == sample.interval
            && self.anomalies == sample.table.anomalies()
            && Arc::ptr_eq(&self.rows, &sample.rows)
            && self.configured.as_ref().map(Arc::as_ptr) == sample.configured.as_ref().map(Arc::as_ptr)
    }
}

/// Contexts of a block, each with the position of the first sample to which it applies.
#[derive(Debug, Clone, Default)]
pub(crate) struct SampleContexts {
    list: Vec<(usize, SampleContext)>,
    /// Memory that is not shared with the previous block, in bytes.
    owned_bytes: usize,
}

impl SampleContexts {
    /// Adds the context of the sample at position `step` if it differs from the previous context. `before` contains the
    /// contexts of the previous block.
    pub(crate) fn push(&mut self, step: usize, sample: &Sample, before: Option<&Self>) {
        let earlier =
            self.list.last().or_else(|| before.and_then(|before| before.list.last())).map(|(_, context)| context);
        if earlier.is_none_or(|earlier| !Arc::ptr_eq(&earlier.rows, &sample.rows)) {
            self.owned_bytes += sample.rows.memory();
        }
        let is_known = |known: &Arc<ConfiguredServers>| {
            earlier.and_then(|earlier| earlier.configured.as_ref()).is_some_and(|earlier| Arc::ptr_eq(earlier, known))
        };
        if let Some(configured) = sample.configured.as_ref().filter(|configured| !is_known(configured)) {
            self.owned_bytes += configured.memory();
        }
        if !self.list.last().is_some_and(|(_, last)| last.matches(sample)) {
            self.list.push((step, SampleContext::from_sample(sample)));
        }
    }

    /// Restores contexts from a file; `list` has the positions in ascending order.
    pub(crate) fn from_list(list: Vec<(usize, SampleContext)>) -> Self {
        let mut owned_bytes = 0;
        for (index, (_, context)) in list.iter().enumerate() {
            let earlier = index.checked_sub(1).map(|before| &list[before].1);
            if earlier.is_none_or(|earlier| !Arc::ptr_eq(&earlier.rows, &context.rows)) {
                owned_bytes += context.rows.memory();
            }
            owned_bytes += context.configured.as_ref().map_or(0, |configured| configured.memory());
        }
        Self { list, owned_bytes }
    }

    /// Returns the contexts, each with the position of the first sample to which it applies.
    pub(crate) fn list(&self) -> &[(usize, SampleContext)] {
        &self.list
    }

    /// Returns the context of the sample at position `step`, or `None` if there are no contexts.
    pub(crate) fn get(&self, step: usize) -> Option<&SampleContext> {
        let place = self.list.partition_point(|(from, _)| *from <= step);
        self.list.get(place.checked_sub(1)?).map(|(_, context)| context)
    }

    /// Returns whether any sample of the block contains the row.
    pub(crate) fn contains_row(&self, id: RowId) -> bool {
        let mut before: Option<&Arc<RowSet>> = None;
        self.list.iter().any(|(_, context)| {
            let is_same = before.replace(&context.rows).is_some_and(|before| Arc::ptr_eq(before, &context.rows));
            !is_same && context.rows.index_of(id).is_some()
        })
    }

    /// Returns the memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.owned_bytes + self.list.capacity() * size_of::<(usize, SampleContext)>()
    }
}
