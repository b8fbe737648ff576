//! Opens the recordings of the HAProxies that the dashboard or a command reads.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::cli::recordings_arg::{RecordingsArg, describe, open_place};
use crate::config::state_dir;
use crate::config::target::Target;
use crate::haproxy::safe_text::{self, SafeText};
use crate::headless::poller::Poller;
use crate::observe::timestamp::Clock;
use crate::recording::reader::Recording;
use crate::recording::search::{self, FoundRecordings};

/// The recordings of some HAProxies.
#[derive(Default)]
pub(super) struct PastRecordings {
    /// The recording of each target, if there is one.
    pub(super) recordings: Vec<Option<Recording>>,
    /// Time since the beginning of the clock of all recordings; zero without recordings.
    pub(super) clock_age: Duration,
    /// A message about what cannot be read.
    pub(super) failure: Option<String>,
}

impl PastRecordings {
    /// Opens the recordings of these targets, in the place that the option names or in the usual folders.
    ///
    /// # Errors
    /// Returns an error if the option names a place without a recording of any target.
    pub(super) fn open(targets: &[Target], given: &RecordingsArg) -> anyhow::Result<Self> {
        let place = given.given().map(PathBuf::from);
        let places = place.clone().map_or_else(state_dir::recording_folders, |place| vec![place]);
        let addresses: Vec<String> = targets.iter().map(|target| target.address.to_string()).collect();
        let FoundRecordings { recordings, failures } = search::find_recordings(&places, &addresses);
        if let Some(place) = place.filter(|_| recordings.iter().all(Option::is_none)) {
            let recorded: Vec<String> = open_place(&place)?.recordings.iter().map(describe).collect();
            let (place, failures) =
                (SafeText::from(place.as_path()), failures.iter().map(|text| format!("\n  {text}")));
            anyhow::bail!(
                "{place} has no recording of {}; recorded: {}{}",
                addresses.join(", "),
                recorded.join(", "),
                failures.collect::<String>()
            );
        }
        let failure = failures.into_iter().next();
        Ok(Self { failure, ..Self::new(recordings) })
    }

    /// Opens the recordings like [`Self::open`] for commands that judge the present, and adds them to the pollers of the
    /// targets. A recording that cannot be read only costs time, because more is sampled.
    ///
    /// # Errors
    /// Returns an error if the option names a place without a recording of any target.
    pub(super) fn add_to(
        pollers: Vec<Poller>,
        targets: &[Target],
        given: &RecordingsArg,
    ) -> anyhow::Result<Vec<Poller>> {
        let Self { recordings, clock_age, failure } = Self::open(targets, given)?;
        if let Some(failure) = failure {
            eprintln!("hapulse: warning: {}", safe_text::escape_lines(&failure));
        }
        let clock = Clock::started_ago(clock_age);
        let add = |(poller, recording): (Poller, Option<Recording>)| match recording {
            Some(recording) => poller.with_recording(recording, clock),
            None => poller,
        };
        Ok(pollers.into_iter().zip(recordings).map(add).collect())
    }

    /// Puts the times of recordings on one clock.
    pub(super) fn new(mut recordings: Vec<Option<Recording>>) -> Self {
        let clock_age = search::join_clocks(recordings.iter_mut().flatten(), SystemTime::now());
        Self { recordings, clock_age, failure: None }
    }
}
