//! Removes old shards, by age and by total size.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::recording::folder::{ShardName, ShardPart, list_instances, list_shards, shard_size};

/// Number of shards of one instance that are removed at once because of their age. If the wall clock is wrong for a while,
/// only a few are lost.
const MAX_REMOVED_BY_AGE: usize = 2;
/// Number of shards into which a limit of the size is divided. Only whole shards can be removed.
const SHARDS_PER_LIMIT: u64 = 20;
/// Number of checks while as many bytes are written as the limit allows.
const CHECKS_PER_LIMIT: u64 = 50;
/// Number of shards into which a short limit of the age is divided, and the number of checks in that time.
const SHARDS_PER_AGE: u32 = 30;
const CHECKS_PER_AGE: u32 = 100;
/// Longest time between two checks.
const MAX_CHECK_INTERVAL: Duration = Duration::from_mins(1);

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
    /// Returns the maximum size of a shard of one of `instances` instances, in bytes; `None` without a limit of the size.
    pub(crate) fn max_shard_bytes(&self, instances: usize) -> Option<u64> {
        self.bytes.map(|max| max / (SHARDS_PER_LIMIT * instances.max(1) as u64))
    }

    /// Returns the time after which a shard ends although its hour is not over; `None` without a limit of the age.
    pub(crate) fn max_shard_time(&self) -> Option<Duration> {
        self.age.map(|max| max / SHARDS_PER_AGE)
    }

    /// Returns the time between two checks.
    pub(crate) fn check_interval(&self) -> Duration {
        self.age.map_or(MAX_CHECK_INTERVAL, |max| MAX_CHECK_INTERVAL.min(max / CHECKS_PER_AGE))
    }

    /// Returns whether enough bytes were written since the last check that the size must be checked again.
    pub(crate) fn is_check_due(&self, written: u64) -> bool {
        self.bytes.is_some_and(|max| written > max / CHECKS_PER_LIMIT)
    }

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
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use crate::recording::reader::Recording;
    use crate::recording::writer::Recorder;

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
    fn apply_keeps_growing_recording_within_five_percent() {
        let folder = tempfile::tempdir().unwrap();
        let max = 300_000;
        let retention = Retention { age: None, bytes: Some(max) };
        let mut recorder = Recorder::create(folder.path(), "lb", "/run/lb.sock").unwrap();
        recorder.limit_shards(retention.max_shard_bytes(1), None);
        let (mut builder, mut random) = (SampleBuilder::default(), fastrand::Rng::with_seed(4));
        let (mut checked, mut largest, mut sizes) = (0, 0, Vec::new());
        for step in 0..4000 {
            let rows = (0..30).map(|server| format!("b,s{server},{},UP,2,\n", random.u32(..)));
            let stat = format!("# pxname,svname,stot,status,type,\n{}", rows.collect::<String>());
            recorder.push(&builder.build_at_millis(step * 1000, &stat)).unwrap();
            let written = recorder.counts().written_bytes;
            if retention.is_check_due(written - checked) {
                retention.apply(folder.path(), SystemTime::now()).unwrap();
                checked = written;
            }
            let shards = list_shards(recorder.folder()).unwrap();
            let size = shards.iter().map(|name| shard_size(recorder.folder(), name)).sum::<u64>();
            largest = largest.max(size);
            sizes.push(size);
        }
        assert!(recorder.counts().written_bytes > max * 3, "{}", recorder.counts().written_bytes);
        assert!(largest <= max + max / 20, "{largest} of {max}");
        let least = sizes[2000..].iter().min().unwrap();
        assert!(*least >= max / 20 * 17, "only what is beyond the limit is removed: {least} of {max}");
    }

    #[test]
    fn apply_keeps_age_of_growing_recording_within_five_percent() {
        let folder = tempfile::tempdir().unwrap();
        for (hours, interval) in [(1, 10), (30, 120)] {
            let max = Duration::from_hours(hours);
            let retention = Retention { age: Some(max), bytes: None };
            let name = format!("lb{hours}");
            let mut recorder = Recorder::create(folder.path(), &name, "/run/lb.sock").unwrap();
            recorder.limit_shards(None, retention.max_shard_time());
            let (mut builder, mut checked, mut oldest) = (SampleBuilder::default(), Duration::ZERO, Duration::ZERO);
            for step in 0..max.as_secs() * 2 / interval {
                let sample = builder.build_at_millis(step * interval * 1000, &stat_of_site());
                recorder.push(&sample).unwrap();
                let newest = list_shards(recorder.folder()).unwrap().pop();
                // The files have the time of the sample.
                for path in newest.iter().flat_map(|name| ShardPart::ALL.map(|part| name.path(recorder.folder(), part)))
                {
                    fs::File::options().write(true).open(path).unwrap().set_modified(sample.at.wall).unwrap();
                }
                if sample.at.monotonic.saturating_sub(checked) < retention.check_interval() {
                    continue;
                }
                checked = sample.at.monotonic;
                if checked > max {
                    let first = Recording::open(recorder.folder()).unwrap().span().unwrap().first;
                    oldest = oldest.max(sample.at.elapsed_since(first.monotonic));
                    assert!(oldest >= max.mul_f64(0.95), "only what is older than the limit is removed: {oldest:?}");
                }
                retention.apply(folder.path(), sample.at.wall).unwrap();
            }
            assert!(oldest <= max + max / 20, "{oldest:?} of {max:?}");
        }
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
