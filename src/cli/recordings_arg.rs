//! The option that names recordings, and the recordings that commands read without it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use clap::Args;
use jiff::{Timestamp, Zoned};

use crate::cli::resolve_settings;
use crate::cli::target_arg::{GROUP_MARK, KnownWords, UnknownWord};
use crate::config::located::Located;
use crate::config::partial_settings::PartialSettings;
use crate::config::past_time::{PastTime, PastTimeError};
use crate::config::state_dir;
use crate::config::target::Target;
use crate::haproxy::safe_text::{self, SafeText};
use crate::recording::reader::Recording;
use crate::recording::search::{keep_newest, real_address};
use crate::recording::snapshot_reader::{OpenedRecordings, open_recordings};

/// The option that names recordings.
#[derive(Debug, Clone, Args)]
pub(super) struct RecordingsArg {
    /// Folder of hapulse record, or a file of hapulse snapshot [default: recordings in the state folder, and
    /// /var/lib/hapulse]
    #[arg(long = "recordings", value_name = "FILE|DIR", overrides_with = "recordings")]
    recordings: Option<PathBuf>,
}

impl RecordingsArg {
    /// Returns the place that the option names.
    pub(super) fn given(&self) -> Option<&Path> {
        self.recordings.as_deref()
    }

    /// Opens the recordings of all instances.
    ///
    /// # Errors
    /// Returns an error if none can be read.
    pub(super) fn open(&self) -> anyhow::Result<OpenedRecordings> {
        self.given().map_or_else(|| open_newest(&state_dir::recording_folders()), open_place)
    }
}

/// Opens the recordings of all instances in a place that the command line names.
///
/// # Errors
/// Returns an error if none can be read.
pub(super) fn open_place(path: &Path) -> anyhow::Result<OpenedRecordings> {
    let place = SafeText::from(path);
    let opened = open_recordings(path).with_context(|| format!("cannot read {place}"))?;
    anyhow::ensure!(
        !opened.recordings.is_empty(),
        "{place} contains no recordings that can be read{}",
        if opened.failures.is_empty() { String::new() } else { format!("\n  {}", opened.failures.join("\n  ")) }
    );
    Ok(opened)
}

/// Replaces groups by the labels of their targets, in a list of names of recorded HAProxies. The configuration is read only
/// if there is a group.
///
/// # Errors
/// Returns an error for an invalid configuration, and an inner one for a group that it does not contain.
pub(super) fn expand_groups(names: Vec<String>) -> anyhow::Result<Result<Vec<String>, UnknownWord>> {
    if !names.iter().any(|name| name.starts_with(GROUP_MARK)) {
        return Ok(Ok(names));
    }
    let settings = resolve_settings::load_settings(None, PartialSettings::default())?;
    Ok(KnownWords::configured(&settings).expand_groups(&names))
}

