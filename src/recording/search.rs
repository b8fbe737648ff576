//! Finds the recordings of given HAProxies, and puts their times on one clock.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::recording::folder::{instance_folders, list_shards};
use crate::recording::reader::Recording;
use crate::recording::shard::StoredShard;
use crate::recording::snapshot_reader::{OpenedRecordings, describe_failure, open_recordings};

/// The recordings of given HAProxies.
#[derive(Debug, Default)]
pub(crate) struct FoundRecordings {
    /// The recording of each HAProxy, if there is one.
    pub(crate) recordings: Vec<Option<Recording>>,
    /// Messages about what cannot be read.
    pub(crate) failures: Vec<String>,
}

/// Finds the recordings of the HAProxies with these addresses: of several, the one with the latest sample. An address that is
/// given twice has its recording twice. The places are recording folders and snapshots; those that do not exist are skipped.
pub(crate) fn find_recordings(places: &[PathBuf], addresses: &[String]) -> FoundRecordings {
    let wanted: Vec<String> = addresses.iter().map(|address| real_address(address)).collect();
    let mut found = FoundRecordings::default();
    found.recordings.resize_with(addresses.len(), || None);
    for place in places {
        let OpenedRecordings { recordings, failures } = match open_matching(place, &wanted) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                found.failures.push(describe_failure(place, &error));
                continue;
            }
        };
        found.failures.extend(failures);
        for recording in recordings {
            let address = real_address(recording.address());
            let slot = wanted.iter().position(|wanted| *wanted == address);
            if let Some(slot) = slot.and_then(|index| found.recordings.get_mut(index)) {
                keep_newest(slot, recording);
            }
        }
    }
    for (index, address) in wanted.iter().enumerate() {
        let first = wanted.iter().position(|wanted| wanted == address).filter(|first| *first < index);
        if let Some(first) = first.and_then(|first| found.recordings[first].as_ref()) {
            found.recordings[index] = Some(first.open_again());
        }
    }
    found
}

/// Opens the recordings of these HAProxies in a recording folder, or all of a snapshot.
fn open_matching(place: &Path, wanted: &[String]) -> io::Result<OpenedRecordings> {
    if place.is_file() {
        return open_recordings(place);
    }
    let mut opened = OpenedRecordings::default();
    for folder in instance_folders(place)? {
        match recorded_address(&folder) {
            Ok(Some(address)) if wanted.contains(&real_address(&address)) => {
                opened.add(&folder, Recording::open(&folder));
            }
            Ok(Some(_)) => {}
            // Without samples, nothing is missing.
            Ok(None) => {
                let damage = Recording::open(&folder)?.damage().into_iter().next();
                opened.failures.extend(damage.map(|damage| format!("a recording of an unknown HAProxy: {damage}")));
            }
            Err(error) => opened.add(&folder, Err(error)),
        }
    }
    Ok(opened)
}

/// Puts a recording with samples into the slot, unless the one in it has a later sample.
pub(crate) fn keep_newest(slot: &mut Option<Recording>, new: Recording) {
    let end = |recording: &Recording| recording.span().map(|span| span.last.wall);
    if end(&new) > slot.as_ref().and_then(end) {
        *slot = Some(new);
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

/// Returns an address in a form in which it can be compared: paths may lead to the same socket by symbolic links.
pub(crate) fn real_address(address: &str) -> String {
    let path = Path::new(address);
    let real = fs::canonicalize(path).ok().filter(|_| path.is_absolute());
    real.and_then(|path| path.into_os_string().into_string().ok()).unwrap_or_else(|| address.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use crate::recording::writer::Recorder;

    #[test]
    fn find_recordings_finds_recording_for_each_of_two_equal_addresses() {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(folder.path(), "lb", "/run/lb.sock").unwrap();
        let sample = SampleBuilder::default().build_at_millis(1000, &stat_of_site());
        recorder.push(&sample).unwrap();
        recorder.flush(sample.at).unwrap();
        let addresses = ["/run/lb.sock", "/run/other.sock", "/run/lb.sock"].map(str::to_owned);
        let mut found = find_recordings(&[folder.path().to_owned()], &addresses);
        let mut samples = found.recordings.iter_mut().map(|recording| {
            let recording = recording.as_mut()?;
            Some((recording.name().to_owned(), recording.header_after(0).unwrap().unwrap().wall))
        });
        let samples: [_; 3] = std::array::from_fn(|_| samples.next().unwrap());
        let expected = Some(("lb".to_owned(), sample.at.wall));
        assert_eq!(samples, [expected.clone(), None, expected]);
        assert_eq!(found.failures, [""; 0]);
    }
}
