//! Finds the recordings of given HAProxies, and puts their times on one clock.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::recording::folder::{list_instances, list_shards};
use crate::recording::reader::Recording;
use crate::recording::shard::StoredShard;
use crate::recording::snapshot_reader::open_recordings;

/// Returns the recording of the HAProxy with this address: of several, the one with the latest sample. The places are
/// recording folders and snapshots. Returns `None` if they have none, or do not exist.
///
/// # Errors
/// Returns an error if a folder or a file cannot be read.
pub(crate) fn find_recording(places: &[PathBuf], address: &str) -> io::Result<Option<Recording>> {
    let mut found: Option<Recording> = None;
    for place in places {
        let recordings = if place.is_file() { open_recordings(place)? } else { open_matching(place, address)? };
        for recording in recordings {
            let end = |recording: &Recording| recording.span().map(|span| span.last.wall);
            if is_same_address(recording.address(), address)
                && found.as_ref().is_none_or(|known| end(known) < end(&recording))
            {
                found = Some(recording);
            }
        }
    }
    Ok(found.filter(|recording| recording.span().is_some()))
}

/// Opens the recordings in a recording folder of the HAProxy with this address.
fn open_matching(folder: &Path, address: &str) -> io::Result<Vec<Recording>> {
    let mut opened = Vec::new();
    for instance in existing_instances(folder)? {
        if recorded_address(&instance)?.is_some_and(|recorded| is_same_address(&recorded, address)) {
            opened.push(Recording::open(&instance)?);
        }
    }
    Ok(opened)
}

fn existing_instances(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match list_instances(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed,
    }
}

/// Returns the address in the newest shard that has one.
fn recorded_address(folder: &Path) -> io::Result<Option<String>> {
    for name in list_shards(folder)?.into_iter().rev() {
        if let Some(origin) = StoredShard::open(folder, name)?.origin {
            return Ok(Some(origin.address));
        }
    }
    Ok(None)
}

/// Returns whether two addresses are the same; paths may lead to the same socket by symbolic links.
fn is_same_address(one: &str, other: &str) -> bool {
    let same_file =
        || fs::canonicalize(one).ok().zip(fs::canonicalize(other).ok()).is_some_and(|(one, other)| one == other);
    one == other || one.starts_with('/') && other.starts_with('/') && same_file()
}

/// Moves the times of recordings to one clock, by the wall clock times of their ends. Returns the monotonic time at `now`.
pub(crate) fn join_clocks<'a>(recordings: impl Iterator<Item = &'a mut Recording>, now: SystemTime) -> Duration {
    let present = |recording: &Recording| {
        let last = recording.span().map(|span| span.last);
        // The wall clock may have been set back since. Something has passed in any case.
        let passed = |at: SystemTime| now.duration_since(at).unwrap_or_default().max(Duration::from_millis(1));
        last.map_or(Duration::ZERO, |last| last.monotonic.saturating_add(passed(last.wall)))
    };
    let recordings: Vec<&mut Recording> = recordings.collect();
    let latest = recordings.iter().map(|recording| present(recording)).max().unwrap_or_default();
    for recording in recordings {
        recording.use_earlier_clock(latest.saturating_sub(present(recording)));
    }
    latest
}
