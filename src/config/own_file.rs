//! Opens the files that hapulse writes: the audit log, the event log, the debug log and the command history.
//!
//! Such a file is opened only if no other user can have put it there: each directory on the way belongs to root or to this
//! user, who alone can write to it, and the file itself is not a symbolic link. Opening never blocks, and only regular files
//! are accepted.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::config::accounts::Accounts;
use crate::config::safe_file::open_regular;
use crate::config::trust::{PathProblem, TrustedOwners};
use crate::haproxy::safe_text::SafeText;

/// Permissions for other users to write.
const OTHERS_WRITE: u32 = 0o022;

/// Origin of a path, which decides whose directories may lead to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathChoice {
    /// A default or a configuration: directories of root and of the user of this process. Missing ones are created.
    Configured,
    /// The command line: also directories of the caller of sudo. None is created.
    ByCaller,
}

/// A file opened for appending.
#[derive(Debug)]
pub(crate) struct AppendedFile {
    /// The file.
    pub(crate) file: File,
    /// The file can be read, too.
    pub(crate) is_readable: bool,
}

/// Opens a file for appending. Creates it, readable only by its owner.
///
/// # Errors
/// Returns an error if the file cannot be opened, or if another user can replace it; the message says what to do.
pub(crate) fn open_to_append(path: &Path, choice: PathChoice) -> io::Result<AppendedFile> {
    let accounts = Accounts::read(Path::new("/"));
    let owners = trusted_owners(&accounts, choice);
    let path = std::path::absolute(path)?;
    let folder = parent_directory(&path);
    if choice == PathChoice::Configured {
        create_directories(folder, &owners)?;
    }
    check_directory(folder, &owners)?;
    let flags = OFlags::APPEND | OFlags::NOFOLLOW;
    let (file, is_new, is_readable) = match open_regular(&path, flags | OFlags::RDWR, Mode::empty()) {
        Ok(file) => (file, false, true),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mode = Mode::RUSR | Mode::WUSR;
            (open_regular(&path, flags | OFlags::RDWR | OFlags::CREATE, mode)?, true, true)
        }
        // The file may be append-only for this user.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            (open_regular(&path, flags | OFlags::WRONLY, Mode::empty())?, false, false)
        }
        Err(error) => return Err(error),
    };
    check_owner(&file.metadata()?, folder, &accounts, &owners)?;
    if is_new {
        sync_directory(folder)?;
    }
    Ok(AppendedFile { file, is_readable })
}

/// Opens a file of hapulse for reading.
///
/// # Errors
/// Returns an error if the file does not exist, cannot be opened, or if another user can replace it.
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    let accounts = Accounts::read(Path::new("/"));
    let owners = trusted_owners(&accounts, PathChoice::Configured);
    let path = std::path::absolute(path)?;
    let folder = parent_directory(&path);
    check_directory(folder, &owners)?;
    let file = open_regular(&path, OFlags::RDONLY | OFlags::NOFOLLOW, Mode::empty())?;
    check_owner(&file.metadata()?, folder, &accounts, &owners)?;
    Ok(file)
}

/// Creates a directory and its missing parents, accessible only to their owner, below a directory that no other user can
/// change. An existing directory is checked.
///
/// # Errors
/// Returns an error if the directory cannot be created, or if another user can replace its files.
pub(crate) fn create_directory(path: &Path, choice: PathChoice) -> io::Result<()> {
    let accounts = Accounts::read(Path::new("/"));
    let owners = trusted_owners(&accounts, choice);
    let path = std::path::absolute(path)?;
    create_directories(&path, &owners)?;
    check_directory(&path, &owners)
}

/// A log file that is opened again after it was renamed or removed, as log rotation does.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    /// Device and inode of the file.
    identity: (u64, u64),
}

impl LogFile {
    /// Opens a log file for appending.
    ///
    /// # Errors
    /// Returns the errors of [`open_to_append`].
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let file = open_to_append(&path, PathChoice::ByCaller)?.file;
        let identity = identity(&file.metadata()?);
        Ok(Self { path, file, identity })
    }

    /// Opens the file again if its path no longer leads to it.
    fn follow_rotation(&mut self) -> io::Result<()> {
        let is_same = fs::symlink_metadata(&self.path).is_ok_and(|meta| identity(&meta) == self.identity);
        if !is_same {
            *self = Self::open(&self.path)?;
        }
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.follow_rotation()?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

fn trusted_owners(accounts: &Accounts, choice: PathChoice) -> TrustedOwners<'_> {
    let owners = TrustedOwners::of_own_files(accounts);
    let caller = sudo_caller().filter(|_| choice == PathChoice::ByCaller);
    let groups: BTreeSet<u32> = BTreeSet::new();
    owners.and(&caller.into_iter().collect(), &groups)
}

