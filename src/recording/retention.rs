//! Removes old shards, by age and by total size.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::recording::folder::{ShardName, ShardPart, list_instances, list_shards, shard_size};

/// Number of shards of one instance that are removed at once because of their age. If the wall clock is wrong for a while,
/// only a few are lost.
const MAX_REMOVED_BY_AGE: usize = 2;

/// Limits of what is kept of a recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Maximum age of samples; `None` without a limit.
    pub age: Option<Duration>,
    /// Maximum size of all files, in bytes; `None` without a limit.
    pub bytes: Option<u64>,
}

/// A shard that could be removed.
#[derive(Debug)]
struct RemovableShard {
    folder: PathBuf,
    name: ShardName,
    /// Time of the last change.
    changed: SystemTime,
    size: u64,
}

impl RemovableShard {
    fn remove(&self) -> io::Result<()> {
        for part in ShardPart::ALL {
            match fs::remove_file(self.name.path(&self.folder, part)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Retention {
    /// Removes the oldest shards beyond the limits in a recording folder. The newest shard of each instance is kept. Returns
    /// the number of removed shards.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read or a file cannot be removed.
    pub fn apply(&self, folder: &Path, now: SystemTime) -> io::Result<usize> {
        let (mut removable, mut total, mut removed) = (Vec::new(), 0, 0);
        for instance in list_instances(folder)? {
            let mut shards = Vec::new();
            for name in list_shards(&instance)? {
                let size = shard_size(&instance, &name);
                total += size;
                let changed = last_change(&instance, &name);
                shards.push(RemovableShard { folder: instance.clone(), name, changed, size });
            }
            shards.pop();
            let is_old = |shard: &&RemovableShard| {
                let age = now.duration_since(shard.changed).unwrap_or_default();
                self.age.is_some_and(|max| age > max)
            };
            let old = shards.iter().take_while(is_old).take(MAX_REMOVED_BY_AGE).count();
            for shard in shards.drain(..old) {
                shard.remove()?;
                total -= shard.size;
                removed += 1;
            }
            removable.extend(shards);
        }
        let Some(max) = self.bytes else { return Ok(removed) };
        removable.sort_by(|one, other| (one.changed, &one.name).cmp(&(other.changed, &other.name)));
        for shard in removable {
            if total <= max {
                break;
            }
            shard.remove()?;
            total -= shard.size;
            removed += 1;
        }
        Ok(removed)
    }
}

/// Returns the time of the last change of a shard's files.
fn last_change(folder: &Path, name: &ShardName) -> SystemTime {
    let changed = |part| fs::symlink_metadata(name.path(folder, part)).and_then(|meta| meta.modified()).ok();
    ShardPart::ALL.into_iter().filter_map(changed).max().unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates shards of 100 bytes, the first one `count` hours old.
    fn write_shards(folder: &Path, instance: &str, count: u32, now: SystemTime) {
        fs::create_dir(folder.join(instance)).unwrap();
        for number in 0..count {
            let changed = now - Duration::from_hours(u64::from(count - number));
            let name = ShardName::new(number + 1, changed);
            for (part, size) in [(ShardPart::Shard, 90), (ShardPart::Journal, 10)] {
                let path = name.path(&folder.join(instance), part);
                fs::write(&path, vec![0; size]).unwrap();
                fs::File::options().write(true).open(&path).unwrap().set_modified(changed).unwrap();
            }
        }
    }

    fn left(folder: &Path, instance: &str) -> Vec<u32> {
        list_shards(&folder.join(instance)).unwrap().iter().map(|shard| shard.number).collect()
    }

    #[test]
    fn apply_removes_old_shards_a_few_at_a_time() {
        let (folder, now) = (tempfile::tempdir().unwrap(), SystemTime::now());
        write_shards(folder.path(), "a", 8, now);
        write_shards(folder.path(), "b", 1, now);
        let retention = Retention { age: Some(Duration::from_mins(150)), bytes: None };
        let apply = || retention.apply(folder.path(), now).unwrap();
        assert_eq!((apply(), left(folder.path(), "a")), (2, vec![3, 4, 5, 6, 7, 8]));
        while apply() > 0 {}
        assert_eq!(left(folder.path(), "a"), [7, 8]);
        assert_eq!(Retention::default().apply(folder.path(), now + Duration::from_hours(999)).unwrap(), 0);
        let later = now + Duration::from_hours(999);
        assert_eq!(retention.apply(folder.path(), later).unwrap(), 1, "the newest one stays");
        assert_eq!((left(folder.path(), "a"), left(folder.path(), "b")), (vec![8], vec![1]));
    }

    #[test]
    fn apply_limits_size_of_all_instances() {
        let (folder, now) = (tempfile::tempdir().unwrap(), SystemTime::now());
        write_shards(folder.path(), "a", 4, now);
        write_shards(folder.path(), "b", 6, now);
        let keep = |bytes| Retention { age: None, bytes: Some(bytes) }.apply(folder.path(), now).unwrap();
        assert_eq!(keep(1000), 0);
        assert_eq!(keep(750), 3);
        assert_eq!((left(folder.path(), "a"), left(folder.path(), "b")), (vec![2, 3, 4], vec![3, 4, 5, 6]));
        assert_eq!(keep(0), 5);
        assert_eq!((left(folder.path(), "a"), left(folder.path(), "b")), (vec![4], vec![6]));
    }
}
