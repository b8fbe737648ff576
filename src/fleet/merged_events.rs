//! The events of all balancers on one timeline, each with the name of its balancer.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::fleet::merged_sample::MergedBalancer;
use crate::instance::merged_rows::MergedRows;
use crate::observe::events::{Event, EventLog, MAX_EVENTS};
use crate::observe::instance_id::{InstanceId, RowRef};
use crate::observe::row_ids::RowSet;

/// Maximum number of events of all balancers together; the oldest are left out.
const MAX_MERGED_EVENTS: usize = 5 * MAX_EVENTS;

/// The events of a balancer that were merged: its identity and name, and the version of its events.
type MergedLog = (InstanceId, Arc<str>, u64);

/// Merges the events of balancers, and knows from what they were merged.
#[derive(Debug, Default)]
pub(crate) struct EventMerger {
    merged_from: Vec<MergedLog>,
    /// The merged rows that the events are about.
    rows: Arc<RowSet>,
}

impl EventMerger {
    /// Merges the events of balancers, also of those that do not answer, in the order of their times. `rows` are the merged
    /// rows with the ids `ids`. Returns `None` if nothing changed since the last call.
    pub(crate) fn merge(
        &mut self,
        balancers: &[MergedBalancer<'_>],
        rows: &MergedRows,
        ids: &Arc<RowSet>,
    ) -> Option<EventLog> {
        let from = |balancer: &MergedBalancer<'_>| {
            (balancer.instance.id(), Arc::clone(&balancer.name), balancer.instance.all_events().version())
        };
        let merged_from: Vec<MergedLog> = balancers.iter().map(from).collect();
        if merged_from == self.merged_from && Arc::ptr_eq(ids, &self.rows) {
            return None;
        }
        let mut events: Vec<(&MergedBalancer<'_>, &Event)> = Vec::new();
        for balancer in balancers {
            events.extend(balancer.instance.all_events().oldest_first().map(|event| (balancer, event)));
        }
        // Events of one time keep the order of the balancers.
        events.sort_by_key(|(_, event)| event.at.monotonic);
        let first = events.len().saturating_sub(MAX_MERGED_EVENTS);
        let merged = |(balancer, event): &(&MergedBalancer<'_>, &Event)| Event {
            row: event.row.and_then(|row| rows.row_with(RowRef { instance: balancer.instance.id(), row })),
            balancer: Some(Arc::clone(&balancer.name)),
            ..Event::clone(event)
        };
        let events: VecDeque<Event> = events[first..].iter().map(merged).collect();
        (self.merged_from, self.rows) = (merged_from, Arc::clone(ids));
        Some(EventLog::from_events(events))
    }
}
