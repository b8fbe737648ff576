//! Opens recordings wherever they are: in a recording folder, in the folder of one instance, or in a snapshot.

use std::fs;
use std::io;
use std::path::Path;

use crate::haproxy::safe_text::SafeText;
use crate::recording::byte_codec::Damaged;
use crate::recording::folder::instance_folders;
use crate::recording::reader::Recording;
use crate::recording::shard::{Damage, StoredShard};

/// The recordings of a place. One that cannot be read does not hide the others.
#[derive(Debug, Default)]
pub struct OpenedRecordings {
    /// The recordings that can be read.
    pub recordings: Vec<Recording>,
    /// For each other one, a message with its folder.
    pub failures: Vec<String>,
}

impl OpenedRecordings {
    /// Adds the recording in a folder, or the reason why it cannot be opened.
    pub(super) fn add(&mut self, folder: &Path, opened: io::Result<Recording>) {
        match opened {
            Ok(recording) => self.recordings.push(recording),
            Err(error) => self.failures.push(describe_failure(folder, &error)),
        }
    }
}

/// Returns a message about a place that cannot be read.
pub(super) fn describe_failure(place: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {}", SafeText::from(place), SafeText::from(error.to_string().as_str()))
}

/// Opens the recordings of all instances in a recording folder, of the instance whose folder `path` is, or of a snapshot.
///
/// # Errors
/// Returns an error if `path` cannot be read or does not lead to recordings.
pub fn open_recordings(path: &Path) -> io::Result<OpenedRecordings> {
    let mut opened = OpenedRecordings::default();
    if fs::metadata(path)?.is_dir() {
        for folder in instance_folders(path)? {
            opened.add(&folder, Recording::open(&folder));
        }
    } else {
        opened.recordings = open_snapshot(path)?;
    }
    Ok(opened)
}

/// Opens the recordings of a snapshot, in the order in which their first shards are in it. What is damaged may belong to any
/// of them.
fn open_snapshot(path: &Path) -> io::Result<Vec<Recording>> {
    let mut instances: Vec<(String, Vec<StoredShard>)> = Vec::new();
    let mut damage = Vec::new();
    for mut shard in StoredShard::open_snapshot(path)? {
        damage.extend(shard.take_damage());
        let Some(origin) = &shard.origin else {
            let offset = shard.list.records.first().map_or(0, |first| first.offset);
            let reason = Damaged("belongs to an unknown HAProxy");
            damage.push(Damage { file: path.to_owned(), offset, reason });
            continue;
        };
        let name = origin.name.clone();
        match instances.iter_mut().find(|(known, _)| *known == name) {
            Some((_, shards)) => shards.push(shard),
            None => instances.push((name, vec![shard])),
        }
    }
    if instances.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "contains no recording that can be read"));
    }
    let open = |(_, shards)| {
        let mut recording = Recording::from_shards(None, shards);
        recording.add_damage(damage.clone());
        recording
    };
    Ok(instances.into_iter().map(open).collect())
}
