//! Figures of groups of requests, in bounded memory.
//!
//! Clients and URLs are unlimited. If there are too many groups, the half with the fewest requests is added up as others. A
//! group that comes back then lacks its earlier requests: [`Group::missing`] is the most that it can lack.

use std::collections::HashMap;

use crate::logs::group_key::GroupKey;
use crate::logs::request::{ErrorOrigin, Phase, Request};
use crate::logs::time_counts::TimeCounts;

/// Number of groups from which the smaller half is dropped.
const MAX_GROUPS: usize = 4096;

/// Figures of several requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// Number of requests.
    pub(crate) requests: u64,
    /// Numbers of requests by the first digit of their status; without a status, 0.
    pub(crate) statuses: [u64; 6],
    /// Number of 5xx responses that HAProxy made itself, because no server sent response headers.
    pub(crate) own_errors: u64,
    /// Number of 5xx responses of which the log does not say who made them.
    pub(crate) unclear_errors: u64,
    /// Bytes sent to clients.
    pub(crate) bytes: u64,
    /// Times of the phase that is shown.
    pub(crate) times: TimeCounts,
}

impl Figures {
    /// Counts a request, and the time of a phase.
    pub(crate) fn add(&mut self, request: &Request<'_>, phase: Phase) {
        self.requests += 1;
        let class = request.status.map_or(0, |status| usize::from(status / 100));
        self.statuses[if class < self.statuses.len() { class } else { 0 }] += 1;
        match request.error_origin() {
            Some(ErrorOrigin::Haproxy) => self.own_errors += 1,
            Some(ErrorOrigin::Unknown) => self.unclear_errors += 1,
            Some(ErrorOrigin::Application) | None => {}
        }
        self.bytes = self.bytes.saturating_add(request.bytes);
        if let Some(millis) = request.time(phase) {
            self.times.add(millis);
        }
    }

    /// Adds all requests of another group.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.statuses.iter_mut().zip(other.statuses).for_each(|(sum, one)| *sum += one);
        self.own_errors += other.own_errors;
        self.unclear_errors += other.unclear_errors;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.times.merge(&other.times);
    }
}

/// A group of requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    /// Figures of the requests that were counted.
    pub(crate) figures: Figures,
    /// Maximum number of earlier requests that were not counted here but with the others.
    pub(crate) missing: u64,
}

/// A group with its name, as in the log.
pub(crate) type NamedGroup = (Box<[u8]>, Group);

/// All groups of one property.
#[derive(Debug)]
pub(crate) struct Groups {
    key: GroupKey,
    phase: Phase,
    by_name: HashMap<Box<[u8]>, Group>,
    /// The requests of the groups that were dropped.
    others: Figures,
    /// Number of requests of the largest group that was dropped.
    largest_dropped: u64,
    /// The key of the request that is being added.
    buffer: Vec<u8>,
}

impl Groups {
    /// Creates groups by a property. `phase` is the one whose times are counted.
    pub(crate) fn new(key: GroupKey, phase: Phase) -> Self {
        let (by_name, buffer) = (HashMap::new(), Vec::new());
        Self { key, phase, by_name, others: Figures::default(), largest_dropped: 0, buffer }
    }

    /// Counts a request.
    pub(crate) fn add(&mut self, request: &Request<'_>) {
        self.buffer.clear();
        self.key.write(request, &mut self.buffer);
        if let Some(group) = self.by_name.get_mut(self.buffer.as_slice()) {
            return group.figures.add(request, self.phase);
        }
        if self.by_name.len() >= MAX_GROUPS {
            self.drop_small();
        }
        let mut group = Group { missing: self.largest_dropped, ..Group::default() };
        group.figures.add(request, self.phase);
        self.by_name.insert(self.buffer.as_slice().into(), group);
    }

    fn drop_small(&mut self) {
        let most = |group: &Group| group.figures.requests + group.missing;
        let mut counts: Vec<u64> = self.by_name.values().map(most).collect();
        let middle = counts.len() / 2;
        let (_, limit, _) = counts.select_nth_unstable(middle);
        let limit = *limit;
        // If many groups are equally small, all of them are dropped.
        let (others, mut largest) = (&mut self.others, self.largest_dropped);
        self.by_name.retain(|_, group| {
            let is_kept = most(group) > limit;
            if !is_kept {
                largest = largest.max(most(group));
                others.merge(&group.figures);
            }
            is_kept
        });
        self.largest_dropped = largest;
    }

    /// Returns the groups with most requests first, at most `top` of them, and all others as one.
    pub(crate) fn finish(self, top: usize) -> (Vec<NamedGroup>, Figures) {
        let mut groups: Vec<NamedGroup> = self.by_name.into_iter().collect();
        groups.sort_unstable_by(|(a_key, a), (b_key, b)| {
            b.figures.requests.cmp(&a.figures.requests).then_with(|| a_key.cmp(b_key))
        });
        let mut others = self.others;
        for (_, group) in groups.drain(top.min(groups.len())..) {
            others.merge(&group.figures);
        }
        (groups, others)
    }
}
