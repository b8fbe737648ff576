//! Opens recordings wherever they are: in a recording folder, in the folder of one instance, or in a snapshot.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::recording::byte_codec::Damaged;
use crate::recording::folder::{list_instances, list_shards};
use crate::recording::reader::Recording;
use crate::recording::shard::{Damage, StoredShard};

/// Opens the recordings of all instances in a recording folder, of the instance whose folder `path` is, or of a snapshot.
///
/// # Errors
/// Returns an error if a file cannot be read, or if `path` does not lead to recordings.
pub fn open_recordings(path: &Path) -> io::Result<Vec<Recording>> {
    if !fs::metadata(path)?.is_dir() {
        return open_snapshot(path);
    }
    let is_instance = !list_shards(path)?.is_empty();
    let folders: Vec<PathBuf> = if is_instance { vec![path.to_owned()] } else { list_instances(path)? };
    folders.iter().map(|folder| Recording::open(folder)).collect()
}

/// Opens the recordings of a snapshot, in the order in which their first shards are in it.
fn open_snapshot(path: &Path) -> io::Result<Vec<Recording>> {
    let mut instances: Vec<(String, Vec<StoredShard>)> = Vec::new();
    let mut damage = Vec::new();
    for shard in StoredShard::open_snapshot(path)? {
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
    let open = |(_, shards)| Recording::from_shards(None, shards);
    let mut recordings: Vec<Recording> = instances.into_iter().map(open).collect();
    match recordings.first_mut() {
        Some(first) => first.add_damage(damage),
        None => return Err(io::Error::new(io::ErrorKind::InvalidData, "contains no recording that can be read")),
    }
    Ok(recordings)
}
