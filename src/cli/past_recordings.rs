//! Opens the recordings of the HAProxies that the dashboard shows.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::config::state_dir;
use crate::config::target::Target;
use crate::haproxy::safe_text::SafeText;
use crate::recording::reader::Recording;
use crate::recording::search;

/// The recordings of some HAProxies.
pub(super) struct PastRecordings {
    /// The recording of each target, if there is one.
    pub(super) recordings: Vec<Option<Recording>>,
    /// Time since the beginning of the clock of all recordings; zero without recordings.
    pub(super) clock_age: Duration,
    /// A message about what cannot be read.
    pub(super) failure: Option<String>,
}

impl PastRecordings {
    /// Opens the recordings of these targets, in `dir` or in the usual folders.
    pub(super) fn open(targets: &[Target], dir: Option<PathBuf>) -> Self {
        let missing = dir.as_ref().filter(|dir| !dir.exists());
        let missing = missing.map(|dir| format!("{} does not exist: no recordings", SafeText::from(dir.as_path())));
        let folders = dir.map_or_else(state_dir::recording_folders, |dir| vec![dir]);
        let mut failure = missing;
        let mut recordings: Vec<Option<Recording>> = Vec::with_capacity(targets.len());
        for target in targets {
            let found = search::find_recording(&folders, &target.address.to_string());
            let note = |error: std::io::Error| {
                let error = SafeText::from(error.to_string().as_str());
                failure.get_or_insert_with(|| format!("cannot read the recordings: {error}"));
            };
            recordings.push(found.map_err(note).unwrap_or_default());
        }
        Self { failure, ..Self::new(recordings) }
    }

    /// Puts the times of recordings on one clock.
    pub(super) fn new(mut recordings: Vec<Option<Recording>>) -> Self {
        let clock_age = search::join_clocks(recordings.iter_mut().flatten(), SystemTime::now());
        Self { recordings, clock_age, failure: None }
    }
}
