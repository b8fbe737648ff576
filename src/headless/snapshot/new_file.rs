//! A file that appears under its name only when it is complete.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::config::own_file::parent_directory;

/// A file with a temporary name in the same directory. It is removed when it is dropped before [`NewFile::finish`].
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    is_forced: bool,
}

impl NewFile {
    /// Creates the temporary file, readable only by its owner. `is_forced` replaces an existing file at the end.
    ///
    /// # Errors
    /// Returns an error if the temporary file cannot be created, or if the file exists and is not to be replaced.
    pub(crate) fn create(path: &Path, is_forced: bool) -> io::Result<Self> {
        let Some(name) = path.file_name() else {
            return Err(io::Error::new(ErrorKind::InvalidInput, "is not the name of a file"));
        };
        match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() => return Err(io::Error::new(ErrorKind::IsADirectory, "is a directory")),
            Ok(meta) if !meta.is_file() => {
                return Err(io::Error::new(ErrorKind::InvalidInput, "is not a regular file, so it is not replaced"));
            }
            Ok(_) if !is_forced => return Err(exists()),
            _ => {}
        }
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{:016x}", fastrand::u64(..)));
        let temporary = parent_directory(path).join(hidden);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        Ok(Self { file, temporary, path: path.to_owned(), is_forced })
    }

    /// Syncs the file and gives it its name. Returns its size in bytes.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written, or if a file of this name was created meanwhile.
    pub(crate) fn finish(self) -> io::Result<u64> {
        self.file.sync_all()?;
        let size = self.file.metadata()?.len();
        if self.is_forced {
            fs::rename(&self.temporary, &self.path)?;
            return Ok(size);
        }
        // Unlike a rename, a link never replaces a file. Dropping removes the temporary name.
        match fs::hard_link(&self.temporary, &self.path) {
            Ok(()) => Ok(size),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(exists()),
            // Some file systems have no links.
            Err(_) if fs::symlink_metadata(&self.path).is_ok() => Err(exists()),
            Err(_) => fs::rename(&self.temporary, &self.path).map(|()| size),
        }
    }
}

fn exists() -> io::Error {
    io::Error::new(ErrorKind::AlreadyExists, "the file exists; --force replaces it")
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After a rename, the name is gone.
        let _ = fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn file_appears_when_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        for is_forced in [false, true] {
            let mut file = NewFile::create(&path, is_forced).unwrap();
            file.write_all(b"four").unwrap();
            assert_eq!(file.finish().unwrap(), 4);
            assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (b"four".to_vec(), vec!["out".to_owned()]));
        }
    }

    #[test]
    fn dropped_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = NewFile::create(&folder.path().join("out"), false).unwrap();
        file.write_all(b"part").unwrap();
        drop(file);
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn devices_and_links_are_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        for path in [link.as_path(), Path::new("/dev/null")] {
            for is_forced in [false, true] {
                let error = NewFile::create(path, is_forced).unwrap_err().to_string();
                assert!(error.contains("is not a regular file"), "{}: {error}", path.display());
            }
        }
    }

    #[test]
    fn existing_file_stays_without_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let late = NewFile::create(&path, false).unwrap();
        fs::write(&path, "other").unwrap();
        let refused = [NewFile::create(&path, false).err(), late.finish().err()];
        assert!(refused.iter().all(|error| error.as_ref().unwrap().kind() == ErrorKind::AlreadyExists));
        assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (b"other".to_vec(), vec!["out".to_owned()]));
        assert!(NewFile::create(folder.path(), true).is_err());
        assert!(NewFile::create(&folder.path().join("missing/out"), true).is_err());
    }
}
