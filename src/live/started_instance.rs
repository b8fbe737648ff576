//! The instances at the start of the dashboard, with the recordings of their past.

use std::time::Duration;

use crate::config::target::Target;
use crate::haproxy::safe_text::SafeText;
use crate::instance::source::{RecordedSource, StatsSocket};
use crate::instance::state::Instance;
use crate::live::dashboard_config::DashboardConfig;
use crate::live::instance_feed::InstanceFeed;
use crate::live::io_thread::InstanceSource;
use crate::observe::instance_id::InstanceId;
use crate::observe::sample_parser::SampleParser;
use crate::recording::reader::Recording;

/// An instance that is not polled yet.
pub(crate) struct StartedInstance {
    pub(crate) feed: InstanceFeed,
    pub(crate) instance: Instance,
    /// Parser of the first reply, which may know earlier samples.
    parser: SampleParser,
}

impl StartedInstance {
    /// Creates all instances. Recordings that cannot be read are left out and reported in the configuration's notice.
    pub(crate) fn create_all(config: &mut DashboardConfig) -> Vec<Self> {
        let mut recordings = std::mem::take(&mut config.recordings);
        recordings.resize_with(config.targets.len(), || None);
        let ids = InstanceId::first(config.targets.len());
        let mut started: Vec<Self> = Vec::with_capacity(config.targets.len());
        let mut failures = Vec::new();
        for ((id, target), recording) in ids.zip(&config.targets).zip(recordings) {
            let mut one = Self::new(id, target, recording.as_ref(), config);
            if let Some(recording) = recording
                && let Err(error) = one.adopt(recording, config)
            {
                failures.push(format!("cannot read the recording of {}: {error}", target.label()));
            } else if let Some(failure) = one.instance.history().reading_failure() {
                failures.push(failure);
            }
            started.push(one);
        }
        if let Some(first) = started.first_mut().filter(|_| !config.past.samples.is_empty()) {
            first.parser = std::mem::take(&mut config.past.parser);
        }
        let notices: Vec<String> = config.initial_notice.take().into_iter().chain(failures).collect();
        config.initial_notice = (!notices.is_empty()).then(|| SafeText::from(notices.join("; ").as_str()).to_string());
        started
    }

    /// Returns the instance to poll.
    pub(crate) fn source(&mut self, target: &Target) -> InstanceSource {
        self.feed.source(target, std::mem::take(&mut self.parser))
    }

    fn new(id: InstanceId, target: &Target, recording: Option<&Recording>, config: &DashboardConfig) -> Self {
        let end = || recording.and_then(Recording::span).map_or(Duration::ZERO, |span| span.last.monotonic);
        let mut instance = if config.replay.is_some() {
            let opened = config.polling.clock.now().monotonic;
            Instance::new(id, RecordedSource::new(&target.label(), end(), opened), config.history_bytes)
        } else {
            let read_only = config.polling.read_only;
            let source = StatsSocket::new(&target.address, read_only);
            Instance::new(id, source, config.history_bytes)
        };
        instance.set_thresholds(config.thresholds.clone());
        instance.set_drain_deadline(config.drain_deadline);
        instance.set_actor(config.audit.actor().person_name());
        Self { feed: InstanceFeed::new(id), instance, parser: SampleParser::default() }
    }

    fn adopt(&mut self, recording: Recording, config: &DashboardConfig) -> std::io::Result<()> {
        let end = recording.span().map(|span| span.last).filter(|_| config.replay.is_some());
        let now = end.unwrap_or_else(|| config.polling.clock.now());
        self.parser = self.instance.adopt_recording(recording, now)?.parser;
        // The recorded events are not new.
        self.feed.skip_events(&self.instance);
        Ok(())
    }
}
