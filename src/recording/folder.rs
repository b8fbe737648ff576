//! Names, opens and locks the files of a recording.
//!
//! A recording folder contains one folder for each instance, and a lock file. A shard `N-TIME` consists of the files
//! `N-TIME.shard`, `N-TIME.index` and `N-TIME.journal`; `N` is a number that increases with every shard, and `TIME` the wall
//! clock time at which the shard was started.

use std::fmt::Write as _;
use std::fs::{self, File, FileTimes, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::tz::TimeZone;

use crate::config::own_file::{self, PathChoice};

/// Name of the lock file.
const LOCK_FILE: &str = "lock";
/// Maximum number of shards of one instance that are read. A week has 168.
const MAX_SHARDS: usize = 100_000;
/// Maximum length of the name of an instance's folder, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// The recorder that has locked a recording folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockHolder {
    /// Time at which it started.
    pub(crate) started: SystemTime,
    /// Last time at which it showed that it runs, also while it cannot write.
    pub(crate) active: SystemTime,
}

/// The lock of a recording folder. It is released when the value is dropped, or when the process ends.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
    folder: PathBuf,
    choice: PathChoice,
}

impl FolderLock {
    /// Locks a recording folder for a recorder, and creates the folder if it is missing. Returns `None` if another recorder
    /// has locked it.
    ///
    /// # Errors
    /// Returns an error if the folder or its lock file cannot be opened, or if another user can replace them.
    pub(crate) fn acquire(folder: &Path, choice: PathChoice) -> io::Result<Option<Self>> {
        own_file::create_directory(folder, choice)?;
        let file = own_file::open_to_append(&folder.join(LOCK_FILE), choice)?.file;
        match file.try_lock() {
            Ok(()) => {
                // The times of the lock file show when the recorder started, and that it runs: they need no room on the disk.
                let now = SystemTime::now();
                file.set_times(FileTimes::new().set_modified(now).set_accessed(now))?;
                Ok(Some(Self { file, folder: folder.to_owned(), choice }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Shows that the recorder runs, and locks the folder again if it or its lock file was removed. Returns false if another recorder has locked it meanwhile.
    ///
    /// # Errors
    /// Returns an error if the folder or its lock file cannot be opened, or if another user can replace them.
    pub(crate) fn renew(&mut self) -> io::Result<bool> {
        let identity = |meta: fs::Metadata| (meta.dev(), meta.ino());
        let present = fs::symlink_metadata(self.folder.join(LOCK_FILE)).map(identity);
        if present.is_ok_and(|present| self.file.metadata().is_ok_and(|meta| identity(meta) == present)) {
            self.file.set_times(FileTimes::new().set_accessed(SystemTime::now()))?;
            return Ok(true);
        }
        let renewed = Self::acquire(&self.folder, self.choice)?;
        let is_locked = renewed.is_some();
        if let Some(lock) = renewed {
            *self = lock;
        }
        Ok(is_locked)
    }

    /// Returns the recorder that has locked the folder, or `None` if none has.
    ///
    /// # Errors
    /// Returns an error if the lock file cannot be opened.
    pub(crate) fn holder(folder: &Path) -> io::Result<Option<LockHolder>> {
        let file = match own_file::open_to_read(&folder.join(LOCK_FILE)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let meta = file.metadata()?;
                Ok(Some(LockHolder { started: meta.modified()?, active: meta.accessed()? }))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// The name of a shard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShardName {
    /// Number of the shard in its folder.
    pub(crate) number: u32,
    stem: String,
}

/// The files of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShardPart {
    /// Packed blocks, the dictionary and events.
    Shard,
    /// Positions of the records of the shard.
    Index,
    /// Parts of the open block.
    Journal,
}

impl ShardPart {
    /// All files of a shard.
    pub(crate) const ALL: [Self; 3] = [Self::Shard, Self::Index, Self::Journal];

    fn extension(self) -> &'static str {
        match self {
            Self::Shard => "shard",
            Self::Index => "index",
            Self::Journal => "journal",
        }
    }
}

impl ShardName {
    /// Returns the name of the shard with this number that was started at this time.
    pub(crate) fn new(number: u32, started: SystemTime) -> Self {
        let time = jiff::Timestamp::try_from(started).unwrap_or_default().to_zoned(TimeZone::UTC);
        Self { number, stem: format!("{number:08}-{}", time.strftime("%Y%m%dT%H%M%SZ")) }
    }

    /// Parses the name of a shard's file. Returns `None` for another file.
    fn parse(file_name: &str) -> Option<Self> {
        let extensions = ShardPart::ALL.map(ShardPart::extension);
        let (stem, extension) = file_name.rsplit_once('.')?;
        let (number, time) = stem.split_once('-')?;
        let is_time = time.len() == 16 && time.bytes().all(|byte| byte.is_ascii_digit() || b"TZ".contains(&byte));
        let is_number = number.len() == 8 && number.bytes().all(|byte| byte.is_ascii_digit());
        (is_time && is_number && extensions.contains(&extension))
            .then(|| Some(Self { number: number.parse().ok()?, stem: stem.to_owned() }))?
    }

    /// Returns the path of a file of this shard.
    pub(crate) fn path(&self, folder: &Path, part: ShardPart) -> PathBuf {
        folder.join(format!("{}.{}", self.stem, part.extension()))
    }
}

/// Returns the shards in the folder of an instance, in the order in which they were started.
///
/// # Errors
/// Returns an error if the folder cannot be read.
pub(crate) fn list_shards(folder: &Path) -> io::Result<Vec<ShardName>> {
    let mut shards = Vec::new();
    for entry in fs::read_dir(folder)?.take(MAX_SHARDS * ShardPart::ALL.len()) {
        shards.extend(entry?.file_name().to_str().and_then(ShardName::parse));
    }
    shards.sort_unstable();
    shards.dedup();
    Ok(shards)
}

/// Returns the total size of the files of a shard, in bytes.
pub(crate) fn shard_size(folder: &Path, shard: &ShardName) -> u64 {
    let size = |part| fs::symlink_metadata(shard.path(folder, part)).map_or(0, |meta| meta.len());
    ShardPart::ALL.into_iter().map(size).sum()
}

/// Returns the total size of all shards of an instance, in bytes.
///
/// # Errors
/// Returns an error if the folder cannot be read.
pub(crate) fn instance_size(folder: &Path) -> io::Result<u64> {
    Ok(list_shards(folder)?.iter().map(|shard| shard_size(folder, shard)).sum())
}

/// Returns the folders of the recorded instances in a recording folder, sorted by name. A folder that cannot be read is
/// one of them if it has the name of one: opening it reports why.
///
/// # Errors
/// Returns an error if the folder cannot be read.
pub fn list_instances(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.take(MAX_SHARDS) {
        let entry = entry?;
        let has_shards = || list_shards(&entry.path()).map_or(true, |shards| !shards.is_empty());
        if entry.file_type()?.is_dir() && entry.file_name().to_str().is_some_and(is_folder_name) && has_shards() {
            found.push(entry.path());
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Returns the folder if it contains the shards of an instance, and otherwise the folders of the instances in it.
///
/// # Errors
/// Returns an error if the folder cannot be read.
pub(crate) fn instance_folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if list_shards(folder)?.is_empty() { list_instances(folder) } else { Ok(vec![folder.to_owned()]) }
}

/// Returns whether [`folder_name`] may return this name.
fn is_folder_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.%".contains(&byte))
}

/// Returns the name of the folder of an instance: its name, in which all characters except letters, digits, `_`, `-` and `.`
/// are replaced by `%` and two hexadecimal digits.
pub(crate) fn folder_name(instance: &str) -> String {
    let mut name = String::new();
    for byte in instance.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"_-".contains(&byte) || byte == b'.' && !name.is_empty();
        if is_plain {
            name.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(name, "%{byte:02x}");
        }
    }
    if name.len() > MAX_NAME_BYTES {
        // Different long names stay different.
        name.truncate(MAX_NAME_BYTES - 9);
        let _ = write!(name, "-{:08x}", crc32fast::hash(instance.as_bytes()));
    }
    name
}

/// Returns the name of the instance with this folder; `None` if it is not a text.
pub(crate) fn instance_name(folder: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(folder.len());
    let mut rest = folder.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok()
}

/// Opens a file of a shard for reading, or returns `None` if it does not exist.
///
/// # Errors
/// Returns an error if the file cannot be opened, or if another user can replace it.
pub(crate) fn open_part(folder: &Path, shard: &ShardName, part: ShardPart) -> io::Result<Option<File>> {
    match own_file::open_to_read(&shard.path(folder, part)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads at most `max` bytes of a file from its beginning.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub(crate) fn read_at_most(file: &File, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn shard_name_is_parsed_back() {
        let name = ShardName::new(7, SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        assert_eq!(name.path(Path::new("d"), ShardPart::Index), Path::new("d/00000007-20231114T221320Z.index"));
        for part in ShardPart::ALL {
            let path = name.path(Path::new(""), part);
            assert_eq!(ShardName::parse(path.to_str().unwrap()), Some(name.clone()));
        }
        for other in ["lock", "00000007-20231114T221320Z.shard.gz", "7-20231114T221320Z.shard", "00000007-.shard"] {
            assert_eq!(ShardName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn folder_name_is_one_plain_component() {
        assert_eq!(folder_name("lb01"), "lb01");
        assert_eq!(folder_name("/run/haproxy.sock"), "%2frun%2fhaproxy.sock");
        assert_eq!(folder_name(".."), "%2e.");
        for name in ["lb01", "/run/haproxy.sock", "..", "100 %"] {
            assert_eq!(instance_name(&folder_name(name)).as_deref(), Some(name));
        }
        let long = folder_name(&"/".repeat(300));
        assert!(long.len() == MAX_NAME_BYTES && long != folder_name(&"/".repeat(301)));
    }

    #[test]
    fn acquire_refuses_second_recorder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let lock = FolderLock::acquire(&path, PathChoice::Configured).unwrap();
        assert!(lock.is_some() && FolderLock::holder(&path).unwrap().is_some());
        assert!(FolderLock::acquire(&path, PathChoice::Configured).unwrap().is_none());
        drop(lock);
        assert!(FolderLock::holder(&path).unwrap().is_none());
        assert!(FolderLock::acquire(&path, PathChoice::Configured).unwrap().is_some());
    }

    #[test]
    fn renew_locks_removed_folder_again_unless_another_recorder_did() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let mut lock = FolderLock::acquire(&path, PathChoice::Configured).unwrap().unwrap();
        assert!(lock.renew().unwrap());
        fs::remove_dir_all(&path).unwrap();
        assert!(FolderLock::holder(&path).unwrap().is_none());
        assert!(lock.renew().unwrap() && FolderLock::holder(&path).unwrap().is_some());
        fs::remove_dir_all(&path).unwrap();
        let other = FolderLock::acquire(&path, PathChoice::Configured).unwrap().unwrap();
        assert!(!lock.renew().unwrap());
        drop(other);
        assert!(lock.renew().unwrap());
    }

    #[test]
    fn list_instances_skips_folders_that_no_recorder_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["lb1", "lost+found", "empty"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let shard = ShardName::new(1, SystemTime::UNIX_EPOCH);
        for name in ["lb1", "lost+found"] {
            fs::write(shard.path(&folder.path().join(name), ShardPart::Shard), "").unwrap();
        }
        assert_eq!(list_instances(folder.path()).unwrap(), [folder.path().join("lb1")]);
        assert_eq!(instance_folders(&folder.path().join("lb1")).unwrap(), [folder.path().join("lb1")]);
    }
}
