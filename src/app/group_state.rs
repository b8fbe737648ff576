//! The state of the merged rows of all balancers.

use std::time::Duration;

use crate::app::instance_view::InstanceView;
use crate::fleet::merged_events::EventMerger;
use crate::fleet::merged_sample::BalancerMerger;
use crate::instance::past_moment::PlaybackStep;
use crate::instance::source::StatsSocket;
use crate::instance::state::Instance;
use crate::observe::instance_id::InstanceId;
use crate::observe::timestamp::Timestamp;
use crate::table::view_table::{Content, ViewId};

/// Minimum time between two merges, and the time for each row that is added to it, so that merging takes a small share of
/// the processor.
const MIN_PAUSE: Duration = Duration::from_millis(100);
const PAUSE_PER_ROW: Duration = Duration::from_micros(20);

/// Memory for the history of the merged rows, which have none of their own.
const NO_HISTORY: usize = 1 << 20;

/// State of a balancer from which its rows were merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartState {
    /// Balancer.
    pub(super) id: InstanceId,
    /// Number of the sample shown.
    pub(super) seq: Option<u64>,
    /// True if the problems are those of the sample.
    pub(super) is_evaluated: bool,
    /// True if it answers or, in the past, was sampled at the moment shown.
    pub(super) is_current: bool,
    /// Version of its events.
    pub(super) events: u64,
}

/// The balancers and their samples from which the rows were merged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct MergedFrom {
    /// The past moment; `None` in the present.
    pub(super) moment: Option<Timestamp>,
    /// States of the balancers.
    pub(super) parts: Vec<PartState>,
}

impl MergedFrom {
    /// Returns the HAProxies whose rows were merged.
    pub(super) fn instances<'a>(&self, all: &'a [InstanceView]) -> Vec<&'a Instance> {
        let is_part = |one: &&InstanceView| self.parts.iter().any(|part| part.id == one.id());
        all.iter().filter(is_part).map(|one| &one.data).collect()
    }
}

/// All balancers as one.
#[derive(Debug)]
pub(crate) struct BalancerGroup {
    /// The merged rows, with the state of their views.
    pub(crate) view: InstanceView,
    pub(super) merger: BalancerMerger,
    pub(super) events: EventMerger,
    /// The past moment that is shown; `None` in the present.
    pub(super) moment: Option<Timestamp>,
    /// The samples from which the rows shown were merged, and the time of the merge.
    pub(super) merged_from: MergedFrom,
    merged_at: Option<Duration>,
    /// Number of rows of all balancers.
    row_count: usize,
}

impl BalancerGroup {
    /// Creates the state before the first merge.
    pub(crate) fn new() -> Self {
        let data = Instance::new(InstanceId::ALL, StatsSocket::default(), NO_HISTORY);
        Self {
            view: InstanceView::new("all balancers".to_owned(), String::new(), data),
            merger: BalancerMerger::default(),
            events: EventMerger::default(),
            moment: None,
            merged_from: MergedFrom::default(),
            merged_at: None,
            row_count: 0,
        }
    }

    /// Records what the rows were merged from.
    pub(super) fn record_merge(&mut self, from: MergedFrom, row_count: usize, now: Duration) {
        (self.merged_from, self.row_count, self.merged_at) = (from, row_count, Some(now));
    }

    /// Returns the earliest time of the next merge. Another moment is shown at once.
    pub(super) fn due_at(&self) -> Duration {
        if self.merged_from.moment != self.moment {
            return Duration::ZERO;
        }
        let pause = PAUSE_PER_ROW.saturating_mul(u32::try_from(self.row_count).unwrap_or(u32::MAX));
        self.merged_at.map_or(Duration::ZERO, |at| at + MIN_PAUSE + pause)
    }
}

/// Shows a past moment of instances, or the present. An instance that had no sample before is shown at its oldest one.
pub(super) fn follow_moment(instances: &mut [InstanceView], moment: Option<Timestamp>) {
    for instance in instances {
        match moment {
            Some(at) => _ = instance.data.show_moment(PlaybackStep::Time(at.monotonic)),
            None => instance.data.show_latest(),
        }
    }
}

/// Returns whether a view shows the merged rows while they are on.
pub(crate) fn is_merged_view(view: ViewId) -> bool {
    matches!(view.view().content, Content::Dashboard | Content::Table(_) | Content::Events | Content::Problems)
}
