//! The state of the event loop for one instance: its poll results, and the events written to the event log.

use std::sync::Arc;
use std::time::SystemTime;

use crate::app::model::Model;
use crate::config::target::Target;
use crate::instance::state::Instance;
use crate::live::io_thread::InstanceSource;
use crate::observe::events::Event;
use crate::observe::instance_id::InstanceId;
use crate::observe::latest_slot::LatestSlot;
use crate::observe::sample_parser::SampleParser;
use crate::observe::sampler::PollResult;

/// Poll results and logged events of one instance.
pub(crate) struct InstanceFeed {
    pub(crate) id: InstanceId,
    /// The newest poll result, until the model receives it.
    pub(crate) poll_result: Arc<LatestSlot<PollResult>>,
    /// Number of events that were written to the event log.
    logged_events: u64,
}

impl InstanceFeed {
    /// Creates the state of an instance without results and events.
    pub(crate) fn new(id: InstanceId) -> Self {
        Self { id, poll_result: Arc::default(), logged_events: 0 }
    }

    /// Treats all events so far as written to the event log.
    pub(crate) fn skip_events(&mut self, instance: &Instance) {
        self.logged_events = instance.all_events().total();
    }

    /// Returns the instance to poll. `parser` may know samples from the time before the start.
    pub(crate) fn source(&self, target: &Target, parser: SampleParser) -> InstanceSource {
        let (name, address, poll_result) = (target.label(), target.address.clone(), Arc::clone(&self.poll_result));
        InstanceSource { id: self.id, name, address, poll_result, parser }
    }

    /// Returns the lines of the events since the last call, oldest first.
    pub(crate) fn new_event_lines(&mut self, model: &Model) -> Vec<String> {
        let Some(instance) = model.instance_by_id(self.id) else { return Vec::new() };
        let events = instance.data.all_events();
        let count = usize::try_from(events.total() - self.logged_events).unwrap_or(usize::MAX);
        self.logged_events = events.total();
        let mut new_events: Vec<&Event> = events.newest_first().take(count).collect();
        new_events.reverse();
        let line = |event: &Event| format!("{} {} {}", format_rfc3339(event.at.wall), instance.name, event.line());
        new_events.into_iter().map(line).collect()
    }
}

/// Formats a time as `2026-11-20T03:12:41Z`.
fn format_rfc3339(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map(|at| format!("{at:.0}")).unwrap_or_default()
}