/// Opens the recordings in several folders. If several contain an instance, the recording that ends last is used.
fn open_newest(folders: &[PathBuf]) -> anyhow::Result<OpenedRecordings> {
    let (mut found, mut tried): (Vec<Option<Recording>>, String) = (Vec::new(), String::new());
    let mut failures = Vec::new();
    for folder in folders {
        let why = match open_recordings(folder) {
            Ok(opened) => {
                failures.extend(opened.failures);
                for recording in opened.recordings {
                    let known = found
                        .iter_mut()
                        .find(|known| known.as_ref().is_some_and(|known| known.name() == recording.name()));
                    match known {
                        Some(known) => keep_newest(known, recording),
                        None => found.push(Some(recording)),
                    }
                }
                "no recordings".to_owned()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => "does not exist".to_owned(),
            Err(error) => error.to_string(),
        };
        // Writing to a string cannot fail.
        let _ = write!(tried, "\n  {}: {}", SafeText::from(folder.as_path()), SafeText::from(why.as_str()));
    }
    for failure in &failures {
        let _ = write!(tried, "\n  {failure}");
    }
    anyhow::ensure!(
        !found.is_empty(),
        "nothing is recorded: start hapulse record, or name its folder or a snapshot with --recordings{tried}"
    );
    Ok(OpenedRecordings { recordings: found.into_iter().flatten().collect(), failures })
}

/// Prints what cannot be read. Returns whether there was anything.
pub(super) fn report_failures(failures: &[String]) -> bool {
    for failure in failures {
        eprintln!("hapulse: {}", safe_text::escape_lines(failure));
    }
    !failures.is_empty()
}

/// Keeps the recordings of these instances, written as other commands name targets: as they were recorded, by the name of a
/// configured target, by address, or as NAME=ADDRESS, which also renames the instance. Without names, keeps all.
///
/// # Errors
/// Returns a message if an instance is not recorded.
pub(super) fn select_instances(
    recordings: Vec<Recording>,
    names: &[String],
    configured: &[Located<Target>],
) -> Result<Vec<Recording>, String> {
    if names.is_empty() {
        return Ok(recordings);
    }
    let mut recordings: Vec<(Recording, bool)> = recordings.into_iter().map(|recording| (recording, false)).collect();
    let mut missing = None;
    for name in names {
        let target = configured.iter().find(|entry| entry.name == *name).map(|entry| entry.value.clone());
        let target = target.or_else(|| name.parse().ok());
        let address = target.as_ref().map(|target| real_address(&absolute_address(target)));
        let mut is_found = false;
        for (recording, is_kept) in &mut recordings {
            let is_same = address.as_ref().is_some_and(|address| real_address(recording.address()) == *address);
            if recording.name() == name || is_same {
                (*is_kept, is_found) = (true, true);
                let given = target.as_ref().and_then(|target| target.name.clone()).filter(|_| is_same);
                if let Some(name) = given {
                    recording.set_name(name);
                }
            }
        }
        if !is_found {
            missing.get_or_insert(name);
        }
    }
    if let Some(name) = missing {
        let known: Vec<String> = recordings.iter().map(|(recording, _)| describe(recording)).collect();
        return Err(format!("{} is not recorded; recorded: {}", SafeText::from(name.as_str()), known.join(", ")));
    }
    Ok(recordings.into_iter().filter(|(_, is_kept)| *is_kept).map(|(recording, _)| recording).collect())
}

/// Returns the address of a target; that of a socket as an absolute path, as the recorder writes it.
fn absolute_address(target: &Target) -> String {
    let path = target.address.path().and_then(|path| std::path::absolute(path).ok());
    path.and_then(|path| path.into_os_string().into_string().ok()).unwrap_or_else(|| target.address.to_string())
}

/// Returns the name of a recording, and its address if that is another text.
pub(super) fn describe(recording: &Recording) -> String {
    let (name, address) = (SafeText::from(recording.name()), SafeText::from(recording.address()));
    if name == address { name.to_string() } else { format!("{name} ({address})") }
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

/// Parses a moment in the past: a time without a fraction means the whole second.
///
/// # Errors
/// Returns an error if the text is not a time.
pub(super) fn parse_moment(text: &str, now: &Zoned) -> Result<SystemTime, PastTimeError> {
    end_of_printed_unit(PastTime::parse(text, now)?, text, now)
}

/// Parses the end of a span as [`PastTime::parse_end`] does. It includes its whole second, or its whole millisecond.
///
/// # Errors
/// Returns an error if the text is not a time.
pub(super) fn parse_end(text: &str, start: SystemTime, now: &Zoned) -> Result<SystemTime, PastTimeError> {
    let start = Timestamp::try_from(start).map_err(|_| PastTimeError::NotATime(text.into()))?;
    end_of_printed_unit(PastTime::parse_end(text, start, now)?, text, now)
}

fn end_of_printed_unit(time: PastTime, text: &str, now: &Zoned) -> Result<SystemTime, PastTimeError> {
    let at = time.end_of_printed_unit(now.timestamp()).ok_or_else(|| PastTimeError::TooEarly(text.into()))?;
    Ok(SystemTime::from(at))
}
