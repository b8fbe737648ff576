//! The private folder of the sockets that ssh forwards, and the removal of folders that killed programs left.

use std::fs::{self, DirBuilder, File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Start of the folder's name. The process id and a random number follow.
const PREFIX: &str = "hapulse-ssh-";
/// File that stays locked while the program runs.
const LOCK: &str = "lock";
/// Age from which a folder without a lock belongs to a program that was killed while it started.
const STARTING_TIME: Duration = Duration::from_mins(1);
/// Maximum length of the parent folder, in bytes: the path of a socket has at most 107, and ssh appends to it.
const MAX_PARENT: usize = 50;
/// Number of attempts to remove the folder, and the time between two.
const REMOVAL_ATTEMPTS: u32 = 20;
const REMOVAL_PAUSE: Duration = Duration::from_millis(25);
/// Folder that always exists and has a short path.
const SHORT_PARENT: &str = "/tmp";

/// A folder that only this user can enter. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct SshFolder {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl SshFolder {
    /// Creates a folder and removes those of ended programs.
    ///
    /// # Errors
    /// Returns an error if no folder can be created.
    pub(crate) fn create() -> io::Result<Self> {
        let uid = rustix::process::geteuid().as_raw();
        let variable = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let parent = variable.filter(|path| is_usable(path, uid)).unwrap_or_else(|| SHORT_PARENT.into());
        remove_left_folders(&parent, uid);
        Self::create_in(&parent)
    }

    fn create_in(parent: &Path) -> io::Result<Self> {
        let path = parent.join(format!("{PREFIX}{}-{:06x}", std::process::id(), fastrand::u32(..0x0100_0000)));
        DirBuilder::new().mode(0o700).create(&path)?;
        // Other programs see the lock file only once it is locked.
        let unlocked = path.join("lock.new");
        let lock = File::create_new(&unlocked)?;
        lock.lock()?;
        fs::rename(unlocked, path.join(LOCK))?;
        Ok(Self { path, _lock: lock })
    }

    /// Returns the path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the folder still exists: systemd removes the runtime folder of a user who logs out.
    pub(crate) fn exists(&self) -> bool {
        self.path.join(LOCK).exists()
    }
}

impl Drop for SshFolder {
    fn drop(&mut self) {
        // An ssh that is just ending may still create or remove a file. What is left is removed by the next start.
        for _ in 0..REMOVAL_ATTEMPTS {
            match fs::remove_dir_all(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => thread::sleep(REMOVAL_PAUSE),
                _ => return,
            }
        }
    }
}

/// Returns whether a folder belongs to this user and its path is short, without characters that ssh would interpret.
fn is_usable(path: &Path, uid: u32) -> bool {
    let is_plain = |text: &str| {
        text.len() <= MAX_PARENT && text.chars().all(|ch| ch.is_ascii_alphanumeric() || "/-_.".contains(ch))
    };
    let is_own = |meta: &Metadata| meta.is_dir() && meta.uid() == uid && meta.mode() & 0o022 == 0;
    path.is_absolute() && path.to_str().is_some_and(is_plain) && fs::metadata(path).is_ok_and(|meta| is_own(&meta))
}

/// Removes the folders in `parent` of ended programs of this user. Errors are ignored: such a folder is harmless.
fn remove_left_folders(parent: &Path, uid: u32) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        // Not followed if it is a symbolic link.
        let Some(meta) = entry.metadata().ok().filter(|_| is_named) else { continue };
        let is_own = meta.is_dir() && meta.uid() == uid && meta.mode() & 0o777 == 0o700;
        if is_own && is_left(&entry.path(), &meta) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Returns whether the program of a folder has ended. Process ids do not show this, because another container may share
/// the folder.
fn is_left(folder: &Path, meta: &Metadata) -> bool {
    match File::open(folder.join(LOCK)).map(|lock| lock.try_lock().err()) {
        Ok(None) => true,
        Ok(Some(TryLockError::WouldBlock | TryLockError::Error(_))) => false,
        Err(_) => {
            let age = meta.modified().ok().and_then(|modified| modified.elapsed().ok());
            age.is_some_and(|age| age > STARTING_TIME)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::time::SystemTime;

    #[test]
    fn only_folders_of_ended_programs_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let uid = rustix::process::geteuid().as_raw();
        let folder = |name: &str| {
            let path = parent.path().join(name);
            DirBuilder::new().mode(0o700).create(&path).unwrap();
            path
        };
        let running = SshFolder::create_in(parent.path()).unwrap();
        assert_eq!(fs::metadata(running.path()).unwrap().mode() & 0o777, 0o700);
        let ended = folder("hapulse-ssh-1-000001");
        fs::write(ended.join(LOCK), "").unwrap();
        fs::write(ended.join("1.log"), "").unwrap();
        let starting = folder("hapulse-ssh-2-000002");
        let never_started = folder("hapulse-ssh-3-000003");
        File::open(&never_started).unwrap().set_modified(SystemTime::now() - Duration::from_hours(1)).unwrap();
        let elsewhere = folder("elsewhere");
        fs::write(elsewhere.join(LOCK), "").unwrap();
        symlink(&elsewhere, parent.path().join("hapulse-ssh-4-000004")).unwrap();
        remove_left_folders(parent.path(), uid + 1);
        assert!(ended.exists(), "of another user");
        remove_left_folders(parent.path(), uid);
        assert!(!ended.exists() && !never_started.exists());
        assert!(running.exists() && starting.exists() && elsewhere.join(LOCK).exists());
        let path = running.path().to_owned();
        drop(running);
        assert!(!path.exists());
    }

    #[test]
    fn is_usable_requires_own_short_and_plain_path() {
        let uid = rustix::process::geteuid().as_raw();
        let parent = tempfile::Builder::new().prefix("p").tempdir_in(SHORT_PARENT).unwrap();
        fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(is_usable(parent.path(), uid) && !is_usable(parent.path(), uid + 1));
        for name in ["a b", "50%", &"x".repeat(60)] {
            let path = parent.path().join(name);
            fs::create_dir(&path).unwrap();
            assert!(!is_usable(&path, uid), "{name}");
        }
        assert!(!is_usable(Path::new("tmp"), uid) && !is_usable(Path::new(SHORT_PARENT), uid));
    }
}
