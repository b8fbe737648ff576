//! The option that names recordings, and the recordings that commands read without it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use clap::Args;
use jiff::Zoned;

use crate::config::past_time::{PastTime, PastTimeError};
use crate::config::state_dir;
use crate::haproxy::safe_text::SafeText;
use crate::recording::reader::Recording;
use crate::recording::snapshot_reader::open_recordings;

/// The option that names recordings.
#[derive(Debug, Clone, Args)]
pub(super) struct RecordingsArg {
    /// Folder of hapulse record, or a file of hapulse snapshot [default: recordings in the state folder, and
    /// /var/lib/hapulse]
    #[arg(long = "recordings", value_name = "FILE|DIR", overrides_with = "recordings")]
    recordings: Option<PathBuf>,
}

impl RecordingsArg {
    /// Returns true if the option was given.
    pub(super) fn is_given(&self) -> bool {
        self.recordings.is_some()
    }

    /// Opens the recordings of all instances.
    ///
    /// # Errors
    /// Returns an error if they cannot be read, or if no instance is recorded.
    pub(super) fn open(&self) -> anyhow::Result<Vec<Recording>> {
        if let Some(path) = &self.recordings {
            let place = SafeText::from(path.as_path());
            let opened = open_recordings(path).with_context(|| format!("cannot read {place}"))?;
            anyhow::ensure!(!opened.is_empty(), "{place} contains no recordings");
            return Ok(opened);
        }
        open_newest(&state_dir::recording_folders())
    }
}

/// Opens the recordings in several folders. If several contain an instance, the recording that ends last is used.
fn open_newest(folders: &[PathBuf]) -> anyhow::Result<Vec<Recording>> {
    let (mut found, mut tried): (Vec<Recording>, String) = (Vec::new(), String::new());
    for folder in folders {
        let why = match open_recordings(folder) {
            Ok(opened) if !opened.is_empty() => {
                for recording in opened {
                    add_newest(&mut found, recording);
                }
                continue;
            }
            Ok(_) => "no recordings".to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => "does not exist".to_owned(),
            Err(error) => error.to_string(),
        };
        // Writing to a string cannot fail.
        let _ = write!(tried, "\n  {}: {}", SafeText::from(folder.as_path()), SafeText::from(why.as_str()));
    }
    anyhow::ensure!(
        !found.is_empty(),
        "nothing is recorded: start hapulse record, or name its folder or a snapshot with --recordings{tried}"
    );
    Ok(found)
}

fn add_newest(found: &mut Vec<Recording>, new: Recording) {
    let end = |recording: &Recording| recording.span().map(|span| span.last.wall);
    match found.iter_mut().find(|known| known.name() == new.name()) {
        Some(known) if end(known) < end(&new) => *known = new,
        Some(_) => {}
        None => found.push(new),
    }
}

/// Keeps the recordings of these instances, named as they were recorded or by their address. Without names, keeps all.
///
/// # Errors
/// Returns a message if an instance is not recorded.
pub(super) fn select_instances(recordings: Vec<Recording>, names: &[String]) -> Result<Vec<Recording>, String> {
    let is_named = |recording: &Recording, name: &str| {
        let path = std::path::absolute(Path::new(name)).ok();
        let is_path = path.is_some_and(|path| path.to_str() == Some(recording.address()));
        recording.name() == name || recording.address() == name || is_path
    };
    let missing = names.iter().find(|name| !recordings.iter().any(|recording| is_named(recording, name)));
    if let Some(name) = missing {
        let known: Vec<String> = recordings.iter().map(|one| SafeText::from(one.name()).to_string()).collect();
        return Err(format!("{} is not recorded; recorded: {}", SafeText::from(name.as_str()), known.join(", ")));
    }
    let is_kept = |recording: &Recording| names.is_empty() || names.iter().any(|name| is_named(recording, name));
    Ok(recordings.into_iter().filter(is_kept).collect())
}

/// Parses a time in the past.
///
/// # Errors
/// Returns an error if the text is not one.
pub(super) fn parse_past(text: &str, now: &Zoned) -> Result<SystemTime, PastTimeError> {
    let time = PastTime::parse(text, now)?;
    let at = time.timestamp(now.timestamp()).ok_or_else(|| PastTimeError::TooEarly(text.into()))?;
    Ok(SystemTime::from(at))
}