/// Returns the user who called sudo, from `SUDO_UID`; `None` if this process does not run as root.
pub(crate) fn sudo_caller() -> Option<u32> {
    let is_root = rustix::process::geteuid().is_root();
    std::env::var("SUDO_UID").ok().filter(|_| is_root)?.parse().ok()
}

/// Checks that no other user can replace a file in this directory.
fn check_directory(folder: &Path, owners: &TrustedOwners<'_>) -> io::Result<()> {
    let refused = |kind, text: String| Err(io::Error::new(kind, text));
    match owners.check_path(folder) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => refused(ErrorKind::NotADirectory, format!("{} is not a directory", SafeText::from(folder))),
        Err(PathProblem::Missing) => Err(Errno::NOENT.into()),
        Err(PathProblem::Inaccessible) => Err(Errno::ACCESS.into()),
        Err(PathProblem::Failed(reason)) => refused(ErrorKind::Other, reason),
        Err(PathProblem::Distrusted(reason)) => refused(
            ErrorKind::PermissionDenied,
            format!("{reason}, who could replace the file: use a directory that only you and root can change"),
        ),
    }
}

fn check_owner(meta: &Metadata, folder: &Path, accounts: &Accounts, owners: &TrustedOwners<'_>) -> io::Result<()> {
    let refused = |text| Err(io::Error::new(ErrorKind::PermissionDenied, text));
    if !owners.contains_user(meta.uid()) {
        let owner = accounts.user_label(meta.uid());
        return refused(format!("the file belongs to user {owner}: remove it or use another file"));
    }
    let is_shared = fs::metadata(folder)?.mode() & OTHERS_WRITE != 0;
    if is_shared && meta.nlink() > 1 {
        return refused(
            "the file has several names (hard links) and is in a directory to which others can write: use another file"
                .to_owned(),
        );
    }
    Ok(())
}

/// Returns the directory of a file.
pub(crate) fn parent_directory(path: &Path) -> &Path {
    path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates missing directories with permissions only for their owner, below a directory that only trusted users can
/// change.
fn create_directories(directory: &Path, owners: &TrustedOwners<'_>) -> io::Result<()> {
    let is_missing =
        |place: &&Path| fs::symlink_metadata(place).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    let missing: Vec<&Path> = directory.ancestors().take_while(is_missing).collect();
    let Some(first) = missing.last() else { return Ok(()) };
    check_directory(parent_directory(first), owners)?;
    for missing_directory in missing.into_iter().rev() {
        match DirBuilder::new().mode(0o700).create(missing_directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => sync_directory(parent_directory(missing_directory))?,
        }
    }
    Ok(())
}

/// Syncs a directory, so that a new file in it survives a crash. Ignores the error if the system cannot open or sync
/// directories.
fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory).and_then(|directory| directory.sync_all()) {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn error(path: &Path) -> String {
        open_to_append(path, PathChoice::Configured).unwrap_err().to_string()
    }

    #[test]
    fn open_to_append_creates_private_file_and_directories() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/hapulse/typed");
        for _ in 0..2 {
            open_to_append(&path, PathChoice::Configured).unwrap().file.write_all(b"line\n").unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "line\nline\n");
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(mode(&folder.path().join("state")), 0o700);
        assert!(open_to_read(&path).is_ok());
    }

    #[test]
    fn open_to_append_refuses_links_and_files_that_others_can_replace() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        assert_eq!(error(&link), "is a symbolic link, not a regular file");
        assert_eq!(open_to_read(&link).unwrap_err().to_string(), "is a symbolic link, not a regular file");
        assert!(error(&file.join("below")).contains("is not a directory"));
        fs::hard_link(&file, folder.path().join("second")).unwrap();
        assert!(open_to_append(&file, PathChoice::Configured).is_ok(), "only its owner can write to the directory");
        let set_mode = |mode| fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(mode));
        set_mode(0o1777).unwrap();
        assert!(error(&file).contains("hard links"));
        set_mode(0o777).unwrap();
        assert!(error(&file).starts_with("every user can write to "));
        assert!(error(&folder.path().join("new/file")).starts_with("every user can write to "));
        assert!(!folder.path().join("new").exists(), "nothing is created where others can write");
    }

    #[test]
    fn log_file_is_opened_again_after_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
        let mut log = LogFile::open(&path).unwrap();
        log.write_all(b"one\n").unwrap();
        fs::rename(&path, &old).unwrap();
        log.write_all(b"two\n").unwrap();
        fs::remove_file(&path).unwrap();
        log.write_all(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
    }
}
