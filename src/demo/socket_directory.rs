//! The directory of the demo's socket, and the removal of directories that killed demos left behind.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the socket in its directory.
pub(crate) const SOCKET_NAME: &str = "haproxy.sock";
/// Name of the log in the directory, and of the log before it.
pub(crate) const LOG_NAME: &str = "haproxy.log";
pub(crate) const OLD_LOG_NAME: &str = "haproxy.log.1";
/// Start of the directory's name. The process id and a random number follow.
const PREFIX: &str = "hapulse-demo-";
/// End of the directory's name until its socket accepts connections.
const STARTING: &str = ".starting";
/// Age from which a directory with this end is left from a demo that was killed while it started.
const STARTING_TIME: Duration = Duration::from_mins(1);

/// Creates a socket in a new directory, accessible only to this user, in the system's directory for temporary files.
/// Returns the directory as well. Removes the directories of earlier demos of this user that no longer run.
///
/// The directory gets its name after the socket accepts connections. Otherwise a demo that starts at the same time
/// could remove it.
pub(crate) fn listen() -> io::Result<(PathBuf, UnixListener)> {
    let parent = std::env::temp_dir();
    let starting = create_in(&parent)?;
    let directory = starting.with_extension("");
    let listener = UnixListener::bind(starting.join(SOCKET_NAME))
        .and_then(|listener| fs::rename(&starting, &directory).map(|()| listener))
        .inspect_err(|_| remove(&starting))?;
    if let Ok(own) = fs::symlink_metadata(&directory) {
        remove_left_directories(&parent, own.uid());
    }
    Ok((directory, listener))
}

fn create_in(parent: &Path) -> io::Result<PathBuf> {
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..16 {
        let name = format!("{PREFIX}{}-{:06x}{STARTING}", std::process::id(), fastrand::u32(..0x0100_0000));
        let directory = parent.join(name);
        match DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Removes the socket of a demo, its log and its directory, and nothing else: a directory with other files stays. Errors are
/// ignored: such a directory is harmless.
pub(crate) fn remove(directory: &Path) {
    for name in [SOCKET_NAME, LOG_NAME, OLD_LOG_NAME] {
        drop(fs::remove_file(directory.join(name)));
    }
    drop(fs::remove_dir(directory));
}

/// Removes the directories in `parent` that demos of the user `uid` left behind.
fn remove_left_directories(parent: &Path, uid: u32) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_demo = entry.file_name().to_str().is_some_and(is_demo_name);
        // Not followed if it is a symbolic link.
        let metadata = entry.metadata().ok().filter(|_| is_demo);
        let is_own =
            |metadata: &Metadata| metadata.is_dir() && metadata.uid() == uid && metadata.mode() & 0o777 == 0o700;
        if metadata.as_ref().is_some_and(|metadata| is_own(metadata) && is_left(&entry.path(), metadata)) {
            remove(&entry.path());
        }
    }
}

/// Returns whether a name is that of a demo's directory: `hapulse-demo-4711-0a1b2c`.
fn is_demo_name(name: &str) -> bool {
    let name = name.strip_suffix(STARTING).unwrap_or(name);
    let Some((pid, random)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')) else { return false };
    !pid.is_empty()
        && pid.bytes().all(|byte| byte.is_ascii_digit())
        && random.len() == 6
        && random.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns whether the demo of a directory has ended: its socket accepts no connection. Process ids do not show this,
/// because another container may share the directory.
fn is_left(directory: &Path, metadata: &Metadata) -> bool {
    let is_starting = directory.as_os_str().as_encoded_bytes().ends_with(STARTING.as_bytes());
    let age = || metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
    let error = UnixStream::connect(directory.join(SOCKET_NAME)).err().map(|error| error.kind());
    matches!(error, Some(io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound))
        && (!is_starting || age().is_some_and(|age| age > STARTING_TIME))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn only_directories_of_ended_demos_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let uid = fs::symlink_metadata(parent.path()).unwrap().uid();
        let folder = |name: &str| {
            let path = parent.path().join(name);
            DirBuilder::new().mode(0o700).create(&path).unwrap();
            path
        };
        let socket = |path: &Path| UnixListener::bind(path.join(SOCKET_NAME)).unwrap();
        let running = folder("hapulse-demo-1-000001");
        let listener = socket(&running);
        let ended = folder("hapulse-demo-2-000002");
        drop(socket(&ended));
        fs::write(ended.join(LOG_NAME), "").unwrap();
        let with_file = folder("hapulse-demo-3-000003");
        drop(socket(&with_file));
        fs::write(with_file.join("notes"), "").unwrap();
        let starting = folder("hapulse-demo-4-000004.starting");
        drop(socket(&starting));
        let never_started = folder("hapulse-demo-5-000005.starting");
        drop(socket(&never_started));
        let other_name = folder("hapulse-demo-6-00000g");
        drop(socket(&other_name));
        let open_to_others = folder("hapulse-demo-7-000007");
        drop(socket(&open_to_others));
        fs::set_permissions(&open_to_others, fs::Permissions::from_mode(0o755)).unwrap();
        let elsewhere = folder("elsewhere");
        drop(socket(&elsewhere));
        let link = parent.path().join("hapulse-demo-8-000008");
        symlink(&elsewhere, &link).unwrap();
        let past = SystemTime::now() - Duration::from_hours(1);
        fs::File::open(&never_started).unwrap().set_modified(past).unwrap();
        remove_left_directories(parent.path(), uid + 1);
        assert!(ended.exists(), "of another user");
        remove_left_directories(parent.path(), uid);
        assert!(!ended.exists() && !never_started.exists());
        assert!(with_file.join("notes").exists(), "only the socket and the log are removed");
        for kept in
            [running, starting.join(SOCKET_NAME), other_name.join(SOCKET_NAME), open_to_others.join(SOCKET_NAME), link]
        {
            assert!(kept.exists(), "{}", kept.display());
        }
        assert!(elsewhere.join(SOCKET_NAME).exists(), "links are not followed");
        drop(listener);
    }
}
